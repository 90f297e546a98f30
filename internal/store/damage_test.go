package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/dbkit"
)

const pageSize = dbkit.PageSize

// rowBytes returns where the rows of the table that hold the org's id lie in the
// file: whole cells of its B-tree, with their headers.
func rowBytes(t *testing.T, file []byte, org string, events []*audit.Event) (cells [][2]int) {
	t.Helper()
	ids := map[string]bool{}
	for _, e := range events {
		ids[e.ID] = true
	}
	for at := 0; at+pageSize <= len(file); at += pageSize {
		page := file[at : at+pageSize]
		kind := page[0]
		header := 8
		switch kind {
		case 0x02: // an inner page of a table without rowids: its cells are rows too
			header = 12
		case 0x0a:
		default:
			continue
		}
		for i := range int(binary.BigEndian.Uint16(page[3:])) {
			if header+2*i+2 > pageSize {
				break
			}
			cell := int(binary.BigEndian.Uint16(page[header+2*i:]))
			skip := header - 8 // the number of the left child
			if cell+skip+2 > pageSize {
				break
			}
			size, n := binary.Uvarint(page[cell+skip:])
			if page[cell+skip]&0x80 != 0 { // SQLite's varints begin with the high bits
				size, n = uint64(page[cell+skip]&0x7f)<<7|uint64(page[cell+skip+1]), 2
			}
			end := cell + skip + n + int(size)
			if end > pageSize || !bytes.Contains(page[cell:end], []byte(org)) {
				continue
			}
			for id := range ids {
				if bytes.Contains(page[cell:end], []byte(id)) && size > 200 { // heads are shorter
					cells = append(cells, [2]int{at + cell, at + end})
				}
			}
		}
	}
	return cells
}

// TestNoByteOfALogCanBeFlippedUnseen alters the file of a stopped server, one
// byte at a time, and asks for what the operator's full check asks for.
func TestNoByteOfALogCanBeFlippedUnseen(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "oneclaw.db")
	db, org := dbkit.Open(t, store.Config{Dir: dir}), dbkit.NewOrg()
	log := dbkit.NewLog(t, db)
	events := dbkit.AppendEvents(t, db, org, 120)
	if err := log.Checkpoint(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	events = append(events, dbkit.AppendEvents(t, db, org, 30)...)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cells := rowBytes(t, whole, org, events)
	if len(cells) != len(events) {
		t.Fatalf("%d rows found in the file, want %d", len(cells), len(events))
	}

	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	type flip struct {
		at   int
		mask byte
	}
	var flips []flip
	first := cells[rnd.IntN(len(cells))]
	for at := first[0]; at < first[0]+24; at++ { // sizes and types: the most delicate bytes
		flips = append(flips, flip{at, 1}, flip{at, 0x80}, flip{at, 0xff})
	}
	for range 100 {
		c := cells[rnd.IntN(len(cells))]
		flips = append(flips, flip{c[0] + rnd.IntN(c[1]-c[0]), byte(1 << rnd.IntN(8))})
	}
	for _, f := range flips {
		bad := bytes.Clone(whole)
		bad[f.at] ^= f.mask
		for _, name := range []string{"oneclaw.db-wal", "oneclaw.db-shm"} {
			if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := verifyFile(t, dir, org, log)
		if err != nil || r.OK || r.Problem == "" {
			t.Errorf("byte %d of a row ^ %#x (seed %d): %+v, %v", f.at-first[0], f.mask, seed, r, err)
		}
		if r.BadSeq > 151 {
			t.Errorf("byte %d ^ %#x (seed %d): the first bad event is %d of 150", f.at, f.mask, seed, r.BadSeq)
		}
	}
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := verifyFile(t, dir, org, log); err != nil || !r.OK || r.Events != 150 {
		t.Errorf("the file as it was: %+v, %v", r, err)
	}
}

func verifyFile(t *testing.T, dir, org string, log *audit.Log) (audit.Report, error) {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	again := &audit.Log{Store: db, Keys: log.Keys, KeyIDs: log.KeyIDs, Now: log.Now, Log: log.Log}
	r, err := again.Verify(t.Context(), org, audit.Whole)
	if err != nil || !r.OK {
		return r, err
	}
	// What no event's text shows, the pages do.
	if err := db.Check(t.Context()); fault.CodeOf(err) == audit.CodeDamaged {
		return audit.Report{Problem: "the pages do not fit together"}, nil
	} else if err != nil {
		return r, err
	}
	return r, nil
}
