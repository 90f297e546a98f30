package entry

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
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

func leadsBack(v *frame.Visit) string { return v.PublicURL() + fromProvider }

// toProvider sends a person to a provider.
func (d Door) toProvider(v *frame.Visit) error {
	n, err := strconv.Atoi(v.R.PathValue("n"))
	if err != nil || n < 0 || n >= len(d.providers) {
		return frame.Missing(v)
	}
	b := begun{Provider: n, To: frame.Local(v.Query("to")), Again: v.Query("again") != ""}
	if b.Login, err = d.providers[n].Begin(v.R.Context(), leadsBack(v), b.Again); err != nil {
		return d.noProvider(v, b.To)
	}
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	keepBegun(v, base64.RawURLEncoding.EncodeToString(text), 600)
	return v.Redirect(b.URL)
}

func keepBegun(v *frame.Visit, value string, age int) {
	v.SetCookie(begunCookie, value, age, http.SameSiteLaxMode)
}

// cameBack takes a person back from a provider.
func (d Door) cameBack(v *frame.Visit) error {
	b, ok := d.began(v)
	keepBegun(v, "", -1)
	q := v.R.URL.Query()
	if !ok || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(b.State)) != 1 {
		return d.refusedLogin(v, "", v.T("This login was not begun here, or too long ago. Begin it again."))
	}
	p := d.providers[b.Provider]
	if iss := q.Get("iss"); iss != "" && iss != p.Issuer { // RFC 9207: another's answer, mixed in
		return d.refusedLogin(v, b.To, v.T("This login was not begun here, or too long ago. Begin it again."))
	}
	if q.Get("code") == "" {
		return d.refusedLogin(v, b.To, v.T("The identity provider let nobody in."))
	}
	text, err := p.Finish(v.R.Context(), &b.Login, leadsBack(v), q.Get("code"))
	if err != nil {
		return d.noProvider(v, b.To)
	}
	login, err := v.API.LoginWithIDToken(v.R.Context(), client.ValueOf(text), b.Nonce)
	if err != nil {
		_, problem := v.Describe(err)
		return d.refusedLogin(v, b.To, problem)
	}
	if login.MFARequired {
		return v.Show(http.StatusOK, "login", v.T("Sign in"), question{To: b.To, MFAToken: string(login.MFAToken.Reveal())})
	}
	token := string(login.AccessToken.Reveal())
	if !b.Again {
		return v.LetIn(token, b.To)
	}
	if err := v.Enter(); err != nil {
		return v.LetIn(token, b.To) // the login of before has ended meanwhile
	}
	if err := v.Proved(token); frame.SomebodyElse(err) {
		return d.somebodyElse(v, &question{Action: b.To, To: b.To, Fields: url.Values{}})
	} else if err != nil {
		return err
	}
	return v.Back(b.To, "That was you. Do again what you were doing.")
}

// began reads what the browser kept of a login.
func (d Door) began(v *frame.Visit) (b begun, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(v.Cookie(begunCookie))
	if err != nil || json.Unmarshal(text, &b) != nil || b.State == "" || b.Provider < 0 || b.Provider >= len(d.providers) {
		return b, false
	}
	b.To = frame.Local(b.To)
	return b, true
}

func (d Door) noProvider(v *frame.Visit, to string) error {
	return d.refusedLogin(v, to, v.T("The identity provider does not answer. Try again in a moment."))
}

// refusedLogin shows the form of a login with what went wrong.
func (d Door) refusedLogin(v *frame.Visit, to, problem string) error {
	return v.Show(http.StatusUnauthorized, "login", v.T("Sign in"), question{To: to, Problem: problem, Others: d.others(to, false)})
}

// other is a way to log in beside the password.
type other struct{ Name, Address string }

// others are the providers, as links that lead to to afterwards.
func (d Door) others(to string, again bool) (out []other) {
	for n, p := range d.providers {
		q := url.Values{"to": {frame.Local(to)}}
		if again {
			q.Set("again", "yes")
		}
		out = append(out, other{p.Name, "/login/with/" + strconv.Itoa(n) + "?" + q.Encode()})
	}
	return out
}
