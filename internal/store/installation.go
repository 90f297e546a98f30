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
