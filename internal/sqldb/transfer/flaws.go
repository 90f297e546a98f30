package transfer

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// Flaw is a stored value that nobody wrote so. The pages of a database may fit together
// and hold it all the same: SQLite keeps any bytes as a text, and any type in any column.
type Flaw struct {
	Table, Row, Column string // Row is the key of the row, for people
	Problem            string
	Unmovable          bool // PostgreSQL can't store it
	what               string
}

// String names it, and never says what the value is.
func (f Flaw) String() string {
	return fmt.Sprintf("table %s, row %s: the %s %s %s", f.Table, f.Row, f.what, f.Column, f.Problem)
}

// Meaning says what columns hold, of whatever table.
type Meaning struct {
	JSON map[string]bool // texts that are JSON
	Time func(column string) bool
	// The first and the last time that a row may have.
	First, Last int64
}

// Flaws feeds found the flaws of all values of all tables, until it returns an error. A table of
// PostgreSQL is read in pages (see copyEarly): a flaw is of one row, whenever that is read.
func Flaws(ctx context.Context, db *sqldb.DB, means Meaning, progress Progress, found func(Flaw) error) error {
	tables, err := tablesOf(ctx, db)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		columns := tables[name]
		rows := int64(0)
		look := func(row []any) error {
			rows++
			progress.row(name, rows)
			return flaws(name, columns, row, means, found)
		}
		if key := keyOf(columns); db.Postgres() && len(key) > 0 {
			// it has no other type in columns of bytes
			columns = slices.DeleteFunc(columns, func(c column) bool { return c.kind == kindBytes && c.key == 0 })
			err = paged(ctx, db, func(e end, last []any) ([]any, bool, error) {
				query := `SELECT ` + quoted(columns) + ` FROM ` + quote(name) + ` WHERE ` + following(key, last, 0) + ` LIMIT ` + strconv.Itoa(pageRows)
				n := 0
				err := e.raw(ctx, query, last, len(columns), func(row []any) error {
					n, last = n+1, keyIn(key, columns, row)
					return look(row)
				})
				return last, n == pageRows, err
			}, nil)
		} else {
			err = atOnce(ctx, db, func(e end) error {
				return e.raw(ctx, `SELECT `+looked(columns)+` FROM `+quote(name), nil, len(columns), look)
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// looked are the columns as they are read to be looked at: bytes may be megabytes a row,
// and only their type is of interest.
func looked(columns []column) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		if out[i] = quote(c.name); c.kind == kindBytes && c.key == 0 {
			out[i] = "CASE typeof(" + out[i] + ") WHEN 'blob' THEN x'' WHEN 'null' THEN NULL ELSE '' END"
		}
	}
	return strings.Join(out, ", ")
}

// flaws feeds found those of one row.
func flaws(table string, columns []column, row []any, means Meaning, found func(Flaw) error) error {
	for i, c := range columns {
		f := Flaw{Table: table, Column: c.name, what: "value of"}
		if _, text := row[i].(string); text && c.kind == kindText {
			f.what = "text in"
		}
		if f.Problem, f.Unmovable = c.flaw(row[i], means); f.Problem == "" {
			continue
		}
		f.Row = rowName(columns, row)
		if err := found(f); err != nil {
			return err
		}
	}
	return nil
}

// flaw says what is wrong with a value as the driver read it.
func (c column) flaw(v any, means Meaning) (problem string, unmovable bool) {
	switch v := v.(type) {
	case nil:
	case int64:
		switch {
		case c.kind != kindInt:
			return c.kind.other(), true
		case (v < means.First || v > means.Last) && means.Time != nil && means.Time(c.name):
			return "is a time out of range", false
		}
	case string:
		switch {
		case c.kind != kindText:
			return c.kind.other(), c.kind == kindInt
		case !utf8.ValidString(v):
			return "is no UTF-8", true
		case strings.IndexByte(v, 0) >= 0:
			return "holds a NUL", true
		case means.JSON[c.name] && !jsontext.Value(v).IsValid():
			return "is no JSON", false
		}
	case []byte:
		if c.kind != kindBytes {
			return c.kind.other(), c.kind == kindInt || !utf8.Valid(v) || bytes.IndexByte(v, 0) >= 0
		}
	default:
		return c.kind.other(), true
	}
	return "", false
}

// other says that a value has another type than its column.
func (k kind) other() string {
	switch k {
	case kindText:
		return "is no text"
	case kindBytes:
		return "is not of bytes"
	default:
		return "is no whole number"
	}
}

// rowName spells the key of a row. Of a hash its beginning tells rows apart.
func rowName(columns []column, row []any) string {
	var parts []string
	for i, c := range columns {
		if c.key == 0 {
			continue
		}
		switch v := row[i].(type) {
		case string:
			if strings.HasSuffix(c.name, "hash") {
				v = v[:min(len(v), 8)]
			}
			parts = append(parts, fmt.Sprintf("%s %+q", c.name, v))
		case []byte:
			parts = append(parts, fmt.Sprintf("%s %x", c.name, v[:min(len(v), 8)]))
		default:
			parts = append(parts, fmt.Sprintf("%s %v", c.name, v))
		}
	}
	return strings.Join(parts, ", ")
}
