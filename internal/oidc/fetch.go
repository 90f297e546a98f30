package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"io"
	"net/http"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of what an issuer may answer.
const (
	maxDocument = 256 << 10
	maxKeys     = 100
	maxSameID   = 4
	maxKeyID    = 256
	minRSA      = 2048 // bits
	maxRSA      = 8192 // bits: what verifying may cost
)

const discovery = "/.well-known/openid-configuration"

// fetch asks an issuer for its keys: its own document first, then where that
// says the keys are.
func fetch(ctx context.Context, client Doer, name string) (map[string][]jose.JSONWebKey, error) {
	var about struct {
		Issuer  string `json:"issuer"`
		KeysURL string `json:"jwks_uri"`
	}
	if err := get(ctx, client, strings.TrimSuffix(name, "/")+discovery, &about); err != nil {
		return nil, err
	}
	if about.Issuer != name || about.KeysURL == "" {
		return nil, Unreachable // it speaks for somebody else
	}
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := get(ctx, client, about.KeysURL, &set); err != nil {
		return nil, err
	}
	if len(set.Keys) > maxKeys {
		return nil, Unreachable
	}
	by := map[string][]jose.JSONWebKey{}
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		// One key of a kind that is not known does not spoil the others.
		if k.UnmarshalJSON(raw) != nil || !usableKey(&k) || len(by[k.KeyID]) == maxSameID {
			continue
		}
		by[k.KeyID] = append(by[k.KeyID], k)
	}
	return by, nil
}

func get(ctx context.Context, client Doer, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return Unreachable
	}
	r.Header.Set("Accept", "application/json")
	res, err := client.Do(r)
	if err != nil {
		return Unreachable
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return Unreachable
	}
	data, err := readAll(res.Body)
	if err != nil || json.Unmarshal(data, into) != nil {
		return Unreachable
	}
	return nil
}

// readAll reads what an issuer answers, which is bounded.
func readAll(body io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, maxDocument+1))
	if err != nil || len(data) > maxDocument {
		return nil, Unreachable
	}
	return data, nil
}

// usableKey takes public keys for signatures, of sizes that are neither weak nor
// costly.
func usableKey(k *jose.JSONWebKey) bool {
	if k.Use != "" && k.Use != "sig" || len(k.KeyID) > maxKeyID || !k.IsPublic() || !k.Valid() {
		return false
	}
	switch pub := k.Key.(type) {
	case *rsa.PublicKey:
		return pub.N.BitLen() >= minRSA && pub.N.BitLen() <= maxRSA
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

// fits reports whether a key may be used with the algorithm that a token names.
func fits(k jose.JSONWebKey, alg string) bool {
	if k.Algorithm != "" && k.Algorithm != alg {
		return false
	}
	switch pub := k.Key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	case *ecdsa.PublicKey:
		return map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[alg] == pub.Curve
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}
