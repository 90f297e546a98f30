package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/budget"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Received is a request that another protocol serves, on the account of its
// caller. Calls of the API with its Context have part in what it holds, and take
// no place of their own.
type Received struct {
	Body    []byte
	Caller  policy.Principal
	Context context.Context //nolint:containedctx // of the request
	x       *exchange
}

// Receive lets a request in whose credential is good, within the caller's share of
// the budgets, and reads its body of at most limit bytes. No event is recorded:
// the calls that are made for it leave theirs. Call Done in any case but an error.
func (a *API) Receive(w http.ResponseWriter, r *http.Request, limit int64) (*Received, *Problem) {
	x := &exchange{ResponseWriter: w, api: a}
	data, err := x.receive(r, limit)
	if err != nil {
		x.hurry(r)
		x.leave()
		return nil, problemOf(err)
	}
	return &Received{Body: data, Caller: x.call.Who, Context: context.WithValue(r.Context(), partKey{}, &x.own), x: x}, nil
}

func (x *exchange) receive(r *http.Request, limit int64) (data []byte, err error) {
	a, now := x.api, x.api.now()
	x.call.IP, _ = a.proxies.Client(r)
	if r.TLS != nil {
		x.call.Chain = r.TLS.PeerCertificates
	}
	if x.call.Who, err = a.authenticate(r.Context(), &x.call, bearer(r), now); err != nil {
		return nil, err
	}
	if err := a.identity.Admit(r.Context(), x.call.Who.Org, x.call.Who.Kind, x.call.IP); err != nil {
		return nil, err
	}
	if err := x.enter(); err != nil {
		return nil, err
	}
	if data, err = a.bodies.read(r.Context(), x.ResponseWriter, r, limit, &x.own.in); err != nil {
		return nil, err
	}
	x.read = true
	if len(data) <= smallBody {
		return data, nil
	}
	// What it is decoded to, and the call that is made of it, take as much again.
	if err := x.own.in.Take(r.Context(), 2*int64(len(data))); err != nil {
		clear(data)
		return nil, err
	}
	return data, nil
}

// Room takes room for an answer of so many bytes, besides what its values have.
func (r *Received) Room(n int) error {
	if n < budget.Chunk {
		return nil
	}
	if err := r.x.own.out.Take(r.Context, int64(n)); err != nil {
		return problemOf(err)
	}
	return nil
}

// Write sends a part of the answer, as long as its reader keeps up.
func (r *Received) Write(b []byte) (int, error) {
	return r.x.api.ingress.Pace.Write(r.x.ResponseWriter, b)
}

// Done gives back what the request held.
func (r *Received) Done() {
	clear(r.Body)
	r.x.leave()
}

// RetryAfter is how long to wait before the next try; zero when that is not known.
func (p *Problem) RetryAfter() time.Duration { return p.retryAfter }
