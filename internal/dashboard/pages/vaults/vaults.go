package vaults

import (
	"net/http"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var vaultPages = map[string]frame.Page{
	"GET /vaults":      vaults,
	"POST /vaults":     makeVault,
	"GET /vaults/{$}":  func(v *frame.Visit) error { return v.Redirect("/vaults") },
	"GET /vaults/new":  newVault,
	"POST /vaults/new": makeVault,

	"GET /vaults/{vault}":          vaultSecrets,
	"GET /vaults/{vault}/settings": vaultSettings,
	"GET /vaults/{vault}/delete":   askDeleteVault,
	"POST /vaults/{vault}/delete":  deleteVault,
	"POST /vaults/{vault}/rekey":   rekeyVault,
	"POST /vaults/{vault}/rename":  renameVault,
}

// vaults lists those that the person may see.
func vaults(v *frame.Visit) error {
	list, err := v.API.Vaults(v.R.Context())
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "vaults", v.T("Vaults"), list)
}

// vaultForm is what was filled in for a new vault.
type vaultForm struct{ Name, Description, Problem string }

func newVault(v *frame.Visit) error {
	return v.Show(http.StatusOK, "vault-new", v.T("New vault"), vaultForm{})
}

func makeVault(v *frame.Visit) error {
	f := vaultForm{Name: v.Form("name"), Description: v.Form("description")}
	made, err := v.API.CreateVault(v.R.Context(), f.Name, f.Description)
	if frame.Retry(err) {
		var status int
		status, f.Problem = v.Describe(err)
		return v.Show(status, "vault-new", v.T("New vault"), f)
	}
	if err != nil {
		return err
	}
	return v.Back(vaultPath(made), "The vault is made.")
}

func vaultPath(one *client.Vault) string { return "/vaults/" + one.ID }
