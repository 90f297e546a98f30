package call

import (
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// OverAgent is Authorize for what is done to an agent. creator made it, and found is what
// looking for it in the caller's organisation gave. It is policy.ErrNoAgent where there is
// none, and for a user who may not know of it.
func (c *Call) OverAgent(a policy.Action, id, creator string, found error) error {
	c.Touch("agent", id)
	if found != nil && !fault.Is(found, fault.NotFound) {
		return found
	}
	// The kind of caller is looked at first, so that an agent learns nothing of others.
	err := c.Authorize(a, policy.Resource{Org: c.Who.Org, Agent: &policy.Agent{ID: id, Org: c.Who.Org, Creator: creator}})
	hidden := c.Who.Kind == policy.KindUser && !c.Who.Manages() && creator != c.Who.ID
	if hidden || found != nil && (err == nil || c.Who.Kind == policy.KindUser) {
		return policy.ErrNoAgent
	}
	return err
}
