package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// rowTaker takes the columns of a row, which are the connection's memory, and says
// whether it wants more rows.
type rowTaker func(columns [][]byte) (more bool, err error)

// raw runs a query on PostgreSQL and gives each row to take as it was sent, until take
// wants no more. database/sql converts and copies each column through an interface and
// has a goroutine watch each query: together they are a tenth of what a read of a secret
// costs, and most of a listing. Columns are TEXT, BYTEA or BIGINT.
func (db *DB) raw(ctx context.Context, query string, args []any, take rowTaker) (err error) {
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
	return done(wrap("read", err))
}

func (db *DB) rawOnce(ctx context.Context, query string, args []any, take rowTaker) (err error) {
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

// columns are what is left of a row. What it returns is the caller's own. One that has
// another form than asked for makes the row bad.
type columns struct {
	left [][]byte
	bad  bool
}

func (r *columns) next() []byte {
	if len(r.left) == 0 {
		r.bad = true
		return nil
	}
	v := r.left[0]
	r.left = r.left[1:]
	return v
}

// texts takes so many columns as strings that share one allocation.
func (r *columns) texts(into ...*string) {
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

// whole is an error unless all columns were taken and had their forms.
func (r *columns) whole() error {
	if r.bad || len(r.left) > 0 {
		return errColumn
	}
	return nil
}

func (r *columns) text() string { return string(r.next()) }

func (r *columns) bytes() []byte { return append([]byte{}, r.next()...) }

func (r *columns) int() int64 {
	n := r.null()
	r.bad = r.bad || !n.Valid
	return n.Int64
}

func (r *columns) null() sql.NullInt64 {
	v := r.next()
	if r.bad = r.bad || v != nil && len(v) != 8; r.bad || v == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: int64(binary.BigEndian.Uint64(v)), Valid: true}
}

// listPostgres runs listQuery.
func (db *DB) listPostgres(ctx context.Context, args []any, limit int) (p page, err error) {
	err = db.raw(ctx, listQuery, args, func(v [][]byte) (bool, error) {
		m, err := rawMeta(v)
		return err == nil && p.add(m, limit), err
	})
	return p, err
}

// rawMeta reads the columns of listQuery, of which there are thousands: its strings share
// one allocation, and there is no other but for the metadata.
func rawMeta(v [][]byte) (*vault.Meta, error) {
	if len(v) != 7 || len(v[3]) != 8 || len(v[5]) != 8 || (v[6] != nil && len(v[6]) != 8) {
		return nil, errColumn
	}
	id, path, kind := len(v[0]), len(v[1]), len(v[2])
	b := make([]byte, 0, id+path+kind)
	s := string(append(append(append(b, v[0]...), v[1]...), v[2]...))
	m := &vault.Meta{
		ID: s[:id], Path: s[id : id+path], Type: s[id+path:],
		Version:   binary.BigEndian.Uint64(v[3]),
		Metadata:  append([]byte(nil), v[4]...),
		CreatedAt: fromMicros(int64(binary.BigEndian.Uint64(v[5]))),
	}
	if v[6] != nil {
		m.ExpiresAt = fromMicros(int64(binary.BigEndian.Uint64(v[6])))
	}
	return m, nil
}

// versionPostgres reads one row of versionColumns into v.
func (db *DB) versionPostgres(ctx context.Context, query string, args []any, v *vault.Version) (found bool, err error) {
	err = db.raw(ctx, query, args, func(row [][]byte) (bool, error) {
		r := columns{left: row}
		found = true
		r.texts(&v.Vault, &v.Path)
		v.Meta.Version = uint64(r.int())
		r.texts(&v.ID, &v.Type)
		v.Metadata, v.RotationPolicy = r.bytes(), r.bytes()
		v.Box.WrappedDEK, v.Box.Ciphertext = r.bytes(), r.bytes()
		v.CMEK, v.CreatedBy = r.int() != 0, r.text()
		v.CreatedAt, v.ExpiresAt, v.DeletedAt = fromMicros(r.int()), fromNull(r.null()), fromNull(r.null())
		v.MaxAccess, v.AccessCount, v.KEKGen = r.int(), r.int(), r.int()
		return false, r.whole()
	})
	return found, err
}
