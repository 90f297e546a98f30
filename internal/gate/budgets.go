package gate

import (
	"context"
	"net/http"
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

// enter gives the request its part, now that it is known whose it is. Refused are
// those who have too many open.
func (x *Request) enter() error {
	if x.within != nil {
		x.Call.Room = &x.within.out
		return nil
	}
	who, g, net := x.Call.Who, x.at.budgets, netOf(x.Call.IP)
	x.own.place = budget.Key{ID: who.ID}
	in := budget.Shares{{Key: x.own.place, Max: g.In / 4}, {Key: budget.Key{ID: who.Org}, Max: g.In / 2}, {Key: net, Max: g.In / 2}}
	out := budget.Shares{{Key: x.own.place, Max: g.Out / 4}, {Key: budget.Key{ID: who.Org}, Max: g.Out / 2}, {Key: net, Max: g.Out / 2}}
	if who.ID == "" {
		strangers := budget.Key{ID: "strangers"}
		x.own.place = net
		in = budget.Shares{{Key: net, Max: g.In / 8}, {Key: strangers, Max: g.In / 4}}
		out = budget.Shares{{Key: net, Max: g.Out / 8}, {Key: strangers, Max: g.Out / 4}}
	}
	if x.own.place != (budget.Key{}) && !g.open.Enter(x.own.place) {
		x.own.place = budget.Key{}
		return budget.ErrPlaces
	}
	x.own.in, x.own.out = g.in.Lease(in), g.out.Lease(out)
	x.Call.Room = &x.own.out
	return nil
}

// Within reports whether another request made this one, within the process.
func (x *Request) Within() bool { return x.within != nil }

// taken is what the request's body counts against.
func (x *Request) taken() *budget.Lease {
	if x.within != nil {
		return nil // it was read and counted before
	}
	return &x.own.in
}

// leave gives back what enter gave.
func (x *Request) leave() {
	x.own.in.Close()
	x.own.out.Close()
	if x.own.place != (budget.Key{}) {
		x.at.budgets.open.Leave(x.own.place)
	}
}

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

// Used is how many bytes requests hold of the two budgets.
func (g *Gate) Used() (in, out int64) { return g.budgets.in.Used(), g.budgets.out.Used() }

// Peak is the most that Used has been since Peak was last asked for.
func (g *Gate) Peak() (in, out int64) { return g.budgets.in.Peak(), g.budgets.out.Peak() }

// hurry leaves a request that was refused little time for the body that nobody
// reads.
func (x *Request) hurry(r *http.Request) {
	if !x.read && r.ContentLength != 0 {
		budget.Hurry(x.ResponseWriter)
	}
}
