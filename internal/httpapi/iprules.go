package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// ipRuleBody is Rule of the contract, section 12.
type ipRuleBody struct {
	ID        string    `json:"id" format:"uuid"`
	OrgID     string    `json:"org_id" format:"uuid"`
	RuleType  string    `json:"rule_type" enum:"allow,deny"`
	CIDR      string    `json:"cidr"`
	Label     *string   `json:"label" nullable:"true"`
	AppliesTo string    `json:"applies_to" enum:"all,user,agent"`
	CreatedBy string    `json:"created_by" format:"uuid"`
	CreatedAt time.Time `json:"created_at"`
}

func ipRuleOf(r iprule.Rule) ipRuleBody {
	b := ipRuleBody{
		ID: r.ID, OrgID: r.Org, RuleType: r.Type, CIDR: r.Network.String(), AppliesTo: r.AppliesTo,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt,
	}
	if r.Label != "" {
		b.Label = &r.Label
	}
	return b
}

type ipRuleList struct {
	Rules []ipRuleBody `json:"rules"`
}

type createIPRule struct {
	Body struct {
		RuleType    string  `json:"rule_type" doc:"allow or deny (or block, which is deny). Deny wins; where any rule allows, an address must match one that does."`
		CIDR        string  `json:"cidr" doc:"A network or an address, IPv4 or IPv6."`
		Label       *string `json:"label,omitempty" nullable:"true"`
		Description *string `json:"description,omitempty" nullable:"true" doc:"Another name for label."`
		AppliesTo   *string `json:"applies_to,omitempty" nullable:"true" doc:"all (the default), user or agent."`
		Force       *bool   `json:"force,omitempty" nullable:"true" doc:"Add the rule though it keeps out the address that you ask from."`
	}
}

type ipRulePath struct {
	RuleID string `path:"rule_id"`
	Force  bool   `query:"force" doc:"Delete the rule though that keeps out the address that you ask from."`
}

func (a *API) registerIPRules() {
	const all, one = "/v1/security/ip-rules", "/v1/security/ip-rules/{rule_id}"
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-ip-rules", tag: "Security",
		summary: "List the addresses that may and may not talk to your organisation", action: policy.ListIPRules,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[ipRuleList], error) {
		rules, err := a.iprules.List(ctx, c)
		out := ipRuleList{Rules: []ipRuleBody{}}
		for _, r := range rules {
			out.Rules = append(out.Rules, ipRuleOf(r))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodPost, path: all, id: "create-ip-rule", tag: "Security", status: http.StatusCreated,
		summary: "Let a network in, or keep it out", errors: []int{http.StatusConflict}, action: policy.CreateIPRule,
	}, func(ctx context.Context, c *call.Call, in *createIPRule) (*body[ipRuleBody], error) {
		d := iprule.Draft{Type: in.Body.RuleType, CIDR: in.Body.CIDR, AppliesTo: deref(in.Body.AppliesTo)}
		if d.Label = deref(in.Body.Label); d.Label == "" {
			d.Label = deref(in.Body.Description)
		}
		d.Force = in.Body.Force != nil && *in.Body.Force
		r, err := a.iprules.Add(ctx, c, d)
		return answer(ipRuleOf(r), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: one, id: "delete-ip-rule", tag: "Security", status: http.StatusNoContent,
		summary: "Delete an IP rule", errors: []int{http.StatusConflict}, action: policy.DeleteIPRule,
	}, func(ctx context.Context, c *call.Call, in *ipRulePath) (*empty, error) {
		return &empty{}, a.iprules.Remove(ctx, c, in.RuleID, in.Force)
	})
}
