package node_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// fake is a node that says what a test recorded. It serves for shapes and faults that a
// real node can't be made to show; what nodes do is tested against anvil.
type fake struct {
	*httptest.Server
	chain string

	mu      sync.Mutex
	answers map[string]string // by method: the result, or an error that begins with {"error"
	handle  http.HandlerFunc  // instead of answers, for faults of HTTP
	calls   []string          // answers of eth_call, one after the other
	asked   []string
}

func fakeNode(t *testing.T, answers map[string]string) *fake {
	t.Helper()
	f := &fake{chain: `"0x1"`, answers: answers}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	var req struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
	}
	body, err := io.ReadAll(r.Body) // to its end: only then does the server hear that the caller left
	if err != nil || json.Unmarshal(body, &req) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	f.asked = append(f.asked, req.Method)
	answer, known := f.answers[req.Method]
	handle, chain := f.handle, f.chain
	if req.Method == "eth_call" && len(f.calls) > 0 {
		answer, f.calls, known = f.calls[0], f.calls[1:], true
	}
	f.mu.Unlock()
	switch {
	case req.Method == "eth_chainId" && !known:
		answer = chain
	case handle != nil:
		handle(w, r)
		return
	case !known:
		answer = `{"error":{"code":-32601,"message":"Method not found"}}`
	}
	result := `"result":` + answer
	if inner, ok := strings.CutPrefix(answer, `{"error"`); ok {
		result = `"error"` + strings.TrimSuffix(inner, "}")
	}
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,%s}`, req.ID, result)
}

func (f *fake) say(method, answer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[method] = answer
}

// count is how often a method was asked.
func (f *fake) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, m := range f.asked {
		if m == method {
			n++
		}
	}
	return n
}

func (f *fake) order() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// clock is a time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func start() *clock { return &clock{now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)} }

// client asks the nodes at the URLs.
func client(t *testing.T, c *clock, p node.Profile, urls ...string) *node.Client {
	t.Helper()
	cfg := node.Config{HTTP: http.DefaultClient, Profile: p, Now: c.Now, Timeout: 30 * time.Second}
	for _, u := range urls {
		cfg.URLs = append(cfg.URLs, secret.FromString(u))
	}
	cl, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

func mainnet() node.Profile { return node.ProfileOf(1, "ethereum") }
