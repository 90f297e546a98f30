package identity

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Revoke ends the token that the caller came with, everywhere at once. A user's
// login ends with it: all its tokens, of other organisations too.
func (s *Service) Revoke(ctx context.Context, c *call.Call, bearer string) error {
	c.Touch(string(c.Who.Kind), c.Who.ID)
	if err := c.Authorize(policy.Logout, c.Own()); err != nil {
		return err
	}
	se, ok := s.read(ctx, bearer, c.Now)
	switch {
	case !ok:
		return ErrUnauthenticated
	case se.jti == "":
		return fault.New(fault.Invalid, "not_a_token", "This is a key, not a token: delete the API key, or rotate the agent's key, to end it.")
	}
	c.Event.Details.Outcome, c.Event.Details.Token = audit.Success, se.jti
	if se.login != "" {
		return s.store.EndSession(ctx, c.Who.Org, c.Who.ID, se.login, true, c.Now, c.Event)
	}
	return s.store.Revoke(ctx, c.Who.Org, se.jti, se.exp, c.Now, c.Event)
}
