package store

import (
	"context"
	"encoding/binary"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// pagePostgres runs listQuery or findQuery.
func (db *DB) pagePostgres(ctx context.Context, query string, args []any, limit int) (p page, err error) {
	err = db.Raw(ctx, query, args, func(v [][]byte) (bool, error) {
		m, err := rawMeta(v)
		return err == nil && p.add(m, limit), err
	})
	return p, err
}

// rawMeta reads the columns of listQuery, of which there are thousands: its strings share
// one allocation, and there is no other but for the metadata.
func rawMeta(v [][]byte) (*vault.Meta, error) {
	if len(v) != 7 || len(v[3]) != 8 || len(v[5]) != 8 || (v[6] != nil && len(v[6]) != 8) {
		return nil, sqldb.ErrColumn
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
	err = db.Raw(ctx, query, args, func(row [][]byte) (bool, error) {
		r := sqldb.ColumnsOf(row)
		found = true
		r.Texts(&v.Vault, &v.Path)
		v.Meta.Version = uint64(r.Int())
		r.Texts(&v.ID, &v.Type)
		v.Metadata, v.RotationPolicy = r.Bytes(), r.Bytes()
		v.Box.WrappedDEK, v.Box.Ciphertext = r.Bytes(), r.Bytes()
		v.CMEK, v.CreatedBy = r.Int() != 0, r.Text()
		v.CreatedAt, v.ExpiresAt, v.DeletedAt = fromMicros(r.Int()), fromNull(r.Null()), fromNull(r.Null())
		v.MaxAccess, v.AccessCount, v.KEKGen = r.Int(), r.Int(), r.Int()
		return false, r.Whole()
	})
	return found, err
}
