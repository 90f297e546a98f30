// Package iprule keeps the IP rules of organisations, and lets their callers in by
// address.
//
// Its promise: a rule that was added or removed counts on every node within a second,
// deny wins, and nobody keeps the own address out without saying so in person.
package iprule

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/oneline"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Rule lets an organisation's callers in from a network, or keeps them out.
type Rule struct {
	ID, Org   string
	Type      string // Allow or Deny
	Network   netip.Prefix
	Label     string
	AppliesTo string // AppliesToAll, "user" or "agent"
	CreatedBy string
	CreatedAt time.Time
}

// What a rule does.
const (
	Allow = "allow"
	Deny  = "deny"
)

// AppliesToAll is both kinds of callers, and those who are none.
const AppliesToAll = "all"

// maxRules bounds the rules of an organisation.
const maxRules = 200

var (
	errAddress = fault.New(fault.Denied, "address_not_allowed", "The organisation does not allow requests from this address.")
	errLockout = fault.New(fault.Conflict, "would_lock_you_out",
		"With this change your own address would not be allowed any more. Allow it first, or send force to go on.")
	errManyRules = fault.New(fault.Conflict, "too_many_ip_rules", "The organisation has as many IP rules as it can. Delete some first.")
)

// admits says whether the rules let an address in for a kind of callers: none
// denies it, and if any allows, one allows it. Deny wins. An address that is not
// known is let in only where there are no rules.
func admits(rules []Rule, kind policy.PrincipalKind, ip netip.Addr) bool {
	allows, allowed := false, false
	for i := range rules {
		r := &rules[i]
		if r.AppliesTo != AppliesToAll && r.AppliesTo != string(kind) {
			continue
		}
		if !ip.IsValid() {
			return false
		}
		in := r.Network.Contains(ip)
		switch r.Type {
		case Allow:
			allows, allowed = true, allowed || in
		default: // whatever else it may say, it does not let anybody in
			if in {
				return false
			}
		}
	}
	return !allows || allowed
}

// KeptOut reports whether a rule kept somebody out whom those that are left may let in: it
// denied, or it was the last that allowed for a kind of callers.
func (r *Rule) KeptOut(left []Rule) bool {
	if r.Type != Allow {
		return true
	}
	for _, to := range []string{string(policy.KindUser), string(policy.KindAgent), AppliesToAll} {
		applies := func(r Rule) bool { return r.Type == Allow && (r.AppliesTo == to || r.AppliesTo == AppliesToAll) }
		if applies(*r) && !slices.ContainsFunc(left, applies) {
			return true
		}
	}
	return false
}

// Service is the methods of iprule.
type Service struct {
	store Store
	rules ruleCache
}

// New returns a Service on a database.
func New(st Store) *Service { return &Service{store: st, rules: newRuleCache()} }

// Admit refuses callers of an organisation whose address its IP rules keep out.
// Only the rules for all callers count for one that is neither user nor agent.
func (s *Service) Admit(ctx context.Context, org string, kind policy.PrincipalKind, ip netip.Addr) error {
	rules, err := s.rules.get(ctx, s.store, org)
	if err != nil {
		return err
	}
	if len(rules) > 0 && !admits(rules, kind, ip) {
		return errAddress
	}
	return nil
}

// Draft is a rule to be made.
type Draft struct {
	Type, CIDR, Label, AppliesTo string
	Force                        bool // though it keeps the caller out
}

// List returns the rules of the caller's organisation.
func (s *Service) List(ctx context.Context, c *call.Call) ([]Rule, error) {
	c.Touch("org", c.Who.Org)
	if err := c.Authorize(policy.ListIPRules, c.Own()); err != nil {
		return nil, err
	}
	return s.store.IPRules(ctx, c.Who.Org)
}

// Add adds a rule, which counts on every node within a second.
func (s *Service) Add(ctx context.Context, c *call.Call, d Draft) (Rule, error) {
	c.Touch("ip_rule", "")
	if err := c.Authorize(policy.CreateIPRule, c.Own()); err != nil {
		return Rule{}, err
	}
	r := Rule{
		ID: ids.New(), Org: c.Who.Org, Type: d.Type, Label: strings.TrimSpace(d.Label), AppliesTo: d.AppliesTo,
		CreatedBy: c.Who.ID, CreatedAt: stamp.Of(c.Now),
	}
	if r.Type == "block" { // the published documentation's word
		r.Type = Deny
	}
	if r.AppliesTo == "" {
		r.AppliesTo = AppliesToAll
	}
	var ok bool
	switch r.Network, ok = parseNetwork(d.CIDR); {
	case r.Type != Allow && r.Type != Deny:
		return Rule{}, invalid("invalid_rule_type", "rule_type is allow or deny.")
	case !ok:
		return Rule{}, invalid("invalid_cidr", "cidr is a network such as 203.0.113.0/24 or 2001:db8::/32, or one address.")
	case r.AppliesTo != AppliesToAll && r.AppliesTo != string(policy.KindUser) && r.AppliesTo != string(policy.KindAgent):
		return Rule{}, invalid("invalid_applies_to", "applies_to is all, user or agent.")
	case utf8.RuneCountInString(r.Label) > 255 || !oneline.Plain(r.Label):
		return Rule{}, invalid("invalid_label", "label is at most 255 characters without control characters.")
	}
	if err := c.RequirePersonToLast(); err != nil {
		return Rule{}, err
	}
	c.Succeed("ip_rule", r.ID)
	return r, s.store.AddIPRule(ctx, r, func(will []Rule) error {
		if len(will) > maxRules {
			return errManyRules
		}
		return keepsCaller(c, will, d.Force)
	}, c.Event)
}

// Remove deletes a rule.
func (s *Service) Remove(ctx context.Context, c *call.Call, id string, force bool) error {
	c.Touch("ip_rule", id)
	if err := c.Authorize(policy.DeleteIPRule, c.Own()); err != nil {
		return err
	}
	if err := c.RequirePersonToLast(); err != nil {
		return err
	}
	c.Succeed("ip_rule", id)
	return s.store.RemoveIPRule(ctx, c.Who.Org, id, func(will []Rule) error { return keepsCaller(c, will, force) }, c.Event)
}

// keepsCaller refuses rules that would keep the caller out, unless it forces them and is
// there in person: with a stolen key they would keep everybody out.
func keepsCaller(c *call.Call, will []Rule, force bool) error {
	switch {
	case admits(will, policy.KindUser, c.IP):
		return nil
	case force:
		return c.RequirePerson()
	}
	return errLockout
}

// parseNetwork reads a network or an address. Bits beyond the prefix are cleared, and
// IPv4 in IPv6 is IPv4, as it is in the addresses of callers.
func parseNetwork(text string) (netip.Prefix, bool) {
	text = strings.TrimSpace(text)
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, false
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if p.Addr().Is4In6() {
		const mapped = 96
		if p.Bits() < mapped {
			return netip.Prefix{}, false // it would hold no address that a caller has
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p.Masked(), true
}

func invalid(code, detail string) error { return fault.New(fault.Invalid, code, detail) }
