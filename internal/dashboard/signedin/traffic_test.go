package signedin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

func TestPagesOfTransactionsTrafficAndUsageAreThereWithoutData(t *testing.T) {
	p := start(t)
	for path, text := range map[string]string{
		"/transactions": "No transaction yet", "/transactions/chains": "Chains", "/shroud": "No call of a model", "/shroud?period=30d&provider=openai&threat=pii": "Calls of models", "/usage": "Requests this month",
	} {
		shows(t, p, path, text)
	}
	a, _ := withAgent(t, p, client.AgentCreate{Name: odd, IntentsAPIEnabled: true})
	shows(t, p, "/transactions?agent="+a.ID, "No transaction yet")
	shows(t, p, "/shroud?agent="+a.ID, "No call of a model")
	if status, _, _ := p.Post("/shroud/"+a.ID+"/text", url.Values{}); status != http.StatusNotFound {
		t.Errorf("texts of a call that is none: %d", status)
	}
}

func TestWhoIsNoPlatformAdminChangesNoChain(t *testing.T) {
	p := start(t).Server.Person("eve")
	if body := shows(t, p, "/transactions/chains"); strings.Contains(body, "/transactions/chains/new") {
		t.Error("the page offers to add a chain")
	}
	status, _, body := p.Post("/transactions/chains/new", url.Values{"name": {"mine"}, "number": {"424242"}, "rpc_url": {"https://node.example.com/canary-key"}})
	if status != http.StatusForbidden || strings.Contains(body, "canary-key") {
		t.Errorf("add a chain: %d\n%s", status, body)
	}
	if status, _ := p.Get("/transactions/chains/00000000-0000-4000-8000-000000000001"); status < 400 {
		t.Errorf("change a chain: %d", status)
	}
}

func TestTheWayToPayIsChosenOnAPage(t *testing.T) {
	p := start(t)
	does(t, p, "/usage/overage", url.Values{"method": {"x402"}})
	if s, err := p.Client().Subscription(t.Context()); err != nil || s.OverageMethod != "x402" {
		t.Errorf("the API says %+v, %v", s, err)
	}
	if status, _, _ := p.Post("/usage/overage", url.Values{"method": {odd}}); status != http.StatusBadRequest {
		t.Errorf("another way: %d", status)
	}
}
