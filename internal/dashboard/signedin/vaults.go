package signedin

import (
	"net/http"

	"github.com/oneclaw-dev/oneclaw/client"
)

var vaultPages = map[string]page{
	"GET /vaults":      vaults,
	"POST /vaults":     makeVault,
	"GET /vaults/{$}":  func(v *visit) error { return v.redirect("/vaults") },
	"GET /vaults/new":  newVault,
	"POST /vaults/new": makeVault,

	"GET /vaults/{vault}":          vaultSecrets,
	"GET /vaults/{vault}/settings": vaultSettings,
	"GET /vaults/{vault}/delete":   askDeleteVault,
	"POST /vaults/{vault}/delete":  deleteVault,
	"POST /vaults/{vault}/rekey":   rekeyVault,
}

// vaults lists those that the person may see.
func vaults(v *visit) error {
	list, err := v.api.Vaults(v.r.Context())
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "vaults", v.t("Vaults"), list)
}

// vaultForm is what was filled in for a new vault.
type vaultForm struct{ Name, Description, Problem string }

func newVault(v *visit) error {
	return v.show(http.StatusOK, "vault-new", v.t("New vault"), vaultForm{})
}

func makeVault(v *visit) error {
	f := vaultForm{Name: v.form("name"), Description: v.form("description")}
	made, err := v.api.CreateVault(v.r.Context(), f.Name, f.Description)
	if retry(err) {
		var status int
		status, f.Problem = describe(v, err)
		return v.show(status, "vault-new", v.t("New vault"), f)
	}
	if err != nil {
		return err
	}
	return v.back(vaultPath(made), "The vault is made.")
}

func vaultPath(one *client.Vault) string { return "/vaults/" + one.ID }
