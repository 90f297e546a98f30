package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// A person lets an agent work with a service; the agent does, and sees no credential.
func TestAnAgentExecutesAtTheCommandLine(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.String()+" "+r.Header.Get("X-Key")+" "+string(body))
	}))
	defer up.Close()
	s := serveDev(t)
	s.ok("", "login", "--dev")
	out := s.ok("", "agent", "create", "worker", "--executions", "on", "--json")
	_, key, _ := strings.Cut(out, `"api_key": "`)
	key, _, _ = strings.Cut(key, `"`)
	s.ok("sk_live_12345678", "agent", "bindings", "add", "worker", "pay", "--url", up.URL+"/v1", "--in", "header:X-Key", "--path", "/v1/**")
	for _, words := range [][]string{{"list", "worker"}, {"show", "worker", "pay"}} {
		if out := s.ok("", append([]string{"agent", "bindings"}, words...)...); !strings.Contains(out, "pay") || !strings.Contains(out, "/v1/**") || strings.Contains(out, "sk_live") {
			t.Errorf("%v prints\n%s", words, out)
		}
	}
	if out := s.ok("", "agent", "bindings", "test", "worker", "pay"); !strings.Contains(out, "yes") {
		t.Errorf("the test says\n%s", out)
	}
	s.env["ONECLAW_AGENT_API_KEY"] = key
	if out := s.ok("", "agent", "execute", "pay", "/charges", "--query", "n=1", "-d", "x"); out != "POST /v1/charges?n=1 [REDACTED:credential] x" {
		t.Errorf("got %q", out)
	}
	if r := s.run("", "agent", "execute", "pay", "--graphql", "{ a }"); r.code == 0 {
		t.Errorf("a binding of another type: exit %d: %s", r.code, r.out)
	}
	if r := s.run("", "agent", "execute", "none", "/a"); r.code != cli.ExitNotFound {
		t.Errorf("no binding: exit %d: %s", r.code, r.err)
	}
	delete(s.env, "ONECLAW_AGENT_API_KEY")
	out = s.ok("", "agent", "executions", "worker")
	if !strings.Contains(out, "success\tpay\t") || !strings.Contains(out, "/v1/**") {
		t.Errorf("the list is\n%s", out)
	}
	id := strings.TrimSpace(out[strings.LastIndex(strings.TrimSpace(out), "\t"):])
	if out := s.ok("", "audit", "list", "--resource", id); !strings.Contains(out, "secret.use\t") || strings.Count(out, "\n") != 2 {
		t.Errorf("the log has of %s\n%s", id, out)
	}
	s.tty, s.width = "oe", 200
	if out := s.ok("", "agent", "executions", "worker"); !strings.Contains(out, id[28:]) || strings.Contains(out, id[:8]) {
		t.Errorf("what a person sees of %s does not tell it from others\n%s", id, out)
	}
	if out := s.ok("", "audit", "list", "--resource", id); !strings.Contains(out, "a binding of agent:worker") {
		t.Errorf("to a person the log has\n%s", out)
	}
	s.tty = ""
	s.ok("", "vault", "create", "app")
	s.ok("sk_live_12345678", "secret", "set", "keys/pay", "--vault", "app")
	s.tty = "oe"
	if out := s.ok("", "agent", "bindings", "add", "worker", "lent", "--url", up.URL, "--secret", "keys/pay", "--vault", "app"); !strings.Contains(out, "keys/pay in app (") {
		t.Errorf("a lent credential is shown as\n%s", out)
	}
	s.tty = ""
	s.ok("sk_live_87654321", "agent", "bindings", "rotate", "worker", "pay", "--in", "header:X-Key")
	if out := s.ok("", "agent", "bindings", "stop", "worker", "pay"); !strings.Contains(out, "no") {
		t.Errorf("it is shown as\n%s", out)
	}
	s.ok("", "agent", "bindings", "start", "worker", "pay")
	s.ok("", "agent", "bindings", "delete", "worker", "pay", "--yes")
	for name, words := range map[string][]string{
		"a place": {"agent", "bindings", "add", "worker", "x", "--url", up.URL, "--in", "cookie:a"}, "a user of nothing": {"agent", "bindings", "add", "worker", "x", "--url", up.URL, "--user", "me"},
		"a switch": {"agent", "create", "x", "--executions", "maybe"}, "two things": {"agent", "execute", "pay", "--graphql", "{ a }", "-d", "x"}, "variables of nothing": {"agent", "execute", "pay", "--variables", "{}"},
	} {
		if r := s.run("", words...); r.code != cli.ExitUsage {
			t.Errorf("%s: exit %d: %s", name, r.code, r.err)
		}
	}
}
