package sharing_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// shelf is a secret of ada's, and those with whom it is shared: bob and robot belong to
// her organisation, eve does not.
type shelf struct {
	*world.World
	t             *testing.T
	ada, bob, eve policy.Principal
	robot         policy.Principal
	vault         string
}

func open(t *testing.T, change ...func(*world.Setup)) *shelf {
	t.Helper()
	w := world.Open(t, change...)
	s := &shelf{World: w, t: t, ada: w.Owner("ada")}
	s.bob, s.eve, s.robot = w.Member(s.ada, "bob", policy.RoleMember), w.Owner("eve"), w.Agent(s.ada)
	s.vault = w.NewVault(s.ada, "main")
	w.Put(s.ada, s.vault, "a/b", "the value")
	return s
}

func (s *shelf) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// create makes a share of the secret as who, in a minute that has seen none.
func (s *shelf) create(who policy.Principal, d sharing.Draft) (sharing.Share, error) {
	s.Clock.Forward(sharing.Window)
	if d.Vault == "" && d.SecretID == "" {
		d.Vault, d.Path = s.vault, "a/b"
	}
	if who.Kind == policy.KindUser && who.Key == "" {
		who = s.Here(who)
	}
	return s.Sharing.Create(s.t.Context(), s.Call(who, policy.CreateShare), d)
}

// share makes one, which must succeed.
func (s *shelf) share(who policy.Principal, d sharing.Draft) sharing.Share {
	s.t.Helper()
	sh, err := s.create(who, d)
	s.must(err)
	return sh
}

// link makes a link of ada's.
func (s *shelf) link(d sharing.Draft) string {
	s.t.Helper()
	d.Type = sharing.ToLink
	sh := s.share(s.ada, d)
	return sh.PublicID()
}

// given makes a share of ada's to bob, which bob has accepted.
func (s *shelf) given(d sharing.Draft) string {
	s.t.Helper()
	d.Type, d.RecipientID = sharing.ToUser, s.bob.ID
	sh := s.share(s.ada, d)
	s.must(s.accept(s.bob, sh.PublicID()))
	return sh.PublicID()
}

// read reads a share's value.
func (s *shelf) read(who policy.Principal, id string) (string, error) { return s.readWith(who, id, "") }

func (s *shelf) readWith(who policy.Principal, id, phrase string) (string, error) {
	return s.readFrom(who, id, phrase, world.Address)
}

func (s *shelf) readFrom(who policy.Principal, id, phrase string, from netip.Addr) (string, error) {
	s.t.Helper()
	c := s.Call(who, policy.AccessShare)
	c.IP = from
	got, err := s.Sharing.Access(s.t.Context(), c, id, secret.FromString(phrase), "")
	if c.Event.Committed != (err == nil) {
		s.t.Errorf("an access that ended with %v: its event is committed: %v", err, c.Event.Committed)
	}
	if err != nil && got.Value.Len() > 0 {
		s.t.Errorf("a value came with %v", err)
	}
	return string(got.Value.Reveal()), err
}

// reads checks what comes of reading: the value, or a code.
func (s *shelf) reads(what string, who policy.Principal, id, code string) {
	s.t.Helper()
	got, err := s.read(who, id)
	world.WantCode(s.t, what, err, code)
	if err == nil && got != "the value" {
		s.t.Errorf("%s: read %q", what, got)
	}
}

func (s *shelf) accept(who policy.Principal, id string) error {
	return s.Sharing.Accept(s.t.Context(), s.Call(who, policy.AcceptShare), id)
}

func (s *shelf) decline(who policy.Principal, id string) error {
	return s.Sharing.Decline(s.t.Context(), s.Call(who, policy.DeclineShare), id)
}

func (s *shelf) revoke(who policy.Principal, id string) error {
	return s.Sharing.Revoke(s.t.Context(), s.Call(who, policy.RevokeShare), id)
}

func (s *shelf) get(who policy.Principal, id string) (sharing.Share, error) {
	return s.Sharing.Get(s.t.Context(), s.Call(who, policy.ListShares), id)
}

// count is how often a share of ada's was read.
func (s *shelf) count(id string) int64 {
	s.t.Helper()
	sh, err := s.get(s.ada, id)
	s.must(err)
	return sh.AccessCount
}

// publicIDs are those of a list.
func publicIDs(all []sharing.Share) []string {
	var out []string
	for i := range all {
		out = append(out, all[i].PublicID())
	}
	return out
}

func (s *shelf) outbound(who policy.Principal) []string {
	s.t.Helper()
	all, err := s.Sharing.Outbound(s.t.Context(), s.Call(who, policy.ListShares))
	s.must(err)
	return publicIDs(all)
}

func (s *shelf) inbound(who policy.Principal) []string {
	s.t.Helper()
	all, err := s.Sharing.Inbound(s.t.Context(), s.Call(who, policy.ListShares))
	s.must(err)
	return publicIDs(all)
}

func phrase(s string) *secret.Bytes {
	b := secret.FromString(s)
	return &b
}

const hour, day = time.Hour, 24 * time.Hour
