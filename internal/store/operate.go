package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Chains are the organisations that have a log.
func (db *DB) Chains(ctx context.Context) ([]string, error) {
	return db.Texts(ctx, `SELECT org_id FROM audit_heads UNION SELECT org_id FROM audit_checkpoints ORDER BY org_id`)
}

// OddHeads names the numbers in heads of logs that no write leaves: negative ones, and
// changes of rights later than the latest. With such a one no write stands any more.
func (db *DB) OddHeads(ctx context.Context) (all []string, err error) {
	for _, column := range []string{"seq", "epoch", "ended", "revoked"} {
		query := `SELECT org_id FROM audit_heads WHERE ` + column + ` < 0`
		if column != "seq" {
			query += ` OR ` + column + ` > (SELECT value FROM meta WHERE name = 'epoch')`
		}
		orgs, err := db.Texts(ctx, query+` ORDER BY org_id`)
		if err != nil {
			return nil, err
		}
		for _, org := range orgs {
			all = append(all, fmt.Sprintf("table audit_heads, row org_id %+q: the value of %s is out of range", org, column))
		}
	}
	return all, nil
}

// AllVaults are the ids of the vaults of all organisations.
func (db *DB) AllVaults(ctx context.Context) ([]string, error) {
	return db.Texts(ctx, `SELECT id FROM vaults ORDER BY id`)
}

// VaultKey is a generation of a vault's key.
type VaultKey struct {
	Vault string
	Gen   int64
}

// VaultKeys are the keys that vaults and their versions are sealed under. What is left of
// a deleted vault, and not yet cleared away, needs none.
func (db *DB) VaultKeys(ctx context.Context) (all []VaultKey, err error) {
	err = db.Each(ctx, `SELECT id, kek_gen FROM vaults UNION
		SELECT s.vault_id, s.kek_gen FROM secret_versions s JOIN vaults v ON v.id = s.vault_id`, nil, func(rows *sql.Rows) error {
		var k VaultKey
		err := rows.Scan(&k.Vault, &k.Gen)
		all = append(all, k)
		return err
	})
	return all, err
}

// UsesVaultKey reports whether a vault, or a version of one, is sealed under a key.
func (db *DB) UsesVaultKey(ctx context.Context, k VaultKey) (bool, error) {
	var one int
	return db.Row(ctx, `SELECT 1 FROM vaults WHERE id = $1 AND (kek_gen = $2
		OR EXISTS (SELECT 1 FROM secret_versions WHERE vault_id = $1 AND kek_gen = $2))`, []any{k.Vault, k.Gen}, &one)
}

// KeysInUse are the ids of keys of vaults and jobs that rows refer to. Of a vault it is
// the first: those of later generations begin with it.
func (db *DB) KeysInUse(ctx context.Context) ([]string, error) {
	return db.Texts(ctx, `SELECT 'vault:' || id FROM vaults UNION SELECT 'job:' || id FROM vault_jobs UNION SELECT id FROM doomed_keys`)
}

// AccountKeysInUse returns the ids in the keystore of all keys of chains that an agent has, or
// had.
func (db *DB) AccountKeysInUse(ctx context.Context) ([]string, error) {
	return db.Texts(ctx, `SELECT key_id FROM signing_keys`)
}

// SealedRows are counts of rows that are sealed under keys of the server's own.
type SealedRows struct{ Factors, Mails, Links, Webhooks, Texts, Places int64 }

// SealedRows counts them.
func (db *DB) SealedRows(ctx context.Context) (n SealedRows, err error) {
	_, err = db.Row(ctx, `SELECT (SELECT COUNT(*) FROM user_totp), (SELECT COUNT(*) FROM mail_queue),
		(SELECT COUNT(*) FROM shares WHERE LENGTH(link_sealed) > 0), (SELECT COUNT(*) FROM approval_webhooks) + (SELECT COUNT(*) FROM webhooks), (SELECT COUNT(*) FROM flagged_texts),
		(SELECT COUNT(*) FROM place_keys)`, nil, &n.Factors, &n.Mails, &n.Links, &n.Webhooks, &n.Texts, &n.Places)
	return n, err
}

// AnyVersion names the newest version of some path of a vault; found is false
// when the vault is empty.
func (db *DB) AnyVersion(ctx context.Context, vault string) (path string, version uint64, found bool, err error) {
	found, err = db.Row(ctx, `SELECT path, version FROM secret_versions WHERE vault_id = $1 ORDER BY path, version DESC LIMIT 1`,
		[]any{vault}, &path, &version)
	return path, version, found, err
}

// InUse reports whether a server ever served from a PostgreSQL database.
func (db *DB) InUse(ctx context.Context) (used bool, err error) {
	if made, err := db.HasTables(ctx); err != nil || !made {
		return false, err
	}
	_, err = db.Row(ctx, `SELECT EXISTS (SELECT 1 FROM audit_heads) OR EXISTS (SELECT 1 FROM users)`, nil, &used)
	return used, err
}
