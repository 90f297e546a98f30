package store

import (
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// endUncovered ends what somebody lends from a vault and may not read any more: neither as creator nor by a policy that
// is there now and asks for no approval. Its shares are revoked, and agents' bindings lose the credential that it lent
// them. Each use asks that too. This keeps what comes later, for another reason, from bringing an old right back.
func (tx Tx) endUncovered(e *ending, org, vault string, kind policy.PrincipalKind, id string, now time.Time) error {
	type lent struct{ id, path string }
	for _, of := range []struct {
		list string
		args []any
		end  string
		more []any
		n    *int64
	}{
		{`SELECT id, path FROM shares WHERE maker_id = $1 AND maker_type = $2 AND org_id = $3 AND revoked_at IS NULL AND expires_at > $4 AND vault_id = $5`,
			[]any{id, string(kind), org, micros(now), vault}, `UPDATE shares SET revoked_at = $2 WHERE id = $1`, []any{micros(now)}, &e.shares},
		{`SELECT id, path FROM agent_bindings WHERE set_by = $1 AND $2 = 'user' AND org_id = $3 AND source = '` + execution.VaultRef + `' AND vault_id = $4`,
			[]any{id, string(kind), org, vault}, `UPDATE agent_bindings SET source = '', vault_id = '', path = '', revision = revision + 1 WHERE id = $1`, nil, &e.services},
	} {
		var all []lent
		err := tx.Each(of.list, of.args, func(rows *sql.Rows) error {
			var l lent
			err := rows.Scan(&l.id, &l.path)
			all = append(all, l)
			return err
		})
		for _, l := range all {
			var covered bool
			if err == nil {
				covered, err = tx.covers(vault, l.path, kind, id, now)
			}
			if err == nil && !covered {
				err = tx.count(of.n, of.end, append([]any{l.id}, of.more...)...)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// covers reports whether somebody made the vault, or has a policy to read the path without an approval.
func (tx Tx) covers(vault, path string, kind policy.PrincipalKind, id string, now time.Time) (bool, error) {
	var made int
	if _, err := tx.Row(`SELECT COUNT(*) FROM vaults WHERE id = $1 AND created_by = $2 AND created_by_type = $3 AND creator_left = 0`,
		[]any{vault, id, string(kind)}, &made); err != nil || made > 0 {
		return made > 0, err
	}
	var all []policy.Row
	err := tx.Each(`SELECT secret_path_pattern, permissions, conditions, expires_at FROM policies WHERE vault_id = $1 AND principal_id = $2 AND principal_type = $3`,
		[]any{vault, id, string(kind)}, func(rows *sql.Rows) error {
			var r policy.Row
			var expires sql.NullInt64
			err := rows.Scan(&r.Pattern, &r.Permissions, &r.Conditions, &expires)
			r.ExpiresAt = fromNull(expires)
			all = append(all, r)
			return err
		})
	return policy.LetsRead(all, path, now), err
}
