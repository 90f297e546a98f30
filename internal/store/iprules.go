package store

import (
	"context"
	"database/sql"
	"net/netip"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

var (
	errNoIPRule   = fault.New(fault.NotFound, "ip_rule_not_found", "There is no IP rule with this id.")
	errSameIPRule = fault.New(fault.Conflict, "ip_rule_exists", "There is such a rule already.")
)

const selectIPRules = `SELECT id, org_id, rule_type, cidr, label, applies_to, created_by, created_at
	FROM ip_rules WHERE org_id = $1 ORDER BY created_at, id`

func scanIPRule(rows *sql.Rows) (iprule.Rule, error) {
	var r iprule.Rule
	var cidr string
	var at int64
	if err := rows.Scan(&r.ID, &r.Org, &r.Type, &cidr, &r.Label, &r.AppliesTo, &r.CreatedBy, &at); err != nil {
		return r, err
	}
	r.CreatedAt = fromMicros(at)
	var err error
	r.Network, err = netip.ParsePrefix(cidr)
	return r, sqldb.Parsed(err)
}

// IPRules implements iprule.Store. A rule that can't be read fails all:
// without it somebody might be let in.
func (db *DB) IPRules(ctx context.Context, org string) ([]iprule.Rule, error) {
	var out []iprule.Rule
	err := db.Each(ctx, selectIPRules, []any{org}, func(rows *sql.Rows) error {
		r, err := scanIPRule(rows)
		out = append(out, r)
		return err
	})
	return out, err
}

// ipRules are the rules as they are in the transaction.
func (tx Tx) ipRules(org string) ([]iprule.Rule, error) {
	var out []iprule.Rule
	err := tx.Each(selectIPRules, []any{org}, func(rows *sql.Rows) error {
		r, err := scanIPRule(rows)
		out = append(out, r)
		return err
	})
	return out, err
}

// AddIPRule implements iprule.Store.
func (db *DB) AddIPRule(ctx context.Context, r iprule.Rule, check func(will []iprule.Rule) error, ev *audit.Event) error {
	return db.Write(ctx, r.Org, func(tx Tx) error {
		if err := tx.alive(r.Org, r.CreatedBy); err != nil {
			return err
		}
		rules, err := tx.ipRules(r.Org)
		if err == nil {
			err = check(append(rules, r))
		}
		if err != nil {
			return tx.Refuse(err)
		}
		n, err := tx.Exec(`INSERT INTO ip_rules (id, org_id, rule_type, cidr, label, applies_to, created_by, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (org_id, rule_type, cidr, applies_to) DO NOTHING`,
			r.ID, r.Org, r.Type, r.Network.String(), r.Label, r.AppliesTo, r.CreatedBy, micros(r.CreatedAt))
		if err == nil && n == 0 {
			return tx.Refuse(errSameIPRule)
		}
		if err == nil {
			err = tx.made("ip_rules", r.ID, ev)
		}
		tx.Record(ev)
		tx.Ended(r.Org)
		return err
	})
}

// RemoveIPRule implements iprule.Store.
func (db *DB) RemoveIPRule(ctx context.Context, org, id string, check func(will []iprule.Rule) error, ev *audit.Event) error {
	return db.Write(ctx, org, func(tx Tx) error {
		rules, err := tx.ipRules(org)
		if err != nil {
			return err
		}
		var left []iprule.Rule
		var gone iprule.Rule
		for _, r := range rules {
			if r.ID != id {
				left = append(left, r)
			} else {
				gone = r
			}
		}
		if err = error(errNoIPRule); len(left) < len(rules) {
			err = check(left)
		}
		if err != nil {
			return tx.Refuse(err)
		}
		if _, err = tx.Exec(`DELETE FROM ip_rules WHERE org_id = $1 AND id = $2`, org, id); err == nil && gone.KeptOut(left) {
			err = tx.removedRule(&gone, ev)
		}
		tx.Record(ev)
		tx.Ended(org)
		return err
	})
}
