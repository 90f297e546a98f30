package vault

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// MayUse reports whether the caller may use what is at a path, or could once a human
// approves it. Nothing is asked for, opened or noted.
func (s *Service) MayUse(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (bool, error) {
	return s.may(ctx, c, policy.UseSecret, vaultID, p)
}

// May is MayUse of a version and an action: false also where it is gone.
func (s *Service) May(ctx context.Context, c *call.Call, a policy.Action, at Ref) (bool, error) {
	ok, err := s.may(ctx, c, a, at.Vault, at.Path)
	if !ok || err != nil {
		return false, err
	}
	v, err := s.store.At(ctx, at.Vault, at.Path.String(), at.Version)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && !gone(&v, c.Now), err
}

func (s *Service) may(ctx context.Context, c *call.Call, a policy.Action, vaultID string, p secretpath.Path) (bool, error) {
	e, err := s.known.get(ctx, s.store, vaultID)
	if err != nil || e.vault.Org != c.Who.Org {
		if err == nil || fault.Is(err, fault.NotFound) {
			return false, nil
		}
		return false, err
	}
	d := policy.Decide(c.Who, a, resource(e, p), c.At())
	return d.Allow || d.Reason == policy.ReasonApprovalRequired, nil
}

// MayRead reports whether the caller is shown the newest version at a path, without anybody being asked.
func (s *Service) MayRead(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (bool, error) {
	ok, err := s.may(ctx, c, policy.ReadSecret, vaultID, p)
	if !ok || err != nil {
		return false, err
	}
	v, err := s.store.Latest(ctx, vaultID, p.String())
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil || gone(&v, c.Now) {
		return false, err
	}
	e, err := s.known.get(ctx, s.store, vaultID)
	if err != nil {
		return false, err
	}
	r := resource(e, p)
	r.SecretType = v.Type
	return policy.Decide(c.Who, policy.ReadSecret, r, c.At()).Allow, nil
}

// MayGoOn reports whether the caller may still use what it uses. approved is the approval that the use
// rests on, or empty.
func (s *Service) MayGoOn(ctx context.Context, c *call.Call, at Ref, approved string) (bool, error) {
	e, err := s.known.get(ctx, s.store, at.Vault)
	if err != nil || e.vault.Org != c.Who.Org {
		if err == nil || fault.Is(err, fault.NotFound) {
			return false, nil
		}
		return false, err
	}
	r := resource(e, at.Path)
	d := policy.Decide(c.Who, policy.UseSecret, r, c.At())
	if d.Reason != policy.ReasonApprovalRequired || approved == "" {
		return d.Allow, nil
	}
	under, stands, err := s.approvals.Stands(ctx, approved)
	if err != nil || !stands {
		return false, err
	}
	r.Approved = under
	return policy.Decide(c.Who, policy.UseSecret, r, c.At()).Allow, nil
}

// Lives reports whether the newest version at a path is still there: neither deleted nor disabled
// nor expired. That its uses are spent is no matter: the caller has had one. It asks for no
// right; MayUse does.
func (s *Service) Lives(ctx context.Context, c *call.Call, at Ref) (bool, error) {
	v, err := s.store.Latest(ctx, at.Vault, at.Path.String())
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	v.MaxAccess = 0
	return err == nil && !gone(&v, c.Now), err
}

// Size is how many bytes the newest value at a path has, without opening it; false where there is none. It asks for
// no right: the caller of this may say where the path is used.
func (s *Service) Size(ctx context.Context, vaultID string, p secretpath.Path) (int, bool, error) {
	v, err := s.store.Latest(ctx, vaultID, p.String())
	if fault.Is(err, fault.NotFound) {
		return 0, false, nil
	}
	return v.Box.Size(), err == nil, err
}

// Usable returns the version that Use would open for the caller, without its value. It
// refuses as Use does, but asks nobody for an approval that the use will need.
func (s *Service) Usable(ctx context.Context, c *call.Call, at Ref) (Version, error) {
	e, err := s.touch(ctx, c, at.Vault, at.Path)
	if err != nil {
		return Version{}, err
	}
	ad, _, _, err := s.weigh(ctx, c, policy.UseSecret, resource(e, at.Path), use(c, e, at.Path, policy.UseSecret))
	if err != nil {
		return Version{}, err
	}
	v, err := s.store.Latest(ctx, at.Vault, at.Path.String())
	if err != nil {
		return Version{}, err
	}
	if gone(&v, c.Now) {
		return Version{}, ErrGone
	}
	r := ad.resource
	r.SecretType = v.Type // only now is it known
	v.Box.Ciphertext, v.Box.WrappedDEK = nil, nil
	return v, policy.Decide(c.Who, policy.UseSecret, r, c.At()).ErrOf(policy.UseSecret)
}
