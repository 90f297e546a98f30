package sqldb

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// RowTaker takes the columns of a row, which are the connection's memory, and says
// whether it wants more rows.
type RowTaker func(columns [][]byte) (more bool, err error)

// Raw runs a query on PostgreSQL and gives each row to take as it was sent, until take
// wants no more. database/sql converts and copies each column through an interface and
// has a goroutine watch each query: together they are a tenth of what a read of a secret
// costs, and most of a listing. Columns are TEXT, BYTEA or BIGINT.
func (db *DB) Raw(ctx context.Context, query string, args []any, take RowTaker) (err error) {
	ctx, done, err := db.bounded(ctx)
	if err != nil {
		return err
	}
	// All as the binary protocol has them: numbers are eight bytes.
	args = append([]any{pgx.QueryResultFormats{pgx.BinaryFormatCode}}, args...)
	for again := true; ; again = false {
		err = db.rawOnce(ctx, query, args, take)
		if !again || !pgconn.SafeToRetry(err) { // a session that died since it was last used
			break
		}
	}
	if err == nil {
		db.answered()
	}
	return done(Wrap("read", err))
}

func (db *DB) rawOnce(ctx context.Context, query string, args []any, take RowTaker) (err error) {
	conn, err := db.readers.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(driverConn any) error {
		c, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the connection is not one of pgx")
		}
		rows, err := c.Conn().Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for more := true; more && rows.Next(); {
			if more, err = take(rows.RawValues()); err != nil {
				return err
			}
		}
		rows.Close()
		return rows.Err()
	})
}

// Columns are what is left of a row. What it returns is the caller's own. One that has
// another form than asked for makes the row bad.
type Columns struct {
	left [][]byte
	bad  bool
}

// ColumnsOf are all columns of a row.
func ColumnsOf(row [][]byte) Columns { return Columns{left: row} }

func (r *Columns) next() []byte {
	if len(r.left) == 0 {
		r.bad = true
		return nil
	}
	v := r.left[0]
	r.left = r.left[1:]
	return v
}

// Texts takes so many columns as strings that share one allocation.
func (r *Columns) Texts(into ...*string) {
	n := 0
	for _, v := range r.left[:min(len(into), len(r.left))] {
		n += len(v)
	}
	b := make([]byte, 0, n)
	from := r.left
	for range into {
		b = append(b, r.next()...)
	}
	if r.bad {
		return
	}
	s := string(b)
	for i, to := range into {
		*to, s = s[:len(from[i])], s[len(from[i]):]
	}
}

// Whole is an error unless all columns were taken and had their forms.
func (r *Columns) Whole() error {
	if r.bad || len(r.left) > 0 {
		return ErrColumn
	}
	return nil
}

// Text takes a column of text.
func (r *Columns) Text() string { return string(r.next()) }

// Bytes takes a column of bytes.
func (r *Columns) Bytes() []byte { return append([]byte{}, r.next()...) }

// Int takes a number.
func (r *Columns) Int() int64 {
	n := r.Null()
	r.bad = r.bad || !n.Valid
	return n.Int64
}

// Null takes a number that may be NULL.
func (r *Columns) Null() sql.NullInt64 {
	v := r.next()
	if r.bad = r.bad || v != nil && len(v) != 8; r.bad || v == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: int64(binary.BigEndian.Uint64(v)), Valid: true}
}
