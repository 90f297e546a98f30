package broker

import (
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// places bounds what is under way at once: a host that never answers would take the
// connections of all.
type places struct {
	each, all int // of one caller, and of all; 0: no bound
	full      error

	mu   sync.Mutex
	open map[string]int
	sum  int
}

const (
	mostRequests = 8    // of one caller
	mostStreams  = 64   // of one caller
	allStreams   = 4096 // of all
)

var (
	errBusy    = &fault.Error{Kind: fault.RateLimited, Code: "too_many_requests_open", RetryAfter: time.Second, Detail: "Eight requests of yours wait for other servers. Wait for one of them."}
	errStreams = &fault.Error{Kind: fault.RateLimited, Code: "too_many_streams_open", RetryAfter: time.Second, Detail: "64 streams of yours are open, or this server has no room for more. Wait for one of them to end."}
)

func newPlaces(each, all int, full error) *places {
	return &places{each: each, all: all, full: full, open: map[string]int{}}
}

// enter takes a place for a caller. leave gives it back.
func (p *places) enter(who string) (leave func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[who] >= p.each || p.all > 0 && p.sum >= p.all {
		return nil, p.full
	}
	p.open[who]++
	p.sum++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.sum--
		if p.open[who]--; p.open[who] == 0 {
			delete(p.open, who)
		}
	}, nil
}
