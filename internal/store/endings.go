package store

import (
	"maps"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// endings are what ended, by the organisation that it was in.
type endings map[string]*ending

func (all endings) in(org string) *ending {
	if all[org] == nil {
		all[org] = &ending{}
	}
	return all[org]
}

func (all endings) sum() *ending {
	var s ending
	for _, org := range slices.Sorted(maps.Keys(all)) {
		e := all[org]
		for _, l := range []struct{ to, from *[]string }{
			{&s.keys, &e.keys}, {&s.agents, &e.agents}, {&s.rekeyed, &e.rekeyed}, {&s.rules, &e.rules}, {&s.removed, &e.removed}, {&s.members, &e.members},
		} {
			*l.to = append(*l.to, *l.from...)
		}
		for _, n := range []struct{ to, from *int64 }{
			{&s.shares, &e.shares}, {&s.policies, &e.policies}, {&s.invitations, &e.invitations}, {&s.webhooks, &e.webhooks},
			{&s.tokens, &e.tokens}, {&s.routers, &e.routers}, {&s.bindings, &e.bindings}, {&s.services, &e.services}, {&s.sessions, &e.sessions}, {&s.codes, &e.codes}, {&s.approvals, &e.approvals}, {&s.wanted, &e.wanted}, {&s.passkeys, &e.passkeys},
		} {
			*n.to += *n.from
		}
	}
	return &s
}

// recordAll records an event that ends things in several organisations. Each that has
// lost something gets an event of its own, and none reads the ids of another. The caller
// is told the sums. An organisation whose own credential ended gets its event in any case.
func (tx Tx) recordAll(all endings, ev *audit.Event, whose ...string) {
	if ev == nil {
		return
	}
	all.sum().note(ev)
	ev.Told.Ended, ev.Told.Stays = ev.Details.Ended, ev.Details.Stays
	all.in(ev.Org).note(ev)
	tx.Record(ev)
	for _, org := range slices.Sorted(maps.Keys(all)) {
		own := &audit.Event{
			ID: ids.New(), Org: org, At: ev.At, Action: ev.Action, ActorKind: ev.ActorKind, ActorID: ev.ActorID,
			ResourceType: ev.ResourceType, ResourceID: ev.ResourceID, IP: ev.IP, Details: audit.Details{Outcome: audit.Success},
		}
		all[org].note(own)
		// Not of one that the user is in no more.
		if tx.Holds(org) && org != ev.Org && (own.Details.Ended+own.Details.Stays != "" || slices.Contains(whose, org)) {
			tx.Record(own)
		}
	}
}
