package frame

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/oneclaw-dev/oneclaw/client"
)

// passkeyCookie keeps what a passkey was asked for with in the browser that asked: an answer
// that another browser made signs nobody in here.
const passkeyCookie = "oneclaw-passkey"

// AskPasskey hands a script what ask of the API says to ask an authenticator. What stands
// against it is a text for people, since a form without scripts never comes here.
func (v *Visit) AskPasskey(ask func() (*client.PasskeyAsked, error)) error {
	if home := v.namedHome(); home != "" {
		return v.say(http.StatusConflict, v.T("Browsers offer no passkeys under an address of numbers. Open %s instead.", home))
	}
	asked, err := ask()
	if err != nil {
		status, problem := v.Describe(err)
		return v.say(status, problem)
	}
	v.SetCookie(passkeyCookie, string(asked.Token.Reveal()), int(asked.ExpiresIn), http.SameSiteStrictMode)
	v.W.Header().Set("Content-Type", "application/json")
	_, err = v.W.Write(asked.Options)
	return err
}

// PasskeyAnswer takes the answer of an authenticator from the form, and the token that it
// belongs to from the browser. False: the form has none.
func (v *Visit) PasskeyAnswer() (token client.Value, answer json.RawMessage, ok bool) {
	text := v.R.PostFormValue("passkey")
	if text == "" {
		return token, nil, false
	}
	v.SetCookie(passkeyCookie, "", -1, http.SameSiteStrictMode)
	if c, err := v.R.Cookie(passkeyCookie); err == nil {
		token = client.ValueOf(c.Value)
	}
	if !json.Valid([]byte(text)) {
		text = "null" // no authenticator's, and refused as such
	}
	return token, json.RawMessage(text), true
}

// namedHome is where the page must be opened for a passkey, when that is somewhere else on
// this machine.
func (v *Visit) namedHome() string {
	u, err := url.Parse("//" + v.R.Host)
	if err != nil {
		return ""
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil || !ip.IsLoopback() {
		return ""
	}
	u.Scheme, u.Host = "http", "localhost"+port(u)
	return u.String()
}

func port(u *url.URL) string {
	if u.Port() == "" {
		return ""
	}
	return ":" + u.Port()
}

func (v *Visit) say(status int, text string) error {
	v.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	v.W.WriteHeader(status)
	_, err := v.W.Write([]byte(text))
	return err
}
