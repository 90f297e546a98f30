package policy

// Set is the compiled policies of one vault, found by principal. It never
// changes, so goroutines may share it. A nil Set is an empty one.
type Set struct {
	byPrincipal map[subject][]Policy
}

type subject struct {
	kind PrincipalKind
	id   string
}

// NewSet returns the set of the policies, without those that CompilePolicy did
// not make. Where several allow the same, the earliest in the list gives its name
// to the decision.
func NewSet(policies []Policy) *Set {
	s := &Set{byPrincipal: make(map[subject][]Policy)}
	for _, p := range policies {
		if p.reason == "" {
			continue
		}
		k := subject{p.PrincipalKind, p.PrincipalID}
		s.byPrincipal[k] = append(s.byPrincipal[k], p)
	}
	return s
}

func (s *Set) of(p *Principal) []Policy {
	if s == nil {
		return nil
	}
	return s.byPrincipal[subject{p.Kind, p.ID}]
}

// find returns the first live policy of p in the vault that has one of the
// permissions and, unless path is empty, covers it. Where a human's approval
// counts (gated), a policy that needs none, or has the one that was given, comes
// first; if all need one, the first of them comes with ReasonApprovalRequired.
// Without any policy find says what came nearest: one that fails only by time,
// then by address, then by expiry, then none.
func (s *Set) find(p *Principal, vault string, need Permission, path string, gated bool, given Version, at Moment) (*Policy, Reason) {
	nearest := ReasonNoPolicy
	var asks *Policy
	policies := s.of(p)
	for i := range policies {
		pol := &policies[i]
		if pol.Permissions&need == 0 || path != "" && !pol.Pattern.Match(path) || pol.Vault != vault {
			continue
		}
		unmet := pol.unmet(at)
		switch {
		case unmet == "" && gated && pol.Conditions.Approval != nil && pol.version() != given:
			if asks == nil {
				asks = pol
			}
			continue
		case unmet == "":
			return pol, ""
		}
		if rank(unmet) > rank(nearest) {
			nearest = unmet
		}
	}
	if asks != nil {
		return asks, ReasonApprovalRequired
	}
	return nil, nearest
}

// gates reports whether a policy of p with one of the permissions over the path
// asks for approvals, met or unmet, over or not: who was named in one is held to
// it when no policy counts.
func (s *Set) gates(p *Principal, vault string, need Permission, path string) bool {
	policies := s.of(p)
	for i := range policies {
		pol := &policies[i]
		if pol.gates(vault, need) && pol.Pattern.Match(path) {
			return true
		}
	}
	return false
}

func (p *Policy) gates(vault string, need Permission) bool {
	return p.Conditions.Approval != nil && p.Permissions&need != 0 && p.Vault == vault
}

// Terms returns what an approval under the policy with that id of p is worth,
// and the policy's version; false when there is no such policy or it asks for
// none.
func (s *Set) Terms(p Principal, id string) (Approval, Version, bool) {
	for _, pol := range s.of(&p) {
		if pol.ID == id && pol.Conditions.Approval != nil {
			return *pol.Conditions.Approval, pol.version(), true
		}
	}
	return Approval{}, Version{}, false
}

func rank(r Reason) int {
	switch r {
	case ReasonOutsideTimeWindow:
		return 3
	case ReasonIPNotAllowed:
		return 2
	case ReasonPolicyExpired:
		return 1
	default:
		return 0
	}
}
