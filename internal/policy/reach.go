package policy

import "slices"

// Cap is how far an agent's own row lets it reach, whatever policies say.
type Cap struct {
	Nowhere bool // it is stopped, or its end has come
	Vaults  []string
	Scopes  []string
}

// Within reports whether a cap gives nothing that another does not. It may say no where
// that is so.
func (c Cap) Within(other Cap) bool {
	vaults := len(other.Vaults) == 0 || len(c.Vaults) > 0 && !slices.ContainsFunc(c.Vaults, func(v string) bool { return !slices.Contains(other.Vaults, v) })
	return c.Nowhere || !other.Nowhere && vaults && !Lifts(other.Scopes, c.Scopes)
}

// patterns are those of the paths of a vault that lie within the cap.
func (c Cap) patterns(vault string) []Pattern {
	if c.Nowhere || len(c.Vaults) > 0 && !slices.Contains(c.Vaults, vault) {
		return nil
	}
	if !reachOf(c.Scopes).capped {
		return []Pattern{{text: "**", shape: all}}
	}
	return patternsOf(c.Scopes)
}

// patternsOf are the patterns among scopes.
func patternsOf(scopes []string) (out []Pattern) {
	for _, s := range scopes {
		if p, err := Compile(s); err == nil && !isWord(s) {
			out = append(out, p)
		}
	}
	return out
}

// Widens reports whether an agent that gets from one cap to another reaches a path
// of the vault on laxer terms than a policy asks for there: a gate opens as much by
// what an agent may reach as by what it is granted. Shared are the paths that persons
// share with it, which it reads without an approval. What is in doubt widens.
func (s *Set) Widens(agent string, v *Vault, was, now Cap, shared []string) bool {
	had := was.patterns(v.ID)
	for _, path := range shared {
		reaches := func(p Pattern) bool { return p.Match(path) }
		if !slices.ContainsFunc(had, reaches) && slices.ContainsFunc(now.patterns(v.ID), reaches) && s.Gated(v.ID, Read, path) {
			return true
		}
	}
	for _, more := range now.patterns(v.ID) {
		if slices.ContainsFunc(had, func(p Pattern) bool { return p == more || p.shape == all }) {
			continue
		}
		own := s.of(&Principal{Kind: KindAgent, ID: agent})
		if slices.ContainsFunc(own, func(p Policy) bool { return Overlap(p.Pattern, more) && s.gatedFor(&p, more) }) {
			return true
		}
		if v.CreatedByKind == KindAgent && v.CreatedBy == agent && s.gatedForOthers(agent, more) {
			return true
		}
	}
	return false
}

// gatedForOthers reports whether a gate of the set does not hold for the agent that
// made the vault: those that name it do.
func (s *Set) gatedForOthers(agent string, within Pattern) bool {
	if s == nil {
		return false
	}
	for who, all := range s.byPrincipal {
		if who != (subject{KindAgent, agent}) && slices.ContainsFunc(all, func(p Policy) bool {
			return p.Conditions.Approval != nil && Overlap(p.Pattern, within)
		}) {
			return true
		}
	}
	return false
}
