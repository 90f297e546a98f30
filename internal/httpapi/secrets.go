package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

type secretPath struct {
	VaultID string `path:"vault_id"`
	Path    string `path:"path" doc:"The secret's path, such as api-keys/stripe. Slashes may be sent raw or as %2F."`
}

func (p *secretPath) parse() (secretpath.Path, error) { return secretpath.Parse(p.Path) }

type putSecret struct {
	secretPath
	Body struct {
		Value          string     `json:"value" doc:"The secret itself."`
		Type           *string    `json:"type,omitempty" nullable:"true" enum:"generic,password,api_key,private_key,certificate,file,note,ssh_key,env_bundle,env,token,totp_seed" doc:"Absent: the stored type, or generic."`
		SecretType     *string    `json:"secret_type,omitempty" nullable:"true" hidden:"true" enum:"generic,password,api_key,private_key,certificate,file,note,ssh_key,env_bundle,env,token,totp_seed"`
		Metadata       jsonObject `json:"metadata,omitempty" doc:"Free-form, not encrypted: put no secret here."`
		ExpiresAt      *time.Time `json:"expires_at,omitempty" nullable:"true" doc:"After this, reads answer 410."`
		RotationPolicy jsonObject `json:"rotation_policy,omitempty"`
		MaxAccessCount *int64     `json:"max_access_count,omitempty" nullable:"true" minimum:"0" maximum:"2147483647" doc:"How often the value may be read; 0 or absent: without limit."`
	}
}

func (in *putSecret) draft() vault.Draft {
	b := &in.Body
	t := deref(b.Type)
	if t == "" {
		t = deref(b.SecretType)
	}
	return vault.Draft{
		Value: secret.FromString(b.Value), Type: t, Metadata: b.Metadata, RotationPolicy: b.RotationPolicy,
		ExpiresAt: end(b.ExpiresAt), MaxAccess: deref(b.MaxAccessCount),
	}
}

func (a *API) registerSecrets() {
	const path = "/v1/vaults/{vault_id}/secrets/{path}"
	handle(a, op{
		method: http.MethodPut, path: path, id: "put-secret", tag: "Secrets", status: http.StatusCreated,
		summary: "Store a new version of a secret", errors: []int{http.StatusRequestEntityTooLarge}, action: policy.WriteSecret,
	}, func(ctx context.Context, c *call.Call, in *putSecret) (*body[*SecretMeta], error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		d := in.draft()
		defer d.Value.Wipe()
		m, err := a.vault.Put(ctx, c, in.VaultID, p, d)
		if m.Doubt != "" { // the contract has the answer closed
			gate.Of(ctx).Header().Set("Oneclaw-Warning", m.Doubt)
		}
		return answer(metaOf(&m), err)
	})
	handle(a, op{
		method: http.MethodGet, path: path, id: "get-secret", tag: "Secrets",
		summary: "Read a secret with its value", errors: []int{http.StatusGone}, action: policy.ReadSecret,
	}, func(ctx context.Context, c *call.Call, in *secretPath) (*body[*secretBody], error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		s, err := a.vault.Reveal(ctx, c, in.VaultID, p)
		return answer(secretOf(s), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: path, id: "delete-secret", tag: "Secrets",
		summary: "Delete a secret; its versions stay and it can be restored", action: policy.DeleteSecret,
	}, func(ctx context.Context, c *call.Call, in *secretPath) (*empty, error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		return &empty{}, a.vault.Delete(ctx, c, in.VaultID, p)
	})
	handle(a, op{
		method: http.MethodPost, path: path, id: "rotate-secret", tag: "Secrets",
		summary: "Not implemented: rotate by storing a new version", action: policy.RotateSecret,
	}, func(ctx context.Context, _ *call.Call, in *secretPath) (*body[struct{}], error) {
		if !strings.HasSuffix(in.Path, "/rotate") {
			gate.Of(ctx).Header().Set("Allow", "DELETE, GET, PUT")
			return nil, errMethod
		}
		return nil, fault.New(fault.Invalid, "rotation_not_implemented", "Rotate a secret by storing a new version: PUT its path with the new value.")
	})
	a.registerListing()
	a.registerVersions()
	a.registerOneVersion()
}

type listSecrets struct {
	vaultPath
	Prefix string `query:"prefix" maxLength:"512" doc:"Only paths that begin so."`
	Text   string `query:"q" maxLength:"512" doc:"Only paths that have this in them, whatever its capitals. With limit, one answer looks at a bounded number of paths: it may have few items, or none, and next_cursor."`
	Limit  int    `query:"limit" minimum:"1" maximum:"10000" doc:"At most this many, with next_cursor when there are more. Absent: all."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"next_cursor of the page before."`
}

func (a *API) registerListing() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/vaults/{vault_id}/secrets", id: "list-secrets", tag: "Secrets",
		summary: "List the secrets that you may see, without values", action: policy.ListSecrets,
	}, func(ctx context.Context, c *call.Call, in *listSecrets) (*body[*secretList], error) {
		prefix, err := secretpath.ParsePrefix(in.Prefix)
		if err != nil {
			return nil, err
		}
		after, err := parseCursor(in.Cursor)
		if err != nil {
			return nil, err
		}
		l, err := a.vault.Find(ctx, c, in.VaultID, vault.Search{Prefix: prefix.String(), Text: in.Text}, after, in.Limit)
		if err != nil {
			return nil, err
		}
		first, err := l.Page(ctx)
		return answer(&secretList{ctx: ctx, listing: l, first: first}, err)
	})
}

func appendQuoted[T string | []byte](b []byte, s T) []byte { return vault.AppendString(b, s) }
