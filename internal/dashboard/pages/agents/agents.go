package agents

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var agentPages = map[string]frame.Page{
	"GET /agents":                                agents,
	"GET /agents/{$}":                            func(v *frame.Visit) error { return v.Redirect("/agents") },
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
	Leaf   frame.Leaf
}

// agents lists those that the person may see.
func agents(v *frame.Visit) error {
	d := agentList{Q: v.Query("q")}
	var freeze *client.FreezeState
	var vaults []client.Vault
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { d.Agents, err = v.API.Agents(ctx); return err })
	g.Go(func() (err error) { freeze, err = v.API.FreezeState(ctx); return frame.Seen(err) })
	g.Go(func() (err error) { vaults, err = v.API.Vaults(ctx); return frame.Seen(err) })
	if err := g.Wait(); err != nil {
		return err
	}
	d.States, d.Vaults, d.Any = standingsOf(freeze, v.Now()), frame.VaultNames(vaults), len(d.Agents) > 0
	want := strings.ToLower(d.Q)
	d.Agents = slices.DeleteFunc(d.Agents, func(a client.Agent) bool {
		return !strings.Contains(strings.ToLower(a.Name+" "+a.Description+" "+a.ID), want)
	})
	d.Leaf = v.Leaf(len(d.Agents))
	d.Agents = d.Agents[d.Leaf.From:d.Leaf.To]
	return v.Show(http.StatusOK, "agents", v.T("Agents"), d)
}

// agentPath is where the page of the agent of this request is.
func agentPath(v *frame.Visit) string { return "/agents/" + v.R.PathValue("id") }

// freezePage says what it stops to freeze all agents.
func freezePage(v *frame.Visit) error {
	all, err := v.API.Agents(v.R.Context())
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(a client.Agent) bool { return !a.IsActive })
	return v.Show(http.StatusOK, "agents-freeze", v.T("Freeze all agents"), len(all))
}

func freezeAll(v *frame.Visit) error {
	if _, err := v.API.FreezeOrg(v.R.Context()); err != nil {
		return err
	}
	return v.Back("/agents", "All agents are frozen.")
}

func unfreezeAll(v *frame.Visit) error {
	if err := v.API.UnfreezeOrg(v.R.Context()); err != nil {
		return err
	}
	return v.Back("/agents", "The freeze is over. Agents that are frozen by themselves stay so.")
}

func freezeAgent(v *frame.Visit) error {
	if _, err := v.API.FreezeAgent(v.R.Context(), v.R.PathValue("id")); err != nil {
		return err
	}
	return v.Back(agentPath(v), "The agent is frozen.")
}

func unfreezeAgent(v *frame.Visit) error {
	if err := v.API.UnfreezeAgent(v.R.Context(), v.R.PathValue("id")); err != nil {
		return err
	}
	return v.Back(agentPath(v), "The agent's freeze is over.")
}
