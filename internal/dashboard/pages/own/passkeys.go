package own

import (
	"net/http"
	"net/url"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var passkeyPages = map[string]frame.Page{
	"GET /settings/passkeys":              passkeys,
	"GET /settings/passkeys/new":          newPasskey,
	"POST /settings/passkeys/begin":       beginPasskey,
	"POST /settings/passkeys":             addPasskey,
	"POST /settings/passkeys/{id}/rename": renamePasskey,
	"GET /settings/passkeys/{id}/remove":  passkeyEnds,
	"POST /settings/passkeys/{id}/remove": removePasskey,
}

func passkeys(v *frame.Visit) error {
	list, err := v.API.Passkeys(v.R.Context())
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "passkeys", v.T("Passkeys"), list)
}

// newPasskeyView is the form of a new passkey, with what was wrong in it.
type newPasskeyView struct{ Name, Problem string }

func newPasskey(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	return v.Show(http.StatusOK, "passkey-new", v.T("Add a passkey"), newPasskeyView{})
}

func beginPasskey(v *frame.Visit) error {
	return v.AskPasskey(func() (*client.PasskeyAsked, error) { return v.API.BeginPasskey(v.R.Context()) })
}

func addPasskey(v *frame.Visit) error {
	d := newPasskeyView{Name: v.Form("name")}
	token, answer, ok := v.PasskeyAnswer()
	if !ok {
		d.Problem = v.T("Adding a passkey takes JavaScript, and a browser and a device that have passkeys.")
		return v.Show(http.StatusBadRequest, "passkey-new", v.T("Add a passkey"), d)
	}
	_, err := v.API.AddPasskey(v.R.Context(), token, d.Name, answer)
	if frame.Retry(err) || client.IsStatus(err, http.StatusConflict) {
		var status int
		status, d.Problem = v.Describe(err)
		return v.Show(status, "passkey-new", v.T("Add a passkey"), d)
	}
	if err != nil {
		return err
	}
	return v.Back("/settings/passkeys", "The passkey is added. You can sign in with it from now on.")
}

func renamePasskey(v *frame.Visit) error {
	if err := v.API.RenamePasskey(v.R.Context(), v.R.PathValue("id"), v.Form("name")); err != nil {
		return err
	}
	return v.Back("/settings/passkeys", "The passkey has its new name.")
}

// passkeyEndsView is the page that removes a passkey.
type passkeyEndsView struct{ ID, Name, Problem string }

func passkeyEnds(v *frame.Visit) error { return showPasskeyEnds(v, http.StatusOK, "") }

func showPasskeyEnds(v *frame.Visit, status int, problem string) error {
	d := passkeyEndsView{ID: url.PathEscape(v.R.PathValue("id")), Problem: problem}
	list, err := v.API.Passkeys(v.R.Context())
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].ID == v.R.PathValue("id") {
			d.Name = list[i].Name
			return v.Show(status, "passkey-remove", v.T("Remove the passkey %s", d.Name), d)
		}
	}
	return frame.Missing(v)
}

func removePasskey(v *frame.Visit) error {
	id := v.R.PathValue("id")
	list, err := v.API.Passkeys(v.R.Context())
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].ID == id && list[i].Name != v.Form("name") {
			return showPasskeyEnds(v, http.StatusBadRequest, v.T("That is not its name."))
		}
	}
	if _, err := v.API.RemovePasskey(v.R.Context(), id, v.Form("all") == ""); err != nil {
		return err
	}
	return v.Back("/settings/passkeys", "The passkey is removed, and the logins that it began have ended.")
}
