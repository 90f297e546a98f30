package policy

// Named returns who is named in a policy of the vault that matches the path, live or not: its
// kind and id, in no order.
func (s *Set) Named(vault, path string) map[PrincipalKind][]string {
	out := map[PrincipalKind][]string{}
	if s == nil {
		return out
	}
	for who, all := range s.byPrincipal {
		for i := range all {
			if all[i].Vault == vault && all[i].Pattern.Match(path) {
				out[who.kind] = append(out[who.kind], who.id)
				break
			}
		}
	}
	return out
}

// Names reports whether a policy names the principal.
func (s *Set) Names(p Principal) bool { return len(s.of(&p)) > 0 }

// Made reports whether p made the vault, or is the human of the agent that did.
func (v *Vault) Made(p Principal) bool { return !v.Reserved && v.createdBy(&p) }
