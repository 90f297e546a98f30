package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

var errNoKey = fault.New(fault.NotFound, "api_key_not_found", "There is no API key with this id.")

const keyColumns = `id, org_id, user_id, name, key_hash, key_prefix, scopes, created_at, expires_at, revoked_at, last_used_at`

// AddKey implements account.KeyStore.
func (db *DB) AddKey(ctx context.Context, k identity.UserKey, ev *audit.Event) error {
	return db.Write(ctx, k.Org, func(tx Tx) error {
		if err := tx.alive(k.User); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO user_keys (`+keyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, NULL)`,
			k.ID, k.Org, k.User, k.Name, k.Hash, k.Prefix, listText(k.Scopes), micros(k.CreatedAt), nullMicros(k.ExpiresAt))
		if err == nil {
			err = tx.made("user_keys", k.ID, ev)
		}
		tx.Record(ev)
		return err
	})
}

// keyRow takes the columns of a key.
type keyRow struct {
	k                       identity.UserKey
	scopes                  string
	created                 int64
	expires, revoked, lastU sql.NullInt64
}

func (r *keyRow) dest() []any {
	k := &r.k
	return []any{&k.ID, &k.Org, &k.User, &k.Name, &k.Hash, &k.Prefix, &r.scopes, &r.created, &r.expires, &r.revoked, &r.lastU}
}

func (r *keyRow) key() (identity.UserKey, error) {
	k := r.k
	k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsedAt = fromMicros(r.created), fromNull(r.expires), fromNull(r.revoked), fromNull(r.lastU)
	return k, readList(r.scopes, &k.Scopes)
}

// Keys implements account.KeyStore.
func (db *DB) Keys(ctx context.Context, org, user string) ([]identity.UserKey, error) {
	var out []identity.UserKey
	err := db.Each(ctx, `SELECT `+keyColumns+` FROM user_keys WHERE org_id = $1 AND user_id = $2 ORDER BY created_at, id`,
		[]any{org, user}, func(rows *sql.Rows) error {
			var r keyRow
			if err := rows.Scan(r.dest()...); err != nil {
				return err
			}
			k, err := r.key()
			out = append(out, k)
			return err
		})
	return out, err
}

// Key implements identity.PrincipalStore.
func (db *DB) Key(ctx context.Context, id string) (identity.UserKey, error) {
	return db.oneKey(ctx, `SELECT `+keyColumns+` FROM user_keys WHERE id = $1`, id)
}

// KeyByHash implements identity.PrincipalStore.
func (db *DB) KeyByHash(ctx context.Context, hash string) (identity.UserKey, error) {
	return db.oneKey(ctx, `SELECT `+keyColumns+` FROM user_keys WHERE key_hash = $1`, hash)
}

func (db *DB) oneKey(ctx context.Context, query, arg string) (identity.UserKey, error) {
	var r keyRow
	found, err := db.Row(ctx, query, []any{arg}, r.dest()...)
	if err == nil && !found {
		err = errNoKey
	}
	if err != nil {
		return identity.UserKey{}, err
	}
	return r.key()
}

// RevokeKey implements account.KeyStore.
func (db *DB) RevokeKey(ctx context.Context, org, user, id string, keep bool, at time.Time, ev *audit.Event) error {
	orgs := []string{org}
	if ev.Org != org { // a login that is kept as a key is ended from another organisation
		orgs = append(orgs, ev.Org)
	}
	return db.writeIn(ctx, orgs, func(tx Tx) error {
		n, err := tx.Exec(`UPDATE user_keys SET revoked_at = $4
			WHERE id = $1 AND org_id = $2 AND user_id = $3 AND revoked_at IS NULL`, id, org, user, micros(at))
		there := n > 0
		if err == nil && !there {
			var one int
			there, err = tx.Row(`SELECT 1 FROM user_keys WHERE id = $1 AND org_id = $2 AND user_id = $3`, []any{id, org, user}, &one)
		}
		if err == nil && !there {
			err = tx.Refuse(errNoKey)
		}
		if err != nil {
			return err
		}
		return tx.endCredential(credential{with: "key:" + id, org: org, orgs: []string{org}, again: n == 0, keep: keep, none: errNoKey}, at, ev)
	})
}

// listText is how a list of texts is stored.
func listText(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic("store: strings do not marshal") // they always do
	}
	return string(text)
}

func readList(text string, list *[]string) error {
	if text == "[]" {
		return nil
	}
	return sqldb.Parsed(json.Unmarshal([]byte(text), list))
}
