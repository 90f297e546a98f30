package store

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
)

// clearedAtOnce is how many secrets, and how many versions, of vaults that are gone one
// transaction deletes: everybody else's writes wait for it.
const clearedAtOnce = 250

// clear deletes secrets of a vault that is gone, no more than there is room for, and
// takes what it deleted from the room. left says that some may be there still.
func (tx Tx) clear(vault string, room *int64) (left bool, err error) {
	most := int64(0)
	for _, query := range []string{
		`DELETE FROM secrets WHERE vault_id = $1 AND path IN (SELECT path FROM secrets WHERE vault_id = $1 ORDER BY path LIMIT $2)`,
		`DELETE FROM key_addresses WHERE version_id IN
			(SELECT id FROM secret_versions WHERE vault_id = $1 ORDER BY path, version LIMIT $2)`,
		`DELETE FROM secret_versions WHERE vault_id = $1 AND (path, version) IN
			(SELECT path, version FROM secret_versions WHERE vault_id = $1 ORDER BY path, version LIMIT $2)`,
	} {
		n, err := tx.Exec(query, vault, *room)
		if err != nil {
			return true, err
		}
		most = max(most, n)
	}
	left = most == *room
	*room -= most
	return left, nil
}

// ClearRemains implements vault.Store. Each transaction is short, so that others write
// in between.
func (db *DB) ClearRemains(ctx context.Context) error {
	for {
		var vault string
		found, err := db.Row(ctx, `SELECT vault_id FROM remains LIMIT 1`, nil, &vault)
		if err != nil || !found {
			return err
		}
		err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
			room := int64(clearedAtOnce)
			left, err := tx.clear(vault, &room)
			tx.forgetVault(vault)
			if err == nil && !left {
				_, err = tx.Exec(`DELETE FROM remains WHERE vault_id = $1`, vault)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
}
