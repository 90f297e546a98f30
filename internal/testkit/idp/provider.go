// Package idp runs identity providers for tests: an OpenID provider that people
// log in to, and one that signs whatever it is told to.
package idp

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Provider is an OpenID provider on 127.0.0.1, with two users and a public
// application that redirects to this machine.
type Provider struct {
	Issuer, ClientID string
	Secret           string // of the application; empty: it is a public one
}

// The users of a Provider, by what they log in with.
const (
	First       = "test-user@127.0.0.1"
	FirstEmail  = "test-user@example.com"
	Second      = "test-user2"
	SecondEmail = "test-user2@example.com"
)

const (
	password = "verysecure"
	redirect = "http://localhost/auth/callback"
)

// dashboards are the addresses that the pages of a server on this machine lead back to.
var dashboards = regexp.MustCompile(`^http://127\.0\.0\.1:\d+/login/from$`)

// registered reports whether the application may lead back to an address.
func registered(address string) bool { return address == redirect || dashboards.MatchString(address) }

// LogIn does at the address of an authorization request what a person does there, and
// returns the address that the browser is sent back to.
func (p *Provider) LogIn(t testing.TB, address, user string) (back *url.URL) {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), p.Issuer) {
			back = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}}
	page := do(t, browser, http.MethodGet, address, nil, nil)
	if back == nil {
		do(t, browser, http.MethodPost, page.at.String(), url.Values{"username": {user}, "password": {password}}, nil)
	}
	if back == nil {
		t.Fatalf("the provider sent nobody back from %s", address)
	}
	return back
}

// Start runs a Provider for the length of the test.
func Start(t testing.TB) *Provider {
	t.Helper()
	return start(t, application{id: "oneclaw-" + random(), algorithm: jose.RS256})
}

// StartConfidential is Start with an application that has a secret.
func StartConfidential(t testing.TB) *Provider {
	t.Helper()
	return start(t, application{id: "oneclaw-" + random(), secret: random() + "/+", algorithm: jose.RS256})
}

// start runs a Provider whose application is app, beside others.
func start(t testing.TB, app application, others ...application) *Provider {
	t.Helper()
	var handler http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	handler = newServer(t, s.URL, map[string]user{
		First:  {subject: "id1", password: password, email: FirstEmail, name: "Test User"},
		Second: {subject: "id2", password: password, email: SecondEmail, name: "Test User2"},
	}, append(others, app)...).routes()
	return &Provider{Issuer: s.URL, ClientID: app.id, Secret: app.secret}
}

// IDToken logs a user in through the authorization code flow with PKCE, as a
// browser would, and returns the ID token.
func (p *Provider) IDToken(t testing.TB, user, nonce string) string {
	t.Helper()
	verifier := random()
	code := p.code(t, user, nonce, verifier)
	var out struct {
		IDToken string `json:"id_token"`
	}
	decode(t, p.exchange(t, code, verifier, url.Values{"client_id": {p.ClientID}}), &out)
	if out.IDToken == "" {
		t.Fatal("the provider gave no ID token")
	}
	return out.IDToken
}

// code logs a user in with a browser, which is sent back with a code.
func (p *Provider) code(t testing.TB, user, nonce, verifier string) string {
	t.Helper()
	state := random()
	sum := sha256.Sum256([]byte(verifier))
	page, _ := p.browse(t, http.MethodGet, p.endpoints(t).Authorize+"?"+url.Values{
		"client_id": {p.ClientID}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid profile email"},
		"state": {state}, "nonce": {nonce}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}.Encode(), nil)
	_, back := p.browse(t, http.MethodPost, page.at.String(), url.Values{"username": {user}, "password": {password}})
	if back.Get("code") == "" || back.Get("state") != state {
		t.Fatalf("the provider sent the browser back with %v", back)
	}
	return back.Get("code")
}

// exchange takes what the token endpoint gives for a code. more is how the
// application says who it is.
func (p *Provider) exchange(t testing.TB, code, verifier string, more url.Values) reply {
	t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
	maps.Copy(form, more)
	return do(t, http.DefaultClient, http.MethodPost, p.endpoints(t).Token, form, nil)
}

// endpoints are what the provider's discovery document says of itself.
type endpoints struct {
	Authorize string `json:"authorization_endpoint"`
	Token     string `json:"token_endpoint"`
	Userinfo  string `json:"userinfo_endpoint"`
}

func (p *Provider) endpoints(t testing.TB) (at endpoints) {
	t.Helper()
	decode(t, do(t, http.DefaultClient, http.MethodGet, p.Issuer+"/.well-known/openid-configuration", nil, nil), &at)
	return at
}

// browse makes a browser's request. back is what the browser was sent back to the
// application with, if it was.
func (p *Provider) browse(t testing.TB, method, target string, form url.Values) (page reply, back url.Values) {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirect) {
			back = r.URL.Query()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	page = do(t, browser, method, target, form, nil)
	return page, back
}

func decode(t testing.TB, res reply, into any) {
	t.Helper()
	if err := json.Unmarshal(res.body, into); err != nil || res.status != http.StatusOK {
		t.Fatalf("the provider answered %d, %v", res.status, err)
	}
}

// reply is what came back, read whole.
type reply struct {
	status int
	at     *url.URL // where redirects led
	body   []byte
}

// do makes a request with what head has beside, and reads the answer.
func do(t testing.TB, c *http.Client, method, target string, form url.Values, head http.Header) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, head)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Request.URL, body}
}

func random() string { return rand.Text() }
