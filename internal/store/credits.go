package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

var errCredited = fault.New(fault.Conflict, "already_credited", "This payment has been credited already.")

// AddCredits implements billing.CreditStore.
func (db *DB) AddCredits(ctx context.Context, e billing.Entry, expires time.Time, ev *audit.Event) (billing.Entry, error) {
	orgs := []string{e.Org}
	if ev != nil && ev.Org != e.Org {
		orgs = append(orgs, ev.Org)
	}
	err := db.writeIn(ctx, orgs, func(tx Tx) error {
		if err := tx.account(e.Org); err != nil {
			return err
		}
		if e.Reference != "" {
			var one int
			found, err := tx.Row(`SELECT 1 FROM credit_ledger WHERE reference = $1`, []any{e.Reference}, &one)
			if err == nil && found {
				err = errCredited
			}
			if err != nil {
				return err
			}
		}
		// What ended before is booked before: the balance after this row is exact.
		err := tx.settle(e.Org, e.At)
		if err == nil {
			_, err = tx.Exec(`INSERT INTO credit_lots (id, org_id, left_cents, expires_at) VALUES ($1, $2, $3, $4)`,
				e.ID, e.Org, e.Amount, micros(expires))
		}
		if err == nil {
			e.Balance, err = tx.book(e)
		}
		tx.Record(ev)
		tx.Changed(e.Org)
		return err
	})
	return e, err
}

// Settle implements billing.CreditStore.
func (db *DB) Settle(ctx context.Context, org string, now time.Time) error {
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		if err := tx.account(org); err != nil {
			return err
		}
		return tx.settle(org, now)
	})
}

// settle moves into the ledger what billing.Settle says. The account's row is held.
func (tx Tx) settle(org string, now time.Time) error {
	var owed int64
	if _, err := tx.Row(`SELECT owed_micros FROM billing_accounts WHERE org_id = $1`, []any{org}, &owed); err != nil {
		return err
	}
	lots, err := tx.lots(org)
	if err != nil {
		return err
	}
	s := billing.Settle(org, owed, lots, now)
	for _, d := range s.Draws {
		if err == nil {
			_, err = tx.Exec(`UPDATE credit_lots SET left_cents = left_cents - $2 WHERE id = $1`, d.ID, d.Cents)
		}
	}
	if err == nil && s.Spent > 0 {
		_, err = tx.Exec(`UPDATE billing_accounts SET owed_micros = owed_micros - $2 WHERE org_id = $1`, org, s.Spent*billing.MicrosPerCent)
		if err == nil {
			_, err = tx.book(s.Debt())
		}
	}
	if err == nil {
		_, err = tx.Exec(`DELETE FROM credit_lots WHERE org_id = $1 AND left_cents = 0`, org)
	}
	if err != nil || !tx.BelievesClock() { // what ends is gone for good
		return err
	}
	if s.Ended > 0 {
		_, err = tx.book(s.Expiry())
	}
	if err == nil {
		_, err = tx.Sweep(`DELETE FROM credit_lots WHERE org_id = $1 AND expires_at <= $2`, org, micros(now))
	}
	return err
}

// lots are the credits of an organisation that are left, those that have expired too.
func (tx Tx) lots(org string) (out []billing.Lot, err error) {
	err = tx.Each(`SELECT id, left_cents, expires_at FROM credit_lots WHERE org_id = $1 AND left_cents > 0`, []any{org}, scanLots(&out))
	return out, err
}

// scanLots appends a row of id, left_cents and expires_at to out.
func scanLots(out *[]billing.Lot) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var l billing.Lot
		var at int64
		err := rows.Scan(&l.ID, &l.Cents, &at)
		l.Expires = fromMicros(at)
		*out = append(*out, l)
		return err
	}
}

// book appends to the ledger and returns the balance after it.
func (tx Tx) book(e billing.Entry) (balance int64, err error) {
	var seq int64
	if _, err = tx.Row(`UPDATE billing_accounts SET ledger_seq = ledger_seq + 1, balance_cents = balance_cents + $2 WHERE org_id = $1
		RETURNING ledger_seq, balance_cents`, []any{e.Org, e.Amount}, &seq, &balance); err != nil {
		return 0, err
	}
	_, err = tx.Exec(`INSERT INTO credit_ledger (org_id, seq, id, type, amount_cents, balance_after_cents, description, reference, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, e.Org, seq, e.ID, e.Type, e.Amount, balance, e.Description,
		nullString(e.Reference), micros(e.At))
	return balance, err
}

// Unsettled implements billing.CreditStore.
func (db *DB) Unsettled(ctx context.Context, now time.Time) ([]string, error) {
	var out []string
	err := db.Each(ctx, `SELECT DISTINCT l.org_id FROM credit_lots l JOIN billing_accounts a ON a.org_id = l.org_id
		WHERE l.left_cents > 0 AND (l.expires_at <= $1 OR a.owed_micros >= $2) ORDER BY l.org_id`,
		[]any{micros(now), int64(billing.MicrosPerCent)}, func(rows *sql.Rows) error {
			var org string
			err := rows.Scan(&org)
			out = append(out, org)
			return err
		})
	return out, err
}

// Ledger implements billing.CreditStore.
func (db *DB) Ledger(ctx context.Context, org string, limit, offset int) ([]billing.Entry, error) {
	out := []billing.Entry{}
	err := db.Each(ctx, `SELECT id, type, amount_cents, balance_after_cents, description, created_at FROM credit_ledger
		WHERE org_id = $1 ORDER BY seq DESC LIMIT $2 OFFSET $3`, []any{org, limit, offset}, func(rows *sql.Rows) error {
		e := billing.Entry{Org: org}
		var at int64
		err := rows.Scan(&e.ID, &e.Type, &e.Amount, &e.Balance, &e.Description, &at)
		e.At = fromMicros(at)
		out = append(out, e)
		return err
	})
	return out, err
}

// Expiring implements billing.CreditStore.
func (db *DB) Expiring(ctx context.Context, org string, now, before time.Time) ([]billing.Lot, error) {
	var out []billing.Lot
	err := db.Each(ctx, `SELECT id, left_cents, expires_at FROM credit_lots WHERE org_id = $1 AND left_cents > 0
		AND expires_at > $2 AND expires_at < $3 ORDER BY expires_at`, []any{org, micros(now), micros(before)}, scanLots(&out))
	return out, err
}
