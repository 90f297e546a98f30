package vault

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// ErrLapsed says that who shared a secret may not read it any more.
var ErrLapsed = fault.New(fault.Gone, "share_lapsed", "The maker of this share may no longer read the secret, or the secret is gone.")

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
	// A maker whose reads need an approval could be handed the value by a stored login of somebody else.
	if e.policies.Gated(vaultID, policy.Read, p.String()) {
		return c.RequirePerson()
	}
	return nil
}

// Lend runs with on the newest version of a path for the caller, on the account of
// maker, who must be allowed to read it at that moment, and must have shared it as a
// person where a policy asks for approvals of reads: such a gate may have come since. at
// is the moment with the maker's address. spend records the access before the value
// leaves; if it fails, nothing does. The value is wiped when with returns.
func (s *Service) Lend(ctx context.Context, c *call.Call, maker policy.Principal, at policy.Moment, vaultID string, p secretpath.Path, spend func(*Version) error, with func(*Secret) error) error {
	e, may, err := s.lends(ctx, maker, at, vaultID, p)
	if err != nil {
		return err
	}
	return s.door(ctx, c, e, Ref{Vault: vaultID, Path: p}, pass{may, spend}, with)
}

// lends is the vault from which maker may lend, and what is asked of the version.
func (s *Service) lends(ctx context.Context, maker policy.Principal, at policy.Moment, vaultID string, p secretpath.Path) (*entry, func(*Version) error, error) {
	e, err := s.known.get(ctx, s.store, vaultID)
	if err != nil {
		return nil, nil, err
	}
	r := resource(e, p)
	if e.vault.Org != maker.Org || !policy.Decide(maker, policy.ReadSecret, r, at).Allow {
		return nil, nil, ErrLapsed
	}
	if maker.Person.IsZero() && e.policies.Gated(vaultID, policy.Read, p.String()) {
		return nil, nil, ErrLapsed
	}
	return e, func(v *Version) error {
		if gone(v, at.Now) {
			return ErrGone
		}
		r.SecretType = v.Type // only now is it known
		if !policy.Decide(maker, policy.ReadSecret, r, at).Allow {
			return ErrLapsed
		}
		return nil
	}, nil
}

// MayLend returns the type of what is at the path, or why Lend would refuse it.
func (s *Service) MayLend(ctx context.Context, maker policy.Principal, at policy.Moment, vaultID string, p secretpath.Path) (string, error) {
	_, may, err := s.lends(ctx, maker, at, vaultID, p)
	if err != nil {
		return "", err
	}
	v, err := s.store.Latest(ctx, vaultID, p.String())
	if err != nil {
		return "", err
	}
	return v.Type, may(&v)
}
