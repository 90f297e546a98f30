package e2e_test

import (
	"strings"
	"testing"
)

// A developer's day: an agent asks, its human approves at the command line with
// the password, and the agent reads once.
func TestAHumanApprovesAtTheCommandLine(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.start()
	sh := on(t, s, "ONECLAW_DATA="+p.data)
	sh.ok("", "login", "--dev")
	sh.ok("", "vault", "create", "demo")
	sh.ok("the value", "secret", "set", "prod/db")
	sh.ok("", "policy", "create", "--agent", s.AgentID, "--path", "prod/*", "--require-approval", "--expires", "12h")
	agent := on(t, s, "ONECLAW_AGENT_API_KEY="+s.AgentAPIKey, "ONECLAW_VAULT_ID=demo")

	refused := agent.fails(4, "", "secret", "get", "prod/db").err
	_, rest, found := strings.Cut(refused, "The approval request is ")
	if !found {
		t.Fatalf("the agent is told %q", refused)
	}
	id := rest[:36]
	agent.fails(4, "", "secret", "get", "prod/db")
	if list := sh.ok("", "approval", "list", "--status", "pending"); column(t, list, 0) != id {
		t.Errorf("pending: %q", list)
	}
	if shown := sh.ok("", "approval", "show", id); !strings.Contains(shown, "prod/db") {
		t.Errorf("shown: %q", shown)
	}
	sh.fails(3, "wrong\n", "approval", "approve", id)
	if r := sh.run(s.Password+"\n", "approval", "approve", id); r.code != 0 || !strings.Contains(r.out, "approved") {
		t.Fatalf("approve: %d %q %q", r.code, r.out, r.err)
	}
	if value := agent.ok("", "secret", "get", "prod/db"); strings.TrimSuffix(value, "\n") != "the value" {
		t.Errorf("the agent got %q", value)
	}
	agent.fails(4, "", "secret", "get", "prod/db")
	// The stored login alone, which any program of the human's has, decides nothing.
	next := column(t, sh.ok("", "approval", "list", "--status", "pending"), 0)
	stored := s.login()
	key := text(t, stored.want(t, 201, "POST", "/v1/auth/api-keys", map[string]any{"name": "k"}), "api_key")
	stored.as(key).want(t, 403, "POST", "/v1/approvals/"+next+"/approve", nil)
	eventually(t, "the denial", func() bool { // logins are limited to one a second
		return sh.run(s.Password+"\n", "approval", "deny", next, "--reason", "not now").code == 0
	})
}
