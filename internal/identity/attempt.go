package identity

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/network"
)

// Counter counts attempts that failed. When there were Free of them, each that
// follows has to wait twice as long as the one before.
type Counter struct {
	ID        string // a hash of what is tried, and from where
	Free      int64
	Base, Max time.Duration
	Forget    time.Duration // of quiet, after which it begins anew
}

// Delay is how long the next attempt must wait after so many failures.
func (c *Counter) Delay(failures int64) time.Duration {
	if failures < c.Free {
		return 0
	}
	d := c.Base
	for range failures - c.Free {
		if d *= 2; d >= c.Max {
			return c.Max
		}
	}
	return min(d, c.Max)
}

// Attempt is one attempt at a password or code, and what it is counted against. All
// of it is hashes, so that an account that there is and one that there is not
// are the same.
type Attempt struct {
	// Here counts what comes from one network at one account. While that network
	// is trusted with the account it is the only one: strangers elsewhere can't
	// keep an owner out.
	Here Counter
	// Others are those that hold where Here is not trusted.
	Others []Counter
	// Counted is set by CountAttempt when it counted Others too: only then is there
	// something in them to take back.
	Counted atomic.Bool
}

// Standing is what is known of a counter: when it counted last, until when it bars, and
// until when what it counts from is trusted with what it counts at.
type Standing struct{ Seen, Barred, Trusted time.Time }

// SetBack is how far ahead of the clock a counter may have counted: clocks of nodes
// differ. One that counted later than that did so before the clock was set back, and
// bars nobody: it would do so until the clock is where it was.
const SetBack = time.Minute

// Against returns the counters that hold for g as they stand, by their ids, and how long
// they make it wait; not above zero: not at all.
func (g *Attempt) Against(standing map[string]Standing, now time.Time) (hold []Counter, wait time.Duration) {
	hold = []Counter{g.Here}
	if !standing[g.Here.ID].Trusted.After(now) {
		hold = append(hold, g.Others...)
	}
	for _, c := range hold {
		if s := standing[c.ID]; !s.Seen.After(now.Add(SetBack)) {
			wait = max(wait, s.Barred.Sub(now))
		}
	}
	return hold, wait
}

// TooMany is what an attempt gets that has to wait. It says the same whatever is
// tried.
func TooMany(wait time.Duration) error {
	return &fault.Error{
		Kind: fault.RateLimited, Code: "too_many_attempts", RetryAfter: wait,
		Detail: "Too many attempts failed. Wait as long as the Retry-After header says; a new password by mail works at once.",
	}
}

// What is tried.
const (
	AttemptPassword = "password"
	AttemptCode     = "code"
	AttemptPasskey  = "passkey"
)

// Times of the counters.
const (
	attemptBase   = time.Second
	attemptMax    = 15 * time.Minute
	attemptForget = time.Hour
	// attemptWide is the longest wait that attempts from elsewhere can cause.
	attemptWide = time.Minute
	trustedFor  = 90 * 24 * time.Hour
	sweepEvery  = 10 * time.Minute
	// attemptUnseen is longer than any counter remembers.
	attemptUnseen = 24 * time.Hour
)

// AttemptAt is what an attempt of kind at a subject counts against: an address, or an id.
func AttemptAt(c *call.Call, kind, subject string) *Attempt {
	from := network.Of(c.IP)
	return &Attempt{
		Here: Counter{ID: HashKey(kind + " here " + subject + "\n" + from), Free: 5, Base: attemptBase, Max: attemptMax, Forget: attemptForget},
		Others: []Counter{
			{ID: HashKey(kind + " account " + subject), Free: 50, Base: attemptBase, Max: attemptWide, Forget: attemptForget},
			{ID: HashKey(kind + " network " + from), Free: 100, Base: attemptBase, Max: attemptWide, Forget: attemptForget},
		},
	}
}

// Try counts an attempt, or refuses it since there were too many. Those of one
// account from one network take turns, so that several right ones at once are
// not counted as failures of each other. done ends the turn.
func (s *Service) Try(ctx context.Context, c *call.Call, g *Attempt) (done func(), err error) {
	if done, err = s.turns.take(ctx, g.Here.ID); err != nil {
		return nil, err
	}
	if err = s.store.CountAttempt(ctx, g, c.Now); err != nil {
		done()
		return nil, err
	}
	return done, nil
}

// turns lets one at a time go on, by key. A key is kept as long as somebody has
// or waits for its turn.
type turns struct {
	mu sync.Mutex
	by map[string]*turn
}

type turn struct {
	free  chan struct{}
	users int
}

func (t *turns) take(ctx context.Context, key string) (done func(), err error) {
	t.mu.Lock()
	u := t.by[key]
	if u == nil {
		u = &turn{free: make(chan struct{}, 1)}
		if t.by == nil {
			t.by = map[string]*turn{}
		}
		t.by[key] = u
	}
	u.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if u.users--; u.users == 0 {
			delete(t.by, key)
		}
	}
	select {
	case u.free <- struct{}{}:
		return func() { <-u.free; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fault.Wrap(ctx.Err(), fault.Unavailable, "request_cancelled", "The request was given up before it was done.")
	}
}

// Right takes an attempt back.
func (s *Service) Right(ctx context.Context, c *call.Call, g *Attempt, trust bool) error {
	var until time.Time
	if trust {
		until = c.Now.Add(trustedFor)
	}
	return s.store.ForgiveAttempt(ctx, g, until)
}

// Forgive is Right for what is done already: that the count stays is no reason
// to fail.
func (s *Service) Forgive(ctx context.Context, c *call.Call, g *Attempt, trust bool) {
	if err := s.Right(ctx, c, g, trust); err != nil {
		s.cfg.Log.Warn("a right guess stays counted as a wrong one", slog.Any("error", err))
	}
}
