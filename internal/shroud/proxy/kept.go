package proxy

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
)

// maxKept bounds what is remembered of agents.
const maxKept = 10_000

// caller is an agent with what its shroud_config says, which nobody changes.
type caller struct {
	agent.Agent
	settings shroud.Settings
	limits   spend.Limits
}

// self is the calling agent, as its organisation's rights are now.
func (p *Proxy) self(ctx context.Context, c *call.Call) (caller, error) {
	c.Touch("agent", c.Who.ID)
	if err := c.Authorize(policy.ReadAgentSelf, c.Own()); err != nil {
		return caller{}, err
	}
	return p.agents.Get(c.Who.ID, func() (int64, bool) { return p.cfg.Epoch(c.Who.Org) }, func() (out caller, err error) {
		if out.Agent, err = p.cfg.Agents.AgentSelf(ctx, c); err != nil {
			return out, err
		}
		if out.settings, err = out.ShroudConfig.Settings(); err != nil {
			return out, err
		}
		out.limits, err = spend.LimitsOf(out.ShroudConfig)
		return out, err
	})
}
