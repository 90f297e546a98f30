package vault

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Verdict is what policy.Decide says of one use at a moment.
type Verdict struct {
	Allowed  bool
	Reason   policy.Reason
	PolicyID string // that allows it, or asks for an approval
}

// hangs reports whether the use could be allowed at another moment: with an approval, from
// another address or at another time of day.
func (v Verdict) hangs() bool {
	return v.Reason == policy.ReasonApprovalRequired || v.Reason == policy.ReasonIPNotAllowed || v.Reason == policy.ReasonOutsideTimeWindow
}

// Access is what somebody may do with a path.
type Access struct {
	Path                     string
	Read, Use, Write, Delete Verdict
}

func (a *Access) any() bool {
	return slices.ContainsFunc([]Verdict{a.Read, a.Use, a.Write, a.Delete}, func(v Verdict) bool { return v.Allowed || v.hangs() })
}

// Stopped is the reason of a verdict about an agent that is not active.
const Stopped policy.Reason = "agent_inactive"

// Asked is who the question is about. One that is not active may do nothing.
type Asked struct {
	policy.Principal
	Active bool
}

// accessOf asks the policy, as the uses themselves do.
func accessOf(who *Asked, r policy.Resource, at policy.Moment) Access {
	decide := func(a policy.Action) Verdict {
		if !who.Active {
			return Verdict{Reason: Stopped}
		}
		d := policy.Decide(who.Principal, a, r, at)
		return Verdict{d.Allow, d.Reason, d.PolicyID}
	}
	return Access{r.Path.String(), decide(policy.ReadSecret), decide(policy.UseSecret), decide(policy.WriteSecret), decide(policy.DeleteSecret)}
}

// Bearer is somebody with what it may do.
type Bearer struct {
	Kind policy.PrincipalKind
	ID   string
	Access
}

// Look finds somebody as the rows are now; NotFound when it could not sign in any more.
type Look func(ctx context.Context, kind policy.PrincipalKind, id string) (policy.Principal, error)

// WhoCan says what each of those may do with a path whom a policy of it names or who made
// the vault, now and from ip; from no known address when that is invalid. For who manages
// the vault.
func (s *Service) WhoCan(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, ip netip.Addr, look Look) ([]Bearer, error) {
	e, err := s.touch(ctx, c, vaultID, p)
	if err != nil {
		return nil, err
	}
	r := resource(e, p)
	if err := c.Authorize(policy.WhoCan, r); err != nil {
		return nil, err
	}
	tip, err := s.store.Tip(ctx, vaultID, p.String())
	if err != nil {
		return nil, err
	}
	r.SecretType = tip.Type
	named := e.policies.Named(vaultID, p.String())
	for _, maker := range []struct {
		kind policy.PrincipalKind
		id   string
	}{{e.policyVault.CreatedByKind, e.policyVault.CreatedBy}, {policy.KindUser, e.policyVault.CreatorHuman}} {
		if maker.id != "" && !slices.Contains(named[maker.kind], maker.id) {
			named[maker.kind] = append(named[maker.kind], maker.id)
		}
	}
	var out []Bearer
	for _, kind := range []policy.PrincipalKind{policy.KindUser, policy.KindAgent} {
		slices.Sort(named[kind])
		for _, id := range named[kind] {
			who, err := look(ctx, kind, id)
			if fault.Is(err, fault.NotFound) && kind == policy.KindUser {
				continue // has left: what names nobody lets nobody in
			}
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, err
			}
			out = append(out, Bearer{kind, id, accessOf(&Asked{who, err == nil}, r, policy.Moment{Now: c.Now, IP: ip})})
		}
	}
	return out, nil
}

// Reach is what somebody may do in one vault.
type Reach struct {
	Vault   Vault
	Grants  []Grant  // that name it, if the caller may see them
	Secrets []Access // of which at least one use is allowed, or could be at another moment
	More    bool     // there are more secrets than are told
}

// Question is what AccessOf is asked.
type Question struct {
	Vault string          // empty: all that the caller sees
	Path  secretpath.Path // zero: all secrets there are
	IP    netip.Addr      // invalid: no known address
}

// How much one answer tells, and how many rows it looks at for that.
const (
	maxTold   = 1000
	maxLooked = 20_000
)

// AccessOf says what somebody may do, vault by vault, and tells of nothing that the caller
// may not see: neither vaults, nor paths, nor policies of others. Whether the caller may ask
// about who is for the caller of this to decide.
func (s *Service) AccessOf(ctx context.Context, c *call.Call, who Asked, q Question) ([]Reach, error) {
	all, err := s.store.Vaults(ctx, c.Who.Org)
	if err != nil {
		return nil, err
	}
	if q.Vault != "" {
		all = slices.DeleteFunc(all, func(v Vault) bool { return v.ID != q.Vault })
	}
	var out []Reach
	seen, told, looked := false, 0, 0
	for _, v := range all {
		e, err := s.known.get(ctx, s.store, v.ID)
		if fault.Is(err, fault.NotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		if e.policyVault.Reserved || !policy.Decide(c.Who, policy.ReadVault, resource(e, secretpath.Path{}), c.At()).Allow {
			continue
		}
		seen = true
		r := Reach{Vault: v}
		if r.Grants, err = s.grantsOf(ctx, c, e, &who); err != nil {
			return nil, err
		}
		if q.Path.IsZero() {
			err = s.secretsOf(ctx, c, e, &who, q.IP, &r, &told, &looked)
		} else {
			err = s.pathOf(ctx, c, e, &who, q, &r)
		}
		if err != nil {
			return nil, err
		}
		if len(r.Grants) > 0 || len(r.Secrets) > 0 || r.More {
			out = append(out, r)
		}
	}
	if q.Vault != "" && !seen {
		return nil, errNoVault
	}
	return out, nil
}

// grantsOf are the policies that name somebody, for itself and for who manages the vault.
func (s *Service) grantsOf(ctx context.Context, c *call.Call, e *entry, who *Asked) ([]Grant, error) {
	own := who.Kind == c.Who.Kind && who.ID == c.Who.ID
	if !e.policies.Names(who.Principal) || !own && !policy.Decide(c.Who, policy.UpdatePolicy, resource(e, secretpath.Path{}), c.At()).Allow {
		return nil, nil
	}
	all, err := s.store.Grants(ctx, e.vault.ID)
	return slices.DeleteFunc(slices.Clone(all), func(g Grant) bool { return g.PrincipalKind != who.Kind || g.PrincipalID != who.ID }), err
}

// secretsOf goes through the secrets that the caller sees.
func (s *Service) secretsOf(ctx context.Context, c *call.Call, e *entry, who *Asked, ip netip.Addr, r *Reach, told, looked *int) error {
	if !e.policies.Names(who.Principal) && !e.policyVault.Made(who.Principal) {
		return nil
	}
	view := e.policies.View(c.Who, e.policyVault, c.At())
	for after := ""; ; {
		rows, more, err := s.store.List(ctx, e.vault.ID, "", after, listPage)
		if err != nil {
			return err
		}
		for _, m := range rows {
			after = m.Path
			*looked++
			p, err := secretpath.Parse(m.Path)
			if err != nil || !view.Sees(m.Path) || !m.ExpiresAt.IsZero() && !c.Now.Before(m.ExpiresAt) {
				continue
			}
			at := resource(e, p)
			at.SecretType = m.Type
			a := accessOf(who, at, policy.Moment{Now: c.Now, IP: ip})
			if !a.any() {
				continue
			}
			if *told == maxTold {
				r.More = true
				return nil
			}
			*told++
			a.Path = strings.Clone(a.Path)
			r.Secrets = append(r.Secrets, a)
		}
		if !more {
			return nil
		}
		if *looked >= maxLooked {
			r.More = true
			return nil
		}
	}
}

// pathOf decides about one path, which need not have a secret, if the caller may know of it.
func (s *Service) pathOf(ctx context.Context, c *call.Call, e *entry, who *Asked, q Question, r *Reach) error {
	at := resource(e, q.Path)
	if d := policy.Decide(c.Who, policy.DescribeSecret, at, c.At()); !d.Allow {
		if q.Vault == "" {
			return nil
		}
		c.Event.Details.Reason = string(d.Reason)
		return d.ErrOf(policy.DescribeSecret)
	}
	tip, err := s.store.Tip(ctx, e.vault.ID, q.Path.String())
	if err != nil {
		return err
	}
	at.SecretType = tip.Type
	r.Secrets = []Access{accessOf(who, at, policy.Moment{Now: c.Now, IP: q.IP})}
	return nil
}

// Sees reports whether the caller may know of a path, whether a secret is there or not.
func (s *Service) Sees(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (bool, error) {
	e, err := s.known.get(ctx, s.store, vaultID)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && policy.Decide(c.Who, policy.DescribeSecret, resource(e, p), c.At()).Allow, err
}
