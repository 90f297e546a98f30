package vaults

import (
	"context"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// vaultHead is what every page of a vault begins with: where it is, and its tabs.
type vaultHead struct {
	*client.Vault
	Tab string
}

// headOf finds the vault that the address names.
func headOf(v *frame.Visit, tab string) (vaultHead, error) {
	one, err := v.API.Vault(v.R.Context(), v.R.PathValue("vault"))
	return vaultHead{one, tab}, err
}

// vaultList is a part of the secrets of a vault.
type vaultList struct {
	vaultHead
	secretList
}

// vaultSecrets lists the secrets of a vault, or those whose path has what is looked for.
func vaultSecrets(v *frame.Visit) error {
	var d vaultList
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { d.vaultHead, err = headOf(v, "secrets"); return err })
	g.Go(func() (err error) { d.secretList, err = listed(ctx, v, v.R.PathValue("vault")); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	if v.Part() {
		return v.Piece(http.StatusOK, "vault", "list", d)
	}
	return v.Show(http.StatusOK, "vault", d.Name, d)
}

// vaultState is what the settings of a vault show.
type vaultState struct {
	vaultHead
	MadeBy string
	Filled vaultForm
}

func vaultSettings(v *frame.Visit) error { return showVaultSettings(v, http.StatusOK, nil) }

func showVaultSettings(v *frame.Visit, status int, filled *vaultForm) error {
	h, err := headOf(v, "settings")
	if err != nil {
		return err
	}
	n, err := namesFor(v.R.Context(), v)
	if err != nil {
		return err
	}
	if filled == nil {
		filled = &vaultForm{Name: h.Name, Description: h.Description}
	}
	return v.Show(status, "vault-settings", h.Name, vaultState{h, n.of(h.CreatedByType, h.CreatedBy), *filled})
}

// renameVault gives the vault another name and description.
func renameVault(v *frame.Visit) error {
	f, id := vaultForm{Name: v.Form("name"), Description: v.Form("description")}, v.R.PathValue("vault")
	_, err := v.API.UpdateVault(v.R.Context(), id, client.VaultChange{Name: &f.Name, Description: &f.Description})
	if frame.Retry(err) {
		var status int
		status, f.Problem = v.Describe(err)
		return showVaultSettings(v, status, &f)
	}
	if err != nil {
		return err
	}
	return v.Back("/vaults/"+id+"/settings", "The vault is changed.")
}

// rekeyVault begins to wrap the vault's data keys with a new key of the hardware.
func rekeyVault(v *frame.Visit) error {
	id := v.R.PathValue("vault")
	if _, err := v.API.RekeyVault(v.R.Context(), id); err != nil {
		return err
	}
	return v.Back("/vaults/"+id+"/settings", "The change of the key has begun. It goes on by itself.")
}

func askDeleteVault(v *frame.Visit) error { return showDeleteVault(v, http.StatusOK, "") }

func showDeleteVault(v *frame.Visit, status int, problem string) error {
	h, err := headOf(v, "settings")
	if err != nil {
		return err
	}
	d := destruction{
		Name: h.Name, Problem: problem, Back: "/vaults/" + h.ID + "/settings", Button: v.T("Delete the vault"),
		Text: v.T("The vault goes with all its secrets and policies. Programs that read from it fail from then on. Nothing here brings it back."),
	}
	var first secretList
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { first, err = listed(ctx, v, h.ID); return frame.Seen(err) })
	g.Go(func() (err error) { d.Readers, err = granted(ctx, v, h.ID); return frame.Seen(err) })
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range first.Secrets {
		if i == fewPaths {
			d.More = true
			break
		}
		d.Lost = append(d.Lost, first.Secrets[i].Path)
	}
	return v.Show(status, "destroy", v.T("Delete the vault %s?", h.Name), d)
}

// fewPaths is how many paths a page names as examples.
const fewPaths = 20

// granted is who has a policy in a vault, for people.
func granted(ctx context.Context, v *frame.Visit, vault string) ([]string, error) {
	all, err := v.API.Policies(ctx, vault)
	if err != nil {
		return nil, err
	}
	n, err := namesFor(ctx, v)
	if err != nil {
		return nil, err
	}
	var who []string
	for i := range all {
		p := &all[i]
		who = append(who, n.of(p.PrincipalType, p.PrincipalID)+" ("+p.SecretPathPattern+")")
	}
	return who, nil
}

func deleteVault(v *frame.Visit) error {
	h, err := headOf(v, "settings")
	if err != nil {
		return err
	}
	if !typed(v, h.Name) {
		return showDeleteVault(v, http.StatusUnprocessableEntity, v.T("The name that you typed is another one."))
	}
	if err := v.API.DeleteVault(v.R.Context(), h.ID); err != nil {
		return err
	}
	return v.Back("/vaults", "The vault is deleted.")
}

// Own reports whether the vault is the server's own, which nobody changes by hand.
func (h vaultHead) Own() bool { return h.Reserved() }

// Head is the beginning of the page, for the templates.
func (h vaultHead) Head() vaultHead { return h }
