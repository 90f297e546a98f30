package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/oneclaw-dev/oneclaw/internal/rest"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// policyBody is Policy of the contract, section 5. Strict: no field more.
type policyBody struct {
	ID                string     `json:"id" format:"uuid"`
	VaultID           string     `json:"vault_id" format:"uuid"`
	SecretPathPattern string     `json:"secret_path_pattern"`
	PrincipalType     string     `json:"principal_type" enum:"user,agent"`
	PrincipalID       string     `json:"principal_id" format:"uuid"`
	Permissions       []string   `json:"permissions"`
	Conditions        jsonObject `json:"conditions"`
	ExpiresAt         *time.Time `json:"expires_at" nullable:"true"`
	CreatedBy         string     `json:"created_by"`
	CreatedByType     string     `json:"created_by_type"`
	CreatedAt         time.Time  `json:"created_at"`
	// Of a change alone, when there are any, and not for clients that refuse unknown fields.
	Warnings []string `json:"warnings,omitempty" doc:"What the change does besides: approvals that are no longer asked for."`
}

// warned is policyOf with what the change does besides.
func warned(g *vault.Grant, userAgent string) policyBody {
	p := policyOf(g)
	if !decodesStrictly(userAgent) {
		p.Warnings = g.Warnings
	}
	return p
}

func policyOf(g *vault.Grant) policyBody {
	return policyBody{
		ID: g.ID, VaultID: g.Vault, SecretPathPattern: g.Pattern, PrincipalType: string(g.PrincipalKind),
		PrincipalID: g.PrincipalID, Permissions: g.Permissions, Conditions: g.Conditions, ExpiresAt: pointer(g.ExpiresAt),
		CreatedBy: g.CreatedBy, CreatedByType: string(g.CreatedByKind), CreatedAt: g.CreatedAt,
	}
}

type createPolicy struct {
	vaultPath
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      struct {
		SecretPathPattern string     `json:"secret_path_pattern" minLength:"1" maxLength:"512" doc:"* stands for anything within a segment, ** for any number of segments."`
		PrincipalType     string     `json:"principal_type" enum:"user,agent"`
		PrincipalID       string     `json:"principal_id" minLength:"36" maxLength:"36"`
		Permissions       []string   `json:"permissions" minItems:"1" maxItems:"8" doc:"Of read, use, write and delete; read includes use, and write delete. With use the secret is used without being seen."`
		Conditions        jsonObject `json:"conditions,omitempty" doc:"ip_allowlist: CIDRs. time_window: after, before, timezone."`
		ExpiresAt         *time.Time `json:"expires_at,omitempty" nullable:"true"`
	}
}

type policyPath struct {
	vaultPath
	PolicyID string `path:"policy_id"`
}

type updatePolicy struct {
	policyPath
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      struct {
		Permissions []string     `json:"permissions,omitempty" nullable:"true" maxItems:"8" doc:"Of read, use, write and delete; read includes use, and write delete. With use the secret is used without being seen."`
		Conditions  jsonObject   `json:"conditions,omitempty"`
		ExpiresAt   nullableTime `json:"expires_at,omitempty" doc:"null: never."`
	}
}

type policyList struct {
	Policies []policyBody `json:"policies"`
}

func (a *API) registerPolicies() {
	const all, one = "/v1/vaults/{vault_id}/policies", "/v1/vaults/{vault_id}/policies/{policy_id}"
	handle(a, op{
		method: http.MethodPost, path: all, id: "create-policy", tag: "Policies", status: http.StatusCreated,
		summary: "Grant a user or an agent access to the paths that match a pattern", action: policy.CreatePolicy,
	}, func(ctx context.Context, c *call.Call, in *createPolicy) (*body[policyBody], error) {
		b := &in.Body
		g, err := a.vault.Grant(ctx, c, in.VaultID, vault.Grant{
			Pattern: b.SecretPathPattern, PrincipalKind: policy.PrincipalKind(b.PrincipalType), PrincipalID: b.PrincipalID,
			Permissions: b.Permissions, Conditions: b.Conditions, ExpiresAt: end(b.ExpiresAt),
		})
		return answer(warned(&g, in.UserAgent), err)
	})
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-policies", tag: "Policies",
		summary: "List a vault's policies; who may not manage them sees its own", action: policy.ListPolicies,
	}, func(ctx context.Context, c *call.Call, in *vaultPath) (*body[policyList], error) {
		grants, err := a.vault.Grants(ctx, c, in.VaultID)
		if err != nil {
			return nil, err
		}
		out := &body[policyList]{}
		for i := range grants {
			out.Body.Policies = append(out.Body.Policies, policyOf(&grants[i]))
		}
		return out, nil
	})
	handle(a, op{
		method: http.MethodPut, path: one, id: "update-policy", tag: "Policies",
		summary: "Change a policy's permissions, conditions or expiry", action: policy.UpdatePolicy, bodyOptional: true,
	}, func(ctx context.Context, c *call.Call, in *updatePolicy) (*body[policyBody], error) {
		b := &in.Body
		if b.Permissions != nil && len(b.Permissions) == 0 {
			return nil, fault.New(fault.Invalid, "invalid_permissions", "permissions must name at least one of read, write, delete. To end a grant, delete the policy.")
		}
		ch := vault.Change{Permissions: b.Permissions, Conditions: b.Conditions}
		if b.ExpiresAt.set {
			if ch.ClearExpiresAt = b.ExpiresAt.at == nil; !ch.ClearExpiresAt {
				at := end(b.ExpiresAt.at)
				ch.ExpiresAt = &at
			}
		}
		g, err := a.vault.UpdateGrant(ctx, c, in.VaultID, in.PolicyID, ch)
		return answer(warned(&g, in.UserAgent), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: one, id: "delete-policy", tag: "Policies",
		summary: "Delete a policy; what it granted ends at once", action: policy.DeletePolicy,
	}, func(ctx context.Context, c *call.Call, in *policyPath) (*empty, error) {
		return &empty{}, a.vault.RemoveGrant(ctx, c, in.VaultID, in.PolicyID)
	})
}

// nullableTime tells an absent time from a null one.
type nullableTime struct {
	set bool
	at  *time.Time
}

// Schema implements huma.SchemaProvider.
func (nullableTime) Schema(rest.Registry) *rest.Schema {
	return &rest.Schema{Type: rest.TypeString, Format: "date-time", Nullable: true}
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (t *nullableTime) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	t.set = true
	return json.UnmarshalDecode(dec, &t.at)
}
