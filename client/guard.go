package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// Guard is what bounds an agent's transactions and signatures. Rules are those beside
// the agent's tx_ fields; Words are all in plain sentences.
type Guard struct {
	AgentID  string          `json:"agent_id"`
	Rules    json.RawMessage `json:"rules"`
	Words    []string        `json:"words"`
	Held     bool            `json:"held"` // an owner or admin set them: only such a person changes them
	Revision int64           `json:"revision"`
}

// Guard returns the rules in force for an agent.
func (c *Client) Guard(ctx context.Context, agent string) (*Guard, error) {
	out := new(Guard)
	return got(out, c.read(ctx, out, "agents", agent, "guard"))
}

// SetGuard replaces the rules of an agent beside its tx_ fields. rules is a JSON object.
func (c *Client) SetGuard(ctx context.Context, agent string, rules json.RawMessage) (*Guard, error) {
	out := new(Guard)
	return got(out, c.write(ctx, http.MethodPut, map[string]json.RawMessage{"rules": rules}, out, "agents", agent, "guard"))
}

// GuardVerdict is what the rules would say of a transaction. Allowed means with the approvals
// that it needs, if any; Rule is the first that denies, and Denial which limit it is, by
// how much, and what would pass.
type GuardVerdict struct {
	Allowed       bool     `json:"allowed"`
	Rule          string   `json:"rule"`
	Denial        string   `json:"denial"`
	NeedsApproval []string `json:"needs_approval"`
	Function      string   `json:"function"`
	Effects       []string `json:"effects"`
}

// TryGuard asks what the rules would say of a transaction. Nothing is signed or reserved.
// tx is a JSON object with the fields of Submission.
func (c *Client) TryGuard(ctx context.Context, agent string, tx json.RawMessage) (*GuardVerdict, error) {
	out := new(GuardVerdict)
	return got(out, c.write(ctx, http.MethodPost, tx, out, "agents", agent, "guard", "try"))
}
