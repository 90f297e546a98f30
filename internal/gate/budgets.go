package gate

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/budget"
	"github.com/oneclaw-dev/oneclaw/internal/network"
)

// Budgets are how much requests may hold of the server's memory, and how slow who
// sends or reads may be. All but the sum is for each principal, organisation or
// network. Requests from this machine itself have no network: they may come
// through a proxy that was not named, from everybody.
type Budgets struct {
	In, Out int64         // bytes of bodies, and of answers that were not taken yet
	Open    int           // requests of one principal, or of strangers from one network
	Wait    time.Duration // for bytes that others hold
	Pace    budget.Pace
}

// DefaultBudgets hold for a laptop and for a fleet: no client that does its work is
// near them.
func DefaultBudgets() Budgets {
	return Budgets{
		In: 64 << 20, Out: 128 << 20, Open: 256, Wait: 5 * time.Second,
		Pace: budget.Pace{Grace: 8 * time.Second, Rate: 16 << 10, Within: BodyTime},
	}
}

// budgets are Budgets at work.
type budgets struct {
	Budgets
	in, out *budget.Bytes
	open    *budget.Places
}

func newBudgets(b Budgets) *budgets {
	if b == (Budgets{}) {
		b = DefaultBudgets()
	}
	return &budgets{Budgets: b, in: budget.NewBytes(b.In, b.Wait), out: budget.NewBytes(b.Out, b.Wait), open: budget.NewPlaces(b.Open)}
}

// part is what one request has of the budgets. A request that another one makes
// within the process has the part of that one, and takes no place of its own.
type part struct {
	in, out budget.Lease
	place   budget.Key
	counted atomic.Bool // against the limit of the address: the first request made within is not counted again
}

type partKey struct{}

// netOf is what one customer of an access provider holds, as a key. This machine's
// addresses are nobody's.
func netOf(ip netip.Addr) budget.Key {
	if !ip.IsValid() || ip.IsLoopback() {
		return budget.Key{}
	}
	return budget.Key{Net: network.Prefix(ip)}
}

func withinOf(ctx context.Context) *part {
	p, _ := ctx.Value(partKey{}).(*part)
	return p
}

// BodyTime is how long a body may take to arrive.
const BodyTime = 30 * time.Second
