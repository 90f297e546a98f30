package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

var errNoOrg = fault.New(fault.NotFound, "org_not_found", "There is no organisation with this id.")

// accountQuery finds an account in one row, also of an organisation that has none. Of
// several subscriptions that of the highest tier counts.
func accountQuery() string {
	return `SELECT a.tier, a.tier_ends_at, a.free_tier_override, a.is_sponsored, a.overage_method, a.owed_micros,
	(SELECT total FROM billing_usage WHERE org_id = $1 AND month = $2),
	(SELECT CAST(SUM(left_cents) AS BIGINT) FROM credit_lots WHERE org_id = $1 AND left_cents > 0 AND expires_at > $3),
	(SELECT MIN(expires_at) FROM credit_lots WHERE org_id = $1 AND left_cents > 0 AND expires_at > $3),
	(SELECT COUNT(*) FROM credit_lots WHERE org_id = $1 AND left_cents > 0 AND expires_at <= $3),
	(SELECT value FROM admin_settings WHERE name = '` + billing.DefaultTier + `'),
	(SELECT value FROM admin_settings WHERE name = '` + billing.RequestPrice + `'),
	(SELECT value FROM admin_settings WHERE name = '` + billing.FreeRequests + `'),
	s.tier, s.period, s.status, s.period_end, s.live_until
	FROM (SELECT 1 AS one) o LEFT JOIN billing_accounts a ON a.org_id = $1
	LEFT JOIN (SELECT tier, period, status, period_end, live_until FROM stripe_subscriptions WHERE org_id = $1 AND live_until > $3
		ORDER BY ` + placeIn("tier", billing.Tiers()) + ` DESC, live_until DESC LIMIT 1) s ON 1 = 1`
}

// BillingAccount implements billing.UsageStore.
func (db *DB) BillingAccount(ctx context.Context, org, month string, now time.Time) (billing.Account, error) {
	a := billing.Account{Org: org}
	var tier, overage, defaultTier, price, free, subTier, subPeriod, subStatus sql.NullString
	var ends, override, sponsored, owed, used, credits, creditsEnd, dead, subEnd, subLive sql.NullInt64
	_, err := db.Row(ctx, accountQuery(), []any{org, month, micros(now)}, &tier, &ends, &override, &sponsored, &overage, &owed,
		&used, &credits, &creditsEnd, &dead, &defaultTier, &price, &free,
		&subTier, &subPeriod, &subStatus, &subEnd, &subLive)
	if err != nil {
		return a, err
	}
	a.Tier, a.TierEnds, a.Sponsored, a.Overage = billing.Tier(tier.String), fromNull(ends), sponsored.Int64 != 0, overage.String
	if override.Valid {
		a.Override = &override.Int64
	}
	a.Used, a.Owed, a.Credits, a.CreditsEnd = used.Int64, owed.Int64, credits.Int64, fromNull(creditsEnd)
	a.Paid = billing.Paid{
		Tier: billing.Tier(subTier.String), Interval: subPeriod.String, Status: subStatus.String, PeriodEnd: fromNull(subEnd), Until: fromNull(subLive),
	}
	a.DefaultTier, a.RequestPrice, a.FreeRequests = defaultTier.String, price.String, free.String
	a.Complete(dead.Int64, now)
	return a, nil
}

// openAccount makes the organisation's row if there is none, and holds it until the
// transaction ends: on PostgreSQL other nodes wait for it.
const openAccount = `INSERT INTO billing_accounts (org_id, tier, is_sponsored, overage_method, owed_micros, ledger_seq, balance_cents)
	VALUES ($1, '', 0, '` + billing.ByCredits + `', 0, 0, 0) ON CONFLICT (org_id) DO UPDATE SET ledger_seq = billing_accounts.ledger_seq`

// AddUsage implements billing.UsageStore. It does not wait for the disk: what
// kill -9 leaves is enough.
func (db *DB) AddUsage(ctx context.Context, counts []billing.Count, events []billing.Event) error {
	return db.WriteSoon(ctx, audit.SystemOrg, work(func(tx Tx) error {
		counts, events, err := tx.usageOfLiving(counts, events)
		if err != nil {
			return err
		}
		var all []commit.Stmt
		for _, c := range counts {
			all = append(all, stmt(`INSERT INTO billing_usage (org_id, month, total, paid, cost_micros) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (org_id, month) DO UPDATE SET total = billing_usage.total + excluded.total,
				paid = billing_usage.paid + excluded.paid, cost_micros = billing_usage.cost_micros + excluded.cost_micros`,
				c.Org, c.Month, c.Total, c.Paid, c.Cost+c.Prepaid))
			if c.Cost != 0 {
				all = append(all, stmt(openAccount, c.Org),
					stmt(`UPDATE billing_accounts SET owed_micros = owed_micros + $2 WHERE org_id = $1`, c.Org, c.Cost))
			}
		}
		seen := map[string]bool{}
		for _, e := range events {
			seen[e.Org] = true
			all = append(all, stmt(`INSERT INTO billing_events (org_id, id, principal_type, principal_id, method, endpoint,
				status_code, price_micros, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
				e.Org, e.ID, string(e.PrincipalKind), e.PrincipalID, e.Method, e.Endpoint, e.Status, e.Price, micros(e.At)))
		}
		for org := range seen {
			all = append(all, stmt(`DELETE FROM billing_events WHERE org_id = $1 AND id <= (SELECT id FROM billing_events
				WHERE org_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`, org, billing.MaxHistory))
		}
		return tx.RunTogether(func(int64) error { return nil }, all...)
	}))
}

// usageOfLiving leaves out what organisations did that are deleted, and who it
// was that did it if that is deleted.
func (tx Tx) usageOfLiving(counts []billing.Count, events []billing.Event) ([]billing.Count, []billing.Event, error) {
	var one int
	if found, err := tx.Row(`SELECT 1 FROM gone LIMIT 1`, nil, &one); err != nil || !found {
		return counts, events, err // as nearly always
	}
	known := map[string]bool{}
	var failed error
	gone := func(id string) bool {
		is, seen := known[id]
		if !seen && failed == nil {
			is, failed = tx.isGone(id)
			known[id] = is
		}
		return is
	}
	var left []billing.Count
	for _, c := range counts {
		if !gone(c.Org) {
			left = append(left, c)
		}
	}
	var done []billing.Event
	for _, e := range events {
		if gone(e.Org) {
			continue
		}
		if e.PrincipalKind == policy.KindUser && gone(e.PrincipalID) {
			e.PrincipalID = nobody
		}
		done = append(done, e)
	}
	return left, done, failed
}

// Usage implements billing.UsageStore.
func (db *DB) Usage(ctx context.Context, org, month string) (billing.Usage, error) {
	var u billing.Usage
	_, err := db.Row(ctx, `SELECT total, paid, cost_micros FROM billing_usage WHERE org_id = $1 AND month = $2`,
		[]any{org, month}, &u.Total, &u.Paid, &u.Cost)
	return u, err
}

// UsageEvents implements billing.UsageStore.
func (db *DB) UsageEvents(ctx context.Context, org string, limit int) ([]billing.Event, error) {
	out := []billing.Event{}
	err := db.Each(ctx, `SELECT id, principal_type, principal_id, method, endpoint, status_code, price_micros, created_at
		FROM billing_events WHERE org_id = $1 ORDER BY id DESC LIMIT $2`, []any{org, limit}, func(rows *sql.Rows) error {
		e := billing.Event{Org: org}
		var at int64
		err := rows.Scan(&e.ID, &e.PrincipalKind, &e.PrincipalID, &e.Method, &e.Endpoint, &e.Status, &e.Price, &at)
		e.At = fromMicros(at)
		out = append(out, e)
		return err
	})
	return out, err
}

// SetTier implements billing.AdminStore.
func (db *DB) SetTier(ctx context.Context, org string, tier billing.Tier, ends time.Time, ev *audit.Event) error {
	return db.changeAccount(ctx, org, ev, `UPDATE billing_accounts SET tier = $2, tier_ends_at = $3 WHERE org_id = $1`,
		org, string(tier), nullMicros(ends))
}

// SetLimits implements billing.AdminStore.
func (db *DB) SetLimits(ctx context.Context, org string, override *int64, sponsored *bool, ev *audit.Event) error {
	var free, is sql.NullInt64
	if override != nil {
		free = sql.NullInt64{Int64: *override, Valid: true}
	}
	if sponsored != nil {
		is = sql.NullInt64{Int64: number(*sponsored), Valid: true}
	}
	return db.changeAccount(ctx, org, ev, `UPDATE billing_accounts SET free_tier_override = $2, is_sponsored = COALESCE($3, is_sponsored)
		WHERE org_id = $1`, org, free, is)
}

// SetOverage implements billing.CreditStore.
func (db *DB) SetOverage(ctx context.Context, org, method string, ev *audit.Event) error {
	return db.changeAccount(ctx, org, ev, `UPDATE billing_accounts SET overage_method = $2 WHERE org_id = $1`, org, method)
}

// changeAccount changes the row of an organisation that exists.
func (db *DB) changeAccount(ctx context.Context, org string, ev *audit.Event, query string, args ...any) error {
	return db.writeIn(ctx, []string{ev.Org, org}, func(tx Tx) error {
		if err := tx.account(org); err != nil {
			return err
		}
		_, err := tx.Exec(query, args...)
		tx.Record(ev)
		tx.Changed(org)
		return err
	})
}

// account opens the account of an organisation, if that exists.
func (tx Tx) account(org string) error {
	var one int
	found, err := tx.Row(`SELECT 1 FROM orgs WHERE id = $1`, []any{org}, &one)
	if err == nil && !found {
		return tx.Refuse(errNoOrg)
	}
	if err == nil {
		_, err = tx.Exec(openAccount, org)
	}
	return err
}

// HasOrg implements billing.AdminStore.
func (db *DB) HasOrg(ctx context.Context, org string) error {
	var one int
	found, err := db.Row(ctx, `SELECT 1 FROM orgs WHERE id = $1`, []any{org}, &one)
	if err == nil && !found {
		err = errNoOrg
	}
	return err
}
