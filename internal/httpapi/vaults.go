package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// vaultBody is Vault of the contract, section 3. Clients decode it strictly: no
// field may be added.
type vaultBody struct {
	ID              string    `json:"id" format:"uuid"`
	Name            string    `json:"name"`
	Description     string    `json:"description"`
	CreatedBy       string    `json:"created_by" format:"uuid"`
	CreatedByType   string    `json:"created_by_type" enum:"user,agent"`
	CreatedAt       time.Time `json:"created_at"`
	CMEKEnabled     bool      `json:"cmek_enabled"`
	CMEKFingerprint *string   `json:"cmek_fingerprint" nullable:"true"`
}

func vaultOf(v *vault.Vault) vaultBody {
	b := vaultBody{
		ID: v.ID, Name: v.Name, Description: v.Description, CreatedBy: v.CreatedBy,
		CreatedByType: string(v.CreatedByKind), CreatedAt: v.CreatedAt,
	}
	if v.CMEKFingerprint != "" {
		b.CMEKEnabled, b.CMEKFingerprint = true, &v.CMEKFingerprint
	}
	return b
}

type vaultPath struct {
	VaultID string `path:"vault_id"`
}

type createVault struct {
	Body struct {
		Name        string  `json:"name" minLength:"1" maxLength:"255" doc:"Unique in the organisation."`
		Description *string `json:"description,omitempty" nullable:"true"`
	}
}

type updateVault struct {
	vaultPath
	Body struct {
		Name        *string `json:"name,omitempty" nullable:"true" minLength:"1" maxLength:"255" doc:"Unique in the organisation. References by the former name find nothing from then on."`
		Description *string `json:"description,omitempty" nullable:"true"`
	}
}

type vaultList struct {
	Vaults []vaultBody `json:"vaults"`
}

func (a *API) registerVaults() {
	handle(a, op{
		method: http.MethodPost, path: "/v1/vaults", id: "create-vault", tag: "Vaults",
		summary: "Create a vault", errors: []int{http.StatusConflict}, action: policy.CreateVault, status: http.StatusCreated,
	}, func(ctx context.Context, c *call.Call, in *createVault) (*body[vaultBody], error) {
		v, err := a.vault.Create(ctx, c, in.Body.Name, deref(in.Body.Description))
		return answer(vaultOf(&v), err)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/vaults", id: "list-vaults", tag: "Vaults",
		summary: "List the vaults that you may see", action: policy.ListVaults,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[vaultList], error) {
		all, err := a.vault.All(ctx, c)
		if err != nil {
			return nil, err
		}
		out := &body[vaultList]{}
		for i := range all {
			out.Body.Vaults = append(out.Body.Vaults, vaultOf(&all[i]))
		}
		return out, nil
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/vaults/{vault_id}", id: "get-vault", tag: "Vaults",
		summary: "Get a vault", action: policy.ReadVault,
	}, func(ctx context.Context, c *call.Call, in *vaultPath) (*body[vaultBody], error) {
		v, err := a.vault.Get(ctx, c, in.VaultID)
		return answer(vaultOf(&v), err)
	})
	handle(a, op{
		method: http.MethodPatch, path: "/v1/vaults/{vault_id}", id: "update-vault", tag: "Vaults",
		summary: "Give a vault another name or description", errors: []int{http.StatusConflict}, action: policy.UpdateVault,
	}, func(ctx context.Context, c *call.Call, in *updateVault) (*body[vaultBody], error) {
		v, err := a.vault.Change(ctx, c, in.VaultID, in.Body.Name, in.Body.Description)
		return answer(vaultOf(&v), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: "/v1/vaults/{vault_id}", id: "delete-vault", tag: "Vaults",
		summary: "Delete a vault with everything in it, and destroy its key", action: policy.DeleteVault,
	}, func(ctx context.Context, c *call.Call, in *vaultPath) (*empty, error) {
		return &empty{}, a.vault.Remove(ctx, c, in.VaultID)
	})
}

func deref[T any](p *T) (zero T) {
	if p == nil {
		return zero
	}
	return *p
}

// end is when something that was sent with this time ends; the zero time: never.
// The zero time itself, when it is sent, is long past: a nanosecond later says
// so to those who take it for never.
func end(sent *time.Time) time.Time {
	switch {
	case sent == nil:
		return time.Time{}
	case sent.IsZero():
		return sent.Add(1)
	default:
		return *sent
	}
}

// pointer is nil for the zero time: an absent value on the wire.
func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
