package transfer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// Flaw is a stored text that nobody wrote so. The pages of a database may fit together
// and hold it all the same: SQLite keeps any bytes as a text.
type Flaw struct {
	Table, Row, Column string // Row is the key of the row, for people
	Problem            string
	Unmovable          bool // PostgreSQL can't store it
}

// String names it, and never says what the text is.
func (f Flaw) String() string {
	return fmt.Sprintf("table %s, row %s: the text in %s %s", f.Table, f.Row, f.Column, f.Problem)
}

// Flaws feeds found the flaws of all texts of all tables, as they are at one moment,
// until it returns an error. json are the columns, of whatever table, whose texts are
// JSON.
func Flaws(ctx context.Context, db *sqldb.DB, json map[string]bool, progress Progress, found func(Flaw) error) (err error) {
	tx, err := db.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }() // it only read
	e := end{tx, db.Postgres()}
	tables, err := e.tables(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		// What is no text may be megabytes a row.
		columns := slices.DeleteFunc(tables[name], func(c column) bool { return c.kind != kindText && !c.key })
		rows := int64(0)
		err := e.each(ctx, name, columns, func(row []any) error {
			rows++
			progress.row(name, rows)
			return flaws(name, columns, row, json, found)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// flaws feeds found those of one row.
func flaws(table string, columns []column, row []any, json map[string]bool, found func(Flaw) error) error {
	for i, c := range columns {
		text, ok := row[i].(string)
		if !ok || c.kind != kindText {
			continue
		}
		f := Flaw{Table: table, Column: c.name, Unmovable: true}
		switch {
		case !utf8.ValidString(text):
			f.Problem = "is no UTF-8"
		case strings.IndexByte(text, 0) >= 0:
			f.Problem = "holds a NUL"
		case json[c.name] && text != "" && !jsontext.Value(text).IsValid():
			f.Problem, f.Unmovable = "is no JSON", false
		default:
			continue
		}
		f.Row = rowName(columns, row)
		if err := found(f); err != nil {
			return err
		}
	}
	return nil
}

// rowName spells the key of a row. Of a hash its beginning tells rows apart.
func rowName(columns []column, row []any) string {
	var parts []string
	for i, c := range columns {
		if !c.key {
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
