package account

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

// KeyDraft is what a new personal key is asked for with.
type KeyDraft struct {
	Name      string
	Scopes    []string
	ExpiresAt time.Time // zero: never
}

var errBeyondKey = fault.New(fault.Denied, "beyond_own_key",
	"A key that is made with another key can't do more than that one. Log in with the password to make one that does.")

// CreateKey makes a personal API key. The key itself is returned this once. It takes
// a person to make one that never ends, or that ends later than the credential
// that makes it. A caller who came with a key can't make one that may do more:
// scopes that are left open are as with its own.
func (s *Service) CreateKey(ctx context.Context, c *call.Call, d KeyDraft) (identity.UserKey, secret.Bytes, error) {
	c.Touch("api_key", "")
	if err := c.Authorize(policy.CreateAPIKey, c.Own()); err != nil {
		return identity.UserKey{}, secret.Bytes{}, err
	}
	d.Name = strings.TrimSpace(d.Name)
	if err := identity.CheckText("name", d.Name, 255); err != nil {
		return identity.UserKey{}, secret.Bytes{}, err
	}
	err := identity.CheckScopes(d.Scopes)
	if err == nil {
		err = policy.CheckKeyScopes(d.Scopes)
	}
	if err != nil {
		return identity.UserKey{}, secret.Bytes{}, err
	}
	if err := identity.CheckExpiry(d.ExpiresAt, c.Now); err != nil {
		return identity.UserKey{}, secret.Bytes{}, err
	}
	d.ExpiresAt = stamp.End(d.ExpiresAt)
	if c.Who.Key != "" {
		if err := s.withinKey(ctx, c, &d); err != nil {
			return identity.UserKey{}, secret.Bytes{}, err
		}
	}
	if err := c.RequirePersonBeyond(d.ExpiresAt); err != nil {
		return identity.UserKey{}, secret.Bytes{}, err
	}
	text := identity.NewKey(identity.UserKeyPrefix)
	k := identity.UserKey{
		ID: ids.New(), Org: c.Who.Org, User: c.Who.ID, Name: d.Name, Hash: identity.HashKey(text), Prefix: text[:identity.ShownPrefix],
		Scopes: d.Scopes, CreatedAt: stamp.Of(c.Now), ExpiresAt: d.ExpiresAt,
	}
	c.Succeed("api_key", k.ID)
	if err := s.store.AddKey(ctx, k, c.Event); err != nil {
		return identity.UserKey{}, secret.Bytes{}, err
	}
	return k, secret.FromString(text), nil
}

// withinKey holds the scopes of a draft within the key that its caller came with.
func (s *Service) withinKey(ctx context.Context, c *call.Call, d *KeyDraft) error {
	own, err := s.store.Key(ctx, c.Who.Key)
	if fault.Is(err, fault.NotFound) || err == nil && !own.Live(c.Now) {
		return identity.ErrUnauthenticated
	}
	if err != nil {
		return err
	}
	if len(d.Scopes) == 0 {
		d.Scopes = own.Scopes
	}
	if policy.Lifts(own.Scopes, d.Scopes) {
		return errBeyondKey
	}
	return nil
}

// APIKeys returns the calling user's personal keys, oldest first, revoked ones too.
func (s *Service) APIKeys(ctx context.Context, c *call.Call) ([]identity.UserKey, error) {
	c.Touch("api_key", "")
	if err := c.Authorize(policy.ListAPIKeys, c.Own()); err != nil {
		return nil, err
	}
	return s.store.Keys(ctx, c.Who.Org, c.Who.ID)
}

// RevokeKey ends one of the calling user's keys, every token made from it and,
// unless keep is set, what was made with it: keys and agents, what those made,
// shares, policies, invitations and the webhook. To keep takes a person, but for
// a key that ends itself, as a program does that logs out. What was kept so ends
// when its user revokes the revoked key again.
func (s *Service) RevokeKey(ctx context.Context, c *call.Call, id string, keep bool) error {
	c.Touch("api_key", id)
	if err := c.Authorize(policy.DeleteAPIKey, c.Own()); err != nil {
		return err
	}
	if keep && c.Who.Key != id {
		if err := c.RequirePerson(); err != nil {
			return err
		}
	}
	if err := s.mayRevoke(ctx, c, id); err != nil {
		return err
	}
	c.Succeed("api_key", id)
	return s.store.RevokeKey(ctx, c.Who.Org, c.Who.ID, id, keep, c.Now, c.Event)
}

// mayRevoke asks for a person where a key, or a device, revokes a key that is neither
// itself nor its own make: whoever found one could otherwise end its owner's.
func (s *Service) mayRevoke(ctx context.Context, c *call.Call, id string) error {
	switch {
	case c.Who.Key == "" && !c.Who.Device, c.Who.Key == id:
		return nil
	case c.Who.Key != "":
		made, err := s.store.Made(ctx, c.Who.Org, "key:"+c.Who.Key, "key:"+c.Who.Key+"!", c.Now, func(m *identity.Made) bool { return m.Kind == "api_key" && m.ID == id })
		if err != nil || made.Total > 0 {
			return err
		}
	}
	return c.RequirePerson()
}
