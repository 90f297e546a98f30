package store_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

func testRightAttempt(t *testing.T, f *fixture) {
	counter := func(id string, free int64) identity.Counter {
		return identity.Counter{ID: id, Free: free, Base: time.Second, Max: time.Minute, Forget: time.Hour}
	}
	attempt := func(here, account string) *identity.Attempt {
		return &identity.Attempt{Here: counter(here, 2), Others: []identity.Counter{counter(account, 3), counter("net", 100)}}
	}
	count := func(g *identity.Attempt) bool {
		t.Helper()
		err := f.CountAttempt(t.Context(), g, moment)
		if err != nil && !fault.Is(err, fault.RateLimited) {
			t.Fatal(err)
		}
		return err == nil
	}
	forgive := func(g *identity.Attempt, until time.Time) {
		t.Helper()
		if err := f.ForgiveAttempt(t.Context(), g, until); err != nil {
			t.Fatal(err)
		}
	}
	trusted := moment.Add(time.Hour)

	first := attempt("home", "ada")
	if !count(first) || !first.Counted.Load() {
		t.Fatal("the first attempt is not counted")
	}
	forgive(first, trusted)
	// The account is tried from elsewhere until it waits.
	for _, here := range []string{"a", "b", "c"} {
		if !count(attempt(here, "ada")) {
			t.Fatalf("the attempt from %s waits: the right one before it is still counted", here)
		}
	}
	home := attempt("home", "ada")
	if !count(home) || home.Counted.Load() {
		t.Error("a trusted network waits, or is counted against all others")
	}
	forgive(home, trusted)
	if count(attempt("d", "ada")) {
		t.Error("an attempt that was not counted at the account took the wait of others away")
	}
	// Trust comes to a network that nobody tried from before.
	forgive(attempt("new", "ada"), trusted)
	if !count(attempt("new", "ada")) {
		t.Error("a network that was made trusted waits")
	}
}
