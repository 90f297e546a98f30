package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

var errNoSecret = fault.New(fault.NotFound, "secret_not_found", "There is no secret at this path.")

const versionColumns = `vault_id, path, version, id, type, metadata, rotation_policy, wrapped_dek, ciphertext,
	cmek_encrypted, created_by, created_at, expires_at, deleted_at, max_access_count, access_count, kek_gen`

// versionRow holds the columns that need turning into fields.
type versionRow struct {
	vault.Version
	created          int64
	expires, deleted sql.NullInt64
	cmek             bool
}

func (r *versionRow) fields() []any {
	v := &r.Version
	return []any{&v.Vault, &v.Path, &v.Meta.Version, &v.ID, &v.Type, &v.Metadata, &v.RotationPolicy, &v.Box.WrappedDEK,
		&v.Box.Ciphertext, &r.cmek, &v.CreatedBy, &r.created, &r.expires, &r.deleted, &v.MaxAccess, &v.AccessCount, &v.KEKGen}
}

func (r *versionRow) version() vault.Version {
	r.CreatedAt, r.ExpiresAt, r.DeletedAt = fromMicros(r.created), fromNull(r.expires), fromNull(r.deleted)
	r.CMEK = r.cmek
	return r.Version
}

// Latest implements vault.Store.
func (db *DB) Latest(ctx context.Context, vaultID, path string) (vault.Version, error) {
	const query = `SELECT ` + versionColumns + ` FROM secret_versions
		WHERE vault_id = $1 AND path = $2 ORDER BY version DESC LIMIT 1`
	if db.latest == nil {
		return db.version(ctx, query, vaultID, path)
	}
	k := secretKey{vaultID, path}
	cached, found, gen := db.latest.get(k)
	if found {
		return cached, nil
	}
	v, err := db.version(ctx, query, vaultID, path)
	if err == nil {
		db.latest.put(k, &v, gen)
	}
	return v, err
}

// At implements vault.Store.
func (db *DB) At(ctx context.Context, vaultID, path string, version uint64) (vault.Version, error) {
	return db.version(ctx, `SELECT `+versionColumns+` FROM secret_versions
		WHERE vault_id = $1 AND path = $2 AND version = $3`, vaultID, path, int64(version))
}

func (db *DB) version(ctx context.Context, query string, args ...any) (v vault.Version, err error) {
	var found bool
	if db.Postgres() {
		found, err = db.versionPostgres(ctx, query, args, &v)
	} else {
		var r versionRow
		found, err = db.Row(ctx, query, args, r.fields()...)
		v = r.version()
	}
	if err == nil && !found {
		err = errNoSecret
	}
	if err != nil {
		return vault.Version{}, err
	}
	return v, nil
}

// Tip implements vault.Store. A write asks for no more than this: the row of the
// listing is small, and it outlives a purge.
func (db *DB) Tip(ctx context.Context, vaultID, path string) (vault.Tip, error) {
	if db.latest != nil {
		if v, found, _ := db.latest.get(secretKey{vaultID, path}); found {
			return vault.Tip{Version: v.Meta.Version, Type: v.Type}, nil
		}
	}
	var t vault.Tip
	_, err := db.Row(ctx, `SELECT version, type FROM secrets WHERE vault_id = $1 AND path = $2`,
		[]any{vaultID, path}, &t.Version, &t.Type)
	return t, err
}

// Versions implements vault.Store.
func (db *DB) Versions(ctx context.Context, vaultID, path string) ([]vault.Version, error) {
	var out []vault.Version
	// What is sealed may be megabytes a version, and nobody asks for it here.
	columns := strings.Replace(versionColumns, "wrapped_dek, ciphertext", "NULL, NULL", 1) + ", disabled_at"
	err := db.Each(ctx, `SELECT `+columns+` FROM secret_versions WHERE vault_id = $1 AND path = $2 ORDER BY version DESC`,
		[]any{vaultID, path}, func(rows *sql.Rows) error {
			var r versionRow
			var disabled sql.NullInt64
			err := rows.Scan(append(r.fields(), &disabled)...)
			v := r.version()
			v.DisabledAt = fromNull(disabled)
			out = append(out, v)
			return err
		})
	return out, err
}

// List implements vault.Store. It pages by key: the cost of a page does not
// grow with how far into the vault it lies.
func (db *DB) List(ctx context.Context, vaultID, prefix, after string, limit int) (rows []*vault.Meta, more bool, err error) {
	k := pageKey{prefix, after, limit}
	if db.lists == nil {
		p, err := db.list(ctx, vaultID, k)
		return p.rows, p.more, err
	}
	p, gen := db.lists.get(vaultID, k)
	if p.rows == nil {
		if p, err = db.list(ctx, vaultID, k); err == nil {
			db.lists.put(vaultID, k, p, gen)
		}
	}
	return p.rows, p.more, err
}

// page is a part of a listing.
type page struct {
	rows []*vault.Meta
	more bool // rows may follow
	size int  // of the metadata
}

// add takes the next row, and reports whether another fits.
func (p *page) add(m *vault.Meta, limit int) bool {
	p.rows = append(p.rows, m)
	p.size += len(m.Metadata)
	p.more = len(p.rows) == limit || p.size >= vault.MaxPage
	return !p.more
}

// listQuery pages through the newest versions. Every path with the prefix sorts
// below the prefix followed by the highest byte that a path can't hold.
const listQuery = `SELECT version_id, path, type, version, metadata, created_at, expires_at FROM secrets
	WHERE vault_id = $1 AND path > $2 AND path >= $3 AND path < $4 AND deleted_at IS NULL ORDER BY path LIMIT $5`

// errPageFull ends the reading of rows.
var errPageFull = errors.New("the page is full")

func (db *DB) list(ctx context.Context, vaultID string, k pageKey) (page, error) {
	return db.page(ctx, listQuery, []any{vaultID, k.after, k.prefix, k.prefix + "\x7f", k.limit}, k.limit)
}

// page runs listQuery or findQuery.
func (db *DB) page(ctx context.Context, query string, args []any, limit int) (page, error) {
	if db.Postgres() {
		return db.pagePostgres(ctx, query, args, limit)
	}
	p := page{rows: make([]*vault.Meta, 0, min(limit, 64))}
	err := db.Each(ctx, query, args, func(rows *sql.Rows) error {
		var m vault.Meta
		var created int64
		var expires sql.NullInt64
		err := rows.Scan(&m.ID, &m.Path, &m.Type, &m.Version, &m.Metadata, &created, &expires)
		m.CreatedAt, m.ExpiresAt = fromMicros(created), fromNull(expires)
		if err == nil && !p.add(&m, limit) {
			err = errPageFull
		}
		return err
	})
	if errors.Is(err, errPageFull) {
		err = nil
	}
	return p, err
}

// PutVersion implements vault.Store.
func (db *DB) PutVersion(ctx context.Context, org string, v vault.Version, ev *audit.Event) error {
	caps, err := db.caps(ctx, org)
	if err != nil {
		return err
	}
	return db.Write(ctx, org, func(tx Tx) error {
		if ev != nil && ev.Details.Approval != "" {
			return tx.putApproved(&v, caps, ev)
		}
		tx.replace(&v)
		tx.Record(ev)
		return tx.RunTogether(func(rows int64) error {
			if rows == 0 {
				return tx.noPlace(&v, caps, org)
			}
			return nil
		}, gateOf(&v, caps, org), putVersion(&v))
	})
}

// putApproved is PutVersion with a use of an approval: all of it or nothing.
func (tx Tx) putApproved(v *vault.Version, caps billing.Caps, ev *audit.Event) error {
	if err := tx.pass(v, caps, ev.Org); err != nil {
		return tx.Refuse(err)
	}
	err := tx.spendApproval(ev)
	if err == nil {
		err = tx.store(v)
	}
	tx.Record(ev)
	return err
}

// pass runs the gate by itself, for a version that is stored after something else.
func (tx Tx) pass(v *vault.Version, caps billing.Caps, org string) error {
	gate := gateOf(v, caps, org)
	n, err := tx.Exec(gate.Query, gate.Args...)
	if err == nil && n == 0 {
		err = tx.noPlace(v, caps, org)
	}
	return err
}

// store stores a version that has passed.
func (tx Tx) store(v *vault.Version) error {
	tx.replace(v)
	s := putVersion(v)
	_, err := tx.Exec(s.Query, s.Args...)
	return err
}

// gateOf is putCurrent with the cap on the organisation's secrets.
func gateOf(v *vault.Version, caps billing.Caps, org string) commit.Stmt {
	if !caps.Limits(billing.Secrets) {
		return putCurrent(v)
	}
	return withRoom(putCurrent(v), caps.Of(billing.Secrets), org)
}

// putCurrent is the gate that only one of two writers passes: the listing's row
// comes with version 1, and moves from n-1 to n only. The vault must be as the
// writer saw it: an old key may be destroyed once none of its versions is left.
func putCurrent(v *vault.Version) commit.Stmt {
	const same = `EXISTS (SELECT 1 FROM vaults WHERE id = $1 AND kek_gen = $9 AND CASE WHEN cmek_fingerprint IS NULL THEN 0 ELSE 1 END = $10)`
	query := `UPDATE secrets SET version = $3, version_id = $4, type = $5, metadata = $6, created_at = $7, expires_at = $8,
		deleted_at = NULL WHERE vault_id = $1 AND path = $2 AND version + 1 = $3 AND ` + same
	if v.Meta.Version == 1 {
		query = `INSERT INTO secrets (vault_id, path, version, version_id, type, metadata, created_at, expires_at)
			SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE NOT EXISTS (SELECT 1 FROM secret_versions WHERE vault_id = $1 AND path = $2) AND ` + same + `
			ON CONFLICT (vault_id, path) DO NOTHING`
	}
	return stmt(query,
		v.Vault, v.Path, int64(v.Meta.Version), v.ID, v.Type, string(v.Metadata), micros(v.CreatedAt), nullMicros(v.ExpiresAt),
		v.KEKGen, number(v.CMEK),
	)
}

// putVersion stores the version once putCurrent has let it pass.
func putVersion(v *vault.Version) commit.Stmt {
	return stmt(`INSERT INTO secret_versions (`+versionColumns+`)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, NULL, $14, 0, $15
		WHERE EXISTS (SELECT 1 FROM secrets WHERE vault_id = $1 AND path = $2 AND version_id = $4)`,
		v.Vault, v.Path, int64(v.Meta.Version), v.ID, v.Type, string(v.Metadata), string(v.RotationPolicy),
		v.Box.WrappedDEK, v.Box.Ciphertext, number(v.CMEK), v.CreatedBy, micros(v.CreatedAt), nullMicros(v.ExpiresAt), v.MaxAccess, v.KEKGen,
	)
}

// withRoom adds to the gate that a path which comes to life finds room. The
// statement counts by itself: on PostgreSQL it runs together with those of other
// writes, each of which sees what came before it.
func withRoom(s commit.Stmt, most int64, org string) commit.Stmt {
	const revived = ` AND (deleted_at IS NULL OR `
	room := `$11 > (` + strings.ReplaceAll(countSecrets, "$1", "$12") + `)
		OR EXISTS (SELECT 1 FROM vaults WHERE id = $1 AND ` + reservedName + `))`
	if head, tail, insert := strings.Cut(s.Query, "ON CONFLICT"); insert {
		return stmt(head+` AND (`+room+` ON CONFLICT`+tail, append(s.Args, most, org)...)
	}
	return stmt(s.Query+revived+room, append(s.Args, most, org)...)
}

// noPlace says why a version did not fit: there is no vault, no room, or another
// write was first.
func (tx Tx) noPlace(v *vault.Version, caps billing.Caps, org string) error {
	err := tx.staleOrNoVault(v.Vault)
	if errors.Is(err, vault.ErrStale) {
		err = tx.whole(v.Vault, v.Path, err)
	}
	if !caps.Limits(billing.Secrets) || !errors.Is(err, vault.ErrStale) {
		return err
	}
	var n, live int64
	if _, err := tx.Row(countSecrets, []any{org}, &n); err != nil {
		return err
	}
	const query = `SELECT COUNT(*) FROM secrets WHERE vault_id = $1 AND path = $2 AND (deleted_at IS NULL OR version + 1 <> $3)`
	if _, err := tx.Row(query, []any{v.Vault, v.Path, int64(v.Meta.Version)}, &live); err != nil {
		return err
	}
	if full := caps.Allow(billing.Secrets, n); full != nil && live == 0 {
		return full
	}
	return err
}

// Spend implements vault.Store.
func (db *DB) Spend(ctx context.Context, vaultID, path string, version uint64, ev *audit.Event) error {
	return db.Write(ctx, ev.Org, func(tx Tx) error {
		err := tx.take(vault.Taking{Vault: vaultID, Path: path, Version: version, Limited: true}, ev)
		tx.Record(ev)
		return err
	})
}

// take takes off what a use of a secret costs, the approval that ev rests on among it.
func (tx Tx) take(t vault.Taking, ev *audit.Event) error {
	if t.Limited {
		n, err := tx.Exec(`UPDATE secret_versions SET access_count = access_count + 1
			WHERE vault_id = $1 AND path = $2 AND version = $3 AND access_count < max_access_count AND deleted_at IS NULL`,
			t.Vault, t.Path, int64(t.Version))
		if err == nil && n == 0 {
			err = tx.Refuse(vault.ErrGone)
		}
		if err != nil {
			return err
		}
	}
	return tx.spendApproval(ev)
}

// SetDeleted implements vault.Store.
func (db *DB) SetDeleted(ctx context.Context, vaultID, path string, at time.Time, ev *audit.Event) (vault.Meta, error) {
	var m vault.Meta
	caps, err := db.caps(ctx, ev.Org)
	if err != nil {
		return m, err
	}
	err = db.Write(ctx, ev.Org, func(tx Tx) error {
		m = vault.Meta{Path: path, DeletedAt: at}
		state := "NOT NULL"
		if !at.IsZero() {
			state = "NULL"
		}
		var created int64
		var expires sql.NullInt64
		tx.Wrote()
		found, err := tx.Row(`UPDATE secrets SET deleted_at = $3 WHERE vault_id = $1 AND path = $2 AND version_id <> '' AND deleted_at IS `+state+`
			RETURNING version_id, type, version, metadata, created_at, expires_at`,
			[]any{vaultID, path, nullMicros(at)}, &m.ID, &m.Type, &m.Version, &m.Metadata, &created, &expires)
		if err == nil && !found {
			return tx.Refuse(tx.whole(vaultID, path, errNoSecret))
		}
		m.CreatedAt, m.ExpiresAt = fromMicros(created), fromNull(expires)
		if err == nil {
			_, err = tx.Exec(`UPDATE secret_versions SET deleted_at = $4 WHERE vault_id = $1 AND path = $2 AND version = $3 AND disabled_at IS NULL`,
				vaultID, path, int64(m.Version), nullMicros(at))
		}
		if err == nil {
			err = tx.spendApproval(ev)
		}
		if err == nil && at.IsZero() {
			err = tx.overfull(caps, ev.Org)
		}
		tx.forget(vaultID, path)
		ev.Details.Version = m.Version
		tx.Record(ev)
		return err
	})
	return m, err
}

// DisableVersion implements vault.Store.
func (db *DB) DisableVersion(ctx context.Context, vaultID, path string, version uint64, at time.Time, ev *audit.Event) error {
	return db.Write(ctx, ev.Org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE secret_versions SET deleted_at = COALESCE(disabled_at, $4), disabled_at = COALESCE(disabled_at, $4)
			WHERE vault_id = $1 AND path = $2 AND version = $3`, vaultID, path, int64(version), micros(at))
		if err == nil && n == 0 {
			return tx.Refuse(tx.whole(vaultID, path, vault.ErrNoVersion))
		}
		tx.forget(vaultID, path)
		tx.Record(ev)
		return err
	})
}

// Purge implements vault.Store. The listing's row stays, empty but for its
// number, and without the id of a version.
func (db *DB) Purge(ctx context.Context, vaultID, path string, ev *audit.Event) error {
	return db.Write(ctx, ev.Org, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE secrets SET version_id = '', type = '', metadata = '{}', expires_at = NULL, deleted_at = $3
			WHERE vault_id = $1 AND path = $2 AND version_id <> ''`, vaultID, path, micros(db.Now()))
		if err == nil && n == 0 {
			return tx.Refuse(tx.whole(vaultID, path, errNoSecret))
		}
		if err == nil {
			_, err = tx.Exec(`DELETE FROM key_addresses WHERE version_id IN (SELECT id FROM secret_versions WHERE vault_id = $1 AND path = $2)`, vaultID, path)
		}
		if err == nil {
			_, err = tx.Exec(`DELETE FROM secret_versions WHERE vault_id = $1 AND path = $2`, vaultID, path)
		}
		if err == nil {
			_, err = tx.Exec(`DELETE FROM shares WHERE vault_id = $1 AND path = $2`, vaultID, path)
		}
		if err == nil {
			_, err = tx.Exec(`DELETE FROM refreshes WHERE vault_id = $1 AND path = $2`, vaultID, path)
		}
		tx.forget(vaultID, path)
		tx.Record(ev)
		return err
	})
}

// number is a truth value as the schema keeps it.
func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// staleOrNoVault says why a version did not fit. Only the first is worth another
// try.
func (tx Tx) staleOrNoVault(vaultID string) error {
	var one int
	found, err := tx.Row(`SELECT 1 FROM vaults WHERE id = $1`, []any{vaultID}, &one)
	if err == nil && !found {
		return errNoVault
	}
	if err != nil {
		return err
	}
	return vault.ErrStale
}
