package org

import (
	"context"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

var (
	errRole       = invalid("invalid_role", "A role is owner, admin or member.")
	errSelf       = fault.New(fault.Denied, "not_yourself", "You can't change or end your own membership: ask another owner or admin.")
	errOwnersOnly = fault.New(fault.Denied, "owners_only", "Only owners make, change or remove owners.")
	errNotWithKey = fault.New(fault.Denied, "not_with_a_key", "Log in for this: an API key or a device stays in its own organisation.")
	errOrg        = fault.New(fault.NotFound, "org_not_found", "You belong to no organisation with this id.")
)

// Members returns the members of the caller's organisation.
func (s *Service) Members(ctx context.Context, c *call.Call) ([]Member, error) {
	c.Touch("org", c.Who.Org)
	if err := c.Authorize(policy.ListMembers, c.Own()); err != nil {
		return nil, err
	}
	return s.store.Members(ctx, c.Who.Org)
}

// ChangeRole gives a member another role. Who decides is looked up again with
// the write: of two owners who demote each other at once, one succeeds.
func (s *Service) ChangeRole(ctx context.Context, c *call.Call, user string, role policy.Role) (Member, error) {
	c.Touch("user", user)
	if err := c.Authorize(policy.UpdateMember, c.Own()); err != nil {
		return Member{}, err
	}
	if !validRole(role) {
		return Member{}, errRole
	}
	c.Succeed("user", user)
	return s.store.ChangeRole(ctx, c.Who.Org, c.Who.ID, user, role, func(actor, m Member) error {
		return inPerson(c, mayChange(actor, m, role), m.Role, role)
	}, c.Event)
}

// RemoveMember ends a membership at once, with the keys, policies and pending
// invitations of that user in this organisation. Where one of the policies asks for
// approvals it takes a person, as to delete that policy does. Its agents stop and become the
// caller's. Who is in no other organisation gets an empty one of its own where
// strangers may sign up, and can't log in elsewhere.
func (s *Service) RemoveMember(ctx context.Context, c *call.Call, user string) error {
	c.Touch("user", user)
	if err := c.Authorize(policy.RemoveMember, c.Own()); err != nil {
		return err
	}
	r := Removal{Org: c.Who.Org, User: user, Actor: c.Who.ID, At: stamp.Of(c.Now), Gate: c.RequirePerson}
	if s.cfg.Signup {
		r.OwnOrg = ids.New()
	}
	c.Succeed("user", user)
	return s.store.RemoveMember(ctx, r, func(actor, m Member) error {
		return inPerson(c, mayChange(actor, m, m.Role), m.Role)
	}, c.Event)
}

// inPerson asks for a person where somebody becomes, is or stops being one of those
// who manage the organisation, unless it is refused already.
func inPerson(c *call.Call, refused error, roles ...policy.Role) error {
	if refused != nil || !slices.ContainsFunc(roles, manages) {
		return refused
	}
	return c.RequirePerson()
}

// mayChange says whether actor may give m the role, or remove m.
func mayChange(actor, m Member, role policy.Role) error {
	switch {
	case !manages(actor.Role):
		return errOwnersOnly // it was demoted a moment ago
	case actor.ID == m.ID:
		return errSelf
	case actor.Role != policy.RoleOwner && (m.Role == policy.RoleOwner || role == policy.RoleOwner):
		return errOwnersOnly
	}
	return nil
}

func validRole(r policy.Role) bool {
	return r == policy.RoleOwner || r == policy.RoleAdmin || r == policy.RoleMember
}

// Orgs returns the organisations that the calling user belongs to.
func (s *Service) Orgs(ctx context.Context, c *call.Call) ([]Membership, error) {
	c.Touch("user", c.Who.ID)
	if err := c.Authorize(policy.ReadUser, c.Own()); err != nil {
		return nil, err
	}
	if c.Who.Key != "" {
		return nil, errNotWithKey // a key shows nothing beyond its organisation
	}
	return s.store.Orgs(ctx, c.Who.ID)
}

// SwitchOrg gives the calling user a token for another of its organisations,
// which logins lead to from now on. The token ends with the one that asks: nobody
// stays in by switching again and again.
func (s *Service) SwitchOrg(ctx context.Context, c *call.Call, org string) (identity.Token, error) {
	c.Touch("org", "")
	if err := c.Authorize(policy.SwitchOrg, c.Own()); err != nil {
		return identity.Token{}, err
	}
	if c.Who.Session == "" || c.Who.Device { // not a question of a person: they are for one organisation
		return identity.Token{}, errNotWithKey
	}
	a, err := s.store.Account(ctx, c.Who.ID, org)
	if fault.Is(err, fault.NotFound) {
		err = errOrg
	}
	if err != nil {
		return identity.Token{}, err
	}
	if err := s.identity.Admit(ctx, org, policy.KindUser, c.IP); err != nil {
		return identity.Token{}, err
	}
	// From here on it is in the log of the organisation that is entered.
	var t identity.Token
	err = c.Draft(func(c *call.Call) (err error) {
		c.By(policy.KindUser, a.ID, a.Org)
		c.Touch("org", a.Org)
		t, err = s.identity.IssueDerived(ctx, c, &a, func(ctx context.Context, ev *audit.Event) error {
			return s.store.SetHome(ctx, a.ID, a.Org, ev)
		})
		return err
	})
	return t, err
}

// Names returns the mail addresses of an organisation's members by id, for lists that the
// caller of this may show.
func (s *Service) Names(ctx context.Context, org string) (map[string]string, error) {
	all, err := s.store.Members(ctx, org)
	out := make(map[string]string, len(all))
	for i := range all {
		out[all[i].ID] = all[i].Email
	}
	return out, err
}
