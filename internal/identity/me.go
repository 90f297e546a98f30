package identity

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Me returns the calling user's account.
func (s *Service) Me(ctx context.Context, c *call.Call) (Account, error) {
	return s.self(ctx, c, policy.ReadUser)
}

func (s *Service) self(ctx context.Context, c *call.Call, a policy.Action) (Account, error) {
	c.Touch("user", c.Who.ID)
	if err := c.Authorize(a, c.Own()); err != nil {
		return Account{}, err
	}
	return s.store.Account(ctx, c.Who.ID, c.Who.Org)
}

// Profile is what users change of themselves. A nil field stays as it is.
type Profile struct {
	DisplayName     *string
	MarketingEmails *bool
}

// UpdateMe changes the calling user's profile.
func (s *Service) UpdateMe(ctx context.Context, c *call.Call, p Profile) (Account, error) {
	if _, err := s.self(ctx, c, policy.UpdateUser); err != nil {
		return Account{}, err
	}
	if p.DisplayName != nil {
		name := strings.TrimSpace(*p.DisplayName)
		if err := checkText("display_name", name, 255); err != nil {
			return Account{}, err
		}
		p.DisplayName = &name
	}
	c.Succeed("user", c.Who.ID)
	if err := s.store.ChangeProfile(ctx, c.Who.Org, c.Who.ID, p.DisplayName, p.MarketingEmails, c.Event); err != nil {
		return Account{}, err
	}
	return s.store.Account(ctx, c.Who.ID, c.Who.Org)
}

// ChangePassword sets a new password. All the user's tokens die but the one
// that asks, and stored logins; API keys that last longer stay.
func (s *Service) ChangePassword(ctx context.Context, c *call.Call, old, password secret.Bytes) error {
	a, err := s.self(ctx, c, policy.ChangePassword)
	if err != nil {
		return err
	}
	if err := s.proveByPassword(ctx, c, &a, old); err != nil {
		return err
	}
	if err := checkPassword(password.Reveal(), a.Email, a.DisplayName); err != nil {
		return err
	}
	hash, err := s.hash(ctx, password.Reveal())
	if err != nil {
		return err
	}
	c.Succeed("user", a.ID)
	if err := s.store.SetPassword(ctx, a.Org, a.ID, a.PasswordHash, hash, keptOf(c), c.Event); err != nil {
		return err
	}
	s.notice(ctx, &a, "The password of your account was changed. All other sessions have ended, of the command line too; personal API keys that last longer than a day have not.")
	return nil
}

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
		return errUnauthenticated
	case se.jti == "":
		return fault.New(fault.Invalid, "not_a_token", "This is a key, not a token: delete the API key, or rotate the agent's key, to end it.")
	}
	c.Event.Details.Outcome, c.Event.Details.Token = audit.Success, se.jti
	if se.login != "" {
		return s.store.EndSession(ctx, c.Who.Org, c.Who.ID, se.login, true, c.Now, c.Event)
	}
	return s.store.Revoke(ctx, c.Who.Org, se.jti, se.exp, c.Now, c.Event)
}
