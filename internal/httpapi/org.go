package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// memberBody is a member of the contract, section 10.
type memberBody struct {
	ID          string    `json:"id" format:"uuid"`
	Email       string    `json:"email"`
	DisplayName string    `json:"display_name"`
	Role        string    `json:"role" enum:"owner,admin,member"`
	AuthMethod  string    `json:"auth_method"`
	CreatedAt   time.Time `json:"created_at" doc:"When the user joined."`
}

func memberOf(m org.Member) memberBody {
	return memberBody{
		ID: m.ID, Email: m.Email, DisplayName: m.DisplayName, Role: string(m.Role), AuthMethod: m.AuthMethod, CreatedAt: m.CreatedAt,
	}
}

type memberList struct {
	Members []memberBody `json:"members"`
}

type memberPath struct {
	UserID string `path:"user_id"`
}

type roleRequest struct {
	UserID string `path:"user_id"`
	Body   struct {
		Role string `json:"role" doc:"owner, admin or member. Only owners make, change or remove owners."`
	}
}

type changedMember struct {
	gone
	Body memberBody
}

type orgBody struct {
	ID        string    `json:"id" format:"uuid"`
	Name      string    `json:"name"`
	Role      string    `json:"role" enum:"owner,admin,member"`
	IsCurrent bool      `json:"is_current" doc:"The one that this token is for."`
	JoinedAt  time.Time `json:"joined_at"`
}

type orgList struct {
	Orgs []orgBody `json:"orgs"`
}

type switchRequest struct {
	Body struct {
		OrgID string `json:"org_id"`
	}
}

func (a *API) registerOrg() {
	const all, one = "/v1/org/members", "/v1/org/members/{user_id}"
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-members", tag: "Organisation",
		summary: "List the members of your organisation", action: policy.ListMembers,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[memberList], error) {
		members, err := a.orgs.Members(ctx, c)
		out := memberList{Members: []memberBody{}}
		for _, m := range members {
			out.Members = append(out.Members, memberOf(m))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodPatch, path: one, id: "update-member", tag: "Organisation",
		summary: "Give a member another role", action: policy.UpdateMember,
	}, func(ctx context.Context, c *call.Call, in *roleRequest) (*changedMember, error) {
		m, err := a.orgs.ChangeRole(ctx, c, in.UserID, policy.Role(in.Body.Role))
		if err != nil {
			return nil, err
		}
		return &changedMember{goneBy(c), memberOf(m)}, nil
	})
	handle(a, op{
		method: http.MethodDelete, path: one, id: "remove-member", tag: "Organisation",
		summary: "End a membership, with the keys and policies of that user", action: policy.RemoveMember, status: http.StatusNoContent,
	}, func(ctx context.Context, c *call.Call, in *memberPath) (*gone, error) {
		err := a.orgs.RemoveMember(ctx, c, in.UserID)
		ended := goneBy(c)
		return &ended, err
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/auth/orgs", id: "list-orgs", tag: "Organisation",
		summary: "List the organisations that you belong to", action: policy.ReadUser,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[orgList], error) {
		mine, err := a.orgs.Orgs(ctx, c)
		out := orgList{Orgs: []orgBody{}}
		for _, m := range mine {
			out.Orgs = append(out.Orgs, orgBody{ID: m.Org, Name: m.Name, Role: string(m.Role), IsCurrent: m.Org == c.Who.Org, JoinedAt: m.Since})
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/auth/switch-org", id: "switch-org", tag: "Organisation",
		summary: "Get a token for another of your organisations, which logins lead to from now on", action: policy.SwitchOrg,
	}, func(ctx context.Context, c *call.Call, in *switchRequest) (*body[*TokenBody], error) {
		t, err := a.orgs.SwitchOrg(ctx, c, in.Body.OrgID)
		return answer(tokenOf(t), err)
	})
	a.registerInvitations()
	a.registerIPRules()
}
