package agents

import (
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// agentView is all that the page of an agent shows.
type agentView struct {
	*client.Agent
	States      standings
	Access      *client.AgentAccess
	Events      []client.AuditEvent
	Executions  []client.Execution
	Bindings    []client.AgentBinding
	RouterKeys  []client.RouterKey
	SigningKeys []client.SigningKey
	Made        []client.Made
	MadeInAll   int // the list has the newest
	Chains      []client.Chain
	Vaults      map[string]string
	Words       []string // of its guardrails

	BalanceOf string // the chain that a balance was asked for
	Balance   *client.Balance
	Problem   string // of the balance
	Path      string // what its reach was asked for
}

// shownSecrets is how many paths of a vault the page of an agent lists.
const shownSecrets = 25

// shownMade is how much of what it made the page of an agent lists, the newest.
const shownMade = 50

// oneAgent shows an agent: what it is, what it reaches, what it did and what it has.
func oneAgent(v *frame.Visit) error {
	d, err := lookAtAgent(v)
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "agent", d.Name, d)
}

// lookAtAgent asks for all that the page of an agent shows.
func lookAtAgent(v *frame.Visit) (*agentView, error) {
	id := v.R.PathValue("id")
	d := &agentView{Path: v.Query("path"), BalanceOf: v.Query("balance")}
	var err error
	if d.Agent, err = v.API.Agent(v.R.Context(), id); err != nil { // nothing of another organisation's agent is asked for
		return nil, err
	}
	var freeze *client.FreezeState
	var vaults []client.Vault
	var audit *client.AuditPage
	var guard *client.Guard
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { freeze, err = v.API.FreezeState(ctx); return frame.Seen(err) })
	g.Go(func() (err error) { vaults, err = v.API.Vaults(ctx); return frame.Seen(err) })
	g.Go(func() (err error) {
		d.Access, err = v.API.AgentAccess(ctx, id, client.AccessQuery{Path: d.Path})
		if d.Path != "" && frame.Retry(err) {
			_, d.Problem = v.Describe(err)
			return nil
		}
		return frame.Seen(err)
	})
	g.Go(func() (err error) {
		audit, err = v.API.AuditEvents(ctx, client.AuditFilter{ActorID: id, Limit: 20})
		return frame.Seen(err)
	})
	g.Go(func() (err error) { d.Executions, err = v.API.Executions(ctx, id, 10); return frame.Seen(err) })
	g.Go(func() (err error) { d.Bindings, err = v.API.AgentBindings(ctx, id); return frame.Seen(err) })
	g.Go(func() (err error) { d.RouterKeys, err = v.API.RouterKeys(ctx, id); return frame.Seen(err) })
	g.Go(func() (err error) { d.SigningKeys, err = v.API.SigningKeys(ctx, id); return frame.Seen(err) })
	g.Go(func() error {
		all, err := v.API.MadeByAgent(ctx, id)
		d.Made, d.MadeInAll = all.Made[:min(len(all.Made), shownMade)], all.Total
		return frame.Seen(err)
	})
	g.Go(func() (err error) { guard, err = v.API.Guard(ctx, id); return frame.Seen(err) })
	g.Go(func() (err error) { d.Chains, err = v.API.Chains(ctx); return frame.Seen(err) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	d.States, d.Vaults = standingsOf(freeze, v.Now()), frame.VaultNames(vaults)
	if audit != nil {
		d.Events = audit.Events
	}
	if guard != nil {
		d.Words = guard.Words
	}
	if d.Access != nil {
		for i := range d.Access.Vaults {
			if one := &d.Access.Vaults[i]; len(one.Secrets) > shownSecrets {
				one.Secrets, one.Truncated = one.Secrets[:shownSecrets], true
			}
		}
	}
	if d.BalanceOf != "" {
		if d.Balance, err = v.API.SigningKeyBalance(v.R.Context(), id, d.BalanceOf); err != nil {
			_, d.Problem = v.Describe(err)
		}
	}
	return d, nil
}

// makeSigningKey makes the key that signs an agent's transactions.
func makeSigningKey(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	if _, err := v.API.CreateSigningKey(v.R.Context(), v.R.PathValue("id"), client.EVM); err != nil {
		return err
	}
	return v.Back(agentPath(v), "The signing key is made.")
}

// makeRouterKey makes a key that calls models, and shows it once.
func makeRouterKey(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	made, err := v.API.CreateRouterKey(v.R.Context(), v.R.PathValue("id"), v.Form("name"), nil)
	if err != nil {
		return err
	}
	defer made.Secret.Wipe()
	a, err := v.API.Agent(v.R.Context(), v.R.PathValue("id"))
	if err != nil {
		return err
	}
	k := agentKey{Agent: a, Key: string(made.Secret.Reveal())}
	if v.ShroudURL() != "" {
		k.Setups = modelSetups(v.ShroudURL(), k.Key)[2:]
	}
	return v.Show(http.StatusOK, "agent-key", v.T("The router key %s is made", made.Key.Name), k)
}

func revokeRouterKey(v *frame.Visit) error {
	if err := v.API.RevokeRouterKey(v.R.Context(), v.R.PathValue("id"), v.R.PathValue("one")); err != nil {
		return err
	}
	return v.Back(agentPath(v), "The router key is revoked.")
}

// Standing is whether the agent works, and why it does not.
func (d *agentView) Standing() standing { return d.States.Of(*d.Agent) }

// Executes reports whether it may execute what its bindings allow.
func (d *agentView) Executes() bool { return d.ExecutionEnabled != nil && *d.ExecutionEnabled }

// Keyless reports whether it logs in by a key and has none.
func (d *agentView) Keyless() bool {
	return d.HasAPIKey != nil && !*d.HasAPIKey && d.AuthMethod == "api_key"
}

// Nodes reports whether there is a chain whose node can be asked for a balance.
func (d *agentView) Nodes() bool {
	return slices.ContainsFunc(d.Chains, func(c client.Chain) bool { return c.NodeSet })
}
