package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type sessionBody struct {
	ID        string    `json:"id" format:"uuid"`
	Kind      string    `json:"kind" enum:"password,provider,mail,passkey,device,key" doc:"How it began. A key is one that lives for a day or less, which a program keeps as its login."`
	Client    string    `json:"client" doc:"What the program called itself. Nobody has checked it."`
	Address   string    `json:"address" doc:"Where the login came from; of a device, where its login was asked for."`
	OrgID     string    `json:"org_id" doc:"The organisation that it began in; empty when that is gone."`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	// LastSeenAt is at most a few minutes old.
	LastSeenAt *time.Time `json:"last_seen_at,omitempty" doc:"When a token of it was last used, give or take a minute."`
	EndedAt    *time.Time `json:"ended_at,omitempty" doc:"When somebody ended it."`
	Current    bool       `json:"current" doc:"This request came with a token of it."`
}

type sessionsBody struct {
	Sessions []sessionBody `json:"sessions"`
}

type sessionPath struct {
	ID string `path:"session_id" format:"uuid"`
}

type listSessions struct {
	Ended bool `query:"ended" doc:"Those of the last 30 days that have ended, too."`
}

type endSession struct {
	sessionPath
	keepFlag
}

type endSessions struct {
	KeepCurrent bool `query:"keep_current" doc:"All but the one that asks."`
}

func sessionOf(s *identity.Session, current string) sessionBody {
	b := sessionBody{
		ID: s.ID, Kind: s.Kind, Client: s.Client, Address: s.Address, OrgID: s.Org,
		CreatedAt: s.At, ExpiresAt: s.Expires, Current: s.ID == current,
	}
	if !s.SeenAt.IsZero() {
		b.LastSeenAt = &s.SeenAt
	}
	if !s.EndedAt.IsZero() {
		b.EndedAt = &s.EndedAt
	}
	return b
}

func (a *API) registerSessions() {
	const base = "/v1/auth/sessions"
	handle(a, op{
		method: http.MethodGet, path: base, id: "list-sessions", tag: "Auth",
		summary: "Your logins and devices that have not ended, newest first", action: policy.ListSessions,
	}, func(ctx context.Context, c *call.Call, in *listSessions) (*body[sessionsBody], error) {
		all, err := a.accounts.Sessions(ctx, c, in.Ended)
		out := sessionsBody{Sessions: []sessionBody{}}
		for i := range all {
			out.Sessions = append(out.Sessions, sessionOf(&all[i], cmp.Or(c.Who.Key, c.Who.Session)))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodDelete, path: base + "/{session_id}", id: "end-session", tag: "Auth", errors: []int{http.StatusNotFound},
		summary: "End one of your logins or devices, with all its tokens and what was made with it; another than your own takes a person", action: policy.EndSession,
		status: http.StatusNoContent,
	}, func(ctx context.Context, c *call.Call, in *endSession) (*gone, error) {
		err := a.accounts.EndSession(ctx, c, in.ID, in.Keep)
		ended := goneBy(c)
		return &ended, err
	})
	handle(a, op{
		method: http.MethodDelete, path: base, id: "end-sessions", tag: "Auth",
		summary: "Log out everywhere; takes a person. API keys stay, but those made for a day or less, which are stored logins", action: policy.EndSession,
		status: http.StatusNoContent,
	}, func(ctx context.Context, c *call.Call, in *endSessions) (*gone, error) {
		err := a.accounts.EndSessions(ctx, c, in.KeepCurrent)
		ended := goneBy(c)
		return &ended, err
	})
}
