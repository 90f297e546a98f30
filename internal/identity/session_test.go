package identity_test

import (
	"slices"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// A session begins with its login's event, ends when it is told to, and is kept
// long after that.
func TestSessions(t *testing.T) {
	w := world.Open(t)
	ctx := t.Context()
	ada, first := w.SignUp("ada")
	second := w.LogIn("ada@example.com", world.Password)
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
	strangers, _ := w.SignUp("bob")
	world.WantCode(t, "another's", w.Accounts.EndSession(ctx, w.Call(strangers, policy.EndSession), ada.Session, true), "session_not_found")
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
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	c := w.Anon(policy.Signup)
	if _, err := w.Accounts.Signup(t.Context(), c, "ada@example.com", secret.FromString(world.Password), ""); err == nil || c.Event.Begins != nil {
		t.Errorf("signed up twice: %v, %+v", err, c.Event.Begins)
	}
	all, err := w.Accounts.Sessions(t.Context(), w.Call(ada, policy.ListSessions), false)
	if err != nil || len(all) != 1 {
		t.Errorf("sessions %v, %v", all, err)
	}
}

func TestAnEndedSessionIsHeardByTheOtherNode(t *testing.T) {
	w := world.Open(t, func(s *world.Setup) { s.Postgres = true })
	other := w.OtherNode()
	_, token := w.SignUp("ada")
	in := w.Who(w.LogIn("ada@example.com", world.Password))
	if _, err := other.Identity.Authenticate(t.Context(), token, w.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	if err := w.Accounts.EndSessions(t.Context(), w.Call(in, policy.EndSession), true); err != nil {
		t.Fatal(err)
	}
	other.Hear(w)
	_, err := other.Identity.Authenticate(t.Context(), token, w.Clock.Now())
	world.WantKind(t, "on the other node", err, fault.Unauthenticated)
}
