package store

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
)

// Customer implements checkout.Store.
func (db *DB) Customer(ctx context.Context, org string, now time.Time) (checkout.Customer, error) {
	var c checkout.Customer
	var live, all int64
	if _, err := db.Row(ctx, `SELECT customer_id FROM stripe_customers WHERE org_id = $1`, []any{org}, &c.ID); err != nil {
		return c, err
	}
	_, err := db.Row(ctx, `SELECT COUNT(*), COUNT(CASE WHEN live_until > $1 THEN 1 END) FROM stripe_subscriptions WHERE org_id = $2`,
		[]any{micros(now), org}, &all, &live)
	c.Subscribed, c.Ever = live > 0, all > 0
	return c, err
}

// SaveCustomer implements checkout.Store.
func (db *DB) SaveCustomer(ctx context.Context, org, customer string) error {
	return db.Write(ctx, org, func(tx Tx) error { return tx.saveCustomer(org, customer) })
}

func (tx Tx) saveCustomer(org, customer string) error {
	var one int
	found, err := tx.Row(`SELECT 1 FROM orgs WHERE id = $1`, []any{org}, &one)
	if err == nil && !found {
		err = tx.Refuse(errNoOrg)
	}
	if err != nil || customer == "" {
		return err
	}
	_, err = tx.Exec(`INSERT INTO stripe_customers (org_id, customer_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, org, customer)
	return err
}

// Subscribe implements checkout.Store. The event's own row is what makes it count
// once. Events of an organisation follow each other, since each locks its audit head.
func (db *DB) Subscribe(ctx context.Context, event string, s *checkout.Subscription, now time.Time, ev *audit.Event) (applied bool, err error) {
	err = db.Write(ctx, s.Org, func(tx Tx) error {
		applied = false
		if err := tx.saveCustomer(s.Org, s.Customer); err != nil {
			return err
		}
		if _, err := tx.Sweep(`DELETE FROM stripe_events WHERE created_at < $1`, micros(now.Add(-checkout.Remember))); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO stripe_events (id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, event, micros(now))
		if err != nil || n == 0 {
			return err
		}
		was, err := tx.subscription(s.ID)
		if err != nil {
			return err
		}
		is, follows := s.After(was)
		if !follows {
			return nil
		}
		n, err = tx.Exec(`INSERT INTO stripe_subscriptions (id, org_id, tier, period, status, period_end, live_until, said_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE
			SET tier = excluded.tier, period = excluded.period, status = excluded.status, period_end = excluded.period_end,
				live_until = excluded.live_until, said_at = excluded.said_at
			WHERE stripe_subscriptions.org_id = excluded.org_id`,
			is.ID, is.Org, string(is.Tier), is.Period, is.Status, micros(is.PeriodEnd), orZero(is.LiveUntil), is.Said)
		if err != nil || n == 0 {
			return err
		}
		applied = true
		tx.Record(ev)
		tx.Changed(s.Org)
		return nil
	})
	return applied && err == nil, err
}

// subscription is what an earlier event said of one that others may follow, or nil.
func (tx Tx) subscription(id string) (*checkout.Subscription, error) {
	s := checkout.Subscription{ID: id}
	var live int64
	found, err := tx.Row(`SELECT org_id, status, live_until, said_at FROM stripe_subscriptions WHERE id = $1`, []any{id},
		&s.Org, &s.Status, &live, &s.Said)
	if err != nil || !found {
		return nil, err
	}
	if live > 0 {
		s.LiveUntil = fromMicros(live)
	}
	return &s, nil
}

// orZero is 0 for the zero time.
func orZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return micros(t)
}
