package signedin

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

var settingsPages = map[string]page{
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

func settings(v *visit) error { return v.settings(http.StatusOK, "") }

func (v *visit) settings(status int, problem string) error {
	me, err := v.api.Me(v.r.Context())
	if err != nil {
		return err
	}
	_, err = v.api.Settings(v.r.Context())
	if seen(err) != nil {
		return err
	}
	return v.show(status, "settings", v.t("Settings"), settingsView{me, problem, err == nil})
}

func changePassword(v *visit) error {
	now, next := v.r.PostFormValue("current_password"), v.r.PostFormValue("new_password")
	if next != v.r.PostFormValue("new_password_again") {
		return v.settings(http.StatusBadRequest, v.t("The two new passwords are not the same."))
	}
	err := v.api.ChangePassword(v.r.Context(), client.ValueOf(now), client.ValueOf(next))
	if retry(err) || v.wrongProof(err) {
		status, problem := describe(v, err)
		return v.settings(status, problem)
	}
	if err != nil {
		return err
	}
	return v.back("/settings", "The password is changed. All other logins have ended.")
}

// mfaView is the page of the second factor.
type mfaView struct {
	On      bool
	Problem string
	Secret  string       // while it is set up
	QR      template.URL // a picture of it
	Codes   []string     // for recovery, once
}

func mfa(v *visit) error { return v.mfa(http.StatusOK, "") }

func (v *visit) mfa(status int, problem string) error {
	on, err := v.api.MFAEnabled(v.r.Context())
	if err != nil {
		return err
	}
	return v.show(status, "mfa", v.t("Second factor"), mfaView{On: on, Problem: problem})
}

func setUpMFA(v *visit) error {
	s, err := v.api.SetUpMFA(v.r.Context())
	if err != nil {
		return err
	}
	d := mfaView{Secret: string(s.Secret.Reveal())}
	if qr := string(s.QRCode.Reveal()); strings.HasPrefix(qr, "data:image/png;base64,") {
		d.QR = template.URL(qr) //nolint:gosec // G203: a picture that the API made
	}
	return v.show(http.StatusOK, "mfa", v.t("Second factor"), d)
}

func confirmMFA(v *visit) error {
	codes, err := v.api.ConfirmMFA(v.r.Context(), v.form("code"))
	if retry(err) || v.wrongProof(err) {
		status, problem := describe(v, err)
		return v.mfa(status, problem)
	}
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "mfa", v.t("Second factor"), mfaView{On: true, Codes: codes})
}

func disableMFA(v *visit) error {
	err := v.api.DisableMFA(v.r.Context(), v.form("code"))
	if retry(err) || v.wrongProof(err) {
		status, problem := describe(v, err)
		return v.mfa(status, problem)
	}
	if err != nil {
		return err
	}
	return v.back("/settings/mfa", "The second factor is off.")
}

func sessions(v *visit) error {
	list, err := v.api.Sessions(v.r.Context(), false)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "sessions", v.t("Logins and devices"), list)
}

func endSession(v *visit) error {
	id := v.r.PathValue("id")
	if err := v.api.EndSession(v.r.Context(), id); err != nil {
		return err
	}
	if id == v.login.Session {
		return signOut(v)
	}
	return v.back("/settings/sessions", "The login has ended, and what was made with it.")
}

func endSessions(v *visit) error {
	if err := v.api.EndSessions(v.r.Context(), true); err != nil {
		return err
	}
	return v.back("/settings/sessions", "All other logins have ended.")
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

func keys(v *visit) error { return v.keys(http.StatusOK, keysView{Days: "90"}) }

func (v *visit) keys(status int, d keysView) (err error) {
	if d.Keys, err = v.api.APIKeys(v.r.Context()); err != nil {
		return err
	}
	return v.show(status, "keys", v.t("Personal API keys"), d)
}

func makeKey(v *visit) error {
	if v.person() {
		return nil
	}
	d := keysView{Name: v.form("name"), Days: v.form("days"), Scopes: v.form("scopes")}
	ends, ok := v.endsIn(d.Days)
	if !ok {
		d.Problem = v.t("Give the number of days as a whole number, or leave it empty.")
		return v.keys(http.StatusBadRequest, d)
	}
	made, err := v.api.CreateAPIKey(v.r.Context(), d.Name, strings.Fields(d.Scopes), ends)
	if retry(err) {
		var status int
		status, d.Problem = describe(v, err)
		return v.keys(status, d)
	}
	if err != nil {
		return err
	}
	return v.keys(http.StatusOK, keysView{Days: "90", New: made, Secret: string(made.Secret.Reveal())})
}

// endsIn is the time in so many days; nil is never.
func (v *visit) endsIn(days string) (*time.Time, bool) {
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

func keyEnds(v *visit) error { return v.keyEnds(http.StatusOK, "") }

func (v *visit) keyEnds(status int, problem string) error {
	id := v.r.PathValue("id")
	var list []client.APIKey
	d := endsView{Back: "/settings/keys", Action: "/settings/keys/" + url.PathEscape(id) + "/delete", Problem: problem}
	g, ctx := errgroup.WithContext(v.r.Context())
	g.Go(func() (err error) { list, err = v.api.APIKeys(ctx); return err })
	g.Go(func() error {
		all, err := v.api.MadeWithAPIKey(ctx, id)
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
	return v.show(status, "ends", v.t("Revoke the key %s", d.Name), d)
}

func deleteKey(v *visit) error {
	id := v.r.PathValue("id")
	list, err := v.api.APIKeys(v.r.Context())
	if err != nil {
		return err
	}
	for _, k := range list {
		if k.ID == id && k.Name != v.form("name") {
			return v.keyEnds(http.StatusBadRequest, v.t("That is not its name."))
		}
	}
	if err := v.api.DeleteAPIKey(v.r.Context(), id); err != nil {
		return err
	}
	return v.back("/settings/keys", "The key is revoked, and what was made with it has ended.")
}

// wrongProof reports whether a refusal is of the password or code in the form, and not of
// a login that has ended.
func (v *visit) wrongProof(err error) bool {
	if !client.IsStatus(err, http.StatusUnauthorized) {
		return false
	}
	_, err = v.api.Me(v.r.Context())
	return err == nil
}
