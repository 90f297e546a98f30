package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type orgPath struct {
	OrgID string `path:"org_id"`
}

type orgLimitsBody struct {
	OrgID     string `json:"org_id" format:"uuid"`
	Override  *int64 `json:"free_tier_override" nullable:"true" doc:"Requests a month that cost nothing, instead of the tier's."`
	Sponsored bool   `json:"is_sponsored" doc:"Requests beyond the limit cost nothing."`
}

func orgLimitsOf(l billing.OrgLimits) orgLimitsBody {
	return orgLimitsBody{OrgID: l.Org, Override: l.Override, Sponsored: l.Sponsored}
}

type orgTierBody struct {
	OrgID string    `json:"org_id" format:"uuid"`
	Tier  string    `json:"tier" enum:"free,pro,business,enterprise"`
	Ends  time.Time `json:"period_end" doc:"From then on the server's default tier."`
}

func (a *API) registerAdminOrgs() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/admin/orgs/{org_id}/limits", id: "get-org-limits", tag: "Admin",
		summary: "Tell an organisation's own limits", action: policy.ReadLimits,
	}, func(ctx context.Context, c *call.Call, in *orgPath) (*body[orgLimitsBody], error) {
		l, err := a.billing.Limits(ctx, c, in.OrgID)
		return answer(orgLimitsOf(l), err)
	})
	handle(a, op{
		method: http.MethodPut, path: "/v1/admin/orgs/{org_id}/limits", id: "put-org-limits", tag: "Admin",
		summary: "Set an organisation's own limits", action: policy.UpdateLimits,
	}, func(ctx context.Context, c *call.Call, in *struct {
		orgPath
		Body struct {
			Override  *int64 `json:"free_tier_override,omitempty" nullable:"true" doc:"null or absent: the tier's own."`
			Sponsored *bool  `json:"is_sponsored,omitempty" nullable:"true" doc:"Absent: as before."`
		}
	}) (*body[orgLimitsBody], error) {
		l, err := a.billing.SetLimits(ctx, c, in.OrgID, in.Body.Override, in.Body.Sponsored)
		return answer(orgLimitsOf(l), err)
	})
	handle(a, op{
		method: http.MethodPut, path: "/v1/admin/orgs/{org_id}/billing-tier", id: "put-org-tier", tag: "Admin",
		summary: "Put an organisation on a tier", action: policy.UpdateLimits,
	}, func(ctx context.Context, c *call.Call, in *struct {
		orgPath
		Body struct {
			Tier string `json:"tier" doc:"free, pro, business or enterprise."`
			Days *int   `json:"duration_days,omitempty" nullable:"true" minimum:"1" maximum:"3650" doc:"365 when absent."`
		}
	}) (*body[orgTierBody], error) {
		ends, err := a.billing.SetTier(ctx, c, in.OrgID, billing.Tier(in.Body.Tier), deref(in.Body.Days))
		return answer(orgTierBody{OrgID: in.OrgID, Tier: in.Body.Tier, Ends: ends}, err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/admin/orgs/{org_id}/credits", id: "grant-credits", tag: "Admin",
		summary: "Give an organisation credits", action: policy.UpdateLimits, status: http.StatusCreated,
	}, func(ctx context.Context, c *call.Call, in *struct {
		orgPath
		Body struct {
			Cents       int64   `json:"amount_cents"`
			Description *string `json:"description,omitempty" nullable:"true"`
			Days        *int    `json:"expires_in_days,omitempty" nullable:"true" minimum:"1" maximum:"3650" doc:"365 when absent."`
		}
	}) (*body[ledgerEntry], error) {
		e, err := a.billing.Grant(ctx, c, in.OrgID, in.Body.Cents, deref(in.Body.Description), deref(in.Body.Days))
		return answer(entryOf(&e), err)
	})
}
