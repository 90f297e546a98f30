package gate

import (
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/budget"
)

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

// Passed gives back what the request's body counts against, for a caller that holds nothing of
// it any more while its answer goes on.
func (x *Request) Passed() { x.own.in.Close() }

// leave gives back what enter gave.
func (x *Request) leave() {
	x.own.in.Close()
	x.own.out.Close()
	if x.own.place != (budget.Key{}) {
		x.at.budgets.open.Leave(x.own.place)
	}
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
