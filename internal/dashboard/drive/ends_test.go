package drive_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// Whatever ends a login, or what it may do, ends or changes what the cookie opens, at once
// and on every node.
func TestWhatEndsALoginEndsTheBrowsers(t *testing.T) {
	for engine, setup := range map[string]func(*rest.Setup){"sqlite": func(*rest.Setup) {}, "postgres": func(s *rest.Setup) { s.Postgres = true }} {
		t.Run(engine, func(t *testing.T) {
			one := pages.Open(t, setup)
			two := one.OtherNode()
			for name, c := range map[string]struct {
				do   func(t *testing.T, ann, bob *pages.Person)
				then int // what the page of IP rules answers bob, who was an admin
			}{
				"nothing":            {func(*testing.T, *pages.Person, *pages.Person) {}, http.StatusOK},
				"signed out":         {func(t *testing.T, _, bob *pages.Person) { bob.Post("/logout", nil) }, http.StatusSeeOther},
				"session ended":      {endSessions, http.StatusSeeOther},
				"changed password":   {changePassword, http.StatusSeeOther},
				"removed member":     {removeMember, http.StatusSeeOther},
				"demoted to member":  {demote, http.StatusForbidden},
				"idle for too long":  {func(_ *testing.T, ann, _ *pages.Person) { ann.Clock.Forward(identity.BrowserIdle + time.Second) }, http.StatusSeeOther},
				"idle, not too long": {func(_ *testing.T, ann, _ *pages.Person) { ann.Clock.Forward(identity.BrowserIdle - time.Minute) }, http.StatusOK},
			} {
				t.Run(name, func(t *testing.T) {
					who := strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), ",", "")
					ann := one.Person("ann-" + who)
					bob := one.Member(ann, "bob-"+who, policy.RoleAdmin)
					before := *bob.Cookie()
					for _, node := range []*pages.Server{one, two} {
						if status, _ := bob.At(node).Get("/organisation/networks"); status != http.StatusOK {
							t.Fatalf("before: %d", status)
						}
					}
					c.do(t, ann, bob)
					two.Hear(one.World.World)
					for n, node := range []*pages.Server{two, one} {
						bob := node.OtherBrowser(bob)
						bob.Plant(before.Value) // as one that was copied before
						if status, body := bob.Get("/organisation/networks"); status != c.then {
							t.Errorf("node %d: %d, want %d\n%.300s", n, status, c.then, body)
						}
					}
				})
			}
		})
	}
}

func endSessions(t *testing.T, _, bob *pages.Person) {
	if err := bob.Client().EndSessions(t.Context(), false); err != nil {
		t.Fatal(err)
	}
}

func changePassword(t *testing.T, _, bob *pages.Person) {
	if err := bob.Client().ChangePassword(t.Context(), client.ValueOf(world.Password), client.ValueOf("Another-1-for-today")); err != nil {
		t.Fatal(err)
	}
}

func removeMember(t *testing.T, ann, bob *pages.Person) {
	if err := ann.Client().RemoveMember(t.Context(), bob.User.ID); err != nil {
		t.Fatal(err)
	}
}

func demote(t *testing.T, ann, bob *pages.Person) {
	if _, err := ann.Client().UpdateMemberRole(t.Context(), bob.User.ID, "member"); err != nil {
		t.Fatal(err)
	}
}

// A browser that is used all day is signed out after twelve hours.
func TestABrowserInUseIsSignedOutAfterTwelveHours(t *testing.T) {
	s := pages.Open(t)
	ann := s.Person("ann")
	for at := time.Duration(0); at < identity.BrowserTotal; at += 20 * time.Minute {
		if status, _ := ann.Get("/"); status != http.StatusOK {
			t.Fatalf("after %v: %d", at, status)
		}
		s.Clock.Forward(20 * time.Minute)
	}
	if status, _ := ann.Get("/"); status != http.StatusSeeOther {
		t.Errorf("after twelve hours: %d", status)
	}
}

// A confirmation does not make the login of a browser longer.
func TestAConfirmationMakesNoLoginLonger(t *testing.T) {
	s := pages.Open(t)
	ann := s.Person("ann")
	form := credentials("ann")
	form.Set("action", "/vaults")
	form.Set("to", "/vaults")
	for at := time.Duration(0); at < identity.BrowserTotal; at += 20 * time.Minute {
		if status, _, body := ann.Post("/confirm", form); status != http.StatusSeeOther {
			t.Fatalf("after %v: %d\n%s", at, status, body)
		}
		s.Clock.Forward(20 * time.Minute)
	}
	if status, _ := ann.Get("/"); status != http.StatusSeeOther {
		t.Errorf("after twelve hours: %d", status)
	}
}

// What takes a person who has just signed in takes the form of that again after a while,
// and then goes on with what it was.
func TestAStepUpGoesOnWithTheFormThatWaited(t *testing.T) {
	s := pages.Open(t)
	ann := s.Person("ann")
	s.Clock.Forward(15 * time.Minute)
	form := map[string][]string{"email": {"new@example.com"}, "role": {"member"}}
	status, _, body := ann.Post("/organisation/invite", form)
	if status != http.StatusOK || !strings.Contains(body, `action="/confirm"`) {
		t.Fatalf("invite after a while: %d\n%s", status, body)
	}
	if list, err := ann.Client().Invitations(t.Context()); err != nil || len(list) != 0 {
		t.Fatalf("before the confirmation: %v, %v", list, err)
	}
	again := credentials("ann")
	again.Set("action", "/organisation/invite")
	again.Set("to", "/organisation")
	for name, v := range form {
		again["f."+name] = v
	}
	wrong := credentials("ann")
	wrong.Set("password", "wrong-Password-1")
	for name, v := range again {
		if !wrong.Has(name) {
			wrong[name] = v
		}
	}
	if status, _, body := ann.Post("/confirm", wrong); status != http.StatusUnauthorized || strings.Contains(body, "wrong-Password-1") {
		t.Errorf("with a wrong password: %d\n%s", status, body)
	}
	if list, err := ann.Client().Invitations(t.Context()); err != nil || len(list) != 0 {
		t.Fatalf("after the wrong ones: %v, %v", list, err)
	}
	if status, _, body := ann.Post("/confirm", again); status != http.StatusSeeOther {
		t.Errorf("confirm: %d\n%s", status, body)
	}
	if list, err := ann.Client().Invitations(t.Context()); err != nil || len(list) != 1 || list[0].Email != "new@example.com" {
		t.Errorf("after the confirmation: %v, %v", list, err)
	}
}
