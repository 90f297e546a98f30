package vaults

import (
	"cmp"
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// names are those of agents and people, for the ids that the API answers with.
type names struct {
	by      map[string]string // "agent:ID", "user:ID"
	agents  []client.Agent
	members []client.Member
}

// namesFor asks who there is. Who may not see the members sees their ids.
func namesFor(ctx context.Context, v *frame.Visit) (names, error) {
	n := names{by: map[string]string{}}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { n.agents, err = v.API.Agents(ctx); return frame.Seen(err) })
	g.Go(func() (err error) { n.members, err = v.API.Members(ctx); return frame.Seen(err) })
	if err := g.Wait(); err != nil {
		return n, err
	}
	for i := range n.agents {
		n.by["agent:"+n.agents[i].ID] = n.agents[i].Name
	}
	for _, m := range n.members {
		n.by["user:"+m.ID] = m.Email
	}
	return n, nil
}

// of is the name of somebody, or the end of an id that has none here.
func (n names) of(kind, id string) string { return cmp.Or(n.by[kind+":"+id], frame.Short(id)) }

// who is of for "user:ID", "agent:ID", and an id whose kind is not said.
func (n names) who(kindID string) string {
	kind, id, ok := strings.Cut(kindID, ":")
	if !ok {
		return cmp.Or(n.by["user:"+kindID], n.of("agent", kindID))
	}
	return n.of(kind, id)
}
