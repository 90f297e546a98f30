package vault

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// DraftGrant is Grant without the writing, for a principal that is about to be
// made and is stored together with its first policy. warnings are Grant.Warnings.
func (s *Service) DraftGrant(ctx context.Context, c *call.Call, d policy.Spec) (_ policy.Spec, warnings []string, err error) {
	e, err := s.open(ctx, c, d.Vault)
	if err != nil {
		return policy.Spec{}, nil, err
	}
	if err := c.Authorize(policy.CreatePolicy, resource(e, secretpath.Path{})); err != nil {
		return policy.Spec{}, nil, err
	}
	g := Grant{
		ID: ids.New(), Vault: d.Vault, Pattern: d.Pattern, PrincipalKind: d.PrincipalKind, PrincipalID: d.PrincipalID,
		Permissions: d.Permissions, Conditions: d.Conditions, ExpiresAt: d.ExpiresAt, CreatedAt: stamp.Of(c.Now),
	}
	if err := g.cap(c); err != nil {
		return policy.Spec{}, nil, err
	}
	if err := gated(c, e, g.ID, &g); err != nil {
		return policy.Spec{}, nil, err
	}
	if warnings, err = cancels(c, e, &g); err != nil {
		return policy.Spec{}, nil, err
	}
	d.ID, d.Conditions, d.ExpiresAt = g.ID, g.Conditions, g.ExpiresAt
	return d, warnings, nil
}
