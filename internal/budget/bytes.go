// Package budget shares what a server has little of among those who ask for it:
// bytes of memory, and places at work.
//
// Its promises: nobody gets more than the share of the keys that it goes by, such
// as a principal or a network, so none of them can starve the others; whoever
// waits is let on or told so within a bounded time; and those who each hold a part
// never wait for each other for ever.
package budget

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

const comeBack = 2 * time.Second

// Errors of Lease.Take: that the share of one key is used up, and that of all.
var (
	ErrShare = &fault.Error{Kind: fault.RateLimited, Code: "too_much_at_once", RetryAfter: comeBack,
		Detail: "Your large requests and answers under way are too many together. Let some end, then try again."}
	ErrFull = &fault.Error{Kind: fault.Unavailable, Code: "server_busy", RetryAfter: comeBack,
		Detail: "Too many large requests are under way. Try again in a moment."}
)

// ErrPlaces is for who has no place left.
var ErrPlaces = &fault.Error{Kind: fault.RateLimited, Code: "too_many_open_requests", RetryAfter: comeBack,
	Detail: "Too many of your requests are open at a time. Let some end, then try again."}

// Key is what a share goes by: an id of somebody, or a network. The zero Key is
// nobody's and has no share.
type Key struct {
	ID  string
	Net netip.Prefix
}

// Share is what those of one key may hold together.
type Share struct {
	Key Key
	Max int64
}

// maxShares is how many keys one lease goes by.
const maxShares = 3

// Shares are the keys of one lease, the smaller share first.
type Shares [maxShares]Share

// Bytes is a number of bytes that many share. Each limit, of all and of a key,
// lets one lease at a time go beyond it: the one that began first of those that
// wait. It comes to its end, so those who hold parts do not block each other.
type Bytes struct {
	wait time.Duration

	mu    sync.Mutex
	all   limit
	by    map[Key]*limit
	last  uint64
	peak  int64
	queue []*waiter // the lease that began first stands first
}

type limit struct {
	max, used int64
	beyond    *Lease // the one that may go beyond it
	leases    int
}

type waiter struct {
	lease *Lease
	n     int64
	ready chan struct{} // closed when n were taken
}

// NewBytes returns a budget of so many bytes, for which a Take waits so long.
func NewBytes(all int64, wait time.Duration) *Bytes {
	return &Bytes{wait: wait, all: limit{max: all}, by: map[Key]*limit{}}
}

// Used is how many bytes are held.
func (b *Bytes) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.used
}

// Peak is how many bytes were held at most since it was last asked for.
func (b *Bytes) Peak() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.peak
	b.peak = b.all.used
	return n
}

// Lease is what one request holds of a budget. The zero Lease is of none, and
// takes whatever is asked for. It is not for use by several goroutines at once.
type Lease struct {
	of     *Bytes
	shares Shares
	begun  uint64
	held   int64
	limits []*limit // of the keys, the smaller first, then that of all
}

// Lease returns an empty one. Making it costs nothing until something is taken.
func (b *Bytes) Lease(s Shares) Lease { return Lease{of: b, shares: s} }

// Held is how many bytes the lease has.
func (l *Lease) Held() int64 { return l.held }

// Try takes n bytes if that needs no waiting.
func (l *Lease) Try(n int64) bool {
	if l == nil || l.of == nil || n <= 0 {
		return true
	}
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	l.enter()
	if l.blocked(n) != nil {
		return false
	}
	l.take(n)
	return true
}

// Take takes n bytes, and waits for them for a bounded time. What the lease has
// it keeps, whatever the outcome.
func (l *Lease) Take(ctx context.Context, n int64) error {
	if l.Try(n) {
		return nil
	}
	b := l.of
	b.mu.Lock()
	w := &waiter{lease: l, n: n, ready: make(chan struct{})}
	at, _ := slices.BinarySearchFunc(b.queue, l.begun, func(w *waiter, begun uint64) int {
		return int(min(max(int64(w.lease.begun)-int64(begun), -1), 1))
	})
	b.queue = slices.Insert(b.queue, at, w)
	b.settle()
	b.mu.Unlock()
	timer := time.NewTimer(b.wait)
	defer timer.Stop()
	select {
	case <-w.ready:
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at = slices.Index(b.queue, w)
	if at < 0 {
		return nil // it came at the last moment
	}
	b.queue = slices.Delete(b.queue, at, at+1)
	if l.blocked(n) == &b.all {
		return ErrFull
	}
	return ErrShare
}

// Close gives everything back.
func (l *Lease) Close() {
	if l == nil || l.limits == nil {
		return
	}
	b := l.of
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, lim := range l.limits {
		lim.used -= l.held
		lim.leases--
		if lim.beyond == l {
			lim.beyond = nil
		}
	}
	for _, s := range l.shares {
		if lim := b.by[s.Key]; lim != nil && lim.leases == 0 {
			delete(b.by, s.Key)
		}
	}
	l.held, l.limits = 0, nil
	b.settle()
}

// enter finds the limits that the lease goes by.
func (l *Lease) enter() {
	if l.limits != nil {
		return
	}
	b := l.of
	b.last++
	l.begun, l.limits = b.last, make([]*limit, 0, maxShares+1)
	for _, s := range l.shares {
		if s.Key == (Key{}) {
			continue
		}
		lim := b.by[s.Key]
		if lim == nil {
			lim = &limit{max: s.Max}
			b.by[s.Key] = lim
		}
		l.limits = append(l.limits, lim)
	}
	l.limits = append(l.limits, &b.all)
	for _, lim := range l.limits {
		lim.leases++
	}
}

// blocked returns the limit that n bytes more have to wait for. Who may go beyond
// a limit need not mind the smaller ones: else two could wait for each other.
func (l *Lease) blocked(n int64) *limit {
	for i := len(l.limits) - 1; i >= 0; i-- {
		lim := l.limits[i]
		if lim.beyond == l {
			return nil
		}
		if lim.used+n > lim.max && lim.beyond != nil {
			return lim
		}
	}
	return nil
}

func (l *Lease) take(n int64) {
	l.held += n
	free := false
	for i := len(l.limits) - 1; i >= 0; i-- {
		lim := l.limits[i]
		free = free || lim.beyond == l
		if lim.used += n; lim.used > lim.max && lim.beyond == nil && !free {
			lim.beyond = l
		}
	}
	l.of.peak = max(l.of.peak, l.of.all.used)
}

// settle lets those on who wait and need not any more.
func (b *Bytes) settle() {
	b.queue = slices.DeleteFunc(b.queue, func(w *waiter) bool {
		if w.lease.blocked(w.n) != nil {
			return false
		}
		w.lease.take(w.n)
		close(w.ready)
		return true
	})
}
