package epoch_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/epoch"
)

// rows are what is cached: a number, its epoch, and how often it was read.
type rows struct {
	value, epoch int64
	unknown      bool
	err          error
	reads        int
	meanwhile    func() // something that happens while they are read
}

func (r *rows) now() (int64, bool) { return r.epoch, !r.unknown }

func (r *rows) read() (int64, error) {
	r.reads++
	v := r.value
	if r.meanwhile != nil {
		r.meanwhile()
	}
	return v, r.err
}

func (r *rows) want(t *testing.T, c *epoch.Cache[string, int64], what string, value int64, reads int) {
	t.Helper()
	v, err := c.Get("key", r.now, r.read)
	if v != value || !errors.Is(err, r.err) || r.reads != reads {
		t.Fatalf("%s: %d %v after %d reads, want %d after %d", what, v, err, r.reads, value, reads)
	}
}

func TestAValueIsKeptUntilTheEpochMoves(t *testing.T) {
	c, r := epoch.New[string, int64](10), &rows{value: 1, epoch: 5}
	r.want(t, c, "the first time", 1, 1)
	r.want(t, c, "again", 1, 1)
	r.value, r.epoch = 2, 6
	r.want(t, c, "after a change", 2, 2)
	r.want(t, c, "again after a change", 2, 2)
	r.unknown = true
	r.want(t, c, "while the epoch is not known", 2, 3)
	r.want(t, c, "again while it is not known", 2, 4)
	r.unknown, r.epoch = false, 7
	r.want(t, c, "what was read meanwhile was not kept", 2, 5)
}

func TestWhatChangesWhileItIsReadIsReadAgain(t *testing.T) {
	c, r := epoch.New[string, int64](10), &rows{value: 1, epoch: 5}
	r.meanwhile = func() { r.value, r.epoch, r.meanwhile = 2, 6, nil }
	r.want(t, c, "the old rows", 1, 1)
	r.want(t, c, "the new rows", 2, 2)
	// What a slow reader of old rows puts in the place of new ones is not used.
	r.epoch, r.value = 7, 3
	r.meanwhile = func() {
		r.value, r.epoch, r.meanwhile = 4, 8, nil
		r.want(t, c, "a reader meanwhile", 4, 4)
	}
	r.want(t, c, "the slow reader", 3, 4)
	r.want(t, c, "whoever comes after both", 4, 5)
}

func TestAFailureIsNotKept(t *testing.T) {
	c, r := epoch.New[string, int64](10), &rows{err: errors.New("broken")}
	r.want(t, c, "a failure", 0, 1)
	r.err, r.value = nil, 1
	r.want(t, c, "after it", 1, 2)
}

func TestACacheIsBounded(t *testing.T) {
	const most = 8
	c, reads := epoch.New[string, int](most), 0
	now := func() (int64, bool) { return 1, true }
	get := func(n int) {
		t.Helper()
		v, err := c.Get(fmt.Sprint(n), now, func() (int, error) { reads++; return n, nil })
		if v != n || err != nil {
			t.Fatalf("%d: %d %v", n, v, err)
		}
	}
	for n := range most {
		get(n)
	}
	for n := range most {
		get(n)
	}
	if reads != most {
		t.Errorf("%d reads of %d values", reads, most)
	}
	get(most) // one too many
	get(0)
	if reads != most+2 {
		t.Errorf("%d reads: the first value is kept beside %d others", reads, most)
	}
}

func TestManyReaders(t *testing.T) {
	c := epoch.New[int, int64](4)
	var at atomic.Int64
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for n := range 1000 {
				began := at.Load()
				v, err := c.Get((g+n)%6, func() (int64, bool) { return at.Load(), true }, func() (int64, error) { return at.Load(), nil })
				if err != nil || v < began {
					t.Errorf("%d of %d, %v", v, began, err)
				}
				if n%10 == 0 {
					at.Add(1)
				}
			}
		})
	}
	all.Wait()
}
