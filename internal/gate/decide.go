package gate

import (
	"context"
	"errors"

	"github.com/oneclaw-dev/oneclaw/internal/call"
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

// Decide runs an operation for whoever sent the request, on their rights as they
// are now: the store commits nothing that rests on others, and then the operation
// runs again from the start, beginning with who calls. changes says that it is one
// that may end rights.
func (x *Request) Decide(ctx context.Context, changes bool, run func(context.Context) error) error {
	defer x.wipe()
	if x.token == "" {
		return run(ctx) // nobody's right is asked for; what it needs it checks as it writes
	}
	if changes {
		x.at.turns.giveWay(ctx, x.Call.Who.Org)
	}
	asked := x.event
	for try := 1; ; try++ {
		b := &call.Basis{Epoch: x.seen, Event: &x.event}
		if try > 1 || changes || x.read || x.receipt != nil { // else it was let in just now
			b.Epoch = x.at.Identity.Seen()
			if err := x.renew(ctx); err != nil {
				return err
			}
		}
		b.Org, b.Token, b.Session = x.Call.Who.Org, x.Call.Who.TokenID, x.Call.Who.Session
		err := run(b.With(ctx))
		if !errors.Is(err, call.ErrMoved) || try == maxTries {
			return err
		}
		if err := x.at.Identity.Look(ctx); err != nil {
			return err
		}
		if try == freeTries {
			defer x.at.turns.wait(b.Org)()
		}
		x.event = asked
	}
}

// WipeAfter has secrets of a request's body overwritten when its operation has run
// for the last time.
func WipeAfter(ctx context.Context, values ...secret.Bytes) {
	x := Of(ctx)
	x.spent = append(x.spent, values...)
}

// Bodyless reports whether the request is a HEAD: whoever sent it sees no body.
func Bodyless(ctx context.Context) bool { return Of(ctx).head }

func (x *Request) wipe() {
	for _, v := range x.spent {
		v.Wipe()
	}
}
