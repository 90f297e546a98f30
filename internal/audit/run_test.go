package audit_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// counting is a store that counts the events that are walked, and may hold walks up.
type counting struct {
	audit.Store
	mu      sync.Mutex
	walks   int
	rows    int
	alter   uint64 // this event reads otherwise than it was written
	started chan string
	hold    chan struct{}
}

func (s *counting) Walk(ctx context.Context, org string, after uint64, fn func(*audit.Row) bool) error {
	s.mu.Lock()
	s.walks++
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		s.started <- org
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.Store.Walk(ctx, org, after, func(r *audit.Row) bool {
		s.rows++
		if r.Seq == s.alter {
			r.Action += "!"
		}
		return fn(r)
	})
}

func (f *fixture) counted() (*audit.Log, *counting) {
	s := &counting{Store: f.db}
	return &audit.Log{Store: s, Keys: f.Log.Keys, KeyIDs: f.KeyIDs, Now: f.Log.Now, Log: f.Log.Log}, s
}

func TestVerifyGoesOnFromWhereItFoundTheLogWhole(t *testing.T) {
	f := newFixture(t)
	l, s := f.counted()
	check := func(scope audit.Scope, ok bool, events, from, points uint64, rows int) {
		t.Helper()
		s.rows = 0
		r, err := l.Verify(t.Context(), f.org, scope)
		if err != nil || r.OK != ok || r.Events != events || r.From != from || r.Checkpoints != points || s.rows != rows {
			t.Errorf("%+v, %v after %d rows, want ok %v, %d events from %d on, %d checkpoints, %d rows", r, err, s.rows, ok, events, from, points, rows)
		}
	}
	f.append(t, 20)
	check(audit.Recent, true, 20, 1, 0, 20) // nothing is signed: nothing to go on from
	check(audit.Recent, true, 20, 1, 0, 20)
	f.sign(t, 1)
	check(audit.Recent, true, 20, 1, 1, 20)
	check(audit.Recent, true, 20, 21, 1, 0)
	f.append(t, 5)
	check(audit.Recent, true, 25, 21, 1, 5)
	f.sign(t, 1)
	check(audit.Recent, true, 25, 21, 2, 5)
	check(audit.Recent, true, 25, 26, 2, 0)
	check(audit.Whole, true, 25, 1, 2, 25)

	s.alter = 7 // before where it goes on: only a whole check sees it
	check(audit.Recent, true, 25, 26, 2, 0)
	check(audit.Whole, false, 6, 1, 0, 7)
	s.alter = 27
	f.append(t, 3)
	check(audit.Recent, false, 26, 26, 2, 2)
	s.alter = 7 // a server that has just started looks at all
	l, s2 := f.counted()
	s2.alter, s = 7, s2
	check(audit.Recent, false, 6, 1, 0, 7)
}

// Who can write to the database makes another log, without any checkpoint: what was
// there at an earlier check shows it.
func TestARemadeLogIsNotTheOneThatWasThere(t *testing.T) {
	f := newFixture(t)
	l, s := f.counted()
	f.append(t, 6)
	f.sign(t, 1)
	if r, err := l.Verify(t.Context(), f.org, audit.Recent); err != nil || !r.OK {
		t.Fatalf("%+v, %v", r, err)
	}
	other := newFixture(t)
	other.org = f.org
	other.append(t, 8)
	s.Store = other.db
	for _, scope := range []audit.Scope{audit.Recent, audit.Whole} {
		if r, err := l.Verify(t.Context(), f.org, scope); err != nil || r.OK || r.BadSeq != 6 || !strings.Contains(r.Problem, "earlier check") {
			t.Errorf("another log: %+v, %v", r, err)
		}
	}
	short := newFixture(t)
	short.org = f.org
	short.append(t, 4)
	s.Store = short.db
	if r, err := l.Verify(t.Context(), f.org, audit.Recent); err != nil || r.OK || r.BadSeq != 5 || !strings.Contains(r.Problem, "earlier check") {
		t.Errorf("a shorter log: %+v, %v", r, err)
	}
}

func TestCallersOfTheSameCheckShareIt(t *testing.T) {
	f := newFixture(t)
	f.append(t, 3)
	l, s := f.counted()
	s.started, s.hold = make(chan string, 100), make(chan struct{})
	gone, leave := context.WithCancel(t.Context())
	var first, others sync.WaitGroup
	first.Go(func() {
		if _, err := l.Verify(gone, f.org, audit.Recent); !fault.Is(err, fault.Unavailable) {
			t.Errorf("the request that was given up: %v", err)
		}
	})
	<-s.started
	for range 12 {
		others.Go(func() {
			if r, err := l.Verify(t.Context(), f.org, audit.Recent); err != nil || !r.OK || r.Events != 3 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	for l.Waiting(f.org, audit.Recent) < 13 {
		if t.Context().Err() != nil {
			t.FailNow()
		}
	}
	leave() // who began it goes: it goes on for the others
	first.Wait()
	close(s.hold)
	others.Wait()
	if s.walks != 1 {
		t.Errorf("%d walks for 13 requests, want 1", s.walks)
	}
}

func TestSoManyLogsAreVerifiedAtOnceAndNotMore(t *testing.T) {
	f := newFixture(t)
	l, s := f.counted()
	s.started, s.hold = make(chan string, 100), make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() { _, _ = l.Verify(ctx, strings.Repeat("x", n+1), audit.Whole) })
		<-s.started
	}
	_, err := l.Verify(t.Context(), f.org, audit.Recent)
	if fault.CodeOf(err) != "verification_busy" || !fault.Is(err, fault.Unavailable) {
		t.Errorf("the seventeenth: %v", err)
	}
	stop() // nobody waits any more: their places are free
	wg.Wait()
	s.mu.Lock()
	s.hold = nil
	s.mu.Unlock()
	if _, err := l.Verify(t.Context(), f.org, audit.Recent); err != nil {
		t.Errorf("after the others left: %v", err)
	}
}

// TestTheStartLooksAtWhatWasSigned: no event comes, and what is wrong is told all the same.
func TestTheStartLooksAtWhatWasSigned(t *testing.T) {
	f := newFixture(t)
	kept := &memory{}
	l := &audit.Log{Store: f.db, Keys: f.keys, KeyIDs: f.KeyIDs, Now: f.Log.Now, Log: f.Log.Log, Anchor: kept}
	f.append(t, 3)
	if err := l.Checkpoint(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	good := maps.Clone(kept.heads)
	older := maps.Clone(kept.heads)
	for org, h := range older {
		older[org] = audit.Head{Seq: h.Seq + 5, Hash: h.Hash}
	}
	for name, c := range map[string]struct {
		anchor *memory
		keys   []string
		code   string
	}{
		"all is well":        {&memory{heads: good}, f.KeyIDs, ""},
		"an older database":  {&memory{heads: older}, f.KeyIDs, "log_changed"},
		"a damaged anchor":   {&memory{err: errors.New("damaged")}, f.KeyIDs, "log_not_signed"},
		"a key that is gone": {&memory{heads: good}, []string{"audit:none"}, "log_not_signed"},
	} {
		t.Run(name, func(t *testing.T) {
			l := &audit.Log{Store: f.db, Keys: f.keys, KeyIDs: c.keys, Now: f.Log.Now, Log: f.Log.Log, Anchor: c.anchor}
			l.Look(t.Context())
			for range 2 { // with nothing to sign it stays
				if err := l.Ready(); (err != nil || c.code != "") && fault.CodeOf(err) != c.code {
					t.Errorf("%v, want %q", err, c.code)
				}
				l.Sign(t.Context(), 1000)
			}
		})
	}
}
