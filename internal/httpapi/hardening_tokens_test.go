package httpapi_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// forge signs a token with the claims of a good one, changed.
func forge(t *testing.T, good string, method jwt.SigningMethod, key any, change func(header, claims object)) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(good, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	c := parsed.Claims.(jwt.MapClaims)
	forged := jwt.NewWithClaims(method, c)
	forged.Header["kid"] = parsed.Header["kid"]
	if change != nil {
		change(forged.Header, object(c))
	}
	text, err := forged.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// signer is the key that tokens are signed with.
func (w *world) signer() crypto.Signer {
	w.t.Helper()
	ids, err := w.Keys.Signers(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	i := slices.IndexFunc(ids, func(id string) bool { return strings.HasPrefix(id, "token:") })
	if i < 0 {
		w.t.Fatalf("no token key among %v", ids)
	}
	s, err := w.Keys.Signer(w.t.Context(), ids[i])
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func TestForgedTokensAreRefused(t *testing.T) {
	s := openSession(t)
	good := s.worker.token
	ours := s.signer()
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := ours.Public().(ed25519.PublicKey)
	parts := strings.Split(good, ".")
	claim := func(name string, value any) string {
		return forge(t, good, jwt.SigningMethodEdDSA, ours, func(_, c object) { c[name] = value })
	}
	same := forge(t, good, jwt.SigningMethodEdDSA, ours, nil)
	s.do("GET", secretAt(s.vault, "a/b"), same, nil).want(200) // so that the others fail for their own reason
	want := s.do("GET", secretAt(s.vault, "a/b"), "x", nil).want(401, "unauthenticated")
	future := s.Clock.Now().Add(time.Hour).Unix()
	for name, token := range map[string]string{
		"the signature cut":           good[:len(good)-2],
		"no signature":                parts[0] + "." + parts[1] + ".",
		"two parts":                   parts[0] + "." + parts[1],
		"four parts":                  good + "." + parts[2],
		"padding":                     good + "==",
		"a byte more":                 good + "A",
		"a blank within":              parts[0] + ". " + parts[1] + "." + parts[2],
		"the first byte gone":         good[1:],
		"half":                        good[:len(good)/2],
		"another's claims":            parts[0] + "." + strings.Split(s.ada.token, ".")[1] + "." + parts[2],
		"alg none":                    forge(t, good, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"alg None":                    forge(t, good, jwt.SigningMethodEdDSA, ours, func(h, _ object) { h["alg"] = "None" }),
		"HS256 with the public key":   forge(t, good, jwt.SigningMethodHS256, []byte(public), nil),
		"RS256":                       forge(t, good, jwt.SigningMethodRS256, rsaKey, nil),
		"another key":                 forge(t, good, jwt.SigningMethodEdDSA, other, nil),
		"an unknown kid":              forge(t, good, jwt.SigningMethodEdDSA, ours, func(h, _ object) { h["kid"] = "999" }),
		"no kid":                      forge(t, good, jwt.SigningMethodEdDSA, ours, func(h, _ object) { delete(h, "kid") }),
		"the checkpoint key":          forge(t, good, jwt.SigningMethodEdDSA, ours, func(h, _ object) { h["kid"] = "audit:1" }),
		"an embedded key":             forge(t, good, jwt.SigningMethodEdDSA, other, func(h, _ object) { h["jwk"] = object{"kty": "OKP"}; h["jku"] = "http://127.0.0.1/" }),
		"another audience":            claim("aud", "another"),
		"no audience":                 claim("aud", nil),
		"another issuer":              claim("iss", "https://evil.test"),
		"no end":                      claim("exp", nil),
		"an end long ago":             claim("exp", s.Clock.Now().Add(-time.Second).Unix()),
		"made in the future":          claim("iat", future),
		"not yet good":                claim("nbf", future),
		"no id":                       claim("jti", ""),
		"no subject":                  claim("sub", ""),
		"a subject of no kind":        claim("sub", "root:"+s.worker.id),
		"nobody's subject":            claim("sub", "agent:"+nobodysID),
		"a user's id as an agent's":   claim("sub", "agent:"+s.ada.id),
		"an agent's id as a user's":   claim("sub", "user:"+s.worker.id),
		"another organisation":        claim("org", nobodysID),
		"another generation":          claim("gen", 999),
		"a bare key with an addition": s.worker.key + "x",
		"a bare key in upper case":    strings.ToUpper(s.worker.key),
	} {
		for range 2 { // also when it was seen before
			r := s.do("GET", secretAt(s.vault, "a/b"), token, nil)
			r.what = name
			r.want(401, "unauthenticated")
			if string(r.body) != string(want.body) {
				t.Errorf("%s can be told from another bad token: %s", name, r.body)
			}
		}
	}
	s.do("GET", secretAt(s.vault, "a/b"), good, nil).want(200)
	if log := s.Log.String(); strings.Contains(log, parts[1]) || strings.Contains(log, s.worker.key) {
		t.Error("the server's log holds a token or key")
	}
}

// Claims widen nothing: what a principal may is read from the database.
func TestClaimsGiveNoRights(t *testing.T) {
	s := openSession(t)
	ours := s.signer()
	bound := s.ada.agent(object{"vault_ids": []string{s.ada.vaultNamed("other")}, "scopes": []string{"none/*"}})
	s.ada.grant(s.vault, bound, "**", nil, "read")
	wider := forge(t, bound.token, jwt.SigningMethodEdDSA, ours, func(_, c object) {
		c["vault_ids"], c["scopes"], c["role"] = []string{}, []string{"**"}, "owner"
	})
	s.do("GET", secretAt(s.vault, "a/b"), wider, nil).want(403)
}

// Whatever ends a credential, the very next request is refused.
func TestACredentialThatEndedIsRefusedAtOnce(t *testing.T) {
	s := openSession(t)
	use := func(token string) reply { return s.do("GET", "/v1/vaults", token, nil) }
	refused := use("x").want(401)
	for name, c := range map[string]struct {
		user bool
		end  func(who *robot) // for users, the token alone is set
	}{
		"the token is revoked":       {false, func(r *robot) { s.do("DELETE", "/v1/auth/token", r.token, nil).want(204) }},
		"a user's token is revoked":  {true, func(r *robot) { s.do("DELETE", "/v1/auth/token", r.token, nil).want(204) }},
		"the token expires":          {false, func(*robot) { s.Clock.Forward(time.Hour) }},
		"a user's token expires":     {true, func(*robot) { s.Clock.Forward(15 * time.Minute) }},
		"the agent is deactivated":   {false, func(r *robot) { s.do("DELETE", "/v1/agents/"+r.id, s.ada.login(), nil).want(204) }},
		"the agent is switched off":  {false, func(r *robot) { s.do("PATCH", "/v1/agents/"+r.id, s.ada.login(), object{"is_active": false}).want(200) }},
		"the agent's key is rotated": {false, func(r *robot) { s.do("POST", "/v1/agents/"+r.id+"/rotate-key", s.ada.login(), nil).want(200) }},
		"the password is changed":    {true, func(*robot) { s.changePassword() }},
	} {
		t.Run(name, func(t *testing.T) {
			s.ada.token = s.ada.login()
			who := &robot{world: s.world, token: s.ada.token}
			if !c.user {
				who = s.ada.agent(nil)
			}
			for range 3 {
				use(who.token).want(200)
			}
			c.end(who)
			if r := use(who.token).want(401, "unauthenticated"); string(r.body) != string(refused.body) {
				t.Errorf("the answer tells why: %s", r.body)
			}
			if who.key != "" && strings.Contains(name, "key") {
				use(who.key).want(401, "unauthenticated")
			}
		})
	}
}

// changePassword changes it there and back from another session.
func (s *session) changePassword() {
	s.t.Helper()
	const next = "Wind-farm5-at-night"
	other := s.ada.login()
	s.do("POST", "/v1/auth/change-password", other, object{"current_password": password, "new_password": next}).want(204)
	s.do("POST", "/v1/auth/change-password", other, object{"current_password": next, "new_password": password}).want(204)
	s.do("GET", "/v1/auth/me", other, nil).want(200)
}

func TestARevokedAPIKeyEndsItsTokens(t *testing.T) {
	s := openSession(t)
	r := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "x"}).want(201)
	key := r.str("api_key")
	token := s.do("POST", "/v1/auth/api-key-token", "", object{"api_key": key}).want(200).str("access_token")
	s.do("GET", "/v1/vaults", token, nil).want(200)
	s.do("GET", "/v1/vaults", key, nil).want(200)
	s.do("DELETE", "/v1/auth/api-keys/"+r.str("key", "id"), s.ada.token, nil).want(204)
	s.do("GET", "/v1/vaults", token, nil).want(401)
	s.do("GET", "/v1/vaults", key, nil).want(401)
	s.do("POST", "/v1/auth/api-key-token", "", object{"api_key": key}).want(401)
	short := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "x", "expires_at": s.Clock.Now().Add(time.Minute)}).want(201).str("api_key")
	brief := s.do("POST", "/v1/auth/api-key-token", "", object{"api_key": short}).want(200)
	number(t, brief.json(), "expires_in", 60)
	s.Clock.Forward(time.Minute)
	s.do("GET", "/v1/vaults", short, nil).want(401)
	s.do("GET", "/v1/vaults", brief.str("access_token"), nil).want(401)
}
