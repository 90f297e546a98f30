package agent

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

var errKey = fault.New(fault.Unauthenticated, "unauthenticated",
	"The key is wrong, revoked or expired, or belongs to another or an inactive agent.")

// AgentToken exchanges an agent's key for a token. A given agent id must be the
// id of the key's agent.
func (s *Service) AgentToken(ctx context.Context, c *call.Call, key, agentID string) (identity.Token, error) {
	c.Touch("agent", "")
	if !strings.HasPrefix(key, identity.AgentKeyPrefix) || len(key) > identity.MaxKey {
		return identity.Token{}, identity.Refuse(c, "unknown_key", errKey)
	}
	a, began, err := s.identity.StateOf(ctx, key, c.Now)
	if fault.Is(err, fault.NotFound) {
		return identity.Token{}, identity.Refuse(c, "unknown_key", errKey)
	}
	if err != nil {
		return identity.Token{}, err
	}
	c.Touch("agent", a.ID)
	switch {
	case agentID != "" && !strings.EqualFold(agentID, a.ID):
		return identity.Token{}, identity.RefuseAs(c, policy.KindAgent, a.ID, a.Org, "agent_mismatch", errKey)
	case !a.Live(c.Now):
		return identity.Token{}, identity.RefuseAs(c, policy.KindAgent, a.ID, a.Org, a.DeadReason(), errKey)
	}
	if err := s.identity.Admit(ctx, a.Org, policy.KindAgent, c.IP); err != nil {
		return identity.Token{}, identity.RefuseAddress(c, err, policy.KindAgent, a.ID, a.Org, errKey)
	}
	c.By(policy.KindAgent, a.ID, a.Org)
	s.identity.NoteAgent(a.ID, c.Now)
	return s.identity.IssueForAgent(ctx, c, &a, began, "")
}
