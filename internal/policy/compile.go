package policy

import (
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Permission is a set of things a policy lets its principal do.
type Permission uint8

// The permissions. A compiled policy with Write has Delete as well, one with Read has Use.
const (
	Read Permission = 1 << iota
	Write
	Delete
	Use // without seeing it
)

// Spec is a policy as it is written down, on the wire or in a row.
type Spec struct {
	ID            string
	Vault         string
	Pattern       string
	PrincipalKind PrincipalKind // user or agent
	PrincipalID   string
	Permissions   []string  // of read, use, write, delete; at least one
	Conditions    []byte    // JSON object, or nothing
	ExpiresAt     time.Time // zero is never
	Revision      int64     // moves with each edit
}

// Version names a policy as it stands: after an edit it is another.
type Version struct {
	ID       string
	Revision int64
}

// Policy is a compiled row. Only CompilePolicy makes one that grants anything.
type Policy struct {
	ID            string
	Vault         string
	Pattern       Pattern
	PrincipalKind PrincipalKind
	PrincipalID   string
	Permissions   Permission
	Conditions    Conditions
	ExpiresAt     time.Time
	Revision      int64

	reason Reason // "policy:<id>", made once so that a decision need not
}

// CompilePolicy returns the policy, or fault.Invalid with the code
// invalid_policy, invalid_principal, invalid_pattern, invalid_permissions or
// invalid_conditions. A policy that expired already compiles: rows outlive their
// expiry.
func CompilePolicy(s Spec) (Policy, error) {
	if s.ID == "" || s.Vault == "" {
		return Policy{}, fault.New(fault.Invalid, "invalid_policy", "A policy has an id and a vault.")
	}
	if s.PrincipalID == "" || s.PrincipalKind != KindUser && s.PrincipalKind != KindAgent {
		return Policy{}, fault.New(fault.Invalid, "invalid_principal",
			"A policy names a principal: principal_type user or agent, and its principal_id.")
	}
	pattern, err := Compile(s.Pattern)
	if err != nil {
		return Policy{}, err
	}
	perms, err := ParsePermissions(s.Permissions)
	if err != nil {
		return Policy{}, err
	}
	conditions, err := CompileConditions(s.Conditions)
	if err != nil {
		return Policy{}, err
	}
	return Policy{
		ID: s.ID, Vault: s.Vault, Pattern: pattern,
		PrincipalKind: s.PrincipalKind, PrincipalID: s.PrincipalID,
		Permissions: perms, Conditions: conditions, ExpiresAt: s.ExpiresAt, Revision: s.Revision,
		reason: reasonPolicyPrefix + Reason(s.ID),
	}, nil
}

// ParsePermissions reads permission words: at least one, repeats allowed, others
// than read, use, write and delete refused with fault.Invalid "invalid_permissions".
func ParsePermissions(words []string) (Permission, error) {
	var p Permission
	for _, w := range words {
		switch w {
		case "read":
			p |= Read | Use
		case "use":
			p |= Use
		case "write":
			p |= Write | Delete
		case "delete":
			p |= Delete
		case "admin", "manage", "owner":
			return 0, fault.New(fault.Invalid, "invalid_permissions",
				"A policy gives no right to manage: permissions is a list of read, use, write and delete. Who manages a vault is its creator, and the organisation's owners and admins.")
		default:
			return 0, badPermissions()
		}
	}
	if p == 0 {
		return 0, badPermissions()
	}
	return p, nil
}

// version names the policy as it stands.
func (p *Policy) version() Version { return Version{p.ID, p.Revision} }

// unmet returns why the policy does not count at a moment, or nothing when it
// is live.
func (p *Policy) unmet(at Moment) Reason {
	if !p.ExpiresAt.IsZero() && !at.Now.Before(p.ExpiresAt) {
		return ReasonPolicyExpired
	}
	return p.Conditions.unmet(at)
}

func badPermissions() error {
	return fault.New(fault.Invalid, "invalid_permissions",
		"permissions is a list of one or more of read, use, write and delete.")
}
