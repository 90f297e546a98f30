package idp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Lifetimes of what the server gives out.
const (
	codeLife  = time.Minute
	tokenLife = 5 * time.Minute
)

// user is somebody who can log in.
type user struct {
	subject, password, email, name string
}

// application is a client that is registered with the server. One without a
// secret is public.
type application struct {
	id, secret string
	algorithm  jose.SignatureAlgorithm // of its ID tokens
}

// server is the authorization server of OpenID Connect Core 1.0: authorization
// code flow with PKCE (RFC 7636), token and userinfo endpoint, discovery, keys.
type server struct {
	issuer string
	users  map[string]user // by what they log in with
	apps   map[string]application
	keys   []jose.JSONWebKey // private

	mu     sync.Mutex
	asked  map[string]request // authorization requests that wait for a login, by id
	codes  map[string]login   // by code; each is taken once
	access map[string]login   // by access token
}

// request is what an application asked for, in the terms of RFC 6749.
type request struct {
	app                                 application
	redirect, scope, state, nonce, hash string
}

// login is a user who consented to a request.
type login struct {
	request
	user user
	at   time.Time
}

func newServer(t testing.TB, issuer string, users map[string]user, apps ...application) *server {
	t.Helper()
	s := &server{
		issuer: issuer, users: users, apps: map[string]application{},
		asked: map[string]request{}, codes: map[string]login{}, access: map[string]login{},
	}
	for _, a := range apps {
		s.apps[a.id] = a
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for alg, key := range map[jose.SignatureAlgorithm]crypto.Signer{jose.RS256: r, jose.ES256: e} {
		s.keys = append(s.keys, jose.JSONWebKey{Key: key, KeyID: random(), Algorithm: string(alg), Use: "sig"})
	}
	return s
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", s.discovery)
	mux.HandleFunc("GET /keys", s.publicKeys)
	mux.HandleFunc("GET /authorize", s.authorize)
	mux.HandleFunc("GET /login", s.loginPage)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("GET /userinfo", s.userinfo)
	return mux
}

func (s *server) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{
		"issuer": s.issuer, "jwks_uri": s.issuer + "/keys",
		"authorization_endpoint": s.issuer + "/authorize", "token_endpoint": s.issuer + "/token", "userinfo_endpoint": s.issuer + "/userinfo",
		"response_types_supported": []string{"code"}, "response_modes_supported": []string{"query"},
		"grant_types_supported": []string{"authorization_code"}, "subject_types_supported": []string{"public"},
		"scopes_supported":                      []string{"openid", "profile", "email"},
		"id_token_signing_alg_values_supported": []jose.SignatureAlgorithm{jose.RS256, jose.ES256},
		"token_endpoint_auth_methods_supported": []string{"none", "client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":      []string{"S256"},
		"claims_supported":                      []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "azp", "at_hash", "email", "email_verified", "name"},
	})
}

func (s *server) publicKeys(w http.ResponseWriter, _ *http.Request) {
	set := jose.JSONWebKeySet{}
	for _, k := range s.keys {
		set.Keys = append(set.Keys, k.Public())
	}
	answer(w, set)
}

// authorize keeps a request and shows the login page. A request whose application
// or address is not registered is refused here; any other error goes to that
// address, as RFC 6749, 4.1.2.1 has it.
func (s *server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	app, ok := s.apps[q.Get("client_id")]
	redirect := q.Get("redirect_uri")
	if !ok || !registered(redirect) {
		http.Error(w, "This application is not known.", http.StatusBadRequest)
		return
	}
	refuse := func(code string) {
		http.Redirect(w, r, redirect+"?"+url.Values{"error": {code}, "state": {q.Get("state")}, "iss": {s.issuer}}.Encode(), http.StatusFound)
	}
	switch {
	case q.Get("response_type") != "code":
		refuse("unsupported_response_type")
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		refuse("invalid_scope")
	case q.Get("code_challenge") == "" || q.Get("code_challenge_method") != "S256":
		refuse("invalid_request")
	default:
		id := random()
		s.mu.Lock()
		s.asked[id] = request{app, redirect, q.Get("scope"), q.Get("state"), q.Get("nonce"), q.Get("code_challenge")}
		s.mu.Unlock()
		http.Redirect(w, r, "/login?request="+id, http.StatusFound)
	}
}

func (s *server) loginPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(`<!doctype html><title>Log in</title><form method="post">` + // the reader sees it when it is cut
		`<input name="username"><input name="password" type="password"><button>Log in</button></form>`))
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	u, ok := s.users[r.PostFormValue("username")]
	if !ok || subtle.ConstantTimeCompare([]byte(u.password), []byte(r.PostFormValue("password"))) != 1 {
		http.Error(w, "User name or password is wrong.", http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.URL.Query().Get("request")
	asked, ok := s.asked[id]
	if !ok {
		http.Error(w, "This login has ended.", http.StatusBadRequest)
		return
	}
	delete(s.asked, id)
	code := random()
	s.codes[code] = login{asked, u, time.Now()}
	http.Redirect(w, r, asked.redirect+"?"+url.Values{"code": {code}, "state": {asked.state}, "iss": {s.issuer}}.Encode(), http.StatusFound)
}

// token gives an ID token and an access token for a code (RFC 6749, 4.1.3).
func (s *server) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	app, ok := s.application(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		failed(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	switch r.PostFormValue("grant_type") {
	case "authorization_code":
	case "":
		failed(w, http.StatusBadRequest, "invalid_request")
		return
	default:
		failed(w, http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	code := r.PostFormValue("code")
	s.mu.Lock()
	in, ok := s.codes[code]
	delete(s.codes, code) // taken, by whomever
	s.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || in.app.id != app.id || in.redirect != r.PostFormValue("redirect_uri") || time.Since(in.at) > codeLife ||
		in.hash != base64.RawURLEncoding.EncodeToString(sum[:]) {
		failed(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	access := random()
	id, err := s.idToken(in, access)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	s.access[access] = in
	s.mu.Unlock()
	answer(w, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLife.Seconds()), "scope": in.scope, "id_token": id,
	})
}

// application is the client of a request to the token endpoint, if it proved who
// it is: with a secret in the header or the body, or by its id when it is public.
func (s *server) application(r *http.Request) (application, bool) {
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749, 2.3.1 has both encoded as in a form
		var errID, errSecret error
		id, errID = url.QueryUnescape(id)
		secret, errSecret = url.QueryUnescape(secret)
		if errID != nil || errSecret != nil {
			return application{}, false
		}
	} else {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	app, ok := s.apps[id]
	return app, ok && subtle.ConstantTimeCompare([]byte(app.secret), []byte(secret)) == 1
}

func (s *server) idToken(in login, access string) (string, error) {
	i := slices.IndexFunc(s.keys, func(k jose.JSONWebKey) bool { return k.Algorithm == string(in.app.algorithm) })
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: in.app.algorithm, Key: s.keys[i]}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(access))
	now := time.Now()
	claims := in.about()
	for k, v := range map[string]any{
		"iss": s.issuer, "aud": []string{in.app.id}, "azp": in.app.id, "jti": random(),
		"iat": now.Unix(), "exp": now.Add(tokenLife).Unix(), "auth_time": in.at.Unix(), "amr": []string{"pwd"},
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]),
	} {
		claims[k] = v
	}
	if in.nonce != "" {
		claims["nonce"] = in.nonce
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// about is what the scopes let an application know of a user. Most providers say
// it in ID tokens too.
func (in login) about() map[string]any {
	scopes := strings.Fields(in.scope)
	claims := map[string]any{"sub": in.user.subject}
	if slices.Contains(scopes, "email") {
		claims["email"], claims["email_verified"] = in.user.email, true
	}
	if slices.Contains(scopes, "profile") {
		claims["name"] = in.user.name
	}
	return claims
}

// userinfo answers whoever holds an access token (RFC 6750).
func (s *server) userinfo(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	in, known := s.access[token]
	s.mu.Unlock()
	if !ok || !known || time.Since(in.at) > tokenLife {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		failed(w, http.StatusUnauthorized, "invalid_token")
		return
	}
	answer(w, in.about())
}

// failed is the error answer of RFC 6749, 5.2.
func failed(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"error":"` + code + `"}`)) // the reader sees it when it is cut
}
