package policy

import "strings"

// View is what a principal may know to exist in one vault at one moment. It is
// made once per listing and then asked for each path. The zero View shows
// nothing.
type View struct {
	whole    bool      // no policy is needed: creator, owner or admin
	patterns []Pattern // else: of the live policies
	capped   bool
	scopes   []string
}

// View returns what p may see in the vault. It agrees with Decide for
// secret.describe on every path.
func (s *Set) View(p Principal, v *Vault, at Moment) View {
	rule, _ := RuleFor(ListSecrets)
	r := Resource{Org: p.Org, Vault: v, Policies: s}
	limit := reachOf(p.Scopes)
	if barred(&p, ListSecrets, &rule, &r, limit) != "" {
		return View{}
	}
	view := View{capped: limit.capped, scopes: p.Scopes}
	if p.Manages() || !v.Reserved && v.createdBy(&p) {
		view.whole = true
		return view
	}
	if v.Reserved {
		return View{}
	}
	policies := s.of(&p)
	for i := range policies {
		if pol := &policies[i]; pol.Vault == v.ID && pol.unmet(at) == "" {
			view.patterns = append(view.patterns, pol.Pattern)
		}
	}
	return view
}

// Sees reports whether the path, as Path.String gives it, is in the view.
func (v *View) Sees(path string) bool {
	if path == "" || v.capped && !covers(v.scopes, path) {
		return false
	}
	if v.whole {
		return true
	}
	for i := range v.patterns {
		if v.patterns[i].Match(path) {
			return true
		}
	}
	return false
}

// Whole reports whether the view holds every path, so that none need be asked.
func (v *View) Whole() bool { return v.whole && !v.capped }

// Prefix returns what every path in the view begins with, so that a listing can
// start and stop there. It is empty when they share nothing.
func (v *View) Prefix() string {
	if v.whole || len(v.patterns) == 0 {
		return ""
	}
	common := v.patterns[0].lit
	for _, p := range v.patterns[1:] {
		for !strings.HasPrefix(p.lit, common) {
			common = common[:len(common)-1]
		}
	}
	return common
}

// CanSee is View and Sees for a single path.
func (s *Set) CanSee(p Principal, v *Vault, path string, at Moment) bool {
	view := s.View(p, v, at)
	return view.Sees(path)
}
