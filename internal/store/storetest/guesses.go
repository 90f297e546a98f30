package storetest

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

func testRightGuess(t *testing.T, f *fixture) {
	counter := func(id string, free int64) identity.Counter {
		return identity.Counter{ID: id, Free: free, Base: time.Second, Max: time.Minute, Forget: time.Hour}
	}
	guess := func(here, account string) *identity.Guess {
		return &identity.Guess{Here: counter(here, 2), Others: []identity.Counter{counter(account, 3), counter("net", 100)}}
	}
	count := func(g *identity.Guess) bool {
		t.Helper()
		err := f.CountGuess(t.Context(), g, moment)
		if err != nil && !fault.Is(err, fault.RateLimited) {
			t.Fatal(err)
		}
		return err == nil
	}
	forgive := func(g *identity.Guess, until time.Time) {
		t.Helper()
		if err := f.ForgiveGuess(t.Context(), g, until); err != nil {
			t.Fatal(err)
		}
	}
	trusted := moment.Add(time.Hour)

	first := guess("home", "ada")
	if !count(first) || !first.Counted.Load() {
		t.Fatal("the first guess is not counted")
	}
	forgive(first, trusted)
	// The account is guessed at from elsewhere until it waits.
	for _, here := range []string{"a", "b", "c"} {
		if !count(guess(here, "ada")) {
			t.Fatalf("the guess from %s waits: the right one before it is still counted", here)
		}
	}
	home := guess("home", "ada")
	if !count(home) || home.Counted.Load() {
		t.Error("a trusted network waits, or is counted against all others")
	}
	forgive(home, trusted)
	if count(guess("d", "ada")) {
		t.Error("a guess that was not counted at the account took the wait of others away")
	}
	// Trust comes to a network that nobody guessed from before.
	forgive(guess("new", "ada"), trusted)
	if !count(guess("new", "ada")) {
		t.Error("a network that was made trusted waits")
	}
}
