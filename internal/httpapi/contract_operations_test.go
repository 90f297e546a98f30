package httpapi_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oneclaw-dev/oneclaw/internal/httpapi"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// operation is one operation of the document.
type operation struct {
	method, path string
	*huma.Operation
	action policy.Action
}

func (o operation) String() string { return o.method + " " + o.path }

// takesBody reports whether the operation reads a body.
func (o operation) takesBody() bool { return o.RequestBody != nil }

// takesJSON reports whether that is JSON. A stream's is not: TestWhatAHeadMayNotSay.
func (o operation) takesJSON() bool {
	return o.takesBody() && o.RequestBody.Content["application/json"] != nil
}

// operations are all that the document has, in order.
func (w *world) operations() []operation {
	w.t.Helper()
	var out []operation
	paths := w.API.OpenAPI().Paths
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := paths[path]
		for method, op := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPut: item.Put, http.MethodPost: item.Post, http.MethodPatch: item.Patch,
			http.MethodDelete: item.Delete, http.MethodHead: item.Head, http.MethodOptions: item.Options,
		} {
			if op != nil {
				action, _ := httpapi.ActionOf(op.Metadata)
				out = append(out, operation{method, path, op, action})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b operation) int { return strings.Compare(a.path+" "+a.method, b.path+" "+b.method) })
	if len(out) < 40 {
		w.t.Fatalf("only %d operations", len(out))
	}
	return out
}

func TestEveryOperationDeclaresAPolicyAction(t *testing.T) {
	w := open(t)
	for _, op := range w.operations() {
		rule, known := policy.RuleFor(op.action)
		if op.action == "" || !known || rule.Who == policy.Nobody {
			t.Errorf("%s declares no action that policy knows: %q", op, op.action)
		}
		if secured := len(op.Security) > 0; secured == op.action.Public() {
			t.Errorf("%s: public %v, asks for a credential %v", op, op.action.Public(), secured)
		}
	}
}

// public are the operations that a stranger may call: an operation that turns
// up here must be meant to.
var public = []string{
	"GET /.well-known/jwks.json", "GET /.well-known/x402", "GET /v1/audit/keys", "GET /v1/auth/jwt-public-key", "GET /v1/health", "GET /v1/health/hsm", "GET /v1/share/{share_id}",
	"GET /v1/auth/device/code/{user_code}", "POST /v1/auth/device/code", "POST /v1/auth/device/token",
	"POST /v1/agents/enroll", "GET /v1/chains", "GET /v1/chains/{chain}", "GET /v1/shroud/attestation", "POST /v1/billing/webhooks",
	"POST /v1/auth/agent-token", "POST /v1/auth/federated-token", "POST /v1/auth/google", "POST /v1/auth/api-key-token", "POST /v1/auth/mfa/verify", "POST /v1/auth/passkey-login", "POST /v1/auth/passkey-login/begin", "POST /v1/auth/forgot-password", "POST /v1/auth/reset-password", "POST /v1/auth/refresh", "POST /v1/auth/signup",
	"POST /v1/auth/token", "POST /v1/auth/verify-email", "POST /v1/shares/{share_id}/access",
}

func TestEveryOperationAsksForACredential(t *testing.T) {
	w := open(t, rest.OneByOne)
	for _, op := range w.operations() {
		if slices.Contains(public, op.String()) != op.action.Public() {
			t.Errorf("%s: public %v", op, op.action.Public())
		}
		if op.action.Public() {
			continue
		}
		target := fill(op.path, nobodys())
		bodies := map[string]bool{}
		for name, auth := range map[string]string{
			"nothing": "", "no scheme": "x", "another scheme": "Basic YTpi", "an empty token": "Bearer ", "garbage": "Bearer x.y.z",
			"a key of nobody": "Bearer ocv_" + strings.Repeat("A", 43), "a user's key of nobody": "Bearer 1ck_" + strings.Repeat("A", 43),
		} {
			events := w.during(func() {
				r := w.do(op.method, target, "", nil, header("Authorization", auth))
				r.what += " with " + name
				r.want(401, "unauthenticated")
				bodies[string(r.body)] = true
			})
			if len(events) != 1 || events[0].action != string(policy.AuthFailure) || events[0].detail("outcome") != "denied" {
				t.Errorf("%s with %s left %v", op, name, events)
			}
		}
		if len(bodies) != 2 { // one for no credential, one for every bad one
			t.Errorf("%s has %d answers to bad credentials: %v", op, len(bodies), bodies)
		}
	}
}

func TestUnknownVerbsAnswer405WithWhatThereIs(t *testing.T) {
	w := open(t, rest.OneByOne)
	ada := w.signup("ada")
	allowed := map[string][]string{}
	for _, op := range w.operations() {
		allowed[op.path] = append(allowed[op.path], op.method)
		if op.method == http.MethodGet {
			allowed[op.path] = append(allowed[op.path], http.MethodHead)
		}
	}
	for path, methods := range allowed {
		target := fill(path, nobodys())
		slices.Sort(methods)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			if slices.Contains(methods, method) {
				continue
			}
			events := w.during(func() {
				r := w.do(method, target, ada.token, nil).want(405, "method_not_allowed")
				if got := r.header.Get("Allow"); got != strings.Join(methods, ", ") {
					t.Errorf("%s %s: Allow is %q, want %v", method, path, got, methods)
				}
			})
			if inLog := strings.HasPrefix(path, "/v1/"); (len(events) == 1) != inLog || len(events) > 1 {
				t.Errorf("%s %s left %v", method, path, events)
			}
		}
	}
}

func TestUnknownPathsAnswer404(t *testing.T) {
	w := open(t, rest.OneByOne)
	ada := w.signup("ada")
	for _, path := range []string{"/v1", "/v1/", "/v1/nope", "/v1/vaults/" + nobodysID + "/nope", "/v1/agents/me/rotate-key", "/v1/auth", "/v2/vaults", "/nope", "/v1//vaults", "/V1/vaults", "/v1/Vaults"} {
		events := w.during(func() {
			r := w.do("GET", path, ada.token, nil).want(404, "route_not_found")
			if r.header.Get("Allow") != "" {
				t.Errorf("%s: Allow %q", path, r.header.Get("Allow"))
			}
		})
		if inLog := path == "/v1" || strings.HasPrefix(path, "/v1/"); (len(events) == 1) != inLog {
			t.Errorf("%s left %v", path, events)
		}
	}
}

var operationID = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func TestOperationsAreDescribed(t *testing.T) {
	w := open(t)
	seen := map[string]bool{}
	for _, op := range w.operations() {
		if !operationID.MatchString(op.OperationID) || seen[op.OperationID] {
			t.Errorf("%s: operation id %q", op, op.OperationID)
		}
		seen[op.OperationID] = true
		if op.Summary == "" || len(op.Tags) != 1 || strings.HasSuffix(op.Summary, ".") {
			t.Errorf("%s: summary %q, tags %v", op, op.Summary, op.Tags)
		}
	}
}
