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
	e, err := s.known.get(ctx, s.store, vaultID)
	if err != nil || e.vault.Org != c.Who.Org {
		if err == nil || fault.Is(err, fault.NotFound) {
			return false, nil
		}
		return false, err
	}
	d := policy.Decide(c.Who, policy.UseSecret, resource(e, p), c.At())
	return d.Allow || d.Reason == policy.ReasonApprovalRequired, nil
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
