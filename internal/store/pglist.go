package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// listPostgres runs listQuery and takes the rows as PostgreSQL sends them.
// database/sql converts and copies each of seven columns through an interface,
// which is most of what a listing costs where it can't be cached.
func (db *DB) listPostgres(ctx context.Context, args []any, limit int) (p page, err error) {
	ctx, done, err := db.bounded(ctx)
	if err != nil {
		return p, err
	}
	defer done()
	conn, err := db.readers.Conn(ctx)
	if err != nil {
		return p, wrap("connect", err)
	}
	defer func() { err = errors.Join(err, wrap("give a connection back", conn.Close())) }()
	err = conn.Raw(func(driverConn any) error {
		c, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the connection is not one of pgx")
		}
		// All as the binary protocol has them: numbers are eight bytes.
		rows, err := c.Conn().Query(ctx, listQuery, append([]any{pgx.QueryResultFormats{pgx.BinaryFormatCode}}, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			m, err := rawMeta(rows.RawValues())
			if err != nil {
				return err
			}
			if !p.add(m, limit) {
				break
			}
		}
		rows.Close()
		return rows.Err()
	})
	return p, wrap("read", err)
}

// rawMeta reads the columns of listQuery. Its strings share one allocation.
func rawMeta(v [][]byte) (*vault.Meta, error) {
	if len(v) != 7 || len(v[3]) != 8 || len(v[5]) != 8 || (v[6] != nil && len(v[6]) != 8) {
		return nil, fmt.Errorf("a row of a listing has another form than expected")
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
