package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

func TestAFailoverLosesNothingThatWasAcknowledged(t *testing.T) {
	primary := pgtest.Start(t, pgtest.Durable())
	dsn := primary.DSN(t)
	standby := primary.Standby(t)
	c := newNodes(t, primary.Either(t, dsn, standby), 2)
	servers := c.start()
	owner := servers[0].login()
	vault, key := grant(t, owner, "**", "read", "write")
	agent := owner.exchange(t, key)

	load := &failoverLoad{agent: agent, vault: vault, acked: map[string]string{}, unknown: map[string]bool{}}
	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for n := range 6 {
		callers.Go(func() { load.write(t, ctx, servers[n%2], n) })
	}
	eventually(t, "200 writes", func() bool { return load.served.Load() > 200 })

	primary.Kill9(t)
	struck := time.Now()
	standby.Promote(t)
	promoted := time.Since(struck)
	for _, s := range servers { // each by itself, and none is restarted
		eventually(t, "a node writes again", func() bool {
			r, err := agent.at(s).try(t.Context(), "PUT", vault+"/secrets/after", map[string]string{"value": "v"})
			return err == nil && r.status == http.StatusCreated
		})
	}
	back := time.Since(struck)
	before := load.served.Load()
	eventually(t, "200 writes more", func() bool { return load.served.Load() > before+200 })
	stop()
	callers.Wait()

	t.Logf("promoted after %v, both nodes write again after %v; longest gap between two acknowledged writes %v; %d writes acknowledged, %d failed",
		promoted.Round(time.Millisecond), back.Round(time.Millisecond), load.longest().Round(time.Millisecond), load.served.Load(), load.failed.Load())
	for path, value := range load.acked {
		var r *reply
		eventually(t, "a read of "+path, func() bool { // a session may yet find out that its server is gone
			r = agent.do(t, "GET", vault+"/secrets/"+path, nil)
			return r.status != http.StatusServiceUnavailable
		})
		m := r.fields(t)
		got := text(t, m, "value")
		if got != value && !(load.unknown[path+"="+got] && newer(got, value)) {
			t.Errorf("%s is %v, acknowledged was %s", path, m["value"], value)
		}
	}
	for _, s := range servers {
		owner = s.login() // the old token is a quarter of an hour's, this shows that logging in works
		owner.verified(t)
	}
}

// newer compares two values of one writer.
func newer(a, b string) bool { return len(a) > len(b) || len(a) == len(b) && a > b }

// failoverLoad is what writers know.
type failoverLoad struct {
	agent          caller
	vault          string
	served, failed atomic.Int64

	mu      sync.Mutex
	acked   map[string]string // newest acknowledged value of each path
	unknown map[string]bool   // path=value that was tried without an acknowledgement
	times   []time.Time
}

// write writes until ctx ends, whatever the answers. A path is written by one
// writer, in order: a later value that was not acknowledged may be there.
func (l *failoverLoad) write(t testing.TB, ctx context.Context, s *server, n int) {
	c := l.agent.at(s)
	c.http = from(t, fmt.Sprintf("127.2.0.%d", 1+n))
	for i := 0; ctx.Err() == nil; i++ {
		path, value := fmt.Sprintf("w%d/s%d", n, i%5), fmt.Sprintf("%d", i)
		r, err := c.try(context.WithoutCancel(ctx), "PUT", l.vault+"/secrets/"+path, map[string]string{"value": value})
		l.mu.Lock()
		if err == nil && r.status == http.StatusCreated {
			l.acked[path] = value
			l.times = append(l.times, time.Now())
			l.served.Add(1)
		} else {
			l.unknown[path+"="+value] = true
			l.failed.Add(1)
		}
		l.mu.Unlock()
		switch {
		case err != nil:
			t.Errorf("a node ended a connection: %v", err)
			return
		case r.status != http.StatusCreated && r.status != http.StatusServiceUnavailable:
			t.Errorf("%d %s", r.status, r.body)
			return
		case r.status != http.StatusCreated:
			select { // a client waits before it tries again
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

func (l *failoverLoad) longest() (gap time.Duration) {
	for i := 1; i < len(l.times); i++ {
		gap = max(gap, l.times[i].Sub(l.times[i-1]))
	}
	return gap
}
