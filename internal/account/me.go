package account

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Me returns the calling user's account.
func (s *Service) Me(ctx context.Context, c *call.Call) (identity.Account, error) {
	return s.self(ctx, c, policy.ReadUser)
}

// Profile is what users change of themselves. A nil field stays as it is.
type Profile struct {
	DisplayName     *string
	MarketingEmails *bool
}

// UpdateMe changes the calling user's profile.
func (s *Service) UpdateMe(ctx context.Context, c *call.Call, p Profile) (identity.Account, error) {
	if _, err := s.self(ctx, c, policy.UpdateUser); err != nil {
		return identity.Account{}, err
	}
	if p.DisplayName != nil {
		name := strings.TrimSpace(*p.DisplayName)
		if err := identity.CheckText("display_name", name, 255); err != nil {
			return identity.Account{}, err
		}
		p.DisplayName = &name
	}
	c.Succeed("user", c.Who.ID)
	if err := s.store.ChangeProfile(ctx, c.Who.Org, c.Who.ID, p.DisplayName, p.MarketingEmails, c.Event); err != nil {
		return identity.Account{}, err
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
	if err := s.ProveByPassword(ctx, c, &a, old); err != nil {
		return err
	}
	if err := checkPassword(password.Reveal(), a.Email, a.DisplayName); err != nil {
		return err
	}
	hash, err := s.identity.HashPassword(ctx, password.Reveal())
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
