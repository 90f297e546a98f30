package org

import (
	"cmp"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

var (
	errLastOwner = fault.New(fault.Denied, "last_owner", "This is the organisation's last owner. Make somebody else an owner first.")
	errSoleOwner = fault.New(fault.Conflict, "sole_owner",
		"This account is the last owner of an organisation that has other members. Make one of them an owner, or remove them, first.")
)

// RoleChange is that a member gets another role, or none and leaves.
type RoleChange struct{ Was, Is policy.Role }

// MayHappen refuses to leave an organisation without an owner. owners are those
// before the change.
func (c RoleChange) MayHappen(owners int64) error {
	if c.Was == policy.RoleOwner && c.Is != policy.RoleOwner && owners < 2 {
		return errLastOwner
	}
	return nil
}

// EndsInvitations reports whether the member's invitations end: what the old role let it
// offer to others is offered no more.
func (c RoleChange) EndsInvitations() bool { return c.Was != c.Is }

// EndsManaging reports whether the member is none of those who manage the organisation
// after the change.
func (c RoleChange) EndsManaging() bool { return !manages(c.Is) }

// Raises reports whether the member may do more after the change.
func (c RoleChange) Raises() bool {
	return c.Is != policy.RoleMember && c.Was != policy.RoleOwner && c.Was != c.Is
}

// manages reports whether a role is of those who manage an organisation.
func manages(r policy.Role) bool { return r == policy.RoleOwner || r == policy.RoleAdmin }

// Successor is the member who gets the agents of one whose account is deleted: the
// oldest owner, where there is none the oldest admin, and then the oldest member. False:
// there is nobody, and the organisation goes with the account.
func Successor(others []Member) (id string, found bool) {
	if len(others) == 0 {
		return "", false
	}
	return slices.MinFunc(others, func(a, b Member) int {
		return cmp.Or(cmp.Compare(rank(a.Role), rank(b.Role)), a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
	}).ID, true
}

func rank(r policy.Role) int {
	switch r {
	case policy.RoleOwner:
		return 0
	case policy.RoleAdmin:
		return 1
	default:
		return 2
	}
}

// MayDelete refuses to delete the account of a member that is the last owner of an
// organisation which others are in.
func MayDelete(role policy.Role, others []Member) error {
	owns := func(m Member) bool { return m.Role == policy.RoleOwner }
	if role == policy.RoleOwner && len(others) > 0 && !slices.ContainsFunc(others, owns) {
		return errSoleOwner
	}
	return nil
}
