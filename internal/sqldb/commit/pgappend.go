package commit

import (
	"context"
	"fmt"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// On PostgreSQL a batch that only appends events to one organisation's log, as
// reads bring them, takes one statement and so one round trip, where a
// transaction takes five. The statement moves the head from where this node
// left it and inserts the events only if it did: when another node has appended
// since, it does nothing, and the batch goes the long way.
const appendStatement = `WITH moved AS (
		UPDATE audit_heads SET seq = $1, last_id = $2, hash = $3 WHERE org_id = $4 AND seq = $5 AND last_id = $6 RETURNING org_id
	) INSERT INTO audit_events (` + EventColumns + `)
	SELECT moved.org_id, e.* FROM moved, unnest($7::bigint[], $8::text[], $9::bigint[], $10::text[], $11::text[], $12::text[],
		$13::text[], $14::text[], $15::text[], $16::text[], $17::bytea[]) AS e`

// appendInOne appends the batch in one statement. done is false when the batch must go
// the long way; then nothing of it was committed.
func (w *Writer) appendInOne(ctx context.Context, batch []*op) (done bool, err error) {
	org := batch[0].org
	head, known := w.heads[org]
	if !w.cfg.Engine.Postgres || !known {
		return false, nil
	}
	for _, o := range batch {
		if o.event == nil || o.org != org || o.event.Begins != nil {
			return false, nil
		}
	}
	if w.appendConn == nil {
		if err := w.openAppend(ctx); err != nil {
			return false, nil //nolint:nilerr // the long way says what is wrong
		}
	}
	last, args := appendArgs(head.Head, org, batch)
	res, err := w.appendConn.ExecContext(ctx, appendStatement, args...)
	var n int64
	if err == nil {
		n, err = res.RowsAffected()
	}
	switch {
	case err != nil && driver.Refused(err):
		return false, nil
	case err != nil && driver.SafeToRetry(err): // a session that died since: nothing was sent
		w.dropAppend()
		return false, nil
	case err != nil:
		clear(w.heads)
		w.dropAppend()
		return true, unknown(err)
	case n != int64(len(batch)):
		delete(w.heads, org)
		return false, nil
	}
	head.Head = last
	w.heads[org] = head
	for _, o := range batch {
		o.err, o.event.Committed = nil, true
	}
	w.answered()
	w.count(len(batch))
	return true, nil
}

// appendArgs links the batch's events after head and returns the statement's
// arguments, a column an array.
func appendArgs(head audit.Head, org string, batch []*op) (audit.Head, []any) {
	n := len(batch)
	seqs, times, hashes := make([]int64, n), make([]int64, n), make([][]byte, n)
	var texts [8][]string
	for c := range texts {
		texts[c] = make([]string, n)
	}
	last := head
	for i, o := range batch {
		var r audit.Row
		r, last = audit.Link(last, o.event)
		seqs[i], times[i], hashes[i] = int64(r.Seq), r.At.UnixMicro(), r.Hash[:]
		for c, s := range [...]string{r.ID, r.Action, r.ActorKind, r.ActorID, r.ResourceType, r.ResourceID, r.IP, string(r.DetailsJSON)} {
			texts[c][i] = s
		}
	}
	return last, []any{
		int64(last.Seq), last.ID, last.Hash[:], org, int64(head.Seq), head.ID,
		seqs, texts[0], times, texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], texts[7], hashes,
	}
}

// openAppend opens a session whose commits do not wait for the disk, unless the
// record of a read must.
func (w *Writer) openAppend(ctx context.Context) error {
	conn, err := w.cfg.Pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	w.appendConn = conn
	if w.cfg.Sync {
		return nil
	}
	if _, err := conn.ExecContext(ctx, `SET synchronous_commit TO OFF`); err != nil {
		w.dropAppend()
		return fmt.Errorf("set up session: %w", err)
	}
	return nil
}

// dropAppend throws the session away: one with its own setting must not go back
// into the pool, where a durable write could get it.
func (w *Writer) dropAppend() {
	if w.appendConn != nil {
		driver.HangUp(w.appendConn)
		w.appendConn = nil
	}
}
