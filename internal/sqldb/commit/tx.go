package commit

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
)

// Tx is one op's view of the writer's transaction.
type Tx struct {
	w         *Writer
	ctx       context.Context
	events    []*audit.Event
	heads     map[string]head
	wrote     bool // an op's statements may have changed rows
	failed    bool // a statement failed: PostgreSQL then ignores what follows, and would roll back at COMMIT without an error
	moves     []Move
	pipelined []pipelined // PostgreSQL: statements of ops that run together
	last      []Stmt      // PostgreSQL: statements that go with the commit
	stale     []Stale
}

// Stale is a value that caches hold and that a transaction changes. The owner of the
// caches says what its names mean.
type Stale struct {
	Group, Name string
	Next        any // what the value is after the commit, if that is known
}

// Work is what runs in a transaction. It may run more than once, and must have no
// other effect than through tx.
type Work interface{ Do(tx *Tx) error }

// WorkFunc is Work that is a function.
type WorkFunc func(tx *Tx) error

// Do implements Work.
func (f WorkFunc) Do(tx *Tx) error { return f(tx) }

// Now is the time on the machine's clock.
func (tx *Tx) Now() time.Time { return tx.w.cfg.Now() }

// Postgres reports whether the database is PostgreSQL.
func (tx *Tx) Postgres() bool { return tx.w.cfg.Engine.Postgres }

// ByClock is the time by which what is stored ends.
func (tx *Tx) ByClock() time.Time { return tx.w.cfg.Clock() }

// BelievesClock looks at the clock, and reports whether what ends by it may be
// deleted for good.
func (tx *Tx) BelievesClock() bool { return tx.w.cfg.Believes() }

// Sweep runs a statement that deletes by time, unless the clock is not believed.
// Every deletion by time goes through it.
func (tx *Tx) Sweep(query string, args ...any) (int64, error) {
	if !tx.BelievesClock() {
		return 0, nil
	}
	return tx.Exec(query, args...)
}

// SweepLast is Sweep for Last.
func (tx *Tx) SweepLast(query string, args ...any) error {
	if !tx.BelievesClock() {
		return nil
	}
	return tx.Last(Stmt{Query: query, Args: args})
}

// Holds reports whether the transaction holds the log of an organisation: Write was
// called for it.
func (tx *Tx) Holds(org string) bool {
	_, held := tx.heads[org]
	return held
}

// Append puts ev into its organisation's log with this transaction. ev.Org must
// be an organisation that Write was called for.
func (tx *Tx) Append(ev *audit.Event) { tx.events = append(tx.events, ev) }

// Record is Append for an event that may be absent: a write that is part of
// another's request.
func (tx *Tx) Record(ev *audit.Event) {
	if ev != nil {
		tx.Append(ev)
	}
}

// Refuse returns err for an op whose statements so far touched no row: the
// batch need not be undone for it.
func (tx *Tx) Refuse(err error) error {
	tx.wrote = false
	return err
}

// Wrote says that a query which returns rows has changed some, too.
func (tx *Tx) Wrote() { tx.wrote = true }

// Stale says what caches must forget once this transaction is committed.
func (tx *Tx) Stale(s Stale) { tx.stale = append(tx.stale, s) }

// Exec runs a statement and returns how many rows it touched.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	tx.wrote = true
	r, err := tx.w.exec(tx.ctx, query, args...)
	if err != nil {
		tx.failed = true
		return 0, err
	}
	return r.RowsAffected()
}

// Last runs a statement of which nobody asks what it touched, and whose rows nothing
// else of the batch reads. On PostgreSQL it goes with the commit, in one round trip.
func (tx *Tx) Last(s Stmt) error {
	tx.wrote = true
	switch {
	case tx.w.cfg.Engine.Postgres:
		tx.last = append(tx.last, s)
		return nil
	case s.Into != nil:
		_, err := tx.Row(s.Query, s.Args, s.Into...)
		return err
	}
	_, err := tx.Exec(s.Query, s.Args...)
	return err
}

// Row reads one row. found is false when there is none.
func (tx *Tx) Row(query string, args []any, dest ...any) (found bool, err error) {
	err = tx.w.queryRow(tx.ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	tx.failed = tx.failed || err != nil
	return err == nil, err
}

// logsOf are the organisations whose logs a batch holds, in the one order in which they
// are locked: two nodes can't deadlock over the rows that follow, and the chain's order
// is the order of commits.
func logsOf(batch []*op) []string {
	all := make([]string, 0, 2)
	for _, o := range batch {
		for _, org := range o.orgs {
			if !slices.Contains(all, org) {
				all = append(all, org)
			}
		}
	}
	slices.Sort(all)
	return all
}

// lockHeads takes the audit heads of the batch's organisations first.
func (w *Writer) lockHeads(tx *Tx, logs []string) error {
	tx.heads = make(map[string]head, len(logs))
	for _, org := range logs {
		h, known := w.heads[org]
		if !known || w.cfg.Engine.Postgres {
			var err error
			if h, err = tx.lockHead(org); err != nil {
				return err
			}
		}
		tx.heads[org] = h
	}
	return nil
}

// head is the end of an organisation's log, and the numbers of its latest changes.
type head struct {
	audit.Head
	ended   int64 // a right may have ended
	revoked int64 // a token was revoked
}

// A headRow takes the columns of a head that is locked.
type headRow struct {
	h    head
	hash []byte
}

const lockHead = `UPDATE audit_heads SET seq = seq WHERE org_id = $1 RETURNING seq, last_id, hash, ended, revoked`

func (r *headRow) dest() []any {
	return []any{&r.h.Seq, &r.h.ID, &r.hash, &r.h.ended, &r.h.revoked}
}

func (r *headRow) head() (head, error) {
	if len(r.hash) != len(r.h.Hash) {
		return head{}, errDamagedHead
	}
	copy(r.h.Hash[:], r.hash)
	return r.h, nil
}

var errDamagedHead = errors.New("the audit head of an organisation is damaged")

func (tx *Tx) lockHead(org string) (head, error) {
	var r headRow
	found, err := tx.Row(lockHead, []any{org}, r.dest()...)
	if err == nil && !found {
		if _, err = tx.w.exec(tx.ctx, `INSERT INTO audit_heads (org_id, seq, last_id, hash) VALUES ($1, 0, '', $2)
			ON CONFLICT (org_id) DO NOTHING`, org, make([]byte, len(r.h.Hash))); err == nil {
			found, err = tx.Row(lockHead, []any{org}, r.dest()...)
		}
	}
	switch {
	case err != nil:
		return head{}, err
	case !found:
		return head{}, errDamagedHead
	}
	return r.head()
}

// begin writes what begins with the events of a batch.
func (tx *Tx) begin() error {
	begin := tx.w.cfg.Begin
	if begin == nil {
		return nil
	}
	for _, ev := range tx.events {
		if ev.Begins == nil {
			continue
		}
		if err := begin(tx, ev); err != nil {
			return err
		}
	}
	return nil
}

// appendEvents links the batch's events and inserts them, several rows a
// statement, and moves the heads of their organisations.
func (tx *Tx) appendEvents() error {
	moved := make([]string, 0, 1)
	for all := tx.events; len(all) > 0; {
		some := all[:min(len(all), maxRows)]
		all = all[len(some):]
		args := make([]any, 0, 12*len(some))
		for _, e := range some {
			h, held := tx.heads[e.Org]
			if !held {
				return errNotHeld
			}
			r, last := audit.Link(h.Head, e)
			h.Head = last
			tx.heads[e.Org] = h
			if !slices.Contains(moved, e.Org) {
				moved = append(moved, e.Org)
			}
			args = append(args, r.Org, int64(r.Seq), r.ID, r.At.UnixMicro(), r.Action, r.ActorKind, r.ActorID,
				r.ResourceType, r.ResourceID, r.IP, string(r.DetailsJSON), r.Hash[:])
		}
		if err := tx.Last(Stmt{Query: insertEvents(len(some)), Args: args}); err != nil {
			return err
		}
	}
	for _, org := range moved {
		h := tx.heads[org]
		if err := tx.Last(Stmt{Query: moveHead, Args: []any{org, int64(h.Seq), h.ID, h.Hash[:]}}); err != nil {
			return err
		}
	}
	return nil
}

const moveHead = `UPDATE audit_heads SET seq = $2, last_id = $3, hash = $4 WHERE org_id = $1`

// EventColumns are those of audit_events.
const EventColumns = `org_id, seq, id, at, action, actor_kind, actor_id, resource_type, resource_id, ip, details, hash`

// maxRows bounds the rows of one INSERT, and with it the number of statements
// that stay prepared.
const maxRows = 16

func insertEvents(rows int) string {
	if q := eventInserts[rows]; q != "" {
		return q
	}
	panic("commit: insertEvents beyond maxRows")
}

var eventInserts = func() (q [maxRows + 1]string) {
	for rows := 1; rows <= maxRows; rows++ {
		var b strings.Builder
		b.WriteString(`INSERT INTO audit_events (` + EventColumns + `) VALUES `)
		for r := range rows {
			if r > 0 {
				b.WriteByte(',')
			}
			b.WriteString("($" + strconv.Itoa(r*12+1))
			for c := 2; c <= 12; c++ {
				b.WriteString(",$" + strconv.Itoa(r*12+c))
			}
			b.WriteByte(')')
		}
		q[rows] = b.String()
	}
	return q
}()
