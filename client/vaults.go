package client

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Vault holds secrets. CreatedBy is a bare id; CreatedByType is "user" or "agent".
type Vault struct {
	ID              string    `json:"id"`
	Name            string    `json:"name"`
	Description     string    `json:"description"`
	CreatedBy       string    `json:"created_by"`
	CreatedByType   string    `json:"created_by_type"`
	CreatedAt       time.Time `json:"created_at"`
	CMEKEnabled     bool      `json:"cmek_enabled"`
	CMEKFingerprint string    `json:"cmek_fingerprint,omitempty"`
}

// Reserved reports whether the vault is the server's own, which nobody changes by hand.
func (v Vault) Reserved() bool { return strings.HasPrefix(v.Name, "__") }

// CreateVault makes a vault. A name that is taken is a 409.
func (c *Client) CreateVault(ctx context.Context, name, description string) (*Vault, error) {
	out := new(Vault)
	return got(out, c.write(ctx, http.MethodPost, map[string]string{"name": name, "description": description}, out, "vaults"))
}

// Vaults lists the vaults that the caller may see.
func (c *Client) Vaults(ctx context.Context) ([]Vault, error) {
	var out struct {
		Vaults []Vault `json:"vaults"`
	}
	err := c.read(ctx, &out, "vaults")
	return out.Vaults, err
}

// VaultsNamed lists those with a name, letter by letter, that the caller may see.
func (c *Client) VaultsNamed(ctx context.Context, name string) ([]Vault, error) {
	all, err := c.Vaults(ctx)
	return slices.DeleteFunc(all, func(v Vault) bool { return v.Name != name }), err
}

// Vault returns one vault.
func (c *Client) Vault(ctx context.Context, id string) (*Vault, error) {
	out := new(Vault)
	return got(out, c.read(ctx, out, "vaults", id))
}

// VaultChange is what UpdateVault changes; nil leaves a field as it is.
type VaultChange struct {
	Name        *string `json:"name,omitempty"`
	Description *string `json:"description,omitempty"`
}

// UpdateVault gives a vault another name or description. References by its former name find
// nothing from then on. A name that is taken is a 409.
func (c *Client) UpdateVault(ctx context.Context, id string, change VaultChange) (*Vault, error) {
	out := new(Vault)
	return got(out, c.write(ctx, http.MethodPatch, change, out, "vaults", id))
}

// DeleteVault deletes a vault with all its secrets.
func (c *Client) DeleteVault(ctx context.Context, id string) error {
	return c.remove(ctx, "vaults", id)
}
