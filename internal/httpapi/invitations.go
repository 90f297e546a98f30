package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type inviteRequest struct {
	Body struct {
		Email string  `json:"email"`
		Role  *string `json:"role,omitempty" nullable:"true" doc:"owner, admin or member, which is the default."`
	}
}

type invitedBody struct {
	Message string `json:"message"`
	Email   string `json:"email"`
}

type invitationBody struct {
	ID        string    `json:"id" format:"uuid"`
	Email     string    `json:"email"`
	Role      string    `json:"role" enum:"owner,admin,member"`
	InvitedBy string    `json:"invited_by" format:"uuid"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	IsExpired bool      `json:"is_expired"`
}

type invitationList struct {
	Invitations []invitationBody `json:"invitations"`
}

type invitationPath struct {
	InvitationID string `path:"invitation_id"`
}

type acceptRequest struct {
	Body struct {
		Token string `json:"token" doc:"From the mail."`
	}
}

type joinedBody struct {
	OrgID string `json:"org_id" format:"uuid" doc:"Switch to it, or make it the home of your logins, with /v1/auth/switch-org."`
	Role  string `json:"role" enum:"owner,admin,member"`
}

func (a *API) registerInvitations() {
	const all, one = "/v1/org/invitations", "/v1/org/invitations/{invitation_id}"
	sent := func(c *call.Call, i org.Invitation, err error) (*body[invitedBody], error) {
		until := "for a week."
		if i.ExpiresAt.Before(c.Now.Add(org.InvitationTTL).Truncate(time.Second)) { // cut to the end of what made it
			until = "until " + i.ExpiresAt.UTC().Format(time.RFC3339) + "."
		}
		return answer(invitedBody{Message: "An invitation is on its way. It can be accepted " + until, Email: i.Email}, err)
	}
	handle(a, op{
		method: http.MethodPost, path: "/v1/org/invite", id: "invite-member", tag: "Organisation",
		summary: "Invite somebody by mail", errors: []int{http.StatusConflict}, action: policy.InviteMember,
	}, func(ctx context.Context, c *call.Call, in *inviteRequest) (*body[invitedBody], error) {
		i, err := a.orgs.Invite(ctx, c, in.Body.Email, policy.Role(deref(in.Body.Role)), a.countMail(c))
		return sent(c, i, err)
	})
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-invitations", tag: "Organisation",
		summary: "List the invitations that nobody has accepted", action: policy.ListInvitations,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[invitationList], error) {
		waiting, err := a.orgs.Invitations(ctx, c)
		out := invitationList{Invitations: []invitationBody{}}
		for _, i := range waiting {
			out.Invitations = append(out.Invitations, invitationBody{
				ID: i.ID, Email: i.Email, Role: string(i.Role), InvitedBy: i.InvitedBy, CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt,
				IsExpired: !c.Now.Before(i.ExpiresAt),
			})
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/resend", id: "resend-invitation", tag: "Organisation",
		summary: "Mail an invitation again; the token of the earlier mail ends", action: policy.InviteMember,
	}, func(ctx context.Context, c *call.Call, in *invitationPath) (*body[invitedBody], error) {
		i, err := a.orgs.ResendInvitation(ctx, c, in.InvitationID, a.countMail(c))
		return sent(c, i, err)
	})
	handle(a, op{
		method: http.MethodDelete, path: one, id: "revoke-invitation", tag: "Organisation",
		summary: "Take an invitation back", action: policy.RevokeInvitation, status: http.StatusNoContent,
	}, func(ctx context.Context, c *call.Call, in *invitationPath) (*empty, error) {
		return &empty{}, a.orgs.RevokeInvitation(ctx, c, in.InvitationID)
	})
	handle(a, op{
		method: http.MethodPost, path: all + "/accept", id: "accept-invitation", tag: "Organisation", limit: gate.AuthLimit,
		summary: "Join the organisation that invited your address", action: policy.AcceptInvitation,
	}, func(ctx context.Context, c *call.Call, in *acceptRequest) (*body[joinedBody], error) {
		m, err := a.orgs.AcceptInvitation(ctx, c, in.Body.Token)
		return answer(joinedBody{OrgID: m.Org, Role: string(m.Role)}, err)
	})
}

// countMail counts a mail that the caller's organisation is about to send to somebody.
func (a *API) countMail(c *call.Call) func(to string) error {
	return func(to string) error { return a.gate.Limits.Invite(c.Who.Org, to, c.Now) }
}
