package org_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// onEach runs a test on both databases.
func onEach(t *testing.T, test func(t *testing.T, w *world.World)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, world.Open(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, world.Open(t, func(s *world.Setup) { s.Postgres = true })) })
}

func roles(t *testing.T, w *world.World, of policy.Principal) map[string]policy.Role {
	t.Helper()
	all, err := w.Orgs.Members(t.Context(), w.Call(of, policy.ListMembers))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]policy.Role{}
	for _, m := range all {
		out[m.ID] = m.Role
	}
	return out
}

func TestRolesAreChangedByWhoMay(t *testing.T) {
	onEach(t, func(t *testing.T, w *world.World) {
		ada := w.Owner("ada")
		amy, bob := w.Member(ada, "amy", policy.RoleAdmin), w.Member(ada, "bob", policy.RoleMember)
		eve := w.Owner("eve")
		w.Clock.Forward(policy.PersonFor)
		change := func(who policy.Principal, user string, role policy.Role) error {
			_, err := w.Orgs.ChangeRole(t.Context(), w.Call(who, policy.UpdateMember), user, role)
			return err
		}
		for _, step := range []struct {
			what string
			who  policy.Principal
			user string
			role policy.Role
			code string
		}{
			{"an owner, long signed in, promotes", ada, bob.ID, policy.RoleAdmin, "person_required"},
			{"an admin makes an owner", w.Here(amy), bob.ID, policy.RoleOwner, "owners_only"},
			{"an admin demotes an owner", w.Here(amy), ada.ID, policy.RoleMember, "owners_only"},
			{"a member promotes itself", w.Here(bob), bob.ID, policy.RoleAdmin, "access_denied"},
			{"an owner demotes itself", w.Here(ada), ada.ID, policy.RoleMember, "not_yourself"},
			{"a role that is none", w.Here(ada), bob.ID, "king", "invalid_role"},
			{"somebody elsewhere", w.Here(ada), eve.ID, policy.RoleMember, "member_not_found"},
			{"an admin keeps a member a member", amy, bob.ID, policy.RoleMember, ""},
			{"an owner promotes", w.Here(ada), bob.ID, policy.RoleOwner, ""},
		} {
			world.WantCode(t, step.what, change(step.who, step.user, step.role), step.code)
		}
		if got := roles(t, w, ada); got[bob.ID] != policy.RoleOwner || got[amy.ID] != policy.RoleAdmin || got[ada.ID] != policy.RoleOwner || len(got) != 3 {
			t.Errorf("roles: %v", got)
		}
	})
}

// Two owners who demote, or remove, each other at once leave one owner.
func TestOneOwnerStays(t *testing.T) {
	onEach(t, func(t *testing.T, w *world.World) {
		for name, end := range map[string]func(who, other policy.Principal) error{
			"demoted": func(who, other policy.Principal) error {
				_, err := w.Orgs.ChangeRole(t.Context(), w.Call(w.Here(who), policy.UpdateMember), other.ID, policy.RoleMember)
				return err
			},
			"removed": func(who, other policy.Principal) error {
				return w.Orgs.RemoveMember(t.Context(), w.Call(w.Here(who), policy.RemoveMember), other.ID)
			},
		} {
			one := w.Owner("one-" + name)
			two := w.Member(one, "two-"+name, policy.RoleOwner)
			sides := [2][2]policy.Principal{{one, two}, {two, one}}
			errs := world.AtOnce(2, func(i int) error { return end(sides[i][0], sides[i][1]) })
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Errorf("%s: %v", name, errs)
			}
			all, err := w.DB.Members(t.Context(), one.Org)
			if err != nil {
				t.Fatal(err)
			}
			owners := 0
			for _, m := range all {
				if m.Role == policy.RoleOwner {
					owners++
				}
			}
			if owners != 1 {
				t.Errorf("%s: %d owners", name, owners)
			}
		}
	})
}

func TestAnInvitationIsSpentOnce(t *testing.T) {
	onEach(t, func(t *testing.T, w *world.World) {
		ada, bob := w.Owner("ada"), w.Owner("bob")
		w.Clock.Forward(policy.PersonFor)
		invite := func(who policy.Principal, role policy.Role) (org.Invitation, error) {
			return w.Orgs.Invite(t.Context(), w.Call(who, policy.InviteMember), world.Email("bob"), role, func(string) error { return nil })
		}
		_, err := invite(ada, policy.RoleAdmin)
		world.WantCode(t, "an admin, by who has not just signed in", err, "person_required")
		i, err := invite(ada, policy.RoleMember)
		if err != nil {
			t.Fatal(err)
		}
		_, err = invite(ada, policy.RoleMember)
		world.WantCode(t, "twice", err, "already_invited")
		all, err := w.Orgs.Invitations(t.Context(), w.Call(ada, policy.ListInvitations))
		if err != nil || len(all) != 1 || all[0].ID != i.ID || all[0].ExpiresAt.Sub(w.Clock.Now()).Round(time.Hour) != 7*24*time.Hour {
			t.Errorf("listed: %+v, %v", all, err)
		}
		world.WantCode(t, "revoked elsewhere", w.Orgs.RevokeInvitation(t.Context(), w.Call(bob, policy.RevokeInvitation), i.ID), "invitation_not_found")
		world.WantCode(t, "revoked", w.Orgs.RevokeInvitation(t.Context(), w.Call(ada, policy.RevokeInvitation), i.ID), "")
		world.WantCode(t, "revoked twice", w.Orgs.RevokeInvitation(t.Context(), w.Call(ada, policy.RevokeInvitation), i.ID), "invitation_not_found")
		if got := roles(t, w, ada); len(got) != 1 || got[ada.ID] != policy.RoleOwner {
			t.Errorf("members: %v", got)
		}
	})
}
