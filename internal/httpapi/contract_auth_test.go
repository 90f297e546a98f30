package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

var tokenFields = []string{"access_token", "token_type", "expires_in"}

// number checks a field that must be a JSON number.
func number(t *testing.T, o object, name string, want int64) {
	t.Helper()
	n, ok := o[name].(json.Number)
	if got, err := n.Int64(); !ok || err != nil || got != want {
		t.Errorf("%s is %v, want the number %d", name, o[name], want)
	}
}

func TestLogin(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	r := w.do("POST", "/v1/auth/token", "", object{"email": " ADA@Example.com ", "password": password, "device": object{"x": 1}}).want(200)
	o := fields(t, "LoginResponse", r.json(), tokenFields...)
	number(t, o, "expires_in", 900)
	c := claims(r.str("access_token"))
	fields(t, "a user's claims", c, "iss", "sub", "aud", "exp", "iat", "jti", "org", "scopes", "vault_ids", "gen", "sid", "auth_time")
	if o["token_type"] != "Bearer" || c["sub"] != "user:"+ada.id || c["org"] != ada.org || c["exp"].(float64)-c["iat"].(float64) != 900 {
		t.Errorf("reply %v, claims %v", o, c)
	}
	for name, body := range map[string]object{
		"a wrong password":   {"email": ada.email, "password": password + "x"},
		"an empty password":  {"email": ada.email, "password": ""},
		"nobody's address":   {"email": "nobody@example.com", "password": password},
		"something else":     {"email": "no address", "password": password},
		"a look-alike":       {"email": "\u0430da@example.com", "password": password},
		"an empty address":   {"email": "", "password": password},
		"a very long secret": {"email": ada.email, "password": strings.Repeat("x", 60_000)},
	} {
		w.Clock.Forward(2 * time.Hour) // so many failures in a row would have to wait
		got := w.do("POST", "/v1/auth/token", "", body)
		got.what += ": " + name
		got.want(401, "unauthenticated")
		if want := w.do("POST", "/v1/auth/token", "", object{"email": ada.email, "password": "x"}); string(want.body) != string(got.body) {
			t.Errorf("%s can be told from a wrong password: %s", name, got.body)
		}
	}
	w.do("POST", "/v1/auth/token", "", object{"email": ada.email}).want(400, "invalid_request")
	w.do("POST", "/v1/auth/token", "", nil).want(400)
	if got := w.do("GET", "/v1/auth/token", ada.token, nil).want(405, "method_not_allowed").header.Get("Allow"); got != "DELETE, POST" {
		t.Errorf("Allow: %q", got)
	}
}

func TestRevokeToken(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	other := ada.login()
	w.do("DELETE", "/v1/auth/token", "", nil).want(401)
	// The SDK sends a content type and no body.
	w.do("DELETE", "/v1/auth/token", ada.token, "").want(204)
	w.do("GET", "/v1/auth/me", ada.token, nil).want(401, "unauthenticated")
	w.do("DELETE", "/v1/auth/token", ada.token, nil).want(401, "unauthenticated")
	w.do("GET", "/v1/auth/me", other, nil).want(200)
	key := w.do("POST", "/v1/auth/api-keys", other, object{"name": "k"}).want(201).str("api_key")
	w.do("DELETE", "/v1/auth/token", key, nil).want(400, "not_a_token")
}

func TestAgentToken(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("main")
	a := ada.agent(object{"vault_ids": []string{v}, "scopes": []string{"api-keys/*"}, "token_ttl_seconds": 120, "intents_api_enabled": true})
	r := w.do("POST", "/v1/auth/agent-token", "", object{"api_key": a.key, "agent_id": a.id}).want(200)
	o := fields(t, "agent-token", r.json(), append(tokenFields, "agent_id", "vault_ids")...)
	number(t, o, "expires_in", 120)
	c := claims(r.str("access_token"))
	fields(t, "an agent's claims", c, "iss", "sub", "aud", "exp", "iat", "jti", "org", "scopes", "vault_ids", "gen", "intents_api_enabled", "shroud_enabled")
	if o["agent_id"] != a.id || o["vault_ids"].([]any)[0] != v || c["sub"] != "agent:"+a.id || c["intents_api_enabled"] != true {
		t.Errorf("reply %v, claims %v", o, c)
	}
	unbound := ada.agent(nil)
	if ids, ok := w.do("POST", "/v1/auth/agent-token", "", object{"api_key": unbound.key, "agent_id": nil}).want(200).json()["vault_ids"].([]any); !ok || len(ids) != 0 {
		t.Errorf("vault_ids of an unbound agent: %v", ids)
	}
	// The generated Go client fails on a field that it does not know.
	strict := w.do("POST", "/v1/auth/agent-token", "", object{"api_key": a.key}, header("User-Agent", "OpenAPI-Generator/1.0.0/go")).want(200)
	number(t, fields(t, "agent-token for the Go client", strict.json(), tokenFields...), "expires_in", 120)

	user := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "k"}).want(201).str("api_key")
	inactive := ada.agent(nil)
	w.do("DELETE", "/v1/agents/"+inactive.id, ada.token, nil).want(204)
	ending := ada.agent(object{"expires_at": w.Clock.Now().Add(time.Hour)})
	w.Clock.Forward(time.Hour)
	want := w.do("POST", "/v1/auth/agent-token", "", object{"api_key": "ocv_" + strings.Repeat("A", 43)}).want(401, "unauthenticated")
	for name, body := range map[string]object{
		"another agent's id": {"api_key": a.key, "agent_id": unbound.id},
		"no id at all":       {"api_key": a.key, "agent_id": "x"},
		"a user's key":       {"api_key": user},
		"an empty key":       {"api_key": ""},
		"a cut key":          {"api_key": a.key[:len(a.key)-1]},
		"an inactive agent":  {"api_key": inactive.key},
		"an expired agent":   {"api_key": ending.key},
	} {
		if got := w.do("POST", "/v1/auth/agent-token", "", body).want(401); string(got.body) != string(want.body) {
			t.Errorf("%s can be told from a wrong key: %s", name, got.body)
		}
	}
	w.do("POST", "/v1/auth/agent-token", "", object{"agent_id": a.id}).want(400)
}

func TestAPIKeyToken(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	a := ada.agent(nil)
	key := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "k", "scopes": []string{"read"}}).want(201).str("api_key")
	for k, sub := range map[string]string{key: "user:" + ada.id, a.key: "agent:" + a.id} {
		r := w.do("POST", "/v1/auth/api-key-token", "", object{"api_key": k, "more": true}).want(200)
		fields(t, "TokenResponse", r.json(), tokenFields...)
		if c := claims(r.str("access_token")); c["sub"] != sub {
			t.Errorf("got %v, want %s", c["sub"], sub)
		}
		w.do("GET", "/v1/vaults", r.str("access_token"), nil).want(200)
		w.do("GET", "/v1/vaults", k, nil).want(200) // the bare key serves as well
	}
	w.do("POST", "/v1/auth/api-key-token", "", object{"api_key": "1ck_nope"}).want(401, "unauthenticated")
	w.do("POST", "/v1/auth/api-key-token", "", object{}).want(400)
	w.do("POST", "/v1/auth/refresh", "", object{"refresh_token": "x"}).want(400, "no_refresh")
	w.do("POST", "/v1/auth/refresh", "", nil).want(400, "no_refresh")
}

func TestSigningKeys(t *testing.T) {
	w := open(t)
	r := w.do("GET", "/v1/auth/jwt-public-key", "", nil).want(200)
	o := fields(t, "jwt-public-key", r.json(), "alg", "public_key_base64")
	raw, err := base64.StdEncoding.DecodeString(r.str("public_key_base64"))
	if err != nil || len(raw) != 32 || o["alg"] != "EdDSA" {
		t.Errorf("got %v", o)
	}
	keys := w.do("GET", "/.well-known/jwks.json", "", nil).want(200).list("keys")
	fields(t, "a JWK", keys[0], "kty", "crv", "use", "alg", "kid", "x")
	if keys[0]["x"] != base64.RawURLEncoding.EncodeToString(raw) {
		t.Errorf("the first key of the set is not the one that signs: %v", keys)
	}
	w.do("GET", "/v1/audit/keys", "", nil).want(200)
}

func TestSignup(t *testing.T) {
	w := open(t)
	r := w.do("POST", "/v1/auth/signup", "", object{"email": "ada@example.com", "password": password, "display_name": "Ada L."}).want(200)
	number(t, fields(t, "signup", r.json(), append(tokenFields, "message", "email")...), "expires_in", 900)
	me := fields(t, "UserProfile", w.do("GET", "/v1/auth/me", r.str("access_token"), nil).want(200).json(), profileFields...)
	if me["display_name"] != "Ada L." || me["role"] != "owner" || me["auth_method"] != "password" || me["email_verified"] != false || me["totp_enabled"] != false {
		t.Errorf("profile %v", me)
	}
	w.do("POST", "/v1/auth/signup", "", object{"email": "Ada@example.com", "password": password}).want(409, "email_taken")
	for name, c := range map[string]struct{ mail, password, code string }{
		"no address":           {"ada", password, "invalid_email"},
		"two addresses":        {"a@example.com,b@example.com", password, "invalid_email"},
		"a short password":     {"b@example.com", "Ab1-Ab1-Ab1", "weak_password"},
		"no digit":             {"b@example.com", "Abcd-efgh-ijkx", "weak_password"},
		"no symbol":            {"b@example.com", "Abx1Abx1Abx1", "weak_password"},
		"three of a kind":      {"b@example.com", "Abx1-Abbb-Abx1", "weak_password"},
		"an ascending run":     {"b@example.com", "Abx1-Axabc-Abx1", "weak_password"},
		"an over-long one":     {"b@example.com", password + strings.Repeat("xY1-", 300), "password_too_long"},
		"an address of spaces": {"  ", password, "invalid_email"},
	} {
		r := w.do("POST", "/v1/auth/signup", "", object{"email": c.mail, "password": c.password})
		r.what = name
		r.want(400, c.code)
	}
	closed := open(t, noSignup)
	closed.do("POST", "/v1/auth/signup", "", object{"email": "ada@example.com", "password": password}).want(403, "signup_closed")
}

var profileFields = []string{
	"id", "email", "display_name", "auth_method", "role", "org_id", "email_verified", "marketing_emails", "totp_enabled", "created_at",
}

func TestSignupWithVerification(t *testing.T) {
	w := open(t, verified)
	r := w.do("POST", "/v1/auth/signup", "", object{"email": "ada@example.com", "password": password}).want(200)
	fields(t, "signup", r.json(), "message", "email")
	w.do("POST", "/v1/auth/token", "", object{"email": "ada@example.com", "password": password}).want(403, "email_not_verified")
	w.do("POST", "/v1/auth/token", "", object{"email": "ada@example.com", "password": "x"}).want(401, "unauthenticated")
	w.do("POST", "/v1/auth/verify-email", "", object{"token": "x"}).want(400, "invalid_token")
	token := w.Mail.Token(kit.Verify, "ada@example.com")
	v := w.do("POST", "/v1/auth/verify-email", "", object{"token": token}).want(200)
	fields(t, "verify-email", v.json(), tokenFields...)
	w.do("POST", "/v1/auth/verify-email", "", object{"token": token}).want(400, "invalid_token")
	if me := w.do("GET", "/v1/auth/me", v.str("access_token"), nil).want(200).json(); me["email_verified"] != true {
		t.Errorf("profile %v", me)
	}
	w.do("POST", "/v1/auth/token", "", object{"email": "ada@example.com", "password": password}).want(200)
}

func TestMe(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	a := ada.agent(nil)
	w.do("GET", "/v1/auth/me", a.token, nil).want(403, "access_denied")
	w.do("PATCH", "/v1/auth/me", a.token, object{"display_name": "x"}).want(403, "access_denied")
	got := w.do("PATCH", "/v1/auth/me", ada.token, object{"display_name": " Ada ", "marketing_emails": true, "role": "admin", "id": a.id}).want(200).json()
	fields(t, "UserProfile", got, profileFields...)
	if got["display_name"] != "Ada" || got["marketing_emails"] != true || got["role"] != "owner" || got["id"] != ada.id {
		t.Errorf("got %v", got)
	}
	same := w.do("PATCH", "/v1/auth/me", ada.token, object{"display_name": nil}).want(200).json()
	if same["display_name"] != "Ada" {
		t.Errorf("null changed the name: %v", same)
	}
	w.do("PATCH", "/v1/auth/me", ada.token, object{"display_name": ""}).want(400)
	w.do("PATCH", "/v1/auth/me", ada.token, object{"display_name": "a\nb"}).want(400)
	w.do("PATCH", "/v1/auth/me", ada.token, object{"marketing_emails": "yes"}).want(400, "invalid_request")
	if allow := w.do("PUT", "/v1/auth/me", ada.token, nil).want(405).header.Get("Allow"); allow != "DELETE, GET, HEAD, PATCH" {
		t.Errorf("Allow: %q", allow)
	}
}

func TestChangePassword(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	const next = "Wind-farm5-at-night"
	w.do("POST", "/v1/auth/change-password", ada.token, object{"current_password": "x", "new_password": next}).want(400, "wrong_password")
	w.do("POST", "/v1/auth/change-password", ada.token, object{"current_password": password, "new_password": "short"}).want(400, "weak_password")
	w.do("POST", "/v1/auth/change-password", ada.token, object{"current_password": password}).want(400, "invalid_request")
	w.do("POST", "/v1/auth/change-password", ada.agent(nil).token, object{"current_password": password, "new_password": next}).want(403)
	w.do("POST", "/v1/auth/change-password", ada.token, object{"current_password": password, "new_password": next}).want(204)
	w.do("POST", "/v1/auth/token", "", object{"email": ada.email, "password": password}).want(401)
	w.do("POST", "/v1/auth/token", "", object{"email": ada.email, "password": next}).want(200)
}

func TestAPIKeys(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	end := w.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano)
	r := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": " ci ", "scopes": []string{"read"}, "expires_at": end}).want(201)
	fields(t, "the reply", r.json(), "key", "api_key")
	key := fields(t, "ApiKey", r.json()["key"].(object), apiKeyFields...)
	if raw := r.str("api_key"); !strings.HasPrefix(raw, "1ck_") || len(raw) != 47 || key["key_prefix"] != raw[:12] {
		t.Errorf("key %v", key)
	}
	if key["name"] != "ci" || key["is_active"] != true || key["expires_at"] != end || key["last_used_at"] != nil {
		t.Errorf("key %v", key)
	}
	for _, slip := range []string{"vault:reed", "bogus:read", "audit.all"} {
		w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "slip", "scopes": []string{"prod/**", slip}}).want(400, "invalid_scope")
	}
	plain := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "plain", "scopes": nil, "expires_at": nil}).want(201)
	if k := plain.json()["key"].(object); k["expires_at"] != nil || len(k["scopes"].([]any)) != 0 {
		t.Errorf("key %v", k)
	}
	for _, k := range w.do("GET", "/v1/auth/api-keys", ada.token, nil).want(200).list("keys") {
		fields(t, "ApiKey", k, apiKeyFields...)
	}
	id := plain.str("key", "id")
	w.do("DELETE", "/v1/auth/api-keys/"+id, ada.token, nil).want(204)
	w.do("GET", "/v1/auth/me", plain.str("api_key"), nil).want(401)
	w.do("DELETE", "/v1/auth/api-keys/"+id, ada.token, nil).want(404)
	for _, k := range w.do("GET", "/v1/auth/api-keys", ada.token, nil).want(200).list("keys") {
		if k["id"] == id && k["is_active"] != false {
			t.Errorf("a revoked key is active: %v", k)
		}
	}
	for _, id := range []string{nobodysID, "x", strings.ToUpper(id)} {
		w.do("DELETE", "/v1/auth/api-keys/"+id, ada.token, nil).want(404)
	}
	w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": ""}).want(400)
	w.do("POST", "/v1/auth/api-keys", ada.token, object{}).want(400)
	w.do("POST", "/v1/auth/api-keys", ada.agent(nil).token, object{"name": "k"}).want(403)
	w.do("GET", "/v1/auth/api-keys/"+id, ada.token, nil).want(405)
	empty := w.signup("bob").do("GET", "/v1/auth/api-keys", w.signup("eve").token, nil).want(200)
	if len(empty.list("keys")) != 0 {
		t.Errorf("got %s", empty.body)
	}
}

var apiKeyFields = []string{"id", "name", "key_prefix", "scopes", "is_active", "created_at", "expires_at", "last_used_at"}

func TestHealth(t *testing.T) {
	w := open(t)
	left := w.during(func() {
		o := w.do("GET", "/v1/health", "", nil).want(http.StatusOK).json()
		fields(t, "health", o, "status", "service", "version")
		if o["status"] != "healthy" {
			t.Errorf("got %v", o)
		}
		hsm := w.do("GET", "/v1/health/hsm", "", nil).want(http.StatusOK).json()
		fields(t, "hsm", hsm, "status", "hsm_provider", "connected")
		if hsm["status"] != "ok" || hsm["hsm_provider"] != "soft" || hsm["connected"] != true {
			t.Errorf("got %v", hsm)
		}
	})
	if len(left) != 0 {
		t.Errorf("health is in the log: %v", left)
	}
}

// A clock that was ahead for an hour sweeps no revocation that still matters.
func TestARevokedTokenStaysRevokedWhenTheClockIsSetBack(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	w.do("DELETE", "/v1/auth/token", ada.token, nil).want(204)
	w.Clock.Forward(time.Hour)
	if err := w.DB.Sweep(t.Context(), w.Clock.Now(), w.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	other := w.signup("bob")
	w.do("DELETE", "/v1/auth/token", other.token, nil).want(204) // this sweeps too
	w.Clock.Forward(-time.Hour)
	w.do("GET", "/v1/vaults", ada.token, nil).want(401, "unauthenticated")
}
