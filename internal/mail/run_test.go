package mail_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

// scripted is a sender that does what the test says, and notes when.
type scripted struct {
	do func(ctx context.Context, attempt int) error

	mu sync.Mutex
	at []time.Time
}

func (s *scripted) Send(ctx context.Context, _ mail.Message) error {
	s.mu.Lock()
	s.at = append(s.at, time.Now())
	n := len(s.at)
	s.mu.Unlock()
	return s.do(ctx, n)
}

func (s *scripted) times() []time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.at }

// running opens a node inside a bubble and runs it. stop ends it and says how
// long that took.
func running(t *testing.T, sender mail.Sender) (n *node, stop func() time.Duration) {
	t.Helper()
	n = open(t, setup{dir: ready.Dir(t), sender: sender, now: time.Now})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); n.Run(ctx) }()
	return n, func() time.Duration {
		began := time.Now()
		cancel()
		<-done
		took := time.Since(began)
		n.stop()
		return took
	}
}

func TestRunSendsAtOnceAndTriesAgainLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := make(chan struct{})
		s := &scripted{do: func(_ context.Context, attempt int) error {
			switch attempt {
			case 1:
				return errors.New("not now")
			case 2:
				panic("the library has a fault")
			}
			close(sent)
			return nil
		}}
		n, stop := running(t, s)
		time.Sleep(10 * time.Second) // the worker is at rest
		began := time.Now()
		n.verify(t)
		<-sent
		stop()
		at := s.times()
		if len(at) != 3 || !at[0].Equal(began) {
			t.Fatalf("tried %d times, first after %v", len(at), at[0].Sub(began))
		}
		for i, middle := range []time.Duration{30 * time.Second, time.Minute} {
			if d := at[i+1].Sub(at[i]); d < middle*3/4 || d > middle*5/4 {
				t.Errorf("attempt %d came %v after the one before", i+2, d)
			}
		}
	})
}

func TestAMailServerThatHangsHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{do: func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		n, stop := running(t, s)
		began := time.Now()
		for range 20 {
			n.verify(t)
		}
		if d := time.Since(began); d != 0 {
			t.Fatalf("queueing took %v", d)
		}
		time.Sleep(time.Second)
		if busy := len(s.times()); busy != 4 {
			t.Fatalf("%d mails are under way", busy)
		}
		if took := stop(); took > 5*time.Second {
			t.Fatalf("stopping took %v", took)
		}
		if took := len(s.times()); took != 4 {
			t.Fatalf("%d mails were tried after the end", took)
		}
	})
}

func TestASendIsNotCutShortByAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{do: func(ctx context.Context, _ int) error {
			select {
			case <-time.After(3 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		dir := t.TempDir()
		n := open(t, setup{dir: dir, sender: s, now: time.Now})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); n.Run(ctx) }()
		n.verify(t)
		time.Sleep(time.Second)
		cancel()
		<-done
		n.empty(t)
		n.stop()
	})
}
