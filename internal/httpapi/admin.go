package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type settingBody struct {
	Key       string    `json:"key"`
	Value     string    `json:"value"`
	UpdatedBy *string   `json:"updated_by" nullable:"true"`
	UpdatedAt time.Time `json:"updated_at"`
}

func settingOf(s *billing.Setting) settingBody {
	return settingBody{Key: s.Name, Value: s.Value, UpdatedBy: present(s.By), UpdatedAt: s.At}
}

type settingList struct {
	Settings []settingBody `json:"settings"`
}

type settingPath struct {
	Key string `path:"key"`
}

type x402Body struct {
	PayTo          string `json:"pay_to" doc:"Empty: nobody is paid."`
	Network        string `json:"network"`
	Scheme         string `json:"scheme"`
	FreeTierLimit  int64  `json:"free_tier_limit" doc:"Requests a month of the free tier."`
	FacilitatorURL string `json:"facilitator_url" doc:"Empty: off."`
}

func x402Of(x billing.X402) x402Body {
	return x402Body{PayTo: x.PayTo, Network: x.Network, Scheme: x.Scheme, FreeTierLimit: x.FreeRequests, FacilitatorURL: x.Facilitator}
}

type x402Request struct {
	Body struct {
		PayTo          *string `json:"pay_to,omitempty" nullable:"true" doc:"An address: 0x and 40 hexadecimal digits."`
		Network        *string `json:"network,omitempty" nullable:"true"`
		Scheme         *string `json:"scheme,omitempty" nullable:"true" doc:"exact."`
		FreeTierLimit  *int64  `json:"free_tier_limit,omitempty" nullable:"true" minimum:"0"`
		FacilitatorURL *string `json:"facilitator_url,omitempty" nullable:"true" doc:"https only."`
	}
}

// adminUserBody is a user as those who run the server see it.
type adminUserBody struct {
	ID            string    `json:"id" format:"uuid"`
	Email         string    `json:"email"`
	DisplayName   string    `json:"display_name"`
	AuthMethod    string    `json:"auth_method"`
	OrgID         string    `json:"org_id" format:"uuid"`
	Role          string    `json:"role"`
	EmailVerified bool      `json:"email_verified"`
	PlatformAdmin bool      `json:"is_platform_admin"`
	CreatedAt     time.Time `json:"created_at"`
}

func adminUserOf(u *identity.Account) adminUserBody {
	return adminUserBody{ID: u.ID, Email: u.Email, DisplayName: u.DisplayName, AuthMethod: u.AuthMethod, OrgID: u.Org, Role: string(u.Role),
		EmailVerified: u.EmailVerified, PlatformAdmin: u.PlatformAdmin, CreatedAt: u.CreatedAt}
}

type adminUserList struct {
	Users []adminUserBody `json:"users"`
	Total int64           `json:"total"`
}

func (a *API) registerAdmin() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/admin/settings", id: "list-settings", tag: "Admin",
		summary: "List what is set for the whole server", action: policy.ReadSettings,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[settingList], error) {
		all, err := a.billing.Settings(ctx, c)
		if err != nil {
			return nil, err
		}
		out := &body[settingList]{settingList{Settings: make([]settingBody, 0, len(all))}}
		for i := range all {
			out.Body.Settings = append(out.Body.Settings, settingOf(&all[i]))
		}
		return out, nil
	})
	handle(a, op{
		method: http.MethodPut, path: "/v1/admin/settings/{key}", id: "put-setting", tag: "Admin",
		summary: "Set something for the whole server", errors: []int{http.StatusConflict}, action: policy.UpdateSettings,
	}, func(ctx context.Context, c *call.Call, in *struct {
		settingPath
		Body struct {
			Value string `json:"value" doc:"At most 4,096 characters."`
		}
	}) (*body[settingBody], error) {
		s, err := a.billing.PutSetting(ctx, c, in.Key, in.Body.Value)
		return answer(settingOf(&s), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: "/v1/admin/settings/{key}", id: "delete-setting", tag: "Admin",
		summary: "Take a setting back", action: policy.UpdateSettings,
	}, func(ctx context.Context, c *call.Call, in *settingPath) (*empty, error) {
		return &empty{}, a.billing.DropSetting(ctx, c, in.Key)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/admin/x402", id: "get-x402", tag: "Admin",
		summary: "Tell how requests can be paid for one by one", action: policy.ReadSettings,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[x402Body], error) {
		x, err := a.billing.X402(ctx, c)
		return answer(x402Of(x), err)
	})
	handle(a, op{
		method: http.MethodPut, path: "/v1/admin/x402", id: "put-x402", tag: "Admin",
		summary: "Set how requests can be paid for one by one; what is absent stays", errors: []int{http.StatusConflict}, action: policy.UpdateSettings,
	}, func(ctx context.Context, c *call.Call, in *x402Request) (*body[x402Body], error) {
		change := billing.X402Change{PayTo: in.Body.PayTo, Network: in.Body.Network, Scheme: in.Body.Scheme, Facilitator: in.Body.FacilitatorURL}
		if n := in.Body.FreeTierLimit; n != nil {
			number := strconv.FormatInt(*n, 10)
			change.FreeRequests = &number
		}
		x, err := a.billing.SetX402(ctx, c, change)
		return answer(x402Of(x), err)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/admin/users", id: "list-all-users", tag: "Admin",
		summary: "List the users of all organisations", action: policy.ListAllUsers,
	}, func(ctx context.Context, c *call.Call, in *struct {
		Limit  int `query:"limit" minimum:"1" default:"100" doc:"At most 500; more is taken as 500."`
		Offset int `query:"offset" minimum:"0" maximum:"100000000" default:"0"`
	}) (*body[adminUserList], error) {
		all, total, err := a.accounts.ListUsers(ctx, c, min(in.Limit, maxUsers), in.Offset)
		if err != nil {
			return nil, err
		}
		out := &body[adminUserList]{adminUserList{Users: make([]adminUserBody, 0, len(all)), Total: total}}
		for i := range all {
			out.Body.Users = append(out.Body.Users, adminUserOf(&all[i]))
		}
		return out, nil
	})
	handle(a, op{
		method: http.MethodDelete, path: "/v1/admin/users/{account_id}", id: "delete-user", tag: "Admin",
		summary: "Delete somebody else's account", action: policy.DeleteAnyUser,
		errors: []int{http.StatusConflict}, status: http.StatusNoContent,
	}, func(ctx context.Context, c *call.Call, in *struct {
		AccountID string `path:"account_id"`
	}) (*gone, error) {
		err := a.accounts.DeleteUser(ctx, c, in.AccountID)
		ended := goneBy(c)
		return &ended, err
	})
	a.registerAdminOrgs()
}

// maxUsers bounds the users of one answer.
const maxUsers = 500
