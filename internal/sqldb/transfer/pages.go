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

// pauses is how long what reads in pages leaves the server alone after each page, as a part of the time
// that the transaction of the page took: requests come first.
const pauses = 2

// paged calls page, each time in another transaction, with the key of the last row of the page before. When the
// transaction has ended it calls then, which may be nil, and pauses.
func paged(ctx context.Context, db *sqldb.DB, page func(e end, last []any) (next []any, more bool, err error), then func() error) error {
	var last []any
	for more := true; more; {
		began := time.Now() //nolint:forbidigo // how long a page takes is not a matter of the day's time
		err := atOnce(ctx, db, func(e end) (err error) {
			last, more, err = page(e, last)
			return err
		})
		took := time.Since(began) //nolint:forbidigo // as above
		if err == nil && then != nil {
			err = then()
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pauses * took):
		}
	}
	return nil
}

// following is the condition and the order that have PostgreSQL give what comes after a row, whose key
// are the parameters after the first n. With no such row it is the first page.
func following(key []column, last []any, n int) string {
	condition := `TRUE`
	if last != nil {
		condition = compared(key, ">", n)
	}
	return condition + ` ORDER BY ` + quoted(key)
}

// compared is the condition that a key is more or less than the parameters after the first n.
func compared(key []column, how string, n int) string {
	marks := make([]string, len(key))
	for i := range key {
		marks[i] = "$" + strconv.Itoa(n+i+1)
	}
	return `(` + quoted(key) + `) ` + how + ` (` + strings.Join(marks, ", ") + `)`
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
