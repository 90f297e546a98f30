package sharing_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestRecipientsOfAShare(t *testing.T) {
	s := open(t)
	other := s.Agent(s.ada)
	s.Grant(s.ada, s.vault, s.robot, "a/*", "read")
	who := map[string]policy.Principal{"ada": s.ada, "bob": s.bob, "eve": s.eve, "robot": s.robot, "other": other, "stranger": {}}
	const no, gone, in = "share_not_yours", "share_not_found", "unauthenticated"
	for name, tc := range map[string]struct {
		maker policy.Principal
		draft sharing.Draft
		for_  string // whom it is for
		rest  map[string]string
	}{
		"a user": {s.ada, sharing.Draft{Type: sharing.ToUser, RecipientID: s.bob.ID}, "bob",
			map[string]string{"ada": no, "robot": no, "other": no, "eve": gone, "stranger": in}},
		"an agent": {s.ada, sharing.Draft{Type: sharing.ToAgent, RecipientID: s.robot.ID}, "robot",
			map[string]string{"ada": no, "bob": no, "other": no, "eve": gone, "stranger": in}},
		"the agent's human": {s.robot, sharing.Draft{Type: sharing.ToCreator}, "ada",
			map[string]string{"bob": no, "robot": no, "other": no, "eve": gone, "stranger": in}},
		"an address": {s.ada, sharing.Draft{Type: sharing.ToEmail, Email: "EVE@example.com"}, "eve",
			map[string]string{"ada": no, "bob": no, "robot": no, "other": no, "stranger": in}},
	} {
		t.Run(name, func(t *testing.T) {
			sh := s.share(tc.maker, tc.draft)
			id := sh.PublicID()
			for reader, code := range tc.rest {
				s.reads(reader, who[reader], id, code)
				if reader != "stranger" {
					world.WantCode(t, reader+" accepts", s.accept(who[reader], id), code)
					world.WantCode(t, reader+" declines", s.decline(who[reader], id), code)
				}
			}
			mine := who[tc.for_]
			if tc.draft.Type != sharing.ToEmail { // to open one by its address is to accept it
				s.reads("before it is accepted", mine, id, "share_not_accepted")
			}
			world.WantCode(t, "to accept", s.accept(mine, id), "")
			s.reads(tc.for_, mine, id, "")
			if !slices.Contains(s.inbound(mine), id) {
				t.Error("it is not in the list of its recipient")
			}
			if got, err := s.get(mine, id); err != nil || got.Status(s.Clock.Now()) != "accepted" || got.AccessCount != 1 {
				t.Errorf("it is %+v, %v", got, err)
			}
		})
	}
}

func TestALinkIsForWhoHasIt(t *testing.T) {
	s := open(t)
	sh := s.share(s.ada, sharing.Draft{Type: sharing.ToLink})
	id := sh.PublicID()
	if id == sh.ID || s.Sharing.URL(&sh) != world.PublicURL+"/v1/share/"+id {
		t.Errorf("the link is %s of the row %s", s.Sharing.URL(&sh), sh.ID)
	}
	for name, who := range map[string]policy.Principal{"ada": s.ada, "bob": s.bob, "eve": s.eve, "robot": s.robot, "a stranger": {}} {
		s.reads(name, who, id, "")
	}
	// The row's id is in the log, and opens nothing.
	s.reads("by the row's id", policy.Principal{}, sh.ID, "share_not_found")
	// What is stored of what opens it opens nothing either.
	s.reads("by the hash", policy.Principal{}, sh.Handle, "share_not_found")
	s.reads("by the hash, as its maker", s.ada, sh.Handle, "share_not_found")
	for _, wrong := range []string{"", "x", strings.ToUpper(id), id + " ", world.Start().String()} {
		s.reads("by "+wrong, policy.Principal{}, wrong, "share_not_found")
	}
	for who, code := range map[*policy.Principal]string{&s.bob: "share_not_yours", &s.eve: "share_not_found"} {
		world.WantCode(t, "to accept a link", s.accept(*who, id), code)
	}
	if all := s.outbound(s.ada); !slices.Equal(all, []string{id}) {
		t.Errorf("its maker's list has %v", all)
	}
	e := s.Last(s.ada.Org)
	if e.Action != string(policy.AccessShare) || e.ResourceID != sh.ID || e.Detail("path") != "a/b" || e.Detail("vault_id") != s.vault || e.Detail("version") != "1" || e.Detail("outcome") != audit.Success {
		t.Errorf("the log has %+v %s", e.Event, e.DetailsJSON)
	}
	for _, e := range s.Events(s.ada.Org) {
		if strings.Contains(string(e.DetailsJSON)+e.ResourceID, id) {
			t.Errorf("the log has what opens the link: %s", e.DetailsJSON)
		}
	}
}

func TestAShareFollowsItsPath(t *testing.T) {
	s := open(t)
	id := s.given(sharing.Draft{SecretID: s.Put(s.ada, s.vault, "a/b", "the second value")})
	s.Put(s.ada, s.vault, "a/b", "the value")
	s.reads("a newer version", s.bob, id, "")
	s.must(s.Vault.Delete(t.Context(), s.Call(s.ada, policy.DeleteSecret), s.vault, s.Path("a/b")))
	s.reads("a secret that was deleted", s.bob, id, "secret_gone")
	s.Put(s.ada, s.vault, "a/b", "the value")
	s.reads("a secret that came back", s.bob, id, "")
	s.must(s.Vault.Remove(t.Context(), s.Call(s.ada, policy.DeleteVault), s.vault))
	if _, err := s.read(s.bob, id); err == nil {
		t.Error("a vault that is gone is read")
	}
}

// An address is its user's when it was confirmed.
func TestAddressesThatNobodyConfirmed(t *testing.T) {
	for name, trust := range map[string]bool{"as a server is": false, "where addresses are trusted": true} {
		t.Run(name, func(t *testing.T) {
			s := open(t, func(setup *world.Setup) { setup.TrustAddresses = trust })
			una := s.Unconfirmed("una")
			sh := s.share(s.ada, sharing.Draft{Type: sharing.ToEmail, Email: world.Email("una")})
			id := sh.PublicID()
			if trust {
				s.reads("una", una, id, "")
				return
			}
			s.reads("una", una, id, "share_not_found")
			if all := s.inbound(una); len(all) != 0 {
				t.Errorf("the list has %v", all)
			}
			s.Exec(`UPDATE users SET email_verified = 1 WHERE id = ?`, una.ID)
			if all := s.inbound(una); !slices.Equal(all, []string{id}) {
				t.Errorf("once it is confirmed the list has %v", all)
			}
			s.reads("una", una, id, "")
			if got, err := s.get(una, id); err != nil || got.RecipientID != una.ID || got.Status(s.Clock.Now()) != "accepted" {
				t.Errorf("it is %+v, %v", got, err)
			}
		})
	}
}

func TestLettersToAddresses(t *testing.T) {
	s := open(t)
	una := s.Unconfirmed("una")
	v := s.NewVault(una, "hers")
	s.Put(una, v, "c", "x")
	to := sharing.Draft{Type: sharing.ToEmail, Email: "New@Example.com"}
	first := s.share(s.ada, to)
	hers := s.share(una, sharing.Draft{Type: sharing.ToEmail, Email: "new@example.com", Vault: v, Path: "c"})
	s.share(s.ada, to)
	s.share(s.ada, to)
	letters := s.Mail.Letters(world.Received)
	want := []world.Letter{
		{Kind: world.Received, To: "new@example.com", ID: first.PublicID(), By: world.Email("ada")},
		{Kind: world.Received, To: "new@example.com", ID: hers.PublicID()}, // nobody knows whose address it is
	}
	proofs := map[string]bool{}
	for i := range letters {
		proofs[letters[i].Token] = true
		letters[i].Token = ""
	}
	if len(proofs) != len(letters) || proofs[""] {
		t.Errorf("each letter has a proof of its own: %v", proofs)
	}
	if len(letters) != sharing.MaxLetters || !slices.Equal([]world.Letter{letters[0], letters[1]}, want) {
		t.Errorf("the letters are %+v", letters)
	}
	s.share(s.ada, sharing.Draft{Type: sharing.ToEmail, Email: "another@example.com"})
	if n := len(s.Mail.Letters(world.Received)); n != 4 {
		t.Errorf("another address got none: %d letters", n)
	}
	s.Clock.Forward(hour)
	s.Mail.Fail(sharing.ErrGone)
	s.share(s.ada, to) // it stands without its letter
	s.Mail.Fail(nil)
	s.share(s.ada, to)
	if n := len(s.Mail.Letters(world.Received)); n != 5 {
		t.Errorf("an hour later: %d letters", n)
	}
	if strings.Contains(s.Log.String(), "new@example.com") {
		t.Error("the server's log has the address")
	}
	for _, bad := range []string{"x", "a@", "@b", "a b@example.com", "a@example.com\r\nBcc: b@example.com"} {
		if _, err := s.create(s.ada, sharing.Draft{Type: sharing.ToEmail, Email: bad}); err == nil {
			t.Errorf("%q is an address", bad)
		}
	}
}

// A link whose seal is damaged goes by its row's id in its maker's list, which ends it.
func TestALinkWhoseSealIsDamaged(t *testing.T) {
	s := open(t)
	sh := s.share(s.ada, sharing.Draft{Type: sharing.ToLink})
	s.Exec(`UPDATE shares SET link_sealed = ? WHERE id = ?`, []byte("no seal that anybody made"), sh.ID)
	if all := s.outbound(s.ada); !slices.Equal(all, []string{sh.ID}) {
		t.Errorf("the list has %v", all)
	}
	s.reads("who has the link", policy.Principal{}, sh.PublicID(), "")
	s.reads("by the row's id", policy.Principal{}, sh.ID, "share_not_found")
	s.must(s.revoke(s.ada, sh.ID))
	s.reads("once it is revoked", policy.Principal{}, sh.PublicID(), "share_not_found")
}
