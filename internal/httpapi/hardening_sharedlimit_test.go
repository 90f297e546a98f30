package httpapi_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
)

// cup is the bucket of all nodes: what is in it does not come back.
type cup struct {
	mu    sync.Mutex
	left  int
	asked int
	err   error
}

func (c *cup) Take(_ context.Context, _ string, _ float64, _, n int) (time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	switch {
	case c.err != nil:
		return 0, c.err
	case n > c.left:
		return 3 * time.Second, nil
	}
	c.left -= n
	return 0, nil
}

// passed is how many of n requests that may be limited are not.
func (w *world) passed(n int, method, target string, body any) (passed int) {
	w.t.Helper()
	for range n {
		if r := w.do(method, target, "", body); r.status != 429 {
			passed++
		}
	}
	return passed
}

func TestNodesShareALimit(t *testing.T) {
	login := object{"email": "nobody@example.com", "password": "x"}
	nodes := &cup{left: 7}
	limits := func(s *setup) {
		s.Limits = ratelimit.DefaultLimits()
		s.Limits.Shared = nodes
		s.Limits.Address = ratelimit.Rate{}
	}
	one, two := open(t, limits), open(t, limits)
	if a, b := one.passed(20, "POST", "/v1/auth/token", login), two.passed(20, "POST", "/v1/auth/token", login); a != 5 || b != 2 {
		t.Errorf("one node let %d pass and the other %d, want 5 and 2", a, b)
	}
	if nodes.asked != 5+3 {
		t.Errorf("the bucket was asked %d times: what a node knows itself is not to be asked", nodes.asked)
	}
	two.Clock.Forward(2 * time.Second)
	if n := two.passed(1, "POST", "/v1/auth/token", login); n != 0 || nodes.asked != 8 {
		t.Error("it was asked before the time that it gave")
	}
	nodes.left = 1
	two.Clock.Forward(time.Second)
	if n := two.passed(3, "POST", "/v1/auth/token", login); n != 1 {
		t.Errorf("%d passed, want the one that came back", n)
	}
}

func TestAGeneralLimitIsSharedInPieces(t *testing.T) {
	nodes := &cup{left: 105}
	w := open(t, func(s *setup) { s.Limits.Address, s.Limits.Shared = ratelimit.Rate{PerSecond: 100, Burst: 200}, nodes })
	if n := w.passed(150, "GET", "/v1/nope", nil); n != 105 {
		t.Errorf("%d passed, want all that all nodes may: 105", n)
	}
	if nodes.asked > 5+2*5+2 {
		t.Errorf("asked %d times for 105 requests", nodes.asked)
	}
	// What was taken ahead and not used is lost, rather than saved up.
	nodes.left, nodes.asked = 40, 0
	w.Clock.Forward(4 * time.Second)
	w.passed(1, "GET", "/v1/nope", nil)
	w.Clock.Forward(2 * time.Second)
	if n := w.passed(30, "GET", "/v1/nope", nil); n != 20 {
		t.Errorf("%d passed, want 20: one in its piece of 20, and the next 20", n)
	}
}

func TestANodeLimitsAloneWhenTheSharedLimitIsAway(t *testing.T) {
	nodes := &cup{err: errors.New("the database is away")}
	login := object{"email": "nobody@example.com", "password": "x"}
	w := open(t, func(s *setup) { s.Limits.Auth, s.Limits.Shared = ratelimit.Rate{PerSecond: 1, Burst: 5}, nodes })
	if n := w.passed(20, "POST", "/v1/auth/token", login); n != 5 || nodes.asked != 1 {
		t.Errorf("%d passed and it was asked %d times, want 5 and once", n, nodes.asked)
	}
}
