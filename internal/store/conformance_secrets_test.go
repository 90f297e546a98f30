package store_test

import (
	"bytes"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

func testVersions(t *testing.T, f *fixture) {
	v := f.addVault(t, "v").ID
	_, err := f.Latest(t.Context(), v, "p")
	want(t, "a path never written", err, "secret_not_found")
	want(t, "a first version 2", f.PutVersion(t.Context(), f.org, version(v, "p", 2), f.event()), "stale_version")
	for n := uint64(1); n <= 12; n++ { // past 9: by number, not by text
		f.put(t, v, "p", n)
		latest, err := f.Latest(t.Context(), v, "p")
		must(t, err)
		if latest.Meta.Version != n {
			t.Fatalf("the newest version is %d, want %d", latest.Meta.Version, n)
		}
	}
	for _, n := range []uint64{1, 11, 12, 14, 1 << 40} {
		err := f.PutVersion(t.Context(), f.org, version(v, "p", n), f.event())
		want(t, "a version that does not follow", err, "stale_version")
		if !errors.Is(err, vault.ErrStale) {
			t.Errorf("version %d: %v is not ErrStale", n, err)
		}
	}
	all, err := f.Versions(t.Context(), v, "p")
	must(t, err)
	for i, got := range all {
		if got.Meta.Version != uint64(12-i) || got.Box.Ciphertext != nil || got.Box.WrappedDEK != nil {
			t.Errorf("version %d of the list is %+v", i, got)
		}
	}
	if len(all) != 12 {
		t.Errorf("%d versions are listed, want 12", len(all))
	}
	for _, n := range []uint64{0, 13, 1<<63 - 1} {
		_, err := f.At(t.Context(), v, "p", n)
		want(t, "a version that is not there", err, "secret_not_found")
	}
	for _, elsewhere := range []struct{ vault, path string }{{ids.New(), "p"}, {v, "P"}, {v, "p/"}, {"", "p"}} {
		_, err := f.Latest(t.Context(), elsewhere.vault, elsewhere.path)
		want(t, "another place", err, "secret_not_found")
		_, err = f.At(t.Context(), elsewhere.vault, elsewhere.path, 1)
		want(t, "another place's version", err, "secret_not_found")
		if all, err := f.Versions(t.Context(), elsewhere.vault, elsewhere.path); err != nil || len(all) != 0 {
			t.Errorf("another place has %v, %v", all, err)
		}
	}

	// One of many writers of the same version wins.
	var wg sync.WaitGroup
	errs := make([]error, 32)
	for i := range errs {
		wg.Go(func() { errs[i] = f.PutVersion(t.Context(), f.org, version(v, "p", 13), f.event()) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		want(t, "the others", err, "stale_version")
	}
	if won != 1 {
		t.Errorf("version 13 was written %d times", won)
	}
}

func testColumns(t *testing.T, f *fixture) {
	v := f.addVault(t, "v").ID
	full := version(v, "full", 1)
	full.ExpiresAt, full.MaxAccess, full.CMEK = moment.Add(time.Hour), 1<<31-1, true
	full.Metadata, full.RotationPolicy = []byte("{\"ü\":\"\\u0000\"}"), []byte(`{"every":"30d"}`)
	full.Box.Ciphertext = bytes.Repeat([]byte{0, 1, 2, 0xff}, 1<<18)
	bare := version(v, "bare", 1)
	bare.CreatedAt = time.UnixMicro(-1).UTC() // before 1970
	bare.Box.Ciphertext = []byte{0}
	for _, in := range []vault.Version{bare, full} {
		if in.CMEK { // only a vault with such a key takes it
			want(t, "marked, in a plain vault", f.PutVersion(t.Context(), f.org, in, nil), "stale_version")
			must(t, f.SetCMEK(t.Context(), f.org, v, "", "ab12", nil))
		}
		must(t, f.PutVersion(t.Context(), f.org, in, nil))
		for range 2 { // the second may come from a cache
			got, err := f.Latest(t.Context(), v, in.Path)
			must(t, err)
			if !reflect.DeepEqual(got, in) {
				t.Errorf("%s: stored %+v, read %+v", in.Path, in.Meta, got.Meta)
			}
		}
		got, err := f.At(t.Context(), v, in.Path, 1)
		must(t, err)
		if !reflect.DeepEqual(got, in) {
			t.Errorf("%s: stored %+v, read version %+v", in.Path, in.Meta, got.Meta)
		}
		rows, _, err := f.List(t.Context(), v, in.Path, "", 1)
		must(t, err)
		if len(rows) != 1 || !sameMeta(rows[0], &in.Meta) {
			t.Errorf("%s: stored %+v, listed %+v", in.Path, in.Meta, rows)
		}
	}
	must(t, f.SetCMEK(t.Context(), f.org, v, "ab12", "", nil))
	twin := version(v, "other", 1)
	twin.ID = full.ID
	if err := f.PutVersion(t.Context(), f.org, twin, nil); err == nil {
		t.Error("an id was given twice")
	}
	if _, err := f.Latest(t.Context(), v, "other"); err == nil {
		t.Error("half of a refused write stayed")
	}
}

// sameMeta compares what is stored, not what a listing carries along.
func sameMeta(a, b *vault.Meta) bool {
	return a.ID == b.ID && a.Path == b.Path && a.Type == b.Type && a.Version == b.Version && string(a.Metadata) == string(b.Metadata) &&
		a.CreatedAt.Equal(b.CreatedAt) && a.ExpiresAt.Equal(b.ExpiresAt) && a.DeletedAt.Equal(b.DeletedAt)
}

func testDeleteRestore(t *testing.T, f *fixture) {
	v := f.addVault(t, "v").ID
	at := moment.Add(time.Minute)
	state := func(wantVersion uint64, deleted bool) {
		t.Helper()
		got, err := f.Latest(t.Context(), v, "p")
		must(t, err)
		if got.Meta.Version != wantVersion || got.DeletedAt.IsZero() == deleted {
			t.Errorf("the newest version is %d, deleted %v", got.Meta.Version, got.DeletedAt)
		}
		rows, _, err := f.List(t.Context(), v, "", "", 10)
		must(t, err)
		if (len(rows) == 0) != deleted {
			t.Errorf("listed %v when deleted is %v", rows, deleted)
		}
	}
	remove := func(at time.Time) (vault.Meta, error) { return f.SetDeleted(t.Context(), v, "p", at, f.event()) }

	_, err := remove(at)
	want(t, "to delete what never was", err, "secret_not_found")
	f.put(t, v, "p", 1)
	f.put(t, v, "p", 2)
	_, err = remove(time.Time{})
	want(t, "to restore what is live", err, "secret_not_found")
	ev := f.event()
	m, err := f.SetDeleted(t.Context(), v, "p", at, ev)
	must(t, err)
	if m.Version != 2 || !m.DeletedAt.Equal(at) || ev.Details.Version != 2 {
		t.Errorf("deleted %+v, the event says version %d", m, ev.Details.Version)
	}
	state(2, true)
	_, err = remove(at)
	want(t, "to delete twice", err, "secret_not_found")
	if old, err := f.At(t.Context(), v, "p", 1); err != nil || !old.DeletedAt.IsZero() {
		t.Errorf("an older version after a deletion: %+v, %v", old.Meta, err)
	}
	m, err = remove(time.Time{})
	must(t, err)
	if m.Version != 2 || !m.DeletedAt.IsZero() || m.Path != "p" || m.Type != "api_key" {
		t.Errorf("restored %+v", m)
	}
	state(2, false)

	_, err = remove(at)
	must(t, err)
	want(t, "to write over a deletion from version 1", f.PutVersion(t.Context(), f.org, version(v, "p", 1), f.event()), "stale_version")
	f.put(t, v, "p", 3) // a write revives the path
	state(3, false)
	_, err = remove(time.Time{})
	want(t, "to restore what a write revived", err, "secret_not_found")
	want(t, "a spend in another vault", f.Spend(t.Context(), ids.New(), "p", 3, f.event()), "secret_gone")
}

func testPurge(t *testing.T, f *fixture) {
	v := f.addVault(t, "v").ID
	want(t, "to purge what never was", f.Purge(t.Context(), v, "p", f.event()), "secret_not_found")
	if tip, err := f.Tip(t.Context(), v, "p"); err != nil || tip != (vault.Tip{}) {
		t.Errorf("a path never written stands at %v, %v", tip, err)
	}
	f.put(t, v, "p", 1)
	f.put(t, v, "p", 2)
	f.put(t, v, "pp", 1)
	if tip, err := f.Tip(t.Context(), v, "p"); err != nil || tip.Version != 2 || tip.Type == "" {
		t.Errorf("a live path stands at %v, %v", tip, err)
	}
	want(t, "to purge through another vault", f.Purge(t.Context(), ids.New(), "p", f.event()), "secret_not_found")
	must(t, f.Purge(t.Context(), v, "p", f.event()))

	_, err := f.Latest(t.Context(), v, "p")
	want(t, "the newest version", err, "secret_not_found")
	_, err = f.At(t.Context(), v, "p", 1)
	want(t, "an old version", err, "secret_not_found")
	if all, err := f.Versions(t.Context(), v, "p"); err != nil || len(all) != 0 {
		t.Errorf("versions %v, %v", all, err)
	}
	if rows, _, err := f.List(t.Context(), v, "", "", 10); err != nil || len(rows) != 1 || rows[0].Path != "pp" {
		t.Errorf("listed %v, %v", rows, err)
	}
	want(t, "to purge twice", f.Purge(t.Context(), v, "p", f.event()), "secret_not_found")
	for _, at := range []time.Time{moment, {}} {
		_, err = f.SetDeleted(t.Context(), v, "p", at, f.event())
		want(t, "to delete or restore what was purged", err, "secret_not_found")
	}

	// A copy of the purged version 1, from a backup, must not fit anywhere again.
	if tip, err := f.Tip(t.Context(), v, "p"); err != nil || tip != (vault.Tip{Version: 2}) {
		t.Errorf("the purged path stands at %v, %v, want 2", tip, err)
	}
	want(t, "a version 1 after the purge", f.PutVersion(t.Context(), f.org, version(v, "p", 1), f.event()), "stale_version")
	f.put(t, v, "p", 3)
	if tip, err := f.Tip(t.Context(), v, "p"); err != nil || tip.Version != 3 {
		t.Errorf("a revived path stands at %v, %v", tip, err)
	}
	if rows, _, err := f.List(t.Context(), v, "", "", 10); err != nil || len(rows) != 2 || rows[0].Version != 3 {
		t.Errorf("listed %v, %v after the revival", rows, err)
	}
	must(t, f.Purge(t.Context(), v, "p", f.event()))
	f.put(t, v, "p", 4)
}

func testSpend(t *testing.T, f *fixture) {
	v := f.addVault(t, "v").ID
	limited := version(v, "p", 1)
	limited.MaxAccess = 3
	must(t, f.PutVersion(t.Context(), f.org, limited, f.event()))
	const readers = 24
	var wg sync.WaitGroup
	errs := make([]error, readers)
	for i := range errs {
		wg.Go(func() {
			ev := f.event()
			errs[i] = f.Spend(t.Context(), v, "p", 1, ev)
			if ev.Committed != (errs[i] == nil) {
				t.Errorf("the event of a read that ended with %v: committed is %v", errs[i], ev.Committed)
			}
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		want(t, "the others", err, "secret_gone")
	}
	got, err := f.Latest(t.Context(), v, "p")
	must(t, err)
	if won != 3 || got.AccessCount != 3 {
		t.Errorf("%d of %d readers got the three reads, %d are counted", won, readers, got.AccessCount)
	}
	if n := len(f.chain(t)); n != 2+3 { // the vault, the secret, the reads
		t.Errorf("%d events are in the log, want 5", n)
	}

	fresh := version(v, "p", 2)
	fresh.MaxAccess = 1
	must(t, f.PutVersion(t.Context(), f.org, fresh, nil))
	want(t, "the old version", f.Spend(t.Context(), v, "p", 1, f.event()), "secret_gone")
	must(t, f.Spend(t.Context(), v, "p", 2, f.event()))
	want(t, "a second read", f.Spend(t.Context(), v, "p", 2, f.event()), "secret_gone")

	deleted := version(v, "q", 1)
	deleted.MaxAccess = 1
	must(t, f.PutVersion(t.Context(), f.org, deleted, nil))
	_, err = f.SetDeleted(t.Context(), v, "q", moment, f.event())
	must(t, err)
	want(t, "a deleted secret", f.Spend(t.Context(), v, "q", 1, f.event()), "secret_gone")
}
