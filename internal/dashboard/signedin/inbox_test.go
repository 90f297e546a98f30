package signedin_test

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
	a, own := withAgent(t, p, client.AgentCreate{Name: "builder"})
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
	p := start(t)
	shows(t, p, "/inbox", "Nothing waits")
	vault, _, own := granted(t, p, true)
	ask := func(path string) *client.Approval {
		t.Helper()
		r, err := own.RequestApproval(t.Context(), client.ApprovalAsk{VaultID: vault.ID, SecretPath: path, Reason: odd})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	one, two := ask("api/one"), ask("api/two")
	shows(t, p, "/inbox", "api/one", "api/two", "builder", "Waiting for you: 2")
	shows(t, p, "/inbox/approvals/"+one.ID, "api/one", "Nobody has checked this.", "team", "builder")
	does(t, p, "/inbox/approvals/"+one.ID+"/approve", url.Values{"reason": {"go on"}})
	does(t, p, "/inbox/approvals/"+two.ID+"/deny", url.Values{"reason": {"not now"}})
	for id, want := range map[string]string{one.ID: "approved", two.ID: "denied"} {
		if got, err := own.Approval(t.Context(), id); err != nil || got.Status != want {
			t.Errorf("the API says %+v, %v", got, err)
		}
		shows(t, p, "/inbox/approvals/"+id, want)
	}
	shows(t, p, "/inbox?tab=approvals", "api/one", "api/two")
	eve := p.Server.Person("eve")
	if status, body := eve.Get("/inbox/approvals/" + one.ID); status != http.StatusNotFound || strings.Contains(body, "api/one") {
		t.Errorf("of another organisation: %d\n%s", status, body)
	}
	if status, _, _ := eve.Post("/inbox/approvals/"+two.ID+"/approve", url.Values{}); status != http.StatusNotFound {
		t.Errorf("of another organisation: %d", status)
	}
}

func TestASecretThatAnAgentLacksIsGivenInTheInbox(t *testing.T) {
	p := start(t)
	vault, _, own := granted(t, p, false)
	ask := func(path string) *client.SecretRequest {
		t.Helper()
		r, err := own.RequestSecret(t.Context(), client.SecretAsk{VaultID: vault.ID, Path: path, Reason: odd, Service: "openai"})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	one, two := ask("api/one"), ask("api/two")
	shows(t, p, "/inbox", "api/one", "builder")
	at := "/inbox/requests/" + one.ID
	shows(t, p, at, "api.openai.com", "Nobody has checked this.")
	if status, _, body := p.Post(at+"/fill", url.Values{"value": {""}}); status != http.StatusBadRequest || !strings.Contains(body, "No value was given.") {
		t.Errorf("no value: %d\n%s", status, body)
	}
	const value = "canary-value-4f1c"
	status, _, body := p.Post(at+"/fill", url.Values{"value": {value}, "bind_host": {"yes"}, "host": {"not a host"}})
	if status < 400 || strings.Contains(body, value) {
		t.Errorf("a host that is none: %d\n%s", status, body)
	}
	does(t, p, at+"/fill", url.Values{"value": {value}, "bind_service": {"yes"}})
	if got, err := own.GetSecret(t.Context(), vault.ID, "api/one"); err != nil || string(got.Value.Reveal()) != value {
		t.Errorf("the agent reads %v", err)
	}
	does(t, p, "/inbox/requests/"+two.ID+"/decline", url.Values{"reason": {"not now"}})
	if got, err := own.SecretRequest(t.Context(), two.ID); err != nil || got.Status != "declined" || got.Answer != "not now" {
		t.Errorf("declined: %+v, %v", got, err)
	}
	for _, path := range []string{at, "/inbox", "/inbox?tab=requests", "/"} {
		if strings.Contains(shows(t, p, path), value) {
			t.Errorf("%s shows the value", path)
		}
	}
	if status, body := p.Server.Person("eve").Get(at); status != http.StatusNotFound || strings.Contains(body, "api/one") {
		t.Errorf("of another organisation: %d\n%s", status, body)
	}
}

func TestAnAgentThatEnrolsIsLetInOrTurnedAwayInTheInbox(t *testing.T) {
	p := start(t)
	vault, err := p.Client().CreateVault(t.Context(), "team", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Client().Enroll(t.Context(), odd, world.Email("ann"), "builds"); err != nil {
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
	shows(t, p, "/inbox", at)
	shows(t, p, at, "builds", "team")
	if status, body := p.Server.Person("eve").Get(at); status != http.StatusNotFound || strings.Contains(body, "builds") {
		t.Errorf("of somebody else: %d\n%s", status, body)
	}
	to := does(t, p, at+"/accept", url.Values{"vault": {vault.ID}, "pattern": {"api/*"}, "right": {"read"}})
	shows(t, p, to, "api/*", "The agent is let in.")
	if agents, err := p.Client().Agents(t.Context()); err != nil || len(agents) != 1 || agents[0].Name != odd {
		t.Errorf("agents: %+v, %v", agents, err)
	}
	if status, _ := p.Get(at); status != http.StatusNotFound {
		t.Errorf("one that was answered: %d", status)
	}
}
