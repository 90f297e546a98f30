package store

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

var errNoPrincipal = fault.New(fault.NotFound, "principal_not_found",
	"There is no user or agent with this id in the organisation.")

// Exists implements vault.Principals: a user exists in the organisations it is
// a member of, an agent in its own, active or not.
func (db *DB) Exists(ctx context.Context, org string, kind policy.PrincipalKind, id string) error {
	query := ""
	switch kind {
	case policy.KindUser:
		query = `SELECT 1 FROM memberships WHERE org_id = $1 AND user_id = $2`
	case policy.KindAgent:
		query = `SELECT 1 FROM agents WHERE org_id = $1 AND id = $2`
	default:
		return errNoPrincipal
	}
	var one int
	found, err := db.Row(ctx, query, []any{org, id}, &one)
	if err == nil && !found {
		err = errNoPrincipal
	}
	return err
}

// HasUsers reports whether anybody has an account. It is cheap: `dev` asks at
// every start.
func (db *DB) HasUsers(ctx context.Context) (bool, error) {
	var id string
	return db.Row(ctx, `SELECT id FROM users LIMIT 1`, nil, &id)
}
