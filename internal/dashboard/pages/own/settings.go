package own

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var settingsPages = map[string]frame.Page{
	"GET /settings":                    settings,
	"POST /settings/password":          changePassword,
	"GET /settings/mfa":                mfa,
	"POST /settings/mfa":               setUpMFA,
	"POST /settings/mfa/confirm":       confirmMFA,
	"POST /settings/mfa/off":           disableMFA,
	"GET /settings/sessions":           sessions,
	"POST /settings/sessions/{id}/end": endSession,
	"POST /settings/sessions/end-all":  endSessions,
	"GET /settings/keys":               keys,
	"POST /settings/keys":              makeKey,
	"GET /settings/keys/{id}/delete":   keyEnds,
	"POST /settings/keys/{id}/delete":  deleteKey,
}

// settingsView is the page of the profile, with what was wrong in the form of the password.
type settingsView struct {
	User    *client.User
	Problem string
	Runs    bool // the server
}

func settings(v *frame.Visit) error { return showSettings(v, http.StatusOK, "") }

func showSettings(v *frame.Visit, status int, problem string) error {
	me, err := v.API.Me(v.R.Context())
	if err != nil {
		return err
	}
	_, err = v.API.Settings(v.R.Context())
	if frame.Seen(err) != nil {
		return err
	}
	return v.Show(status, "settings", v.T("Settings"), settingsView{me, problem, err == nil})
}

func changePassword(v *frame.Visit) error {
	now, next := v.R.PostFormValue("current_password"), v.R.PostFormValue("new_password")
	if next != v.R.PostFormValue("new_password_again") {
		return showSettings(v, http.StatusBadRequest, v.T("The two new passwords are not the same."))
	}
	err := v.API.ChangePassword(v.R.Context(), client.ValueOf(now), client.ValueOf(next))
	if frame.Retry(err) || wrongProof(v, err) {
		status, problem := v.Describe(err)
		return showSettings(v, status, problem)
	}
	if err != nil {
		return err
	}
	return v.Back("/settings", "The password is changed. All other logins have ended.")
}

// mfaView is the page of the second factor.
type mfaView struct {
	On      bool
	Problem string
	Secret  string       // while it is set up
	QR      template.URL // a picture of it
	Codes   []string     // for recovery, once
}

func mfa(v *frame.Visit) error { return showMFA(v, http.StatusOK, "") }

func showMFA(v *frame.Visit, status int, problem string) error {
	on, err := v.API.MFAEnabled(v.R.Context())
	if err != nil {
		return err
	}
	return v.Show(status, "mfa", v.T("Second factor"), mfaView{On: on, Problem: problem})
}

func setUpMFA(v *frame.Visit) error {
	s, err := v.API.SetUpMFA(v.R.Context())
	if err != nil {
		return err
	}
	d := mfaView{Secret: string(s.Secret.Reveal())}
	if qr := string(s.QRCode.Reveal()); strings.HasPrefix(qr, "data:image/png;base64,") {
		d.QR = template.URL(qr) //nolint:gosec // G203: a picture that the API made
	}
	return v.Show(http.StatusOK, "mfa", v.T("Second factor"), d)
}

func confirmMFA(v *frame.Visit) error {
	codes, err := v.API.ConfirmMFA(v.R.Context(), v.Form("code"))
	if frame.Retry(err) || wrongProof(v, err) {
		status, problem := v.Describe(err)
		return showMFA(v, status, problem)
	}
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "mfa", v.T("Second factor"), mfaView{On: true, Codes: codes})
}

func disableMFA(v *frame.Visit) error {
	err := v.API.DisableMFA(v.R.Context(), v.Form("code"))
	if frame.Retry(err) || wrongProof(v, err) {
		status, problem := v.Describe(err)
		return showMFA(v, status, problem)
	}
	if err != nil {
		return err
	}
	return v.Back("/settings/mfa", "The second factor is off.")
}

func sessions(v *frame.Visit) error {
	list, err := v.API.Sessions(v.R.Context(), false)
	if err != nil {
		return err
	}
	return v.Show(http.StatusOK, "sessions", v.T("Logins and devices"), list)
}

func endSession(v *frame.Visit) error {
	id := v.R.PathValue("id")
	if err := v.API.EndSession(v.R.Context(), id); err != nil {
		return err
	}
	if id == v.Login.Session {
		return frame.SignOut(v)
	}
	return v.Back("/settings/sessions", "The login has ended, and what was made with it.")
}

func endSessions(v *frame.Visit) error {
	if err := v.API.EndSessions(v.R.Context(), true); err != nil {
		return err
	}
	return v.Back("/settings/sessions", "All other logins have ended.")
}

// keysView is the page of personal API keys.
type keysView struct {
	Keys    []client.APIKey
	Problem string
	Name    string
	Days    string
	Scopes  string
	New     *client.NewAPIKey // with the key, shown this once
	Secret  string
}

func keys(v *frame.Visit) error { return showKeys(v, http.StatusOK, keysView{Days: "90"}) }

func showKeys(v *frame.Visit, status int, d keysView) (err error) {
	if d.Keys, err = v.API.APIKeys(v.R.Context()); err != nil {
		return err
	}
	return v.Show(status, "keys", v.T("Personal API keys"), d)
}

func makeKey(v *frame.Visit) error {
	if v.Person() {
		return nil
	}
	d := keysView{Name: v.Form("name"), Days: v.Form("days"), Scopes: v.Form("scopes")}
	ends, ok := endsIn(v, d.Days)
	if !ok {
		d.Problem = v.T("Give the number of days as a whole number, or leave it empty.")
		return showKeys(v, http.StatusBadRequest, d)
	}
	made, err := v.API.CreateAPIKey(v.R.Context(), d.Name, strings.Fields(d.Scopes), ends)
	if frame.Retry(err) {
		var status int
		status, d.Problem = v.Describe(err)
		return showKeys(v, status, d)
	}
	if err != nil {
		return err
	}
	return showKeys(v, http.StatusOK, keysView{Days: "90", New: made, Secret: string(made.Secret.Reveal())})
}

// endsIn is the time in so many days; nil is never.
func endsIn(v *frame.Visit, days string) (*time.Time, bool) {
	if days == "" {
		return nil, true
	}
	d, err := time.ParseDuration(days + "h")
	if err != nil || d <= 0 || strings.ContainsAny(days, ".-+eE") || len(days) > 5 {
		return nil, false
	}
	at := v.Now().Add(24 * d)
	return &at, true
}

// endsView says what ends with something.
type endsView struct {
	Name, Back, Action, Word string
	Made                     []client.Made
	Problem                  string
}

func keyEnds(v *frame.Visit) error { return showKeyEnds(v, http.StatusOK, "") }

func showKeyEnds(v *frame.Visit, status int, problem string) error {
	id := v.R.PathValue("id")
	var list []client.APIKey
	d := endsView{Back: "/settings/keys", Action: "/settings/keys/" + url.PathEscape(id) + "/delete", Problem: problem}
	g, ctx := errgroup.WithContext(v.R.Context())
	g.Go(func() (err error) { list, err = v.API.APIKeys(ctx); return err })
	g.Go(func() error {
		all, err := v.API.MadeWithAPIKey(ctx, id)
		d.Made = all.Made
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	for _, k := range list {
		if k.ID == id {
			d.Name = k.Name
		}
	}
	return v.Show(status, "ends", v.T("Revoke the key %s", d.Name), d)
}

func deleteKey(v *frame.Visit) error {
	id := v.R.PathValue("id")
	list, err := v.API.APIKeys(v.R.Context())
	if err != nil {
		return err
	}
	for _, k := range list {
		if k.ID == id && k.Name != v.Form("name") {
			return showKeyEnds(v, http.StatusBadRequest, v.T("That is not its name."))
		}
	}
	if err := v.API.DeleteAPIKey(v.R.Context(), id); err != nil {
		return err
	}
	return v.Back("/settings/keys", "The key is revoked, and what was made with it has ended.")
}

// wrongProof reports whether a refusal is of the password or code in the form, and not of
// a login that has ended.
func wrongProof(v *frame.Visit, err error) bool {
	if !client.IsStatus(err, http.StatusUnauthorized) {
		return false
	}
	_, err = v.API.Me(v.R.Context())
	return err == nil
}
