package agent

import (
	"context"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// maxRouterKeys is how many router keys of an agent work at a time.
const maxRouterKeys = 50

// What the keeper of router keys refuses.
var (
	ErrNoRouterKey = fault.New(fault.NotFound, "router_key_not_found", "There is no router key with this id.")
	errInactive    = fault.New(fault.Conflict, "agent_deactivated", "The agent is not active, so nothing may call models for it.")
	errRouterRoom  = fault.New(fault.Conflict, "too_many_router_keys", "The agent has as many router keys as one may have. Revoke one that nobody uses.")
)

// RoomForRouterKey refuses another router key of an agent that has so many, or is not active.
func RoomForRouterKey(active bool, has int) error {
	switch {
	case !active:
		return errInactive
	case has >= maxRouterKeys:
		return errRouterRoom
	}
	return nil
}

// CreateRouterKey makes a key that calls models for an agent and does nothing else. The key
// itself is returned this once. It ends with the agent's own key, and with the credential
// that made it. With nobody there it ends when that credential does.
func (s *Service) CreateRouterKey(ctx context.Context, c *call.Call, id, name string, expires time.Time) (k identity.RouterKey, key secret.Bytes, err error) {
	a, err := s.agent(ctx, c, id, policy.CreateRouterKey)
	if err != nil {
		return k, key, err
	}
	name = strings.TrimSpace(name)
	if err := identity.CheckText("name", name, 255); err != nil {
		return k, key, err
	}
	if err := identity.CheckExpiry(expires, c.Now); err != nil {
		return k, key, err
	}
	if expires, err = c.Capped(stamp.End(expires)); err != nil {
		return k, key, err
	}
	text := identity.NewKey(identity.RouterKeyPrefix)
	k = identity.RouterKey{
		ID: ids.New(), Org: a.Org, Agent: a.ID, Name: name, Hash: identity.HashKey(text), Prefix: text[:identity.ShownRouterPrefix],
		User: c.Who.ID, CreatedAt: stamp.Of(c.Now), ExpiresAt: expires,
	}
	c.Succeed("router_key", k.ID)
	if err := s.store.AddRouterKey(ctx, &k, c.Event); err != nil {
		return identity.RouterKey{}, key, err
	}
	return k, secret.FromString(text), nil
}

// RouterKeys returns an agent's router keys, oldest first, and which of them still work.
func (s *Service) RouterKeys(ctx context.Context, c *call.Call, id string) (all []identity.RouterKey, live []bool, err error) {
	a, err := s.agent(ctx, c, id, policy.ListRouterKeys)
	if err != nil {
		return nil, nil, err
	}
	all, err = s.store.RouterKeys(ctx, a.ID)
	for i := range all {
		live = append(live, all[i].Live(c.Now) && all[i].Gen == a.TokenGen && a.Live(c.Now))
	}
	return all, live, err
}

// RevokeRouterKey ends a router key.
func (s *Service) RevokeRouterKey(ctx context.Context, c *call.Call, id, key string) error {
	a, err := s.agent(ctx, c, id, policy.RevokeRouterKey)
	if err != nil {
		return err
	}
	c.Succeed("router_key", key)
	return s.store.RevokeRouterKey(ctx, a.Org, a.ID, key, stamp.Of(c.Now), c.Event)
}
