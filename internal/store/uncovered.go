package store

import (
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// endUncovered ends the shares that somebody made in a vault and whose path it may not
// read any more: neither as creator nor by a policy that is there now and asks
// for no approval. Each access to a share asks that too. This keeps what comes later, for
// another reason, from bringing an old link back.
func (tx Tx) endUncovered(e *ending, org, vault string, kind policy.PrincipalKind, id string, now time.Time) error {
	type share struct{ id, path string }
	var shares []share
	err := tx.Each(`SELECT id, path FROM shares WHERE maker_id = $1 AND maker_type = $2 AND org_id = $3 AND revoked_at IS NULL
		AND expires_at > $4 AND vault_id = $5`, []any{id, string(kind), org, micros(now), vault}, func(rows *sql.Rows) error {
		var s share
		err := rows.Scan(&s.id, &s.path)
		shares = append(shares, s)
		return err
	})
	if err != nil {
		return err
	}
	for _, s := range shares {
		covered, err := tx.covers(vault, s.path, kind, id, now)
		if err == nil && !covered {
			err = tx.count(&e.shares, `UPDATE shares SET revoked_at = $2 WHERE id = $1`, s.id, micros(now))
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
