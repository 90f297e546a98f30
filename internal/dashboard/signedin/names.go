package signedin

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

// names are those of agents and people, for the ids that the API answers with.
type names struct {
	by      map[string]string // "agent:ID", "user:ID"
	agents  []client.Agent
	members []client.Member
}

// names asks who there is. Who may not see the members sees their ids.
func (v *visit) names(ctx context.Context) (names, error) {
	n := names{by: map[string]string{}}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { n.agents, err = v.api.Agents(ctx); return seen(err) })
	g.Go(func() (err error) { n.members, err = v.api.Members(ctx); return seen(err) })
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
func (n names) of(kind, id string) string { return nameOr(n.by[kind+":"+id], short(id)) }

// who is of for "user:ID", "agent:ID", and an id whose kind is not said.
func (n names) who(kindID string) string {
	kind, id, ok := strings.Cut(kindID, ":")
	if !ok {
		return nameOr(n.by["user:"+kindID], n.of("agent", kindID))
	}
	return n.of(kind, id)
}
