package org

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Store keeps who belongs to which organisation. The funcs that methods take
// are asked within the transaction, with the members as they are then, and may
// be asked more than once; what they return is the answer.
type Store interface {
	// Account returns NotFound unless the user is a member of org.
	Account(ctx context.Context, user, org string) (identity.Account, error)
	// AccountByEmail returns the user in its home organisation, or where it is no
	// member there in another; Org is empty for who is in none. NotFound when
	// there is no such user.
	AccountByEmail(ctx context.Context, email string) (identity.Account, error)

	// Members returns the members of org, oldest first.
	Members(ctx context.Context, org string) ([]Member, error)
	// ChangeRole gives the user another role, and the actor what the user does not keep.
	// NotFound unless both are members, Denied as RoleChange says.
	ChangeRole(ctx context.Context, org, actor, user string, role policy.Role, may func(actor, m Member) error, ev *audit.Event) (Member, error)
	// RemoveMember ends a membership and all that hung on it. NotFound and Denied
	// as for ChangeRole.
	RemoveMember(ctx context.Context, r Removal, may func(actor, m Member) error, ev *audit.Event) error
	// Orgs returns the organisations of a user, the oldest membership first.
	Orgs(ctx context.Context, user string) ([]Membership, error)
	// SetHome makes org the one that the user logs in to; NotFound for who is no
	// member.
	SetHome(ctx context.Context, user, org string, ev *audit.Event) error

	// Invited returns Conflict as Invitable says.
	Invited(ctx context.Context, org, email string, now time.Time) error
	// AddInvitation returns Conflict as Invited does, and RoomForInvitation.
	AddInvitation(ctx context.Context, i Invitation, may func(actor Member) error, ev *audit.Event) error
	// Invitations returns those of org that nobody has accepted, oldest first.
	Invitations(ctx context.Context, org string) ([]Invitation, error)
	// Invitation returns NotFound unless org has it.
	Invitation(ctx context.Context, org, id string) (Invitation, error)
	// InvitationByToken returns NotFound for one that has expired.
	InvitationByToken(ctx context.Context, hash string, now time.Time) (Invitation, error)
	// RenewInvitation replaces the token, unless that was done meanwhile: NotFound.
	RenewInvitation(ctx context.Context, was Invitation, hash string, expires time.Time, ev *audit.Event) error
	RemoveInvitation(ctx context.Context, org, id string, ev *audit.Event) error
	// Join spends the invitation and makes the user a member. NotFound when it is
	// spent or expired already.
	Join(ctx context.Context, i Invitation, user string, now time.Time, ev *audit.Event) error
	// AddInvitedUser is Join for somebody who has no account yet: Conflict when
	// the address has one.
	AddInvitedUser(ctx context.Context, a identity.Account, i Invitation, ev *audit.Event) error
}

// Member is a user as others in the organisation see it.
type Member struct {
	ID, Email, DisplayName, AuthMethod string
	Role                               policy.Role
	CreatedAt                          time.Time // of the membership
}

// Membership is an organisation that a user belongs to.
type Membership struct {
	Org, Name string
	Role      policy.Role
	Since     time.Time
}

// Removal says who is removed from where, by whom.
type Removal struct {
	Org, User, Actor string
	At               time.Time
	// OwnOrg is the id of an organisation to make for who would be in none;
	// empty: none is made.
	OwnOrg string
	// Gate is asked when a policy that names the user and asks for approvals ends
	// with the membership: it is a gate for others, too. nil: it may end.
	Gate func() error
}

// Successor is who gets the agents of the member who is removed: who removes it, and
// so answers for them.
func (r *Removal) Successor() string { return r.Actor }

// Invitation is an offer to join an organisation that was mailed.
type Invitation struct {
	ID, Org, Email       string
	Role                 policy.Role
	TokenHash            string // SHA-256 of the token in hexadecimal
	InvitedBy            string
	CreatedAt, ExpiresAt time.Time
}
