package e2e_test

import (
	"net/http"
	"testing"
)

// The Python SDK speaks as the TypeScript one does, but for shares, which it
// makes and reads under routes of its own, and its auth.refresh.
func TestThePythonClient(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := newTypeScript(t, s).owns(s)
	anyone := owner.withToken("")
	vault := text(t, obj(owner.call("POST", "/v1/vaults", map[string]any{"name": "py"}).ok(201)), "id")
	shape(t, "secrets.put", metaShape, owner.call("PUT", "/v1/vaults/"+vault+"/secrets/db/main", map[string]any{"value": "v", "secret_type": "password"}).ok(201))
	made := obj(owner.call("POST", "/v1/agents", map[string]any{"name": "py"}).ok(201))
	agent := owner.withAgentKey(text(t, made, "api_key"))
	owner.call("POST", "/v1/vaults/"+vault+"/policies", map[string]any{
		"secret_path_pattern": "**", "principal_type": "agent", "principal_id": text(t, made, "agent", "id"), "permissions": []string{"read"},
		"policy_schema_version": 2, "effect": "allow", "priority": 10, "attribute_conditions": []any{},
	}).ok(201)
	if o := shape(t, "secrets.get", secretShape, agent.call("GET", "/v1/vaults/"+vault+"/secrets/db/main", nil).ok(200)); o["value"] != "v" || o["type"] != "password" {
		t.Errorf("secrets.get: %v", o)
	}

	link := shape(t, "shares.create", shareShape, owner.call("POST", "/v1/shares", map[string]any{
		"vault_id": vault, "secret_path": "db/main", "expires_in_hours": 24, "max_views": 2, "passphrase": "open sesame",
		"recipient_type": nil, "recipient_email": nil, "ip_allowlist": []string{"127.0.0.0/8"},
	}).ok(201))
	if link["recipient_type"] != "anyone_with_link" || link["max_access_count"] != 2.0 {
		t.Errorf("shares.create: %v", link)
	}
	at := "/v1/shares/" + link["id"].(string)
	if e := anyone.call("POST", at+"/access", map[string]any{"passphrase": "wrong"}); e.status != 401 && e.status != 403 {
		t.Errorf("a wrong passphrase: %d", e.status)
	}
	if o := shape(t, "shares.access", sharedShape, anyone.call("POST", at+"/access", map[string]any{"passphrase": "open sesame"}).ok(200)); o["value"] != "v" {
		t.Errorf("shares.access: %v", o)
	}
	named(t, shaped(t, "shares.list", itemShape, owner.call("GET", "/v1/shares", nil).ok(200), "shares"), "secret_path", "db/main")
	shape(t, "shares.get", itemShape, owner.call("GET", at, nil).ok(200))
	mail := shape(t, "shares.create", shareShape, owner.call("POST", "/v1/shares", map[string]any{
		"vault_id": vault, "secret_path": "db/main", "expires_in_hours": 1, "recipient_type": "external_email", "recipient_email": "py@example.com",
	}).ok(201))
	py := anyone.signsUp("py@example.com", goodPassword)
	named(t, shaped(t, "shares.inbound", itemShape, py.call("GET", "/v1/shares/inbound", nil).ok(200), "shares"), "id", mail["id"])
	py.call("POST", "/v1/shares/"+mail["id"].(string)+"/access", map[string]any{}).ok(200)
	owner.call("DELETE", at, nil).ok(204)
	anyone.call("POST", at+"/access", map[string]any{"passphrase": "open sesame"}).is(404, "not_found")
	owner.call("POST", "/v1/shares", map[string]any{"vault_id": vault, "secret_path": "no/such", "expires_in_hours": 1}).is(404, "not_found")

	for name, token := range map[string]string{"with": owner.token, "without": ""} {
		if e := owner.raw("POST", "/v1/auth/refresh", nil, token); e.status != http.StatusBadRequest && e.status != http.StatusUnauthorized {
			t.Errorf("auth.refresh %s a token: %d", name, e.status)
		}
	}
}
