package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Transfer copies all that is in from, as it is at one moment, into the empty
// database of to, and returns how many rows each table has. It finds the tables
// in the schema. All is put there in one transaction, which is committed only
// when what the target reads back is what the source has: a transfer that ended
// early, however it ended, left an empty database, and may be started again.
func Transfer(ctx context.Context, from *DB, to Config) (rows map[string]int64, err error) {
	have, want, err := from.Schema(ctx)
	if err != nil {
		return nil, err
	}
	if have != want {
		return nil, fault.New(fault.Conflict, "schema_differs",
			fmt.Sprintf("The database to copy has schema %d, and this version of oneclaw %d. Start this version on it once, then copy.", have, want))
	}
	empty, err := freshCounts(ctx)
	if err != nil {
		return nil, err
	}
	dst := &DB{eng: sqliteEngine, log: from.log, now: from.now}
	defer func() { err = errors.Join(err, dst.closeAll()) }()
	if err := dst.open(to); err != nil {
		return nil, err
	}
	if err := dst.migrate(ctx); err != nil {
		return nil, err
	}
	src, err := from.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Rollback() }() // it only read
	tx, err := dst.writers.BeginTx(ctx, nil)
	if err != nil {
		return nil, wrap("begin", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing, once it is committed
	t := &transfer{from: end{src, from.eng}, to: end{tx, dst.eng}, rows: map[string]int64{}}
	if err := t.run(ctx, empty); err != nil {
		return nil, err
	}
	return t.rows, wrap("commit", tx.Commit())
}

// snapshot is a transaction that sees the database at one moment.
func (db *DB) snapshot(ctx context.Context) (*sql.Tx, error) {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.eng.postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.readers.BeginTx(ctx, opts)
	return tx, wrap("begin", err)
}

// freshCounts is how many rows each table of a new database has.
func freshCounts(ctx context.Context) (map[string]int64, error) {
	dir, err := os.MkdirTemp("", "oneclaw-fresh-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db := &DB{eng: sqliteEngine}
	if err := errors.Join(db.open(Config{Dir: dir}), db.migrate(ctx)); err != nil {
		return nil, errors.Join(err, db.closeAll())
	}
	tx, err := db.snapshot(ctx)
	if err != nil {
		return nil, errors.Join(err, db.closeAll())
	}
	e := end{tx, db.eng}
	tables, err := e.tables(ctx)
	out := map[string]int64{}
	for name := range tables {
		n, countErr := e.count(ctx, name)
		out[name], err = n, errors.Join(err, countErr)
	}
	return out, errors.Join(err, tx.Rollback(), db.closeAll())
}

// end is one side of a transfer.
type end struct {
	tx  *sql.Tx
	eng engine
}

// tables are the columns, sorted, of each table that is ours.
func (e end) tables(ctx context.Context) (map[string][]string, error) {
	query := `SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'goose%' AND t.name NOT LIKE 'sqlite%'`
	if e.eng.postgres {
		query = `SELECT c.table_name::text, c.column_name::text FROM information_schema.columns c
			JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
			WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.table_name NOT LIKE 'goose%'`
	}
	rows, err := e.tx.QueryContext(ctx, query)
	if err != nil {
		return nil, wrap("read the schema", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return nil, wrap("read the schema", err)
		}
		out[table] = append(out[table], column)
	}
	for _, columns := range out {
		slices.Sort(columns)
	}
	return out, wrap("read the schema", rows.Err())
}

func (e end) count(ctx context.Context, table string) (n int64, err error) {
	err = e.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+quote(table)).Scan(&n)
	return n, wrap("count", err)
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

type transfer struct {
	from, to end
	rows     map[string]int64
}

func (t *transfer) run(ctx context.Context, empty map[string]int64) error {
	tables, err := t.from.tables(ctx)
	if err != nil {
		return err
	}
	theirs, err := t.to.tables(ctx)
	if err != nil {
		return err
	}
	if !maps.EqualFunc(tables, theirs, slices.Equal) || len(tables) == 0 {
		return fault.New(fault.Conflict, "schema_differs", "The two databases do not have the same tables.")
	}
	names := slices.Sorted(maps.Keys(tables))
	for _, name := range names {
		if t.to.eng.postgres { // a node that starts on it meanwhile waits
			if _, err := t.to.tx.ExecContext(ctx, `LOCK TABLE `+quote(name)+` IN ACCESS EXCLUSIVE MODE`); err != nil {
				return wrap("lock", err)
			}
		}
		n, err := t.to.count(ctx, name)
		if err != nil {
			return err
		}
		if n > empty[name] {
			return fault.New(fault.Conflict, "target_not_empty", "The target database is not empty. Give an empty one.")
		}
	}
	for _, name := range names {
		//nolint:gosec // G202: the name is the schema's, and quoted
		if _, err := t.to.tx.ExecContext(ctx, `DELETE FROM `+quote(name)); err != nil {
			return wrap("empty the target", err)
		}
		sent, err := t.table(ctx, name, tables[name])
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		var came digest
		if err := t.to.each(ctx, name, tables[name], func(row []any) error { return came.add(row) }); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		if sent != came {
			return fault.New(fault.Internal, "transfer_differs", "What arrived in table "+name+" is not what was sent. Nothing was kept.")
		}
		t.rows[name] = sent.rows
	}
	return nil
}

// maxParams bounds the values of one INSERT, maxInsert their bytes.
const (
	maxParams = 3000
	maxInsert = 4 << 20
)

// table copies one table, and returns the digest of what was sent.
func (t *transfer) table(ctx context.Context, name string, columns []string) (sent digest, err error) {
	var args []any
	size := 0
	flush := func() error {
		if len(args) == 0 {
			return nil
		}
		_, err := t.to.tx.ExecContext(ctx, insertRows(name, columns, len(args)/len(columns)), args...)
		args, size = args[:0], 0
		return wrap("insert", err)
	}
	err = t.from.each(ctx, name, columns, func(row []any) error {
		if err := sent.add(row); err != nil {
			return err
		}
		for _, v := range row {
			size += len(bytesOf(v))
		}
		if args = append(args, row...); len(args)+len(columns) > maxParams || size > maxInsert {
			return flush()
		}
		return nil
	})
	if err != nil {
		return sent, err
	}
	return sent, flush()
}

func insertRows(table string, columns []string, rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + quote(table) + " (" + quoted(columns) + ") VALUES ")
	for n := range rows * len(columns) {
		switch {
		case n == 0:
			b.WriteByte('(')
		case n%len(columns) == 0:
			b.WriteString("),(")
		default:
			b.WriteByte(',')
		}
		b.WriteString("$" + strconv.Itoa(n+1))
	}
	return b.String() + ")"
}

func quoted(columns []string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = quote(c)
	}
	return strings.Join(out, ", ")
}

// each feeds the rows of a table to fn. A row's values are fn's to keep.
func (e end) each(ctx context.Context, table string, columns []string, fn func(row []any) error) error {
	//nolint:gosec // G202: the names are the schema's, and quoted
	rows, err := e.tx.QueryContext(ctx, `SELECT `+quoted(columns)+` FROM `+quote(table))
	if err != nil {
		return wrap("read", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return wrap("read", err)
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return wrap("read", rows.Err())
}

func bytesOf(v any) []byte {
	switch v := v.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	}
	return nil
}

// digest is a sum over rows, in whatever order they come.
type digest struct {
	rows int64
	sum  [4]uint64
}

func (d *digest) add(row []any) error {
	h := sha256.New()
	for _, v := range row {
		switch v := v.(type) {
		case nil:
			h.Write([]byte{0})
		case int64:
			h.Write(binary.BigEndian.AppendUint64([]byte{1}, uint64(v)))
		case string, []byte:
			b := bytesOf(v)
			h.Write(binary.BigEndian.AppendUint64([]byte{2}, uint64(len(b))))
			h.Write(b)
		default:
			return fmt.Errorf("a column holds a %T", v)
		}
	}
	sum := h.Sum(nil)
	for i := range d.sum {
		d.sum[i] += binary.BigEndian.Uint64(sum[8*i:])
	}
	d.rows++
	return nil
}
