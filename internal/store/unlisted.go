package store

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// errUnlisted is of a path whose rows in the two tables of secrets contradict each
// other: no order of writes leaves them so.
var errUnlisted = fault.New(fault.Damaged, audit.CodeDamaged, "The database is damaged: rows of this secret are missing.")

const (
	// unlisted are versions whose path the listing has not, or with no version that is there.
	unlisted = `FROM secret_versions v WHERE v.vault_id = $1 AND NOT EXISTS (SELECT 1 FROM secrets s
		JOIN secret_versions n ON n.vault_id = s.vault_id AND n.path = s.path AND n.version = s.version AND n.id = s.version_id
		WHERE s.vault_id = v.vault_id AND s.path = v.path)`
	// versionless are paths of the listing whose newest version is not there.
	versionless = `FROM secrets s WHERE s.vault_id = $1 AND s.version_id <> '' AND NOT EXISTS (SELECT 1 FROM secret_versions n
		WHERE n.vault_id = s.vault_id AND n.path = s.path AND n.version = s.version AND n.id = s.version_id)`
)

// maxUnlisted bounds the paths of one vault that are named.
const maxUnlisted = 1000

// Unlisted returns paths of a vault that lost rows. It reads all of the vault's.
func (db *DB) Unlisted(ctx context.Context, vault string) (paths []string, err error) {
	err = db.EachAside(ctx, `SELECT v.path `+unlisted+` UNION SELECT s.path `+versionless+` ORDER BY path LIMIT $2`, []any{vault, maxUnlisted},
		func(rows *sql.Rows) error {
			var path string
			err := rows.Scan(&path)
			paths = append(paths, path)
			return err
		})
	return paths, err
}

// whole returns err, or that rows of the path are missing when they are.
func (tx Tx) whole(vault, path string, err error) error {
	var one int
	found, readErr := tx.Row(`SELECT 1 `+unlisted+` AND v.path = $2 LIMIT 1`, []any{vault, path}, &one)
	switch {
	case readErr != nil:
		return readErr
	case found:
		return errUnlisted
	}
	return err
}
