package sqldb

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// Raw runs a query on PostgreSQL and gives each row to take as it was sent, until take
// wants no more. database/sql converts and copies each column through an interface and
// has a goroutine watch each query: together they are a tenth of what a read of a secret
// costs, and most of a listing. Columns are TEXT, BYTEA or BIGINT, and the connection's
// memory.
func (db *DB) Raw(ctx context.Context, query string, args []any, take func(columns [][]byte) (more bool, err error)) (err error) {
	ctx, done, err := db.bounded(ctx)
	if err != nil {
		return err
	}
	args = append([]any{driver.Binary}, args...)
	for again := true; ; again = false {
		err = db.rawOnce(ctx, query, args, take)
		if !again || !driver.SafeToRetry(err) { // a session that died since it was last used
			break
		}
	}
	if err == nil {
		db.answered()
	}
	return done(driver.Wrap("read", err))
}

func (db *DB) rawOnce(ctx context.Context, query string, args []any, take func(columns [][]byte) (more bool, err error)) (err error) {
	conn, err := db.readers.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return driver.EachRaw(ctx, conn, query, args, take)
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
