package signedin

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/oidc"
)

// Provider is an identity provider that people may log in with.
type Provider struct {
	Name string // as people know it
	*oidc.Flow
}

// fromProvider is where a provider leads back to, as it has to be told.
const fromProvider = "/login/from"

// begunCookie keeps a login with a provider in the browser that began it.
const begunCookie = "oneclaw-begun"

// begun is a login with a provider that is under way.
type begun struct {
	oidc.Login
	Provider int    `json:"provider"`
	To       string `json:"to"`
	Again    bool   `json:"again,omitempty"` // who is signed in proves to be there
}

func (s *Site) leadsBack() string { return s.PublicURL + fromProvider }

// toProvider sends a person to a provider.
func toProvider(v *visit) error {
	n, err := strconv.Atoi(v.r.PathValue("n"))
	if err != nil || n < 0 || n >= len(v.Providers) {
		return missing(v)
	}
	b := begun{Provider: n, To: local(v.query("to")), Again: v.query("again") != ""}
	if b.Login, err = v.Providers[n].Begin(v.r.Context(), v.leadsBack(), b.Again); err != nil {
		return v.noProvider(b.To)
	}
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	v.begun(base64.RawURLEncoding.EncodeToString(text), 600)
	http.Redirect(v.w, v.r, b.URL, http.StatusSeeOther)
	return nil
}

func (v *visit) begun(value string, age int) {
	//nolint:gosec // G124: over plain http on this machine there is no Secure
	http.SetCookie(v.w, &http.Cookie{Name: begunCookie, Value: value, Path: "/login", MaxAge: age, HttpOnly: true, Secure: v.secure, SameSite: http.SameSiteLaxMode})
}

// cameBack takes a person back from a provider.
func cameBack(v *visit) error {
	b, ok := v.began()
	v.begun("", -1)
	q := v.r.URL.Query()
	if !ok || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(b.State)) != 1 {
		return v.refusedLogin("", v.t("This login was not begun here, or too long ago. Begin it again."))
	}
	p := v.Providers[b.Provider]
	if iss := q.Get("iss"); iss != "" && iss != p.Issuer { // RFC 9207: another's answer, mixed in
		return v.refusedLogin(b.To, v.t("This login was not begun here, or too long ago. Begin it again."))
	}
	if q.Get("code") == "" {
		return v.refusedLogin(b.To, v.t("The identity provider let nobody in."))
	}
	text, err := p.Finish(v.r.Context(), &b.Login, v.leadsBack(), q.Get("code"))
	if err != nil {
		return v.noProvider(b.To)
	}
	login, err := v.api.LoginWithIDToken(v.r.Context(), client.ValueOf(text), b.Nonce)
	if err != nil {
		_, problem := describe(v, err)
		return v.refusedLogin(b.To, problem)
	}
	if login.MFARequired {
		return v.show(http.StatusOK, "login", v.t("Sign in"), question{To: b.To, MFAToken: string(login.MFAToken.Reveal())})
	}
	token := string(login.AccessToken.Reveal())
	if !b.Again {
		return v.letIn(token, b.To)
	}
	if err := v.enter(); err != nil {
		return v.letIn(token, b.To) // the login of before has ended meanwhile
	}
	if err := v.proved(token); err != nil {
		return err
	}
	return v.back(b.To, "That was you. Do again what you were doing.")
}

// began reads what the browser kept of a login.
func (v *visit) began() (b begun, ok bool) {
	c, err := v.r.Cookie(begunCookie)
	if err != nil {
		return b, false
	}
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(text, &b) != nil || b.State == "" || b.Provider < 0 || b.Provider >= len(v.Providers) {
		return b, false
	}
	b.To = local(b.To)
	return b, true
}

func (v *visit) noProvider(to string) error {
	return v.refusedLogin(to, v.t("The identity provider does not answer. Try again in a moment."))
}

// refusedLogin shows the form of a login with what went wrong.
func (v *visit) refusedLogin(to, problem string) error {
	return v.show(http.StatusUnauthorized, "login", v.t("Sign in"), question{To: to, Problem: problem, Others: v.others(to, false)})
}

// other is a way to log in beside the password.
type other struct{ Name, Address string }

// others are the providers, as links that lead to to afterwards.
func (v *visit) others(to string, again bool) (out []other) {
	for n, p := range v.Providers {
		q := url.Values{"to": {local(to)}}
		if again {
			q.Set("again", "yes")
		}
		out = append(out, other{p.Name, "/login/with/" + strconv.Itoa(n) + "?" + q.Encode()})
	}
	return out
}
