package transfer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// While a snapshot of PostgreSQL lasts, no version of a row that it could see is taken away.
// Each read of a secret makes a new version of the row that holds the head of a log, so
// requests walk a chain that grows with the time of the snapshot. What is large is
// therefore copied early, in many short transactions, and the one snapshot reads what changed
// since: see docs/adr/0123-backups-hold-a-short-snapshot.md.

// Early says how large tables are copied before the snapshot.
type Early struct {
	From  int64            // the size in bytes, with its indexes, from which a table is copied early
	Few   int64            // so many changed rows are left to the snapshot
	Ask   int64            // from so many changed rows of a table on its keys are read whether or not rows are gone
	Walk  int              // how many rows a page looks at at most, to find those that it is for
	Round func(rows int64) // is told of each round; may be nil
}

// earlyOfBackup is what Backup goes by.
func earlyOfBackup() Early { return Early{From: 8 << 20, Few: 2000, Ask: 20_000, Walk: 5000} }

// maxRounds bounds how often what changed is copied before the snapshot.
const maxRounds = 8

// early says what was copied before the snapshot.
type early struct {
	horizon string            // the number of a transaction before which all had ended
	tables  map[string]digest // what the target has of each such table
}

// attachAside gives the target a second file, for what is known of rows only for a while.
func (t *transfer) attachAside(ctx context.Context, dst *sqldb.DB, dir string) (err error) {
	conn, err := dst.WriteConn(ctx) // the only one that it has
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `ATTACH $1 AS aside`, filepath.Join(dir, "aside.db")); err != nil {
		return driver.Wrap("attach", err)
	}
	// Without recursive_triggers REPLACE does not tell what it replaces (see watch).
	_, err = conn.ExecContext(ctx, `PRAGMA aside.journal_mode=OFF; PRAGMA aside.synchronous=OFF; PRAGMA temp_store=MEMORY; PRAGMA recursive_triggers=ON`)
	return driver.Wrap("attach", err)
}

// copyEarly copies large tables in rounds: first what is there, then, each time, what was written since the
// round before, until few rows are left to the snapshot or a round leaves not much fewer than it found.
func (t *transfer) copyEarly(ctx context.Context, src *sqldb.DB) error {
	t.early.tables = map[string]digest{}
	before := int64(-1)
	for n := range maxRounds {
		since := t.early.horizon
		err := atOnce(ctx, src, func(e end) (err error) {
			if n == 0 {
				if err := t.chooseEarly(ctx, e); err != nil {
					return err
				}
			}
			t.early.horizon, err = e.horizon(ctx)
			return err
		})
		if err != nil {
			return err
		}
		var came int64
		for _, name := range slices.Sorted(maps.Keys(t.early.tables)) {
			rows, err := t.round(ctx, src, name, since)
			if err != nil {
				return fmt.Errorf("table %s: %w", name, err)
			}
			came += rows
		}
		if t.how.early.Round != nil {
			t.how.early.Round(came)
		}
		// The first round says nothing of how many rows change.
		if n > 0 && (came <= t.how.early.Few || before >= 0 && came > before/2) {
			break
		}
		if n > 0 {
			before = came
		}
	}
	return nil
}

// horizon is the number of a transaction before which all have ended.
func (e end) horizon(ctx context.Context) (number string, err error) {
	err = e.q.QueryRowContext(ctx, `SELECT (txid_snapshot_xmin(txid_current_snapshot()) % 4294967296)::text`).Scan(&number)
	return number, driver.Wrap("read", err)
}

// WrittenBefore is the condition that a row was written before the horizon that is parameter n. A row that
// looks as if it were to be written yet is so old that the numbers went around since.
func WrittenBefore(n int) string {
	return `(age(xmin) > age($` + strconv.Itoa(n) + `::text::xid) OR age(xmin) < 0)`
}

// chooseEarly chooses the tables that are worth it, and have a key to go on from.
func (t *transfer) chooseEarly(ctx context.Context, e end) error {
	for name, columns := range t.tables {
		var size int64
		if err := e.q.QueryRowContext(ctx, `SELECT pg_total_relation_size($1::text::regclass)`, quote(name)).Scan(&size); err != nil {
			return driver.Wrap("read", err)
		}
		if size < t.how.early.From || len(keyOf(columns)) == 0 {
			continue
		}
		t.early.tables[name] = digest{}
		if err := t.watch(ctx, name, columns); err != nil {
			return err
		}
	}
	return nil
}

// round copies what transactions wrote into a table that ended before the horizon, and not before an
// earlier one, and says how many rows that were.
func (t *transfer) round(ctx context.Context, src *sqldb.DB, name, since string) (rows int64, err error) {
	p := &page{name: name, columns: t.tables[name], horizon: t.early.horizon, since: since, limit: firstRows, walk: t.how.early.Walk, spool: t.spool}
	has := t.early.tables[name]
	err = paged(ctx, src, func(e end, last []any) ([]any, bool, error) { return p.next(ctx, e, last) }, func() error {
		rows += p.got.rows
		t.progress.rows(name, has.rows, has.rows+p.got.rows)
		return errors.Join(t.put(ctx, name, p.got, &has), t.spool.clear())
	})
	t.early.tables[name] = has
	return rows, err
}

// page reads a table in pages: those rows that were written before one horizon and not before another.
type page struct {
	name           string
	columns        []column
	horizon, since string // since may be ""
	limit, walk    int
	upto           []any // the key up to which rows are looked at; nil: not known
	spool          *spool
	got            kept
}

// next takes the page that comes after a key, and says after which key the one after it does.
func (p *page) next(ctx context.Context, e end, last []any) (_ []any, more bool, err error) {
	key := keyOf(p.columns)
	if p.upto == nil {
		rest := ` WHERE ` + following(key, last, 0) + ` LIMIT 1 OFFSET ` + strconv.Itoa(p.walk-1)
		err := e.some(ctx, p.name, key, rest, last, func(row []any) error { p.upto = row; return nil })
		if err != nil {
			return nil, false, err
		}
	}
	where, args := ` WHERE `+WrittenBefore(1), []any{p.horizon}
	if p.since != "" {
		args = append(args, p.since)
		where += ` AND NOT ` + WrittenBefore(len(args))
	}
	if p.upto != nil {
		where += ` AND ` + compared(key, "<=", len(args))
		args = append(args, p.upto...)
	}
	where += ` AND ` + following(key, last, len(args)) + ` LIMIT ` + strconv.Itoa(p.limit)
	size := 0
	p.got, err = p.spool.take(ctx, e, p.name, p.columns, where, append(args, last...), func(row []any) {
		last, size = keyIn(key, p.columns, row), size+sizeOf(row)
	})
	rows := int(p.got.rows)
	switch full := rows == p.limit; {
	case full:
		more = true
	case p.upto != nil:
		last, p.upto, more = p.upto, nil, true
	}
	if rows > 0 {
		p.limit = nextPage(rows, size)
	}
	return last, more, err
}
