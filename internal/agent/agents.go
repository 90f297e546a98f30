package agent

import (
	"context"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// CreateAgent registers an agent of the calling user's. Its key, when it has
// one, is returned this once.
func (s *Service) CreateAgent(ctx context.Context, c *call.Call, draft Agent) (Agent, secret.Bytes, error) {
	c.Touch("agent", "")
	if err := c.Authorize(policy.RegisterAgent, c.Own()); err != nil {
		return Agent{}, secret.Bytes{}, err
	}
	a, err := s.prepareAgent(ctx, c, draft)
	if err != nil {
		return Agent{}, secret.Bytes{}, err
	}
	var key secret.Bytes
	if a.AuthMethod == MethodAPIKey {
		key = a.renewKey()
	}
	c.Succeed("agent", a.ID)
	c.Event.Details.More = limitChanges(&intents.Guardrails{}, &a.Guardrails)
	if err := s.withIdentityKeys(ctx, c, &a, func() error { return s.store.AddAgent(ctx, a, c.Event) }); err != nil {
		return Agent{}, secret.Bytes{}, err
	}
	return a, key, nil
}

// prepareAgent makes a new agent of the caller's from a draft, and checks it.
func (s *Service) prepareAgent(ctx context.Context, c *call.Call, draft Agent) (Agent, error) {
	a := draft
	if a.Org, a.Creator = c.Who.Org, c.Who.ID; a.ID == "" {
		a.ID = ids.New()
	}
	a.Active, a.TokenGen, a.CreatedAt = true, 1, stamp.Of(c.Now)
	a.Held = nil
	if err := identity.CheckExpiry(a.ExpiresAt, c.Now); err != nil {
		return Agent{}, err
	}
	var err error
	if a.ExpiresAt, err = c.Capped(a.ExpiresAt); err != nil {
		return Agent{}, err
	}
	if err := a.check(); err != nil {
		return Agent{}, err
	}
	if a.OIDCIssuer != "" && s.cfg.CheckURL != nil && s.cfg.CheckURL(a.OIDCIssuer) != nil {
		return Agent{}, errIssuer
	}
	if err := s.checkCertified(&a); err != nil {
		return Agent{}, err
	}
	if err := s.checkVaults(ctx, c, a.VaultIDs, nil); err != nil {
		return Agent{}, err
	}
	if err := s.checkChains(ctx, new(intents.Guardrails), &a.Guardrails); err != nil {
		return Agent{}, err
	}
	if err := a.hold(&a, c.Who.Manages(), a.registered()); err != nil {
		return Agent{}, err
	}
	a.SeenLimits = new(a.Guardrails)
	return a, s.store.RoomForAgent(ctx, a.Org)
}

// Agents returns the agents that the calling user may see, oldest first: an
// owner or admin all of the organisation, a member its own.
func (s *Service) Agents(ctx context.Context, c *call.Call) ([]Agent, error) {
	c.Touch("agent", "")
	if err := c.Authorize(policy.ListAgents, c.Own()); err != nil {
		return nil, err
	}
	creator := c.Who.ID
	if c.Who.Manages() {
		creator = ""
	}
	return s.store.Agents(ctx, c.Who.Org, creator)
}

// Agent returns an agent that the caller may see: to others it does not exist.
func (s *Service) Agent(ctx context.Context, c *call.Call, id string) (Agent, error) {
	return s.agent(ctx, c, id, policy.ReadAgent)
}

// AgentSelf returns the calling agent.
func (s *Service) AgentSelf(ctx context.Context, c *call.Call) (Agent, error) {
	c.Touch("agent", c.Who.ID)
	if err := c.Authorize(policy.ReadAgentSelf, c.Own()); err != nil {
		return Agent{}, err
	}
	return s.store.Agent(ctx, c.Who.Org, c.Who.ID)
}

// agent finds an agent and asks whether the caller may do action to it.
func (s *Service) agent(ctx context.Context, c *call.Call, id string, action policy.Action) (Agent, error) {
	a, err := s.store.Agent(ctx, c.Who.Org, id)
	return a, c.OverAgent(action, id, a.Creator, err)
}

// UpdateAgent changes an agent. What it may no longer do, it can't at once. Guardrails that
// allow more take a person who is there.
func (s *Service) UpdateAgent(ctx context.Context, c *call.Call, id string, p Patch) (Agent, error) {
	now, err := s.agent(ctx, c, id, policy.UpdateAgent)
	if err != nil {
		return Agent{}, err
	}
	if err := s.checkVaults(ctx, c, p.VaultIDs.Value, now.VaultIDs); err != nil {
		return Agent{}, err
	}
	next := now.Guardrails
	if p.Guardrails.Apply(&next) == nil && next.Check() == nil { // else the change itself is refused
		if err := s.checkChains(ctx, &now.Guardrails, &next); err != nil {
			return Agent{}, err
		}
	}
	if err := s.opensNoGate(ctx, c, &now, &p); err != nil {
		return Agent{}, err
	}
	c.Succeed("agent", id)
	return s.store.ChangeAgent(ctx, c.Who.Org, id, func(a *Agent) error {
		was := *a
		if err := p.apply(a, c.Now); err != nil {
			return err
		}
		if err := prolongs(c, was.ExpiresAt, a.ExpiresAt); err != nil {
			return err
		}
		if a.Active && (!was.Active || a.AuthMethod != MethodAPIKey && a.TokenGen != was.TokenGen) {
			if err := goesOn(c, a); err != nil {
				return err
			}
		}
		if err := a.hold(&was, c.Who.Manages(), p.touched()); err != nil {
			return err
		}
		if a.usesLooser(&was) || was.NoReveal && !a.NoReveal {
			if err := c.RequirePerson(); err != nil {
				return err
			}
		}
		a.see(&was, c.PersonHere())
		c.Event.Details.More = limitChanges(&was.Guardrails, &a.Guardrails)
		return s.checkCertified(a)
	}, false, c.Event)
}

// opensNoGate asks for a person where a change lets the agent reach what a policy
// asks approvals for, by one that asks for none: by other scopes or vaults, by
// showing it the keys that Intents hides, or by starting it again. Who narrows the
// agent meanwhile ends a right, so the change is decided anew.
func (s *Service) opensNoGate(ctx context.Context, c *call.Call, was *Agent, p *Patch) error {
	is := *was
	if err := p.apply(&is, c.Now); err != nil || c.PersonHere() {
		return err
	}
	before := policy.Cap{Nowhere: !was.Live(c.Now) || was.Intents && !is.Intents, Vaults: was.VaultIDs, Scopes: was.Scopes}
	after := policy.Cap{Nowhere: !is.Live(c.Now), Vaults: is.VaultIDs, Scopes: is.Scopes}
	if after.Within(before) {
		return nil
	}
	opens, err := s.cfg.Granter.Widens(ctx, was.ID, before, after, c.Now)
	if err == nil && opens {
		err = c.RequirePerson()
	}
	return err
}

// goesOn asks for a person where an agent is started, or given another way in, by a
// credential that ends before the agent does: what it gives would outlast it.
func goesOn(c *call.Call, a *Agent) error {
	if capped, err := c.Capped(a.ExpiresAt); err != nil || !capped.Equal(a.ExpiresAt) {
		return c.RequirePerson()
	}
	return nil
}

// prolongs asks for a person where an agent is to go on beyond its end, and beyond
// that of the credential that says so.
func prolongs(c *call.Call, was, end time.Time) error {
	if was.IsZero() || !end.IsZero() && !end.After(was) {
		return nil
	}
	if capped, err := c.Capped(end); err != nil || !capped.Equal(end) {
		return c.RequirePerson()
	}
	return nil
}

// DeactivateAgent ends an agent: its key and tokens stop working at once, and
// for good. Who activates it again gives it another key. The shares and policies
// that it made end too, unless a person keeps them: those that were kept end when it
// is deactivated again.
func (s *Service) DeactivateAgent(ctx context.Context, c *call.Call, id string, keep bool) error {
	if _, err := s.agent(ctx, c, id, policy.DeactivateAgent); err != nil {
		return err
	}
	if keep {
		if err := c.RequirePerson(); err != nil {
			return err
		}
	}
	c.Succeed("agent", id)
	_, err := s.store.ChangeAgent(ctx, c.Who.Org, id, func(a *Agent) error {
		was := *a
		a.stop()
		return a.hold(&was, c.Who.Manages(), []string{"is_active"})
	}, keep, c.Event)
	return err
}

// RotateAgentIdentityKeys gives an agent new Ed25519 and P-256 keys. Public and
// private halves change in one transaction.
func (s *Service) RotateAgentIdentityKeys(ctx context.Context, c *call.Call, id string) (Agent, error) {
	if _, err := s.agent(ctx, c, id, policy.RotateAgentIdentityKeys); err != nil {
		return Agent{}, err
	}
	c.Succeed("agent", id)
	is := Agent{State: identity.State{ID: id}}
	err := s.withIdentityKeys(ctx, c, &is, func() (err error) {
		keys := is
		is, err = s.store.ChangeAgent(ctx, c.Who.Org, id, func(a *Agent) error {
			a.SSHPublicKey, a.ECDHPublicKey, a.Sealed = keys.SSHPublicKey, keys.ECDHPublicKey, keys.Sealed
			return nil
		}, false, c.Event)
		if err != nil {
			is = keys
		}
		return err
	})
	return is, err
}

// IssueAgentToken gives a token of an agent to the human who manages it.
func (s *Service) IssueAgentToken(ctx context.Context, c *call.Call, id string) (identity.Token, error) {
	began := s.identity.Begin()
	a, err := s.agent(ctx, c, id, policy.IssueAgentToken)
	if err != nil {
		return identity.Token{}, err
	}
	if !a.Live(c.Now) {
		return identity.Token{}, invalid("agent_inactive", "This agent is inactive or has expired.")
	}
	return s.identity.IssueForAgent(ctx, c, &a.State, began, "")
}

// checkVaults refuses a binding to vaults that the caller may not see, but for
// those that the agent is bound to already: a binding shows the vault to the agent.
func (s *Service) checkVaults(ctx context.Context, c *call.Call, ids, had []string) error {
	if len(ids) == 0 {
		return nil
	}
	if err := checkVaultIDs(ids); err != nil {
		return err
	}
	ids = lowerAll(ids)
	ok, err := s.store.HasVaults(ctx, c.Who.Org, ids)
	for _, id := range ids {
		if err == nil && ok && !c.Who.Manages() && !slices.Contains(had, id) {
			ok, err = s.cfg.Granter.Shows(ctx, c, id)
		}
	}
	if err == nil && !ok {
		err = invalid("unknown_vault", "vault_ids names a vault that does not exist in this organisation, or that you may not see.")
	}
	return err
}

// Reach returns an agent for a question about what it may do: to its creator, to who manages
// the organisation, and to itself. The principal is the agent as it may act now; active
// is false when it may not.
func (s *Service) Reach(ctx context.Context, c *call.Call, id string) (a Agent, who policy.Principal, active bool, err error) {
	if a, err = s.agent(ctx, c, id, policy.ReadAccess); err != nil {
		return a, who, false, err
	}
	who, err = s.identity.PrincipalNow(ctx, policy.KindAgent, a.ID, a.Org, c.Now)
	if fault.Is(err, fault.NotFound) {
		return a, policy.Principal{Kind: policy.KindAgent, ID: a.ID, Org: a.Org}, false, nil
	}
	return a, who, true, err
}

// Names returns the names of an organisation's agents by id, for lists that the caller of this
// may show.
func (s *Service) Names(ctx context.Context, org string) (map[string]string, error) {
	all, err := s.store.Agents(ctx, org, "")
	out := make(map[string]string, len(all))
	for i := range all {
		out[all[i].ID] = all[i].Name
	}
	return out, err
}
