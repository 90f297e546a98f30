package records_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

func TestPagesOfTransactionsTrafficAndUsageAreThereWithoutData(t *testing.T) {
	p := pages.Open(t).Person("ann")
	for path, text := range map[string]string{
		"/transactions": "No transaction yet", "/transactions/chains": "Chains", "/shroud": "No call of a model", "/shroud?period=30d&provider=openai&threat=pii": "Calls of models", "/usage": "Requests this month",
	} {
		p.Shows(path, text)
	}
	a, _ := p.WithAgent(client.AgentCreate{Name: pages.Odd, IntentsAPIEnabled: true})
	p.Shows("/transactions?agent="+a.ID, "No transaction yet")
	p.Shows("/shroud?agent="+a.ID, "No call of a model")
	if status, _, _ := p.Post("/shroud/"+a.ID+"/text", url.Values{}); status != http.StatusNotFound {
		t.Errorf("texts of a call that is none: %d", status)
	}
}

func TestWhoIsNoPlatformAdminChangesNoChain(t *testing.T) {
	p := pages.Open(t).Person("ann").Server.Person("eve")
	if body := p.Shows("/transactions/chains"); strings.Contains(body, "/transactions/chains/new") {
		t.Error("the page offers to add a chain")
	}
	status, _, body := p.Post("/transactions/chains/new", url.Values{"name": {"mine"}, "number": {"424242"}, "rpc_url": {"https://node.example.com/canary-key"}})
	if status != http.StatusForbidden || strings.Contains(body, "canary-key") {
		t.Errorf("add a chain: %d\n%s", status, body)
	}
	if status, _ := p.Get("/transactions/chains/new"); status != http.StatusForbidden {
		t.Errorf("the form of a chain: %d", status)
	}
	if status, _ := p.Get("/transactions/chains/00000000-0000-4000-8000-000000000001"); status < 400 {
		t.Errorf("change a chain: %d", status)
	}
}

func TestATransactionIsShownHurriedAndCancelledOnItsPage(t *testing.T) {
	p := pages.Open(t).Person("ann")
	node, a, own := p.Payer()
	p.Shows("/agents/"+a.ID+"?balance=own", "1 OWN")
	tx, err := own.SubmitTransaction(t.Context(), a.ID, client.Submission{Call: client.Call{To: pages.Payee, Value: "0.25", Chain: "own"}})
	if err != nil {
		t.Fatal(err)
	}
	at := "/transactions/" + a.ID + "/" + tx.ID
	p.Shows("/transactions", at, "0.25 OWN", "https://explorer.example.com/tx/"+tx.TxHash, `rel="noreferrer noopener"`)
	p.Shows(at, "0.25 OWN", tx.TxHash, "Send it faster", "waiting")
	if status, _, body := p.Post(at+"/replace", url.Values{"mode": {pages.Odd}}); status != http.StatusBadRequest || strings.Contains(body, "<script>alert") {
		t.Errorf("another mode: %d", status)
	}
	hurried := p.Does(at+"/replace", url.Values{"mode": {"speedup"}})
	p.Shows(hurried, "It is sent again with higher fees.", "Replaces")
	cancelled := p.Does(hurried+"/replace", url.Values{"mode": {"cancel"}})
	p.Shows(cancelled, "It is cancelled")
	node.Mine(t, 1)
	p.Clock.Forward(2 * time.Minute) // it is looked at when it is due
	p.Transactions.Look(t.Context())
	if strings.Contains(p.Shows(cancelled, "in a block", "success"), "Send it faster") {
		t.Error("what is in a block can be hurried")
	}
	node.Mine(t, 20)
	p.Clock.Forward(2 * time.Minute)
	p.Transactions.Look(t.Context())
	p.Shows(at, "replaced")
	if status, body := p.Server.Person("eve").Get(at); status != http.StatusNotFound || strings.Contains(body, tx.TxHash) {
		t.Errorf("of another organisation: %d\n%s", status, body)
	}
}

func TestAChainIsChangedCheckedAndDeletedAndItsNodeNeverShown(t *testing.T) {
	p := pages.Open(t).Person("ann")
	node, _, _ := p.Payer()
	all, err := p.Client().AllChains(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var own client.Chain
	for _, c := range all {
		if c.Name == "own" {
			own = c
		}
	}
	at := "/transactions/chains/" + own.ID
	form := url.Values{"name": {"own"}, "display": {"Mine"}, "number": {"31337"}, "coin": {"OWN"}, "enabled": {"yes"}, "test": {"yes"}}
	p.Does(at, form)
	status, _, checked := p.Post(at+"/check", url.Values{})
	if status != http.StatusOK || !strings.Contains(checked, "answers") {
		t.Errorf("check: %d\n%s", status, checked)
	}
	for path, body := range map[string]string{at + "/check": checked, at: p.Shows(at, "One is set."), "/transactions/chains": p.Shows("/transactions/chains", "Mine"), at + "/delete": p.Shows(at+"/delete", "Type its name")} {
		if strings.Contains(body, node.URL) {
			t.Errorf("%s shows the address of the node", path)
		}
	}
	form.Set("number", pages.Odd)
	form.Set("rpc_url", node.URL+"/key")
	if status, _, body := p.Post(at, form); status != http.StatusBadRequest || strings.Contains(body, node.URL) || strings.Contains(body, "<script>alert") {
		t.Errorf("a wrong number: %d\n%s", status, body)
	}
	if status, _, _ := p.Post(at+"/delete", url.Values{"typed": {"Mine"}}); status != http.StatusBadRequest {
		t.Errorf("another name: %d", status)
	}
	p.Does(at+"/delete", url.Values{"typed": {"own"}})
	if status, _ := p.Get(at); status != http.StatusNotFound {
		t.Errorf("a deleted chain: %d", status)
	}
}

func TestWhatWasFlaggedIsShownToWhoAsksForIt(t *testing.T) {
	p := pages.Open(t).Person("ann")
	made, err := p.Client().CreateAgent(t.Context(), client.AgentCreate{Name: "builder", ShroudEnabled: true})
	if err != nil {
		t.Fatal(err)
	}
	id := p.KeepFlagged(p.Who(string(made.APIKey.Reveal())), flagged.Excerpt{Threat: "command_injection", Text: "canary " + pages.Odd})
	status, _, body := p.Post("/shroud/"+id+"/text", url.Values{})
	if status != http.StatusOK || !strings.Contains(body, "canary") || strings.Contains(body, "<script>alert") {
		t.Errorf("the texts: %d\n%s", status, body)
	}
	if strings.Contains(p.Shows("/shroud", "builder"), "canary") {
		t.Error("the list shows the text")
	}
	if status, _, body := p.Server.Person("eve").Post("/shroud/"+id+"/text", url.Values{}); status != http.StatusNotFound || strings.Contains(body, "canary") {
		t.Errorf("of another organisation: %d\n%s", status, body)
	}
}

func TestModelTrafficIsFilteredOverAllCalls(t *testing.T) {
	p := pages.Open(t).Person("ann")
	made, err := p.Client().CreateAgent(t.Context(), client.AgentCreate{Name: "builder", ShroudEnabled: true})
	if err != nil {
		t.Fatal(err)
	}
	who := p.Who(string(made.APIKey.Reveal()))
	call := func(provider string, found ...activity.Finding) {
		t.Helper()
		r, err := p.Spends.Begin(p.Call(who, policy.CallModel), spend.Limits{}, spend.Ask{Provider: provider, Model: "m-" + provider, MaxTokens: 1})
		if err != nil {
			t.Fatal(err)
		}
		r.Settle(t.Context(), convo.Usage{Input: 1, Output: 1}, spend.End{Request: activity.Request{Action: activity.Logged, Findings: found}}, nil)
		p.Clock.Forward(time.Millisecond)
	}
	call("anthropic", activity.Finding{Detector: "injection", Effect: activity.EffectLogged, Count: 1})
	for range 1_010 { // more than the API lists at a time
		call("openai")
	}
	p.Shows("/shroud", "Calls: 1011", `<option>anthropic</option>`, `<option>injection</option>`, "page=2")
	for _, q := range []string{"provider=anthropic", "threat=injection", "provider=anthropic&threat=injection&action=logged"} {
		if body := p.Shows("/shroud?"+q, "Calls: 1<", "m-anthropic"); strings.Contains(body, "m-openai") {
			t.Errorf("%s shows others", q)
		}
	}
	if body := p.Shows("/shroud?page=11", "m-anthropic"); strings.Count(body, "m-openai") != 10 {
		t.Errorf("the last page has %d others", strings.Count(body, "m-openai"))
	}
	p.Shows("/shroud?page=999", "m-anthropic") // there are not so many
	p.Shows("/shroud?provider=nobody", "No call of a model in this period", `<option selected>nobody</option>`)
}
