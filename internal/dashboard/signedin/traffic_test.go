package signedin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
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
	if status, _ := p.Get("/transactions/chains/new"); status != http.StatusForbidden {
		t.Errorf("the form of a chain: %d", status)
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

// payee is an account that nobody has the key of.
const payee = "0x00000000000000000000000000000000000000AA"

// payer adds a chain of the test's own with the form, and makes an agent that pays there.
func payer(t *testing.T, p *pages.Person) (*evmnode.Node, client.Agent, *client.Client) {
	t.Helper()
	node := evmnode.Anvil(t, "--no-mining") // what is sent waits
	p.Exec(`UPDATE users SET platform_admin = ? WHERE id = ?`, true, p.User.ID)
	p.SignIn()
	does(t, p, "/transactions/chains/new", url.Values{
		"name": {"own"}, "display": {odd}, "number": {"31337"}, "coin": {"OWN"}, "rpc_url": {node.URL}, "explorer": {"https://explorer.example.com"}, "test": {"yes"}, "enabled": {"yes"},
	})
	a, own := withAgent(t, p, client.AgentCreate{Name: "payer", IntentsAPIEnabled: true})
	does(t, p, "/agents/"+a.ID+"/signing-keys", url.Values{})
	keys, err := p.Client().SigningKeys(t.Context(), a.ID)
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys: %+v, %v", keys, err)
	}
	address, err := evm.ParseAddress(keys[0].Address)
	if err != nil {
		t.Fatal(err)
	}
	node.Fund(t, address, uint256.NewInt(1e18))
	return node, a, own
}

func TestATransactionIsShownHurriedAndCancelledOnItsPage(t *testing.T) {
	p := start(t)
	node, a, own := payer(t, p)
	shows(t, p, "/agents/"+a.ID+"?balance=own", "1 OWN")
	tx, err := own.SubmitTransaction(t.Context(), a.ID, client.Submission{Call: client.Call{To: payee, Value: "0.25", Chain: "own"}})
	if err != nil {
		t.Fatal(err)
	}
	at := "/transactions/" + a.ID + "/" + tx.ID
	shows(t, p, "/transactions", at, "0.25 OWN", "https://explorer.example.com/tx/"+tx.TxHash, `rel="noreferrer noopener"`)
	shows(t, p, at, "0.25 OWN", tx.TxHash, "Send it faster", "waiting")
	if status, _, body := p.Post(at+"/replace", url.Values{"mode": {odd}}); status != http.StatusBadRequest || strings.Contains(body, "<script>alert") {
		t.Errorf("another mode: %d", status)
	}
	hurried := does(t, p, at+"/replace", url.Values{"mode": {"speedup"}})
	shows(t, p, hurried, "It is sent again with higher fees.", "Replaces")
	cancelled := does(t, p, hurried+"/replace", url.Values{"mode": {"cancel"}})
	shows(t, p, cancelled, "It is cancelled")
	node.Mine(t, 1)
	p.Clock.Forward(2 * time.Minute) // it is looked at when it is due
	p.Transactions.Look(t.Context())
	if strings.Contains(shows(t, p, cancelled, "in a block", "success"), "Send it faster") {
		t.Error("what is in a block can be hurried")
	}
	node.Mine(t, 20)
	p.Clock.Forward(2 * time.Minute)
	p.Transactions.Look(t.Context())
	shows(t, p, at, "replaced")
	if status, body := p.Server.Person("eve").Get(at); status != http.StatusNotFound || strings.Contains(body, tx.TxHash) {
		t.Errorf("of another organisation: %d\n%s", status, body)
	}
}

func TestAnApprovalOfATransactionShowsWhatWouldBeSigned(t *testing.T) {
	p := start(t)
	_, a, own := payer(t, p)
	does(t, p, "/agents/"+a.ID+"/guardrails/rules", url.Values{"above": {"0.1"}})
	pay := client.Submission{Call: client.Call{To: payee, Value: "0.25", Chain: "own"}}
	if _, err := own.SubmitTransaction(t.Context(), a.ID, pay); err == nil {
		t.Fatal("nobody was asked")
	}
	all, err := p.Client().Approvals(t.Context(), "pending")
	if err != nil || len(all) != 1 {
		t.Fatalf("approvals: %+v, %v", all, err)
	}
	at := "/inbox/approvals/" + all[0].ID
	shows(t, p, at, "<li>0.25 OWN on own to "+payee, "You are asked because", "What would be signed", "payer")
	does(t, p, at+"/approve", url.Values{})
	if _, err := own.SubmitTransaction(t.Context(), a.ID, pay); err != nil {
		t.Errorf("what was approved: %v", err)
	}
}

func TestAChainIsChangedCheckedAndDeletedAndItsNodeNeverShown(t *testing.T) {
	p := start(t)
	node, _, _ := payer(t, p)
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
	does(t, p, at, form)
	status, _, checked := p.Post(at+"/check", url.Values{})
	if status != http.StatusOK || !strings.Contains(checked, "answers") {
		t.Errorf("check: %d\n%s", status, checked)
	}
	for path, body := range map[string]string{at + "/check": checked, at: shows(t, p, at, "One is set."), "/transactions/chains": shows(t, p, "/transactions/chains", "Mine"), at + "/delete": shows(t, p, at+"/delete", "Type its name")} {
		if strings.Contains(body, node.URL) {
			t.Errorf("%s shows the address of the node", path)
		}
	}
	form.Set("number", odd)
	form.Set("rpc_url", node.URL+"/key")
	if status, _, body := p.Post(at, form); status != http.StatusBadRequest || strings.Contains(body, node.URL) || strings.Contains(body, "<script>alert") {
		t.Errorf("a wrong number: %d\n%s", status, body)
	}
	if status, _, _ := p.Post(at+"/delete", url.Values{"typed": {"Mine"}}); status != http.StatusBadRequest {
		t.Errorf("another name: %d", status)
	}
	does(t, p, at+"/delete", url.Values{"typed": {"own"}})
	if status, _ := p.Get(at); status != http.StatusNotFound {
		t.Errorf("a deleted chain: %d", status)
	}
}

func TestWhatWasFlaggedIsShownToWhoAsksForIt(t *testing.T) {
	p := start(t)
	made, err := p.Client().CreateAgent(t.Context(), client.AgentCreate{Name: "builder", ShroudEnabled: true})
	if err != nil {
		t.Fatal(err)
	}
	id := p.KeepFlagged(p.Who(string(made.APIKey.Reveal())), flagged.Excerpt{Threat: "command_injection", Text: "canary " + odd})
	status, _, body := p.Post("/shroud/"+id+"/text", url.Values{})
	if status != http.StatusOK || !strings.Contains(body, "canary") || strings.Contains(body, "<script>alert") {
		t.Errorf("the texts: %d\n%s", status, body)
	}
	if strings.Contains(shows(t, p, "/shroud", "builder"), "canary") {
		t.Error("the list shows the text")
	}
	if status, _, body := p.Server.Person("eve").Post("/shroud/"+id+"/text", url.Values{}); status != http.StatusNotFound || strings.Contains(body, "canary") {
		t.Errorf("of another organisation: %d\n%s", status, body)
	}
}

func TestAPageThatMakesAnAgentAsksWhoWasAwayToProveThatItIsThere(t *testing.T) {
	p := start(t)
	p.Clock.Forward(20 * time.Minute)
	status, _, body := p.Post("/agents/new", url.Values{"name": {odd}, "reveal": {"never"}})
	if status != http.StatusOK || !strings.Contains(body, `action="/confirm"`) || strings.Contains(body, "<script>alert") {
		t.Fatalf("make an agent: %d\n%s", status, body)
	}
	if all, err := p.Client().Agents(t.Context()); err != nil || len(all) != 0 {
		t.Fatalf("agents: %+v, %v", all, err)
	}
	status, _, body = p.Post("/confirm", url.Values{"action": {"/agents/new"}, "to": {"/agents/new"}, "f.name": {odd}, "f.reveal": {"never"}, "email": {world.Email("ann")}, "password": {world.Password}})
	if status != http.StatusOK || agentKey.FindString(body) == "" {
		t.Errorf("go on: %d\n%s", status, body)
	}
}
