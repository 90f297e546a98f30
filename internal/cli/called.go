package cli

import (
	"cmp"
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
)

// called is what the users and agents of a listing are called, as far as the caller may
// know it.
type called struct {
	names  map[string]string // by id
	twice  map[string]bool   // names that several have
	vaults map[string]string // by id, after withVaults
	cli    *cli
}

// calledIn looks up the names of those that a listing speaks of, for people: programs get
// ids. Who may not list members or agents sees ids too.
func calledIn[T any](ctx context.Context, c *cli, cl *client.Client, all []T, who func(T) (kind, id string)) called {
	out := called{names: map[string]string{}, twice: map[string]bool{}, cli: c}
	if !c.IsTTY(c.Stdout) || c.JSON {
		return out
	}
	kinds := map[string]bool{}
	for _, v := range all {
		kind, _ := who(v)
		kinds[kind] = true
	}
	if kinds["agent"] {
		agents, _ := cl.Agents(ctx)
		seen := map[string]bool{}
		for _, a := range agents {
			out.twice[a.Name] = out.twice[a.Name] || seen[a.Name]
			seen[a.Name] = true
			out.names[a.ID] = a.Name
		}
	}
	if kinds["user"] {
		members, _ := cl.Members(ctx)
		for _, m := range members {
			out.names[m.ID] = m.Email
		}
	}
	return out
}

// of is how a principal is shown: to a person by name, with --wide and to programs by id.
func (n called) of(kind, id string) string {
	if name := n.names[id]; name != "" && n.cli.IsTTY(n.cli.Stdout) {
		if n.cli.Wide || n.twice[name] {
			id = n.cli.Short(id)
			return kind + ":" + name + " (" + id + ")"
		}
		return kind + ":" + name
	}
	return kind + ":" + n.cli.Short(id)
}

// actor is of for "user:ID" and "agent:ID".
func (n called) actor(s string) string {
	kind, id, ok := strings.Cut(s, ":")
	if !ok {
		return s
	}
	return n.of(kind, id)
}

// full is of with name and id, for the description of one thing.
func (n called) full(kind, id string) string {
	if name := n.names[id]; name != "" && n.cli.IsTTY(n.cli.Stdout) {
		return kind + ":" + name + " (" + id + ")"
	}
	return kind + ":" + id
}

// withVaults adds the names of the vaults that the caller may see.
func (n called) withVaults(ctx context.Context, cl *client.Client) called {
	n.vaults = map[string]string{}
	if !n.cli.IsTTY(n.cli.Stdout) || n.cli.JSON {
		return n
	}
	all, _ := cl.Vaults(ctx)
	for _, v := range all {
		n.vaults[v.ID] = v.Name
	}
	return n
}

// vault is of for a vault.
func (n called) vault(id string) string { return cmp.Or(n.vaults[id], n.cli.Short(id)) }

// fullVault is full for a vault.
func (n called) fullVault(id string) string {
	if name := n.vaults[id]; name != "" {
		return name + " (" + id + ")"
	}
	return id
}
