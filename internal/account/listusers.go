package account

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// ListUsers returns a part of all users of the server, oldest first, each in its
// home organisation, and how many there are. The caller is a platform admin.
func (s *Service) ListUsers(ctx context.Context, c *call.Call, limit, offset int) ([]identity.Account, int64, error) {
	c.Touch("user", "")
	if err := c.Authorize(policy.ListAllUsers, c.Own()); err != nil {
		return nil, 0, err
	}
	return s.store.AllAccounts(ctx, limit, offset)
}
