package identity_test

import (
	"slices"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/people"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/ready"
)

// A session begins with its login's event, ends when it is told to, and is kept
// long after that.
func TestSessions(t *testing.T) {
	w := people.Open(t)
	ctx := t.Context()
	first, ada := w.SignUp("ada@example.com")
	second := w.LogIn("ada@example.com", people.Password)
	in := w.Who(second)
	if in.Session == "" || in.Session == ada.Session || !in.Here(w.Clock.Now()) {
		t.Fatalf("the login is %+v", in)
	}
	list := func() (ids []string) {
		t.Helper()
		all, err := w.Accounts.Sessions(ctx, w.Call(in, policy.ListSessions), false)
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
	if err := w.Identity.FlushUse(ctx); err != nil {
		t.Fatal(err)
	}
	if row, err := w.DB.Session(ctx, in.Session); err != nil || row.SeenAt.IsZero() || row.Kind != "password" || row.User != ada.ID {
		t.Errorf("the row %+v, %v", row, err)
	}
	_, strangers := w.SignUp("bob@example.com")
	people.WantCode(t, "another's", w.Accounts.EndSession(ctx, w.Call(strangers, policy.EndSession), ada.Session, true), "session_not_found")
	w.Who(first)
	if err := w.Accounts.EndSession(ctx, w.Call(in, policy.EndSession), ada.Session, true); err != nil {
		t.Fatal(err)
	}
	w.Dead("an ended session", first)
	w.Who(second)
	if got := list(); !slices.Equal(got, []string{in.Session}) {
		t.Errorf("left are %v", got)
	}
	if err := w.Accounts.EndSessions(ctx, w.Call(in, policy.EndSession), false); err != nil {
		t.Fatal(err)
	}
	w.Dead("everywhere", second)
	// A clock that jumps a week ahead sweeps nothing that a token could still name.
	for _, at := range []time.Duration{7 * 24 * time.Hour, 60 * 24 * time.Hour} {
		if err := w.DB.Sweep(ctx, w.Clock.Now().Add(at), w.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		_, err := w.DB.Session(ctx, in.Session)
		if gone := fault.Is(err, fault.NotFound); gone != (at > 30*24*time.Hour) {
			t.Errorf("after %v: %v", at, err)
		}
		w.Dead("swept or not", second)
	}
}

// A login whose event is not stored begins no session, and one that fails leaves
// none with the event of its refusal.
func TestARefusedLoginBeginsNoSession(t *testing.T) {
	w := people.Open(t)
	_, ada := w.SignUp("ada@example.com")
	c := w.Anon(policy.Signup)
	if _, err := w.Accounts.Signup(t.Context(), c, "ada@example.com", secret.FromString(people.Password), ""); err == nil || c.Event.Begins != nil {
		t.Errorf("signed up twice: %v, %+v", err, c.Event.Begins)
	}
	all, err := w.Accounts.Sessions(t.Context(), w.Call(ada, policy.ListSessions), false)
	if err != nil || len(all) != 1 {
		t.Errorf("sessions %v, %v", all, err)
	}
}

func TestAnEndedSessionIsHeardByTheOtherNode(t *testing.T) {
	cfg := store.Config{PostgresDSN: ready.DSN(t)}
	here, there := openNode(t, cfg), openNode(t, cfg)
	w := people.OpenOn(t, here)
	same := w.Config
	same.Store = there
	other := w.With(same)
	token, _ := w.SignUp("ada@example.com")
	in := w.Who(w.LogIn("ada@example.com", people.Password))
	if _, err := other.Identity.Authenticate(t.Context(), token, w.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	if err := w.Accounts.EndSessions(t.Context(), w.Call(in, policy.EndSession), true); err != nil {
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
	_, err := other.Identity.Authenticate(t.Context(), token, w.Clock.Now())
	people.WantKind(t, "on the other node", err, fault.Unauthenticated)
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
