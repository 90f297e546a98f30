package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
)

// Installation is the name of this database, made once, and since when it has one. It
// goes with the database into backups and other engines: a copy is the same
// installation, and a new database beside old keys is another one.
func (db *DB) Installation(ctx context.Context, now time.Time) (name string, since time.Time, err error) {
	read := func() (id, at int64, found bool, err error) {
		if found, err = db.Row(ctx, `SELECT value FROM meta WHERE name = 'installation'`, nil, &id); err == nil && found {
			found, err = db.Row(ctx, `SELECT value FROM meta WHERE name = 'installation_since'`, nil, &at)
		}
		return id, at, found, err
	}
	id, at, found, err := read()
	if err == nil && !found {
		var b [8]byte
		_, _ = rand.Read(b[:]) // it never fails
		fresh := int64(binary.BigEndian.Uint64(b[:]) >> 1)
		if err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error { // of nodes that start together one makes it
			_, err := tx.Exec(`INSERT INTO meta (name, value) VALUES ('installation', $1), ('installation_since', $2) ON CONFLICT (name) DO NOTHING`, fresh, micros(now))
			return err
		}); err == nil {
			id, at, _, err = read()
		}
	}
	return fmt.Sprintf("%016x", id), fromMicros(at), err
}

// LogName names the log that the events of this database are in: the installation, and
// another name after each restore, since what came after the backup has its numbers again.
func (db *DB) LogName(ctx context.Context) (string, error) {
	var id int64
	_, err := db.Row(ctx, `SELECT value FROM meta WHERE name IN ('log', 'installation') ORDER BY name DESC LIMIT 1`, nil, &id)
	return fmt.Sprintf("%016x", id), err
}

// Restored makes this database one that was put back from a backup: its log has another
// name, and its webhooks are called no more until somebody sets them going again, since
// the original may call the same addresses.
func (db *DB) Restored(ctx context.Context, log int64, at time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`INSERT INTO meta (name, value) VALUES ('log', $1) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value`, log)
		if err == nil {
			_, err = tx.Exec(`UPDATE webhooks SET paused_at = $1, next_at = NULL, failing_since = NULL, attempts = 0 WHERE is_active = 1 AND paused_at IS NULL`, micros(at))
		}
		if err == nil {
			_, err = tx.Exec(`UPDATE approval_webhooks SET paused_at = $1`, micros(at))
		}
		return err
	})
}

// SignersMade reports whether a series of signing keys was in the keystore at an earlier
// start. name is the series'.
func (db *DB) SignersMade(ctx context.Context, name string) (bool, error) {
	var made int64
	return db.Row(ctx, `SELECT value FROM meta WHERE name = $1`, []any{"signers:" + name}, &made)
}

// NoteSigners keeps that a series of signing keys is in the keystore.
func (db *DB) NoteSigners(ctx context.Context, name string) error {
	if made, err := db.SignersMade(ctx, name); err != nil || made {
		return err
	}
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`INSERT INTO meta (name, value) VALUES ($1, 1) ON CONFLICT (name) DO NOTHING`, "signers:"+name)
		return err
	})
}
