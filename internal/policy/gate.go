package policy

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Loosens reports whether to put now (nil: nothing) in the place of the policy with
// the id of now or, where now is nil, of id, opens a gate: lets somebody use a path
// without an approval that a policy asks one for today, on laxer terms than that
// policy's, or takes away the policy that says that the path has a gate. Such a
// change takes a person. Every policy that asks for approvals is a gate for its
// paths and permissions, whoever it names, and also when it is over: who may set
// policies could otherwise name another principal, or wait.
//
// What is in doubt loosens: two patterns overlap unless no path can match both.
func (s *Set) Loosens(id string, now *Policy) bool {
	var was *Policy
	if now != nil {
		id = now.ID
	}
	if s != nil {
		for _, all := range s.byPrincipal {
			for i := range all {
				if all[i].ID == id {
					was = &all[i]
				}
			}
		}
	}
	if was != nil && was.Conditions.Approval != nil && was.shrinks(now) {
		return true
	}
	if now == nil || s.alreadyGives(now) {
		return false
	}
	return s.gatedFor(now, now.Pattern)
}

// shrinks reports whether p, which asks for approvals, asks for fewer as now.
func (p *Policy) shrinks(now *Policy) bool {
	return now == nil || p.Permissions&^now.Permissions != 0 || now.Conditions.Approval == nil ||
		laxer(now.Conditions.Approval, p.Conditions.Approval) || p.Vault != now.Vault || p.Pattern != now.Pattern
}

// gatedFor reports whether a gate of the set stands, over paths within, where p would
// be a way round it: p asks for no approval, or for the same principal on laxer terms.
func (s *Set) gatedFor(p *Policy, within Pattern) bool {
	for range s.gatesRound(p, within) {
		return true
	}
	return false
}

// gatesRound are the gates of gatedFor, and whether each names the principal of p.
func (s *Set) gatesRound(p *Policy, within Pattern) iter.Seq2[*Policy, bool] {
	return func(yield func(*Policy, bool) bool) {
		if s != nil {
			s.eachRound(p, within, yield)
		}
	}
}

func (s *Set) eachRound(p *Policy, within Pattern, yield func(*Policy, bool) bool) {
	for who, all := range s.byPrincipal {
		same := who == subject{p.PrincipalKind, p.PrincipalID}
		for i := range all {
			gate := &all[i]
			if gate.Conditions.Approval == nil || gate.Vault != p.Vault || gate.Permissions&p.Permissions == 0 ||
				!Overlap(gate.Pattern, p.Pattern) || !Overlap(gate.Pattern, within) {
				continue
			}
			if (p.Conditions.Approval == nil || same && laxer(p.Conditions.Approval, gate.Conditions.Approval)) && !yield(gate, same) {
				return
			}
		}
	}
}

// Cancelled is what a new or changed policy does to approvals, without a word of it in the
// policy itself.
type Cancelled struct {
	Gate Policy // that asks for approvals, and is gone round
	By   Policy // that goes round it
	Same bool   // both name the same principal
}

// Cancels returns the approvals that to put now in the place of the policy with its id
// cancels: those of gates that it is a way round, for who does not have all of it already; and,
// where it is a gate itself, its own, which another policy of its principal goes round.
func (s *Set) Cancels(now *Policy, at time.Time) (out []Cancelled) {
	if s == nil {
		return nil
	}
	if !s.alreadyGives(now) {
		for gate, same := range s.gatesRound(now, now.Pattern) {
			if gate.ID != now.ID {
				out = append(out, Cancelled{*gate, *now, same})
			}
		}
	}
	if now.Conditions.Approval != nil {
		for _, has := range s.byPrincipal[subject{now.PrincipalKind, now.PrincipalID}] {
			over := !has.ExpiresAt.IsZero() && !has.ExpiresAt.After(at)
			if has.ID != now.ID && !over && has.Conditions.Approval == nil && has.Vault == now.Vault && has.Permissions&now.Permissions != 0 && Overlap(has.Pattern, now.Pattern) {
				out = append(out, Cancelled{*now, has, true})
			}
		}
	}
	slices.SortFunc(out, func(a, b Cancelled) int {
		return cmp.Or(cmp.Compare(a.Gate.ID, b.Gate.ID), cmp.Compare(a.By.ID, b.By.ID))
	})
	return out
}

// alreadyGives reports whether the principal has all that p gives without an
// approval: to give it again opens nothing.
func (s *Set) alreadyGives(p *Policy) bool {
	if s == nil || p.Conditions.Approval != nil {
		return false
	}
	return slices.ContainsFunc(s.byPrincipal[subject{p.PrincipalKind, p.PrincipalID}], func(has Policy) bool {
		return has.Conditions.Approval == nil && has.Gives(p)
	})
}

// Gives reports whether p gives the same principal all that now gives; it may say no
// where it does.
func (p *Policy) Gives(now *Policy) bool {
	asks, will := p.Conditions.Approval, now.Conditions.Approval
	return p.Vault == now.Vault && now.Permissions&^p.Permissions == 0 &&
		(p.Pattern == now.Pattern || p.Pattern.shape == all) &&
		(p.ExpiresAt.IsZero() || !now.ExpiresAt.IsZero() && !now.ExpiresAt.After(p.ExpiresAt)) &&
		(asks == nil || will != nil && !laxer(will, asks)) &&
		p.Conditions.within(&now.Conditions)
}

// within reports whether conditions that are met by now were met by c as well; it
// may say no where they were.
func (c *Conditions) within(now *Conditions) bool {
	nets := len(c.IPAllowlist) == 0 || len(now.IPAllowlist) > 0 && !slices.ContainsFunc(now.IPAllowlist, func(n netip.Prefix) bool {
		return !slices.ContainsFunc(c.IPAllowlist, func(o netip.Prefix) bool { return o.Bits() <= n.Bits() && o.Contains(n.Addr()) })
	})
	w := c.TimeWindow
	hours := w == nil || now.TimeWindow != nil && w.After == now.TimeWindow.After && w.Before == now.TimeWindow.Before &&
		w.Zone.String() == now.TimeWindow.Zone.String()
	return nets && hours
}

// laxer reports whether a is worth more than b.
func laxer(a, b *Approval) bool { return a.ValidFor > b.ValidFor || a.MaxUses > b.MaxUses }

// Gated reports whether a policy of the vault asks for approvals of one of the
// permissions over the path, whoever it names.
func (s *Set) Gated(vault string, need Permission, path string) bool {
	if s == nil {
		return false
	}
	for _, all := range s.byPrincipal {
		for i := range all {
			p := &all[i]
			if p.Conditions.Approval != nil && p.Vault == vault && p.Permissions&need != 0 && p.Pattern.Match(path) {
				return true
			}
		}
	}
	return false
}

// Overlap reports whether a path can match both patterns.
func Overlap(a, b Pattern) bool {
	if a.shape == nothing || b.shape == nothing {
		return false
	}
	return overlapPaths(strings.Split(a.text, "/"), strings.Split(b.text, "/"))
}

// overlapPaths walks both patterns by segments. meets[j] says whether the segments
// of a so far and the first j of b can stand for the same path.
func overlapPaths(a, b []string) bool {
	meets := make([]bool, len(b)+1)
	meets[0] = true
	for j := 1; j <= len(b) && b[j-1] == "**"; j++ {
		meets[j] = true
	}
	for _, seg := range a {
		next := make([]bool, len(b)+1)
		next[0] = seg == "**" && meets[0]
		for j, other := range b {
			switch {
			case seg == "**":
				next[j+1] = meets[j+1] || next[j] // nothing, or one more segment of b
			case other == "**":
				next[j+1] = next[j] || meets[j+1]
			default:
				next[j+1] = meets[j] && overlapNames(seg, other)
			}
		}
		meets = next
	}
	return meets[len(b)]
}

// overlapNames is overlapPaths within a segment, by bytes.
func overlapNames(a, b string) bool {
	meets := make([]bool, len(b)+1)
	meets[0] = true
	for j := 1; j <= len(b) && b[j-1] == '*'; j++ {
		meets[j] = true
	}
	for i := range len(a) {
		next := make([]bool, len(b)+1)
		next[0] = a[i] == '*' && meets[0]
		for j := range len(b) {
			switch {
			case a[i] == '*':
				next[j+1] = meets[j+1] || next[j]
			case b[j] == '*':
				next[j+1] = next[j] || meets[j+1]
			default:
				next[j+1] = meets[j] && a[i] == b[j]
			}
		}
		meets = next
	}
	return meets[len(b)]
}
