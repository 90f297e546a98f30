package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// Sum says what a table holds: how many rows, and a hash of all of them. It is the
// same for the same rows on either engine, in whatever order they lie. It shows what
// a fault of disk, driver or program did to a copy; against somebody who alters one
// on purpose stands the signature over the whole file.
type Sum struct {
	Rows int64  `json:"rows"`
	Hash string `json:"sha256"`
}

// Progress is told now and then how many rows of a table were read. It may be nil.
type Progress func(table string, rows int64)

// progressEvery is how many rows pass between two calls of a Progress.
const progressEvery = 10_000

func (p Progress) row(table string, rows int64) {
	if p != nil && rows%progressEvery == 0 {
		p(table, rows)
	}
}

// rows is row for those that came after so many before.
func (p Progress) rows(table string, before, now int64) {
	if p != nil && before/progressEvery != now/progressEvery {
		p(table, now)
	}
}

// Sums are the sums of all tables, as they are at one moment.
func Sums(ctx context.Context, db *sqldb.DB, progress Progress) (sums map[string]Sum, err error) {
	err = atOnce(ctx, db, func(e end) (err error) {
		sums, err = e.sums(ctx, progress)
		return err
	})
	return sums, err
}

func (e end) sums(ctx context.Context, progress Progress) (map[string]Sum, error) {
	tables, err := e.tables(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Sum, len(tables))
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		d, err := e.digest(ctx, name, tables[name], progress)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		out[name] = d.result()
	}
	return out, nil
}

func (e end) digest(ctx context.Context, table string, columns []column, progress Progress) (d digest, err error) {
	err = e.each(ctx, table, columns, func(row []any) error {
		progress.row(table, d.rows+1)
		return d.add(row)
	})
	return d, err
}

// Differing names the first table whose sums are not the same, or "".
func Differing(a, b map[string]Sum) string {
	names := slices.Sorted(maps.Keys(a))
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		x, inA := a[name]
		y, inB := b[name]
		if !inA || !inB || x != y {
			return name
		}
	}
	return ""
}

// digest adds up the hashes of rows, in whatever order they come.
type digest struct {
	rows int64
	sum  [4]uint64
}

func (d *digest) add(row []any) error {
	spelled, err := spell(make([]byte, 0, sizeOf(row)+9*len(row)), row)
	if err != nil {
		return err
	}
	d.addSpelled(spelled)
	return nil
}

// addSpelled adds a row as spell spells it.
func (d *digest) addSpelled(row []byte) {
	sum := sha256.Sum256(row)
	for i := range d.sum {
		d.sum[i] += binary.BigEndian.Uint64(sum[8*i:])
	}
	d.rows++
}

// remove takes back a row that was added.
func (d *digest) remove(row []any) error {
	var one digest
	err := one.add(row)
	for i := range d.sum {
		d.sum[i] -= one.sum[i]
	}
	d.rows -= one.rows
	return err
}

func (d *digest) result() Sum {
	var b []byte
	for _, n := range d.sum {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return Sum{d.rows, hex.EncodeToString(b)}
}
