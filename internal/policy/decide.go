package policy

import (
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Decision is the answer and what it rests on.
type Decision struct {
	Allow    bool
	Reason   Reason // stable; for the audit record
	PolicyID string // the policy that allowed, if one did, or that asks for an approval
	// Partial says that the caller sees only a part of what is listed: for
	// secret.list what View shows, for vault.list the vaults that it may
	// vault.read, for policy.list the policies that name it, for audit.read its
	// own events, for api_key.list and api_key.delete its own keys, for shroud.activity
	// those of its own agents, or itself.
	Partial bool
	// Refusal is what the Resource's Constraint says to the caller, if that refused.
	Refusal error
}

// Decide says whether p may do a to r at a moment. It allocates nothing.
func Decide(p Principal, a Action, r Resource, at Moment) Decision {
	rule, ok := RuleFor(a)
	if !ok {
		return deny(ReasonUnknownAction)
	}
	if rule.Who == Anyone {
		return Decision{Allow: true, Reason: ReasonPublic}
	}
	limit := reachOf(p.Scopes)
	if reason := barred(&p, a, &rule, &r, limit); reason != "" {
		return deny(reason)
	}
	d := granted(&p, &rule, &r, at)
	unseeing := rule.Value && p.Kind == KindAgent && p.NoReveal
	if d.Reason == ReasonNoPolicy && unseeing { // no grant would show it the value
		return deny(ReasonNoReveal)
	}
	if !d.Allow {
		return d
	}
	if rule.ManagersOnly && !p.Manages() && (r.Vault.Reserved || !r.Vault.createdBy(&p)) {
		return deny(ReasonRoleRequired)
	}
	if rule.Value && hidesKeys(&p, r.SecretType) {
		return deny(ReasonIntentsKeyType)
	}
	if unseeing {
		return deny(ReasonNoReveal)
	}
	if (rule.Person || held(&p, &rule, &r)) && !p.Here(at.Now) {
		return deny(ReasonPersonRequired)
	}
	if r.Constraint != nil {
		if err := r.Constraint.Refuses(p, at); err != nil {
			return Decision{Reason: Reason(fault.ReasonOf(err)), Refusal: err}
		}
	}
	d.Partial = rule.Rows && (limit.capped || !seesAllRows(&p, a, &r))
	return d
}

// barred returns what stops p before any grant is looked at, or nothing.
func barred(p *Principal, a Action, rule *Rule, r *Resource, limit reach) Reason {
	switch {
	case !p.known():
		return ReasonUnauthenticated
	case !sameOrg(p, r):
		return ReasonOtherOrg
	case rule.Who == Users && p.Kind != KindUser, rule.Who == Agents && p.Kind != KindAgent:
		return ReasonKindRequired
	case p.Frozen && !rule.Frozen:
		return ReasonFrozen
	case !complete(rule.Over, r):
		return ReasonMissingResource
	case p.Router && (!rule.Router || rule.Over == OverPath && !ofProvider(r.Path.String())):
		return ReasonRouterKey
	case len(p.Vaults) > 0 && (a == CreateVault || r.Vault != nil && !slices.Contains(p.Vaults, r.Vault.ID)):
		return ReasonOutsideVaultBinding // also of a new vault, which it could not touch
	case !inScope(p, a, rule, r, limit):
		return ReasonOutsideScope
	}
	return ""
}

// ofProvider reports whether a path is where the key of a provider of models lies.
func ofProvider(path string) bool {
	rest, ok := strings.CutPrefix(path, "providers/")
	name, ok2 := strings.CutSuffix(rest, "/api-key")
	return ok && ok2 && name != "" && !strings.Contains(name, "/")
}

// ownKeys is below what an agent reads of a vault of the server's own.
const ownKeys = "agents/"

// ofServer decides in a vault of the server's own, where no policy, creator or
// binding counts.
func ofServer(p *Principal, rule *Rule, r *Resource) Decision {
	switch {
	case !rule.Reserved, rule.Gated && r.Vault.Closed:
		return deny(ReasonReservedVault)
	case p.Manages():
		return Decision{Allow: true, Reason: ReasonRole}
	case rule.Gated && p.Kind == KindAgent:
		rest, ok := strings.CutPrefix(r.Path.String(), ownKeys)
		if rest, own := strings.CutPrefix(rest, p.ID); ok && own && strings.HasPrefix(rest, "/") {
			return Decision{Allow: true, Reason: ReasonSelf}
		}
	}
	return deny(ReasonReservedVault)
}

// granted looks for a grant: live policy, creator, role, and the lesser ones.
func granted(p *Principal, rule *Rule, r *Resource, at Moment) Decision {
	if r.Vault != nil && r.Vault.Reserved && (rule.Over == OverVault || rule.Over == OverPath) {
		return ofServer(p, rule, r)
	}
	reason, asks := ReasonRoleRequired, ""
	if rule.Need != 0 {
		path := ""
		if rule.Over == OverPath {
			path = r.Path.String()
		}
		pol, nearest := r.Policies.find(p, r.Vault.ID, rule.Need, path, rule.Gated, r.Approved, at)
		if pol != nil && nearest == ReasonApprovalRequired {
			asks = pol.ID
		} else if pol != nil {
			return Decision{Allow: true, Reason: pol.reason, PolicyID: pol.ID}
		}
		reason = nearest
	}
	switch {
	case rule.Creator && createdBy(p, rule.Over, r) && !asked(p, rule, r):
		reason = ReasonCreator
	case rule.Admin && p.Manages():
		reason = ReasonRole
	case rule.Platform && p.PlatformAdmin && p.Kind == KindUser:
		reason = ReasonPlatform
	case rule.Bound && slices.Contains(p.Vaults, r.Vault.ID):
		reason = ReasonBound
	case rule.Self && p.Kind == KindAgent && r.Agent.ID == p.ID:
		reason = ReasonSelf
	case rule.Open && (p.Kind == KindUser || !rule.Self):
		reason = ReasonSignedIn
	default:
		return Decision{Reason: reason, PolicyID: asks}
	}
	return Decision{Allow: true, Reason: reason}
}

// asked reports whether a policy that asks for approvals names the vault's creator for
// the action: it asks like others, and an agent does not destroy round it.
func asked(p *Principal, rule *Rule, r *Resource) bool {
	if rule.Gated {
		return r.Policies.gates(p, r.Vault.ID, rule.Need, r.Path.String())
	}
	return p.Kind == KindAgent && held(p, rule, r)
}

// held reports whether a policy asks p for approvals of what the action would do round
// it. Nothing waits for an approval here, so a person does it who is there, not a key.
func held(p *Principal, rule *Rule, r *Resource) bool {
	switch {
	case rule.Holds == 0:
		return false
	case rule.Over == OverVault:
		return slices.ContainsFunc(r.Policies.of(p), func(pol Policy) bool { return pol.gates(r.Vault.ID, rule.Holds) })
	}
	return r.Policies.gates(p, r.Vault.ID, rule.Holds, r.Path.String())
}

// sameOrg is false when any part of the resource is another organisation's, and
// when either side does not say whose it is.
func sameOrg(p *Principal, r *Resource) bool {
	return p.Org != "" && r.Org == p.Org &&
		(r.Vault == nil || r.Vault.Org == p.Org) &&
		(r.Agent == nil || r.Agent.Org == p.Org)
}

func complete(over Object, r *Resource) bool {
	switch over {
	case OverVault:
		return r.Vault != nil && r.Vault.ID != ""
	case OverPath:
		return r.Vault != nil && r.Vault.ID != "" && !r.Path.IsZero()
	case OverAgent:
		return r.Agent != nil && r.Agent.ID != ""
	default:
		return true
	}
}

// inScope applies the cap of the credential's scopes.
func inScope(p *Principal, a Action, rule *Rule, r *Resource, limit reach) bool {
	if p.Kind == KindUser && limit.words && !named(p.Scopes, a, rule) {
		return false
	}
	if !limit.capped {
		return true
	}
	switch {
	case rule.Over == OverPath:
		return covers(p.Scopes, r.Path.String())
	case !rule.Writes:
		return !rule.Whole
	default:
		// A write that names no path reaches past any cap on paths: it deletes a
		// whole vault, grants other paths, or makes a credential without the cap.
		// What is left to an agent is to create vaults and renew its own key.
		return p.Kind == KindAgent && rule.Over != OverVault
	}
}

func createdBy(p *Principal, over Object, r *Resource) bool {
	if over == OverAgent {
		return p.Kind == KindUser && r.Agent.Creator == p.ID
	}
	return r.Vault.createdBy(p)
}

// seesAllRows reports whether a listing shows p everything.
func seesAllRows(p *Principal, a Action, r *Resource) bool {
	switch a {
	case ListSecrets, ListPolicies:
		return p.Manages() || r.Vault.createdBy(p)
	case ListVaults, ReadAudit, ReadActivity:
		return p.Manages() && len(p.Vaults) == 0
	default:
		return false
	}
}

// hidesKeys reports whether p signs through Intents and so must not hold keys of
// this type.
func hidesKeys(p *Principal, secretType string) bool {
	return p.Kind == KindAgent && p.IntentsAPI && (secretType == "private_key" || secretType == "ssh_key")
}

func deny(r Reason) Decision { return Decision{Reason: r} }
