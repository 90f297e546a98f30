// Package policy decides who may do what. It is pure: no I/O, no clock, no
// context. Everything a decision rests on is an argument.
//
// Its promise: Decide denies unless a rule of this package allows, and the
// reason it gives names that rule. The order is fixed: organisation, kind of
// caller, freeze, router key, vault binding, scopes, live policies, creator, role, constraint. A policy with a
// pattern, condition or permission that was not understood is never compiled,
// so it can neither widen nor silently lose a restriction.
//
// What the roles mean: owners and admins manage every vault of the organisation
// (see it, delete it, set its policies, list, restore and purge its secrets) but
// read no value without a policy or being the vault's creator. Whoever created a
// vault, and the human whose agent created it, may do everything in it but one:
// where a policy that asks for an approval names them, they ask like others. A
// vault of the server's own was created by nobody: owners and admins see and read
// it, an agent reads what lies under its own id, and nobody changes, grants, shares
// or deletes anything of it by hand.
package policy

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// PrincipalKind is the sort of caller. The zero value is nobody.
type PrincipalKind string

// The kinds of callers. A policy names a user or an agent.
const (
	KindUser      PrincipalKind = "user"
	KindAgent     PrincipalKind = "agent"
	KindAnonymous PrincipalKind = "anonymous"
)

// Role is a user's place in the organisation; agents have none.
type Role string

// The roles. Any other role counts as a member.
const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// Principal is an authenticated caller as identity found it.
type Principal struct {
	Kind          PrincipalKind
	ID            string
	Org           string
	Role          Role      // users only
	Vaults        []string  // binding: the only vaults it may touch; empty is any
	Scopes        []string  // cap as set on the agent or the API key; empty is none
	Creator       string    // agents: the human who made it
	TokenID       string    // the credential, for audit and revocation
	Key           string    // users: id of the API key that it came with or got its token for; empty after a login
	PlatformAdmin bool      // users: runs the server
	Device        bool      // users: a device has the token, which somebody let in
	Until         time.Time // users: when the token that it came with ends; zero for a bare key
	Ends          time.Time // when the key, login or agent ends for good that it came with; zero is never
	IntentsAPI    bool      // agents: signs through Intents, so never sees signing keys
	NoReveal      bool      // agents: it uses secrets, and no route shows it a value
	Frozen        bool      // agents: it, or its organisation, is frozen
	Bare          bool      // agents: came with the key itself, not with a token made from it
	Router        bool      // agents: came with a router key, which calls models and does nothing else
	Gen           int64     // agents: generation of the credential that it came with
	With          string    // agents: the credential of the human who took the token that it came with
	Session       string    // users: id of the login that its token belongs to; empty for API keys and what was exchanged for them
	Person        time.Time // users: when a person last proved to be there (password, provider) for this token; zero for keys and devices
}

// Manages reports whether p is an owner or admin of its organisation.
func (p *Principal) Manages() bool {
	return p.Kind == KindUser && (p.Role == RoleOwner || p.Role == RoleAdmin)
}

// Credential names what p came with, for what is made with it: key:ID of an API
// key, session:ID of a login, agent:ID/GENERATION; for a token of an agent that a
// human took, that of the human. It is empty where none is known.
func (p *Principal) Credential() string {
	switch {
	case p.With != "":
		return p.With
	case p.Kind == KindAgent:
		return "agent:" + p.ID + "/" + strconv.FormatInt(p.Gen, 10)
	case p.Key != "":
		return "key:" + p.Key
	case p.Session != "":
		return "session:" + p.Session
	}
	return ""
}

// Unrouted is the agent whatever credential it came with, and whether or not it is shown values: for
// what is looked at in its name, and not handed to it.
func (p *Principal) Unrouted() Principal {
	out := *p
	out.Router, out.NoReveal = false, false
	return out
}

func (p *Principal) known() bool {
	return p.ID != "" && (p.Kind == KindUser || p.Kind == KindAgent)
}

// Vault is what a decision needs to know of a vault.
type Vault struct {
	ID            string
	Org           string
	CreatedBy     string
	CreatedByKind PrincipalKind
	CreatorHuman  string // when an agent made it: that agent's human
	Reserved      bool   // the server's own
	Closed        bool   // ... of which nobody opens a value through a grant: what they are for opens them
}

// createdBy reports whether p made the vault or is the human of the agent that
// did. An agent gets nothing from a vault its human made.
func (v *Vault) createdBy(p *Principal) bool {
	if v.CreatedByKind == p.Kind && v.CreatedBy == p.ID {
		return true
	}
	return v.CreatedByKind == KindAgent && p.Kind == KindUser && v.CreatorHuman == p.ID
}

// Agent is what a decision needs to know of an agent that is acted on.
type Agent struct {
	ID      string
	Org     string
	Creator string // the human who made it
}

// Resource is what an action is done to. Org is always needed; the others as
// the action's Rule says.
type Resource struct {
	Org      string
	Vault    *Vault
	Path     secretpath.Path
	Policies *Set // the vault's; nil is none
	// SecretType is the stored type of the secret at Path, or empty as long as
	// it is not known. A value read that was allowed without it must be decided
	// again with it before the value leaves.
	SecretType string
	Agent      *Agent
	// Approved is the policy, as it stands, under which a human has approved this
	// very use: that one policy then counts like those that ask for no approval.
	Approved Version
	// Constraint is what the part of the product that asks demands of this very use
	// besides the grant. Nil demands nothing.
	Constraint Constraint
}

// Constraint is what another part of the product demands of one use, such as that a
// transaction is within its agent's guardrails. It is asked last and can only refuse. Like
// Decide it computes from its arguments, and what it was made with, alone.
type Constraint interface {
	// Refuses returns the fault for the caller, with its reason for the log
	// (fault.Because), or nil.
	Refuses(p Principal, at Moment) error
}

// Moment is when and from where an action is asked for. An invalid IP meets no
// allow-list.
type Moment struct {
	Now time.Time
	IP  netip.Addr
}
