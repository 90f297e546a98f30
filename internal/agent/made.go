package agent

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// MadeByAgent returns what was made with all credentials that an agent has had, the newest
// first.
func (s *Service) MadeByAgent(ctx context.Context, c *call.Call, id string) (identity.AllMade, error) {
	a, err := s.agent(ctx, c, id, policy.ReadAgent)
	if err != nil {
		return identity.AllMade{}, err
	}
	return s.store.Made(ctx, a.Org, "agent:"+a.ID+"/", "agent:"+a.ID+"0", c.Now, identity.InSight(&c.Who))
}
