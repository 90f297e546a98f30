package identity

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/network"
)

// Counter counts guesses that failed. When there were Free of them, each that
// follows has to wait twice as long as the one before.
type Counter struct {
	ID        string // a hash of what is guessed at, and from where
	Free      int64
	Base, Max time.Duration
	Forget    time.Duration // of quiet, after which it begins anew
}

// Delay is how long the next guess must wait after so many failures.
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

// Guess is one guess at a password or code, and what it is counted against. All
// of it is hashes, so that an account that there is and one that there is not
// are the same.
type Guess struct {
	// Here counts what comes from one network at one account. While that network
	// is trusted with the account it is the only one: strangers elsewhere can't
	// keep an owner out.
	Here Counter
	// Others are those that hold where Here is not trusted.
	Others []Counter
	// Counted is set by CountGuess when it counted Others too: only then is there
	// something in them to take back.
	Counted atomic.Bool
}

// GuessStore counts guesses, for all nodes.
type GuessStore interface {
	// CountGuess counts a guess before it is looked at, so that guesses that are
	// made at the same time are all counted. When one of the counters makes it
	// wait it counts nothing and returns RateLimited with the time to wait.
	CountGuess(ctx context.Context, g *Guess, now time.Time) error
	// ForgiveGuess takes back what CountGuess counted, since the guess was right,
	// and forgets earlier failures from Here. Those of others stay: from there it
	// must not show that somebody logged in. A trusted time that is not zero makes
	// Here trusted until then.
	ForgiveGuess(ctx context.Context, g *Guess, trusted time.Time) error
	// Sweep forgets counters that nobody asked for since, and tokens and
	// challenges that have ended.
	Sweep(ctx context.Context, now, unseen time.Time) error
}

// What is guessed at.
const (
	guessPassword = "password"
	guessCode     = "code"
	guessForgot   = "forgot" // not a guess: how often mails are asked for
)

// Times of the counters.
const (
	guessBase   = time.Second
	guessMax    = 15 * time.Minute
	guessForget = time.Hour
	// guessWide is the longest wait that guesses from elsewhere can cause.
	guessWide  = time.Minute
	trustedFor = 90 * 24 * time.Hour
	sweepEvery = 10 * time.Minute
	// guessUnseen is longer than any counter remembers.
	guessUnseen = 24 * time.Hour
)

// guessAt is what a guess of kind at a subject counts against: an address, or an id.
func guessAt(c *call.Call, kind, subject string) *Guess {
	from := network.Of(c.IP)
	return &Guess{
		Here: Counter{ID: hashKey(kind + " here " + subject + "\n" + from), Free: 5, Base: guessBase, Max: guessMax, Forget: guessForget},
		Others: []Counter{
			{ID: hashKey(kind + " account " + subject), Free: 50, Base: guessBase, Max: guessWide, Forget: guessForget},
			{ID: hashKey(kind + " network " + from), Free: 100, Base: guessBase, Max: guessWide, Forget: guessForget},
		},
	}
}

// admit counts a guess, or refuses it since there were too many. Those of one
// account from one network take turns, so that several right ones at once are
// not counted as failures of each other. done ends the turn.
func (s *Service) admit(ctx context.Context, c *call.Call, g *Guess) (done func(), err error) {
	if done, err = s.turns.take(ctx, g.Here.ID); err != nil {
		return nil, err
	}
	if err = s.store.CountGuess(ctx, g, c.Now); err != nil {
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

// right takes a guess back.
func (s *Service) right(ctx context.Context, c *call.Call, g *Guess, trust bool) error {
	var until time.Time
	if trust {
		until = c.Now.Add(trustedFor)
	}
	return s.store.ForgiveGuess(ctx, g, until)
}
