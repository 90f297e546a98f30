package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// nodeCLI behaves as the command line of the contract does: a token or a bare key
// is the bearer, paths of secrets are escaped whole, and of a device's login only
// a success ends the polling.
type nodeCLI struct {
	caller
	t      testing.TB
	bearer string
}

func (c *nodeCLI) with(bearer string) *nodeCLI { return &nodeCLI{c.caller, c.t, bearer} }

func (c *nodeCLI) ask(method, path string, body any) (int, any) {
	c.t.Helper()
	r := c.exchanged(c.t, sent{method, path, c.bearer, body, http.Header{"Content-Type": {"application/json"}, "User-Agent": {"node"}}})
	var v any
	if len(r.body) > 0 {
		if err := json.Unmarshal(r.body, &v); err != nil {
			c.t.Fatalf("%s %s: %v in %s", method, path, err, r.body)
		}
	}
	return r.status, v
}

func (c *nodeCLI) ok(method, path string, body any) any {
	c.t.Helper()
	status, v := c.ask(method, path, body)
	if status < 200 || status > 299 {
		c.t.Fatalf("%s %s: %d %v", method, path, status, v)
	}
	return v
}

// loggedIn is what login --email keeps: a second factor is asked for, then who it is.
func (c *nodeCLI) loggedIn(email, password, code string) *nodeCLI {
	c.t.Helper()
	o := shape(c.t, "login", loginShape, c.ok("POST", "/v1/auth/token", map[string]any{"email": email, "password": password}))
	if o["mfa_required"] == true {
		o = shape(c.t, "mfa/verify", tokenShape, c.ok("POST", "/v1/auth/mfa/verify", map[string]any{"mfa_token": o["mfa_token"], "code": code}))
	}
	in := c.with(o["access_token"].(string))
	me := shape(c.t, "auth/me", profileShape, in.ok("GET", "/v1/auth/me", nil))
	if me["email"] != email || me["id"] == "" || me["org_id"] == "" {
		c.t.Errorf("auth/me: %v", me)
	}
	return in
}

func TestTheNodeCommandLine(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	c := &nodeCLI{caller: plain(t, s.APIURL), t: t}
	in := c.loggedIn(s.Email, s.Password, "")
	key := shape(t, "api-keys", "key:o api_key:s", in.ok("POST", "/v1/auth/api-keys", map[string]any{"name": "cli"}))["api_key"].(string)
	in = c.with(key) // ONECLAW_API_KEY is the bearer as it is

	v := shape(t, "vault create", vaultShape, in.ok("POST", "/v1/vaults", map[string]any{"name": "cli", "description": "x"}))
	named(t, shaped(t, "vault list", vaultShape, in.ok("GET", "/v1/vaults", nil), "vaults"), "name", "cli")
	vault := "/v1/vaults/" + v["id"].(string)
	at := vault + "/secrets/" + url.QueryEscape("db/main/password") // encodeURIComponent
	set := shape(t, "secret set", metaShape, in.ok("PUT", at, map[string]any{"value": "v", "type": "api_key", "expires_at": "2099-01-01T00:00:00Z"}))
	if o := shape(t, "secret rotate", metaShape, in.ok("PUT", at, map[string]any{"value": "w"})); o["type"] != "api_key" || o["version"] != 2.0 {
		t.Errorf("secret rotate: %v after %v", o, set)
	}
	if o := shape(t, "secret get", secretShape, in.ok("GET", at, nil)); o["value"] != "w" {
		t.Errorf("secret get: %v", o)
	}
	if o := shape(t, "env push", metaShape, in.ok("PUT", vault+"/secrets/env", map[string]any{"value": "A=1", "secret_type": "env_bundle"})); o["type"] != "env_bundle" {
		t.Errorf("env push: %v", o)
	}
	shaped(t, "secret list", metaShape, in.ok("GET", vault+"/secrets?prefix=db", nil), "secrets")

	made := obj(in.ok("POST", "/v1/agents", map[string]any{"name": "bot", "scopes": []string{"vault.read", "vault.write"}, "auth_method": "api_key", "vault_ids": []any{v["id"]}, "token_ttl_seconds": 1200}))
	a := shape(t, "agent create", agentShape, made["agent"])
	agent := "/v1/agents/" + a["id"].(string)
	if o := shape(t, "agent update", agentShape, in.ok("PATCH", agent, map[string]any{"token_ttl_seconds": nil, "expires_at": nil})); o["token_ttl_seconds"] != nil {
		t.Errorf("agent update: %v", o)
	}
	// A key makes no other credentials; a login does.
	login := c.loggedIn(s.Email, s.Password, "")
	token := shape(t, "agent token", "token:s expires_in:n", login.ok("POST", agent+"/token", nil))
	p := shape(t, "policy create", policyShape, in.ok("POST", vault+"/policies", map[string]any{
		"secret_path_pattern": "db/**", "principal_type": "agent", "principal_id": a["id"], "permissions": []string{"read"}, "conditions": map[string]any{"ip_allowlist": []string{"127.0.0.0/8"}}}))
	c.with(token["token"].(string)).ok("GET", at, nil)
	shaped(t, "policy list", policyShape, in.ok("GET", vault+"/policies", nil), "policies")

	id := obj(in.ok("GET", at, nil))["id"].(string)
	old := shape(t, "share create", shareShape, in.ok("POST", "/v1/shares", map[string]any{"secret_id": id, "recipient_email": "x@example.com"}))
	link := shape(t, "share create", shareShape, in.ok("POST", "/v1/secrets/"+id+"/share", map[string]any{"recipient_type": "anyone_with_link"}))
	mailed := shape(t, "share create", shareShape, in.ok("POST", "/v1/secrets/"+id+"/share", map[string]any{"recipient_type": "external_email", "recipient_email": "y@example.com", "expires_at": tomorrow()}))
	if mailed["recipient_email"] != "y@example.com" || old["recipient_email"] != "x@example.com" {
		t.Errorf("shares by mail: %v, %v", mailed, old)
	}
	for _, path := range []string{"/v1/shares?direction=outbound", "/v1/shares", "/v1/shares/outbound"} {
		named(t, shaped(t, "share list", itemShape, in.ok("GET", path, nil), "shares"), "id", mailed["id"])
	}
	for _, path := range []string{"/v1/shares?direction=inbound", "/v1/shares/inbound"} {
		shaped(t, "share list", itemShape, in.ok("GET", path, nil), "shares")
	}
	in.ok("DELETE", "/v1/shares/"+mailed["id"].(string), nil)
	in.ok("DELETE", "/v1/shares/"+link["id"].(string), nil)

	if events := shaped(t, "audit list", eventShape, in.ok("GET", "/v1/audit?vault_id="+v["id"].(string)+"&action=secret.read&limit=3", nil), ""); len(events) == 0 || len(events) > 3 {
		t.Errorf("%d events", len(events))
	}
	sub := shape(t, "billing status", "tier:s interval:s? period_end:t? status:s credit_balance_cents:n credit_balance_usd:s overage_method:s usage:o ...", in.ok("GET", "/v1/billing/subscription", nil))
	for _, name := range []string{"requests", "secrets", "agents", "vaults", "team_members", "intent_transactions", "shares"} {
		shape(t, "billing status: "+name, "used:n limit:n?", obj(sub["usage"])[name])
	}
	balance := shape(t, "billing credits", "balance_cents:n balance_usd:s expiring_within_90_days:o expiring_within_30d_cents:n", in.ok("GET", "/v1/billing/credits/balance", nil))
	shape(t, "billing credits", "amount_cents:n earliest_expiry:t?", balance["expiring_within_90_days"])
	shape(t, "billing ledger", "transactions:l page:n limit:n", in.ok("GET", "/v1/billing/credits/transactions?page=1&limit=20", nil))
	shape(t, "billing ledger", "transactions:l page:n limit:n", in.ok("GET", "/v1/billing/credits/transactions?limit=20&offset=0", nil))
	shape(t, "billing usage", "billing_tier:s free_tier_limit:n? current_month:o", in.ok("GET", "/v1/billing/usage", nil))
	shape(t, "billing overage", "overage_method:s", login.ok("PATCH", "/v1/billing/overage-method", map[string]any{"method": "credits"}))
	for path, body := range map[string]any{"/subscribe": map[string]any{"tier": "pro", "interval": "monthly"}, "/credits/topup": map[string]any{"amount_usd": 5}, "/portal": nil} {
		if status, v := login.ask("POST", "/v1/billing"+path, body); status != 400 && status != 501 {
			t.Errorf("billing%s: %d %v", path, status, v)
		}
	}
	in.ok("DELETE", vault+"/policies/"+p["id"].(string), nil)
	in.ok("DELETE", at, nil)
	in.ok("DELETE", agent, nil)
	in.ok("DELETE", vault, nil)
}

func TestTheNodeCommandLineLogsInWithASecondFactor(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	c := &nodeCLI{caller: plain(t, s.APIURL), t: t}
	in := c.loggedIn(s.Email, s.Password, "")
	if shape(t, "mfa status", "enabled:b", in.ok("GET", "/v1/auth/mfa/status", nil))["enabled"] != false {
		t.Error("mfa status: enabled")
	}
	setup := shape(t, "mfa enable", "otpauth_uri:s secret:s ...", in.ok("POST", "/v1/auth/mfa/setup", nil))
	code := must[string](t)(totp.GenerateCode(setup["secret"].(string), time.Now()))
	codes := obj(in.ok("POST", "/v1/auth/mfa/verify-setup", map[string]any{"code": code}))["recovery_codes"].([]any)
	again := c.loggedIn(s.Email, s.Password, codes[3].(string))
	if shape(t, "mfa status", "enabled:b", again.ok("GET", "/v1/auth/mfa/status", nil))["enabled"] != true {
		t.Error("mfa status: not enabled")
	}
	again.ok("DELETE", "/v1/auth/mfa", map[string]any{"code": codes[4]})
	c.loggedIn(s.Email, s.Password, "")
}

func TestTheNodeCommandLineLogsInAsADevice(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	c := &nodeCLI{caller: plain(t, s.APIURL), t: t}
	human := c.loggedIn(s.Email, s.Password, "")
	start := func() (map[string]any, func() map[string]any) {
		t.Helper()
		d := shape(t, "device/code", deviceShape, c.ok("POST", "/v1/auth/device/code", map[string]any{"client_id": "cli"}))
		if d["expires_in"] != 600.0 || d["interval"] != 5.0 {
			t.Errorf("device/code: %v", d)
		}
		return d, func() map[string]any {
			t.Helper()
			body := map[string]any{"device_code": d["device_code"], "grant_type": "urn:ietf:params:oauth:grant-type:device_code"}
			status, v := c.ask("POST", "/v1/auth/device/token", body)
			if status != http.StatusOK { // the real one would ask for ever
				t.Fatalf("device/token: %d %v", status, v)
			}
			return obj(v)
		}
	}
	d, poll := start()
	if o := poll(); o["error"] != "authorization_pending" {
		t.Errorf("before the human decided: %v", o)
	}
	// The page, at the address that the CLI builds itself.
	site := caller{base: strings.Replace(s.APIURL, "api.", "", 1), http: c.http}
	page := site.do(t, "GET", "/cli/verify?code="+d["user_code"].(string), nil)
	if page.status != http.StatusOK || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
		t.Errorf("/cli/verify: %d %s", page.status, page.header.Get("Content-Type"))
	}
	shape(t, "device/code/{user_code}", "user_code:s status:s client_id:s expires_at:t", c.ok("GET", "/v1/auth/device/code/"+d["user_code"].(string), nil))
	human.ok("POST", "/v1/auth/device/approve", map[string]any{"user_code": d["user_code"]})
	// It asks at the interval that it was told, and goes on when told to slow down.
	interval := time.NewTicker(5 * time.Second)
	defer interval.Stop()
	var o map[string]any
	for o = poll(); o["error"] == "slow_down"; o = poll() {
		<-interval.C
	}
	shape(t, "device/token", "access_token:s token_type:s expires_in:n email:s user_id:s org_id:s", any(o))
	if o["email"] != s.Email || o["expires_in"].(float64) <= 0 || o["expires_in"].(float64) > 86400 {
		t.Errorf("device/token: %v %v", o["email"], o["expires_in"])
	}
	c.with(o["access_token"].(string)).ok("GET", "/v1/vaults", nil)

	d, poll = start()
	human.ok("POST", "/v1/auth/device/deny", map[string]any{"user_code": d["user_code"]})
	if o := poll(); o["error"] != "access_denied" {
		t.Errorf("a device that was denied: %v", o)
	}
	if status, _ := c.ask("GET", "/v1/auth/device/code/BCDF-GHJK", nil); status != http.StatusNotFound {
		t.Errorf("an unknown user code: %d", status)
	}
	_, v := c.ask("POST", "/v1/auth/device/token", map[string]any{"device_code": "nobodys", "grant_type": "urn:ietf:params:oauth:grant-type:device_code"})
	if obj(v)["error"] != "expired_token" {
		t.Errorf("an unknown device code: %v", v)
	}
	human.ok("DELETE", "/v1/auth/token", nil) // logout
}
