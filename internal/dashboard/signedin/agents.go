package signedin

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

var agentPages = map[string]page{
	"GET /agents":                                agents,
	"GET /agents/{$}":                            func(v *visit) error { return v.redirect("/agents") },
	"GET /agents/freeze":                         freezePage,
	"POST /agents/freeze":                        freezeAll,
	"POST /agents/unfreeze":                      unfreezeAll,
	"GET /agents/new":                            newAgent,
	"POST /agents/new":                           makeAgent,
	"GET /agents/{id}":                           oneAgent,
	"POST /agents/{id}/freeze":                   freezeAgent,
	"POST /agents/{id}/unfreeze":                 unfreezeAgent,
	"GET /agents/{id}/edit":                      editAgent,
	"POST /agents/{id}/edit":                     changeAgent,
	"GET /agents/{id}/rotate":                    rotatePage,
	"POST /agents/{id}/rotate":                   rotateAgent,
	"GET /agents/{id}/deactivate":                endAgentPage,
	"POST /agents/{id}/deactivate":               endAgent,
	"POST /agents/{id}/activate":                 activateAgent,
	"POST /agents/{id}/signing-keys":             makeSigningKey,
	"POST /agents/{id}/router-keys":              makeRouterKey,
	"POST /agents/{id}/router-keys/{one}/revoke": revokeRouterKey,
	"GET /agents/{id}/guardrails":                guardrails,
	"POST /agents/{id}/guardrails/limits":        setLimits,
	"POST /agents/{id}/guardrails/rules":         setRules,
	"POST /agents/{id}/guardrails/try":           tryRules,
	"GET /agents/{id}/shroud":                    agentModels,
	"POST /agents/{id}/shroud/preset":            presetModels,
	"POST /agents/{id}/shroud/off":               noModels,
	"POST /agents/{id}/shroud/limits":            limitModels,
	"POST /agents/{id}/shroud/config":            configureModels,
}

// standing is whether an agent works, and why it does not.
type standing struct{ Text, Tag string }

// standings says of agents whether they work.
type standings struct {
	All  bool // all of the organisation are frozen
	By   map[string]client.Freeze
	Time time.Time
}

func standingsOf(f *client.FreezeState, now time.Time) standings {
	s := standings{By: map[string]client.Freeze{}, Time: now}
	if f == nil {
		return s
	}
	for _, one := range f.Freezes {
		if one.AgentID == "" {
			s.All = true
			continue
		}
		s.By[one.AgentID] = one
	}
	return s
}

// Alone reports whether an agent is frozen by itself.
func (s standings) Alone(id string) bool { _, ok := s.By[id]; return ok }

// Of is how an agent stands: what stops it most comes first.
func (s standings) Of(a client.Agent) standing {
	switch {
	case !a.IsActive:
		return standing{"inactive", ""}
	case a.ExpiresAt != nil && !a.ExpiresAt.After(s.Time):
		return standing{"ended", ""}
	case s.All, s.Alone(a.ID):
		return standing{"frozen", "warn"}
	}
	return standing{"active", "good"}
}

// agentList is a page of agents.
type agentList struct {
	Agents []client.Agent
	Any    bool // there are agents, whatever is searched for
	Q      string
	States standings
	Vaults map[string]string // names by id
	Leaf   leaf
}

// agents lists those that the person may see.
func agents(v *visit) error {
	d := agentList{Q: v.query("q")}
	var freeze *client.FreezeState
	var vaults []client.Vault
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() (err error) { d.Agents, err = v.api.Agents(ctx); return err })
	g.Go(func() (err error) { freeze, err = v.api.FreezeState(ctx); return seen(err) })
	g.Go(func() (err error) { vaults, err = v.api.Vaults(ctx); return seen(err) })
	if err := g.Wait(); err != nil {
		return err
	}
	d.States, d.Vaults, d.Any = standingsOf(freeze, v.Now()), vaultNames(vaults), len(d.Agents) > 0
	want := strings.ToLower(d.Q)
	d.Agents = slices.DeleteFunc(d.Agents, func(a client.Agent) bool {
		return !strings.Contains(strings.ToLower(a.Name+" "+a.Description+" "+a.ID), want)
	})
	d.Leaf = leafOf(v, len(d.Agents))
	d.Agents = d.Agents[d.Leaf.From:d.Leaf.To]
	return v.show(http.StatusOK, "agents", v.t("Agents"), d)
}

// vaultNames are the names of vaults by their ids.
func vaultNames(all []client.Vault) map[string]string {
	out := make(map[string]string, len(all))
	for _, one := range all {
		out[one.ID] = one.Name
	}
	return out
}

// agentNames are the names of the agents that the person may see, by their ids.
func (v *visit) agentNames() (map[string]string, []client.Agent, error) {
	all, err := v.api.Agents(v.r.Context())
	if err = seen(err); err != nil {
		return nil, nil, err
	}
	out := make(map[string]string, len(all))
	for _, a := range all {
		out[a.ID] = a.Name
	}
	return out, all, nil
}

// agentPath is where the page of the agent of this request is.
func (v *visit) agentPath() string { return "/agents/" + v.r.PathValue("id") }

// freezePage says what it stops to freeze all agents.
func freezePage(v *visit) error {
	all, err := v.api.Agents(v.r.Context())
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(a client.Agent) bool { return !a.IsActive })
	return v.show(http.StatusOK, "agents-freeze", v.t("Freeze all agents"), len(all))
}

func freezeAll(v *visit) error {
	if _, err := v.api.FreezeOrg(v.r.Context()); err != nil {
		return err
	}
	return v.back("/agents", "All agents are frozen.")
}

func unfreezeAll(v *visit) error {
	if err := v.api.UnfreezeOrg(v.r.Context()); err != nil {
		return err
	}
	return v.back("/agents", "The freeze is over. Agents that are frozen by themselves stay so.")
}

func freezeAgent(v *visit) error {
	if _, err := v.api.FreezeAgent(v.r.Context(), v.r.PathValue("id")); err != nil {
		return err
	}
	return v.back(v.agentPath(), "The agent is frozen.")
}

func unfreezeAgent(v *visit) error {
	if err := v.api.UnfreezeAgent(v.r.Context(), v.r.PathValue("id")); err != nil {
		return err
	}
	return v.back(v.agentPath(), "The agent's freeze is over.")
}
