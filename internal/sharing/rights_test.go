package sharing_test

import (
	"slices"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// A share is worth what its maker may read at that moment.
func TestAShareEndsWithItsMakersRight(t *testing.T) {
	for name, lose := range map[string]func(s *shelf, robot policy.Principal){
		"the policy is removed": func(s *shelf, robot policy.Principal) {
			for _, g := range s.grants() {
				s.must(s.Vault.RemoveGrant(s.t.Context(), s.Call(s.Here(s.ada), policy.DeletePolicy), s.vault, g))
			}
		},
		"its maker is deactivated": func(s *shelf, robot policy.Principal) {
			s.must(s.Agents.DeactivateAgent(s.t.Context(), s.Call(s.Here(s.ada), policy.DeactivateAgent), robot.ID, true))
		},
		"its maker ended": func(s *shelf, _ policy.Principal) { s.Clock.Forward(2 * hour) },
		"its maker is bound to another vault": func(s *shelf, robot policy.Principal) {
			other := s.NewVault(s.ada, "other")
			_, err := s.Agents.UpdateAgent(s.t.Context(), s.Call(s.Here(s.ada), policy.UpdateAgent), robot.ID,
				agent.Patch{VaultIDs: patch.Value([]string{other})})
			s.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			robot := s.Agent(s.ada, func(a *agent.Agent) { a.ExpiresAt = s.Clock.Now().Add(2 * hour) })
			s.Grant(s.ada, s.vault, robot, "**", "read")
			sh := s.share(robot, sharing.Draft{Type: sharing.ToLink})
			s.reads("before", policy.Principal{}, sh.PublicID(), "")
			lose(s, robot)
			if got, err := s.read(policy.Principal{}, sh.PublicID()); err == nil {
				t.Errorf("it still gives %q", got)
			}
		})
	}
}

// grants are the ids of the vault's policies.
func (s *shelf) grants() []string {
	s.t.Helper()
	all, err := s.Vault.Grants(s.t.Context(), s.Call(s.Here(s.ada), policy.ListPolicies), s.vault)
	s.must(err)
	var out []string
	for _, g := range all {
		out = append(out, g.ID)
	}
	return out
}

// A right that came back does not bring back what was shared under the one before.
func TestARightThatComesBackRevivesNoShare(t *testing.T) {
	s := open(t)
	s.Grant(s.ada, s.vault, s.bob, "a/*", "read")
	sh := s.share(s.bob, sharing.Draft{Type: sharing.ToLink})
	for _, g := range s.grants() {
		s.must(s.Vault.RemoveGrant(t.Context(), s.Call(s.Here(s.ada), policy.DeletePolicy), s.vault, g))
	}
	s.Grant(s.ada, s.vault, s.bob, "**", "read")
	if got, err := s.read(policy.Principal{}, sh.PublicID()); err == nil {
		t.Errorf("it gives %q", got)
	}
	again := s.share(s.bob, sharing.Draft{Type: sharing.ToLink})
	s.reads("a new one", policy.Principal{}, again.PublicID(), "")
	s.must(s.Orgs.RemoveMember(t.Context(), s.Call(s.Here(s.ada), policy.RemoveMember), s.bob.ID))
	if got, err := s.read(policy.Principal{}, again.PublicID()); err == nil {
		t.Errorf("its maker left, and it gives %q", got)
	}
}

// The policy that a share rests on may say when and from where it holds: what counts is
// the maker's address and the moment of the access.
func TestASharesPolicyIsAskedAtEachAccess(t *testing.T) {
	s := open(t)
	g := s.Grant(s.ada, s.vault, s.bob, "a/*", "read")
	s.Exec(`UPDATE policies SET expires_at = ? WHERE id = ?`, s.Clock.Now().Add(hour).UnixMicro(), g.ID)
	sh := s.share(s.bob, sharing.Draft{Type: sharing.ToLink})
	s.Clock.Set(world.Start().Add(hour - time.Microsecond))
	s.reads("in the policy's last instant", policy.Principal{}, sh.PublicID(), "")
	s.Clock.Set(world.Start().Add(hour))
	s.reads("when it has ended", policy.Principal{}, sh.PublicID(), "share_lapsed")
	if n := s.timesRead(sh.ID); n != 1 {
		t.Errorf("counted %d", n)
	}
}

// timesRead is how often a share of bob's was read.
func (s *shelf) timesRead(id string) int64 {
	s.t.Helper()
	sh, err := s.get(s.bob, id)
	s.must(err)
	return sh.AccessCount
}

func TestAShareKeepsTheCapsOfBothKeys(t *testing.T) {
	s := open(t)
	s.Put(s.ada, s.vault, "c/d", "another value")
	key := s.ByKey(s.ada, "a/**")
	_, err := s.create(key, sharing.Draft{Type: sharing.ToLink, Vault: s.vault, Path: "c/d"})
	world.WantCode(t, "what the key does not cover", err, "secret_not_found")
	sh := s.share(key, sharing.Draft{Type: sharing.ToLink})
	if sh.InPerson || !slices.Equal(sh.MakerScopes, []string{"a/**"}) {
		t.Errorf("it is %+v", sh)
	}
	s.reads("what it covers", policy.Principal{}, sh.PublicID(), "")
	_, err = s.create(s.ByKey(s.ada, "share:write"), sharing.Draft{Type: sharing.ToLink})
	world.WantCode(t, "by a key that shares and reads nothing", err, "secret_not_found")
	// The recipient's key caps what it was given.
	id := s.given(sharing.Draft{})
	s.reads("a key for another path", s.ByKey(s.bob, "c/**"), id, "access_denied")
	s.reads("a key for the path", s.ByKey(s.bob, "a/**"), id, "")
	if n := s.count(id); n != 1 {
		t.Errorf("counted %d", n)
	}
	world.WantCode(t, "a list by a key for another path", func() error {
		if got := s.inbound(s.ByKey(s.bob, "c/**")); len(got) != 0 {
			t.Errorf("it shows %v", got)
		}
		_, err := s.get(s.ByKey(s.bob, "c/**"), id)
		return err
	}(), "access_denied")
}
