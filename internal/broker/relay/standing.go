package relay

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
)

// standing is what a stream under way rests on.
type standing struct {
	of    *gate.Request
	use   *broker.Prepared
	epoch int64 // of the organisation's rights that this was found with
	looks int   // how often it was asked
}

// lives is at how many looks the secret itself is looked for: what deletes it changes no right.
const lives = 3

// watch is what ends a stream before its answer does.
func (s *Relay) watch(st *standing) gate.Watch {
	return gate.Watch{
		May: func(ctx context.Context) error { return s.may(ctx, st) }, Leaving: s.leaving,
		Ended: errEnded, Unsure: errUnsure, Left: errLeaving,
	}
}

// may returns why a stream under way would be refused now. What only a change of rights changes is
// asked again when there was one.
func (s *Relay) may(ctx context.Context, st *standing) error {
	c, err := st.of.Standing(ctx)
	if err != nil {
		return err
	}
	epoch, sure := s.cfg.Epoch(c.Who.Org)
	st.looks++
	err = st.use.Stands(ctx, c, broker.Look{Bindings: !sure || epoch != st.epoch, Secret: st.looks%lives == 0})
	if err == nil && sure {
		st.epoch = epoch
	}
	return err
}
