package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// fill stores version 1 of every path, many at a time: group commit makes that
// quick.
func (f *fixture) fill(t *testing.T, vaultID string, paths []string) {
	t.Helper()
	work := make(chan string)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for p := range work {
				if err := f.PutVersion(t.Context(), f.org, version(vaultID, p, 1), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, p := range paths {
		work <- p
	}
	close(work)
	wg.Wait()
}

// list reads the whole listing in pages.
func (f *fixture) list(t *testing.T, vaultID, prefix string, page int, between func(after string)) (paths []string) {
	t.Helper()
	after := ""
	for {
		rows, more, err := f.List(t.Context(), vaultID, prefix, after, page)
		must(t, err)
		for _, m := range rows {
			paths = append(paths, m.Path)
		}
		if !more {
			return paths
		}
		if len(rows) == 0 {
			t.Fatal("more rows are said to follow none")
		}
		after = rows[len(rows)-1].Path
		if between != nil {
			between(after)
		}
	}
}

func testListing(t *testing.T, f *fixture) {
	v, other := f.addVault(t, "v").ID, f.addVault(t, "other").ID
	var paths []string
	for i := range 10_000 {
		// Every kind of character, early and late in the path.
		paths = append(paths, fmt.Sprintf("%c%c%02d%c%d", "aZ09bA"[i%6], "-_/xX5"[i/6%6], i%97, "/-_"[i%3], i))
	}
	f.fill(t, v, paths)
	f.fill(t, other, paths[:10])
	slices.Sort(paths) // byte by byte
	for _, page := range []int{1000, 999, 20_000} {
		if got := f.list(t, v, "", page, nil); !slices.Equal(got, paths) {
			t.Errorf("pages of %d: %d paths, in order %v, want %d in order", page, len(got), slices.IsSorted(got), len(paths))
		}
	}
	for _, prefix := range []string{"a", "a-", "Z/", "0_1", "bx96/", "zz", "aX"} {
		var wanted []string
		for _, p := range paths {
			if strings.HasPrefix(p, prefix) {
				wanted = append(wanted, p)
			}
		}
		if got := f.list(t, v, prefix, 100, nil); !slices.Equal(got, wanted) {
			t.Errorf("prefix %s: %d paths, want %d", prefix, len(got), len(wanted))
		}
	}
}

func testListingBySize(t *testing.T, f *fixture) {
	v := f.addVault(t, "v").ID
	var paths []string
	for i := range 50 {
		in := version(v, fmt.Sprintf("p%02d", i), 1)
		if i >= 10 {
			in.Metadata = []byte(`{"x":"` + strings.Repeat("m", 64<<10-8) + `"}`)
		}
		paths = append(paths, in.Path)
		must(t, f.PutVersion(t.Context(), f.org, in, nil))
	}
	for range 2 { // the second time from the cache, where there is one
		for _, page := range []int{1000, 26, 25, 1} {
			if got := f.list(t, v, "", page, nil); !slices.Equal(got, paths) {
				t.Errorf("pages of %d: %d paths, want %d", page, len(got), len(paths))
			}
		}
		rows, more, err := f.List(t.Context(), v, "", "", 1000)
		must(t, err)
		if len(rows) != 26 || !more { // 10 small ones and 16 of 64 KiB
			t.Errorf("a page has %d rows, more to come %v", len(rows), more)
		}
		rows, more, err = f.List(t.Context(), v, "", "p47", 1000)
		must(t, err)
		if len(rows) != 2 || more {
			t.Errorf("the last page has %d rows, more to come %v", len(rows), more)
		}
	}
}

func testListingMoves(t *testing.T, f *fixture) {
	v := f.addVault(t, "v").ID
	var paths []string
	for i := range 1000 {
		paths = append(paths, fmt.Sprintf("p%04d", i))
	}
	f.fill(t, v, paths)
	page, stays := 0, slices.Clone(paths)
	got := f.list(t, v, "", 100, func(after string) {
		// Behind the cursor a row goes and one comes: neither moves what follows.
		// Ahead of it a row goes, one comes, and one gets another version.
		page++
		n := page*100 - 1 // the index of after
		if paths[n] != after {
			t.Fatalf("page %d ends at %s, want %s", page, after, paths[n])
		}
		_, err := f.SetDeleted(t.Context(), v, paths[n-10], moment, f.event())
		must(t, err)
		f.put(t, v, fmt.Sprintf("p%04d-behind", n-5), 1)
		if page == 10 {
			return
		}
		must(t, f.Purge(t.Context(), v, paths[n+10], f.event()))
		f.put(t, v, paths[n+5]+"-ahead", 1)
		f.put(t, v, paths[n+7], 2)
		i := slices.Index(stays, paths[n+10])
		stays = slices.Delete(stays, i, i+1)
		stays = slices.Insert(stays, slices.Index(stays, paths[n+5])+1, paths[n+5]+"-ahead")
	})
	if !slices.Equal(got, stays) {
		t.Errorf("%d paths, want %d; the first that differs: %s", len(got), len(stays), firstDifference(got, stays))
	}
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] + " for " + b[i]
		}
	}
	return "the length"
}

func testPrefix(t *testing.T, f *fixture) {
	v := f.addVault(t, "v").ID
	all := []string{"A", "a", "a-1", "a/b", "a/b/c", "a0", "aB", "a_1", "az", "b", "ab/c", "z", "zz", "a/z"}
	f.fill(t, v, all)
	for prefix, wanted := range map[string][]string{
		"":      {"A", "a", "a-1", "a/b", "a/b/c", "a/z", "a0", "aB", "a_1", "ab/c", "az", "b", "z", "zz"},
		"a":     {"a", "a-1", "a/b", "a/b/c", "a/z", "a0", "aB", "a_1", "ab/c", "az"},
		"a/":    {"a/b", "a/b/c", "a/z"},
		"a/b":   {"a/b", "a/b/c"},
		"a/b/":  {"a/b/c"},
		"a_":    {"a_1"}, // no wildcard, as LIKE would have it
		"a%":    nil,
		"A":     {"A"},
		"z":     {"z", "zz"},
		"a/b/c": {"a/b/c"},
		"c":     nil,
	} {
		if got := f.list(t, v, prefix, 3, nil); !slices.Equal(got, wanted) {
			t.Errorf("prefix %q: %v, want %v", prefix, got, wanted)
		}
	}
	for _, tc := range []struct {
		prefix, after string
		wanted        []string
	}{
		{"a/", "a/b", []string{"a/b/c", "a/z"}},
		{"a/", "", []string{"a/b", "a/b/c", "a/z"}},
		{"a/", "A", []string{"a/b", "a/b/c", "a/z"}}, // a cursor before the prefix
		{"a/", "b", nil}, // and one behind it
		{"", "zz", nil},
		{"", "nowhere", []string{"z", "zz"}}, // a path that is not there is a place all the same
	} {
		rows, _, err := f.List(t.Context(), v, tc.prefix, tc.after, 100)
		must(t, err)
		if got := pathsOf(rows); !slices.Equal(got, tc.wanted) {
			t.Errorf("prefix %q after %q: %v, want %v", tc.prefix, tc.after, got, tc.wanted)
		}
	}
}

func pathsOf(rows []*vault.Meta) (out []string) {
	for _, m := range rows {
		out = append(out, m.Path)
	}
	return out
}

// find searches to the end, in pages.
func (f *fixture) find(t *testing.T, vaultID string, s vault.Search, page int) (paths []string, statements int) {
	t.Helper()
	after := ""
	for {
		rows, next, err := f.Find(t.Context(), vaultID, s, after, page)
		must(t, err)
		statements++
		for _, m := range rows {
			paths = append(paths, m.Path)
		}
		if next == "" {
			return paths, statements
		}
		if next <= after {
			t.Fatalf("after %q the search goes on at %q", after, next)
		}
		after = next
	}
}

func testFind(t *testing.T, f *fixture) {
	v, other := f.addVault(t, "v").ID, f.addVault(t, "other").ID
	var paths []string
	for i := range 2*vault.Stretch + 500 {
		paths = append(paths, fmt.Sprintf("%c%05d/%s", "aB"[i%2], i, []string{"Stripe_key", "stripe-key", "db"}[i%3]))
	}
	f.fill(t, v, paths)
	f.fill(t, other, []string{"stripe"})
	gone := paths[0]
	_, err := f.SetDeleted(t.Context(), v, gone, moment, f.event())
	must(t, err)
	slices.Sort(paths)
	for _, tc := range []struct{ prefix, text string }{
		{"", "stripe"}, {"", "STRIPE_"}, {"", "_"}, {"", "9/db"}, {"B0", "stripe-"}, {"", "a00000"}, {"", "a2049"}, {"b", "stripe"},
		{"", "%"}, {"", "!"}, {"", "a b"}, {"", "é"}, {"", "\x00"}, {"", "'"}, {"", "\u212a"}, // the sign for Kelvin is no k
	} {
		var wanted []string
		for _, p := range paths {
			if p != gone && strings.HasPrefix(p, tc.prefix) && strings.Contains(strings.ToLower(p), strings.ToLower(tc.text)) && tc.text != "\u212a" {
				wanted = append(wanted, p)
			}
		}
		for _, page := range []int{1000, 7000} {
			got, statements := f.find(t, v, vault.Search{Prefix: tc.prefix, Text: tc.text}, page)
			if !slices.Equal(got, wanted) {
				t.Errorf("%q within %q by %d: %d paths, want %d", tc.text, tc.prefix, page, len(got), len(wanted))
			}
			if statements > 3+len(wanted)/page {
				t.Errorf("%q within %q by %d: %d statements", tc.text, tc.prefix, page, statements)
			}
		}
	}
}
