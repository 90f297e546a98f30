package call

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Basis is the state of things that the decision about a call rests on. It travels
// in the context of the call: the store refuses to commit a write for which a right
// has ended since, with ErrMoved, and the edge then decides anew. It is taken
// before the actor is looked at, or it would vouch for what came later.
type Basis struct {
	Org   string // the actor's organisation
	Token string // the id of the actor's credential
	// Session is the login that it is of, if it is of one.
	Session string
	Epoch   int64 // the number of the latest change that this node had seen
	// Event is the call's. Once it is committed the operation is done: what follows
	// belongs to it, and is not asked for again.
	Event *audit.Event
}

// ErrMoved says that nothing was written, since a right of the organisation ended
// between the decision and the commit. It is for the edge, which decides anew; a
// caller gets it only when that happens over and over.
var ErrMoved = &fault.Error{
	Kind: fault.Unavailable, Code: "rights_changed", RetryAfter: time.Second,
	Detail: "Rights of this organisation change too often now to be sure of the caller's. Nothing was done: try again.",
}

type basisKey struct{}

// With returns a context whose writes are committed only on b.
func (b *Basis) With(ctx context.Context) context.Context {
	return context.WithValue(ctx, basisKey{}, b)
}

// Again returns a context whose writes rest on what those of ctx did, also once the call's event
// is committed: for a second write of a call that must not come when a right ended since.
func Again(ctx context.Context) context.Context {
	b, _ := ctx.Value(basisKey{}).(*Basis)
	if b == nil {
		return ctx
	}
	again := *b
	again.Event = &audit.Event{}
	return again.With(ctx)
}

// BasisOf returns what the writes of ctx rest on, or nil when they are nobody's, or
// follow what is committed already.
func BasisOf(ctx context.Context) *Basis {
	b, _ := ctx.Value(basisKey{}).(*Basis)
	if b == nil || b.Event.Committed {
		return nil
	}
	return b
}
