package account

import (
	"context"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Confirmation is what somebody has to send who wants its account deleted.
const Confirmation = "DELETE MY ACCOUNT"

// GoneKept is how long it is known who was deleted: longer than any request or
// background write that began before.
const GoneKept = 24 * time.Hour

var (
	errConfirm   = invalid("confirmation_required", `Nothing was deleted. Send "confirmation": "`+Confirmation+`", exactly so.`)
	errLastAdmin = fault.New(fault.Conflict, "last_platform_admin",
		"This is the account of the last platform admin. Make another before it is deleted.")
	errOwnUser = fault.New(fault.Denied, "own_account", "Delete your own account with DELETE /v1/auth/me.")
)

// Erasure says whose account is deleted.
type Erasure struct {
	User string
	At   time.Time
	// Note returns the event for the log of another organisation of that user than
	// the one whose log has the request's.
	Note func(org string) *audit.Event
}

// KeepsAdmin refuses to delete the account of a platform admin besides whom there are
// no others.
func KeepsAdmin(others int64) error {
	if others == 0 {
		return errLastAdmin
	}
	return nil
}

// DeleteMe deletes the calling user's account for good: see erase.
func (s *Service) DeleteMe(ctx context.Context, c *call.Call, confirmation string) error {
	a, err := s.self(ctx, c, policy.DeleteUser)
	switch {
	case err != nil:
		return err
	case confirmation != Confirmation:
		return errConfirm
	}
	return s.erase(ctx, c, a.ID, a.Email)
}

// DeleteUser deletes any other account. The caller is a platform admin.
func (s *Service) DeleteUser(ctx context.Context, c *call.Call, user string) error {
	c.Touch("user", user)
	if err := c.Authorize(policy.DeleteAnyUser, c.Own()); err != nil {
		return err
	}
	if user == c.Who.ID {
		return errOwnUser
	}
	email, err := s.store.EmailOf(ctx, user)
	if err != nil {
		return err
	}
	return s.erase(ctx, c, user, email)
}

// erase deletes an account in one transaction: killed at any moment, the server
// has all of it or nothing of it. Organisations that it leaves without a member
// go with it, and the keys of their vaults are destroyed. In other organisations
// its agents stop and become the successor's; what others keep names
// nobody in its place. Only the audit log still knows its id.
func (s *Service) erase(ctx context.Context, c *call.Call, user, email string) error {
	c.Succeed("user", user)
	e := Erasure{User: user, At: stamp.Of(c.Now), Note: func(org string) *audit.Event {
		ev := *c.Event
		ev.ID, ev.Org = ids.New(), org
		return &ev
	}}
	if err := s.store.RemoveUser(ctx, e, c.Event); err != nil {
		return err
	}
	// The rows are gone for good: a key that can't be destroyed now stays scheduled
	// for it, and is tried again.
	if s.cfg.Shredder != nil {
		if err := s.cfg.Shredder.Sweep(context.WithoutCancel(ctx)); err != nil {
			s.cfg.Log.Error("the keys of a deleted organisation could not be destroyed yet", slog.Any("error", err))
		}
	}
	s.notice(ctx, &identity.Account{User: identity.User{ID: user, Email: email}}, "Your account was deleted, with the organisations that had no other member and all their secrets. This can't be undone.")
	return nil
}
