package httpapi

import (
	"context"
	"errors"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/access"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// How often an operation is decided again, since rights of the organisation ended
// between its decision and its commit. From the first number on it takes turns with
// others like it: each of them ends some right, as the deletion of a policy does,
// and all but one of those that go at once are refused.
const (
	freeTries = 3
	maxTries  = 20
)

// decide runs an operation for whoever sent the request, on their rights as they
// are now: the store commits nothing that rests on others, and then the operation
// runs again from the start, beginning with who calls.
func (x *exchange) decide(ctx context.Context, run func(context.Context) error) error {
	defer x.wipe()
	if x.token == "" {
		return run(ctx) // nobody's right is asked for; what it needs it checks as it writes
	}
	asked := x.event
	for try := 1; ; try++ {
		b := &access.Basis{Epoch: x.api.identity.Seen(), Event: &x.event}
		if err := x.renew(ctx); err != nil {
			return err
		}
		b.Org, b.Token, b.Session = x.call.Who.Org, x.call.Who.TokenID, x.call.Who.Session
		err := run(b.With(ctx))
		if !errors.Is(err, access.ErrMoved) || try == maxTries {
			return err
		}
		if err := x.api.identity.Look(ctx); err != nil {
			return err
		}
		if try == freeTries {
			defer x.api.turns.wait(b.Org)()
		}
		x.event = asked
	}
}

// wipeAfter has secrets of a request's body overwritten when its operation has run
// for the last time.
func wipeAfter(ctx context.Context, values ...secret.Bytes) {
	x := ctx.Value(exchangeKey{}).(*exchange)
	x.spent = append(x.spent, values...)
}

func (x *exchange) wipe() {
	for _, v := range x.spent {
		v.Wipe()
	}
}

// turns lets one at a time go on for each organisation.
type turns struct {
	mu sync.Mutex
	by map[string]*turn
}

type turn struct {
	sync.Mutex
	waiting int
}

// wait returns when it is the caller's turn, which ends with what it returns.
func (t *turns) wait(org string) (done func()) {
	t.mu.Lock()
	if t.by == nil {
		t.by = map[string]*turn{}
	}
	if t.by[org] == nil {
		t.by[org] = &turn{}
	}
	mine := t.by[org]
	mine.waiting++
	t.mu.Unlock()
	mine.Lock()
	return func() {
		mine.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.waiting--; mine.waiting == 0 {
			delete(t.by, org)
		}
	}
}
