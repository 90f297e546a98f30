package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// issuer is a server that gives tokens t1, t2, ... and takes only the newest.
type issuer struct {
	*httptest.Server
	exchanges atomic.Int64
	reads     atomic.Int64
	revoked   atomic.Bool // takes no token at all
	ttl       int64
	began     chan struct{} // one for each exchange that came in
	gate      chan struct{} // closed: exchanges may go on
}

func newIssuer(t *testing.T, ttl int64) *issuer {
	s := &issuer{ttl: ttl, began: make(chan struct{}, 99), gate: make(chan struct{})}
	close(s.gate)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/auth/agent-token" {
			var b struct {
				APIKey string `json:"api_key"`
			}
			_ = json.NewDecoder(r.Body).Decode(&b)
			n := s.exchanges.Add(1)
			s.began <- struct{}{}
			<-s.gate
			if b.APIKey != "ocv_good" || r.Header.Get("Authorization") != "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fmt.Fprintf(w, `{"access_token":"t%d","token_type":"Bearer","expires_in":%d,"agent_id":"ag","vault_ids":["v1"]}`, n, s.ttl)
			return
		}
		s.reads.Add(1)
		if s.revoked.Load() || r.Header.Get("Authorization") != fmt.Sprintf("Bearer t%d", s.exchanges.Load()) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"vaults":[]}`)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestCallersShareOneExchange(t *testing.T) {
	s := newIssuer(t, 3600)
	s.gate = make(chan struct{})
	c := dial(t, s.URL, client.WithAgentKey("ocv_good"))
	// The first caller gives up while its exchange is under way: the others are not
	// harmed, and the exchange is not made again.
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() { _, err := c.Vaults(ctx); gone <- err }()
	<-s.began
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.Vaults(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	close(s.gate)
	wg.Wait()
	if n := s.exchanges.Load(); n != 1 {
		t.Errorf("%d exchanges", n)
	}
	a, err := c.Session(t.Context())
	if err != nil || a.AgentID != "ag" || len(a.VaultIDs) != 1 {
		t.Errorf("session = %+v, %v", a, err)
	}
}

func TestATokenIsRenewedAMinuteBeforeItEnds(t *testing.T) {
	s := newIssuer(t, 3600)
	now := time.Unix(1e9, 0)
	c := dial(t, s.URL, client.WithAgentKey("ocv_good"), client.WithClock(func() time.Time { return now }))
	for _, step := range []struct {
		after time.Duration
		total int64
	}{{0, 1}, {58 * time.Minute, 1}, {61 * time.Second, 2}, {time.Minute, 2}} {
		now = now.Add(step.after)
		if _, err := c.Vaults(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := s.exchanges.Load(); n != step.total {
			t.Errorf("after %v: %d exchanges, want %d", step.after, n, step.total)
		}
	}
}

func TestAShortTokenIsUsedMoreThanOnce(t *testing.T) {
	s := newIssuer(t, 40)
	c := dial(t, s.URL, client.WithAgentKey("ocv_good"))
	for range 3 {
		if _, err := c.Vaults(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.exchanges.Load(); n != 1 {
		t.Errorf("%d exchanges", n)
	}
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	s := newIssuer(t, 3600)
	c := dial(t, s.URL, client.WithAgentKey("ocv_good"))
	if _, err := c.Vaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.exchanges.Add(1) // the server forgets t1
	if _, err := c.PutSecret(t.Context(), "v", "a", client.ValueOf("x"), client.PutOptions{}); err != nil {
		t.Errorf("after a revoked token: %v", err)
	}
	s.revoked.Store(true)
	s.reads.Store(0)
	before := s.exchanges.Load()
	if _, err := c.Vaults(t.Context()); !client.IsStatus(err, http.StatusUnauthorized) {
		t.Errorf("err = %v", err)
	}
	if n := s.exchanges.Load() - before; n != 1 || s.reads.Load() != 2 {
		t.Errorf("%d exchanges and %d reads for one refused call", n, s.reads.Load())
	}
}

func TestAWrongKeyIsAPlain401(t *testing.T) {
	s := newIssuer(t, 3600)
	c := dial(t, s.URL, client.WithAgentKey("ocv_bad"))
	if _, err := c.Vaults(t.Context()); !client.IsStatus(err, http.StatusUnauthorized) {
		t.Errorf("err = %v", err)
	}
	if n := s.exchanges.Load(); n != 1 {
		t.Errorf("%d exchanges", n)
	}
}
