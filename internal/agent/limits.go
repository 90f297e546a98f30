package agent

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
)

// usesLooser reports whether a change lets the agent have something signed within looser limits
// than a person saw. Clients of the contract clear limits of agents that sign nothing with a
// key: then to let the agent sign is what takes a person.
func (a *Agent) usesLooser(was *Agent) bool {
	if !a.Intents && !was.Intents {
		return false
	}
	return intents.Loosens(&was.Guardrails, &a.Guardrails) || !was.Intents && intents.Loosens(was.seen(), &a.Guardrails)
}

// checkChains refuses limits that name a chain which nobody knows, but for those that were
// there before: they would bound nothing.
func (s *Service) checkChains(ctx context.Context, was, is *intents.Guardrails) error {
	return intents.KnowChains(ctx, s.store, is.NewChains(was))
}

// limitChanges say for the log which limits a change made others.
func limitChanges(was, is *intents.Guardrails) (out []audit.Field) {
	for _, l := range intents.Changes(was, is) {
		out = append(out, audit.Text(l.Name, l.Text))
	}
	return out
}

// seen are the limits that a person saw last, or tighter ones.
func (a *Agent) seen() *intents.Guardrails {
	if a.SeenLimits == nil {
		return &a.Guardrails
	}
	return a.SeenLimits
}

// see keeps the limits that a change left, where a person made it or they are no looser than
// those that one saw.
func (a *Agent) see(was *Agent, person bool) {
	seen := *was.seen()
	if person || !intents.Loosens(&seen, &a.Guardrails) {
		seen = a.Guardrails
	}
	a.SeenLimits = &seen
}
