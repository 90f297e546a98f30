package budget_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/budget"
)

func of(id string, n int64) budget.Shares {
	return budget.Shares{{Key: budget.Key{ID: id}, Max: n}}
}

func TestOneKeyHasItsShareAndNoMore(t *testing.T) {
	b := budget.NewBytes(100, time.Millisecond)
	var held []*budget.Lease
	for range 20 { // one that goes beyond the share is let through
		l := b.Lease(of("greedy", 25))
		held = append(held, &l)
		_ = l.Take(t.Context(), 10)
	}
	if used := b.Used(); used != 30 {
		t.Errorf("one key holds %d bytes", used)
	}
	l := b.Lease(of("greedy", 25))
	if err := l.Take(t.Context(), 10); !errors.Is(err, budget.ErrShare) {
		t.Errorf("beyond its share: %v", err)
	}
	other := b.Lease(of("other", 25))
	if err := other.Take(t.Context(), 25); err != nil {
		t.Errorf("another key: %v", err)
	}
	other.Close()
	l.Close()
	for _, l := range held {
		l.Close()
	}
	if used := b.Used(); used != 0 {
		t.Errorf("%d bytes did not come back", used)
	}
}

func TestABudgetThatIsUsedUpSaysSo(t *testing.T) {
	b := budget.NewBytes(100, time.Millisecond)
	for i := range 5 {
		l := b.Lease(of(fmt.Sprint(i), 25))
		if err := l.Take(t.Context(), 25); err != nil {
			t.Fatal(i, err)
		}
	}
	l := b.Lease(of("late", 25))
	if err := l.Take(t.Context(), 25); !errors.Is(err, budget.ErrFull) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Take(ctx, 25); !errors.Is(err, budget.ErrFull) {
		t.Errorf("%v", err)
	}
}

func TestTheZeroLeaseTakesAnything(t *testing.T) {
	var l budget.Lease
	if err := l.Take(t.Context(), 1<<60); err != nil {
		t.Error(err)
	}
	l.Close()
	(*budget.Lease)(nil).Close()
	if !(*budget.Lease)(nil).Try(1) {
		t.Error("nil")
	}
}

// TestAHolderOfBytesIsNeverStuck has many take far more than there is, piece by
// piece, in keys that share further keys. Each one waits for nothing but others
// that do the same: all must come to their end.
func TestAHolderOfBytesIsNeverStuck(t *testing.T) {
	b := budget.NewBytes(64, time.Minute)
	var all sync.WaitGroup
	var most atomic.Int64
	for i := range 200 {
		all.Go(func() {
			l := b.Lease(budget.Shares{
				{Key: budget.Key{ID: fmt.Sprint("who", i%20)}, Max: 16},
				{Key: budget.Key{ID: fmt.Sprint("org", i%5)}, Max: 32},
				{Key: budget.Key{ID: fmt.Sprint("net", i%2)}, Max: 48},
			})
			defer l.Close()
			for range 10 {
				if err := l.Take(t.Context(), 1+rand.Int64N(2)); err != nil {
					t.Errorf("%d: %v", i, err)
					return
				}
				for now := b.Used(); ; {
					if was := most.Load(); now <= was || most.CompareAndSwap(was, now) {
						break
					}
				}
			}
		})
	}
	all.Wait()
	if used := b.Used(); used != 0 {
		t.Errorf("%d bytes did not come back", used)
	}
	if most.Load() > 64+20 {
		t.Errorf("%d bytes of 64 were held at a time: only one may go beyond", most.Load())
	}
}

func TestPlacesAreForEachKey(t *testing.T) {
	p := budget.NewPlaces(2)
	a, b := budget.Key{ID: "a"}, budget.Key{ID: "b"}
	first, second := p.Enter(a), p.Enter(a)
	if !first || !second || p.Enter(a) || !p.Enter(b) {
		t.Fatal("two places each")
	}
	p.Leave(a)
	if !p.Enter(a) || p.Enter(a) {
		t.Error("a place that was given back is one")
	}
}

func TestTurnsOfOneKeyDoNotHoldUpAnother(t *testing.T) {
	turns := budget.NewTurns(1)
	done, err := turns.Wait(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := turns.Wait(ctx, "a"); err == nil {
		t.Error("a second turn of one key")
	}
	other, err := turns.Wait(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	other()
	done()
	if done, err = turns.Wait(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	done()
}
