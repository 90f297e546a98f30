package account

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/oidc"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// vouched is the proof of an ID token. The provider may know its human by a cookie
// of last week, and a token may have lain around: the earlier time counts.
func vouched(who *oidc.Claims, now time.Time) identity.Proof {
	p := identity.Proof{Kind: identity.ByProvider, Person: identity.Earlier(who.Authenticated, who.Issued)}
	if p.Person.After(now) {
		p.Person = now
	}
	return p
}

func keptOf(c *call.Call) Kept {
	return Kept{Token: c.Who.TokenID, Session: c.Who.Session, Key: c.Who.Key, At: c.Now}
}

// StoredLogin is how long a key lives at most that counts as a login: the command
// line keeps one for a day, and a login that is ended everywhere is ended there.
const StoredLogin = 24*time.Hour + time.Minute

// maxSessions bounds a listing.
const maxSessions = 200

// Sessions returns the calling user's logins and devices that have not ended, with
// ended also those of the last 30 days that have.
func (s *Service) Sessions(ctx context.Context, c *call.Call, ended bool) ([]identity.Session, error) {
	c.Touch("session", "")
	if err := c.Authorize(policy.ListSessions, c.Own()); err != nil {
		return nil, err
	}
	return s.store.Sessions(ctx, c.Who.ID, ended, c.Now, maxSessions)
}

// EndSession ends one of the calling user's sessions, every token of it and, unless
// keep is set, what was made with it, as RevokeKey does for a key. To end another than
// the own takes a person: whoever holds one stored login could otherwise keep its owner out.
func (s *Service) EndSession(ctx context.Context, c *call.Call, id string, keep bool) error {
	c.Touch("session", id)
	if err := c.Authorize(policy.EndSession, c.Own()); err != nil {
		return err
	}
	if id != c.Who.Session && id != c.Who.Key {
		if err := c.RequirePerson(); err != nil {
			return err
		}
	}
	c.Succeed("session", id)
	if k, err := s.storedLogin(ctx, c, id); err == nil {
		return s.store.RevokeKey(ctx, k.Org, k.User, id, keep, c.Now, c.Event)
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	return s.store.EndSession(ctx, c.Who.Org, c.Who.ID, id, keep, c.Now, c.Event)
}

// storedLogin is a key of the calling user's that counts as a login, live or not, or
// NotFound.
func (s *Service) storedLogin(ctx context.Context, c *call.Call, id string) (identity.UserKey, error) {
	k, err := s.store.Key(ctx, id)
	if err == nil && (k.User != c.Who.ID || k.ExpiresAt.IsZero() || k.ExpiresAt.Sub(k.CreatedAt) > StoredLogin) {
		err = fault.New(fault.NotFound, "session_not_found", "You have no such session, or it has ended.")
	}
	return k, err
}

// EndSessions ends all of the calling user's sessions, with keep all but the one
// that asks, and the logins that the command line keeps.
func (s *Service) EndSessions(ctx context.Context, c *call.Call, keep bool) error {
	c.Touch("session", "")
	if err := c.Authorize(policy.EndSession, c.Own()); err != nil {
		return err
	}
	if err := c.RequirePerson(); err != nil {
		return err
	}
	kept := ""
	if keep {
		kept = c.Who.Session
	}
	c.Succeed("session", "")
	if err := s.store.EndSessions(ctx, c.Who.Org, c.Who.ID, kept, c.Now, c.Event); err != nil {
		return err
	}
	a, err := s.store.Account(ctx, c.Who.ID, c.Who.Org)
	if err == nil {
		s.notice(ctx, &a, "All sessions of your account were ended, of devices and of the command line too. Personal API keys that last longer than a day have not.")
	}
	return nil
}
