package store

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

var (
	errNoSetting    = fault.New(fault.NotFound, "setting_not_found", "There is no setting with this key.")
	errManySettings = fault.New(fault.Conflict, "too_many_settings", "There are as many settings as there may be. Remove one first.")
)

// Settings implements billing.AdminStore.
func (db *DB) Settings(ctx context.Context) ([]billing.Setting, error) {
	out := []billing.Setting{}
	err := db.Each(ctx, `SELECT name, value, updated_by, updated_at FROM admin_settings ORDER BY name`, nil, func(rows *sql.Rows) error {
		var s billing.Setting
		var at int64
		err := rows.Scan(&s.Name, &s.Value, &s.By, &at)
		s.At = fromMicros(at)
		out = append(out, s)
		return err
	})
	return out, err
}

// holdPlatform lets one transaction at a time, of all nodes, change what belongs to
// no organisation: admins of two organisations hold no head of the log in common.
// What it then reads is what the one before left.
func (tx Tx) holdPlatform() error {
	_, err := tx.Exec(`INSERT INTO meta (name, value) VALUES ('platform', 0) ON CONFLICT (name) DO UPDATE SET value = meta.value`)
	return err
}

// PutSettings implements billing.AdminStore.
func (db *DB) PutSettings(ctx context.Context, org string, all []billing.Setting, limit int, ev *audit.Event) error {
	return db.writeIn(ctx, []string{org, audit.SystemOrg}, func(tx Tx) error {
		if err := tx.holdPlatform(); err != nil {
			return err
		}
		for _, s := range all {
			if _, err := tx.Exec(`INSERT INTO admin_settings (name, value, updated_by, updated_at) VALUES ($1, $2, $3, $4)
				ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_by = excluded.updated_by, updated_at = excluded.updated_at`,
				s.Name, s.Value, s.By, micros(s.At)); err != nil {
				return err
			}
		}
		var n int
		if _, err := tx.Row(`SELECT COUNT(*) FROM admin_settings`, nil, &n); err != nil {
			return err
		}
		if n > limit {
			return errManySettings // what was written is undone with the transaction
		}
		tx.Record(ev)
		tx.Changed(audit.SystemOrg)
		return nil
	})
}

// DropSetting implements billing.AdminStore.
func (db *DB) DropSetting(ctx context.Context, org, name string, ev *audit.Event) error {
	return db.writeIn(ctx, []string{org, audit.SystemOrg}, func(tx Tx) error {
		n, err := tx.Exec(`DELETE FROM admin_settings WHERE name = $1`, name)
		if err == nil && n == 0 {
			return tx.Refuse(errNoSetting)
		}
		tx.Record(ev)
		tx.Changed(audit.SystemOrg)
		return err
	})
}
