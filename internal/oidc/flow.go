package oidc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Flow sends people to a provider to log in, and takes what they come back with: the
// authorization code flow of OpenID Connect Core 1.0, 3.1, with PKCE (RFC 7636).
// It is safe for concurrent use.
type Flow struct {
	Client           Doer
	Issuer, ClientID string
	Secret           func() string // of the client; nil or empty for a public one
	Now              func() time.Time

	mu    sync.Mutex
	about endpoints
	until time.Time
	fault error // of the last question, until then
}

// endpoints are where a provider takes logins.
type endpoints struct {
	Issuer    string   `json:"issuer"`
	Authorize string   `json:"authorization_endpoint"`
	Token     string   `json:"token_endpoint"`
	Methods   []string `json:"token_endpoint_auth_methods_supported"`
}

// How long what a provider says of itself is good, and how long it is not asked again
// after it did not answer: strangers begin logins.
const (
	aboutFor   = 10 * time.Minute
	unheardFor = 10 * time.Second
)

// Login is one that has begun. All but URL stays with the browser until it comes back.
type Login struct {
	URL      string `json:"-"` // where the browser goes
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

// Begin begins a login that leads back to redirect. With again the provider asks its user
// to log in although it knows it. The error is Unreachable, or the context's.
func (f *Flow) Begin(ctx context.Context, redirect string, again bool) (Login, error) {
	about, err := f.endpoints(ctx)
	if err != nil {
		return Login{}, err
	}
	to, err := url.Parse(about.Authorize)
	if err != nil {
		return Login{}, Unreachable
	}
	l := Login{State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text()}
	sum := sha256.Sum256([]byte(l.Verifier))
	q := to.Query()
	for name, value := range map[string]string{
		"response_type": "code", "client_id": f.ClientID, "redirect_uri": redirect, "scope": "openid email profile", "state": l.State, "nonce": l.Nonce,
		"code_challenge": base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method": "S256",
	} {
		q.Set(name, value)
	}
	if again {
		q.Set("prompt", "login")
		q.Set("max_age", "0")
	}
	to.RawQuery = q.Encode()
	l.URL = to.String()
	return l, nil
}

// Finish exchanges the code that a browser came back with for an ID token, which nobody
// has verified yet. The error is Malformed for a code that the provider refuses,
// Unreachable, or the context's.
func (f *Flow) Finish(ctx context.Context, l *Login, redirect, code string) (idToken string, err error) {
	about, err := f.endpoints(ctx)
	if err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {l.Verifier}}
	secret := ""
	if f.Secret != nil {
		secret = f.Secret()
	}
	basic := secret != "" && !only(about.Methods, "client_secret_post")
	if !basic {
		form.Set("client_id", f.ClientID)
		if secret != "" {
			form.Set("client_secret", secret)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, about.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return "", Unreachable
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if basic { // RFC 6749, 2.3.1: both as in a form
		r.SetBasicAuth(url.QueryEscape(f.ClientID), url.QueryEscape(secret))
	}
	var got struct {
		IDToken string `json:"id_token"`
	}
	status, err := answer(f.Client, r, &got)
	switch {
	case err != nil:
		return "", err
	case status >= 400 && status < 500:
		return "", Malformed
	case status != http.StatusOK || got.IDToken == "" || len(got.IDToken) > MaxToken:
		return "", Unreachable
	}
	return got.IDToken, nil
}

// only reports whether a list has one word, and no other.
func only(list []string, word string) bool { return len(list) == 1 && list[0] == word }

// endpoints asks the provider for them, or returns what it said a while ago.
func (f *Flow) endpoints(ctx context.Context) (endpoints, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.Now()
	if now.Before(f.until) && f.until.Sub(now) <= aboutFor { // a clock that went back asks again
		return f.about, f.fault
	}
	var about endpoints
	err := get(ctx, f.Client, strings.TrimSuffix(f.Issuer, "/")+discovery, &about)
	if err == nil && (about.Issuer != f.Issuer || about.Authorize == "" || about.Token == "") {
		err = Unreachable // it speaks for somebody else
	}
	if ctx.Err() != nil {
		return endpoints{}, ctx.Err()
	}
	f.about, f.fault, f.until = about, err, now.Add(aboutFor)
	if err != nil {
		f.until = now.Add(unheardFor)
	}
	return f.about, f.fault
}

// answer makes a request and reads the JSON of its answer, whatever its status.
func answer(client Doer, r *http.Request, into any) (status int, err error) {
	res, err := client.Do(r)
	if err != nil {
		return 0, Unreachable
	}
	defer res.Body.Close()
	data, err := readAll(res.Body)
	if err != nil || res.StatusCode == http.StatusOK && json.Unmarshal(data, into) != nil {
		return 0, Unreachable
	}
	return res.StatusCode, nil
}
