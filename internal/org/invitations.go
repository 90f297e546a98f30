package org

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// InvitationTTL is how long an invitation can be accepted.
const InvitationTTL = 7 * 24 * time.Hour

// maxInvitations bounds the invitations of an organisation that wait.
const maxInvitations = 500

var (
	errInvited = fault.New(fault.Conflict, "already_invited",
		"This address is invited already. Send the invitation again, or take it back first.")
	errIsMember    = fault.New(fault.Conflict, "already_member", "This address is a member's already.")
	errInvitations = fault.New(fault.Conflict, "too_many_invitations", "Too many invitations wait for an answer. Take some back first.")
	errInvitation  = invalid("invalid_token", "The invitation is wrong, was used or taken back, or is older than a week.")
	errOtherMail   = fault.New(fault.Denied, "other_address",
		"This invitation was sent to another mail address. Accept it with the account of that address.")
	errUnconfirmed = fault.New(fault.Denied, "account_not_confirmed",
		"There is an account with this mail address, and nobody has confirmed that address yet. Join with its password, or have a new one mailed to you (forgot-password) and then join.")
)

// Invitable refuses an address that is a member's, or that an invitation waits for.
func Invitable(member, invited bool) error {
	switch {
	case member:
		return errIsMember
	case invited:
		return errInvited
	}
	return nil
}

// RoomForInvitation refuses one more where as many wait as may.
func RoomForInvitation(waiting int64) error {
	if waiting >= maxInvitations {
		return errInvitations
	}
	return nil
}

// Invite mails an invitation to join the caller's organisation. What it answers
// does not depend on whether the address has an account. count is asked whether the
// organisation may send another mail there, once it is sure that the caller may invite:
// what is refused must not use up what others have.
func (s *Service) Invite(ctx context.Context, c *call.Call, email string, role policy.Role, count func(to string) error) (Invitation, error) {
	c.Touch("invitation", "")
	if err := c.Authorize(policy.InviteMember, c.Own()); err != nil {
		return Invitation{}, err
	}
	address, err := identity.NormalizeEmail(email)
	if err != nil {
		return Invitation{}, err
	}
	if role == "" {
		role = policy.RoleMember
	}
	if !validRole(role) {
		return Invitation{}, errRole
	}
	may := func(actor Member) error { return mayChange(actor, Member{}, role) }
	if err := inPerson(c, may(Member{ID: c.Who.ID, Role: c.Who.Role}), role); err != nil {
		return Invitation{}, err
	}
	until, err := c.Capped(stamp.Of(c.Now.Add(InvitationTTL)))
	if err != nil {
		return Invitation{}, err
	}
	if err := count(address); err != nil {
		return Invitation{}, err
	}
	if err := s.store.Invited(ctx, c.Who.Org, address, c.Now); err != nil {
		return Invitation{}, err
	}
	from, err := s.store.Account(ctx, c.Who.ID, c.Who.Org)
	if err != nil {
		return Invitation{}, err
	}
	token := identity.RandomText()
	i := Invitation{
		ID: ids.New(), Org: c.Who.Org, Email: address, Role: role, TokenHash: identity.HashKey(token), InvitedBy: c.Who.ID,
		CreatedAt: stamp.Of(c.Now), ExpiresAt: stamp.Of(until),
	}
	// The mail comes first: an invitation that nobody got would only stand in the
	// way, while a mail whose invitation was not stored does no harm.
	if err := s.cfg.Mailer.Invite(ctx, address, from.Email, token, until); err != nil {
		return Invitation{}, err
	}
	c.Succeed("invitation", i.ID)
	return i, s.store.AddInvitation(ctx, i, may, c.Event)
}

// Invitations returns those that wait for an answer, and those that nobody
// answered in time.
func (s *Service) Invitations(ctx context.Context, c *call.Call) ([]Invitation, error) {
	c.Touch("org", c.Who.Org)
	if err := c.Authorize(policy.ListInvitations, c.Own()); err != nil {
		return nil, err
	}
	return s.store.Invitations(ctx, c.Who.Org)
}

// ResendInvitation mails another token for an invitation. The old one is dead. count is
// that of Invite, by the invitation's id.
func (s *Service) ResendInvitation(ctx context.Context, c *call.Call, id string, count func(to string) error) (Invitation, error) {
	c.Touch("invitation", id)
	if err := c.Authorize(policy.InviteMember, c.Own()); err != nil {
		return Invitation{}, err
	}
	i, err := s.store.Invitation(ctx, c.Who.Org, id)
	if err != nil {
		return Invitation{}, err
	}
	if err := inPerson(c, mayChange(Member{ID: c.Who.ID, Role: c.Who.Role}, Member{}, i.Role), i.Role); err != nil {
		return Invitation{}, err
	}
	until, err := c.Capped(stamp.Of(c.Now.Add(InvitationTTL)))
	if err != nil {
		return Invitation{}, err
	}
	from, err := s.store.Account(ctx, c.Who.ID, c.Who.Org)
	if err != nil {
		return Invitation{}, err
	}
	if err := count(i.ID); err != nil {
		return Invitation{}, err
	}
	token := identity.RandomText()
	if err := s.cfg.Mailer.Invite(ctx, i.Email, from.Email, token, until); err != nil {
		return Invitation{}, err
	}
	c.Succeed("invitation", i.ID)
	i.ExpiresAt = stamp.Of(until)
	return i, s.store.RenewInvitation(ctx, i, identity.HashKey(token), i.ExpiresAt, c.Event)
}

// RevokeInvitation takes an invitation back.
func (s *Service) RevokeInvitation(ctx context.Context, c *call.Call, id string) error {
	c.Touch("invitation", id)
	if err := c.Authorize(policy.RevokeInvitation, c.Own()); err != nil {
		return err
	}
	c.Succeed("invitation", id)
	return s.store.RemoveInvitation(ctx, c.Who.Org, id, c.Event)
}

// AcceptInvitation makes the calling user a member of the organisation that
// invited its address.
func (s *Service) AcceptInvitation(ctx context.Context, c *call.Call, token string) (Membership, error) {
	c.Touch("invitation", "")
	c.Touch("user", c.Who.ID)
	if err := c.Authorize(policy.AcceptInvitation, c.Own()); err != nil {
		return Membership{}, err
	}
	a, err := s.store.Account(ctx, c.Who.ID, c.Who.Org)
	if err != nil {
		return Membership{}, err
	}
	i, err := s.invitation(ctx, c, token)
	if err != nil {
		return Membership{}, err
	}
	if i.Email != a.Email {
		return Membership{}, errOtherMail
	}
	return Membership{Org: i.Org, Role: i.Role, Since: stamp.Of(c.Now)}, s.join(ctx, c, &i, a.ID)
}

// invitation returns what a token invites to.
func (s *Service) invitation(ctx context.Context, c *call.Call, token string) (Invitation, error) {
	i, err := s.store.InvitationByToken(ctx, identity.HashKey(token), c.Now)
	if fault.Is(err, fault.NotFound) {
		err = errInvitation
	}
	return i, err
}

// join spends the invitation. It is in the log of the organisation that is
// joined.
func (s *Service) join(ctx context.Context, c *call.Call, i *Invitation, user string) error {
	err := c.Draft(func(c *call.Call) error {
		c.By(policy.KindUser, user, i.Org)
		c.Succeed("invitation", i.ID)
		return s.store.Join(ctx, *i, user, stamp.Of(c.Now), c.Event)
	})
	if fault.Is(err, fault.NotFound) { // of two at once, one
		err = errInvitation
	}
	return err
}

// ownsUnconfirmed refuses somebody who owns an address but not, as far as is known,
// the account that was made with it: whoever made that would join too.
func (s *Service) ownsUnconfirmed(ctx context.Context, c *call.Call, a *identity.Account, password secret.Bytes) error {
	err := s.cfg.Accounts.ProveByPassword(ctx, c, a, password)
	if fault.Is(err, fault.Invalid) {
		err = errUnconfirmed.Because("wrong_password")
	}
	return err
}

// SignupInvited is Signup for somebody with an invitation, who joins the
// organisation that sent it, whether or not strangers may sign up. The token
// proves the address. An address that has an account joins with that, and gets
// no token here: it logs in as it always does. While nobody has confirmed the
// account's address it joins with its password alone, since anybody may have made
// an account with that address. known says that the address has an account, which
// joined.
func (s *Service) SignupInvited(ctx context.Context, c *call.Call, email string, password secret.Bytes, name, token string) (t identity.Token, known bool, err error) {
	c.Touch("user", "")
	i, err := s.invitation(ctx, c, token)
	if err != nil {
		return identity.Token{}, false, err
	}
	a, err := s.cfg.Accounts.NewAccount(email, name, c.Now)
	if err != nil {
		return identity.Token{}, false, err
	}
	if a.Email != i.Email {
		return identity.Token{}, false, errOtherMail
	}
	had, err := s.store.AccountByEmail(ctx, a.Email)
	if err == nil && !had.EmailVerified {
		if err := s.ownsUnconfirmed(ctx, c, &had, password); err != nil {
			return identity.Token{}, false, err
		}
	}
	if err == nil {
		return identity.Token{Email: a.Email}, true, s.join(ctx, c, &i, had.ID)
	}
	if !fault.Is(err, fault.NotFound) {
		return identity.Token{}, false, err
	}
	if a.PasswordHash, err = s.cfg.Accounts.NewPassword(ctx, password); err != nil {
		return identity.Token{}, false, err
	}
	a.Org, a.HomeOrg, a.Role, a.EmailVerified = i.Org, i.Org, i.Role, true
	t, err = s.identity.IssueLogin(ctx, c, &a, identity.Proof{Kind: identity.ByPassword, Person: c.Now}, func(ctx context.Context, _ *audit.Event) error {
		return c.Draft(func(c *call.Call) error {
			c.By(policy.KindUser, a.ID, a.Org)
			c.Touch("user", a.ID)
			return s.store.AddInvitedUser(ctx, a, i, c.Event)
		})
	})
	if fault.Is(err, fault.NotFound) {
		err = errInvitation
	}
	return t, false, err
}
