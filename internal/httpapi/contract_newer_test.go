package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/idp"
)

// Newer clients name an action and its target, and decide with approve and reject.
func TestApprovalsInNewerClientsWords(t *testing.T) {
	g := openGated(t, true)
	ask := object{"action": "secret.read", "target_type": "secret", "target_id": g.vault + "/gated/one", "summary": object{"why": "x"}, "reason": "deploy", "risk_tier": "low"}
	const at = "/v1/approvals/request"
	r := g.do("POST", at, g.worker.token, ask).want(http.StatusAccepted)
	for field, want := range map[string]any{
		"status": "pending", "vault_id": g.vault, "secret_path": "gated/one", "operation": "read", "policy_id": g.policy, "reason": "deploy",
		"org_id": g.ada.org, "user_id": g.ada.id, "agent_id": g.worker.id, "action": "secret.read", "target_type": "secret",
		"target_id": g.vault + "/gated/one", "risk_tier": "medium",
	} {
		if got := r.json()[field]; got != want {
			t.Errorf("%s is %v, want %v", field, got, want)
		}
	}
	if r.str("summary", "secret_path") != "gated/one" {
		t.Errorf("the summary is %s", r.body)
	}
	same := g.do("POST", at, g.worker.token, object{"action": "read", "target_type": "secret", "target_id": "gated/one", "summary": object{"vault_id": g.vault}}).want(202)
	if same.str("id") != r.str("id") {
		t.Error("the same read was asked for twice")
	}
	if today := g.do("POST", at, g.worker.token, object{"vault_id": g.vault, "secret_path": "gated/one"}).want(201); today.str("id") != r.str("id") {
		t.Error("today's words ask for something else")
	}
	for _, bad := range []object{
		{}, {"action": "secret.read"}, {"action": "secret.read", "target_type": "secret", "target_id": "gated/one", "summary": object{}},
		{"action": "vault.delete", "target_type": "secret", "target_id": g.vault + "/gated/one", "summary": object{}},
		{"action": "secret.read", "target_type": "vault", "target_id": g.vault, "summary": object{}},
		{"action": "secret.read", "target_type": "secret", "target_id": g.vault, "summary": object{}},
		{"action": "secret.read", "target_type": "secret", "target_id": g.vault + "/gated/one", "vault_id": g.vault},
	} {
		g.do("POST", at, g.worker.token, bad).want(400)
	}

	one := "/v1/approvals/" + r.str("id")
	g.do("GET", one+"/decide?decision=approve", g.ada.token, nil).want(405)
	g.do("POST", one+"/decide", g.worker.token, object{"decision": "approve"}).want(403)
	key := g.do("POST", "/v1/auth/api-keys", g.ada.token, object{"name": "k"}).want(201).str("api_key")
	g.do("POST", one+"/decide", key, object{"decision": "approve"}).want(403, "person_required")
	log := g.during(func() {
		done := g.do("POST", one+"/decide", g.ada.token, object{"decision": "reject", "reason": "not now"}).want(200)
		if done.str("status") != "denied" || done.str("decision_reason") != "not now" || done.str("decided_by") != g.ada.id {
			t.Errorf("decided: %s", done.body)
		}
	})
	if len(log) != 1 || log[0].action != "approval.deny" || log[0].detail("outcome") != "success" {
		t.Errorf("the log says %v", log)
	}
	if got := g.do("GET", "/v1/approvals?status=rejected", g.ada.token, nil).want(200).list("approvals"); len(got) != 1 || got[0]["action"] != "secret.read" {
		t.Errorf("the rejected ones are %v", got)
	}
	next := g.do("POST", at, g.worker.token, object{"action": "write", "target_type": "secret", "target_id": g.vault + "/gated/two", "summary": object{}}).want(202)
	if next.str("risk_tier") != "high" || next.str("operation") != "write" {
		t.Errorf("to write: %s", next.body)
	}
	g.do("POST", "/v1/approvals/"+next.str("id")+"/decide", g.ada.token, object{"decision": "approve"}).want(200)
	all := g.do("GET", "/v1/approvals", g.ada.token, nil).want(200).list("approvals")
	for i, want := range all {
		page := g.do("GET", "/v1/approvals?limit=1&offset="+itoa(i), g.ada.token, nil).want(200).list("approvals")
		if len(page) != 1 || page[0]["id"] != want["id"] {
			t.Errorf("page %d is %v", i, page)
		}
	}
	if len(all) != 2 || len(g.do("GET", "/v1/approvals?offset=2", g.ada.token, nil).want(200).list("approvals")) != 0 {
		t.Errorf("%d approvals", len(all))
	}
}

func TestAuditVerifyInNewerClientsWords(t *testing.T) {
	s := openSession(t)
	const at = "/v1/audit/verify"
	whole := s.do("GET", at, s.ada.token, nil).want(200)
	fields(t, "a scheme", whole.json()["scheme"].(object), "algorithm", "chain_structure", "hash_field", "link_field", "documentation")
	o := whole.json()
	if o["chain_valid"] != true || o["ok"] != true || o["events_checked"] != o["events"] || o["events_verified"] != o["events"] {
		t.Errorf("the log is %s", whole.body)
	}
	before := s.Clock.Now()
	s.Clock.Forward(1 << 32)
	s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(200)
	later := url.QueryEscape(s.Clock.Now().Format("2006-01-02T15:04:05.999999Z07:00"))
	number(t, s.do("GET", at+"?from="+later, s.ada.token, nil).want(200).json(), "events_checked", 1)
	number(t, s.do("GET", at+"?limit=2", s.ada.token, nil).want(200).json(), "events_verified", 2)
	s.do("GET", at+"?limit=0", s.ada.token, nil).want(400)

	s.Exec(`UPDATE audit_events SET actor_id = 'nobody' WHERE org_id = ? AND seq = 3`, s.ada.org)
	bad := s.do("GET", at+"?full=true", s.ada.token, nil).want(200)
	number(t, bad.json(), "events_verified", 2)
	number(t, bad.json(), "events_checked", 3)
	if bad.json()["chain_valid"] != false || bad.str("broken_at_event_id") != bad.str("first_bad_event_id") || bad.str("broken_at_event_id") == "" {
		t.Errorf("the altered log is %s", bad.body)
	}
	until := url.QueryEscape(before.Format("2006-01-02T15:04:05.999999Z07:00"))
	if part := s.do("GET", at+"?full=true&limit=1&to="+until, s.ada.token, nil).want(200); part.json()["chain_valid"] != false {
		t.Errorf("a part of a broken log is said to be valid: %s", part.body)
	}
}

// A token exchange of RFC 8693, for this server alone.
func TestAFederatedToken(t *testing.T) {
	f := idp.NewForge(t)
	s := openSession(t, trusting(f.Issuer, client), func(s *setup) {
		before := s.Agents
		s.Agents = func(c *agent.Config) { before(c); c.Audiences = append(c.Audiences, "https://vault.example") }
	})
	const exchange, key, jwt = "urn:ietf:params:oauth:grant-type:token-exchange", "urn:1claw:params:oauth:token-type:api-key", "urn:ietf:params:oauth:token-type:jwt"
	good := func(more object) object {
		o := object{"grant_type": exchange, "subject_token": s.worker.key, "subject_token_type": key, "audience": "https://vault.example"}
		for k, v := range more {
			o[k] = v
		}
		return o
	}
	ask := func(body any, change ...func(*http.Request)) reply {
		return s.do("POST", "/v1/auth/federated-token", "", body, change...)
	}
	log := s.during(func() {
		r := ask(good(nil)).want(200)
		fields(t, "the answer", r.json(), "access_token", "token_type", "expires_in", "issued_token_type", "scope")
		if r.str("issued_token_type") != jwt || r.str("token_type") != "Bearer" || r.str("scope") != "a/*" {
			t.Errorf("the answer is %v", r.json()["scope"])
		}
		s.do("GET", secretAt(s.vault, "a/b"), r.str("access_token"), nil).want(200)
	})
	if len(log) != 2 || log[0].action != "auth.success" || log[0].actor != s.worker.id {
		t.Errorf("the log says %v", log)
	}
	personal := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k2", "scopes": []string{"vault:read"}}).want(201).str("api_key")
	if r := ask(good(object{"subject_token": personal, "scope": "vault:read"})).want(200); r.str("scope") != "vault:read" {
		t.Errorf("for a personal key: scope %v", r.json()["scope"])
	}
	whole := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k3"}).want(201).str("api_key")
	if r := ask(good(object{"subject_token": whole})).want(200); r.json()["scope"] != nil {
		t.Errorf("for a key without scopes: scope %v", r.json()["scope"])
	}
	bare := s.ada.agent(object{"name": "bare"})
	for who, key := range map[string]string{s.ada.id: whole, bare.id: bare.key} {
		refused := s.during(func() { ask(good(object{"subject_token": key, "scope": "audit:read"})).want(400, "invalid_scope") })
		if len(refused) != 1 || refused[0].action != "auth.failure" || refused[0].actor != who || refused[0].detail("reason") != "invalid_scope" ||
			refused[0].detail("outcome") != "failed" || refused[0].detail("token_id") != "" {
			t.Errorf("no token was issued, and the log says %v", refused)
		}
	}
	s.ada.worker(f, subject, nil)
	token := f.Sign("first", s.asserts(f, nil))
	ask(good(object{"subject_token": token, "subject_token_type": jwt})).want(200)
	form := url.Values{"grant_type": {exchange}, "subject_token": {token}, "subject_token_type": {jwt}, "audience": {"https://vault.example"}}
	ask(form.Encode(), header("Content-Type", "application/x-www-form-urlencoded")).want(200)

	for _, c := range []struct {
		more   object
		status int
		code   string
	}{
		{object{"audience": "https://other.example"}, 400, "invalid_target"},
		{object{"audience": ""}, 400, "invalid_target"},
		{object{"grant_type": "client_credentials"}, 400, "unsupported_grant_type"},
		{object{"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, 400, "unsupported_token_type"},
		{object{"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, 400, "unsupported_token_type"},
		{object{"actor_token": "x"}, 400, "invalid_request"},
		{object{"scope": "prod/**"}, 400, "invalid_scope"},
		{object{"subject_token": s.worker.key + "x"}, 401, "unauthenticated"},
		{object{"subject_token": s.worker.key, "subject_token_type": jwt}, 401, "unauthenticated"},
		{object{"subject_token": token}, 401, "unauthenticated"},
		{object{"subject_token": f.Sign("first", s.asserts(f, idp.Claims{"aud": "other"})), "subject_token_type": jwt}, 401, "unauthenticated"},
	} {
		if r := ask(good(c.more)).want(c.status, c.code); strings.Contains(string(r.body), s.worker.key) {
			t.Errorf("%v: the answer shows the key", c.more)
		}
	}
}

// The word admin of other servers is refused with what there is in its place.
func TestThePermissionAdminIsRefusedWithAReason(t *testing.T) {
	s := openSession(t)
	for _, r := range []reply{
		s.do("POST", "/v1/vaults/"+s.vault+"/policies", s.ada.token, object{
			"secret_path_pattern": "x/*", "principal_type": "agent", "principal_id": s.worker.id, "permissions": []string{"read", "admin"},
		}),
		s.do("PUT", "/v1/vaults/"+s.vault+"/policies/"+s.policy, s.ada.token, object{"permissions": []string{"admin"}}),
	} {
		r.want(400, "invalid_permissions")
		if !strings.Contains(r.str("detail"), "read, use, write and delete") || !strings.Contains(r.str("detail"), "creator") {
			t.Errorf("the reason is %s", r.body)
		}
	}
}

// What cancels approvals is told where it is made: to grant round a gate, and to gate what is
// granted already.
func TestACancelledApprovalIsWarnedOf(t *testing.T) {
	g := openGated(t, true)
	at := "/v1/vaults/" + g.vault + "/policies"
	other := g.ada.agent(object{"name": "other"})
	grant := func(to *robot, pattern string, more object, change ...func(*http.Request)) []any {
		body := object{"secret_path_pattern": pattern, "principal_type": "agent", "principal_id": to.id, "permissions": []string{"read"}}
		for k, v := range more {
			body[k] = v
		}
		list, _ := g.do("POST", at, g.ada.login(), body, change...).want(201).json()["warnings"].([]any)
		return list
	}
	says := func(what string, got []any, words ...string) {
		t.Helper()
		if len(got) != 1 {
			t.Errorf("%s: the warnings are %v", what, got)
			return
		}
		for _, w := range words {
			if !strings.Contains(got[0].(string), w) {
				t.Errorf("%s: the warning is %q, without %q", what, got[0], w)
			}
		}
	}
	if got := grant(other, "free/*", nil); got != nil {
		t.Errorf("a grant that cancels nothing is warned of: %v", got)
	}
	says("another's grant", grant(other, "gated/*", nil), g.policy, "gated/*", "another principal")
	g.read("gated/one").want(403, "approval_required")
	if got := grant(g.worker, "gated/one", nil, header("User-Agent", "OpenAPI-Generator/1.0/go")); got != nil {
		t.Errorf("a client that refuses unknown fields gets %v", got)
	}
	g.read("gated/one").want(200)
	says("a gate over a grant", grant(other, "free/*", asks(true)), "without one", "free/*")

	says("a wider grant", grant(g.worker, "gated/*", nil), g.policy, "the same principal")

	policy := g.ada.grant(g.vault, other, "gated/x", object{"expires_at": "2027-01-01T00:00:00Z"}, "read")
	list, _ := g.do("PUT", at+"/"+policy, g.ada.login(), object{"permissions": []string{"write"}}).want(200).json()["warnings"].([]any)
	says("a change", list, g.policy, "another principal")
}
