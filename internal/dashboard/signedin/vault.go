package signedin

import (
	"context"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

// vaultHead is what every page of a vault begins with: where it is, and its tabs.
type vaultHead struct {
	*client.Vault
	Tab string
}

// head finds the vault that the address names.
func (v *visit) head(tab string) (vaultHead, error) {
	one, err := v.api.Vault(v.r.Context(), v.r.PathValue("vault"))
	return vaultHead{one, tab}, err
}

// vaultList is a part of the secrets of a vault.
type vaultList struct {
	vaultHead
	secretList
}

// vaultSecrets lists the secrets of a vault, or those whose path has what is looked for.
func vaultSecrets(v *visit) error {
	var d vaultList
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() (err error) { d.vaultHead, err = v.head("secrets"); return err })
	g.Go(func() (err error) { d.secretList, err = v.listed(ctx, v.r.PathValue("vault")); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	if v.part() {
		return v.piece("vault", "list", d)
	}
	return v.show(http.StatusOK, "vault", d.Name, d)
}

// vaultState is what the settings of a vault show.
type vaultState struct {
	vaultHead
	MadeBy string
}

func vaultSettings(v *visit) error {
	h, err := v.head("settings")
	if err != nil {
		return err
	}
	n, err := v.names(v.r.Context())
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "vault-settings", h.Name, vaultState{h, n.of(h.CreatedByType, h.CreatedBy)})
}

// rekeyVault begins to wrap the vault's data keys with a new key of the hardware.
func rekeyVault(v *visit) error {
	id := v.r.PathValue("vault")
	if _, err := v.api.RekeyVault(v.r.Context(), id); err != nil {
		return err
	}
	return v.back("/vaults/"+id+"/settings", "The change of the key has begun. It goes on by itself.")
}

func askDeleteVault(v *visit) error { return v.askDeleteVault(http.StatusOK, "") }

func (v *visit) askDeleteVault(status int, problem string) error {
	h, err := v.head("settings")
	if err != nil {
		return err
	}
	d := destruction{
		Name: h.Name, Problem: problem, Back: "/vaults/" + h.ID + "/settings", Button: v.t("Delete the vault"),
		Text: v.t("The vault goes with all its secrets and policies. Programs that read from it fail from then on. Nothing here brings it back."),
	}
	var first secretList
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() (err error) { first, err = v.listed(ctx, h.ID); return seen(err) })
	g.Go(func() (err error) { d.Readers, err = v.granted(ctx, h.ID); return seen(err) })
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
	return v.show(status, "destroy", v.t("Delete the vault %s?", h.Name), d)
}

// fewPaths is how many paths a page names as examples.
const fewPaths = 20

// granted is who has a policy in a vault, for people.
func (v *visit) granted(ctx context.Context, vault string) ([]string, error) {
	all, err := v.api.Policies(ctx, vault)
	if err != nil {
		return nil, err
	}
	n, err := v.names(ctx)
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

func deleteVault(v *visit) error {
	h, err := v.head("settings")
	if err != nil {
		return err
	}
	if !v.typed(h.Name) {
		return v.askDeleteVault(http.StatusUnprocessableEntity, v.t("The name that you typed is another one."))
	}
	if err := v.api.DeleteVault(v.r.Context(), h.ID); err != nil {
		return err
	}
	return v.back("/vaults", "The vault is deleted.")
}

// Head is the beginning of the page, for the templates.
func (h vaultHead) Head() vaultHead { return h }
