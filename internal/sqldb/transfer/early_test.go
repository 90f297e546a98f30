package transfer_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/transfer"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

// ledger is what the table of a test holds: the reference and the amount of each number.
type ledger struct {
	rows map[int64]entry
	sum  [sha256.Size]byte // the hashes of all rows, one upon the other
}

type entry struct {
	reference string
	amount    int64
}

func (l *ledger) turn(seq int64, e entry) {
	for i, b := range sha256.Sum256(fmt.Appendln(nil, seq, e.reference, e.amount)) {
		l.sum[i] ^= b
	}
}

func (l *ledger) set(seq int64, e entry) {
	l.remove(seq)
	l.rows[seq] = e
	l.turn(seq, e)
}

func (l *ledger) remove(seq int64) {
	if e, ok := l.rows[seq]; ok {
		l.turn(seq, e)
		delete(l.rows, seq)
	}
}

// anyOf is the number of some row.
func (l *ledger) anyOf() (seq int64) {
	for seq = range l.rows {
		break
	}
	return seq
}

const insertEntry = `INSERT INTO credit_ledger (org_id, seq, id, type, amount_cents, balance_after_cents, description, reference, created_at)
	VALUES ('o', $1, 'x', 'grant', $2, 0, '', $3, 0)`

// change makes changes of all kinds at once: other amounts, rows that go and come, references that
// go from row to row, and rows that get another key.
func (l *ledger) change(ctx context.Context, tx *sql.Tx, tick int64) (err error) {
	exec := func(query string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, query, args...)
		}
	}
	add := func(e entry) {
		seq := rand.Int64()
		exec(insertEntry, seq, e.amount, e.reference)
		l.set(seq, e)
	}
	remove := func() entry {
		seq := l.anyOf()
		e := l.rows[seq]
		exec(`DELETE FROM credit_ledger WHERE org_id = 'o' AND seq = $1`, seq)
		l.remove(seq)
		return e
	}
	amount := l.anyOf()
	exec(`UPDATE credit_ledger SET amount_cents = $1 WHERE org_id = 'o' AND seq = $2`, tick, amount)
	l.set(amount, entry{l.rows[amount].reference, tick})

	if a, b := l.anyOf(), l.anyOf(); a != b {
		one, two := l.rows[a], l.rows[b]
		exec(`UPDATE credit_ledger SET reference = 'for a moment' WHERE org_id = 'o' AND seq = $1`, a)
		exec(`UPDATE credit_ledger SET reference = $1 WHERE org_id = 'o' AND seq = $2`, one.reference, b)
		exec(`UPDATE credit_ledger SET reference = $1 WHERE org_id = 'o' AND seq = $2`, two.reference, a)
		l.set(a, entry{two.reference, one.amount})
		l.set(b, entry{one.reference, two.amount})
	}
	add(entry{remove().reference, tick})

	from, to := l.anyOf(), rand.Int64()
	exec(`UPDATE credit_ledger SET seq = $1 WHERE org_id = 'o' AND seq = $2`, to, from)
	e := l.rows[from]
	l.remove(from)
	l.set(to, e)

	switch tick % 3 { // the number of rows changes too
	case 0:
		add(entry{fmt.Sprint("of tick ", tick), tick})
	case 1:
		remove()
	}
	exec(`UPDATE meta SET value = $1 WHERE name = 'tick'`, tick)
	return err
}

// A backup of PostgreSQL is the database at one moment, though its tables are copied at many.
func TestABackupThatIsCopiedEarlyIsOfOneMoment(t *testing.T) {
	cfg := dbkit.Engines["postgres"](t)
	db := dbkit.Look(t, cfg)
	have := &ledger{rows: map[int64]entry{}}
	conn, err := db.WriteConn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	inTx := func(fn func(tx *sql.Tx) error) error {
		tx, err := conn.BeginTx(t.Context(), nil)
		if err != nil {
			return err
		}
		if err := fn(tx); err != nil {
			_ = tx.Rollback()
			return err
		}
		return tx.Commit()
	}
	err = inTx(func(tx *sql.Tx) error {
		for i := range 3000 {
			e := entry{fmt.Sprint("reference ", i), 0}
			seq := rand.Int64()
			if _, err := tx.ExecContext(t.Context(), insertEntry, seq, e.amount, e.reference); err != nil {
				return err
			}
			have.set(seq, e)
		}
		_, err := tx.ExecContext(t.Context(), `INSERT INTO meta (name, value) VALUES ('tick', 0)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	states := [][sha256.Size]byte{have.sum} // after each tick
	stop, stopped, ticked := make(chan struct{}), make(chan error, 1), make(chan struct{}, 1)
	go func() {
		defer close(ticked)
		for tick := int64(1); ; tick++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := inTx(func(tx *sql.Tx) error { return have.change(t.Context(), tx, tick) }); err != nil {
				stopped <- err
				return
			}
			states = append(states, have.sum)
			select {
			case ticked <- struct{}{}:
			default:
			}
		}
	}()
	rounds := 0 // after the first of a backup, that copied rows
	early := transfer.Early{From: 200 << 10, Walk: 300, Round: func(rows int64) {
		if rows > 0 && rows < 2000 {
			rounds++
		}
		for range 10 { // the next round has changes to copy
			<-ticked
		}
	}}
	copies := map[int64][sha256.Size]byte{}
	for i := range 4 {
		dir := t.TempDir()
		early.Ask = int64(i%2) * 1000
		if _, err := transfer.BackupEarly(t.Context(), db.DB, dir, early, nil); err != nil {
			t.Error(err)
			break
		}
		of := dbkit.Look(t, store.Config{Dir: dir})
		var tick int64
		dbkit.Scan(t, of, `SELECT value FROM meta WHERE name = 'tick'`, nil, &tick)
		got := &ledger{rows: map[int64]entry{}}
		dbkit.Each(t, of, `SELECT seq, reference, amount_cents FROM credit_ledger`, func(scan func(...any) error) error {
			var seq int64
			var e entry
			err := scan(&seq, &e.reference, &e.amount)
			got.set(seq, e)
			return err
		})
		copies[tick] = got.sum
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	for tick, got := range copies {
		if got != states[tick] {
			t.Errorf("the copy of tick %d is not what was there then", tick)
		}
	}
	if len(copies) < 4 || len(states) < 50 || rounds < 8 {
		t.Errorf("%d different copies within %d ticks, and %d rounds that copied changes: the test shows nothing", len(copies), len(states), rounds)
	}
}
