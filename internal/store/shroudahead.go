package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
)

// What is held ahead is a row of shroud_open without a provider. Its model is the boot of the machine that it was made in.

// heldAhead is what is held ahead of the agent of a request, in its day and by a process of this boot, or nil.
func (tx Tx) heldAhead(o *spend.Open, ahead *spend.Plan) (*spend.Open, error) {
	if ahead == nil {
		return nil, nil
	}
	ahead.Now, ahead.Gone = nil, ""
	has, at := *o, int64(0)
	has.Provider, has.Model, has.Stream = "", ahead.Boot, false
	found, err := tx.Row(`SELECT id, node, held, created_at FROM shroud_open WHERE agent_id = $1 AND provider = '' AND model = $2 AND day = $3 ORDER BY id LIMIT 1`,
		[]any{o.Agent, ahead.Boot, o.Day}, &has.ID, &has.Node, &has.Held, &at)
	if err != nil || !found {
		return nil, err
	}
	has.At = fromMicros(at)
	return &has, nil
}

// holdAhead has something held ahead after a request, which n has in it: what there is, or something else in its place.
func (tx Tx) holdAhead(ahead *spend.Plan, has *spend.Open, n *spend.Counts) error {
	switch {
	case ahead == nil:
		return nil
	case has != nil && ahead.Keeps(has, n):
		ahead.Now, n.Day.Held = has, n.Day.Held.Plus(has.Held)
		return nil
	case has != nil:
		ahead.Gone = has.ID
		if _, err := tx.Exec(`DELETE FROM shroud_open WHERE id = $1`, has.ID); err != nil {
			return err
		}
	}
	if ahead.Now = ahead.Make(n); ahead.Now == nil {
		return nil
	}
	n.Day.Held = n.Day.Held.Plus(ahead.Now.Held)
	return tx.putOpen(ahead.Now)
}

// EndAhead implements spend.Store.
func (db *DB) EndAhead(ctx context.Context, node, boot string, before time.Time, ended func(*spend.Open) *spend.Lost) error {
	var all []spend.Open
	err := db.Each(ctx, `SELECT id, org_id, agent_id, node, model, day, held, created_at FROM shroud_open WHERE provider = '' AND (node <> $1 OR created_at < $2)`,
		[]any{node, micros(before)}, func(rows *sql.Rows) error {
			var o spend.Open
			var at int64
			err := rows.Scan(&o.ID, &o.Org, &o.Agent, &o.Node, &o.Model, &o.Day, &o.Held, &at)
			o.At = fromMicros(at)
			all = append(all, o)
			return err
		})
	for i := range all {
		if err == nil {
			err = db.WriteSoon(ctx, all[i].Org, work(func(tx Tx) error { return tx.endAhead(&all[i], boot, ended) }))
		}
	}
	return err
}

func (tx Tx) endAhead(o *spend.Open, boot string, ended func(*spend.Open) *spend.Lost) error {
	n, err := tx.Exec(`DELETE FROM shroud_open WHERE id = $1`, o.ID)
	if err != nil || n == 0 {
		return err
	}
	d, err := tx.shroudDay(o)
	if err != nil {
		return err
	}
	d.Held = d.Held.Less(o.Held)
	if o.Model == boot {
		return tx.putShroudDay(o, &d)
	}
	l := ended(o)
	d.Spent, d.Requests = d.Spent.Plus(o.Held), d.Requests+l.Requests
	if err := tx.putShroudDay(o, &d); err != nil {
		return err
	}
	return tx.addRequest(l.Row)
}
