package world_test

import (
	"errors"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestPeopleAreWhoTheDatabaseSaysTheyAre(t *testing.T) {
	w := world.Open(t)
	ada := w.Owner("ada")
	bob := w.Member(ada, "bob", policy.RoleMember)
	boss := w.Boss("boss")
	robot := w.Agent(ada)
	key := w.ByKey(ada, "prod/**")
	signed, token := w.SignUp("sue")
	if ada.Role != policy.RoleOwner || !ada.Here(w.Clock.Now()) || ada.PlatformAdmin {
		t.Errorf("the owner is %+v", ada)
	}
	if bob.Org != ada.Org || bob.Role != policy.RoleMember || bob.ID == ada.ID {
		t.Errorf("the member is %+v", bob)
	}
	if !boss.PlatformAdmin || boss.Org == ada.Org {
		t.Errorf("the boss is %+v", boss)
	}
	if robot.Kind != policy.KindAgent || robot.Org != ada.Org || robot.Creator != ada.ID || robot.Bare {
		t.Errorf("the agent is %+v", robot)
	}
	if key.ID != ada.ID || key.Key == "" || len(key.Scopes) != 1 || key.Here(w.Clock.Now()) {
		t.Errorf("who comes with a key is %+v", key)
	}
	if again := w.Who(token); again.ID != signed.ID || signed.Session == "" || !signed.Here(w.Clock.Now()) {
		t.Errorf("who signed up is %+v, later %+v", signed, again)
	}
	for who, want := range map[string]struct {
		p         policy.Principal
		confirmed bool
	}{"ada": {ada, true}, "una": {w.Unconfirmed("una"), false}} {
		email, confirmed, err := w.Identity.Address(t.Context(), want.p.ID, want.p.Org)
		if err != nil || email != world.Email(who) || confirmed != want.confirmed {
			t.Errorf("%s has the address %s, confirmed: %v, %v", who, email, confirmed, err)
		}
	}
}

func TestASecretGoesThroughTheRealLayers(t *testing.T) {
	for name, change := range map[string]func(*world.Setup){
		"SQLite":     func(*world.Setup) {},
		"PostgreSQL": func(s *world.Setup) { s.Postgres = true },
	} {
		t.Run(name, func(t *testing.T) {
			w := world.Open(t, change)
			ada := w.Boss("ada")
			robot := w.Agent(ada)
			v := w.NewVault(ada, "main")
			w.Put(ada, v, "prod/db", "the value")
			_, err := w.Vault.Reveal(t.Context(), w.Call(robot, policy.ReadSecret), v, w.Path("prod/db"))
			if err == nil {
				t.Error("an agent without a policy reads a secret")
			}
			w.Grant(ada, v, robot, "prod/*", "read")
			s, err := w.Vault.Reveal(t.Context(), w.Call(robot, policy.ReadSecret), v, w.Path("prod/db"))
			if err != nil || string(s.Value.Reveal()) != "the value" {
				t.Fatalf("the agent reads %q, %v", s.Value.Reveal(), err)
			}
			last := w.Last(ada.Org)
			if last.Action != string(policy.ReadSecret) || last.ActorID != robot.ID || last.Detail("outcome") != audit.Success || last.Detail("path") != "prod/db" {
				t.Errorf("the last event is %+v %s", last.Event, last.DetailsJSON)
			}
		})
	}
}

func TestTheClockIsTheTests(t *testing.T) {
	c := world.NewClock()
	c.Forward(time.Hour)
	if got := c.Now(); !got.Equal(world.Start().Add(time.Hour)) {
		t.Errorf("an hour later it is %s", got)
	}
	c.Set(world.Start())
	if got := c.Now(); !got.Equal(world.Start()) {
		t.Errorf("it was set back to %s", got)
	}
}

func TestTheOutboxKeepsMailsOrFails(t *testing.T) {
	w := world.Open(t)
	for _, token := range []string{"one", "two"} {
		if err := w.Mail.VerifyEmail(t.Context(), "ada@example.com", token); err != nil {
			t.Fatal(err)
		}
	}
	full := errors.New("the queue is full")
	w.Mail.Fail(full)
	if err := w.Mail.ShareReceived(t.Context(), "ada@example.com", "id", "proof", "", world.Start()); !errors.Is(err, full) {
		t.Errorf("a mail that fails: %v", err)
	}
	if all := w.Mail.Letters(""); len(all) != 2 || w.Mail.Token(world.Verify, "ada@example.com") != "two" || len(w.Mail.Letters(world.Received)) != 0 {
		t.Errorf("the outbox has %+v", all)
	}
}

func TestAtOnceRunsAll(t *testing.T) {
	odd := errors.New("odd")
	got := world.Count(world.AtOnce(10, func(i int) error {
		if i%2 == 1 {
			return odd
		}
		return nil
	}))
	if got[""] != 5 || got["internal_error"] != 5 {
		t.Errorf("got %v", got)
	}
}

func TestAnotherNodeStandsOnTheSameDatabase(t *testing.T) {
	for name, change := range map[string]func(*world.Setup){
		"SQLite":     func(*world.Setup) {},
		"PostgreSQL": func(s *world.Setup) { s.Postgres = true },
	} {
		t.Run(name, func(t *testing.T) {
			w := world.Open(t, change)
			ada, token := w.SignUp("ada")
			v := w.NewVault(ada, "main")
			w.Put(ada, v, "a", "the value")
			other := w.OtherNode()
			if other.Vault == w.Vault || other.Identity == w.Identity || other.Mail != w.Mail || other.Clock != w.Clock {
				t.Error("the other node has services of its own, and the same mail and clock")
			}
			s, err := other.Vault.Reveal(t.Context(), other.Call(other.Who(token), policy.ReadSecret), v, w.Path("a"))
			if err != nil || string(s.Value.Reveal()) != "the value" {
				t.Errorf("it reads %q, %v", s.Value.Reveal(), err)
			}
			if err := w.Identity.Revoke(t.Context(), w.Call(ada, policy.Logout), token); err != nil {
				t.Fatal(err)
			}
			other.Hear(w)
			other.Dead("a token that was revoked at the first", token)
		})
	}
}
