package account

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// MadeWithKey returns what was made with an API key of the calling user's, the newest
// first; owners and admins ask about each of the organisation's.
func (s *Service) MadeWithKey(ctx context.Context, c *call.Call, id string) (identity.AllMade, error) {
	c.Touch("api_key", id)
	if err := c.Authorize(policy.ListAPIKeys, c.Own()); err != nil {
		return identity.AllMade{}, err
	}
	k, err := s.store.Key(ctx, id)
	if err == nil && (k.Org != c.Who.Org || k.User != c.Who.ID && !c.Who.Manages()) {
		err = fault.New(fault.NotFound, "api_key_not_found", "There is no API key with this id.")
	}
	if err != nil {
		return identity.AllMade{}, err
	}
	return s.store.Made(ctx, c.Who.Org, "key:"+k.ID, "key:"+k.ID+"!", c.Now, identity.InSight(&c.Who))
}

// MadeWithSession returns what was made with a login or device of the calling user's
// in the organisation that it acts in, also when that has ended.
func (s *Service) MadeWithSession(ctx context.Context, c *call.Call, id string) (identity.AllMade, error) {
	c.Touch("session", id)
	if err := c.Authorize(policy.ListSessions, c.Own()); err != nil {
		return identity.AllMade{}, err
	}
	if k, err := s.storedLogin(ctx, c, id); err == nil {
		return s.store.Made(ctx, k.Org, "key:"+id, "key:"+id+"!", c.Now, identity.InSight(&c.Who))
	} else if !fault.Is(err, fault.NotFound) {
		return identity.AllMade{}, err
	}
	row, err := s.store.Session(ctx, id)
	if err == nil && row.User != c.Who.ID {
		err = fault.New(fault.NotFound, "session_not_found", "You have no such session, or it has ended.")
	}
	if err != nil {
		return identity.AllMade{}, err
	}
	return s.store.Made(ctx, c.Who.Org, "session:"+id, "session:"+id+"!", c.Now, identity.InSight(&c.Who))
}
