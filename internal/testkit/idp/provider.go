// Package idp runs identity providers for tests: a real OpenID provider, and one
// that signs whatever it is told to.
package idp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Provider is a real OpenID provider on 127.0.0.1, with two users.
type Provider struct {
	Issuer, ClientID string
}

// The users of a Provider, by what they log in with.
const (
	First       = "test-user@127.0.0.1"
	FirstEmail  = "test-user@zitadel.ch"
	Second      = "test-user2"
	SecondEmail = "test-user2@zitadel.ch"
)

const redirect = "http://localhost/auth/callback"

// Start runs a Provider for the length of the test.
func Start(t testing.TB) *Provider {
	t.Helper()
	var handler http.Handler
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	p := &Provider{Issuer: s.URL, ClientID: "oneclaw-" + random()}
	clients := map[string]*storage.Client{p.ClientID: storage.NativeClient(p.ClientID, redirect)}
	store := talkative{storage.NewStorageWithClients(storage.NewUserStore(s.URL), clients)}
	handler = exampleop.SetupServer(s.URL, store, slog.New(slog.DiscardHandler), false)
	return p
}

// talkative puts mail and name into ID tokens, as most providers do.
type talkative struct{ *storage.Storage }

// GetClientByClientID implements op.Storage.
func (s talkative) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := s.Storage.GetClientByClientID(ctx, id)
	return talkativeClient{c}, err
}

type talkativeClient struct{ op.Client }

// IDTokenUserinfoClaimsAssertion implements op.Client.
func (talkativeClient) IDTokenUserinfoClaimsAssertion() bool { return true }

// IDToken logs a user in through the authorization code flow with PKCE, as a
// browser would, and returns the ID token.
func (p *Provider) IDToken(t testing.TB, user, nonce string) string {
	t.Helper()
	var code string
	browser := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirect) {
			code = r.URL.Query().Get("code")
			return http.ErrUseLastResponse
		}
		return nil
	}}
	var at struct {
		Authorize string `json:"authorization_endpoint"`
		Token     string `json:"token_endpoint"`
	}
	decode(t, do(t, browser, http.MethodGet, p.Issuer+"/.well-known/openid-configuration", nil), &at)
	verifier := random()
	sum := sha256.Sum256([]byte(verifier))
	page := do(t, browser, http.MethodGet, at.Authorize+"?"+url.Values{
		"client_id": {p.ClientID}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid profile email"},
		"state": {random()}, "nonce": {nonce}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}.Encode(), nil)
	do(t, browser, http.MethodPost, p.Issuer+"/login/username", url.Values{
		"username": {user}, "password": {"verysecure"}, "id": {page.at.Query().Get("authRequestID")},
	})
	if code == "" {
		t.Fatal("the provider gave no code")
	}
	res := do(t, browser, http.MethodPost, at.Token, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect},
		"client_id": {p.ClientID}, "code_verifier": {verifier},
	})
	var out struct {
		IDToken string `json:"id_token"`
	}
	decode(t, res, &out)
	if out.IDToken == "" {
		t.Fatal("the provider gave no ID token")
	}
	return out.IDToken
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

func do(t testing.TB, c *http.Client, method, target string, form url.Values) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
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
