package transfer

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// A page of a table has so many rows at most, and about so many bytes: a query is read to its end, so
// each page is as long as the rows of the one before it say.
const (
	pageRows  = 500
	pageBytes = 4 << 20
	firstRows = 8
)

// nextPage is how many rows the page after one with so many rows and bytes has.
func nextPage(rows, bytes int) int {
	return max(1, min(pageRows, 2*rows, pageBytes/max(bytes/max(rows, 1), 1)))
}

// atOnce runs fn in a transaction of its own, which sees the database at one moment.
func atOnce(ctx context.Context, db *sqldb.DB, fn func(e end) error) (err error) {
	tx, err := db.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }() // it only read
	return fn(end{tx, db.Postgres()})
}

// paged calls page, each time in another transaction, with the key of the last row of the page before. After
// each it pauses so many times as long as the page took.
func paged(ctx context.Context, db *sqldb.DB, page func(e end, last []any) (next []any, more bool, err error), pauses int) error {
	var last []any
	for more := true; more; {
		began := time.Now() //nolint:forbidigo // how long a page takes is not a matter of the day's time
		err := atOnce(ctx, db, func(e end) (err error) {
			last, more, err = page(e, last)
			return err
		})
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(pauses) * time.Since(began)): //nolint:forbidigo // as above
		}
	}
	return nil
}

// following is the condition and the order that have PostgreSQL give what comes after a row, whose key
// are the parameters after the first n. With no such row it is the first page.
func following(key []column, last []any, n int) string {
	condition := `TRUE`
	if last != nil {
		marks := make([]string, len(last))
		for i := range last {
			marks[i] = "$" + strconv.Itoa(n+i+1)
		}
		condition = `(` + quoted(key) + `) > (` + strings.Join(marks, ", ") + `)`
	}
	return condition + ` ORDER BY ` + quoted(key)
}

// keyOf are the columns of the primary key, in its order.
func keyOf(columns []column) []column {
	key := slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return c.key == 0 })
	slices.SortFunc(key, func(a, b column) int { return cmp.Compare(a.key, b.key) })
	return key
}

// keyIn are the values of the key in a row.
func keyIn(key, columns []column, row []any) []any {
	out := make([]any, len(key))
	for i, c := range columns {
		if c.key > 0 {
			out[slices.Index(key, c)] = row[i]
		}
	}
	return out
}
