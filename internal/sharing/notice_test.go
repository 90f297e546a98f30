package sharing_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// told are the letters about accesses since the last time, as address and count.
func (s *shelf) told(since int) []world.Letter {
	s.t.Helper()
	s.must(s.Sharing.Notify(s.t.Context()))
	return s.Mail.Letters(world.Accessed)[since:]
}

func TestAMakerIsToldOnceAnHour(t *testing.T) {
	s := open(t)
	sh := s.share(s.ada, sharing.Draft{Type: sharing.ToLink})
	if got := s.told(0); len(got) != 0 {
		t.Errorf("before any access: %+v", got)
	}
	read := func(times int) {
		t.Helper()
		for range times {
			s.reads("the link", policy.Principal{}, sh.PublicID(), "")
		}
	}
	letter := func(times int64) []world.Letter {
		// The row's id: what opens the link is in no mail.
		return []world.Letter{{Kind: world.Accessed, To: world.Email("ada"), ID: sh.ID, Times: times, Of: "a/b in main for anyone_with_link"}}
	}
	read(1)
	if got := s.told(0); !slices.Equal(got, letter(1)) {
		t.Errorf("after the first access: %+v", got)
	}
	read(4)
	s.Clock.Forward(hour - time.Microsecond)
	if got := s.told(1); len(got) != 0 {
		t.Errorf("within the hour: %+v", got)
	}
	s.Clock.Forward(time.Microsecond)
	if got := s.told(1); !slices.Equal(got, letter(4)) {
		t.Errorf("an hour later: %+v", got)
	}
	s.Clock.Forward(5 * hour)
	if got := s.told(2); len(got) != 0 {
		t.Errorf("nothing was read: %+v", got)
	}
}

func TestOnlyAMakerWithAnAddressIsToldOfOthersReads(t *testing.T) {
	s := open(t)
	una := s.Unconfirmed("una")
	hers := s.NewVault(una, "hers")
	s.Put(una, hers, "a/b", "the value")
	s.Grant(s.ada, s.vault, s.robot, "**", "read")
	back := s.share(s.robot, sharing.Draft{Type: sharing.ToCreator})
	s.must(s.accept(s.ada, back.PublicID()))
	link := s.share(s.robot, sharing.Draft{Type: sharing.ToLink})
	unknown := s.share(una, sharing.Draft{Type: sharing.ToLink, Vault: hers, Path: "a/b"})
	s.reads("what her agent hands back", s.ada, back.PublicID(), "")
	s.reads("her agent's link", policy.Principal{}, link.PublicID(), "")
	s.reads("of who has no confirmed address", policy.Principal{}, unknown.PublicID(), "")
	want := []world.Letter{{Kind: world.Accessed, To: world.Email("ada"), ID: link.ID, Times: 1, Of: "a/b in main for anyone_with_link"}}
	if got := s.told(0); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A mail names whom a share is for, as its maker knows them.
func TestALetterNamesWhomAShareIsFor(t *testing.T) {
	s := open(t)
	robot, err := s.DB.Agent(t.Context(), s.robot.Org, s.robot.ID)
	s.must(err)
	for i, tc := range []struct {
		draft sharing.Draft
		by    policy.Principal
		want  string
	}{
		{sharing.Draft{Type: sharing.ToUser, RecipientID: s.bob.ID}, s.bob, "a/b in main for user " + world.Email("bob")},
		{sharing.Draft{Type: sharing.ToAgent, RecipientID: s.robot.ID}, s.robot, "a/b in main for agent " + robot.Name},
		{sharing.Draft{Type: sharing.ToEmail, Email: world.Email("eve")}, s.eve, "a/b in main for external_email " + world.Email("eve")},
	} {
		sh := s.share(s.ada, tc.draft)
		s.must(s.accept(tc.by, sh.PublicID()))
		s.reads(tc.want, tc.by, sh.PublicID(), "")
		if got := s.told(i); len(got) != 1 || got[0].Of != tc.want || got[0].ID != sh.ID {
			t.Errorf("got %+v, want %q", got, tc.want)
		}
	}
}

// The log has another name for a link than its own, which opens it.
func TestTheLogKnowsALinkByAnotherID(t *testing.T) {
	s := open(t)
	link := s.share(s.ada, sharing.Draft{Type: sharing.ToLink})
	for _, tc := range []struct{ name, org, id, want string }{
		{"its own", s.ada.Org, link.PublicID(), link.ID},
		{"the log's", s.ada.Org, link.ID, link.ID},
		{"what opens it, elsewhere", s.eve.Org, link.PublicID(), link.PublicID()},
		{"of no share", s.ada.Org, s.vault, s.vault},
	} {
		if got, err := s.Sharing.LogID(t.Context(), tc.org, tc.id); err != nil || got != tc.want {
			t.Errorf("%s: got %q, %v", tc.name, got, err)
		}
	}
}

func TestOneOfManyNodesTells(t *testing.T) {
	s := open(t)
	id := s.link(sharing.Draft{})
	s.reads("the link", policy.Principal{}, id, "")
	errs := world.AtOnce(6, func(int) error { return s.Sharing.Notify(t.Context()) })
	if got := world.Count(errs); got[""] != 6 || len(s.Mail.Letters(world.Accessed)) != 1 {
		t.Errorf("got %v and the letters %+v", got, s.Mail.Letters(world.Accessed))
	}
}

func TestAMailThatCanNotBeQueuedIsAnError(t *testing.T) {
	s := open(t)
	id := s.link(sharing.Draft{})
	s.reads("the link", policy.Principal{}, id, "")
	full := errors.New("the queue is full")
	s.Mail.Fail(full)
	if err := s.Sharing.Notify(t.Context()); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}
