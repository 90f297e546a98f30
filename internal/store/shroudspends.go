package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// ReserveSpend implements spend.Store. The organisation's audit head is locked first, so that
// decisions about one agent follow each other, on all nodes.
func (db *DB) ReserveSpend(ctx context.Context, o *spend.Open, decide func(spend.Counts) error, use *vault.Taking, ev *audit.Event, ahead *spend.Plan) error {
	return db.Write(ctx, o.Org, func(tx Tx) error {
		if err := tx.alive(o.Org); err != nil {
			return err
		}
		n, err := tx.shroudCounts(o)
		if err != nil {
			return err
		}
		has, err := tx.heldAhead(o, ahead)
		if err != nil {
			return err
		}
		if has != nil { // it is in nobody's way
			n.Day.Held = n.Day.Held.Less(has.Held)
		}
		if err := decide(n); err != nil {
			return tx.Refuse(err)
		}
		return tx.reserve(o, &n, use, ev, func() error { return tx.holdAhead(ahead, has, &n) })
	})
}

// ReserveUnder implements spend.Store.
func (db *DB) ReserveUnder(ctx context.Context, o *spend.Open, decide func(spend.Counts) error, use *vault.Taking, ev *audit.Event, ahead string) error {
	return db.WriteStanding(ctx, o.Org, work(func(tx Tx) error {
		if err := tx.alive(o.Org); err != nil {
			return err
		}
		var one int
		if found, err := tx.Row(`SELECT 1 FROM shroud_open WHERE id = $1`, []any{ahead}, &one); err != nil || !found {
			if err == nil {
				err = tx.Refuse(spend.ErrNotAhead)
			}
			return err
		}
		n, err := tx.shroudCounts(o)
		if err != nil {
			return err
		}
		if err := decide(n); err != nil {
			return tx.Refuse(err)
		}
		return tx.reserve(o, &n, use, ev, nil)
	}))
}

// reserve stores a reservation that was decided on, with what is written beside it.
func (tx Tx) reserve(o *spend.Open, n *spend.Counts, use *vault.Taking, ev *audit.Event, beside func() error) error {
	if use != nil {
		if err := tx.take(*use, ev); err != nil {
			return err
		}
	}
	n.Day.Requests++
	n.Day.Held = n.Day.Held.Plus(o.Held)
	if beside != nil {
		if err := beside(); err != nil {
			return err
		}
	}
	err := tx.putShroudDay(o, &n.Day)
	if err == nil {
		err = tx.countSecond(o)
	}
	if err == nil {
		err = tx.putOpen(o)
	}
	tx.Record(ev)
	return err
}

func (tx Tx) putOpen(o *spend.Open) error {
	_, err := tx.Exec(`INSERT INTO shroud_open (id, org_id, agent_id, node, provider, model, day, is_stream, held, created_at, lease_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		o.ID, o.Org, o.Agent, o.Node, o.Provider, o.Model, o.Day, number(o.Stream), int64(o.Held), micros(o.At), micros(o.Until))
	return err
}

// CountSpend implements spend.Store. What a machine that fails takes with it was no use of the agent's.
func (db *DB) CountSpend(ctx context.Context, o *spend.Open, decide func(spend.Counts) error) error {
	return db.WriteSoon(ctx, o.Org, work(func(tx Tx) error {
		if err := tx.alive(o.Org); err != nil {
			return err
		}
		n, err := tx.shroudCounts(o)
		if err != nil {
			return err
		}
		if err := decide(n); err != nil {
			return tx.Refuse(err)
		}
		n.Day.Requests++
		if err := tx.putShroudDay(o, &n.Day); err != nil {
			return err
		}
		return tx.countSecond(o)
	}))
}

// countSecond counts one request more in its second.
func (tx Tx) countSecond(o *spend.Open) error {
	_, err := tx.Exec(`INSERT INTO shroud_seconds (agent_id, second, org_id, requests) VALUES ($1, $2, $3, 1)
		ON CONFLICT (agent_id, second) DO UPDATE SET requests = shroud_seconds.requests + 1`, o.Agent, o.At.Unix(), o.Org)
	return err
}

// shroudCounts are those of an agent at the time of a request.
func (tx Tx) shroudCounts(o *spend.Open) (n spend.Counts, err error) {
	if n.Day, err = tx.shroudDay(o); err != nil {
		return n, err
	}
	if o.Stream { // the number of streams stops nothing else
		if _, err = tx.Row(`SELECT COUNT(*) FROM shroud_open WHERE agent_id = $1 AND is_stream = 1 AND lease_until > $2`,
			[]any{o.Agent, micros(o.At)}, &n.Streams); err != nil {
			return n, err
		}
	}
	now := o.At.Unix() // a clock that was set back has left seconds that are to come: they do not count
	err = tx.Each(`SELECT second, requests FROM shroud_seconds WHERE agent_id = $1 AND second > $2 AND second < $3 ORDER BY second`,
		[]any{o.Agent, now - spend.Minute, now + spend.Minute}, func(rows *sql.Rows) error {
			var s spend.Second
			err := rows.Scan(&s.At, &s.Requests)
			n.Seconds = append(n.Seconds, s)
			return err
		})
	return n, err
}

func (tx Tx) shroudDay(o *spend.Open) (d spend.Day, err error) {
	_, err = tx.Row(`SELECT requests, spent, held FROM shroud_days WHERE agent_id = $1 AND day = $2`, []any{o.Agent, o.Day}, &d.Requests, &d.Spent, &d.Held)
	return d, err
}

func (tx Tx) putShroudDay(o *spend.Open, d *spend.Day) error {
	_, err := tx.Exec(`INSERT INTO shroud_days (agent_id, day, org_id, requests, spent, held) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (agent_id, day) DO UPDATE SET requests = excluded.requests, spent = excluded.spent, held = excluded.held`,
		o.Agent, o.Day, o.Org, d.Requests, int64(d.Spent), int64(d.Held))
	return err
}

// SettleSpend implements spend.Store. An organisation that is gone has taken its reservations
// along. It does not wait for the disk: what a machine that fails takes with it is still reserved,
// and counts in full.
func (db *DB) SettleSpend(ctx context.Context, o *spend.Open, r *activity.Request, lost time.Time) error {
	return db.WriteSoon(ctx, o.Org, settled(o, r, lost))
}

// SettleLater implements spend.Store.
func (db *DB) SettleLater(ctx context.Context, o *spend.Open, r *activity.Request, reserved bool, then func(error)) {
	do := noted(r)
	if reserved {
		do = settled(o, r, time.Time{})
	}
	db.WriteLater(ctx, o.Org, do, then)
}

func settled(o *spend.Open, r *activity.Request, lost time.Time) work {
	before := int64(lastMicro)
	if !lost.IsZero() {
		before = micros(lost)
	}
	return func(tx Tx) error {
		ended, err := tx.Exec(`DELETE FROM shroud_open WHERE id = $1 AND lease_until < $2`, o.ID, before)
		if err != nil || ended == 0 {
			return err
		}
		d, err := tx.shroudDay(o)
		if err != nil {
			return err
		}
		d.Held, d.Spent = d.Held.Less(o.Held), d.Spent.Plus(r.Cost)
		if err := tx.putShroudDay(o, &d); err != nil {
			return err
		}
		return tx.addRequest(r)
	}
}

// NoteRequest implements spend.Store.
func (db *DB) NoteRequest(ctx context.Context, r *activity.Request) error {
	return db.WriteSoon(ctx, r.Org, noted(r))
}

func noted(r *activity.Request) work {
	return func(tx Tx) error {
		if gone, err := tx.isGone(r.Org); err != nil || gone {
			return err
		}
		return tx.addRequest(r)
	}
}

// RenewSpends implements spend.Store.
func (db *DB) RenewSpends(ctx context.Context, node string, since, until time.Time) error {
	var one int
	if any, err := db.Row(ctx, `SELECT 1 FROM shroud_open WHERE node = $1 LIMIT 1`, []any{node}, &one); err != nil || !any {
		return err
	}
	return db.Write(ctx, audit.SystemOrg, func(tx Tx) error {
		_, err := tx.Exec(`UPDATE shroud_open SET lease_until = $2 WHERE node = $1 AND created_at >= $3`, node, micros(until), micros(since))
		return err
	})
}

// LostSpends implements spend.Store. While the clock is not believed none is lost.
func (db *DB) LostSpends(ctx context.Context, before time.Time, limit int) (out []spend.Open, err error) {
	if !db.BelievesClock() {
		return nil, nil
	}
	err = db.Each(ctx, `SELECT id, org_id, agent_id, node, provider, model, day, is_stream, held, created_at, lease_until
		FROM shroud_open WHERE lease_until < $1 AND provider <> '' ORDER BY lease_until LIMIT $2`, []any{micros(before), limit}, func(rows *sql.Rows) error {
		var o spend.Open
		var stream, at, until int64
		err := rows.Scan(&o.ID, &o.Org, &o.Agent, &o.Node, &o.Provider, &o.Model, &o.Day, &stream, &o.Held, &at, &until)
		o.Stream, o.At, o.Until = stream != 0, fromMicros(at), fromMicros(until)
		out = append(out, o)
		return err
	})
	return out, err
}

// UnstoredSpends is how many requests count at their reserved price since their end could not be
// stored, and when the latest of them came.
func (db *DB) UnstoredSpends(ctx context.Context) (n int64, latest time.Time, err error) {
	var at int64
	_, err = db.Row(ctx, `SELECT COUNT(*), COALESCE(MAX(at), 0) FROM shroud_activity WHERE action = 'lost' AND cut = 'storage'`, nil, &n, &at)
	return n, fromMicros(at), err
}

// SweepSpends implements spend.Store. Each statement is short, so that others write in between.
func (db *DB) SweepSpends(ctx context.Context, before, seconds, now time.Time) error {
	const secondsOfDay = 24 * 60 * 60
	for _, s := range []struct {
		query string
		until int64
	}{
		{`DELETE FROM shroud_seconds WHERE (agent_id, second) IN (SELECT agent_id, second FROM shroud_seconds WHERE second < $1 ORDER BY second LIMIT $2)`, seconds.Unix()},
		{`DELETE FROM shroud_days WHERE (agent_id, day) IN (SELECT agent_id, day FROM shroud_days WHERE day < $1 ORDER BY day LIMIT $2)`, before.Unix() / secondsOfDay},
		{`DELETE FROM shroud_findings WHERE (activity_id, detector, effect) IN
			(SELECT activity_id, detector, effect FROM shroud_findings WHERE at < $1 ORDER BY at LIMIT $2)`, micros(before)},
		{`DELETE FROM shroud_activity WHERE id IN (SELECT id FROM shroud_activity WHERE at < $1 ORDER BY at LIMIT $2)`, micros(before)},
		{`DELETE FROM flagged_texts WHERE activity_id IN (SELECT activity_id FROM flagged_texts WHERE keep_until <= $1 ORDER BY keep_until LIMIT $2)`, micros(now)},
	} {
		for gone := int64(sweptAtOnce); gone == sweptAtOnce; {
			err := db.Write(ctx, audit.SystemOrg, func(tx Tx) (err error) {
				gone, err = tx.Sweep(s.query, s.until, int64(sweptAtOnce))
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// sweptAtOnce is how many rows one transaction of a sweep deletes: everybody else's writes wait
// for it.
const sweptAtOnce = 500
