package identity_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// forge signs claims like those of token, changed by edit.
func forge(t testing.TB, w *world.World, token string, method jwt.SigningMethod, key any, edit func(header map[string]any, c jwt.MapClaims)) string {
	t.Helper()
	c := jwt.MapClaims{}
	old, _, err := jwt.NewParser().ParseUnverified(token, c)
	if err != nil {
		t.Fatal(err)
	}
	forged := jwt.NewWithClaims(method, c)
	forged.Header["kid"] = old.Header["kid"]
	edit(forged.Header, c)
	text, err := forged.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func signer(t testing.TB, w *world.World) any {
	t.Helper()
	ids, err := w.Keys.Signers(t.Context())
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == world.CheckpointKey })
	if err != nil || len(ids) != 1 {
		t.Fatalf("signers: %v %v", ids, err)
	}
	k, err := w.Keys.Signer(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func same(map[string]any, jwt.MapClaims) {}

func TestOnlyOurTokensAuthenticate(t *testing.T) {
	w := world.Open(t)
	who, token := w.SignUp("ada")
	_, other := w.SignUp("bob")
	ours := signer(t, w)
	pub := w.Identity.PublicKeys(t.Context())[0]
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	// The way of forging is right: unchanged, it makes a good token.
	if got := w.Who(forge(t, w, token, jwt.SigningMethodEdDSA, ours, same)); got.ID != who.ID || got.Org != who.Org {
		t.Fatalf("a token signed with our key: %+v", got)
	}
	part := strings.Split(token, ".")
	otherPart := strings.Split(other, ".")
	set := func(name string, value any) string {
		return forge(t, w, token, jwt.SigningMethodEdDSA, ours, func(_ map[string]any, c jwt.MapClaims) { c[name] = value })
	}
	without := func(name string) string {
		return forge(t, w, token, jwt.SigningMethodEdDSA, ours, func(_ map[string]any, c jwt.MapClaims) { delete(c, name) })
	}
	header := func(name string, value any) string {
		return forge(t, w, token, jwt.SigningMethodEdDSA, ours, func(h map[string]any, _ jwt.MapClaims) { h[name] = value })
	}
	_, key := w.NewAgent(who, agent.Agent{})
	forgeAgent := forge(t, w, w.Exchange(key), jwt.SigningMethodEdDSA, ours, func(_ map[string]any, c jwt.MapClaims) {
		c["org"] = "00000000-0000-4000-8000-000000000001"
	})
	now := w.Clock.Now()
	for name, bearer := range map[string]string{
		"empty":                              "",
		"a word":                             "token",
		"truncated by one":                   token[:len(token)-1],
		"without its signature":              part[0] + "." + part[1] + ".",
		"two parts":                          part[0] + "." + part[1],
		"four parts":                         token + "." + part[2],
		"padded base64":                      part[0] + "." + part[1] + "." + part[2] + "==",
		"padded claims":                      part[0] + "." + part[1] + "=." + part[2],
		"a line break inside":                part[0] + "\n." + part[1] + "." + part[2],
		"a line break in the signature":      token[:len(token)-9] + "\n" + token[len(token)-9:],
		"a space before":                     " " + token,
		"another token's claims":             part[0] + "." + otherPart[1] + "." + part[2],
		"another token's signature":          part[0] + "." + part[1] + "." + otherPart[2],
		"huge":                               strings.Repeat("A", 1<<20),
		"alg none":                           forge(t, w, token, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, same),
		"alg HS256 with our public key":      forge(t, w, token, jwt.SigningMethodHS256, []byte(pub.Key), same),
		"alg HS256 with the key in base64":   forge(t, w, token, jwt.SigningMethodHS256, []byte(base64.StdEncoding.EncodeToString(pub.Key)), same),
		"alg RS256":                          forge(t, w, token, jwt.SigningMethodRS256, rsaKey, same),
		"another key under our kid":          forge(t, w, token, jwt.SigningMethodEdDSA, stranger, same),
		"another kid":                        header("kid", "A"+pub.ID),
		"no kid":                             header("kid", nil),
		"a number for kid":                   header("kid", 7),
		"another audience":                   set("aud", "somebody"),
		"no audience":                        without("aud"),
		"another issuer":                     set("iss", "https://elsewhere.test"),
		"no issuer":                          without("iss"),
		"expired this second":                set("exp", now.Unix()),
		"expired":                            set("exp", now.Add(-time.Hour).Unix()),
		"no expiry":                          without("exp"),
		"issued in the future":               set("iat", now.Add(10*time.Second).Unix()),
		"no time of issue":                   without("iat"),
		"not valid yet":                      set("nbf", now.Add(time.Minute).Unix()),
		"no id":                              without("jti"),
		"a subject of another kind":          set("sub", "device:"+who.ID),
		"a subject without kind":             set("sub", who.ID),
		"a subject that is no UUID":          set("sub", "user:1"),
		"a user that does not exist":         set("sub", "user:00000000-0000-4000-8000-000000000001"),
		"a user's id as an agent's":          set("sub", "agent:"+who.ID),
		"an organisation that it is not of":  set("org", "00000000-0000-4000-8000-000000000001"),
		"another generation":                 set("gen", 99),
		"an agent of another organisation":   forgeAgent,
		"an API key that does not exist":     set("key_id", "00000000-0000-4000-8000-000000000001"),
		"claims of a wrong type":             set("org", 7),
		"an unknown agent key":               "ocv_" + strings.Repeat("A", 43),
		"an unknown user key":                "1ck_" + strings.Repeat("A", 43),
		"a prefix alone":                     "ocv_",
		"the stored hash of nothing, as key": "1ck_e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	} {
		w.Dead(name, bearer)
	}
	w.Who(token) // and the good one still is
}

func TestTokensSayWhatTheContractSays(t *testing.T) {
	w := world.Open(t)
	who, token := w.SignUp("ada")
	a, key := w.NewAgent(who, agent.Agent{State: identity.State{Scopes: []string{"vault:read"}, Intents: true, TokenTTL: 120}})
	read := func(token string) (jwt.MapClaims, map[string]any) {
		c := jwt.MapClaims{}
		tok, err := jwt.NewParser(jwt.WithTimeFunc(w.Clock.Now), jwt.WithAudience(world.Audience), jwt.WithIssuer(world.Issuer)).ParseWithClaims(
			token, c, func(*jwt.Token) (any, error) { return w.Identity.PublicKeys(t.Context())[0].Key, nil })
		if err != nil {
			t.Fatal(err)
		}
		return c, tok.Header
	}
	user, h := read(token)
	if h["alg"] != "EdDSA" || h["typ"] != "JWT" || h["kid"] != w.Identity.PublicKeys(t.Context())[0].ID {
		t.Errorf("header %v", h)
	}
	if user["sub"] != "user:"+who.ID || user["org"] != who.Org || user["jti"] == "" {
		t.Errorf("claims %v", user)
	}
	if ttl := user["exp"].(float64) - user["iat"].(float64); ttl != 900 {
		t.Errorf("a user's token lives %v s, want 900", ttl)
	}
	if _, ok := user["intents_api_enabled"]; ok {
		t.Error("intents_api_enabled is for agents")
	}
	for _, list := range []string{"scopes", "vault_ids"} {
		if l, ok := user[list].([]any); !ok || len(l) != 0 {
			t.Errorf("%s is %v, want an empty list", list, user[list])
		}
	}
	agent, _ := read(w.Exchange(key))
	if agent["sub"] != "agent:"+a.ID || agent["intents_api_enabled"] != true || len(agent["scopes"].([]any)) != 1 {
		t.Errorf("claims %v", agent)
	}
	if ttl := agent["exp"].(float64) - agent["iat"].(float64); ttl != 120 {
		t.Errorf("the agent's token lives %v s, want 120", ttl)
	}
}

func TestATokenEndsWithWhatItIsBasedOn(t *testing.T) {
	w := world.Open(t)
	who, _ := w.SignUp("ada")
	_, key := w.NewAgent(who, agent.Agent{State: identity.State{ExpiresAt: w.Clock.Now().Add(10 * time.Minute)}})
	got, err := w.Agents.AgentToken(t.Context(), w.Anon(policy.Login), key, "")
	if err != nil {
		t.Fatal(err)
	}
	if got.ExpiresIn != 600 {
		t.Errorf("expires in %d s, want 600", got.ExpiresIn)
	}
	token := string(got.Access.Reveal())
	w.Clock.Forward(9 * time.Minute)
	w.Who(token)
	w.Who(key)
	w.Clock.Forward(time.Minute)
	w.Dead("the token of an expired agent", token)
	w.Dead("the key of an expired agent", key)
	_, err = w.Agents.AgentToken(t.Context(), w.Anon(policy.Login), key, "")
	world.WantCode(t, "exchange", err, "unauthenticated")
}

func TestKeysRotate(t *testing.T) {
	w := world.Open(t)
	_, old := w.SignUp("ada")
	second := w.OtherNode() // on the same database and keystore
	before := w.Identity.PublicKeys(t.Context())
	if err := w.Identity.RotateTokenKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := w.Identity.PublicKeys(t.Context())
	if len(before) != 1 || len(after) != 2 || after[1].ID != before[0].ID || after[0].ID == before[0].ID {
		t.Fatalf("keys were %d, are %d", len(before), len(after))
	}
	_, fresh := w.SignUp("bob")
	if _, err := second.Identity.Authenticate(t.Context(), old, w.Clock.Now()); err != nil {
		t.Errorf("old token on the other node: %v", err)
	}
	w.Clock.Forward(2 * time.Second) // looks at the keystore at most once a second
	if _, err := second.Identity.Authenticate(t.Context(), fresh, w.Clock.Now()); err != nil {
		t.Errorf("new token on the other node: %v", err)
	}
	w.Who(old)
	h, _, err := jwt.NewParser().ParseUnverified(fresh, jwt.MapClaims{})
	if err != nil || h.Header["kid"] != after[0].ID {
		t.Errorf("the new token's kid is %v, want the new key's", h.Header["kid"])
	}
}

// countingKeys counts how often the keystore is listed.
type countingKeys struct {
	world.CallerKeys
	lists atomic.Int64
}

func (k *countingKeys) Signers(ctx context.Context) ([]string, error) {
	k.lists.Add(1)
	return k.CallerKeys.Signers(ctx)
}

func TestTheKeystoreIsListedSeldom(t *testing.T) {
	keys := &countingKeys{}
	w := world.Open(t, func(s *world.Setup) {
		s.CallerKeys = func(real *soft.Store) world.CallerKeys { keys.CallerKeys = real; return keys }
	})
	_, token := w.SignUp("ada")
	start := keys.lists.Load()
	unknown := forge(t, w, token, jwt.SigningMethodEdDSA, signer(t, w), func(h map[string]any, _ jwt.MapClaims) { h["kid"] = "unknown" })
	w.Clock.Forward(2 * time.Second)
	for range 10 {
		w.Who(token)
		w.Dead("an unknown kid", unknown)
	}
	if n := keys.lists.Load() - start; n != 1 {
		t.Errorf("listed %d times for unknown ids within a second, want 1", n)
	}
	w.Clock.Forward(time.Minute)
	for range 10 {
		w.Who(token)
	}
	if n := keys.lists.Load() - start; n != 2 {
		t.Errorf("listed %d times after a minute, want 2", n)
	}
}

func TestAKeyThatIsGoneVerifiesNothing(t *testing.T) {
	keys := &goneKeys{}
	w := world.Open(t, func(s *world.Setup) {
		s.CallerKeys = func(real *soft.Store) world.CallerKeys { keys.CallerKeys = real; return keys }
	})
	_, token := w.SignUp("ada")
	if err := w.Identity.RotateTokenKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Who(token)
	keys.gone = "token:000001"
	w.Clock.Forward(time.Minute)
	w.Dead("its token, although it was cached", token)
}

// goneKeys is a keystore from which a key was taken.
type goneKeys struct {
	world.CallerKeys
	gone string
}

func (k *goneKeys) Signers(ctx context.Context) ([]string, error) {
	ids, err := k.CallerKeys.Signers(ctx)
	return slices.DeleteFunc(ids, func(id string) bool { return id == k.gone }), err
}
