package vault

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

var errEmptyAllowlist error = fault.New(fault.Invalid, "empties_allowlist",
	"An empty ip_allowlist would allow every address. To allow every address on purpose, leave ip_allowlist out or send null.")

var errNoGrant = fault.New(fault.NotFound, "policy_not_found", "There is no policy with this id on this vault.")

// Grant stores a policy on a vault. Only the vault's creator and the
// organisation's owners and admins may; agents only on vaults they created.
func (s *Service) Grant(ctx context.Context, c *call.Call, vaultID string, g Grant) (Grant, error) {
	e, err := s.open(ctx, c, vaultID)
	if err != nil {
		return Grant{}, err
	}
	if err := c.Authorize(policy.CreatePolicy, resource(e, secretpath.Path{})); err != nil {
		return Grant{}, err
	}
	g.ID, g.Vault = ids.New(), vaultID
	g.CreatedBy, g.CreatedByKind = c.Who.ID, c.Who.Kind
	g.CreatedAt, g.Revision = stamp.Of(c.Now), 1
	if err := g.cap(c); err != nil {
		return Grant{}, err
	}
	if err := s.principals.Exists(ctx, c.Who.Org, g.PrincipalKind, g.PrincipalID); err != nil {
		return Grant{}, err
	}
	if err := gated(c, e, g.ID, &g); err != nil {
		return Grant{}, err
	}
	if g.Warnings, err = cancels(c, e, &g); err != nil {
		return Grant{}, err
	}
	record(c, g)
	return g, s.store.AddGrant(ctx, e.vault.Org, g, c.Event)
}

// Grants returns the policies of a vault. A caller that may not manage them sees its own.
func (s *Service) Grants(ctx context.Context, c *call.Call, vaultID string) ([]Grant, error) {
	e, err := s.open(ctx, c, vaultID)
	if err != nil {
		return nil, err
	}
	if err := c.Authorize(policy.ListPolicies, resource(e, secretpath.Path{})); err != nil {
		return nil, err
	}
	all, err := s.store.Grants(ctx, vaultID)
	if err != nil || policy.Decide(c.Who, policy.UpdatePolicy, resource(e, secretpath.Path{}), c.At()).Allow {
		return all, err
	}
	var own []Grant
	for _, g := range all {
		if g.PrincipalKind == c.Who.Kind && g.PrincipalID == c.Who.ID {
			own = append(own, g)
		}
	}
	return own, nil
}

// Change is what may change in a policy. A nil field stays as it is.
type Change struct {
	Permissions    []string
	Conditions     []byte
	ExpiresAt      *time.Time
	ClearExpiresAt bool
}

// UpdateGrant changes a policy's permissions, conditions or expiry. Neither
// of two changes at once undoes the other.
func (s *Service) UpdateGrant(ctx context.Context, c *call.Call, vaultID, id string, ch Change) (Grant, error) {
	for {
		e, was, err := s.grant(ctx, c, vaultID, id, policy.UpdatePolicy)
		if err != nil {
			return Grant{}, err
		}
		g, err := ch.apply(was, c.Now)
		widens := false
		if err == nil {
			err = gated(c, e, id, &g)
		}
		if err == nil {
			widens, err = g.widens(&was)
		}
		if err == nil && widens {
			err = lasts(c, &g)
		}
		if err == nil {
			g.Warnings, err = cancels(c, e, &g)
		}
		if err != nil {
			return Grant{}, err
		}
		record(c, g)
		// A change that came in between makes the rules be asked again. Each turn
		// means that somebody made progress, so this ends.
		if err = s.store.UpdateGrant(ctx, e.vault.Org, was, g, widens, c.Event); !errors.Is(err, ErrStale) || ctx.Err() != nil {
			return g, err
		}
	}
}

// gated asks for a person where to put g (nil: nothing) in the place of the policy
// with that id opens a gate: what asks for a human's approval must not be lifted by
// whoever finds a stored login.
func gated(c *call.Call, e *entry, id string, g *Grant) error {
	var now *policy.Policy
	if g != nil {
		p, err := g.compile()
		if err != nil {
			return err
		}
		now = &p
	}
	if e.policies.Loosens(id, now) {
		return c.RequirePerson()
	}
	return nil
}

// cancels says which approvals are asked for no more with g in place, and where g asks for
// some that nobody needs.
func cancels(c *call.Call, e *entry, g *Grant) (warnings []string, err error) {
	now, err := g.compile()
	if err != nil {
		return nil, err
	}
	for _, x := range e.policies.Cancels(&now, c.Now) {
		switch {
		case x.Gate.ID == g.ID:
			warnings = append(warnings, "This policy asks for approvals, but the policy "+x.By.ID+" ("+x.By.Pattern.String()+
				") lets the same principal use paths of it without one. Delete that policy, or narrow it, to have approvals asked for.")
		case x.Same:
			warnings = append(warnings, "The policy "+x.Gate.ID+" ("+x.Gate.Pattern.String()+
				") asks the same principal for approvals. With this one in place, paths that both cover need none, or need them less often.")
		default:
			warnings = append(warnings, "The policy "+x.Gate.ID+" ("+x.Gate.Pattern.String()+
				") has approvals asked for paths that this policy lets another principal use without one.")
		}
	}
	return warnings, nil
}

// cap validates g and ends it with the credential that makes it, where nobody is
// there.
func (g *Grant) cap(c *call.Call) (err error) {
	if err = g.check(c.Now); err != nil {
		return err
	}
	if conditions, err := policy.CompileConditions(g.Conditions); err != nil || conditions.EmptyAllowlist() {
		return cmp.Or(err, errEmptyAllowlist)
	}
	if g.ExpiresAt, err = c.Capped(g.ExpiresAt); err != nil {
		return err
	}
	return g.check(c.Now)
}

// lasts asks for a person where a policy that a change widens goes on beyond the
// credential that the change came with. Capping it would end what it gave before.
func lasts(c *call.Call, g *Grant) error {
	if end, err := c.Capped(g.ExpiresAt); err != nil || !end.Equal(g.ExpiresAt) {
		return c.RequirePerson()
	}
	return nil
}

// apply returns what the change makes of g.
func (ch *Change) apply(g Grant, now time.Time) (Grant, error) {
	if ch.Permissions != nil {
		g.Permissions = ch.Permissions
	}
	if ch.Conditions != nil {
		if err := narrows(g.Conditions, ch.Conditions); err != nil {
			return Grant{}, err
		}
		g.Conditions = ch.Conditions
	}
	if ch.ClearExpiresAt {
		g.ExpiresAt = time.Time{}
	}
	if ch.ExpiresAt != nil {
		g.ExpiresAt = *ch.ExpiresAt
	}
	return g, g.check(now)
}

// RemoveGrant deletes a policy. What it granted ends at once.
func (s *Service) RemoveGrant(ctx context.Context, c *call.Call, vaultID, id string) error {
	e, g, err := s.grant(ctx, c, vaultID, id, policy.DeletePolicy)
	if err != nil {
		return err
	}
	if err := gated(c, e, id, nil); err != nil {
		return err
	}
	record(c, g)
	return s.store.RemoveGrant(ctx, e.vault.Org, vaultID, id, c.Event)
}

// narrows refuses to turn a list of allowed addresses into an empty one, which
// would mean any address: to lift it on purpose, leave the key out.
func narrows(old, changed []byte) error {
	was, err := policy.CompileConditions(old)
	if err != nil {
		return err
	}
	will, err := policy.CompileConditions(changed)
	if err != nil {
		return err
	}
	if will.EmptiesAllowlistOf(was) {
		return errEmptyAllowlist
	}
	return nil
}

func (s *Service) grant(ctx context.Context, c *call.Call, vaultID, id string, a policy.Action) (*entry, Grant, error) {
	e, err := s.open(ctx, c, vaultID)
	if err != nil {
		return nil, Grant{}, err
	}
	if err := c.Authorize(a, resource(e, secretpath.Path{})); err != nil {
		return nil, Grant{}, err
	}
	all, err := s.store.Grants(ctx, vaultID)
	if err != nil {
		return nil, Grant{}, err
	}
	for _, g := range all {
		if g.ID == id {
			return e, g, nil
		}
	}
	return nil, Grant{}, errNoGrant
}

// record fills the call's event with what a change of g touches.
func record(c *call.Call, g Grant) {
	c.Touch("policy", g.ID)
	c.Event.Details.Outcome = audit.Success
	c.Event.Details.Path = g.Pattern
	c.Event.Details.Target = string(g.PrincipalKind) + ":" + g.PrincipalID
}

// check validates g as a whole and refuses what has expired already.
func (g *Grant) check(now time.Time) error {
	if !g.ExpiresAt.IsZero() && !g.ExpiresAt.After(now) {
		return fault.New(fault.Invalid, "expires_in_the_past", "expires_at must be in the future.")
	}
	g.ExpiresAt = stamp.Of(g.ExpiresAt)
	if g.ExpiresAt.Year() > 9999 {
		return fault.New(fault.Invalid, "invalid_expires_at", "expires_at is too far away.")
	}
	if len(g.Conditions) == 0 || string(g.Conditions) == "null" {
		g.Conditions = []byte("{}")
	}
	_, err := g.compile()
	return err
}

// widens reports whether g gives something that was did not. One that was not
// understood gave nothing.
func (g *Grant) widens(was *Grant) (bool, error) {
	before, bad := was.compile()
	now, err := g.compile()
	return bad != nil || !before.Gives(&now), err
}

func (g *Grant) compile() (policy.Policy, error) {
	return policy.CompilePolicy(policy.Spec{
		ID: g.ID, Vault: g.Vault, Pattern: g.Pattern, PrincipalKind: g.PrincipalKind, PrincipalID: g.PrincipalID,
		Permissions: g.Permissions, Conditions: g.Conditions, ExpiresAt: g.ExpiresAt, Revision: g.Revision,
	})
}
