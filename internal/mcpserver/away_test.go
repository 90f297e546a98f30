package mcpserver_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
)

// away is an API whose database does not answer. It counts its requests.
type away struct {
	mu    sync.Mutex
	asked map[string]int
}

func (a *away) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked == nil {
		a.asked = map[string]int{}
	}
	a.asked[r.Method+" "+r.URL.Path]++
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `{"type":"about:blank","title":"Service Unavailable","status":503,"code":"storage_unavailable","detail":"The database does not answer."}`)
}

// once wants that nobody asked twice: who is told to come back later tells so.
func (a *away) once(t *testing.T) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for what, n := range a.asked {
		if n > 1 {
			t.Errorf("%s was asked %d times", what, n)
		}
	}
	if len(a.asked) == 0 {
		t.Error("nothing was asked")
	}
}

func TestADatabaseThatIsAwayIsNotWaitedForOverHTTP(t *testing.T) {
	a := &away{}
	h := mcpserver.Handler(mcpserver.HTTPConfig{NewClient: mcpserver.InProcessClients(a, "1", nil), Version: "1"})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
	r.Header.Set("Authorization", "Bearer "+agentKey)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body := w.Body.String()
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" || !strings.Contains(body, "storage_unavailable") || !strings.Contains(body, "The database does not answer.") {
		t.Errorf("%d %v %s", w.Code, w.Header(), body)
	}
	a.once(t)
}

func TestADatabaseThatIsAwayIsNotWaitedForOnStdio(t *testing.T) {
	a := &away{}
	s := httptest.NewServer(a)
	defer s.Close()
	cmd, stderr := process(t, "ONECLAW_AGENT_TOKEN=token", "ONECLAW_API_URL="+s.URL) // the other name of ONECLAW_BASE_URL
	cmd.Stdin = strings.NewReader(hello + `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get_secret","arguments":{"path":"db/password"}}}` + "\n")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "The database does not answer. Try again in 1 s.") {
		t.Errorf("%v: %s\n%s", err, out, stderr)
	}
	a.once(t)
}

// A line that is too long is answered, and the session goes on.
func TestALineThatIsTooLongEndsNoSession(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	cmd, stderr := process(t, "ONECLAW_AGENT_API_KEY="+agentKey, "ONECLAW_BASE_URL="+a.URL)
	value := strings.Repeat("x", 20<<20)
	cmd.Stdin = strings.NewReader(hello +
		`{"jsonrpc":"2.0","id":"seven","method":"tools/call","params":{"name":"put_secret","arguments":{"path":"a","value":"` + value + `"}}}` + "\n" +
		`{"method":"tools/call","params":{"name":"put_secret","arguments":{"path":"a","value":"` + value + `"}},"jsonrpc":"2.0","id":8}` + "\n" +
		`{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"get_secret","arguments":{"path":"db/password"}}}` + "\n")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	for _, text := range []string{`"id":"seven","error":{"code":-32600`, `"id":null,"error":{"code":-32600`, "hunter2"} {
		if !strings.Contains(string(out), text) {
			t.Errorf("%q is not in %.1000s", text, out)
		}
	}
}
