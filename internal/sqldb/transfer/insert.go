package transfer

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// maxParams bounds the values of one INSERT, maxInsert their bytes.
const (
	maxParams = 3000
	maxInsert = 4 << 20
)

// inserts puts rows into a table, many with one statement.
type inserts struct {
	to         end
	verb, into string // into is quoted
	columns    []column
	full       *sql.Stmt // for as many rows as one statement takes
	args       []any
	size       int
}

func (e end) inserts(verb, into string, columns []column) *inserts {
	return &inserts{to: e, verb: verb, into: into, columns: columns}
}

func (in *inserts) add(ctx context.Context, row []any) error {
	in.args = append(in.args, row...)
	if in.size += sizeOf(row); len(in.args)+len(in.columns) > maxParams || in.size > maxInsert {
		return in.flush(ctx)
	}
	return nil
}

// end puts what is left.
func (in *inserts) end(ctx context.Context) error {
	err := in.flush(ctx)
	if in.full != nil {
		err = errors.Join(err, in.full.Close())
	}
	return err
}

func (in *inserts) flush(ctx context.Context) (err error) {
	rows := len(in.args) / len(in.columns)
	if rows == 0 {
		return nil
	}
	if rows == maxParams/len(in.columns) {
		if in.full == nil {
			if in.full, err = in.to.q.PrepareContext(ctx, in.text(rows)); err != nil {
				return driver.Wrap("insert", err)
			}
		}
		_, err = in.full.ExecContext(ctx, in.args...)
	} else {
		_, err = in.to.q.ExecContext(ctx, in.text(rows), in.args...)
	}
	clear(in.args)
	in.args, in.size = in.args[:0], 0
	return driver.Wrap("insert", err)
}

// text is the statement. SQLite looks for the name of each parameter among those before it, so it gets
// parameters without names.
func (in *inserts) text(rows int) string {
	var b strings.Builder
	b.WriteString(in.verb + " INTO " + in.into + " (" + quoted(in.columns) + ") VALUES ")
	for n := range rows * len(in.columns) {
		switch {
		case n == 0:
			b.WriteByte('(')
		case n%len(in.columns) == 0:
			b.WriteString("),(")
		default:
			b.WriteByte(',')
		}
		if in.to.postgres {
			b.WriteString("$" + strconv.Itoa(n+1))
		} else {
			b.WriteByte('?')
		}
	}
	return b.String() + ")"
}
