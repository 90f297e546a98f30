package call_test

import (
	"context"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func TestABasisHoldsUntilItsEventIsInTheLog(t *testing.T) {
	if b := call.BasisOf(t.Context()); b != nil {
		t.Errorf("writes that are nobody's rest on %+v", b)
	}
	b := &call.Basis{Org: "org", Token: "token", Epoch: 7, Event: &audit.Event{ID: "event"}}
	ctx := b.With(t.Context())
	if got := call.BasisOf(ctx); got != b {
		t.Errorf("got %+v", got)
	}
	if got := call.BasisOf(context.WithoutCancel(ctx)); got != b {
		t.Errorf("a call that outlives its client rests on %+v", got)
	}
	inner := &call.Basis{Org: "other", Event: &audit.Event{}}
	if got := call.BasisOf(inner.With(ctx)); got != inner {
		t.Errorf("the newest basis is %+v", got)
	}
	b.Event.Committed = true
	if got := call.BasisOf(ctx); got != nil {
		t.Errorf("what follows a commit rests on %+v", got)
	}
	if got := call.BasisOf(call.Again(ctx)); got == nil || got.Epoch != b.Epoch || got.Org != b.Org || got.Token != b.Token {
		t.Errorf("a second write that is to rest on the same rests on %+v", got)
	}
	if got := call.BasisOf(call.Again(t.Context())); got != nil {
		t.Errorf("a second write that is nobody's rests on %+v", got)
	}
}

func TestErrMovedAsksToTryAgain(t *testing.T) {
	if !fault.Is(call.ErrMoved, fault.Unavailable) || call.ErrMoved.RetryAfter <= 0 || call.ErrMoved.Detail == "" {
		t.Errorf("got %+v", call.ErrMoved)
	}
}
