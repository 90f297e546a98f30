package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A thousand streams whose models think take little memory, and all are told when the server stops.
func TestAThousandIdleStreams(t *testing.T) {
	const agents, each, most = 5, 200, 256 << 10 // KiB
	var asked atomic.Int64
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // what it is asked makes no difference
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `data: {"id":"x","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`+"\n\n")
		asked.Add(1)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			if http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				_, _ = io.WriteString(w, ": thinking\n\n")
			}
		}
	}))
	t.Cleanup(func() { provider.CloseClientConnections(); provider.Close() })
	p := newPlace(t)
	p.env = []string{fmt.Sprintf(`ONECLAW_SHROUD_UPSTREAMS={"openai":%q}`, provider.URL)}
	s := p.start()
	owner := s.login()
	var keys []string
	for range agents {
		keys = append(keys, modelAgent(t, owner, map[string]any{"max_concurrent_streams": each, "daily_budget_usd": 1000}))
	}
	before := s.resident()
	var told, open atomic.Int64
	var readers sync.WaitGroup
	gate := make(chan struct{}, 32)
	for n := range agents * each {
		gate <- struct{}{}
		readers.Go(func() {
			res := callModel(t, s, keys[n%agents], 100)
			defer res.Body.Close()
			first := make([]byte, 1)
			_, err := io.ReadFull(res.Body, first)
			<-gate
			open.Add(1)
			rest, more := io.ReadAll(res.Body)
			if err == nil && more == nil && res.StatusCode == http.StatusOK && strings.Contains(string(rest), "the server is told to stop") {
				told.Add(1)
			}
		})
	}
	eventually(t, "all streams", func() bool { return asked.Load() == agents*each && open.Load() == agents*each })
	if more := s.resident() - before; more > most {
		t.Errorf("%d streams take %d KiB", agents*each, more)
	} else {
		t.Logf("%d streams take %d KiB", agents*each, more)
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	readers.Wait()
	s.wait()
	if told.Load() != agents*each || s.err != nil {
		t.Errorf("%d of %d were told; the server ended with %v", told.Load(), agents*each, s.err)
	}
	s = p.start()
	ended := owner.at(s).want(t, http.StatusOK, "GET", "/v1/shroud/activity?limit=1000", nil)
	if n := strings.Count(fmt.Sprint(ended), "cut_by:node"); n != agents*each {
		t.Errorf("%d are settled", n)
	}
}
