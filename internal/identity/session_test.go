package identity_test

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

// A session begins with its login's event, ends when it is told to, and is kept
// long after that.
func TestSessions(t *testing.T) {
	w := open(t)
	ctx := t.Context()
	first, ada := w.signup("ada@example.com")
	second := w.login("ada@example.com", password)
	in := w.who(second)
	if in.Session == "" || in.Session == ada.Session || !in.Here(w.clock.now()) {
		t.Fatalf("the login is %+v", in)
	}
	list := func() (ids []string) {
		t.Helper()
		all, err := w.Sessions(ctx, w.call(in, policy.ListSessions), false)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			ids = append(ids, s.ID)
		}
		slices.Sort(ids)
		return ids
	}
	want := []string{ada.Session, in.Session}
	slices.Sort(want)
	if got := list(); !slices.Equal(got, want) {
		t.Errorf("sessions %v, want %v", got, want)
	}
	if err := w.FlushUse(ctx); err != nil {
		t.Fatal(err)
	}
	if row, err := w.db.Session(ctx, in.Session); err != nil || row.SeenAt.IsZero() || row.Kind != "password" || row.User != ada.ID {
		t.Errorf("the row %+v, %v", row, err)
	}
	_, strangers := w.signup("bob@example.com")
	wantCode(t, "another's", w.EndSession(ctx, w.call(strangers, policy.EndSession), ada.Session, true), "session_not_found")
	w.who(first)
	if err := w.EndSession(ctx, w.call(in, policy.EndSession), ada.Session, true); err != nil {
		t.Fatal(err)
	}
	w.dead("an ended session", first)
	w.who(second)
	if got := list(); !slices.Equal(got, []string{in.Session}) {
		t.Errorf("left are %v", got)
	}
	if err := w.EndSessions(ctx, w.call(in, policy.EndSession), false); err != nil {
		t.Fatal(err)
	}
	w.dead("everywhere", second)
	// A clock that jumps a week ahead sweeps nothing that a token could still name.
	for _, at := range []time.Duration{7 * 24 * time.Hour, 60 * 24 * time.Hour} {
		if err := w.db.Sweep(ctx, w.clock.now().Add(at), w.clock.now()); err != nil {
			t.Fatal(err)
		}
		_, err := w.db.Session(ctx, in.Session)
		if gone := fault.Is(err, fault.NotFound); gone != (at > 30*24*time.Hour) {
			t.Errorf("after %v: %v", at, err)
		}
		w.dead("swept or not", second)
	}
}

// A login whose event is not stored begins no session, and one that fails leaves
// none with the event of its refusal.
func TestARefusedLoginBeginsNoSession(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	c := w.anon(policy.Signup)
	if _, err := w.Signup(t.Context(), c, "ada@example.com", secret.FromString(password), ""); err == nil || c.Event.Begins != nil {
		t.Errorf("signed up twice: %v, %+v", err, c.Event.Begins)
	}
	all, err := w.Sessions(t.Context(), w.call(ada, policy.ListSessions), false)
	if err != nil || len(all) != 1 {
		t.Errorf("sessions %v, %v", all, err)
	}
}

func TestAnEndedSessionIsHeardByTheOtherNode(t *testing.T) {
	cfg := store.Config{PostgresDSN: ready.DSN(t)}
	here, there := openNode(t, cfg), openNode(t, cfg)
	w := openOn(t, here)
	people := w.cfg
	people.Store, people.Log = there, slog.New(slog.DiscardHandler)
	other, err := identity.New(t.Context(), people)
	if err != nil {
		t.Fatal(err)
	}
	token, _ := w.signup("ada@example.com")
	in := w.who(w.login("ada@example.com", password))
	if _, err := other.Authenticate(t.Context(), token, w.clock.now()); err != nil {
		t.Fatal(err)
	}
	if err := w.EndSessions(t.Context(), w.call(in, policy.EndSession), true); err != nil {
		t.Fatal(err)
	}
	// Nobody asks the other node: it hears by itself.
	tick, late := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for there.Seen() < here.Seen() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("the other node has not heard of it")
		}
	}
	_, err = other.Authenticate(t.Context(), token, w.clock.now())
	wantKind(t, "on the other node", err, fault.Unauthenticated)
}

func openNode(t *testing.T, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
