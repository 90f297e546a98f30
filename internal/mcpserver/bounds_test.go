package mcpserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
)

func TestBatchesAreNotTakenOverHTTP(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	s, _ := overHTTP(t, a)
	for name, body := range map[string]string{
		"many calls":           "[" + strings.Repeat(callBody+",", 39) + callBody + "]",
		"one call":             "[" + callBody + "]",
		"behind white space":   " \r\n\t[" + callBody + "]",
		"none":                 "[]",
		"not even whole":       "[",
		"behind a lot of room": strings.Repeat(" ", 5000) + "[" + callBody + "]",
	} {
		t.Run(name, func(t *testing.T) {
			for _, version := range []string{"2025-03-26", "2025-06-18"} {
				status, _, got := post(t, s.URL, "POST", body, withHeaders{"Authorization": "Bearer " + agentKey, "MCP-Protocol-Version": version})
				if status != 400 || strings.Contains(got, "hunter2") {
					t.Errorf("%s: %d %.300s", version, status, got)
				}
			}
		})
	}
	if len(a.requests) != 1 { // the look at the credential
		t.Errorf("requests: %v", a.requests)
	}
	if status, _, got := post(t, s.URL, "POST", " \r\n\t"+callBody, withHeaders{"Authorization": "Bearer " + agentKey}); status != 200 || !strings.Contains(got, "hunter2") {
		t.Errorf("one message behind white space: %d %s", status, got)
	}
}

func TestALongValueIsNotForAConversation(t *testing.T) {
	for name, c := range map[string]struct {
		tool, kind string
		size       int
		refused    bool
	}{
		"get_secret gives 1 MiB":       {"get_secret", "note", 1 << 20, false},
		"get_secret gives no more":     {"get_secret", "note", 1<<20 + 1, true},
		"get_env_bundle gives 1 MiB":   {"get_env_bundle", "env_bundle", 1 << 20, false},
		"get_env_bundle gives no more": {"get_env_bundle", "env_bundle", 1<<20 + 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newContractAPI(t)
			a.addVault(vaultOne, "main")
			a.put("big", c.kind, "A="+strings.Repeat("x", c.size-2))
			got := call(t.Context(), t, connect(t, a, vaultOne), c.tool, `{"path":"big"}`)
			if refused := strings.HasPrefix(got, "error: The value of the secret at path 'big' has more than 1048576 bytes"); refused != c.refused {
				t.Errorf("%.300s", got)
			}
			if c.refused && (!strings.Contains(got, "REST") || strings.Contains(got, "xxx")) {
				t.Errorf("%.300s", got)
			}
		})
	}
}

// TestSixteenCallsWorkAtATime holds sixteen in the API, where a seventeenth must
// not arrive.
func TestSixteenCallsWorkAtATime(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	var inside atomic.Int32
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	s := httptest.NewServer(mcpserver.Handler(mcpserver.HTTPConfig{Version: "1",
		NewClient: mcpserver.InProcessClients(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/secrets/db/password") {
				inside.Add(1)
				arrived <- struct{}{}
				select {
				case <-release:
				case <-r.Context().Done():
				}
			}
			a.ServeHTTP(w, r)
		}), "1", nil)}))
	t.Cleanup(s.Close)
	good := withHeaders{"Authorization": "Bearer " + agentKey}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if status, _, body := post(t, s.URL, "POST", callBody, good); status != 200 || !strings.Contains(body, "hunter2") {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	for range 16 {
		<-arrived
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, strings.NewReader(callBody))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer " + agentKey}, "Content-Type": {"application/json"},
		"Accept": {"application/json, text/event-stream"}, "Mcp-Protocol-Version": {"2025-06-18"}}
	if res, err := http.DefaultTransport.RoundTrip(r); err == nil {
		_ = res.Body.Close()
		t.Errorf("the seventeenth was answered: %d", res.StatusCode)
	}
	if n := inside.Load(); n != 16 {
		t.Errorf("%d calls worked at a time", n)
	}
	if status, _, body := post(t, s.URL, "POST", pingBody, good); status != 200 {
		t.Errorf("what holds nothing waits too: %d %s", status, body)
	}
	close(release)
	wg.Wait()
	if status, _, body := post(t, s.URL, "POST", callBody, good); status != 200 || !strings.Contains(body, "hunter2") {
		t.Errorf("afterwards: %d %s", status, body)
	}
}
