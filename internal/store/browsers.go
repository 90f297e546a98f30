package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

const insertBrowser = `INSERT INTO browsers
	(hash, session_id, user_id, org_id, term, token_id, token_gen, person_at, created_at, seen_at, expires_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

func browserArgs(b *identity.Browser) []any {
	person := sql.NullInt64{Int64: micros(b.Person), Valid: !b.Person.IsZero()}
	return []any{b.Hash, b.Session, b.User, b.Org, b.Term, b.Token, b.Gen, person, micros(b.At), micros(b.SeenAt), micros(b.ExpiresAt)}
}

// KeepBrowser implements identity.BrowserStore.
func (db *DB) KeepBrowser(ctx context.Context, b *identity.Browser) error {
	return db.Write(ctx, b.Org, func(tx Tx) error {
		if err := tx.alive(b.Org, b.User); err != nil {
			return err
		}
		_, err := tx.Sweep(`DELETE FROM browsers WHERE expires_at < $1`, sqldb.LongAgo(b.At))
		if err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE sessions SET expires_at = $3 WHERE id = $1 AND user_id = $2 AND ended_at IS NULL`, b.Session, b.User, micros(b.ExpiresAt))
		if err == nil && n == 0 {
			err = tx.Refuse(errNoSession)
		}
		if err == nil {
			_, err = tx.Exec(insertBrowser, browserArgs(b)...)
		}
		return err
	})
}

// Browser implements identity.BrowserStore.
func (db *DB) Browser(ctx context.Context, hash string) (identity.Browser, error) {
	b := identity.Browser{Hash: hash}
	var person sql.NullInt64
	var created, seen, expires int64
	found, err := db.Row(ctx, `SELECT session_id, user_id, org_id, term, token_id, token_gen, person_at, created_at, seen_at, expires_at
		FROM browsers WHERE hash = $1`, []any{hash},
		&b.Session, &b.User, &b.Org, &b.Term, &b.Token, &b.Gen, &person, &created, &seen, &expires)
	if err == nil && !found {
		err = identity.ErrUnauthenticated
	}
	if err != nil {
		return identity.Browser{}, err
	}
	if person.Valid {
		b.Person = fromMicros(person.Int64)
	}
	b.At, b.SeenAt, b.ExpiresAt = fromMicros(created), fromMicros(seen), fromMicros(expires)
	return b, nil
}

// ReplaceBrowser implements identity.BrowserStore.
func (db *DB) ReplaceBrowser(ctx context.Context, hash string, b *identity.Browser) error {
	return db.Write(ctx, b.Org, func(tx Tx) error {
		n, err := tx.Exec(`DELETE FROM browsers WHERE hash = $1`, hash)
		if err == nil && n == 0 {
			err = tx.Refuse(identity.ErrUnauthenticated)
		}
		if err == nil {
			_, err = tx.Exec(insertBrowser, browserArgs(b)...)
		}
		return err
	})
}

// SeeBrowser implements identity.BrowserStore.
func (db *DB) SeeBrowser(ctx context.Context, hash string, now time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`UPDATE browsers SET seen_at = $2 WHERE hash = $1 AND seen_at < $2`, hash, micros(now))
		return err
	})
}

// DropBrowser implements identity.BrowserStore.
func (db *DB) DropBrowser(ctx context.Context, hash string) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`DELETE FROM browsers WHERE hash = $1`, hash)
		return err
	})
}
