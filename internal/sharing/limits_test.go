package sharing_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

func TestAShareIsReadAsOftenAsItMay(t *testing.T) {
	s := open(t)
	id := s.link(sharing.Draft{MaxAccess: 3})
	got := world.Count(world.AtOnce(20, func(int) error {
		_, err := s.Sharing.Access(t.Context(), s.Call(policy.Principal{}, policy.AccessShare), id, secret.Bytes{}, "")
		return err
	}))
	if got[""] != 3 || got["share_gone"] != 17 {
		t.Errorf("got %v", got)
	}
	s.reads("once more", policy.Principal{}, id, "share_gone")
	sh, err := s.get(s.ada, id)
	if err != nil || sh.AccessCount != 3 || sh.Status(s.Clock.Now()) != "used_up" {
		t.Errorf("it is %+v, %v", sh, err)
	}
	served := 0
	for _, e := range s.Events(s.ada.Org) {
		if e.Action == string(policy.AccessShare) && e.ResourceID == sh.ID {
			served++
		}
	}
	if served != 3 {
		t.Errorf("the log has %d accesses", served)
	}
	once := s.link(sharing.Draft{MaxAccess: 1})
	s.reads("the first time", policy.Principal{}, once, "")
	s.reads("the second", policy.Principal{}, once, "share_gone")
	many := s.link(sharing.Draft{})
	for range 30 {
		s.reads("without a limit", policy.Principal{}, many, "")
	}
}

// Each access tells how many there were, without one twice.
func TestAccessesAreNumbered(t *testing.T) {
	s := open(t)
	id := s.link(sharing.Draft{})
	seen := make([]int64, 16)
	world.AtOnce(len(seen), func(i int) error {
		got, err := s.Sharing.Access(t.Context(), s.Call(policy.Principal{}, policy.AccessShare), id, secret.Bytes{}, "")
		seen[i] = got.Share.AccessCount
		return err
	})
	had := map[int64]bool{}
	for _, n := range seen {
		if n < 1 || n > 16 || had[n] {
			t.Errorf("the numbers are %v", seen)
			break
		}
		had[n] = true
	}
}

// A secret whose reads are limited is not read more often for being shared, and what
// gave nothing is not counted.
func TestTheSecretsOwnLimitHolds(t *testing.T) {
	s := open(t)
	_, err := s.Vault.Put(t.Context(), s.Call(s.ada, policy.WriteSecret), s.vault, s.Path("a/b"), vault.Draft{Value: secret.FromString("the value"), MaxAccess: 2})
	s.must(err)
	id := s.link(sharing.Draft{MaxAccess: 5})
	s.reads("the first", policy.Principal{}, id, "")
	s.reads("the second", policy.Principal{}, id, "")
	s.reads("the third", policy.Principal{}, id, "secret_gone")
	if n := s.count(id); n != 2 {
		t.Errorf("counted %d", n)
	}
}

func TestAPassphrase(t *testing.T) {
	s := open(t)
	id := s.link(sharing.Draft{Passphrase: phrase("open sesame"), MaxAccess: 3})
	for given, code := range map[string]string{"": "passphrase_required", "open sesam": "wrong_passphrase", "Open sesame": "wrong_passphrase", "open sesame ": "wrong_passphrase", "open sesame": ""} {
		_, err := s.readWith(policy.Principal{}, id, given)
		world.WantCode(t, "with "+given, err, code)
	}
	if n := s.count(id); n != 1 {
		t.Errorf("counted %d", n)
	}
	once := s.link(sharing.Draft{Passphrase: phrase("x"), MaxAccess: 1})
	_, err := s.readWith(policy.Principal{}, once, "x")
	world.WantCode(t, "the only time", err, "")
	s.reads("one that is used up, without it", policy.Principal{}, once, "share_gone")
	// A caller that is not the recipient learns nothing of the passphrase.
	to := s.share(s.ada, sharing.Draft{Type: sharing.ToUser, RecipientID: s.bob.ID, Passphrase: phrase("x")})
	s.reads("somebody else", s.ada, to.PublicID(), "share_not_yours")
	s.reads("before it is accepted", s.bob, to.PublicID(), "share_not_accepted")
	s.must(s.accept(s.bob, to.PublicID()))
	s.reads("bob", s.bob, to.PublicID(), "passphrase_required")
}

func TestWrongPassphrasesLockAShare(t *testing.T) {
	s := open(t)
	id := s.link(sharing.Draft{Passphrase: phrase("right"), ExpiresAt: s.Clock.Now().Add(300 * day)})
	try := func(what, given, code string) error {
		t.Helper()
		_, err := s.readWith(policy.Principal{}, id, given)
		world.WantCode(t, what, err, code)
		return err
	}
	wait := func(err error) time.Duration {
		t.Helper()
		e, ok := errors.AsType[*fault.Error](err)
		if !ok {
			t.Fatalf("got %v", err)
		}
		return e.RetryAfter
	}
	for n := range 9 {
		_ = try("wrong attempt "+strconv.Itoa(n+1), "wrong", "wrong_passphrase")
	}
	_ = try("without any", "", "passphrase_required") // which is no attempt
	_ = try("the right one after nine wrong ones", "right", "")
	_ = try("the tenth wrong one", "wrong", "wrong_passphrase")
	if got := wait(try("while it is locked", "right", "share_locked")); got != time.Minute {
		t.Errorf("it is locked for %s", got)
	}
	s.Clock.Forward(time.Minute - time.Microsecond)
	if got := wait(try("in the last instant of the lock", "right", "share_locked")); got != time.Microsecond {
		t.Errorf("it is locked for %s", got)
	}
	s.Clock.Forward(time.Microsecond)
	_ = try("after the lock", "right", "")
	// Each lock lasts twice as long, a day at most. Its share goes on counting: only the
	// count of attempts is set, past every layer, to spare a thousand hashes.
	for failed, want := range map[int]time.Duration{19: 2 * time.Minute, 109: 1024 * time.Minute, 119: day, 9999: day} {
		s.Exec(`UPDATE shares SET failed_count = ?, locked_until = 0`, failed)
		_ = try("a wrong one after "+strconv.Itoa(failed), "wrong", "wrong_passphrase")
		if got := wait(try("the right one then", "right", "share_locked")); got != want {
			t.Errorf("after %d wrong ones it is locked for %s, want %s", failed+1, got, want)
		}
		s.Clock.Forward(want)
		_ = try("when that is over", "right", "")
	}
}

func TestGuessesThatComeAtOnceAreNoMoreThanTen(t *testing.T) {
	s := open(t)
	id := s.link(sharing.Draft{Passphrase: phrase("right")})
	got := world.Count(world.AtOnce(24, func(int) error {
		_, err := s.Sharing.Access(t.Context(), s.Call(policy.Principal{}, policy.AccessShare), id, secret.FromString("wrong"), "")
		return err
	}))
	if got["wrong_passphrase"] != 10 || got["share_locked"] != 14 {
		t.Errorf("got %v", got)
	}
}

// A right passphrase is taken back from the count, also of those that come at once: it
// never locks out who knows it.
func TestRightPassphrasesLockNothing(t *testing.T) {
	s := open(t)
	id := s.link(sharing.Draft{Passphrase: phrase("right")})
	for range 11 {
		_, err := s.readWith(policy.Principal{}, id, "right")
		world.WantCode(t, "the right one", err, "")
	}
	if n := s.count(id); n != 11 {
		t.Errorf("counted %d", n)
	}
}
