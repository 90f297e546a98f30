package client

import (
	"context"
	"net/http"
	"time"
)

// Freeze is over one agent, or over all of the organisation where AgentID is empty.
type Freeze struct {
	AgentID  string    `json:"agent_id"`
	FrozenBy string    `json:"frozen_by"`
	FrozenAt time.Time `json:"frozen_at"`
}

// FreezeState is which freezes the caller may know of, and whether one is over all agents.
type FreezeState struct {
	Frozen  bool     `json:"frozen"`
	Freezes []Freeze `json:"freezes"`
}

// FreezeAgent stops an agent: nothing is read, used or signed for it until UnfreezeAgent.
func (c *Client) FreezeAgent(ctx context.Context, agent string) (*Freeze, error) {
	return c.freeze(ctx, "agents", agent, "freeze")
}

// FreezeOrg stops all agents of the organisation, also those that come later.
func (c *Client) FreezeOrg(ctx context.Context) (*Freeze, error) {
	return c.freeze(ctx, "org", "freeze")
}

// UnfreezeAgent ends the freeze of an agent; it takes a person.
func (c *Client) UnfreezeAgent(ctx context.Context, agent string) error {
	return c.write(ctx, http.MethodPost, nil, nil, "agents", agent, "unfreeze")
}

// UnfreezeOrg ends the freeze of all agents; it takes a person. Agents that are frozen by
// themselves stay so.
func (c *Client) UnfreezeOrg(ctx context.Context) error {
	return c.write(ctx, http.MethodPost, nil, nil, "org", "unfreeze")
}

// FreezeState says whether agents are frozen, and which.
func (c *Client) FreezeState(ctx context.Context) (*FreezeState, error) {
	out := new(FreezeState)
	return got(out, c.read(ctx, out, "org", "freeze"))
}

// freeze may be sent twice: what is frozen stays so.
func (c *Client) freeze(ctx context.Context, parts ...string) (*Freeze, error) {
	p, err := route(parts...)
	if err != nil {
		return nil, err
	}
	out := new(Freeze)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p, repeatable: true}, out))
}
