package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
)

const eventColumns = `org_id, seq, id, at, action, actor_kind, actor_id, resource_type, resource_id, ip, details, hash`

func scanEvent(rows *sql.Rows) (*audit.Row, error) {
	var r audit.Row
	var at int64
	var details string
	var hash []byte
	if err := rows.Scan(&r.Org, &r.Seq, &r.ID, &at, &r.Action, &r.ActorKind, &r.ActorID,
		&r.ResourceType, &r.ResourceID, &r.IP, &details, &hash); err != nil {
		return nil, err
	}
	r.At, r.DetailsJSON = fromMicros(at), []byte(details)
	copy(r.Hash[:], hash)
	if len(hash) != len(r.Hash) {
		r.Hash = audit.Hash{}
	}
	return &r, nil
}

// Events returns the events of an organisation that fit q, newest first.
func (db *DB) Events(ctx context.Context, org string, q audit.Query) ([]*audit.Row, error) {
	query, args := `SELECT `+eventColumns+` FROM audit_events WHERE org_id = $1`, []any{org}
	add := func(clause string, value any) {
		args = append(args, value)
		query += fmt.Sprintf(" AND %s $%d", clause, len(args))
	}
	for _, f := range []struct{ clause, value string }{
		{"actor_id =", q.ActorID}, {"actor_id =", q.OnlyActor}, {"resource_id =", q.ResourceID}, {"action =", q.Action},
	} {
		if f.value != "" {
			add(f.clause, f.value)
		}
	}
	if !q.From.IsZero() {
		add("at >=", micros(q.From))
	}
	if !q.To.IsZero() {
		add("at <=", micros(q.To))
	}
	if q.BeforeSeq > 0 {
		add("seq <", int64(q.BeforeSeq))
	}
	args = append(args, q.Limit, q.Offset)
	query += fmt.Sprintf(" ORDER BY seq DESC LIMIT $%d OFFSET $%d", len(args)-1, len(args))
	var out []*audit.Row
	err := db.each(ctx, query, args, func(rows *sql.Rows) error {
		r, err := scanEvent(rows)
		out = append(out, r)
		return err
	})
	if err == nil {
		err = db.addPrevious(ctx, org, out)
	}
	return out, err
}

// addPrevious fills PrevID: from the next row where it is the one before, else
// from the table.
func (db *DB) addPrevious(ctx context.Context, org string, rows []*audit.Row) error {
	for i, r := range rows {
		switch {
		case r.Seq <= 1:
		case i+1 < len(rows) && rows[i+1].Seq == r.Seq-1:
			r.PrevID = rows[i+1].ID
		default:
			if _, err := db.row(ctx, `SELECT id FROM audit_events WHERE org_id = $1 AND seq = $2`,
				[]any{org, int64(r.Seq) - 1}, &r.PrevID); err != nil {
				return err
			}
		}
	}
	return nil
}

// Walk feeds an organisation's events to fn in order of their sequence numbers,
// starting after the given one, until fn returns false.
func (db *DB) Walk(ctx context.Context, org string, after uint64, fn func(*audit.Row) bool) error {
	const page = 1000
	for {
		n, last := 0, after
		stop := errors.New("stop")
		err := db.each(ctx, `SELECT `+eventColumns+` FROM audit_events WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
			[]any{org, int64(after), page}, func(rows *sql.Rows) error {
				r, err := scanEvent(rows)
				if err != nil {
					return err
				}
				n, last = n+1, r.Seq
				if !fn(r) {
					return stop
				}
				return nil
			})
		if errors.Is(err, stop) {
			return nil
		}
		if err != nil || n < page {
			return err
		}
		after = last
	}
}

// Head returns the recorded end of an organisation's chain.
func (db *DB) Head(ctx context.Context, org string) (audit.Head, error) {
	var h audit.Head
	var hash []byte
	_, err := db.row(ctx, `SELECT seq, last_id, hash FROM audit_heads WHERE org_id = $1`, []any{org}, &h.Seq, &h.ID, &hash)
	copy(h.Hash[:], hash)
	return h, err
}

// Unsigned returns the heads of chains that have grown by at least events since
// their last checkpoint, or have grown at all and were last signed before the
// given time.
func (db *DB) Unsigned(ctx context.Context, events uint64, before time.Time) (map[string]audit.Head, error) {
	out := map[string]audit.Head{}
	err := db.each(ctx, `SELECT h.org_id, h.seq, h.last_id, h.hash FROM audit_heads h
		LEFT JOIN (SELECT org_id, MAX(seq) AS seq, MAX(at) AS at FROM audit_checkpoints GROUP BY org_id) c ON c.org_id = h.org_id
		WHERE h.seq - COALESCE(c.seq, 0) >= $1 OR (h.seq > COALESCE(c.seq, 0) AND COALESCE(c.at, 0) < $2)`,
		[]any{int64(events), micros(before)}, func(rows *sql.Rows) error {
			var org string
			var h audit.Head
			var hash []byte
			err := rows.Scan(&org, &h.Seq, &h.ID, &hash)
			copy(h.Hash[:], hash)
			out[org] = h
			return err
		})
	return out, err
}

// AddCheckpoint stores c. Storing one for the same event again does nothing.
func (db *DB) AddCheckpoint(ctx context.Context, c audit.Checkpoint) error {
	return db.Write(ctx, c.Org, func(tx *Tx) error {
		_, err := tx.exec(`INSERT INTO audit_checkpoints (org_id, seq, hash, at, key_id, signature)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (org_id, seq) DO NOTHING`,
			c.Org, int64(c.Seq), c.Hash[:], micros(c.At), c.KeyID, c.Signature)
		return err
	})
}

// Checkpoints returns an organisation's checkpoints in order.
func (db *DB) Checkpoints(ctx context.Context, org string) ([]audit.Checkpoint, error) {
	var out []audit.Checkpoint
	err := db.each(ctx, `SELECT seq, hash, at, key_id, signature FROM audit_checkpoints WHERE org_id = $1 ORDER BY seq`,
		[]any{org}, func(rows *sql.Rows) error {
			c := audit.Checkpoint{Org: org}
			var at int64
			var hash []byte
			err := rows.Scan(&c.Seq, &hash, &at, &c.KeyID, &c.Signature)
			copy(c.Hash[:], hash)
			c.At = fromMicros(at)
			out = append(out, c)
			return err
		})
	return out, err
}
