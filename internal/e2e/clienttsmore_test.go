package e2e_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// tomorrow is a time that a share may end at.
func tomorrow() string { return time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339) }

// signsUp signs somebody up, with an organisation of their own; the SDK keeps the
// token of the answer.
func (c *typeScript) signsUp(email, password string) *typeScript {
	c.t.Helper()
	o := obj(c.call("POST", "/v1/auth/signup", map[string]any{"email": email, "password": password, "display_name": "Zoe"}).ok(200))
	if text(c.t, o, "email") != email || text(c.t, o, "message") == "" {
		c.t.Errorf("auth.signup: %v", o)
	}
	token := text(c.t, o, "access_token")
	return c.withToken(token)
}

const goodPassword = "Correct7-horse-Battery"

func TestTheTypeScriptClientShares(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := newTypeScript(t, s).owns(s)
	anyone := owner.withToken("")
	vault := text(t, obj(owner.call("POST", "/v1/vaults", map[string]any{"name": "prod", "description": ""}).ok(201)), "id")
	secret := text(t, obj(owner.call("PUT", "/v1/vaults/"+vault+"/secrets/db/main", map[string]any{"value": "v", "type": "generic"}).ok(201)), "id")
	agent := obj(owner.call("POST", "/v1/agents", map[string]any{"name": "bot"}).ok(201))
	bot := owner.withAgentKey(text(t, agent, "api_key"))
	share := func(body map[string]any) map[string]any {
		t.Helper()
		body["expires_at"] = tomorrow()
		return shape(t, "sharing.create", shareShape, owner.call("POST", "/v1/secrets/"+secret+"/share", body).ok(201))
	}
	link := share(map[string]any{"recipient_type": "anyone_with_link", "max_access_count": 1, "passphrase": "open sesame"})
	if !strings.HasSuffix(link["share_url"].(string), "/v1/share/"+link["id"].(string)) {
		t.Errorf("share_url %v", link["share_url"])
	}
	to := "/v1/share/" + link["id"].(string)
	if e := anyone.call("GET", to, nil); e.status != 401 && e.status != 403 {
		t.Errorf("a link with a passphrase: %d", e.status)
	}
	shape(t, "sharing.access", sharedShape, anyone.call("GET", to+"?passphrase=open%20sesame", nil).ok(200))
	anyone.call("GET", to+"?passphrase=open%20sesame", nil).is(410, "unknown")

	forBot := share(map[string]any{"recipient_type": "agent", "recipient_id": text(t, agent, "agent", "id"), "permissions": []string{"read"}})
	inbound := shaped(t, "sharing.listInbound", itemShape, bot.call("GET", "/v1/shares/inbound", nil).ok(200), "shares")
	named(t, inbound, "id", forBot["id"])
	to = "/v1/share/" + forBot["id"].(string)
	bot.call("GET", to, nil).is(403, "auth_error")
	bot.call("POST", "/v1/shares/"+forBot["id"].(string)+"/accept", nil).ok(204)
	if o := shape(t, "sharing.access", sharedShape, bot.call("GET", to, nil).ok(200)); o["value"] != "v" {
		t.Errorf("access: %v", o)
	}
	declined := share(map[string]any{"recipient_type": "agent", "recipient_id": text(t, agent, "agent", "id")})
	bot.call("POST", "/v1/shares/"+declined["id"].(string)+"/decline", nil).ok(204)
	mail := share(map[string]any{"recipient_type": "external_email", "email": "Zoe@example.com"})
	if mail["recipient_email"] == nil {
		t.Errorf("external_email: %v", mail)
	}
	outbound := shaped(t, "sharing.listOutbound", itemShape, owner.call("GET", "/v1/shares/outbound", nil).ok(200), "shares")
	named(t, outbound, "id", mail["id"])
	zoe := anyone.signsUp("zoe@example.com", goodPassword)
	zoe.call("GET", "/v1/share/"+forBot["id"].(string), nil).is(404, "not_found")
	named(t, shaped(t, "sharing.listInbound", itemShape, zoe.call("GET", "/v1/shares/inbound", nil).ok(200), "shares"), "id", mail["id"])
	zoe.call("POST", "/v1/shares/"+mail["id"].(string)+"/accept", nil).ok(204)
	zoe.call("GET", "/v1/share/"+mail["id"].(string), nil).ok(200)
	zoe.call("DELETE", "/v1/share/"+mail["id"].(string), nil).is(404, "not_found") // of another organisation
	bot.call("DELETE", "/v1/share/"+mail["id"].(string), nil).is(403, "auth_error")
	owner.call("DELETE", "/v1/share/"+mail["id"].(string), nil).ok(204)
	zoe.call("GET", "/v1/share/"+mail["id"].(string), nil).is(404, "not_found")
	owner.call("POST", "/v1/secrets/"+secret+"/share", map[string]any{"recipient_type": "creator", "expires_at": tomorrow()}).is(403, "auth_error")
	owner.call("POST", "/v1/secrets/"+secret+"/share", map[string]any{"recipient_type": "user", "expires_at": tomorrow()}).is(400, "validation_error")
	owner.call("POST", "/v1/secrets/"+vault+"/share", map[string]any{"recipient_type": "anyone_with_link", "expires_at": tomorrow()}).is(404, "not_found")

	// What an agent made, it shares with the human who made it.
	theirs := text(t, obj(bot.call("POST", "/v1/vaults", map[string]any{"name": "bots", "description": ""}).ok(201)), "id")
	own := text(t, obj(bot.call("PUT", "/v1/vaults/"+theirs+"/secrets/a/b", map[string]any{"value": "w", "type": "generic"}).ok(201)), "id")
	back := obj(bot.call("POST", "/v1/secrets/"+own+"/share", map[string]any{"recipient_type": "creator", "expires_at": tomorrow()}).ok(201))
	bot.call("POST", "/v1/secrets/"+own+"/share", map[string]any{"recipient_type": "external_email", "email": "x@example.com", "expires_at": tomorrow()}).is(403, "auth_error")
	owner.call("POST", "/v1/shares/"+back["id"].(string)+"/accept", nil).ok(204)
	owner.call("GET", "/v1/share/"+back["id"].(string), nil).ok(200)
	owner.call("GET", "/v1/vaults/"+theirs+"/secrets/a/b", nil).ok(200)
}

func TestTheTypeScriptClientAsksForApprovals(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := newTypeScript(t, s).owns(s)
	vault := text(t, obj(owner.call("POST", "/v1/vaults", map[string]any{"name": "prod", "description": ""}).ok(201)), "id")
	secret := "/v1/vaults/" + vault + "/secrets/prod/root"
	owner.call("PUT", secret, map[string]any{"value": "v", "type": "generic"}).ok(201)
	made := obj(owner.call("POST", "/v1/agents", map[string]any{"name": "bot"}).ok(201))
	agent := owner.withAgentKey(text(t, made, "api_key"))
	owner.call("POST", "/v1/vaults/"+vault+"/policies", map[string]any{
		"secret_path_pattern": "prod/*", "principal_type": "agent", "principal_id": text(t, made, "agent", "id"), "permissions": []string{"read"},
		"conditions": map[string]any{"require_approval": true},
	}).ok(201)
	e := agent.call("GET", secret, nil).is(403, "approval_required")
	id, _ := e.problem["approval_request_id"].(string)
	for _, path := range []string{"/v1/approvals", "/v1/approvals/request"} {
		o := shape(t, "approvals.request", approvalShape, agent.call("POST", path, map[string]any{"vault_id": vault, "secret_path": "prod/root", "reason": "a deploy"}).ok(201))
		if o["id"] != id || o["status"] != "pending" {
			t.Errorf("approvals.request: %v, want %s", o, id)
		}
	}
	shape(t, "approvals.check", approvalShape, agent.call("GET", "/v1/approvals/"+id, nil).ok(200))
	named(t, shaped(t, "approvals.list", approvalShape, owner.call("GET", "/v1/approvals?status=pending", nil).ok(200), "approvals"), "id", id)
	agent.call("POST", "/v1/approvals/"+id+"/approve", nil).is(403, "auth_error")
	if o := shape(t, "approvals.approve", approvalShape, owner.call("POST", "/v1/approvals/"+id+"/approve", nil).ok(200)); o["status"] != "approved" || o["decided_by"] == nil {
		t.Errorf("approvals.approve: %v", o)
	}
	agent.call("GET", secret, nil).ok(200)
	again := agent.call("GET", secret, nil).is(403, "approval_required").problem["approval_request_id"].(string)
	if o := shape(t, "approvals.deny", approvalShape, owner.call("POST", "/v1/approvals/"+again+"/deny", map[string]any{"reason": "no"}).ok(200)); o["status"] != "denied" {
		t.Errorf("approvals.deny: %v", o)
	}
	agent.call("GET", secret, nil).is(429, "rate_limit") // a denial is a pause for this secret
	owner.call("PUT", secret+"2", map[string]any{"value": "v", "type": "generic"}).ok(201)
	third := agent.call("GET", secret+"2", nil).is(403, "approval_required").problem["approval_request_id"].(string)
	owner.call("POST", "/v1/approvals/"+third+"/decide", map[string]any{"decision": "rejected", "reason": "no"}).ok(200)
	agent.call("GET", "/v1/approvals/"+vault, nil).is(404, "not_found")
}

// sealTS encrypts as the TypeScript SDK does.
func sealTS(t testing.TB, key []byte, plain string) string {
	t.Helper()
	return base64.StdEncoding.EncodeToString(append([]byte{1}, gcm(t, key, plain)...))
}

// gcm is nonce, ciphertext and tag of AES-256-GCM.
func gcm(t testing.TB, key []byte, plain string) []byte {
	t.Helper()
	block := must[cipher.Block](t)(aes.NewCipher(key))
	aead := must[cipher.AEAD](t)(cipher.NewGCM(block))
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce)
	return aead.Seal(nonce, nonce, []byte(plain), nil)
}

// openTS decrypts what sealTS made.
func openTS(t testing.TB, key []byte, blob string) string {
	t.Helper()
	raw := must[[]byte](t)(base64.StdEncoding.DecodeString(blob))
	if len(raw) < 29 || raw[0] != 1 {
		t.Fatalf("no blob of the SDK: %d bytes", len(raw))
	}
	return openGCM(t, key, raw[1:])
}

func openGCM(t testing.TB, key, raw []byte) string {
	t.Helper()
	block := must[cipher.Block](t)(aes.NewCipher(key))
	aead := must[cipher.AEAD](t)(cipher.NewGCM(block))
	return string(must[[]byte](t)(aead.Open(nil, raw[:12], raw[12:], nil)))
}

func fingerprint(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:])
}

// rotated waits for a rotation, asking as the SDKs do.
func rotated(t testing.TB, ask func() map[string]any) {
	t.Helper()
	eventually(t, "the rotation", func() bool {
		o := shape(t, "cmek-rotate", jobShape, ask())
		if o["status"] == "failed" {
			t.Fatalf("the rotation failed: %v", o)
		}
		return o["status"] == "completed"
	})
}

func TestTheTypeScriptClientKeepsItsOwnKey(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := newTypeScript(t, s).owns(s)
	id := text(t, obj(owner.call("POST", "/v1/vaults", map[string]any{"name": "prod", "description": ""}).ok(201)), "id")
	vault := "/v1/vaults/" + id
	old, next := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
	owner.call("POST", vault+"/cmek", map[string]any{"fingerprint": "zz"}).is(400, "validation_error")
	owner.call("DELETE", vault+"/cmek", nil).is(400, "validation_error")
	v := shape(t, "vault.enableCmek", vaultShape, owner.call("POST", vault+"/cmek", map[string]any{"fingerprint": fingerprint(old)}).ok(200))
	if v["cmek_enabled"] != true || v["cmek_fingerprint"] != fingerprint(old) {
		t.Errorf("enableCmek: %v", v)
	}
	for _, path := range []string{"a", "b/c", "d/e/f"} {
		owner.call("PUT", vault+"/secrets/"+path, map[string]any{"value": sealTS(t, old, "plain "+path), "type": "generic"}).ok(201)
	}
	if o := shape(t, "secrets.get", secretShape, owner.call("GET", vault+"/secrets/b/c", nil).ok(200)); o["cmek_encrypted"] != true || openTS(t, old, o["value"].(string)) != "plain b/c" {
		t.Errorf("get: %v", o)
	}
	b64 := base64.StdEncoding.EncodeToString
	owner.call("POST", vault+"/cmek-rotate", map[string]any{"new_fingerprint": fingerprint(old)}, "x-cmek-old-key", b64(old), "x-cmek-new-key", b64(next)).is(400, "validation_error")
	job := shape(t, "vault.rotateCmek", jobShape, owner.call("POST", vault+"/cmek-rotate", map[string]any{"new_fingerprint": fingerprint(next)},
		"x-cmek-old-key", b64(old), "x-cmek-new-key", b64(next)).ok(http.StatusAccepted))
	rotated(t, func() map[string]any {
		return obj(owner.call("GET", vault+"/cmek-rotate/"+job["id"].(string), nil).ok(200))
	})
	for _, path := range []string{"a", "b/c", "d/e/f"} {
		if o := obj(owner.call("GET", vault+"/secrets/"+path, nil).ok(200)); openTS(t, next, o["value"].(string)) != "plain "+path {
			t.Errorf("%s: %v", path, o)
		}
	}
	owner.call("GET", vault+"/cmek-rotate/"+id, nil).is(404, "not_found")
	if v := shape(t, "vault.disableCmek", vaultShape, owner.call("DELETE", vault+"/cmek", nil).ok(200)); v["cmek_enabled"] != false {
		t.Errorf("disableCmek: %v", v)
	}
}

func TestTheTypeScriptClientReadsWhatAnOrganisationHas(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := newTypeScript(t, s).owns(s)
	usage := shape(t, "billing.usage", "billing_tier:s free_tier_limit:n? current_month:o", owner.call("GET", "/v1/billing/usage", nil).ok(200))
	shape(t, "billing.usage", "total_requests:n paid_requests:n free_requests:n total_cost_usd:s", usage["current_month"])
	owner.call("GET", "/v1/vaults", nil).ok(200)
	shaped(t, "billing.history", "id:s principal_type:s principal_id:s method:s endpoint:s status_code:n price_usd:s is_paid:b created_at:t", owner.call("GET", "/v1/billing/history?limit=50", nil).ok(200), "events")

	members := shaped(t, "org.listMembers", memberShape, owner.call("GET", "/v1/org/members", nil).ok(200), "members")
	me := shape(t, "auth.me", profileShape, owner.call("GET", "/v1/auth/me", nil).ok(200))
	named(t, members, "id", me["id"])
	owner.call("PATCH", "/v1/org/members/"+me["id"].(string), map[string]any{"role": "member"}).is(403, "auth_error")
	owner.call("DELETE", "/v1/org/members/"+me["id"].(string), nil).is(403, "auth_error")
	owner.call("DELETE", "/v1/org/members/11111111-2222-4333-8444-555555555555", nil).is(404, "not_found")
	shape(t, "org.invite", "message:s email:s", owner.call("POST", "/v1/org/invite", map[string]any{"email": "mia@example.com", "role": "member"}).ok(200))

	events := obj(owner.call("GET", "/v1/audit/events?limit=5&offset=0&action=user.read", nil).ok(200))
	shape(t, "audit.query", "events:l count:n ...", events)
	shaped(t, "audit.query", eventShape, events, "events")

	rule := shape(t, "ip-rules", ruleShape, owner.call("POST", "/v1/security/ip-rules", map[string]any{"rule_type": "deny", "cidr": "203.0.113.0/24", "label": "x"}).ok(201))
	shaped(t, "ip-rules", ruleShape, owner.call("GET", "/v1/security/ip-rules", nil).ok(200), "rules")
	owner.call("DELETE", "/v1/security/ip-rules/"+rule["id"].(string), nil).ok(204)

	chains := shaped(t, "chains.list", chainShape, owner.withToken("").call("GET", "/v1/chains", nil).ok(200), "chains")
	for name, id := range map[string]float64{"ethereum": 1, "base": 8453, "optimism": 10, "arbitrum-one": 42161, "polygon": 137, "sepolia": 11155111, "base-sepolia": 84532} {
		if named(t, chains, "name", name)["chain_id"] != id {
			t.Errorf("chain %s", name)
		}
	}
	shape(t, "chains.get", chainShape, owner.call("GET", "/v1/chains/base", nil).ok(200))
	shape(t, "chains.get", chainShape, owner.call("GET", "/v1/chains/8453", nil).ok(200))
	owner.call("GET", "/v1/chains/nowhere", nil).is(404, "not_found")
	shaped(t, "chains.adminList", chainShape, owner.call("GET", "/v1/admin/chains", nil).ok(200), "chains")
	chain := shape(t, "chains.create", chainShape, owner.call("POST", "/v1/admin/chains", map[string]any{"name": "local", "display_name": "Local", "chain_id": 31337}).ok(201))
	at := "/v1/admin/chains/" + chain["id"].(string)
	shape(t, "chains.update", chainShape, owner.call("PUT", at, map[string]any{"is_enabled": false}).ok(200))
	owner.call("DELETE", at, nil).ok(204)
}

func TestTheTypeScriptClientManagesAnAccount(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	anyone := newTypeScript(t, s)
	user := anyone.signsUp("zoe@example.com", goodPassword)
	anyone.call("POST", "/v1/auth/signup", map[string]any{"email": "zoe@example.com", "password": goodPassword}).is(409, "unknown")
	anyone.call("POST", "/v1/auth/signup", map[string]any{"email": "weak@example.com", "password": "weak"}).is(400, "validation_error")
	shape(t, "auth.getMe", profileShape, user.call("GET", "/v1/auth/me", nil).ok(200))
	if o := shape(t, "auth.updateMe", profileShape, user.call("PATCH", "/v1/auth/me", map[string]any{"display_name": "Z", "marketing_emails": true}).ok(200)); o["display_name"] != "Z" || o["marketing_emails"] != true {
		t.Errorf("updateMe: %v", o)
	}
	if e := anyone.call("POST", "/v1/auth/google", map[string]any{"id_token": "x"}); e.status != 400 && e.status != 501 && e.status != 401 {
		t.Errorf("auth.google: %d", e.status)
	}
	anyone.call("POST", "/v1/auth/verify-email", map[string]any{"token": "x"}).is(400, "validation_error")
	next := goodPassword + "-2z"
	user.call("POST", "/v1/auth/change-password", map[string]any{"current_password": "wrong", "new_password": next}).is(400, "validation_error")
	user.call("POST", "/v1/auth/change-password", map[string]any{"current_password": goodPassword, "new_password": next}).ok(204)
	anyone.call("POST", "/v1/auth/token", map[string]any{"email": "zoe@example.com", "password": goodPassword}).is(401, "auth_error")
	login := map[string]any{"email": "zoe@example.com", "password": next}
	again := func() *typeScript {
		o := shape(t, "auth.login", loginShape, anyone.call("POST", "/v1/auth/token", login).ok(200))
		return anyone.withToken(o["access_token"].(string))
	}
	user = again()
	shape(t, "mfa.status", "enabled:b", user.call("GET", "/v1/auth/mfa/status", nil).ok(200))
	setup := shape(t, "mfa.setup", "otpauth_uri:s secret:s ...", user.call("POST", "/v1/auth/mfa/setup", nil).ok(200))
	code := must[string](t)(totp.GenerateCode(setup["secret"].(string), time.Now()))
	codes := shape(t, "mfa.verifySetup", "recovery_codes:l", user.call("POST", "/v1/auth/mfa/verify-setup", map[string]any{"code": code}).ok(200))["recovery_codes"].([]any)
	if len(codes) != 8 {
		t.Fatalf("%d recovery codes", len(codes))
	}
	user.call("POST", "/v1/auth/mfa/setup", nil).is(400, "validation_error")
	challenge := shape(t, "auth.login", loginShape, anyone.call("POST", "/v1/auth/token", login).ok(200))
	if challenge["access_token"] != "" || challenge["mfa_required"] != true || challenge["expires_in"] != 300.0 {
		t.Errorf("a login with a second factor: %v", challenge)
	}
	anyone.call("POST", "/v1/auth/mfa/verify", map[string]any{"mfa_token": challenge["mfa_token"], "code": "000000"}).is(401, "auth_error")
	token := shape(t, "mfa.verify", tokenShape, anyone.call("POST", "/v1/auth/mfa/verify", map[string]any{"mfa_token": challenge["mfa_token"], "code": codes[0]}).ok(200))
	user = anyone.withToken(token["access_token"].(string))
	user.call("DELETE", "/v1/auth/mfa", map[string]any{"code": "000000"}).is(400, "validation_error")
	user.call("DELETE", "/v1/auth/mfa", map[string]any{"password": next}).is(400, "validation_error")
	user.call("DELETE", "/v1/auth/mfa", map[string]any{"code": codes[1]}).ok(204)
	user = again()
	user.call("DELETE", "/v1/auth/token", nil).ok(204) // auth.logout
	user.call("GET", "/v1/auth/me", nil).is(401, "auth_error")
	user = again()
	user.call("DELETE", "/v1/auth/me", map[string]any{"confirm": "yes"}).is(400, "validation_error")
	user.call("DELETE", "/v1/auth/me", map[string]any{"confirm": "DELETE MY ACCOUNT"}).ok(204) // auth.deleteMe({confirm})
	user.call("GET", "/v1/auth/me", nil).is(401, "auth_error")
	other := anyone.signsUp("zoe@example.com", goodPassword)
	other.call("DELETE", "/v1/auth/me", map[string]any{"confirmation": "DELETE MY ACCOUNT"}).ok(204)
}
