package policy

import (
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Scopes cap what a credential may do; they never grant. There are two sorts:
//
// Words, such as vault:read, vault.write, tx:sign, or * alone: names joined by
// ':' or '.', which no path has. They never restrict paths, and they do not
// restrict agents (contract section 5). A user's API key that has words may do
// what one of them names, and nothing else: see wordNames.
//
// Patterns, such as prod/** : the caller's paths are those that one of them
// matches. What covers a whole vault, or hands out another credential, is more
// than such a cap allows, so it is refused to who is capped.

// CheckScopes returns fault.Invalid "invalid_scope" unless every scope is a word
// or a pattern. A scope that is neither, should one reach Decide, caps the
// caller to nothing: what is not understood must not widen.
func CheckScopes(scopes []string) error {
	for _, s := range scopes {
		if !isWord(s) && patternFlaw(s) != "" {
			return fault.New(fault.Invalid, "invalid_scope",
				"A scope is a word such as vault:read or a path pattern such as prod/**.")
		}
	}
	return nil
}

// CheckKeyScopes is CheckScopes for a user's key, which its words cap: a word that names no
// action is a slip, and would leave a key that may do nothing. Clients send tx:sign, for
// transactions (contract section 5): it is taken.
func CheckKeyScopes(scopes []string) error {
	for _, s := range scopes {
		if isWord(s) && !namesAnything(s) {
			return fault.New(fault.Invalid, "invalid_scope", "A scope of a key is a path pattern such as prod/**, or an area and read, write or *, such as vault:read. "+
				"The areas are admin, agent, api_key, approval, audit, auth, billing, chain, ip_rule, model, org, policy, router_key, secret, share, shroud, signing_key, transaction, user, vault and webhook.")
		}
	}
	return CheckScopes(scopes)
}

func namesAnything(word string) bool {
	if word == "tx:sign" || word == "tx.sign" {
		return true
	}
	for a, rule := range table {
		if wordNames(word, a, rule.Writes) {
			return true
		}
	}
	return false
}

// reach is what a list of scopes amounts to.
type reach struct {
	capped bool // to the paths that match a pattern among the scopes
	words  bool
}

func reachOf(scopes []string) reach {
	var r reach
	everywhere := false
	for _, s := range scopes {
		switch {
		case isWord(s):
			r.words = true
		case s == "**":
			everywhere = true
		default:
			r.capped = true
		}
	}
	r.capped = r.capped && !everywhere
	return r
}

// Lifts reports whether a list of scopes lets a credential do what another did not. A
// pattern does not where one of the other list covers it, nor a word that is there. A
// list without a pattern caps no path, and one without a word names no action: to drop
// the last of a sort lifts as much as to add one.
func Lifts(was, now []string) bool {
	before, after := reachOf(was), reachOf(now)
	had := patternsOf(was)
	adds := func(s string) bool {
		if slices.Contains(was, s) {
			return false
		}
		p, err := Compile(s)
		return isWord(s) && before.words || !isWord(s) && before.capped && (err != nil || !coveredBy(had, p))
	}
	return before.capped && !after.capped || before.words && !after.words || slices.ContainsFunc(now, adds)
}

// covers reports whether a pattern among the scopes matches path.
func covers(scopes []string, path string) bool {
	for _, s := range scopes {
		if !isWord(s) && patternFlaw(s) == "" && match(s, path) {
			return true
		}
	}
	return false
}

// Narrowed reports whether the credential is bound to vaults or capped to paths.
func (p *Principal) Narrowed() bool { return len(p.Vaults) > 0 || reachOf(p.Scopes).capped }

// Covers reports whether what happened to a path of a vault lies within what the
// credential is capped and bound to. An empty vault or path is nothing to cap.
func (p *Principal) Covers(vault, path string) bool {
	if vault != "" && len(p.Vaults) > 0 && !slices.Contains(p.Vaults, vault) {
		return false
	}
	return path == "" || !reachOf(p.Scopes).capped || covers(p.Scopes, path)
}

// SeesPaths reports whether the words on a user's key let it see which paths there are.
func (p *Principal) SeesPaths() bool {
	rule := table[DescribeSecret]
	return p.Kind != KindUser || !reachOf(p.Scopes).words || named(p.Scopes, DescribeSecret, &rule)
}

func isWord(s string) bool {
	if s == "*" {
		return true
	}
	joints, last := 0, byte(':')
	for i := range len(s) {
		c := s[i]
		joint := c == ':' || c == '.'
		switch {
		case joint && (last == ':' || last == '.'):
			return false
		case joint:
			joints++
		case !isPatternByte(c):
			return false
		}
		last = c
	}
	return joints > 0 && last != ':' && last != '.'
}

// named reports whether a word among the scopes names the action. What hands out
// a value needs a word that names reading secrets too.
func named(scopes []string, a Action, rule *Rule) bool {
	if a == Logout || a == ReadUser { // to give a key up, and to ask whose it is
		return true
	}
	if rule.Value && a != ReadSecret && !anyNames(scopes, ReadSecret, false) {
		return false
	}
	return anyNames(scopes, a, rule.Writes)
}

func anyNames(scopes []string, a Action, writes bool) bool {
	for _, s := range scopes {
		if isWord(s) && wordNames(s, a, writes) {
			return true
		}
	}
	return false
}

// wordNames reports whether a word names an action. A word is an area and a verb:
// read for all that changes nothing there, write for all that does, * for both.
// The area vault holds its secrets. Secrets are found through their vaults, so the
// area secret shows which vaults there are. An unknown word names nothing.
func wordNames(word string, a Action, writes bool) bool {
	if word == "*" {
		return true
	}
	joint := strings.IndexAny(word, ":.")
	area, verb := areaOf(word[:joint]), word[joint+1:]
	if verb != "*" && !(verb == "read" && !writes) && !(verb == "write" && writes) {
		return area == "secret" && verb == "write" && showsVaults(a)
	}
	noun, _, _ := strings.Cut(string(a), ".")
	return area == noun || area == "vault" && noun == "secret" || area == "secret" && showsVaults(a)
}

func showsVaults(a Action) bool { return a == ListVaults || a == ReadVault }

// areaOf returns the first half of the names of an area's actions, or nothing for
// a name that is no area's.
func areaOf(name string) string {
	switch name {
	case "secret", "secrets":
		return "secret"
	case "vault", "vaults":
		return "vault"
	case "policy", "policies":
		return "policy"
	case "agent", "agents":
		return "agent"
	case "share", "shares":
		return "share"
	case "approval", "approvals":
		return "approval"
	case "org", "member", "members":
		return "org"
	case "api_key", "api_keys":
		return "api_key"
	case "ip_rule", "ip_rules":
		return "ip_rule"
	case "webhook", "webhooks":
		return "webhook"
	case "user", "users":
		return "user"
	case "chain", "chains":
		return "chain"
	case "tx", "transaction", "transactions":
		return "transaction"
	case "signing_key", "signing_keys":
		return "signing_key"
	case "router_key", "router_keys":
		return "router_key"
	case "model", "models":
		return "model"
	case "audit", "auth", "billing", "admin", "shroud":
		return name
	}
	return ""
}
