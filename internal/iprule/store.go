package iprule

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
)

// Store keeps the IP rules of organisations. check is asked within the
// transaction with the rules as they will be.
type Store interface {
	// EpochOf changes with every change of the organisation; false means that it is
	// not known and nothing cached may be used.
	EpochOf(org string) (int64, bool)
	// IPRules returns the rules of org, oldest first.
	IPRules(ctx context.Context, org string) ([]Rule, error)
	// AddIPRule returns Conflict when there is such a rule.
	AddIPRule(ctx context.Context, r Rule, check func(will []Rule) error, ev *audit.Event) error
	// RemoveIPRule returns NotFound unless org has the rule.
	RemoveIPRule(ctx context.Context, org, id string, check func(will []Rule) error, ev *audit.Event) error
}
