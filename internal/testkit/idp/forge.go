package idp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// Forge is an issuer on 127.0.0.1 that publishes keys as a provider does and
// signs whatever it is told to. It can be made to answer badly.
type Forge struct {
	Issuer string
	Asked  atomic.Int64 // how often its keys were asked for

	t    testing.TB
	mu   sync.Mutex
	keys []signingKey
	bad  http.HandlerFunc // answers in its place, if set
}

type signingKey struct {
	id     string
	method jwt.SigningMethod
	signer crypto.Signer
}

// Claims are what a token is to say.
type Claims = jwt.MapClaims

// NewForge runs a Forge, with the key "first" (RS256), for the length of the test.
func NewForge(t testing.TB) *Forge {
	t.Helper()
	f := &Forge{t: t}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": f.Issuer, "jwks_uri": f.Issuer + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		f.Asked.Add(1)
		answer(w, map[string]any{"keys": f.public()})
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		bad := f.bad
		f.mu.Unlock()
		if bad != nil {
			f.Asked.Add(1)
			bad(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	f.Issuer = s.URL
	f.Add("first", jwt.SigningMethodRS256)
	return f
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the reader sees it when it is cut
}

func (f *Forge) public() []jose.JSONWebKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []jose.JSONWebKey{}
	for _, k := range f.keys {
		out = append(out, jose.JSONWebKey{Key: k.signer.Public(), KeyID: k.id, Algorithm: k.method.Alg(), Use: "sig"})
	}
	return out
}

// Answer makes the Forge answer everything with h; nil ends that.
func (f *Forge) Answer(h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bad = h
}

// Add publishes another key. Remove takes it away.
func (f *Forge) Add(id string, method jwt.SigningMethod) {
	f.t.Helper()
	k := signingKey{id: id, method: method, signer: Key(f.t, method)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = append(f.keys, k)
}

// Remove publishes a key no more.
func (f *Forge) Remove(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, k := range f.keys {
		if k.id == id {
			f.keys = append(f.keys[:i:i], f.keys[i+1:]...)
			return
		}
	}
}

// Key makes a key for a method.
func Key(t testing.TB, method jwt.SigningMethod) crypto.Signer {
	t.Helper()
	var k crypto.Signer
	var err error
	switch method.(type) {
	case *jwt.SigningMethodECDSA:
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case *jwt.SigningMethodEd25519:
		_, k, err = ed25519.GenerateKey(rand.Reader)
	default:
		k, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Sign makes a token with a published key.
func (f *Forge) Sign(id string, claims Claims) string {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.keys {
		if k.id == id {
			return SignWith(f.t, k.method, k.signer, id, claims)
		}
	}
	f.t.Fatalf("there is no key %s", id)
	return ""
}

// PEM is the public half of a key as it is passed around.
func (f *Forge) PEM(id string) []byte {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.keys {
		if k.id != id {
			continue
		}
		der, err := x509.MarshalPKIXPublicKey(k.signer.Public())
		if err != nil {
			f.t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	return nil
}

// SignWith makes a token with any key and key id.
func SignWith(t testing.TB, method jwt.SigningMethod, key any, kid string, claims Claims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
