package gate

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/budget"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Received is a request that another protocol serves, on the account of its
// caller. Calls of the API with its Context have part in what it holds, and take
// no place of their own.
type Received struct {
	Body    []byte
	Caller  policy.Principal
	Context context.Context //nolint:containedctx // of the request
	x       *Request
}

// Receive lets a request in whose credential is good, within the limit of its address and
// the caller's share of the budgets, and reads its body of at most limit bytes. A request that
// is not let in leaves an event. One that is leaves those of the calls that are made for it,
// or that of Refused. The first call counts against the address with it. Call Done in any case
// but an error.
func (s *Surface) Receive(w http.ResponseWriter, r *http.Request, limit int64) (*Received, error) {
	x := s.begin(w, r, true)
	data, err := x.receive(r, limit)
	if err != nil {
		x.hurry(r)
		x.leave()
		return nil, x.turnedAway(err)
	}
	return &Received{Body: data, Caller: x.Call.Who, Context: context.WithValue(r.Context(), partKey{}, &x.own), x: x}, nil
}

func (x *Request) receive(r *http.Request, limit int64) (data []byte, err error) {
	s, now := x.at, x.Call.Now
	if err := s.Limits.Address(x.Call.IP, now); err != nil {
		return nil, err
	}
	x.own.counted.Store(true)
	who, err := s.authenticate(r.Context(), &x.Call, s.Credential(r), now)
	if err != nil {
		return nil, err
	}
	x.identify(who)
	if err := s.IPRules.Admit(r.Context(), x.Call.Who.Org, x.Call.Who.Kind, x.Call.IP); err != nil {
		return nil, err
	}
	if err := x.enter(); err != nil {
		return nil, err
	}
	if data, err = x.Read(r, limit); err != nil {
		return nil, err
	}
	if len(data) <= SmallBody {
		return data, nil
	}
	// What it is decoded to, and the call that is made of it, take as much again.
	if err := x.own.in.Take(r.Context(), 2*int64(len(data))); err != nil {
		clear(data)
		return nil, err
	}
	return data, nil
}

// Question is a call of the caller's about what it may see, for a surface that asks on the
// way: nothing of the answer may leave before a request, with an event, was served.
func (r *Received) Question() *call.Call {
	c := r.x.Call
	c.Now, c.Event = r.x.at.Now(), &audit.Event{Org: c.Who.Org}
	return &c
}

// Room takes room for an answer of so many bytes, besides what its values have.
func (r *Received) Room(n int) error {
	if n < budget.Chunk {
		return nil
	}
	if err := r.x.own.out.Take(r.Context, int64(n)); err != nil {
		return err
	}
	return nil
}

// Write sends a part of the answer, as long as its reader keeps up.
func (r *Received) Write(b []byte) (int, error) {
	return r.x.at.budgets.Pace.Write(r.x.ResponseWriter, b)
}

// Done gives back what the request held.
func (r *Received) Done() {
	clear(r.Body)
	r.x.leave()
}
