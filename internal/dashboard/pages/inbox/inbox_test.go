package inbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// granted makes a vault and an agent that reads what is below api/ there, once a person
// approves where so is said.
func granted(t *testing.T, p *pages.Person, approved bool) (client.Vault, client.Agent, *client.Client) {
	t.Helper()
	vault, err := p.Client().CreateVault(t.Context(), "team", "")
	if err != nil {
		t.Fatal(err)
	}
	a, own := p.WithAgent(client.AgentCreate{Name: "builder"})
	g := client.PolicyGrant{SecretPathPattern: "api/**", PrincipalType: "agent", PrincipalID: a.ID, Permissions: []string{"read"}}
	if approved {
		g.Conditions = &client.Conditions{RequireApproval: new(client.ApprovalTerms)}
	}
	if _, err := p.Client().CreatePolicy(t.Context(), vault.ID, g); err != nil {
		t.Fatal(err)
	}
	return *vault, a, own
}

func TestAnApprovalIsGivenAndDeniedInTheInbox(t *testing.T) {
	p := pages.Open(t).Person("ann")
	p.Shows("/inbox", "Nothing waits")
	vault, _, own := granted(t, p, true)
	ask := func(path string) *client.Approval {
		t.Helper()
		r, err := own.RequestApproval(t.Context(), client.ApprovalAsk{VaultID: vault.ID, SecretPath: path, Reason: pages.Odd})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	one, two := ask("api/one"), ask("api/two")
	p.Shows("/inbox", "api/one", "api/two", "builder", "Waiting for you: 2")
	p.Shows("/inbox/approvals/"+one.ID, "api/one", "Nobody has checked this.", "team", "builder")
	p.Does("/inbox/approvals/"+one.ID+"/approve", url.Values{"reason": {"go on"}})
	p.Does("/inbox/approvals/"+two.ID+"/deny", url.Values{"reason": {"not now"}})
	for id, want := range map[string]string{one.ID: "approved", two.ID: "denied"} {
		if got, err := own.Approval(t.Context(), id); err != nil || got.Status != want {
			t.Errorf("the API says %+v, %v", got, err)
		}
		p.Shows("/inbox/approvals/"+id, want)
	}
	p.Shows("/inbox?tab=approvals", "api/one", "api/two")
	eve := p.Server.Person("eve")
	if status, body := eve.Get("/inbox/approvals/" + one.ID); status != http.StatusNotFound || strings.Contains(body, "api/one") {
		t.Errorf("of another organisation: %d\n%s", status, body)
	}
	if status, _, _ := eve.Post("/inbox/approvals/"+two.ID+"/approve", url.Values{}); status != http.StatusNotFound {
		t.Errorf("of another organisation: %d", status)
	}
}

func TestASecretThatAnAgentLacksIsGivenInTheInbox(t *testing.T) {
	p := pages.Open(t).Person("ann")
	vault, _, own := granted(t, p, false)
	ask := func(path string) *client.SecretRequest {
		t.Helper()
		r, err := own.RequestSecret(t.Context(), client.SecretAsk{VaultID: vault.ID, Path: path, Reason: pages.Odd, Service: "openai"})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	one, two := ask("api/one"), ask("api/two")
	p.Shows("/inbox", "api/one", "builder")
	at := "/inbox/requests/" + one.ID
	p.Shows(at, "api.openai.com", "Nobody has checked this.")
	if status, _, body := p.Post(at+"/fill", url.Values{"value": {""}}); status != http.StatusBadRequest || !strings.Contains(body, "No value was given.") {
		t.Errorf("no value: %d\n%s", status, body)
	}
	const value = "canary-value-4f1c"
	status, _, body := p.Post(at+"/fill", url.Values{"value": {value}, "bind_host": {"yes"}, "host": {"not a host"}})
	if status < 400 || strings.Contains(body, value) {
		t.Errorf("a host that is none: %d\n%s", status, body)
	}
	p.Does(at+"/fill", url.Values{"value": {value}, "bind_service": {"yes"}})
	if got, err := own.GetSecret(t.Context(), vault.ID, "api/one"); err != nil || string(got.Value.Reveal()) != value {
		t.Errorf("the agent reads %v", err)
	}
	p.Does("/inbox/requests/"+two.ID+"/decline", url.Values{"reason": {"not now"}})
	if got, err := own.SecretRequest(t.Context(), two.ID); err != nil || got.Status != "declined" || got.Answer != "not now" {
		t.Errorf("declined: %+v, %v", got, err)
	}
	for _, path := range []string{at, "/inbox", "/inbox?tab=requests", "/"} {
		if strings.Contains(p.Shows(path), value) {
			t.Errorf("%s shows the value", path)
		}
	}
	if status, body := p.Server.Person("eve").Get(at); status != http.StatusNotFound || strings.Contains(body, "api/one") {
		t.Errorf("of another organisation: %d\n%s", status, body)
	}
}

func TestAnAgentThatEnrolsIsLetInOrTurnedAwayInTheInbox(t *testing.T) {
	p := pages.Open(t).Person("ann")
	vault, err := p.Client().CreateVault(t.Context(), "team", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Client().Enroll(t.Context(), pages.Odd, world.Email("ann"), "builds"); err != nil {
		t.Fatal(err)
	}
	if err := p.Agents.ProcessEnrollments(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := p.Client().Enrollments(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("enrolments: %+v, %v", all, err)
	}
	at := "/inbox/enrolments/" + all[0].ID
	p.Shows("/inbox", at)
	p.Shows(at, "builds", "team")
	if status, body := p.Server.Person("eve").Get(at); status != http.StatusNotFound || strings.Contains(body, "builds") {
		t.Errorf("of somebody else: %d\n%s", status, body)
	}
	to := p.Does(at+"/accept", url.Values{"vault": {vault.ID}, "pattern": {"api/*"}, "right": {"read"}})
	p.Shows(to, "api/*", "The agent is let in.")
	if agents, err := p.Client().Agents(t.Context()); err != nil || len(agents) != 1 || agents[0].Name != pages.Odd {
		t.Errorf("agents: %+v, %v", agents, err)
	}
	if status, _ := p.Get(at); status != http.StatusNotFound {
		t.Errorf("one that was answered: %d", status)
	}
}

func TestAnApprovalOfATransactionShowsWhatWouldBeSigned(t *testing.T) {
	p := pages.Open(t).Person("ann")
	_, a, own := p.Payer()
	p.Does("/agents/"+a.ID+"/guardrails/rules", url.Values{"above": {"0.1"}})
	pay := client.Submission{Call: client.Call{To: pages.Payee, Value: "0.25", Chain: "own"}}
	if _, err := own.SubmitTransaction(t.Context(), a.ID, pay); err == nil {
		t.Fatal("nobody was asked")
	}
	all, err := p.Client().Approvals(t.Context(), "pending")
	if err != nil || len(all) != 1 {
		t.Fatalf("approvals: %+v, %v", all, err)
	}
	at := "/inbox/approvals/" + all[0].ID
	p.Shows(at, "<li>0.25 OWN on own to "+pages.Payee, "You are asked because", "What would be signed", "payer")
	p.Does(at+"/approve", url.Values{})
	if _, err := own.SubmitTransaction(t.Context(), a.ID, pay); err != nil {
		t.Errorf("what was approved: %v", err)
	}
}
