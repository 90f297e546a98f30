package store

import (
	"context"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// errFull undoes what would be one too many. No caller sees it.
var errFull = errors.New("as many wait as may")

var errNoDevice = fault.New(fault.NotFound, "device_code_not_found", "There is no such device code.")

// AddDevice implements account.DeviceStore. The lock on the organisation's audit
// head makes the counts exact, on many nodes too.
func (db *DB) AddDevice(ctx context.Context, d account.Device, perNetwork, all int, ev *audit.Event) (added bool, err error) {
	err = db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		if _, err := tx.Sweep(`DELETE FROM device_codes WHERE expires_at < $1`, micros(d.CreatedAt.Add(-account.DeviceKept))); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO device_codes (id, device_hash, user_hash, client_id, address, network, status, user_id, org_id,
				token_gen, created_at, expires_at, polled_at)
			SELECT $1, $2, $3, $4, $5, $6, $7, '', '', 0, $8, $9, 0
			WHERE (SELECT COUNT(*) FROM device_codes WHERE network = $6 AND expires_at > $8) < $10
			AND (SELECT COUNT(*) FROM device_codes WHERE expires_at > $8) < $11`,
			d.ID, d.DeviceHash, d.UserHash, d.ClientID, d.Address, d.Network, string(d.Status), micros(d.CreatedAt), micros(d.ExpiresAt),
			perNetwork, all)
		if err == nil && n == 0 {
			return errFull
		}
		tx.Record(ev)
		return err
	})
	if errors.Is(err, errFull) {
		return false, nil
	}
	return err == nil, err
}

const selectDevice = `SELECT id, device_hash, user_hash, client_id, address, network, status, user_id, org_id, token_gen, made_with,
	created_at, expires_at FROM device_codes `

func (db *DB) device(ctx context.Context, where, hash string) (account.Device, error) {
	var d account.Device
	var created, expires int64
	found, err := db.Row(ctx, selectDevice+where, []any{hash}, &d.ID, &d.DeviceHash, &d.UserHash, &d.ClientID, &d.Address, &d.Network,
		&d.Status, &d.User, &d.Org, &d.TokenGen, &d.With, &created, &expires)
	if err == nil && !found {
		err = errNoDevice
	}
	d.CreatedAt, d.ExpiresAt = fromMicros(created), fromMicros(expires)
	return d, err
}

// DeviceByCode implements account.DeviceStore.
func (db *DB) DeviceByCode(ctx context.Context, hash string) (account.Device, error) {
	return db.device(ctx, `WHERE device_hash = $1`, hash)
}

// DeviceByUserCode implements account.DeviceStore.
func (db *DB) DeviceByUserCode(ctx context.Context, hash string) (account.Device, error) {
	return db.device(ctx, `WHERE user_hash = $1`, hash)
}

// DecideDevice implements account.DeviceStore.
func (db *DB) DecideDevice(ctx context.Context, d account.Device, now time.Time, ev *audit.Event) (bool, error) {
	return db.moveDevice(ctx, d.Org, ev, `UPDATE device_codes SET status = $2, user_id = $3, org_id = $4, token_gen = $5, made_with = $8
		WHERE id = $1 AND status = 'pending' AND expires_at > $6 AND NOT EXISTS (SELECT 1 FROM gone WHERE hash = $7)`,
		d.ID, string(d.Status), d.User, d.Org, d.TokenGen, micros(now), goneHash(d.User), d.With)
}

// PollDevice implements account.DeviceStore.
func (db *DB) PollDevice(ctx context.Context, id string, since, now time.Time) (bool, error) {
	return db.moveDevice(ctx, audit.SystemOrg, nil, `UPDATE device_codes SET polled_at = $3 WHERE id = $1 AND polled_at <= $2`,
		id, micros(since), micros(now))
}

// UseDevice implements account.DeviceStore.
func (db *DB) UseDevice(ctx context.Context, d account.Device, now time.Time, ev *audit.Event) error {
	done, err := db.moveDevice(ctx, d.Org, ev, `UPDATE device_codes SET status = 'used'
		WHERE id = $1 AND status = 'approved' AND expires_at > $2`, d.ID, micros(now))
	if err == nil && !done {
		err = errNoDevice
	}
	return err
}

// moveDevice changes one row with its event, or reports that there is none to
// change any more.
func (db *DB) moveDevice(ctx context.Context, org string, ev *audit.Event, query string, args ...any) (bool, error) {
	err := db.Write(ctx, org, func(tx Tx) error {
		n, err := tx.Exec(query, args...)
		if err == nil && n == 0 {
			return tx.Refuse(errNoDevice)
		}
		tx.Record(ev)
		return err
	})
	if fault.CodeOf(err) == errNoDevice.Code {
		return false, nil
	}
	return err == nil, err
}
