package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

func scanEvent(rows *sql.Rows) (*audit.Row, error) {
	var r audit.Row
	var seq, at int64
	var details string
	var hash []byte
	if err := rows.Scan(sqldb.Strict(&r.Org), sqldb.Strict(&seq), sqldb.Strict(&r.ID), sqldb.Strict(&at), sqldb.Strict(&r.Action), sqldb.Strict(&r.ActorKind),
		sqldb.Strict(&r.ActorID), sqldb.Strict(&r.ResourceType), sqldb.Strict(&r.ResourceID), sqldb.Strict(&r.IP), sqldb.Strict(&details), sqldb.Strict(&hash)); err != nil {
		return nil, err
	}
	r.Seq, r.At, r.DetailsJSON, r.Hash = uint64(seq), fromMicros(at), []byte(details), asHash(hash)
	return &r, nil
}

// asHash is all zeros for what is no hash: no event has that one.
func asHash(b []byte) (h audit.Hash) {
	if len(b) == len(h) {
		copy(h[:], b)
	}
	return h
}

// Events returns the events of an organisation that fit q, newest first.
func (db *DB) Events(ctx context.Context, org string, q audit.Query) ([]*audit.Row, error) {
	ctx, done, err := db.logQuery(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	query, args := `SELECT `+commit.EventColumns+` FROM audit_events WHERE org_id = $1`, []any{org}
	add := func(clause string, value any) {
		args = append(args, value)
		query += fmt.Sprintf(" AND %s $%d", clause, len(args))
	}
	for _, f := range []struct{ clause, value string }{
		{"actor_id =", q.ActorID}, {"actor_id =", q.OnlyActor}, {"resource_id =", q.ResourceID},
	} {
		if f.value != "" {
			add(f.clause, f.value)
		}
	}
	if len(q.Actions) > 0 {
		marks := make([]string, len(q.Actions))
		for i, a := range q.Actions {
			args = append(args, a)
			marks[i] = fmt.Sprintf("$%d", len(args))
		}
		query += " AND action IN (" + strings.Join(marks, ", ") + ")"
	}
	// The details are JSON of our own, where a quote within a text is escaped: so this is a field
	// with that value. It is written so since both databases compare it by case.
	for _, f := range []struct{ field, value string }{{"vault_id", q.Vault}, {"path", q.Path}} {
		if f.value != "" {
			args = append(args, `"`+f.field+`":`+string(vault.AppendString(nil, f.value)))
			query += fmt.Sprintf(" AND REPLACE(details, $%d, '') <> details", len(args))
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
	if q.AfterSeq > 0 {
		add("seq >", int64(q.AfterSeq))
	}
	args = append(args, q.Limit, q.Offset)
	query += fmt.Sprintf(" ORDER BY seq DESC LIMIT $%d OFFSET $%d", len(args)-1, len(args))
	var out []*audit.Row
	err = db.Each(ctx, query, args, func(rows *sql.Rows) error {
		r, err := scanEvent(rows)
		out = append(out, r)
		return err
	})
	if err == nil {
		err = db.addPrevious(ctx, org, out)
	}
	return out, err
}

// CountEvents implements audit.Store.
func (db *DB) CountEvents(ctx context.Context, org string, from, to time.Time, limit int, last, fit uint64) (all, fits uint64, err error) {
	ctx, done, err := db.logQuery(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer done()
	query, args := `SELECT seq FROM audit_events WHERE org_id = $1 AND seq <= $2`, []any{org, int64(min(last, math.MaxInt64)), int64(min(fit, math.MaxInt64))}
	if !from.IsZero() {
		args = append(args, micros(from))
		query += fmt.Sprintf(" AND at >= $%d", len(args))
	}
	if !to.IsZero() {
		args = append(args, micros(to))
		query += fmt.Sprintf(" AND at <= $%d", len(args))
	}
	if limit > 0 {
		args = append(args, limit)
		query += fmt.Sprintf(" ORDER BY seq LIMIT $%d", len(args))
	}
	var n, m int64
	_, err = db.Row(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN seq <= $3 THEN 1 ELSE 0 END), 0) FROM (`+query+`) counted`, args, &n, &m)
	return uint64(n), uint64(m), err
}

// A filter that fits few events of a long log reads much of it. Such queries
// have few places and little time, so that they can't keep reads of secrets from
// the database.
const maxLogQueries = 3

var errSlowLog = fault.New(fault.Unavailable, "log_query_too_slow",
	"The log is long and this question takes too much of it. Narrow it down: by actor, by time, or with before_seq.")

// How long a question to the log may take.
const (
	sqliteLogTime   = 10 * time.Second
	postgresLogTime = 4 * time.Second
)

// logQuery waits for a place.
func (db *DB) logQuery(ctx context.Context) (context.Context, func(), error) {
	logTime := sqliteLogTime
	if db.Postgres() {
		logTime = postgresLogTime
	}
	ctx, cancel := sqldb.Patient(ctx, logTime)
	select {
	case db.logQueries <- struct{}{}:
		return ctx, func() { <-db.logQueries; cancel() }, nil
	case <-ctx.Done():
		cancel()
		return nil, nil, errSlowLog
	}
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
			if _, err := db.Row(ctx, `SELECT id FROM audit_events WHERE org_id = $1 AND seq = $2`,
				[]any{org, int64(r.Seq) - 1}, &r.PrevID); err != nil {
				return err
			}
		}
	}
	return nil
}

// Head returns the recorded end of an organisation's chain.
func (db *DB) Head(ctx context.Context, org string) (audit.Head, error) {
	var seq int64
	var id string
	var hash []byte
	found, err := db.Row(ctx, `SELECT seq, last_id, hash FROM audit_heads WHERE org_id = $1`, []any{org},
		sqldb.Strict(&seq), sqldb.Strict(&id), sqldb.Strict(&hash))
	if err != nil || !found {
		return audit.Head{}, err
	}
	return audit.Head{Seq: uint64(seq), ID: id, Hash: asHash(hash)}, nil
}

// Unsigned returns the heads of chains that have grown by at least events since
// their last checkpoint, or have grown at all and were last signed before the
// given time: of one organisation, or of all when org is empty.
func (db *DB) Unsigned(ctx context.Context, org string, events uint64, before time.Time) (map[string]audit.Head, error) {
	out := map[string]audit.Head{}
	query, args := `SELECT h.org_id, h.seq, h.last_id, h.hash FROM audit_heads h
		LEFT JOIN audit_checkpoints c ON c.org_id = h.org_id
			AND c.seq = (SELECT MAX(seq) FROM audit_checkpoints WHERE org_id = h.org_id)
		WHERE (h.seq - COALESCE(c.seq, 0) >= $1 OR (h.seq > COALESCE(c.seq, 0) AND COALESCE(c.at, 0) < $2))`,
		[]any{int64(events), micros(before)}
	if org != "" {
		query, args = query+` AND h.org_id = $3`, append(args, org)
	}
	err := db.Each(ctx, query, args, func(rows *sql.Rows) error {
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
	return db.Write(ctx, c.Org, func(tx Tx) error {
		_, err := tx.Exec(`INSERT INTO audit_checkpoints (org_id, seq, hash, at, key_id, signature)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (org_id, seq) DO NOTHING`,
			c.Org, int64(c.Seq), c.Hash[:], micros(c.At), c.KeyID, c.Signature)
		return err
	})
}
