package policy

import (
	"encoding/json"
	"slices"
	"time"
)

// AsksApproval reports whether a policy with these conditions asks for approvals. What
// can't be read is in doubt, and counts as a gate.
func AsksApproval(conditions []byte) bool {
	c, err := CompileConditions(conditions)
	return err != nil || c.Approval != nil
}

// Row is what a database has of a policy that names somebody.
type Row struct {
	Pattern     string
	Permissions []byte // a JSON array
	Conditions  []byte // a JSON object
	ExpiresAt   time.Time
}

// LetsRead reports whether one of somebody's policies lets it read a path at a moment
// without an approval. Time windows and addresses are not asked: they come and go. A
// pattern or permissions that can't be read are in doubt, and count.
func LetsRead(all []Row, path string, now time.Time) bool {
	return slices.ContainsFunc(all, func(r Row) bool {
		var perms []string
		if err := json.Unmarshal(r.Permissions, &perms); err == nil && !slices.Contains(perms, "read") {
			return false
		}
		if !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(now) {
			return false
		}
		if AsksApproval(r.Conditions) {
			return false
		}
		p, err := Compile(r.Pattern)
		return err != nil || p.Match(path)
	})
}
