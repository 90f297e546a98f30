package transfer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// While a snapshot of PostgreSQL lasts, no version of a row that it could see is taken away.
// Each read of a secret makes a new version of the row that holds the head of a log, so
// requests walk a chain that grows with the time of the snapshot. What is large is
// therefore copied early, in many short transactions, and the one snapshot reads what changed
// since: see docs/adr/0123-backups-hold-a-short-snapshot.md.

// earlyFrom is the size in bytes, with its indexes, from which a table is copied early.
const earlyFrom = 8 << 20

// early says what was copied before the snapshot.
type early struct {
	horizon string            // the number of a transaction before which all had ended
	tables  map[string]digest // of each such table, what was sent
}

// attachAside gives the target a second file, for what is known of changed rows only for a while.
func (t *transfer) attachAside(ctx context.Context, dst *sqldb.DB, dir string) (err error) {
	conn, err := dst.WriteConn(ctx) // the only one that it has
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `ATTACH $1 AS aside`, filepath.Join(dir, "aside.db")); err != nil {
		return driver.Wrap("attach", err)
	}
	_, err = conn.ExecContext(ctx, `PRAGMA aside.journal_mode=OFF; PRAGMA aside.synchronous=OFF`)
	return driver.Wrap("attach", err)
}

// pauses is how long a copy in pages leaves the server alone after each page, as a part of the time that the
// page took: requests come first.
const pauses = 2

// copyEarly copies, of large tables, the rows whose transactions had ended when it began. What a
// transaction writes that was under way then, or began later, is left to since.
func (t *transfer) copyEarly(ctx context.Context, src *sqldb.DB) error {
	t.early.tables = map[string]digest{}
	var large []string
	err := atOnce(ctx, src, func(e end) (err error) {
		t.from = e
		if err = e.q.QueryRowContext(ctx, `SELECT (txid_snapshot_xmin(txid_current_snapshot()) % 4294967296)::text`).Scan(&t.early.horizon); err != nil {
			return driver.Wrap("read", err)
		}
		large, err = t.large(ctx)
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range large {
		var sent digest
		limit := firstRows
		err := paged(ctx, src, func(e end, last []any) ([]any, bool, error) {
			t.from = e
			return t.page(ctx, name, last, &limit, &sent)
		}, pauses)
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		t.early.tables[name] = sent
	}
	return nil
}

// large are the tables that are worth it, and have a key to go on from.
func (t *transfer) large(ctx context.Context) ([]string, error) {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(t.tables)) {
		var size int64
		if err := t.from.q.QueryRowContext(ctx, `SELECT pg_total_relation_size($1::text::regclass)`, quote(name)).Scan(&size); err != nil {
			return nil, driver.Wrap("read", err)
		}
		if size >= t.how.early && len(keyOf(t.tables[name])) > 0 {
			out = append(out, name)
		}
	}
	return out, nil
}

// page copies at most limit rows that come after last in the order of the key, and says after which
// key the next page begins, and how long that is.
func (t *transfer) page(ctx context.Context, name string, last []any, limit *int, sent *digest) (_ []any, more bool, err error) {
	columns := t.tables[name]
	key := keyOf(columns)
	rest := ` WHERE age(xmin) > age($1::text::xid) AND ` + following(key, last, 1) + ` LIMIT ` + strconv.Itoa(*limit)
	args := append([]any{t.early.horizon}, last...)
	rows, size := 0, 0
	err = t.rows(ctx, name, quote(name), columns, part{rest, args, func(row []any) {
		last, rows, size = keyIn(key, columns, row), rows+1, size+sizeOf(row)
	}}, sent)
	more = rows == *limit
	*limit = nextPage(rows, size)
	return last, more, err
}

// since brings a table that was copied early to what the snapshot has, and returns the digest of that.
func (t *transfer) since(ctx context.Context, name string, columns []column, sent digest) (digest, error) {
	changed := `aside.` + quote(name)
	if err := t.exec(ctx, `CREATE TABLE `+changed+` AS SELECT `+quoted(columns)+` FROM main.`+quote(name)+` LIMIT 0`); err != nil {
		return sent, err
	}
	var came digest
	err := t.rows(ctx, name, changed, columns, part{rest: ` WHERE age(xmin) <= age($1::text::xid)`, args: []any{t.early.horizon}}, &came)
	if err != nil {
		return sent, err
	}
	// What they replace goes first: a row may have a name by now that another had.
	if err := t.forget(ctx, name, columns, `IN (SELECT `+quoted(keyOf(columns))+` FROM `+changed+`)`, &sent); err != nil {
		return sent, err
	}
	there, err := t.from.count(ctx, name)
	if err != nil {
		return sent, err
	}
	if sent.rows+came.rows != there { // each row that is there was copied, so some are gone
		if err := t.forgetGone(ctx, name, columns, &sent); err != nil {
			return sent, err
		}
	}
	if err := t.exec(ctx, `INSERT INTO main.`+quote(name)+` (`+quoted(columns)+`) SELECT `+quoted(columns)+` FROM `+changed); err != nil {
		return sent, err
	}
	if sent.join(came); sent.rows != there {
		return sent, fault.New(fault.Internal, "transfer_differs", "What was copied of table "+name+" is not what it holds. Nothing was kept.")
	}
	return sent, t.exec(ctx, `DROP TABLE `+changed)
}

// forgetGone takes out of the target what was copied early and is in the snapshot no more,
// in whatever version.
func (t *transfer) forgetGone(ctx context.Context, name string, columns []column, sent *digest) error {
	const keys = `aside."keys"`
	key := keyOf(columns)
	if err := t.exec(ctx, `CREATE TABLE `+keys+` AS SELECT `+quoted(key)+` FROM main.`+quote(name)+` LIMIT 0`); err != nil {
		return err
	}
	var read digest
	if err := t.rows(ctx, name, keys, key, part{}, &read); err != nil {
		return err
	}
	if err := t.forget(ctx, name, columns, `NOT IN (SELECT `+quoted(key)+` FROM `+keys+`)`, sent); err != nil {
		return err
	}
	return t.exec(ctx, `DROP TABLE `+keys)
}

// forget takes rows out of the target, and out of the digest of what was sent.
func (t *transfer) forget(ctx context.Context, name string, columns []column, which string, sent *digest) error {
	where := ` WHERE (` + quoted(keyOf(columns)) + `) ` + which
	if err := t.to.some(ctx, name, columns, where, nil, sent.remove); err != nil {
		return err
	}
	return t.exec(ctx, `DELETE FROM main.`+quote(name)+where)
}

func (t *transfer) exec(ctx context.Context, query string) error {
	_, err := t.to.q.ExecContext(ctx, query)
	return driver.Wrap("copy", err)
}
