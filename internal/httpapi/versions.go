package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/rest"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// versionBody is one version of a secret without its value.
type versionBody struct {
	ID         string     `json:"id" format:"uuid"`
	Path       string     `json:"path"`
	Version    uint64     `json:"version"`
	Type       string     `json:"type"`
	Metadata   jsonObject `json:"metadata"`
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by"`
	ExpiresAt  *time.Time `json:"expires_at" nullable:"true"`
	IsCurrent  bool       `json:"is_current" doc:"The one that reads give."`
	IsDeleted  bool       `json:"is_deleted" doc:"Soft-deleted: restore brings it back."`
	IsDisabled bool       `json:"is_disabled" doc:"Nothing opens it again."`
}

// versionsBody lists the versions of a secret.
type versionsBody struct {
	Versions []versionBody `json:"versions"`
}

// versionsAnswer is the list, or with ?version=N that version with its value.
type versionsAnswer struct {
	list versionsBody
	one  *secretBody
}

// Schema implements huma.SchemaProvider.
func (versionsAnswer) Schema(r rest.Registry) *rest.Schema {
	return &rest.Schema{OneOf: []*rest.Schema{
		r.Schema(reflect.TypeFor[versionsBody](), true, ""), r.Schema(reflect.TypeFor[secretBody](), true, ""),
	}}
}

// Length implements rest.Lengthy.
func (v *versionsAnswer) Length() int {
	if v.one == nil {
		return 0
	}
	return v.one.Length()
}

func (v *versionsAnswer) AppendJSON(b []byte) []byte {
	if v.one != nil {
		return v.one.AppendJSON(b)
	}
	// The list holds no type that can fail to encode.
	out, err := rest.Marshal(v.list)
	if err != nil {
		return append(b, "null"...)
	}
	return append(b, out...)
}

type listVersions struct {
	secretPath
	Version uint64 `query:"version" minimum:"1" doc:"Answer this version, with its value, instead of the list."`
}

// The routes of this file stand beside the contract's.
func (a *API) registerVersions() {
	const versions = "/v1/vaults/{vault_id}/secret-versions/{path}"
	handle(a, op{
		method: http.MethodGet, path: versions, id: "list-secret-versions", tag: "Secrets",
		summary: "List every version of a secret, newest first; or read one", errors: []int{http.StatusGone}, action: policy.ListVersions,
	}, func(ctx context.Context, c *call.Call, in *listVersions) (*body[*versionsAnswer], error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		if in.Version > 0 {
			s, err := a.vault.RevealVersion(ctx, c, in.VaultID, p, in.Version)
			return answer(&versionsAnswer{one: secretOf(s)}, err)
		}
		all, err := a.vault.Versions(ctx, c, in.VaultID, p)
		if err != nil {
			return nil, err
		}
		out := &versionsAnswer{}
		for i := range all {
			out.list.Versions = append(out.list.Versions, versionOf(&all[i], i == 0))
		}
		return &body[*versionsAnswer]{out}, nil
	})
	handle(a, op{
		method: http.MethodDelete, path: versions, id: "purge-secret", tag: "Secrets",
		summary: "Remove every version of a secret for good", action: policy.PurgeSecret,
	}, func(ctx context.Context, c *call.Call, in *secretPath) (*empty, error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		return &empty{}, a.vault.Purge(ctx, c, in.VaultID, p)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/vaults/{vault_id}/secret-restore/{path}", id: "restore-secret", tag: "Secrets",
		summary: "Bring a deleted secret back", action: policy.RestoreSecret, status: http.StatusOK,
	}, func(ctx context.Context, c *call.Call, in *secretPath) (*body[*SecretMeta], error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		m, err := a.vault.Restore(ctx, c, in.VaultID, p)
		return answer(metaOf(&m), err)
	})
}

// secretVersion names one version of a secret.
type secretVersion struct {
	secretPath
	Version uint64 `path:"version" minimum:"1"`
}

// rotateSecret says what the new value looks like.
type rotateSecret struct {
	secretPath
	Body struct {
		Length  *int    `json:"length,omitempty" nullable:"true" minimum:"16" maximum:"4096" doc:"In characters; 32 when absent."`
		Charset *string `json:"charset,omitempty" nullable:"true" enum:"hex,base64,alphanumeric,ascii" doc:"alphanumeric when absent. base64 is its alphabet, without padding."`
		Type    *string `json:"type,omitempty" nullable:"true" enum:"generic,password,api_key,token" doc:"The stored type when absent."`
		// A client that sends a value believes that it is stored.
		Value *secretValue `json:"value,omitempty" nullable:"true" hidden:"true"`
	}
}

var errGiven = fault.New(fault.Invalid, "value_not_taken", "The value is generated here: leave value out, or store your own with PUT /v1/vaults/{vault_id}/secrets/{path}.")

// registerOneVersion adds the routes of newer clients: a version, its end, and a
// generated one.
func (a *API) registerOneVersion() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/vaults/{vault_id}/secret-version/{path}/{version}", id: "get-secret-version", tag: "Secrets",
		summary: "Read one version of a secret with its value", errors: []int{http.StatusGone}, action: policy.ReadSecretVersion,
	}, func(ctx context.Context, c *call.Call, in *secretVersion) (*body[*secretBody], error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		s, err := a.vault.RevealVersion(ctx, c, in.VaultID, p, in.Version)
		return answer(secretOf(s), err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/vaults/{vault_id}/secret-version-disable/{path}/{version}", id: "disable-secret-version", tag: "Secrets",
		summary: "Keep one version from being opened again, for good", action: policy.DisableVersion,
	}, func(ctx context.Context, c *call.Call, in *secretVersion) (*empty, error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		return &empty{}, a.vault.DisableVersion(ctx, c, in.VaultID, p, in.Version)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/vaults/{vault_id}/secret-rotate/{path}", id: "generate-secret", tag: "Secrets", status: http.StatusCreated, bodyOptional: true,
		summary: "Store a new version with a generated value, which is not shown", errors: []int{http.StatusGone}, action: policy.RotateSecret,
	}, func(ctx context.Context, c *call.Call, in *rotateSecret) (*body[*SecretMeta], error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		if v := in.Body.Value; v != nil {
			gate.WipeAfter(ctx, v.Bytes)
			return nil, errGiven
		}
		m, err := a.vault.Rotate(ctx, c, in.VaultID, p, vault.Recipe{
			Length: deref(in.Body.Length), Charset: vault.Charset(deref(in.Body.Charset)), Type: deref(in.Body.Type),
		})
		return answer(metaOf(&m), err)
	})
}

func versionOf(v *vault.Version, newest bool) versionBody {
	return versionBody{
		ID: v.ID, Path: v.Path, Version: v.Meta.Version, Type: v.Type, Metadata: v.Metadata, CreatedAt: v.CreatedAt, CreatedBy: v.CreatedBy,
		ExpiresAt: pointer(v.ExpiresAt), IsCurrent: newest && v.DeletedAt.IsZero(),
		IsDeleted: !v.DeletedAt.IsZero() && v.DisabledAt.IsZero(), IsDisabled: !v.DisabledAt.IsZero(),
	}
}
