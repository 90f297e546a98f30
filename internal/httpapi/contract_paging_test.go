package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fillVault stores many secrets at once.
func (h *human) fillVault(vault string, paths []string) {
	h.t.Helper()
	work := make(chan string)
	var done sync.WaitGroup
	for range 64 { // so that they share commits
		done.Go(func() {
			for p := range work {
				r, _ := request(h.t, "PUT", secretAt(vault, p), h.token, `{"value":"x"}`)
				if got := h.serve(r); got.status != 201 {
					h.t.Errorf("%s: %d %s", p, got.status, got.body)
				}
			}
		})
	}
	for _, p := range paths {
		work <- p
	}
	close(work)
	done.Wait()
}

// pages reads a listing page by page; between is called after each.
func (w *world) pages(token, target string, between func(page int)) []string {
	w.t.Helper()
	var seen []string
	next := target
	for page := 0; ; page++ {
		r := w.do("GET", next, token, nil).want(200)
		l := r.list("secrets")
		for _, m := range l {
			seen = append(seen, m["path"].(string))
		}
		if r.json()["next_cursor"] == nil {
			return seen
		}
		if len(l) == 0 || page > 1000 {
			w.t.Fatal("the listing does not end")
		}
		next = target + "&cursor=" + r.str("next_cursor")
		between(page)
	}
}

func TestPagingMissesAndRepeatsNothingWhileOthersWrite(t *testing.T) {
	s := openSession(t)
	v := s.ada.vaultNamed("large")
	var stable, passing, all []string
	for i := range 3200 {
		stable = append(stable, fmt.Sprintf("%s/%04d", []string{"app", "app-2", "db"}[i%3], i))
		if i%8 == 0 {
			passing = append(passing, fmt.Sprintf("%s/%04d-passing", []string{"app", "db"}[i/8%2], i))
		}
	}
	s.ada.fillVault(v, slices.Concat(stable, passing))
	target := "/v1/vaults/" + v + "/secrets?limit=211"
	write := func(page int) {
		// A path before, one after, a deletion before and after, a new version.
		s.ada.put(v, fmt.Sprintf("a/new-%d", page), "x")
		s.ada.put(v, fmt.Sprintf("z/new-%d", page), "x")
		for _, i := range []int{page, len(passing) - 1 - page} {
			s.do("DELETE", secretAt(v, passing[i]), s.ada.token, nil).want(204)
		}
		s.ada.put(v, stable[page*7], "again")
	}
	all = s.pages(s.ada.token, target, write)
	if !slices.IsSorted(all) {
		t.Error("the listing is not in order")
	}
	once(t, all, stable)
	whole := s.do("GET", "/v1/vaults/"+v+"/secrets", s.ada.token, nil).want(200)
	if whole.json()["next_cursor"] != nil {
		t.Error("a listing without a limit is not whole")
	}
	var paths []string
	for _, m := range whole.list("secrets") {
		paths = append(paths, m["path"].(string))
	}
	once(t, paths, stable)
	if len(paths) < len(stable)+2*16 {
		t.Errorf("only %d of all are listed", len(paths))
	}
	// An agent pages through what it was granted, and nothing else.
	a := s.ada.agent(nil)
	s.ada.grant(v, a, "app/*", nil, "read")
	s.ada.grant(v, a, "db/000*", nil, "read")
	granted := slices.DeleteFunc(slices.Clone(stable), func(p string) bool { return !strings.HasPrefix(p, "app/") && !strings.HasPrefix(p, "db/000") })
	for _, q := range []string{"?limit=97", "?limit=10000"} {
		got := s.pages(a.token, "/v1/vaults/"+v+"/secrets"+q, func(int) {})
		once(t, got, granted)
		for _, p := range got {
			if !strings.HasPrefix(p, "app/") && !strings.HasPrefix(p, "db/000") {
				t.Errorf("the agent is shown %s", p)
			}
		}
	}
	if got := s.pages(a.token, "/v1/vaults/"+v+"/secrets?limit=97&prefix=db", func(int) {}); len(got) != 3 {
		t.Errorf("under db the agent is shown %v", got)
	}
}

// once checks that every wanted path was seen exactly once.
func once(t *testing.T, seen, want []string) {
	t.Helper()
	count := map[string]int{}
	for _, p := range seen {
		count[p]++
	}
	for p, n := range count {
		if n != 1 {
			t.Errorf("%s was seen %d times", p, n)
		}
	}
	for _, p := range want {
		if count[p] != 1 {
			t.Errorf("%s, which was there throughout, was seen %d times", p, count[p])
		}
	}
}

// A listing that is read while others write is of one piece.
func TestAWholeListingWhileOthersWrite(t *testing.T) {
	s := openSession(t)
	v := s.ada.vaultNamed("busy")
	var stable []string
	for i := range 1500 {
		stable = append(stable, fmt.Sprintf("k/%04d", i))
	}
	s.ada.fillVault(v, stable)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for n := range 2 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				method, body := "PUT", `{"value":"x"}`
				if i%2 == 1 {
					method = "DELETE"
				}
				r, _ := request(t, method, secretAt(v, fmt.Sprintf("k/%04d-%d", i/2%700, n)), s.ada.token, body)
				if got := s.serve(r); got.status >= 300 {
					t.Errorf("%s: %d %s", got.what, got.status, got.body)
					return
				}
			}
		})
	}
	for range 5 {
		var paths []string
		for _, m := range s.do("GET", "/v1/vaults/"+v+"/secrets", s.ada.token, nil).want(200).list("secrets") {
			paths = append(paths, m["path"].(string))
		}
		once(t, paths, stable)
	}
	close(stop)
	writers.Wait()
}
