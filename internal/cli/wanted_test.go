package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// An agent lacks a secret, a person gives it, and neither command line shows it.
func TestASecretIsAskedForAndGivenAtTheCommandLine(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "vault", "create", "app")
	var made struct {
		APIKey string `json:"api_key"`
	}
	if err := json.Unmarshal([]byte(s.ok("", "agent", "create", "worker", "--reveal", "never", "--json")), &made); err != nil {
		t.Fatal(err)
	}
	s.ok("", "policy", "create", "--agent", "worker", "--path", "api-keys/*", "--permissions", "use", "--vault", "app")
	asAgent := func(do func()) {
		s.env["ONECLAW_AGENT_API_KEY"] = made.APIKey
		do()
		delete(s.env, "ONECLAW_AGENT_API_KEY")
	}
	asAgent(func() {
		out := s.ok("", "wanted", "ask", "api-keys/pay", "--reason", "to charge cards", "--as", "stripe", "--vault", "app")
		for _, part := range []string{"waiting", "to charge cards", "stripe", "/requests/"} {
			if !strings.Contains(out, part) {
				t.Errorf("asking says\n%s", out)
			}
		}
		if r := s.run("v", "wanted", "fill", "api-keys/pay"); r.code != cli.ExitDenied {
			t.Errorf("the agent fills: exit %d: %s", r.code, r.err)
		}
		s.ok("", "wanted", "ask", "api-keys/other", "--reason", "x", "--for", "2h", "--vault", "app")
		if out := s.ok("", "wanted", "withdraw", "api-keys/other"); !strings.Contains(out, "withdrawn") {
			t.Errorf("withdrawing says\n%s", out)
		}
	})
	if out := s.ok("", "wanted", "list", "--status", "waiting"); !strings.Contains(out, "api-keys/pay") || !strings.Contains(out, "worker") || strings.Contains(out, "api-keys/other") {
		t.Errorf("the list is\n%s", out)
	}
	if out := s.ok("", "wanted", "show", "api-keys/pay"); !strings.Contains(out, "to charge cards") {
		t.Errorf("it is shown as\n%s", out)
	}
	out := s.ok("sk_live_cli_9\n", "wanted", "fill", "api-keys/pay", "--as", "stripe", "--type", "api_key")
	if !strings.Contains(out, "filled") || strings.Contains(out, "sk_live") {
		t.Errorf("filling says\n%s", out)
	}
	if got := s.ok("", "secret", "get", "api-keys/pay", "--vault", "app"); strings.TrimSpace(got) != "sk_live_cli_9" {
		t.Errorf("stored is %q", got)
	}
	if out := s.ok("", "bindings", "api-keys/pay", "--vault", "app"); !strings.Contains(out, "api.stripe.com") {
		t.Errorf("bindings:\n%s", out)
	}
	asAgent(func() {
		if out := s.ok("", "wanted", "show", "api-keys/pay"); !strings.Contains(out, "filled") {
			t.Errorf("the agent reads\n%s", out)
		}
		s.ok("", "wanted", "ask", "api-keys/pay", "--reason", "again", "--vault", "app")
		s.ok("", "wanted", "ask", "api-keys/no", "--reason", "x", "--vault", "app")
	})
	if r := s.run("new", "wanted", "fill", "api-keys/pay"); r.code == cli.ExitOK || !strings.Contains(r.err, "--new-version") {
		t.Errorf("over what is there: exit %d: %s", r.code, r.err)
	}
	s.ok("new", "wanted", "fill", "api-keys/pay", "--new-version")
	if out := s.ok("", "wanted", "decline", "api-keys/no", "--reason", "Ask Ben."); !strings.Contains(out, "declined") || !strings.Contains(out, "Ask Ben.") {
		t.Errorf("declining says\n%s", out)
	}
	for name, words := range map[string][]string{
		"no reason": {"wanted", "ask", "a"}, "an odd time": {"wanted", "ask", "a", "--reason", "x", "--for", "soon"}, "an odd status": {"wanted", "list", "--status", "lost"},
		"an unknown service": {"wanted", "fill", "a", "--as", "nothing"}, "a place without a host": {"wanted", "fill", "a", "--in", "basic"}, "an odd type": {"wanted", "fill", "a", "--type", "x"},
	} {
		if r := s.run("", words...); r.code != cli.ExitUsage {
			t.Errorf("%s: exit %d: %s", name, r.code, r.err)
		}
	}
}
