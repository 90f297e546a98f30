// Package freeze stops agents: one, or all of an organisation.
//
// Its promise: once a freeze is committed, no agent that it is over reads, uses or
// signs anything, with whatever credential, on any node once its caches are a second old;
// a write that was decided before is not committed. What agents shared stays closed as
// long. A person ends it, and what an owner or admin froze, only such a person.
package freeze

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Freeze is over one agent, or over all of an organisation when Agent is empty.
type Freeze struct {
	Org, Agent string
	By         string // the user who set it
	Managed    bool   // an owner or admin did
	At         time.Time
}

// Store keeps freezes.
type Store interface {
	// AddFreeze stores f unless there is one over the same, which it then raises to Managed
	// where f is. It returns the one that stands.
	AddFreeze(ctx context.Context, f Freeze, ev *audit.Event) (Freeze, error)
	// EndFreeze removes the freeze over one agent or all. may looks at it first, and its
	// error is returned. NotFound when there is none.
	EndFreeze(ctx context.Context, org, agent string, may func(Freeze) error, ev *audit.Event) error
	// Freezes returns those of an organisation, the one over all first.
	Freezes(ctx context.Context, org string) ([]Freeze, error)
	// CreatorOf returns who made an agent of an organisation, or NotFound.
	CreatorOf(ctx context.Context, org, agent string) (string, error)
}

// Service is the methods on freezes.
type Service struct{ Store Store }

var (
	errHeld = fault.New(fault.Denied, "access_denied", "An owner or admin froze this agent: only such a person ends it.").Because("held")
	// ErrNone is what ends of freezes get that are not there.
	ErrNone = fault.New(fault.NotFound, "not_frozen", "This is not frozen.")
)

// FreezeOrg stops all agents of the caller's organisation, also those that come later.
func (s *Service) FreezeOrg(ctx context.Context, c *call.Call) (Freeze, error) {
	c.Touch("org", c.Who.Org)
	if err := c.Authorize(policy.FreezeOrg, c.Own()); err != nil {
		return Freeze{}, err
	}
	return s.freeze(ctx, c, "")
}

// FreezeAgent stops one agent.
func (s *Service) FreezeAgent(ctx context.Context, c *call.Call, agent string) (Freeze, error) {
	if err := s.over(ctx, c, agent, policy.FreezeAgent); err != nil {
		return Freeze{}, err
	}
	return s.freeze(ctx, c, agent)
}

func (s *Service) freeze(ctx context.Context, c *call.Call, agent string) (Freeze, error) {
	c.Event.Details.Outcome = audit.Success
	return s.Store.AddFreeze(ctx, Freeze{Org: c.Who.Org, Agent: agent, By: c.Who.ID, Managed: c.Who.Manages(), At: stamp.Of(c.Now)}, c.Event)
}

// UnfreezeOrg ends the freeze of the organisation. Agents that are frozen by themselves
// stay so.
func (s *Service) UnfreezeOrg(ctx context.Context, c *call.Call) error {
	c.Touch("org", c.Who.Org)
	if err := c.Authorize(policy.UnfreezeOrg, c.Own()); err != nil {
		return err
	}
	c.Event.Details.Outcome = audit.Success
	return s.Store.EndFreeze(ctx, c.Who.Org, "", func(Freeze) error { return nil }, c.Event)
}

// UnfreezeAgent ends the freeze of one agent.
func (s *Service) UnfreezeAgent(ctx context.Context, c *call.Call, agent string) error {
	if err := s.over(ctx, c, agent, policy.UnfreezeAgent); err != nil {
		return err
	}
	c.Event.Details.Outcome = audit.Success
	return s.Store.EndFreeze(ctx, c.Who.Org, agent, func(f Freeze) error {
		if f.Managed && !c.Who.Manages() {
			return errHeld
		}
		return nil
	}, c.Event)
}

// List returns the freezes that the caller may know of: a member those over its own agents
// and over all.
func (s *Service) List(ctx context.Context, c *call.Call) ([]Freeze, error) {
	c.Touch("org", c.Who.Org)
	if err := c.Authorize(policy.ReadFreeze, c.Own()); err != nil {
		return nil, err
	}
	all, err := s.Store.Freezes(ctx, c.Who.Org)
	if err != nil || c.Who.Manages() {
		return all, err
	}
	var out []Freeze
	for _, f := range all {
		if f.Agent != "" {
			creator, err := s.Store.CreatorOf(ctx, c.Who.Org, f.Agent)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, err
			}
			if creator != c.Who.ID {
				continue
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// over asks whether the caller may do a to an agent.
func (s *Service) over(ctx context.Context, c *call.Call, agent string, a policy.Action) error {
	creator, err := s.Store.CreatorOf(ctx, c.Who.Org, agent)
	return c.OverAgent(a, agent, creator, err)
}
