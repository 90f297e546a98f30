package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// step is one request and what the log must say of it.
type step struct {
	method, target, token string
	body                  any
	status                int
	action, outcome       string
}

// walk makes the requests; each must leave exactly its event.
func (w *world) walk(steps []step) []event {
	w.t.Helper()
	var all []event
	for _, s := range steps {
		events := w.during(func() { w.do(s.method, s.target, s.token, s.body).want(s.status) })
		if len(events) != 1 {
			w.t.Errorf("%s %s -> %d left %d events: %v", s.method, s.target, s.status, len(events), events)
			continue
		}
		e := events[0]
		if e.action != s.action || e.detail("outcome") != s.outcome {
			w.t.Errorf("%s %s -> %d left %s %s, want %s %s", s.method, s.target, s.status, e.action, e.details, s.action, s.outcome)
		}
		all = append(all, e)
	}
	return all
}

func TestEveryRequestLeavesExactlyOneEvent(t *testing.T) {
	s := openSession(t, rest.OneByOne)
	me, ag, ids := s.ada.token, s.worker.token, s.ids()
	boss := s.boss().token
	vault, agent := "/v1/vaults/"+s.vault, "/v1/agents/"+s.worker.id
	secret := vault + "/secrets/a/b"
	end := s.Clock.Now().Add(-time.Hour)
	steps := []step{
		{"POST", "/v1/auth/token", "", object{"email": s.ada.email, "password": password}, 200, "auth.success", "success"},
		{"POST", "/v1/auth/token", "", object{"email": s.ada.email, "password": "x"}, 401, "auth.failure", "denied"},
		{"POST", "/v1/auth/token", "", "{", 400, "auth.failure", "failed"},
		{"POST", "/v1/auth/agent-token", "", object{"api_key": s.worker.key}, 200, "auth.success", "success"},
		{"POST", "/v1/auth/agent-token", "", object{"api_key": "ocv_x"}, 401, "auth.failure", "denied"},
		{"POST", "/v1/auth/agent-token", "", object{"jwt": "x"}, 401, "auth.failure", "denied"},
		{"POST", "/v1/auth/google", "", object{"id_token": "x"}, 400, "auth.failure", "failed"},
		{"POST", "/v1/auth/api-key-token", "", object{"api_key": s.worker.key}, 200, "auth.success", "success"},
		{"POST", "/v1/auth/refresh", "", nil, 400, "auth.failure", "failed"},
		{"GET", "/v1/auth/jwt-public-key", "", nil, 200, "auth.read_signing_key", "success"},
		{"GET", "/v1/openapi.json", "", nil, 200, "openapi.read", "success"},
		{"POST", "/v1/auth/signup", "", object{"email": "bob@example.com", "password": password}, 200, "auth.signup", "success"},
		{"POST", "/v1/auth/signup", "", object{"email": "bob@example.com", "password": password}, 409, "auth.signup", "failed"},
		{"POST", "/v1/auth/verify-email", "", object{"token": "x"}, 400, "auth.verify_email", "failed"},
		{"GET", "/v1/auth/me", me, nil, 200, "user.read", "success"},
		{"GET", "/v1/auth/me", ag, nil, 403, "user.read", "denied"},
		{"GET", "/v1/auth/me", "", nil, 401, "auth.failure", "denied"},
		{"PATCH", "/v1/auth/me", me, object{"display_name": "A"}, 200, "user.update", "success"},
		{"DELETE", "/v1/auth/me", me, object{"confirm": "no"}, 400, "user.delete", "failed"},
		{"DELETE", "/v1/auth/me", ag, object{"confirm": "no"}, 403, "user.delete", "denied"},
		{"POST", "/v1/auth/change-password", me, object{"current_password": "x", "new_password": password}, 400, "auth.change_password", "failed"},
		{"GET", "/v1/auth/mfa/status", me, nil, 200, "auth.mfa_read", "success"},
		{"POST", "/v1/auth/mfa/setup", me, nil, 200, "auth.mfa_enable", "success"},
		{"POST", "/v1/auth/mfa/verify-setup", me, object{"code": "x"}, 400, "auth.mfa_enable", "failed"},
		{"POST", "/v1/auth/mfa/verify", "", object{"mfa_token": "x", "code": "x"}, 401, "auth.failure", "denied"},
		{"POST", "/v1/auth/forgot-password", "", object{"email": "x@example.com"}, 200, "auth.forgot_password", "success"},
		{"POST", "/v1/auth/reset-password", "", object{"token": "x", "new_password": password}, 400, "auth.reset_password", "failed"},
		{"POST", "/v1/auth/passkey-login/begin", "", nil, 200, "auth.passkey_ask", "success"},
		{"POST", "/v1/auth/passkey-login", "", object{"token": "x", "credential": object{}}, 401, "auth.failure", "denied"},
		{"POST", "/v1/auth/passkeys/begin", me, nil, 200, "auth.passkey_add", "success"},
		{"POST", "/v1/auth/passkeys", me, object{"token": "x", "name": "x", "credential": object{}}, 400, "auth.passkey_add", "failed"},
		{"GET", "/v1/auth/passkeys", me, nil, 200, "auth.passkey_list", "success"},
		{"PATCH", "/v1/auth/passkeys/" + nobodysID, me, object{"name": "x"}, 404, "auth.passkey_rename", "failed"},
		{"DELETE", "/v1/auth/passkeys/" + nobodysID, me, nil, 404, "auth.passkey_remove", "failed"},
		{"DELETE", "/v1/auth/mfa", me, object{"code": "x"}, 400, "auth.mfa_disable", "failed"},
		{"POST", "/v1/auth/api-keys", me, object{"name": "l"}, 201, "api_key.create", "success"},
		{"GET", "/v1/auth/api-keys", me, nil, 200, "api_key.list", "success"},
		{"DELETE", "/v1/auth/api-keys/" + s.key, me, nil, 204, "api_key.delete", "success"},
		{"DELETE", "/v1/auth/api-keys/" + s.key, me, nil, 404, "api_key.delete", "failed"},

		{"GET", "/v1/billing/usage", ag, nil, 200, "billing.read", "success"},
		{"GET", "/v1/billing/history", me, nil, 200, "billing.read", "success"},
		{"GET", "/v1/billing/subscription", me, nil, 200, "billing.read", "success"},
		{"GET", "/v1/billing/credits/balance", me, nil, 200, "billing.read", "success"},
		{"GET", "/v1/billing/credits/transactions", me, nil, 200, "billing.read", "success"},
		{"PATCH", "/v1/billing/overage-method", me, object{"method": "x402"}, 200, "billing.update", "success"},
		{"PATCH", "/v1/billing/overage-method", ag, object{"method": "x402"}, 403, "billing.update", "denied"},
		{"POST", "/v1/billing/subscribe", me, object{"tier": "pro"}, 501, "billing.update", "error"},
		{"POST", "/v1/billing/credits/topup", ag, nil, 403, "billing.update", "denied"},
		{"POST", "/v1/billing/portal", me, nil, 501, "billing.update", "error"},
		{"POST", "/v1/billing/webhooks", "", object{}, 400, "billing.event", "failed"},
		{"GET", "/v1/chains", "", nil, 200, "chain.list", "success"},
		{"GET", "/v1/chains/base", "", nil, 200, "chain.list", "success"},
		{"GET", "/v1/chains/none", "", nil, 404, "chain.list", "failed"},
		{"GET", "/v1/admin/chains", boss, nil, 200, "admin.chain_list", "success"},
		{"GET", "/v1/admin/chains", me, nil, 403, "admin.chain_list", "denied"},
		{"POST", "/v1/admin/chains", boss, object{"name": "x", "display_name": "X", "chain_id": 7}, 201, "admin.chain_update", "success"},
		{"POST", "/v1/admin/chains", boss, object{"name": "x", "display_name": "X", "chain_id": 8}, 409, "admin.chain_update", "failed"},
		{"PUT", "/v1/admin/chains/" + nobodysID, boss, object{}, 404, "admin.chain_update", "failed"},
		{"DELETE", "/v1/admin/chains/" + nobodysID, boss, nil, 404, "admin.chain_update", "failed"},
		{"POST", "/v1/admin/chains/" + nobodysID + "/check", boss, nil, 404, "admin.chain_check", "failed"},
		{"POST", "/v1/admin/chains/" + nobodysID + "/check", me, nil, 403, "admin.chain_check", "denied"},
		{"POST", "/v1/admin/chains/" + nobodysID + "/restart", boss, nil, 404, "admin.chain_restart", "failed"},
		{"POST", "/v1/admin/chains/" + nobodysID + "/restart", me, nil, 403, "admin.chain_restart", "denied"},
		{"GET", "/v1/admin/settings", boss, nil, 200, "admin.settings_read", "success"},
		{"PUT", "/v1/admin/settings/a.key", boss, object{"value": "x"}, 200, "admin.settings_update", "success"},
		{"PUT", "/v1/admin/settings/a.key", me, object{"value": "x"}, 403, "admin.settings_update", "denied"},
		{"DELETE", "/v1/admin/settings/a.key", boss, nil, 204, "admin.settings_update", "success"},
		{"GET", "/v1/admin/x402", boss, nil, 200, "admin.settings_read", "success"},
		{"PUT", "/v1/admin/x402", boss, object{"scheme": "exact"}, 200, "admin.settings_update", "success"},
		{"DELETE", "/v1/admin/users/" + nobodysID, boss, nil, 404, "admin.user_delete", "failed"},
		{"DELETE", "/v1/admin/users/" + ids["user_id"], me, nil, 403, "admin.user_delete", "denied"},
		{"GET", "/v1/admin/users", boss, nil, 200, "admin.user_list", "success"},
		{"GET", "/v1/admin/orgs/" + s.ada.org + "/limits", boss, nil, 200, "admin.limits_read", "success"},
		{"PUT", "/v1/admin/orgs/" + s.ada.org + "/limits", boss, object{"is_sponsored": true}, 200, "admin.limits_update", "success"},
		{"PUT", "/v1/admin/orgs/" + s.ada.org + "/billing-tier", boss, object{"tier": "enterprise"}, 200, "admin.limits_update", "success"},
		{"POST", "/v1/admin/orgs/" + s.ada.org + "/credits", boss, object{"amount_cents": 5}, 201, "admin.limits_update", "success"},
		{"POST", "/v1/admin/orgs/" + nobodysID + "/credits", boss, object{"amount_cents": 5}, 404, "admin.limits_update", "failed"},

		{"GET", "/v1/vaults", ag, nil, 200, "vault.list", "success"},
		{"POST", "/v1/vaults", me, object{"name": "main"}, 409, "vault.create", "failed"},
		{"POST", "/v1/vaults", me, object{"name": "second"}, 201, "vault.create", "success"},
		{"GET", vault, me, nil, 200, "vault.read", "success"},
		{"GET", "/v1/vaults/" + nobodysID, me, nil, 404, "vault.read", "failed"},
		{"GET", "/v1/vaults/x", me, nil, 404, "vault.read", "failed"},
		{"PATCH", vault, me, object{"description": "x"}, 200, "vault.update", "success"},
		{"PATCH", vault, me, object{"name": "second"}, 409, "vault.update", "failed"},
		{"PATCH", vault, me, object{}, 400, "vault.update", "failed"},
		{"PATCH", vault, ag, object{"name": "x"}, 403, "vault.update", "denied"},
		{"DELETE", vault, ag, nil, 403, "vault.delete", "denied"},
		{"PUT", secret, me, object{"value": "x"}, 201, "secret.write", "success"},
		{"PUT", secret, me, object{}, 400, "secret.write", "failed"},
		{"PUT", secret, me, object{"value": "x", "expires_at": end}, 400, "secret.write", "failed"},
		{"PUT", secret, ag, object{"value": "x"}, 403, "secret.write", "denied"},
		{"GET", secret, ag, nil, 200, "secret.read", "success"},
		{"GET", vault + "/secrets/a/none", ag, nil, 404, "secret.read", "failed"},
		{"GET", vault + "/secrets/c", ag, nil, 403, "secret.read", "denied"},
		{"GET", vault + "/secrets/..", me, nil, 400, "secret.read", "failed"},
		{"POST", secret + "/rotate", me, nil, 400, "secret.rotate", "failed"},
		{"GET", vault + "/secrets", ag, nil, 200, "secret.list", "success"},
		{"GET", vault + "/secrets?limit=0", ag, nil, 400, "secret.list", "failed"},
		{"POST", "/v1/secrets/" + s.secret + "/share", me, object{}, 400, "share.create", "failed"},
		{"POST", "/v1/shares", me, object{"recipient_type": "creator", "secret_id": nobodysID}, 403, "share.create", "denied"},
		{"GET", "/v1/share/" + s.share, "", nil, 401, "share.access", "denied"},
		{"GET", "/v1/share/" + s.share, me, nil, 403, "share.access", "denied"},
		{"GET", "/v1/share/" + nobodysID, "", nil, 404, "share.access", "failed"},
		{"GET", "/v1/shares/inbound", ag, nil, 200, "share.list", "success"},
		{"POST", "/v1/shares/" + nobodysID + "/accept", ag, nil, 404, "share.accept", "failed"},
		{"POST", "/v1/shares/" + nobodysID + "/decline", ag, nil, 404, "share.decline", "failed"},
		{"DELETE", "/v1/share/" + nobodysID, me, nil, 404, "share.revoke", "failed"},
		{"GET", vault + "/secret-versions/a/b", me, nil, 200, "secret.versions", "success"},
		{"GET", vault + "/secret-versions/a/b?version=1", me, nil, 200, "secret.read_version", "success"},
		{"GET", vault + "/secret-version/a/b/1", me, nil, 200, "secret.read_version", "success"},
		{"GET", vault + "/who-can/a/b", me, nil, 200, "secret.who_can", "success"},
		{"GET", vault + "/who-can/a/b", ag, nil, 403, "secret.who_can", "denied"},
		{"POST", vault + "/secret-rotate/a/b", ag, nil, 403, "secret.rotate", "denied"},
		{"POST", vault + "/secret-rotate/a/b", me, nil, 201, "secret.rotate", "success"},
		{"POST", vault + "/secret-version-disable/a/b/1", ag, nil, 403, "secret.disable_version", "denied"},
		{"POST", vault + "/secret-version-disable/a/b/1", me, nil, 204, "secret.disable_version", "success"},
		{"DELETE", secret, me, nil, 204, "secret.delete", "success"},
		{"GET", secret, me, nil, 410, "secret.read", "failed"},
		{"PUT", vault + "/secret-bindings/a/b", me, s.goodBodies()["set-secret-bindings"], 200, "secret.bind", "success"},
		{"PUT", vault + "/secret-bindings/a/b", me, object{"bindings": []object{{"hosts": []string{"*"}}}}, 400, "secret.bind", "failed"},
		{"PUT", vault + "/secret-bindings/a/b", ag, s.goodBodies()["set-secret-bindings"], 403, "secret.bind", "denied"},
		{"GET", vault + "/secret-bindings/a/b", me, nil, 200, "secret.bindings_read", "success"},
		{"POST", "/v1/secret-requests", ag, object{"vault_id": s.vault, "path": "wanted/b", "reason": "x"}, 201, "secret.wanted_create", "success"},
		{"POST", "/v1/secret-requests", me, object{"vault_id": s.vault, "path": "wanted/b", "reason": "x"}, 403, "secret.wanted_create", "denied"},
		{"POST", "/v1/secret-requests", ag, object{"vault_id": s.vault, "path": "wanted/b", "reason": ""}, 400, "secret.wanted_create", "failed"},
		{"GET", "/v1/secret-requests", me, nil, 200, "secret.wanted_list", "success"},
		{"GET", "/v1/secret-requests/" + nobodysID, me, nil, 404, "secret.wanted_read", "failed"},
		{"POST", "/v1/secret-requests/" + nobodysID + "/withdraw", ag, nil, 404, "secret.wanted_withdraw", "failed"},
		{"POST", "/v1/secret-requests/" + nobodysID + "/withdraw", me, nil, 403, "secret.wanted_withdraw", "denied"},
		{"POST", "/v1/secret-requests/" + nobodysID + "/fill", me, object{"value": "x"}, 404, "secret.wanted_fill", "failed"},
		{"POST", "/v1/secret-requests/" + nobodysID + "/fill", ag, object{"value": "x"}, 403, "secret.wanted_fill", "denied"},
		{"POST", "/v1/secret-requests/" + nobodysID + "/decline", me, nil, 404, "secret.wanted_decline", "failed"},
		{"GET", vault + "/ssh-keys/none", me, nil, 404, "secret.use", "failed"},
		{"GET", vault + "/ssh-keys/none", ag, nil, 403, "secret.use", "denied"},
		{"POST", vault + "/ssh-sign/none", me, s.goodBodies()["ssh-sign"], 404, "secret.use", "failed"},
		{"POST", vault + "/totp/none", me, nil, 404, "secret.use", "failed"},
		{"POST", vault + "/totp/none", ag, nil, 403, "secret.use", "denied"},
		{"POST", "/v1/http-request", ag, s.goodBodies()["http-request"], 400, "secret.request", "failed"},
		{"POST", "/v1/http-request", me, object{"method": "GET", "url": "https://a.example/", "headers": object{"Authorization": "{{secret:none}}"}}, 404, "secret.request", "failed"},
		{"GET", vault + "/env-vars", me, nil, 200, "secret.list", "success"},
		{"GET", vault + "/env-vars/resolve?environment=production", me, nil, 200, "secret.read", "success"},
		{"GET", vault + "/env-vars/resolve?environment=production", ag, nil, 200, "secret.read", "success"},
		{"POST", vault + "/env-vars", me, object{"key": "1", "value": "x"}, 400, "secret.write", "failed"},
		{"POST", vault + "/env-vars", me, object{"key": "NAME", "value": "x", "environments": []string{"all"}}, 201, "secret.write", "success"},
		{"GET", vault + "/env-vars/NAME", me, nil, 200, "secret.read", "success"},
		{"PATCH", vault + "/env-vars/NAME", me, object{"value": "y"}, 200, "secret.write", "success"},
		{"DELETE", vault + "/env-vars/NAME", me, nil, 204, "secret.delete", "success"},
		{"POST", vault + "/secret-restore/a/b", me, nil, 200, "secret.restore", "success"},
		{"DELETE", vault + "/secret-versions/a/b", ag, nil, 403, "secret.purge", "denied"},
		{"DELETE", vault + "/secret-versions/a/b", me, nil, 204, "secret.purge", "success"},
		{"PATCH", secret, me, nil, 405, "request.unknown", "failed"},
		{"GET", vault + "/policies", me, nil, 200, "policy.list", "success"},
		{"POST", vault + "/policies", me, object{}, 400, "policy.create", "failed"},
		{"POST", vault + "/policies", ag, object{"secret_path_pattern": "**", "principal_type": "agent", "principal_id": s.worker.id, "permissions": []string{"read"}}, 403, "policy.create", "denied"},
		{"PUT", vault + "/policies/" + s.policy, me, object{"permissions": []string{"write"}}, 200, "policy.update", "success"},
		{"DELETE", vault + "/policies/" + s.policy, me, nil, 204, "policy.delete", "success"},

		{"POST", "/v1/agents", me, object{"name": "second"}, 201, "agent.register", "success"},
		{"POST", "/v1/agents", ag, object{"name": "third"}, 403, "agent.register", "denied"},
		{"GET", "/v1/agents", me, nil, 200, "agent.list", "success"},
		{"GET", "/v1/agents/me", ag, nil, 200, "agent.read_self", "success"},
		{"GET", "/v1/agents/" + s.worker.id + "/access", ag, nil, 200, "agent.access", "success"},
		{"GET", "/v1/agents/me", me, nil, 403, "agent.read_self", "denied"},
		{"GET", agent, me, nil, 200, "agent.read", "success"},
		{"PATCH", agent, me, object{"name": "first"}, 200, "agent.update", "success"},
		{"POST", agent + "/token", me, nil, 200, "agent.issue_token", "success"},
		{"POST", agent + "/rotate-identity-keys", me, nil, 200, "agent.rotate_identity_keys", "success"},
		{"POST", agent + "/freeze", ag, nil, 403, "agent.freeze", "denied"},
		{"POST", agent + "/freeze", me, nil, 200, "agent.freeze", "success"},
		{"POST", agent + "/transactions/simulate", me, payment("base"), 403, "transaction.simulate", "denied"},
		{"GET", agent + "/guard", ag, nil, 403, "agent.guard_read", "denied"},
		{"GET", "/v1/org/freeze", me, nil, 200, "org.freeze_read", "success"},
		{"POST", agent + "/unfreeze", me, nil, 204, "agent.unfreeze", "success"},
		{"POST", agent + "/unfreeze", me, nil, 404, "agent.unfreeze", "failed"},
		{"POST", "/v1/org/freeze", ag, nil, 403, "org.freeze", "denied"},
		{"POST", "/v1/org/freeze", me, nil, 200, "org.freeze", "success"},
		{"GET", agent + "/transactions", ag, nil, 403, "transaction.list", "denied"},
		{"POST", "/v1/org/unfreeze", me, nil, 204, "org.unfreeze", "success"},
		{"POST", "/v1/org/unfreeze", me, nil, 404, "org.unfreeze", "failed"},
		{"GET", agent + "/guard", ag, nil, 200, "agent.guard_read", "success"},
		{"PUT", agent + "/guard", me, object{"rules": object{"max_per_day": 7}}, 200, "agent.guard_update", "success"},
		{"PUT", agent + "/guard", me, object{"rules": object{"max_per_dya": 7}}, 400, "agent.guard_update", "failed"},
		{"PUT", agent + "/guard", ag, object{"rules": object{}}, 403, "agent.guard_update", "denied"},
		{"POST", agent + "/signing-keys/ethereum/rotate", me, nil, 404, "signing_key.rotate", "failed"},
		{"POST", agent + "/signing-keys", me, object{"chain": "ethereum"}, 201, "signing_key.create", "success"},
		{"POST", agent + "/signing-keys", ag, object{"chain": "ethereum"}, 403, "signing_key.create", "denied"},
		{"POST", agent + "/signing-keys/ethereum/import", me, object{"private_key": privateKey}, 409, "signing_key.create", "failed"},
		{"POST", agent + "/signing-keys/ethereum/import", me, object{"private_key": "x"}, 400, "signing_key.create", "failed"},
		{"POST", agent + "/signing-keys/ethereum/rotate", me, nil, 200, "signing_key.rotate", "success"},
		{"GET", agent + "/signing-keys", ag, nil, 200, "signing_key.list", "success"},
		{"POST", agent + "/bindings", me, s.goodBodies()["create-agent-binding"], 409, "agent.binding_create", "failed"},
		{"POST", agent + "/bindings", me, object{"name": "other", "binding_type": "http", "config": object{"base_url": "https://a.example"}}, 201, "agent.binding_create", "success"},
		{"POST", agent + "/bindings", me, object{"name": "other", "binding_type": "redis"}, 400, "agent.binding_create", "failed"},
		{"POST", agent + "/bindings", ag, s.goodBodies()["create-agent-binding"], 403, "agent.binding_create", "denied"},
		{"GET", agent + "/bindings", me, nil, 200, "agent.binding_list", "success"},
		{"GET", agent + "/bindings", ag, nil, 200, "agent.binding_list", "success"},
		{"GET", agent + "/bindings/" + ids["binding_id"], me, nil, 200, "agent.binding_read", "success"},
		{"GET", agent + "/bindings/" + nobodysID, me, nil, 404, "agent.binding_read", "failed"},
		{"PATCH", agent + "/bindings/" + ids["binding_id"], me, s.goodBodies()["update-agent-binding"], 200, "agent.binding_update", "success"},
		{"PATCH", agent + "/bindings/" + ids["binding_id"], ag, s.goodBodies()["update-agent-binding"], 403, "agent.binding_update", "denied"},
		{"POST", agent + "/bindings/" + ids["binding_id"] + "/rotate-credential", me, s.goodBodies()["rotate-agent-binding-credential"], 200, "agent.binding_rotate", "success"},
		{"POST", agent + "/bindings/" + ids["binding_id"] + "/rotate-credential", ag, s.goodBodies()["rotate-agent-binding-credential"], 403, "agent.binding_rotate", "denied"},
		{"POST", agent + "/bindings/" + ids["binding_id"] + "/test", ag, nil, 403, "agent.binding_test", "denied"},
		{"POST", agent + "/execute", ag, s.goodBodies()["execute"], 403, "agent.execute", "denied"},
		{"POST", agent + "/execute", me, s.goodBodies()["execute"], 403, "agent.execute", "denied"},
		{"GET", agent + "/executions", me, nil, 200, "agent.executions", "success"},
		{"DELETE", agent + "/bindings/" + ids["binding_id"], ag, nil, 403, "agent.binding_delete", "denied"},
		{"DELETE", agent + "/bindings/" + ids["binding_id"], me, nil, 204, "agent.binding_delete", "success"},
		{"POST", agent + "/router-keys", me, object{"name": "x"}, 201, "router_key.create", "success"},
		{"POST", agent + "/router-keys", me, object{"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, 400, "router_key.create", "failed"},
		{"POST", agent + "/router-keys", ag, object{"name": "x"}, 403, "router_key.create", "denied"},
		{"GET", agent + "/router-keys", me, nil, 200, "router_key.list", "success"},
		{"DELETE", agent + "/router-keys/" + ids["router_key_id"], ag, nil, 403, "router_key.revoke", "denied"},
		{"DELETE", agent + "/router-keys/" + ids["router_key_id"], me, nil, 204, "router_key.revoke", "success"},
		{"DELETE", agent + "/router-keys/" + nobodysID, me, nil, 404, "router_key.revoke", "failed"},
		{"GET", "/v1/shroud/attestation", "", nil, 200, "shroud.attestation", "success"},
		{"POST", agent + "/transactions", ag, payment("base"), 403, "transaction.submit", "denied"}, // not enabled
		{"PATCH", agent, me, object{"intents_api_enabled": true}, 200, "agent.update", "success"},
		{"POST", agent + "/guard/try", me, payment("base"), 422, "agent.guard_read", "failed"},
		{"GET", agent + "/signing-keys/ethereum/balance", me, nil, 422, "signing_key.balance", "failed"},
		{"POST", agent + "/sign", me, s.goodBodies()["sign-message"], 403, "transaction.sign_message", "denied"}, // no rule lets texts be signed
		{"POST", agent + "/sign", me, object{"intent_type": "eip712_digest", "chain": "base"}, 403, "transaction.sign_message", "denied"},
		{"POST", "/v1/agents/" + nobodysID + "/sign", me, object{"intent_type": "eip712_digest", "chain": "base"}, 404, "transaction.sign_message", "failed"},
		{"POST", agent + "/transactions/" + ids["transaction_id"] + "/replace", me, object{"mode": "cancel"}, 409, "transaction.replace", "failed"},
		{"POST", agent + "/transactions", me, payment("base"), 422, "transaction.submit", "failed"}, // no node is set
		{"POST", agent + "/transactions/sign", me, payment("none"), 404, "transaction.sign", "failed"},
		{"POST", agent + "/transactions/simulate", me, object{"to": "x", "value": "1", "chain": "base"}, 400, "transaction.simulate", "failed"},
		{"POST", agent + "/transactions/simulate-bundle", me, object{"transactions": []object{payment("base")}}, 422, "transaction.simulate", "failed"},
		{"GET", agent + "/transactions", me, nil, 200, "transaction.list", "success"},
		{"GET", agent + "/transactions/" + ids["transaction_id"], me, nil, 200, "transaction.read", "success"},
		{"GET", agent + "/transactions/" + ids["transaction_id"] + "/receipt", me, nil, 200, "transaction.read", "success"},
		{"GET", agent + "/transactions/" + nobodysID, me, nil, 404, "transaction.read", "failed"},
		{"DELETE", agent + "/signing-keys/ethereum", ag, nil, 403, "signing_key.delete", "denied"},
		{"DELETE", agent + "/signing-keys/ethereum", me, nil, 204, "signing_key.delete", "success"},
		{"POST", agent + "/rotate-key", me, nil, 200, "agent.rotate_key", "success"},
		{"GET", "/v1/agents/me", ag, nil, 401, "auth.failure", "denied"},
		{"DELETE", agent, me, nil, 204, "agent.deactivate", "success"},
		{"GET", "/v1/shroud/activity", me, nil, 200, "shroud.activity", "success"},
		{"GET", "/v1/shroud/activity?action=eaten", me, nil, 400, "shroud.activity", "failed"},
		{"GET", "/v1/shroud/threat-summary", me, nil, 200, "shroud.activity", "success"},
		{"GET", "/v1/shroud/activity/counts", me, nil, 200, "shroud.activity", "success"},
		{"GET", "/v1/audit/events", me, nil, 200, "audit.read", "success"},
		{"GET", "/v1/audit", me, nil, 200, "audit.read", "success"},
		{"GET", "/v1/audit/verify", me, nil, 200, "audit.verify", "success"},
		{"GET", "/v1/audit/export", me, nil, 200, "audit.verify", "success"},
		{"POST", "/v1/approvals", me, object{"vault_id": s.vault, "secret_path": "a/b"}, 201, "approval.request", "success"},
		{"GET", "/v1/approvals", me, nil, 200, "approval.list", "success"},
		{"GET", "/v1/approvals/" + nobodysID, me, nil, 404, "approval.read", "failed"},
		{"POST", "/v1/approvals/" + nobodysID + "/approve", me, nil, 404, "approval.approve", "failed"},
		{"POST", "/v1/approvals/" + nobodysID + "/deny", me, nil, 404, "approval.deny", "failed"},
		{"POST", "/v1/approvals/" + nobodysID + "/withdraw", me, nil, 404, "approval.withdraw", "failed"},
		{"PUT", "/v1/org/approval-webhook", me, object{"url": "https://example.com/hook"}, 200, "approval.webhook_update", "success"},
		{"GET", "/v1/org/approval-webhook", me, nil, 200, "approval.webhook_read", "success"},
		{"DELETE", "/v1/org/approval-webhook", me, nil, 204, "approval.webhook_update", "success"},
		{"POST", vault + "/cmek", me, object{"fingerprint": strings.Repeat("ab", 32)}, 409, "vault.cmek_enable", "failed"}, // the rekey waits
		{"POST", vault + "/cmek", me, object{"fingerprint": "x"}, 400, "vault.cmek_enable", "failed"},
		{"DELETE", vault + "/cmek", me, nil, 400, "vault.cmek_disable", "failed"},
		{"POST", vault + "/cmek-rotate", me, object{"new_fingerprint": "x"}, 400, "vault.cmek_rotate", "failed"},
		{"POST", vault + "/cmek-rotate", ag, object{"new_fingerprint": "x"}, 401, "auth.failure", "denied"}, // its key was rotated
		{"GET", vault + "/cmek-rotate/" + nobodysID, me, nil, 404, "vault.cmek_read", "failed"},
		{"POST", vault + "/rekey", me, nil, 409, "vault.rekey", "failed"},
		{"GET", vault + "/rekey/" + s.job, me, nil, 200, "vault.rekey_read", "success"},
		{"DELETE", vault, me, nil, 204, "vault.delete", "success"},
		{"POST", "/v1/agents/enroll", "", object{"name": "x", "human_email": "nobody@example.com"}, 201, "agent.enroll", "success"},
		{"POST", "/v1/agents/enroll", "", object{"name": "x", "human_email": "nobody@example.com"}, 429, "agent.enroll", "failed"},
		{"GET", "/v1/agents/enrollments", me, nil, 200, "agent.enroll_read", "success"},
		{"POST", "/v1/agents/enrollments/" + nobodysID + "/accept", me, object{}, 404, "agent.enroll_accept", "failed"},
		{"POST", "/v1/agents/enrollments/" + nobodysID + "/reject", me, nil, 404, "agent.enroll_reject", "failed"},
		{"POST", "/v1/auth/device/code", "", object{"client_id": "cli"}, 200, "auth.device_start", "success"},
		{"POST", "/v1/auth/device/code", "", object{"client_id": "<b>"}, 400, "auth.device_start", "failed"},
		{"POST", "/v1/auth/device/token", "", object{"device_code": "x", "grant_type": deviceGrant}, 200, "auth.failure", "denied"},
		{"GET", "/v1/auth/device/code/BCDF-GHJK", "", nil, 404, "auth.device_read", "failed"},
		{"POST", "/v1/auth/device/approve", me, object{"user_code": "BCDF-GHJK"}, 404, "auth.device_approve", "failed"},
		{"POST", "/v1/auth/device/deny", me, object{"user_code": "BCDF-GHJK"}, 404, "auth.device_deny", "failed"},
		{"POST", "/v1/auth/device/deny", ag, object{"user_code": "BCDF-GHJK"}, 401, "auth.failure", "denied"},

		{"GET", "/v1/org/members", me, nil, 200, "org.member_list", "success"},
		{"POST", "/v1/org/invite", me, object{"email": "zoe@example.com"}, 200, "org.invite", "success"},
		{"POST", "/v1/org/invite", me, object{"email": "zoe@example.com"}, 409, "org.invite", "failed"},
		{"POST", "/v1/org/invite", ag, object{"email": "zoe@example.com"}, 401, "auth.failure", "denied"},
		{"POST", "/v1/org/invitations/" + ids["invitation_id"] + "/resend", me, nil, 200, "org.invite", "success"},
		{"POST", "/v1/org/invitations/accept", me, object{"token": "x"}, 400, "org.invite_accept", "failed"},
		{"GET", "/v1/org/invitations", me, nil, 200, "org.invite_list", "success"},
		{"DELETE", "/v1/org/invitations/" + ids["invitation_id"], me, nil, 204, "org.invite_revoke", "success"},
		{"PATCH", "/v1/org/members/" + ids["user_id"], me, object{"role": "admin"}, 200, "org.member_update", "success"},
		{"PATCH", "/v1/org/members/" + s.ada.id, me, object{"role": "admin"}, 403, "org.member_update", "denied"},
		{"DELETE", "/v1/org/members/" + ids["user_id"], me, nil, 204, "org.member_remove", "success"},
		{"DELETE", "/v1/org/members/" + ids["user_id"], me, nil, 404, "org.member_remove", "failed"},
		{"GET", "/v1/auth/orgs", me, nil, 200, "user.read", "success"},
		{"POST", "/v1/auth/switch-org", me, object{"org_id": nobodysID}, 404, "auth.switch_org", "failed"},
		{"POST", "/v1/auth/switch-org", me, object{"org_id": s.ada.org}, 200, "auth.switch_org", "success"},
		{"POST", "/v1/webhooks", me, s.goodBodies()["create-webhook"], 201, "webhook.create", "success"},
		{"POST", "/v1/webhooks", me, object{"url": "https://example.com/x", "events": []string{"secret.red"}}, 400, "webhook.create", "failed"},
		{"GET", "/v1/webhooks", me, nil, 200, "webhook.list", "success"},
		{"GET", "/v1/webhooks/" + ids["webhook_id"], me, nil, 200, "webhook.read", "success"},
		{"PATCH", "/v1/webhooks/" + ids["webhook_id"], me, object{"is_active": false}, 200, "webhook.update", "success"},
		{"DELETE", "/v1/webhooks/" + ids["webhook_id"], me, nil, 204, "webhook.delete", "success"},
		{"GET", "/v1/shroud/activity/" + ids["activity_id"] + "/text", me, nil, 200, "shroud.text", "success"},
		{"GET", "/v1/shroud/activity/" + ids["activity_id"] + "/text", ag, nil, 401, "auth.failure", "denied"},
		{"GET", "/v1/security/ip-rules", me, nil, 200, "ip_rule.list", "success"},
		{"POST", "/v1/security/ip-rules", me, object{"rule_type": "deny", "cidr": "0.0.0.0/0"}, 409, "ip_rule.create", "failed"},
		{"POST", "/v1/security/ip-rules", me, object{"rule_type": "deny", "cidr": "10.0.0.0/8"}, 201, "ip_rule.create", "success"},
		{"DELETE", "/v1/security/ip-rules/" + ids["rule_id"], me, nil, 204, "ip_rule.delete", "success"},
		{"GET", "/v1/auth/sessions", me, nil, 200, "auth.session_list", "success"},
		{"DELETE", "/v1/auth/sessions/" + ids["session_id"], me, nil, 204, "auth.session_end", "success"},
		{"DELETE", "/v1/auth/sessions/" + ids["session_id"], me, nil, 404, "auth.session_end", "failed"},
		{"DELETE", "/v1/auth/sessions?keep_current=true", me, nil, 204, "auth.session_end", "success"},
		{"GET", "/v1/nope", me, nil, 404, "request.unknown", "failed"},
		{"DELETE", "/v1/auth/token", me, nil, 204, "auth.revoke", "success"},
	}
	covered := map[string]bool{}
	for _, e := range s.walk(steps) {
		covered[e.action] = true
	}
	for _, op := range s.operations() {
		if !covered[string(op.action)] && op.action != policy.ReadHealth {
			t.Errorf("%s has no step here", op)
		}
	}
	if report := s.do("GET", "/v1/audit/verify", s.ada.login(), nil).want(200).json(); report["ok"] != true {
		t.Errorf("the chain does not verify: %v", report)
	}
}

// An audit line and the error bodies, as others read them.
func TestGoldenLines(t *testing.T) {
	s := openSession(t, rest.OneByOne)
	var out bytes.Buffer
	ids := map[string]string{s.ada.id: "ADA", s.ada.org: "ORG", s.vault: "VAULT", s.worker.id: "WORKER", s.policy: "POLICY", s.key: "KEY"}
	tokenID := regexp.MustCompile(`"token_id":"[^"]*"`)
	secret := secretAt(s.vault, "a/b")
	long := strings.Repeat("x", 6<<20)
	limited := open(t, func(s *setup) { s.Limits.Address = ratelimit.Rate{PerSecond: 1, Burst: 1} })
	limited.do("GET", "/v1/auth/me", "", nil)
	for _, c := range []struct {
		what string
		w    *world
		step
	}{
		{"a read", s.world, step{method: "GET", target: secret, token: s.worker.token}},
		{"a write", s.world, step{method: "PUT", target: secret, token: s.ada.token, body: object{"value": "x"}}},
		{"a denied read", s.world, step{method: "GET", target: secretAt(s.vault, "c"), token: s.worker.token}},
		{"no credential", s.world, step{method: "GET", target: secret}},
		{"a bad token", s.world, step{method: "GET", target: secret, token: "x"}},
		{"a wrong password", s.world, step{method: "POST", target: "/v1/auth/token", body: object{"email": s.ada.email, "password": "x"}}},
		{"not JSON", s.world, step{method: "PUT", target: secret, token: s.ada.token, body: `{"value":`}},
		{"a key twice", s.world, step{method: "PUT", target: secret, token: s.ada.token, body: `{"value":"a","value":"b"}`}},
		{"a missing field", s.world, step{method: "PUT", target: secret, token: s.ada.token, body: object{}}},
		{"wrong types", s.world, step{method: "PUT", target: secret, token: s.ada.token, body: object{"value": 1, "type": "x", "metadata": []int{}}}},
		{"too large", s.world, step{method: "PUT", target: secret, token: s.ada.token, body: long}},
		{"a bad path", s.world, step{method: "GET", target: secretAt(s.vault, "a..b"), token: s.ada.token}},
		{"no such secret", s.world, step{method: "GET", target: secretAt(s.vault, "none"), token: s.ada.token}},
		{"no such vault", s.world, step{method: "GET", target: secretAt(nobodysID, "a"), token: s.ada.token}},
		{"a name that is taken", s.world, step{method: "POST", target: "/v1/vaults", token: s.ada.token, body: object{"name": "main"}}},
		{"another verb", s.world, step{method: "PATCH", target: secret, token: s.ada.token}},
		{"another path", s.world, step{method: "GET", target: "/v1/nope", token: s.ada.token}},
		{"too often", limited, step{method: "GET", target: "/v1/auth/me"}},
	} {
		fmt.Fprintf(&out, "# %s\n", c.what)
		for _, e := range c.w.during(func() {
			if r := c.w.do(c.method, c.target, c.token, c.body); r.status >= 400 {
				fmt.Fprintf(&out, "%d %s\n", r.status, r.body)
			} else {
				fmt.Fprintf(&out, "%d\n", r.status)
			}
		}) {
			line := fmt.Sprintf("%s %s:%s %s:%s %s %s %s", e.action, e.actorKind, e.actor, e.resourceType, e.resource, e.org, e.ip, e.details)
			for id, name := range ids {
				line = strings.ReplaceAll(line, id, name)
			}
			fmt.Fprintln(&out, tokenID.ReplaceAllString(line, `"token_id":"TOKEN"`))
		}
	}
	golden(t, "testdata/errors_and_events.txt", out.Bytes())
}

func TestAPanicIsAnswered500AndLogged(t *testing.T) {
	s := openSession(t, rest.OneByOne)
	const canary = "canary-in-a-panic"
	s.API.AddRoute("GET", "/v1/test/panic", policy.ReadUser, func(http.ResponseWriter, *http.Request) { panic(canary) })
	s.API.AddRoute("GET", "/v1/test/late", policy.ReadUser, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write([]byte("half"))
		panic(canary)
	})
	s.API.AddRoute("GET", "/v1/test/abort", policy.ReadUser, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, e := range s.walk([]step{{"GET", "/v1/test/panic", s.ada.token, nil, 500, "user.read", "error"}}) {
		if e.actor != s.ada.id {
			t.Errorf("event %v", e)
		}
	}
	for _, path := range []string{"/v1/test/late", "/v1/test/abort"} {
		aborted := false
		events := s.during(func() {
			defer func() {
				err, _ := recover().(error)
				aborted = errors.Is(err, http.ErrAbortHandler)
			}()
			s.do("GET", path, s.ada.token, nil)
		})
		if !aborted || len(events) != 1 {
			t.Errorf("%s: aborted %v, events %v", path, aborted, events)
		}
	}
	if r := s.do("GET", "/v1/test/panic", s.ada.token, nil); bytes.Contains(r.body, []byte(canary)) {
		t.Errorf("got %s", r.body)
	}
	if strings.Contains(s.Log.String(), canary) {
		t.Error("the log repeats what a handler panicked with")
	}
	if !strings.Contains(s.Log.String(), "a handler panicked") {
		t.Error("a panic is not in the server's log")
	}
}

func TestAClientThatIsGoneLeavesItsEvent(t *testing.T) {
	s := openSession(t, rest.OneByOne)
	for _, c := range []struct{ method, target, action string }{
		{"GET", secretAt(s.vault, "a/b"), "secret.read"},
		{"GET", "/v1/vaults/" + s.vault + "/secrets", "secret.list"},
		{"PUT", secretAt(s.vault, "a/b"), "secret.write"},
		{"GET", "/v1/vaults", "vault.list"},
	} {
		var gone reply
		events := s.during(func() {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			r, _ := request(t, c.method, c.target, s.ada.token, object{"value": "x"})
			gone = s.serve(r.WithContext(ctx))
		})
		if len(events) != 1 || events[0].detail("reason") != "request_cancelled" {
			t.Errorf("%s %s -> %d left %v", c.method, c.target, gone.status, events)
		}
	}
	silent := false
	s.API.AddRoute("GET", "/v1/test/silent", policy.ReadUser, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		silent = true
	})
	events := s.during(func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r, _ := request(t, "GET", "/v1/test/silent", s.ada.token, nil)
		s.serve(r.WithContext(ctx))
	})
	if len(events) != 1 || !silent || !strings.Contains(events[0].details, `"status":499`) {
		t.Errorf("left %v", events)
	}
}

func TestAnonymousRefusalsAreCountedTogether(t *testing.T) {
	var counts *audit.Coalescer
	w := open(t, func(s *setup) {
		s.Events = func(w *kit.World) gate.Events {
			counts = audit.NewCoalescer(w.DB, w.Clock.Now, nil)
			return counts
		}
	})
	events := w.during(func() {
		for range 100 {
			w.do("GET", "/v1/vaults", "x", nil).want(401)
			w.do("POST", "/v1/auth/agent-token", "", object{"api_key": "ocv_x"}).want(401)
			w.do("GET", "/v1/vaults", "x", nil, from("[2001:db8::1]:1")).want(401)
		}
	})
	if len(events) != 3 {
		t.Errorf("300 refused requests of 2 addresses and 2 kinds left %d events: %v", len(events), events)
	}
	// The rest is written as counts when the server ends, or a minute is over.
	events = w.during(func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		counts.Run(ctx)
	})
	if len(events) != 3 {
		t.Fatalf("left %v", events)
	}
	for _, e := range events {
		if !strings.Contains(e.details, `"count":99`) || e.action != "auth.failure" {
			t.Errorf("event %v", e)
		}
	}
}

// A real server ends a request whose client went away in the middle of a body.
func TestABrokenBodyIsTheClientsFault(t *testing.T) {
	s := openSession(t, rest.OneByOne)
	statuses := make(chan int, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		s.API.ServeHTTP(rec, r)
		statuses <- rec.Code
		w.WriteHeader(rec.Code)
	}))
	t.Cleanup(server.Close)
	for name, rest := range map[string]string{
		"a body cut short":    "Content-Length: 100\r\n\r\n{\"value\":",
		"a chunk of nonsense": "Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
		"a chunk cut short":   "Transfer-Encoding: chunked\r\n\r\nff\r\n{}",
	} {
		events := s.during(func() {
			send(t, server, "PUT "+secretAt(s.vault, "a/b")+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+s.ada.token+"\r\n"+rest)
			if status := <-statuses; status != http.StatusBadRequest {
				t.Errorf("%s: got %d", name, status)
			}
		})
		if len(events) != 1 || events[0].detail("outcome") != "failed" {
			t.Errorf("%s left %v", name, events)
		}
	}
	if slices.ContainsFunc(s.events(), func(e event) bool { return e.detail("outcome") == "error" }) {
		t.Error("the log says that the server failed")
	}
}

// A client that hangs up is no failure of the server.
func TestAClientThatHangsUpIsNoError(t *testing.T) {
	s := open(t)
	ada := s.signup("ada")
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/vaults", nil)
	r.Header.Set("Authorization", "Bearer "+ada.token)
	s.API.ServeHTTP(httptest.NewRecorder(), r)
	if log := s.Log.String(); strings.Contains(log, "level=ERROR") || !strings.Contains(log, "a client hung up") {
		t.Errorf("the log:\n%s", log)
	}
}
