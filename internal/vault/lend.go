package vault

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/budget"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// ErrLapsed says that who shared a secret may not read it any more.
var ErrLapsed = fault.New(fault.Gone, "share_lapsed", "Who made this share may not read the secret any more, or the secret is gone.")

// MayShare returns nil when the caller may hand on what is at the path. It may
// not when it can't read it, and then there is nothing there: the answer is that
// of a secret that does not exist. Where some policy asks for approvals of reads it
// takes a person.
func (s *Service) MayShare(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) error {
	e, err := s.known.get(ctx, s.store, vaultID)
	if fault.Is(err, fault.NotFound) {
		return errNoSecret
	}
	if err != nil {
		return err
	}
	r := resource(e, p)
	if e.vault.Org != c.Who.Org || c.Authorize(policy.CreateShare, r) != nil {
		return errNoSecret
	}
	v, err := s.store.Latest(ctx, vaultID, p.String())
	if err != nil {
		return err
	}
	if gone(&v, c.Now) {
		return errNoSecret
	}
	r.SecretType = v.Type
	if err := c.Authorize(policy.CreateShare, r); err != nil {
		return err
	}
	// Whoever must ask could be handed the value by a stored login of somebody else.
	if e.policies.Gated(vaultID, policy.Read, p.String()) {
		return c.RequirePerson()
	}
	return nil
}

// Lend opens the newest version of a path for somebody else, on the account of
// maker, who must be allowed to read it at that moment, and must have shared it as a
// person where a policy asks for approvals of reads: such a gate may have come since. spend
// records the access before the value leaves; if it fails, nothing does.
func (s *Service) Lend(ctx context.Context, maker policy.Principal, at policy.Moment, room *budget.Lease, vaultID string, p secretpath.Path, spend func(*Version) error) (Secret, error) {
	e, err := s.known.get(ctx, s.store, vaultID)
	if err != nil {
		return Secret{}, err
	}
	r := resource(e, p)
	if e.vault.Org != maker.Org || !policy.Decide(maker, policy.ReadSecret, r, at).Allow {
		return Secret{}, ErrLapsed
	}
	if maker.Person.IsZero() && e.policies.Gated(vaultID, policy.Read, p.String()) {
		return Secret{}, ErrLapsed
	}
	var v Version
	read := func() (err error) { v, err = s.store.Latest(ctx, vaultID, p.String()); return err }
	if err := fetch(ctx, room, &v, read); err != nil {
		return Secret{}, err
	}
	if gone(&v, at.Now) {
		return Secret{}, errGone
	}
	r.SecretType = v.Type
	if !policy.Decide(maker, policy.ReadSecret, r, at).Allow {
		return Secret{}, ErrLapsed
	}
	value, err := s.openBox(ctx, &e.vault, p, &v)
	if err != nil {
		return Secret{}, err
	}
	v.Box.Ciphertext = nil
	if err := spend(&v); err != nil {
		value.Wipe()
		return Secret{}, err
	}
	return Secret{Version: v, Value: value}, nil
}
