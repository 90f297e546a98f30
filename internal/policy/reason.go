package policy

import "github.com/oneclaw-dev/oneclaw/internal/fault"

// Reason is a stable code that says which rule decided. A policy that allowed is
// "policy:" and its id.
type Reason string

const reasonPolicyPrefix Reason = "policy:"

// Why an action was allowed.
const (
	ReasonPublic   Reason = "public"
	ReasonCreator  Reason = "creator"
	ReasonRole     Reason = "role"
	ReasonPlatform Reason = "platform_admin"
	ReasonBound    Reason = "bound"     // bound to the vault by name
	ReasonSelf     Reason = "self"      // the agent itself
	ReasonSignedIn Reason = "signed_in" // open to every caller of the kind
)

// Why an action was denied.
const (
	ReasonUnknownAction       Reason = "unknown_action"
	ReasonUnauthenticated     Reason = "unauthenticated"
	ReasonOtherOrg            Reason = "other_org"
	ReasonKindRequired        Reason = "kind_required" // users only, or agents only
	ReasonFrozen              Reason = "frozen"
	ReasonRouterKey           Reason = "router_key" // it came with a key that calls models alone
	ReasonMissingResource     Reason = "missing_resource"
	ReasonOutsideVaultBinding Reason = "outside_vault_binding"
	ReasonOutsideScope        Reason = "outside_scope"
	ReasonNoPolicy            Reason = "no_policy"
	ReasonPolicyExpired       Reason = "policy_expired"
	ReasonIPNotAllowed        Reason = "ip_not_allowed"
	ReasonOutsideTimeWindow   Reason = "outside_time_window"
	ReasonRoleRequired        Reason = "role_required"
	ReasonIntentsKeyType      Reason = "intents_key_type"
	ReasonReservedVault       Reason = "reserved_vault"    // the vault is the server's own
	ReasonApprovalRequired    Reason = "approval_required" // a policy would allow it once a human approves
	ReasonNoReveal            Reason = "no_reveal"         // the agent uses secrets, and is shown none
	ReasonPersonRequired      Reason = "person_required"   // it takes a person who has just signed in
)

// ErrNoAgent is for agents that are not there, or that the caller may not know of.
var ErrNoAgent = fault.New(fault.NotFound, "agent_not_found", "There is no agent with this id.")

// ErrFrozen is what is wanted of, or for, an agent that is frozen.
var ErrFrozen = fault.New(fault.Denied, "frozen", "This agent is frozen: nothing is read, used or signed for it until an owner or admin of the organisation, or who froze it, ends that.").Because(string(ReasonFrozen))

// ErrNoReveal is what an agent gets instead of a value that it may use and not see.
var ErrNoReveal = fault.New(fault.Denied, "reveal_never", "This agent uses secrets without seeing them (its setting reveal is never). "+
	"Send the request with http_request (on the command line: oneclaw request, or oneclaw proxy -- PROGRAM) and write {{secret:PATH}} where the secret goes, for a host that the secret is bound to.").Because(string(ReasonNoReveal))

// Err returns nil when the decision allows, and else the fault for the caller:
// NotFound for another organisation's things, Unauthenticated for nobody, what a
// Constraint says when that refused, Denied for the rest. It depends on the caller and the path asked for, never on
// whether anything exists there; intents_key_type alone is told after the row
// was read, to a caller that may know of the row.
func (d Decision) Err() error { return d.ErrOf("") }

// ErrOf is Err where it is known what was asked for: who may do that is said to who may not.
func (d Decision) ErrOf(a Action) error {
	if d.Allow {
		return nil
	}
	if d.Refusal != nil {
		return d.Refusal
	}
	switch d.Reason {
	case ReasonOtherOrg:
		return fault.New(fault.NotFound, "not_found", "There is no such thing, or it is not yours to see.")
	case ReasonUnauthenticated:
		return fault.New(fault.Unauthenticated, "unauthenticated", "Sign in, or send a bearer token or API key.")
	case ReasonUnknownAction, ReasonMissingResource:
		return fault.New(fault.Internal, "internal_error", "")
	case ReasonPersonRequired:
		return ErrPersonRequired
	case ReasonFrozen:
		return ErrFrozen
	case ReasonNoReveal:
		return ErrNoReveal
	case ReasonKindRequired, ReasonRoleRequired:
		return fault.New(fault.Denied, "access_denied", whoMay(a)).Because(string(d.Reason))
	default:
		return fault.New(fault.Denied, "access_denied", d.Reason.advice()).Because(string(d.Reason))
	}
}

// advice says what to do about a denial. Clients look for the words "scopes do
// not cover" to fetch a new token.
func (r Reason) advice() string {
	switch r {
	case ReasonOutsideVaultBinding:
		return "This credential is bound to other vaults. Ask its owner to bind it to this one."
	case ReasonOutsideScope:
		return "The credential's scopes do not cover this. Use one with wider scopes."
	case ReasonPolicyExpired:
		return "The policy that allowed this has expired. Ask who manages the vault to renew it."
	case ReasonIPNotAllowed:
		return "The policy does not allow this from your address."
	case ReasonOutsideTimeWindow:
		return "The policy does not allow this at this time of day."
	case ReasonApprovalRequired:
		return "The policy that allows this asks for a human's approval of each use, which this operation can't wait for."
	case ReasonReservedVault:
		return "This vault is the server's own. Owners and admins may read it, and each agent its own keys; nobody changes, grants, shares or deletes anything in it by hand."
	case ReasonIntentsKeyType:
		return "This agent signs through the Intents API, so it may not read private keys."
	default:
		return "No policy allows this. Ask who manages the vault to grant access to this path."
	}
}
