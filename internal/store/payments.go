package store

import (
	"context"
	"database/sql"

	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

// The states of a payment, as words of statements.
const (
	paymentHeld    = string(x402.Held)
	paymentPaid    = string(x402.Paid)
	paymentServed  = string(x402.Served)
	paymentRefused = string(x402.Refused)
)

// takes reads a payment, with what was settled of it into h, and asks whether h gets it.
func takes(h *x402.Hold, row func(query string, args []any, dest ...any) (bool, error)) (paid bool, err error) {
	var p x402.Payment
	var until int64
	var transaction, payer sql.NullString
	found, err := row(`SELECT state, resource, held_until, transaction_id, payer FROM payments WHERE id = $1`, []any{h.ID[:]},
		&p.State, &p.Resource, &until, &transaction, &payer)
	if err != nil {
		return false, err
	}
	if !found {
		return h.Takes(nil)
	}
	p.Until = fromMicros(until)
	if paid, err = h.Takes(&p); paid {
		h.Transaction, h.Payer = transaction.String, payer.String
	}
	return paid, err
}

// LookPayment implements x402.Store.
func (db *DB) LookPayment(ctx context.Context, h *x402.Hold) (bool, error) {
	look := *h
	return takes(&look, func(query string, args []any, dest ...any) (bool, error) { return db.Row(ctx, query, args, dest...) })
}

// HoldPayment implements x402.Store. The statement that changes the row is the
// gate: of many that come at once, also on other nodes, one touches it.
func (db *DB) HoldPayment(ctx context.Context, h *x402.Hold) (paid bool, err error) {
	err = db.Write(ctx, h.Org, func(tx Tx) error {
		paid = false
		old, err := tx.Sweep(`DELETE FROM payments WHERE state IN ('`+paymentHeld+`', '`+paymentRefused+`') AND created_at < $1`,
			micros(h.At.Add(-x402.Remember)))
		if err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO payments (id, org_id, resource, state, attempt, held_until, network, price_micros, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE
			SET org_id = excluded.org_id, resource = excluded.resource, attempt = excluded.attempt, held_until = excluded.held_until,
				network = excluded.network, price_micros = excluded.price_micros
			WHERE payments.state = '`+paymentHeld+`' AND payments.held_until <= $10`,
			h.ID[:], h.Org, h.Resource[:], paymentHeld, h.Attempt, micros(h.Until), h.Network, h.Price, micros(h.At), micros(h.At))
		if err != nil || n == 1 {
			return err
		}
		if paid, err = takes(h, tx.Row); err != nil {
			if old == 0 {
				err = tx.Refuse(err)
			}
			return err
		}
		n, err = tx.Exec(`UPDATE payments SET state = '`+paymentServed+`', attempt = $2 WHERE id = $1 AND state = '`+paymentPaid+`'`,
			h.ID[:], h.Attempt)
		if err == nil && n != 1 {
			err = x402.ErrHeld
		}
		return err
	})
	return paid && err == nil, err
}

// SettlePayment implements x402.Store. That another payment had the transaction is
// written down too: it must not be tried again.
func (db *DB) SettlePayment(ctx context.Context, h *x402.Hold) error {
	second := false
	err := db.Write(ctx, h.Org, func(tx Tx) error {
		second = false
		if h.Transaction != "" {
			var one int
			var err error
			if second, err = tx.Row(`SELECT 1 FROM payments WHERE network = $1 AND transaction_id = $2`,
				[]any{h.Network, h.Transaction}, &one); err != nil {
				return err
			}
		}
		if second {
			return tx.movePayment(h, `SET state = '`+paymentRefused+`'`, paymentHeld)
		}
		n, err := tx.Exec(`UPDATE payments SET state = '`+paymentServed+`', transaction_id = $1, payer = $2
			WHERE id = $3 AND attempt = $4 AND state = '`+paymentHeld+`'`,
			nullString(h.Transaction), nullString(h.Payer), h.ID[:], h.Attempt)
		if err == nil && n != 1 {
			err = tx.Refuse(x402.ErrUsed)
		}
		return err
	})
	if err == nil && second {
		err = x402.ErrUsed
	}
	return err
}

// RefusePayment implements x402.Store.
func (db *DB) RefusePayment(ctx context.Context, h *x402.Hold) error {
	return db.movePayment(ctx, h, `SET state = '`+paymentRefused+`'`, paymentHeld)
}

// ReleasePayment implements x402.Store.
func (db *DB) ReleasePayment(ctx context.Context, h *x402.Hold) error {
	return db.movePayment(ctx, h, `SET held_until = 0`, paymentHeld)
}

// UnservePayment implements x402.Store.
func (db *DB) UnservePayment(ctx context.Context, h *x402.Hold) error {
	return db.movePayment(ctx, h, `SET state = '`+paymentPaid+`'`, paymentServed)
}

func (db *DB) movePayment(ctx context.Context, h *x402.Hold, set, from string) error {
	return db.Write(ctx, h.Org, func(tx Tx) error { return tx.movePayment(h, set, from) })
}

// movePayment changes a payment that is still the hold's and in the given state.
func (tx Tx) movePayment(h *x402.Hold, set, from string) error {
	n, err := tx.Exec(`UPDATE payments `+set+` WHERE id = $1 AND attempt = $2 AND state = $3`, h.ID[:], h.Attempt, from)
	if err == nil && n != 1 {
		err = tx.Refuse(x402.ErrUsed)
	}
	return err
}
