package org_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

const (
	owner  = policy.RoleOwner
	admin  = policy.RoleAdmin
	member = policy.RoleMember
)

func TestARoleChange(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		org.RoleChange
		owners                            int64
		code                              string
		endsInvitations, endsRule, raises bool
	}{
		"the last owner steps down":   {org.RoleChange{Was: owner, Is: admin}, 1, "last_owner", true, false, false},
		"the last owner leaves":       {org.RoleChange{Was: owner}, 1, "last_owner", true, true, false},
		"the last owner stays one":    {org.RoleChange{Was: owner, Is: owner}, 1, "", false, false, false},
		"one of two owners leaves":    {org.RoleChange{Was: owner}, 2, "", true, true, false},
		"one of two becomes a member": {org.RoleChange{Was: owner, Is: member}, 2, "", true, true, false},
		"an admin leaves":             {org.RoleChange{Was: admin}, 1, "", true, true, true},
		"an admin becomes an owner":   {org.RoleChange{Was: admin, Is: owner}, 1, "", true, false, true},
		"an admin becomes a member":   {org.RoleChange{Was: admin, Is: member}, 1, "", true, true, false},
		"a member becomes an admin":   {org.RoleChange{Was: member, Is: admin}, 1, "", true, false, true},
		"a member stays one":          {org.RoleChange{Was: member, Is: member}, 1, "", false, true, false},
		"an admin stays one":          {org.RoleChange{Was: admin, Is: admin}, 1, "", false, false, false},
	} {
		world.WantCode(t, name, c.MayHappen(c.owners), c.code)
		if c.EndsInvitations() != c.endsInvitations || c.EndsManaging() != c.endsRule || c.Is != "" && c.Raises() != c.raises {
			t.Errorf("%s: ends invitations %v, ends managing %v, raises %v", name, c.EndsInvitations(), c.EndsManaging(), c.Raises())
		}
	}
}

func TestWhoInheritsFromADeletedAccount(t *testing.T) {
	t.Parallel()
	m := func(id string, r policy.Role, year int) org.Member {
		return org.Member{ID: id, Role: r, CreatedAt: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)}
	}
	for name, c := range map[string]struct {
		role   policy.Role
		others []org.Member
		heir   string
		code   string
	}{
		"nobody is left":                    {owner, nil, "", ""},
		"the oldest owner":                  {owner, []org.Member{m("a", member, 1), m("b", owner, 4), m("c", owner, 3), m("d", admin, 2)}, "c", ""},
		"the oldest admin where no owner":   {admin, []org.Member{m("a", member, 1), m("b", admin, 4), m("c", admin, 3)}, "c", ""},
		"an owner before an older admin":    {member, []org.Member{m("a", admin, 1), m("b", owner, 2)}, "b", ""},
		"of the same age the lower id":      {member, []org.Member{m("b", owner, 1), m("a", owner, 1)}, "a", ""},
		"the oldest of members alone":       {member, []org.Member{m("b", member, 2), m("a", member, 1)}, "a", ""},
		"the last owner among others stays": {owner, []org.Member{m("a", admin, 1), m("b", member, 2)}, "a", "sole_owner"},
	} {
		heir, found := org.Successor(c.others)
		if heir != c.heir || found != (c.heir != "") {
			t.Errorf("%s: %q, %v, want %q", name, heir, found, c.heir)
		}
		world.WantCode(t, name, org.MayDelete(c.role, c.others), c.code)
	}
	if r := (org.Removal{User: "bob", Actor: "ann"}); r.Successor() != "ann" {
		t.Errorf("what bob leaves goes to %q, want who removes bob", r.Successor())
	}
}

func TestWhoMayBeInvited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"a stranger":                     {org.Invitable(false, false), ""},
		"a member":                       {org.Invitable(true, true), "already_member"},
		"somebody who is invited":        {org.Invitable(false, true), "already_invited"},
		"one of 500 that may wait":       {org.RoomForInvitation(499), ""},
		"one more than the 500 that may": {org.RoomForInvitation(500), "too_many_invitations"},
	} {
		world.WantCode(t, name, c.err, c.code)
	}
}
