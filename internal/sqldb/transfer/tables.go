package transfer

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// querier is a transaction, or a connection that is in one.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// end is one side of a copy: tables within a transaction.
type end struct {
	q        querier
	postgres bool
}

// column is a column of a table, and the kind of its values, which SQLite does
// not hold a column to.
type column struct {
	name string
	kind kind
	key  int // its place in the primary key, from 1; 0: it is not of it
}

type kind byte

const (
	kindText kind = iota + 1
	kindBytes
	kindInt
)

// kinds are the types that migrations use, as each engine spells them.
var kinds = map[string]kind{"TEXT": kindText, "text": kindText, "BLOB": kindBytes, "bytea": kindBytes, "BIGINT": kindInt, "bigint": kindInt}

// tables are the columns, sorted, of each table that is ours.
func (e end) tables(ctx context.Context) (map[string][]column, error) {
	query := `SELECT t.name, c.name, c.type, c.pk FROM main.sqlite_schema t, pragma_table_info(t.name, 'main') c
		WHERE t.type = 'table' AND t.name NOT LIKE 'goose%' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.name`
	if e.postgres {
		query = `SELECT c.table_name::text, c.column_name::text, c.data_type::text, COALESCE((
				SELECT array_position(string_to_array(i.indkey::text, ' '), a.attnum::text)
				FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = c.column_name
				WHERE i.indisprimary AND i.indrelid = (quote_ident(c.table_schema) || '.' || quote_ident(c.table_name))::regclass), 0)
			FROM information_schema.columns c
			JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
			WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.table_name NOT LIKE 'goose%'`
	}
	rows, err := e.q.QueryContext(ctx, query)
	if err != nil {
		return nil, driver.Wrap("read the schema", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string][]column{}
	for rows.Next() {
		var table, name, declared string
		var key int
		if err := rows.Scan(&table, &name, &declared, &key); err != nil {
			return nil, driver.Wrap("read the schema", err)
		}
		k, known := kinds[declared]
		if !known {
			return nil, fmt.Errorf("column %s of table %s has the type %s, which can't be copied", name, table, declared)
		}
		out[table] = append(out[table], column{name, k, key})
	}
	for _, columns := range out {
		slices.SortFunc(columns, func(a, b column) int { return strings.Compare(a.name, b.name) })
	}
	return out, driver.Wrap("read the schema", rows.Err())
}

func (e end) count(ctx context.Context, table string) (n int64, err error) {
	err = e.q.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+quote(table)).Scan(&n)
	return n, driver.Wrap("count", err)
}

// each feeds the rows of a table to fn. A row's values are fn's to keep: nil, or a
// string, []byte or int64 as the column's kind says, whatever the driver made of it.
func (e end) each(ctx context.Context, table string, columns []column, fn func(row []any) error) error {
	return e.some(ctx, table, columns, "", nil, fn)
}

// some is each for the rows that come of what stands after the table in a query.
func (e end) some(ctx context.Context, table string, columns []column, rest string, args []any, fn func(row []any) error) error {
	return e.raw(ctx, `SELECT `+quoted(columns)+` FROM `+quote(table)+rest, args, len(columns), valued(table, columns, fn))
}

// valued gives fn the values of a row as their columns' kinds say.
func valued(table string, columns []column, fn func(row []any) error) func(row []any) error {
	return func(row []any) error {
		for i, c := range columns {
			v, err := c.value(row[i])
			if err != nil {
				f := Flaw{Table: table, Row: rowName(columns, row), Column: c.name, Problem: c.kind.other(), what: "value of"}
				return fault.Wrap(err, fault.Damaged, audit.CodeDamaged, "The database is damaged: "+f.String()+".")
			}
			row[i] = v
		}
		return fn(row)
	}
}

// raw feeds the rows of a query to fn, n values each, as the driver read them.
func (e end) raw(ctx context.Context, query string, args []any, n int, fn func(row []any) error) error {
	rows, err := e.q.QueryContext(ctx, query, args...)
	if err != nil {
		return driver.Wrap("read", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row, dest := make([]any, n), make([]any, n)
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return driver.Wrap("read", err)
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return driver.Wrap("read", rows.Err())
}

// value gives what a driver read the type of its column. The driver of SQLite reads
// bytes of no length as a nil slice, which drivers write as NULL; and SQLite lets a
// column for text hold bytes, and the other way round.
func (c column) value(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []byte:
		switch c.kind {
		case kindBytes:
			return append(make([]byte, 0, len(v)), v...), nil
		case kindText:
			return string(v), nil
		case kindInt: // no number is stored as bytes
		}
	case string:
		switch c.kind {
		case kindBytes:
			return []byte(v), nil
		case kindText:
			return v, nil
		case kindInt: // nor as a text
		}
	case int64:
		if c.kind == kindInt {
			return v, nil
		}
	}
	return nil, fmt.Errorf("column %s holds a %T", c.name, v)
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoted(columns []column) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = quote(c.name)
	}
	return strings.Join(out, ", ")
}
