package httpapi_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// contractRoutes are the routes of the contract, a row each: sections 1 to 16,
// approvals, and the aliases that clients use beside them.
const contractRoutes = `
POST   /v1/auth/token
DELETE /v1/auth/token
POST   /v1/auth/agent-token
POST   /v1/auth/api-key-token
POST   /v1/auth/refresh
GET    /v1/auth/jwt-public-key
POST   /v1/auth/signup
POST   /v1/auth/verify-email
POST   /v1/auth/google
POST   /v1/auth/change-password
GET    /v1/auth/me
PATCH  /v1/auth/me
DELETE /v1/auth/me
GET    /v1/auth/mfa/status
POST   /v1/auth/mfa/setup
POST   /v1/auth/mfa/verify-setup
POST   /v1/auth/mfa/verify
DELETE /v1/auth/mfa
POST   /v1/auth/device/code
POST   /v1/auth/device/token
GET    /v1/auth/device/code/{}
POST   /v1/auth/device/approve
POST   /v1/auth/device/deny

POST   /v1/auth/api-keys
GET    /v1/auth/api-keys
DELETE /v1/auth/api-keys/{}

POST   /v1/vaults
GET    /v1/vaults
GET    /v1/vaults/{}
DELETE /v1/vaults/{}
POST   /v1/vaults/{}/cmek
DELETE /v1/vaults/{}/cmek
POST   /v1/vaults/{}/cmek-rotate
GET    /v1/vaults/{}/cmek-rotate/{}

PUT    /v1/vaults/{}/secrets/{}
GET    /v1/vaults/{}/secrets/{}
DELETE /v1/vaults/{}/secrets/{}
POST   /v1/vaults/{}/secrets/{}
GET    /v1/vaults/{}/secrets

POST   /v1/vaults/{}/policies
GET    /v1/vaults/{}/policies
PUT    /v1/vaults/{}/policies/{}
DELETE /v1/vaults/{}/policies/{}

POST   /v1/agents/enroll
POST   /v1/agents
GET    /v1/agents
GET    /v1/agents/me
GET    /v1/agents/{}
PATCH  /v1/agents/{}
DELETE /v1/agents/{}
POST   /v1/agents/{}/rotate-key
POST   /v1/agents/{}/rotate-identity-keys
POST   /v1/agents/{}/token

POST   /v1/agents/{}/transactions
GET    /v1/agents/{}/transactions
GET    /v1/agents/{}/transactions/{}
POST   /v1/agents/{}/transactions/simulate
POST   /v1/agents/{}/transactions/simulate-bundle
POST   /v1/agents/{}/transactions/sign

GET    /v1/chains
GET    /v1/chains/{}
GET    /v1/admin/chains
POST   /v1/admin/chains
PUT    /v1/admin/chains/{}
DELETE /v1/admin/chains/{}
POST   /v1/admin/chains/{}/restart

POST   /v1/secrets/{}/share
GET    /v1/share/{}
DELETE /v1/share/{}
GET    /v1/shares/outbound
GET    /v1/shares/inbound
POST   /v1/shares/{}/accept
POST   /v1/shares/{}/decline
POST   /v1/shares
GET    /v1/shares
GET    /v1/shares/{}
DELETE /v1/shares/{}
POST   /v1/shares/{}/access

GET    /v1/org/members
POST   /v1/org/invite
PATCH  /v1/org/members/{}
DELETE /v1/org/members/{}

GET    /v1/shroud/activity
GET    /v1/shroud/threat-summary
GET    /v1/shroud/attestation
POST   /v1/agents/{}/bindings
GET    /v1/agents/{}/bindings
GET    /v1/agents/{}/bindings/{}
PATCH  /v1/agents/{}/bindings/{}
DELETE /v1/agents/{}/bindings/{}
POST   /v1/agents/{}/bindings/{}/test
POST   /v1/agents/{}/bindings/{}/rotate-credential
POST   /v1/agents/{}/execute
GET    /v1/agents/{}/executions
POST   /v1/agents/{}/router-keys
GET    /v1/agents/{}/router-keys
DELETE /v1/agents/{}/router-keys/{}

GET    /v1/audit/events
GET    /v1/audit

GET    /v1/vaults/{}/env-vars
POST   /v1/vaults/{}/env-vars
GET    /v1/vaults/{}/env-vars/{}
PATCH  /v1/vaults/{}/env-vars/{}
DELETE /v1/vaults/{}/env-vars/{}
GET    /v1/vaults/{}/env-vars/resolve
GET    /v1/webhooks
POST   /v1/webhooks
GET    /v1/webhooks/{}
PATCH  /v1/webhooks/{}
DELETE /v1/webhooks/{}
GET    /v1/security/ip-rules
POST   /v1/security/ip-rules
DELETE /v1/security/ip-rules/{}

GET    /v1/billing/usage
GET    /v1/billing/history
GET    /v1/billing/subscription
GET    /v1/billing/credits/balance
GET    /v1/billing/credits/transactions
PATCH  /v1/billing/overage-method
POST   /v1/billing/subscribe
POST   /v1/billing/credits/topup
POST   /v1/billing/portal
POST   /v1/billing/webhooks

GET    /v1/admin/settings
PUT    /v1/admin/settings/{}
DELETE /v1/admin/settings/{}
GET    /v1/admin/x402
PUT    /v1/admin/x402
GET    /v1/admin/users
DELETE /v1/admin/users/{}
GET    /v1/admin/orgs/{}/limits
PUT    /v1/admin/orgs/{}/limits
PUT    /v1/admin/orgs/{}/billing-tier

GET    /v1/health
GET    /v1/health/hsm

POST   /v1/approvals
GET    /v1/approvals
GET    /v1/approvals/{}
POST   /v1/approvals/{}/approve
POST   /v1/approvals/{}/deny
`

func TestEveryRouteOfTheContractIsThere(t *testing.T) {
	w := open(t)
	var have []string
	for _, op := range w.operations() {
		have = append(have, op.method+" "+pathParam.ReplaceAllString(op.path, "{}"))
	}
	rows := 0
	for line := range strings.Lines(contractRoutes) {
		row := strings.Fields(line)
		if len(row) == 0 {
			continue
		}
		rows++
		if name := row[0] + " " + row[1]; !slices.Contains(have, name) {
			t.Errorf("%s is missing", name)
		}
	}
	if rows < 95 {
		t.Errorf("only %d rows", rows)
	}
}

// Clients of later versions send fields that nobody here knows.
func TestUnknownFieldsOfRequestsAreIgnoredEverywhere(t *testing.T) {
	s := openSession(t)
	for _, op := range s.operations() {
		good, known := s.goodBodies()[op.OperationID]
		if !op.takesBody() || !known || ends[op.OperationID] {
			continue
		}
		more := maps.Clone(good)
		more["later_field"], more["later_object"], more["later_list"], more["later_null"] = canary, object{"x": object{"y": 1}}, []any{1, "x"}, nil
		plain, changed := s.do(op.method, s.target(op), s.ada.token, good), s.do(op.method, s.target(op), s.ada.token, more)
		again := changed.status == http.StatusConflict || changed.status == http.StatusTooManyRequests || // the second of its kind
			answers[op.OperationID] && changed.status == http.StatusNotFound
		if plain.status != changed.status && !(plain.status < 300 && again) {
			t.Errorf("%s: %d, with fields that are not known %d: %.300s", op, plain.status, changed.status, changed.body)
		}
		if changed.status == http.StatusBadRequest && changed.json()["code"] == "invalid_request" && plain.json()["code"] != "invalid_request" {
			t.Errorf("%s refuses fields that are not known: %.300s", op, changed.body)
		}
		if strings.Contains(string(changed.body), canary) {
			t.Errorf("%s shows a field that is not known: %.300s", op, changed.body)
		}
	}
}

// answers are the operations after which there is nothing to answer any more.
var answers = map[string]bool{"accept-enrollment": true, "reject-enrollment": true, "unfreeze-agent": true, "unfreeze-org": true}

// ends are the operations whose success would end the session.
var ends = map[string]bool{"change-password": true}

// The TypeScript SDK sends Content-Type with every request, also without a body.
func TestAContentTypeWithoutABodyIsNoFault(t *testing.T) {
	s := openSession(t)
	asJSON := header("Content-Type", "application/json")
	for _, op := range s.operations() {
		if op.method == http.MethodDelete || ends[op.OperationID] || op.OperationID == "rotate-agent-key" || op.OperationID == "rotate-identity-keys" {
			continue
		}
		bare, typed := s.do(op.method, s.target(op), s.ada.token, nil), s.do(op.method, s.target(op), s.ada.token, nil, asJSON)
		again := typed.status == http.StatusConflict || answers[op.OperationID] && typed.status == http.StatusNotFound
		if bare.status != typed.status && !(bare.status < 300 && again) {
			t.Errorf("%s: %d, with a Content-Type %d: %.300s", op, bare.status, typed.status, typed.body)
		}
		if !op.takesBody() && typed.status == http.StatusBadRequest {
			switch typed.json()["code"] {
			case "no_refresh", "rotation_not_implemented":
			default:
				t.Errorf("%s needs no body, and is refused without: %.300s", op, typed.body)
			}
		}
		if len(typed.body) == 0 && typed.status != http.StatusNoContent {
			t.Errorf("%s: %d without a body", op, typed.status)
		}
	}
}

// A newcomer's id in the wrong form, or of nothing, is not found.
func TestIDsOfNothingAnswer404(t *testing.T) {
	s := openSession(t)
	for _, op := range s.operations() {
		if !strings.Contains(op.path, "_id}") || op.action.Public() || op.OperationID == "rotate-secret" {
			continue
		}
		for _, id := range []string{nobodysID, "7", "not-an-id"} {
			ids := s.ids()
			for name := range ids {
				if strings.HasSuffix(name, "_id") {
					ids[name] = id
				}
			}
			var body any
			if good, ok := s.goodBodies()[op.OperationID]; ok {
				body = good
			} else if op.takesBody() {
				body = object{}
			}
			token := s.ada.token
			if op.OperationID == "withdraw-secret-request" { // it is for agents
				token = s.worker.token
			}
			r := s.do(op.method, fill(op.path, ids), token, body)
			if r.status != http.StatusNotFound && !(r.status == http.StatusForbidden && strings.HasPrefix(op.path, "/v1/admin/")) {
				t.Errorf("%s with the id %s: %d %.300s", op, id, r.status, r.body)
			}
		}
	}
}

// Clients build a query of all that they might filter by, and leave empty what
// nobody asked for.
func TestAnEmptyParameterIsNone(t *testing.T) {
	s := openSession(t)
	asked := 0
	for _, op := range s.operations() {
		query := url.Values{}
		for _, p := range op.Parameters {
			if p.In == "query" && !p.Required {
				query.Set(p.Name, "")
			}
		}
		if len(query) == 0 || op.OperationID == "end-sessions" { // which ends the login that asks
			continue
		}
		asked++
		var body any
		if good, ok := s.goodBodies()[op.OperationID]; ok {
			body = good
		}
		bare := s.do(op.method, s.target(op), s.ada.token, body)
		empty := s.do(op.method, s.target(op)+"?"+query.Encode(), s.ada.token, body)
		gone := op.method == http.MethodDelete && empty.status == http.StatusNotFound // the first one ended it
		if bare.status != empty.status && !gone {
			t.Errorf("%s: %d, with %s %d: %.300s", op, bare.status, query.Encode(), empty.status, empty.body)
		}
	}
	if asked < 8 {
		t.Errorf("only %d operations have a query", asked)
	}
}
