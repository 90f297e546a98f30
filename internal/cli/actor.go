package cli

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// actor is an agent or a person who may have done something.
type actor struct{ id, name, shown string }

// actorID turns the name of an agent, a member's mail address or display name, or the start
// of an id into an id. Agents that are stopped count too: they did things.
func actorID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	if ids.Valid(ref) {
		return ref, nil
	}
	all, err := actors(ctx, cl)
	if err != nil {
		return "", err
	}
	var found []actor
	for _, a := range all {
		if a.name == ref || strings.EqualFold(a.shown, ref) || len(ref) >= console.ShortID && strings.HasPrefix(a.id, ref) {
			found = append(found, a)
		}
	}
	switch len(found) {
	case 1:
		return found[0].id, nil
	case 0:
		return "", fault.New(fault.NotFound, "actor_not_found",
			"There is no agent or member of that name. See `oneclaw agent list` and `oneclaw org members`; who is gone is found by the id.")
	}
	var which []string
	for _, a := range found {
		which = append(which, a.id+" ("+a.name+")")
	}
	return "", console.Usage("Several have that name: " + strings.Join(which, ", ") + ". Give the id.")
}

// actors are the agents and members that the caller may list.
func actors(ctx context.Context, cl *client.Client) (all []actor, err error) {
	agents, err := cl.Agents(ctx)
	if err != nil && !client.IsStatus(err, 403) {
		return nil, err
	}
	for _, a := range agents {
		all = append(all, actor{a.ID, a.Name, a.Name})
	}
	members, err := cl.Members(ctx)
	if err != nil && !client.IsStatus(err, 403) {
		return nil, err
	}
	for _, m := range members {
		all = append(all, actor{m.ID, m.Email, m.DisplayName})
	}
	return all, nil
}
