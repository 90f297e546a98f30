package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
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
	for _, as := range []string{id, console.Shortened(id)} { // whole, and as the list shows it
		if out := s.ok("", "audit", "list", "--resource", as); strings.Count(out, "a binding of agent:worker") != 2 {
			t.Errorf("to a person the log has of %s\n%s", as, out)
		}
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

// A binding is changed in place: what is not given stays, and what is asked of it from then on is bounded by what was.
func TestAnAgentsBindingIsChangedAtTheCommandLine(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Method+" "+r.URL.String()+" "+r.Header.Get("X-Key")+r.Header.Get("Authorization")+" "+r.Header.Get("X-Of"))
	}))
	defer up.Close()
	s := serveDev(t)
	s.ok("", "login", "--dev")
	_, key, _ := strings.Cut(s.ok("", "agent", "create", "worker", "--executions", "on", "--json"), `"api_key": "`)
	key, _, _ = strings.Cut(key, `"`)
	s.ok("sk_live_12345678", "agent", "bindings", "add", "worker", "pay", "--url", up.URL+"/v1", "--in", "header:X-Key", "--path", "/v1/charges/**", "--method", "GET", "-H", "X-Of: first", "--per-minute", "60")
	update := func(in string, flags ...string) string {
		t.Helper()
		return s.ok(in, append([]string{"agent", "bindings", "update", "worker", "pay", "--json"}, flags...)...)
	}
	execute := func(words ...string) result {
		t.Helper()
		s.env["ONECLAW_AGENT_API_KEY"] = key
		defer delete(s.env, "ONECLAW_AGENT_API_KEY")
		return s.run("", append([]string{"agent", "execute", "pay"}, words...)...)
	}
	if r := execute("/refunds"); r.code != cli.ExitDenied {
		t.Fatalf("a path that is not bound: exit %d, %s", r.code, r.out)
	}
	if out := update("", "--path", "/v1/charges/**,/v1/refunds/**"); !strings.Contains(out, `"GET"`) || !strings.Contains(out, `"X-Of": "first"`) || !strings.Contains(out, `"max_requests_per_minute": 60`) {
		t.Errorf("what was not given is gone:\n%s", out)
	}
	if r := execute("/refunds"); !strings.HasPrefix(r.out, "GET /v1/refunds [REDACTED:credential] first") {
		t.Errorf("the path that was added: exit %d, %q %s", r.code, r.out, r.err)
	}
	if out := update("", "--path", "any", "--method", "any", "-H", "none", "--per-minute", "0"); strings.Contains(out, "allowed_paths") || strings.Contains(out, "allowed_methods") || strings.Contains(out, "headers") || strings.Contains(out, "per_minute") {
		t.Errorf("what was taken away is there:\n%s", out)
	}
	if r := execute("/balance", "-X", "POST"); !strings.HasPrefix(r.out, "POST /v1/balance [REDACTED:credential] ") {
		t.Errorf("without bounds: exit %d, %q %s", r.code, r.out, r.err)
	}
	update("", "--read-only")
	if r := execute("/balance", "-X", "POST"); r.code != cli.ExitDenied {
		t.Errorf("where it only reads: exit %d, %s", r.code, r.out)
	}
	update("", "--read-only=false", "--url", up.URL+"/v2")
	if r := execute("/balance", "-X", "POST"); !strings.HasPrefix(r.out, "POST /v2/balance ") {
		t.Errorf("at another address: exit %d, %q %s", r.code, r.out, r.err)
	}
	if out := update("sk_live_87654321", "--from-file", "-", "--in", "bearer"); strings.Contains(out, "sk_live") {
		t.Errorf("the credential is shown:\n%s", out)
	}
	if r := execute("/balance"); !strings.HasPrefix(r.out, "GET /v2/balance Bearer [REDACTED:credential]") {
		t.Errorf("with another credential: exit %d, %q %s", r.code, r.out, r.err)
	}
	for name, flags := range map[string][]string{"nothing": nil, "a user alone": {"--user", "me"}, "both": {"--writes", "--read-only"}, "what only databases have": {"--writes"}, "a header of nothing": {"-H", "x"}} {
		if r := s.run("", append([]string{"agent", "bindings", "update", "worker", "pay"}, flags...)...); r.code != cli.ExitUsage {
			t.Errorf("%s: exit %d: %s", name, r.code, r.err)
		}
	}
	if r := s.run("", "agent", "bindings", "update", "worker", "none", "--per-minute", "1"); r.code != cli.ExitNotFound {
		t.Errorf("no binding: exit %d: %s", r.code, r.err)
	}
	for _, lacks := range [][]string{
		{"--db-host is missing", "--database", "shop", "--user", "reader"},
		{"--user is missing", "--db-host", "db.example.com", "--database", "shop"},
	} {
		if r := s.run("", append([]string{"agent", "bindings", "add", "worker", "shop", "--type", "postgres"}, lacks[1:]...)...); r.code != cli.ExitUsage || !strings.Contains(r.err, lacks[0]) {
			t.Errorf("%v: exit %d: %s", lacks, r.code, r.err)
		}
	}
	s.ok("s3cr3t-of-a-database", "agent", "bindings", "add", "worker", "shop", "--type", "postgres", "--db-host", "db.example.com", "--database", "shop", "--user", "reader", "--max-rows", "5")
	out := s.ok("", "agent", "bindings", "update", "worker", "shop", "--user", "writer", "--writes", "--max-rows", "0", "--db-port", "5433", "--json")
	for text, has := range map[string]bool{`"username": "writer"`: true, `"read_only": false`: true, `"port": 5433`: true, `"host": "db.example.com"`: true, "max_rows": false} {
		if strings.Contains(out, text) != has {
			t.Errorf("%s in a database's binding: %v\n%s", text, !has, out)
		}
	}
}
