package vault

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Over decides about an action on a path that opens nothing, for those who keep what is said of
// the path elsewhere. The call's event names vault and path.
func (s *Service) Over(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, a policy.Action) error {
	e, err := s.touch(ctx, c, vaultID, p)
	if err != nil {
		return err
	}
	return c.Authorize(a, resource(e, p))
}

// Named returns the id of the vault of that name, or NotFound: also where the caller may not
// know of it.
func (s *Service) Named(ctx context.Context, c *call.Call, name string) (string, error) {
	v, err := s.store.VaultNamed(ctx, c.Who.Org, name)
	if err != nil {
		return "", err
	}
	e, err := s.known.get(ctx, s.store, v.ID)
	if err != nil {
		return "", err
	}
	if !policy.Decide(c.Who, policy.ReadVault, resource(e, secretpath.Path{}), c.At()).Allow {
		return "", errNoVault
	}
	return v.ID, nil
}
