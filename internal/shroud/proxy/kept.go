package proxy

import (
	"context"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
)

// maxKept bounds what is remembered of agents, and of places of keys.
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

// fresh is after how long vaults are looked for again although this node knows of no change.
const fresh = 5 * time.Second

// places remembers which vaults have a secret at a path. Whether it is still there and may be
// used is decided when it is.
type places struct {
	mu sync.Mutex
	of map[place]found
}

type place struct{ org, path string }

type found struct {
	vaults []string
	writes uint64 // of the organisation, on this node
	at     time.Time
}

// vaultsWith are the vaults of the caller's organisation that have a secret at a path. That there
// is none is not remembered.
func (p *Proxy) vaultsWith(ctx context.Context, c *call.Call, path string) ([]string, error) {
	at, writes := place{c.Who.Org, path}, p.cfg.Vault.Writes(c.Who.Org)
	p.places.mu.Lock()
	was, ok := p.places.of[at]
	p.places.mu.Unlock()
	if age := c.Now.Sub(was.at); ok && was.writes == writes && age >= 0 && age < fresh {
		return was.vaults, nil
	}
	all, err := p.cfg.Store.VaultsWith(ctx, c.Who.Org, path)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	p.places.mu.Lock()
	defer p.places.mu.Unlock()
	if p.places.of == nil || len(p.places.of) >= maxKept {
		p.places.of = map[place]found{}
	}
	p.places.of[at] = found{all, writes, c.Now}
	return all, nil
}
