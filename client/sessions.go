package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Session is a login of the human, or a device that it let in.
type Session struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"` // password, provider, mail, passkey, device or key
	Client     string     `json:"client"`
	Address    string     `json:"address"`
	OrgID      string     `json:"org_id"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	LastSeenAt *time.Time `json:"last_seen_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	Current    bool       `json:"current"` // this client's token is of it
}

// Sessions returns the logins and devices that have not ended, newest first; with
// ended also those of the last 30 days that have.
func (c *Client) Sessions(ctx context.Context, ended bool) ([]Session, error) {
	var out struct {
		Sessions []Session `json:"sessions"`
	}
	q := request{method: http.MethodGet, path: "/v1/auth/sessions", repeatable: true}
	if ended {
		q.query = url.Values{"ended": {"true"}}
	}
	err := c.call(ctx, q, &out)
	return out.Sessions, err
}

// MadeWithSession lists what was made with a login or device.
func (c *Client) MadeWithSession(ctx context.Context, id string) (AllMade, error) {
	var out AllMade
	err := c.read(ctx, &out, "auth", "sessions", id, "made")
	return out, err
}

// EndSession ends a login or device with all its tokens. Another than this client's
// own takes a person.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/v1/auth/sessions/" + url.PathEscape(id), repeatable: true}, nil)
}

// StopSession is EndSession that may keep what was made with the session, and says
// what ended, such as "agents=2". EndSession keeps nothing.
func (c *Client) StopSession(ctx context.Context, id string, keep bool) (ended string, err error) {
	return c.end(ctx, request{method: http.MethodDelete, repeatable: true}, nil, keep, "auth", "sessions", id)
}

// EndSessions logs out everywhere; with keepCurrent but here. It takes a person.
func (c *Client) EndSessions(ctx context.Context, keepCurrent bool) error {
	q := request{method: http.MethodDelete, path: "/v1/auth/sessions"}
	if keepCurrent {
		q.query = url.Values{"keep_current": {"true"}}
	}
	return c.call(ctx, q, nil)
}
