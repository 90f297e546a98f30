package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// gated is a session whose worker may use gated/* once a human approves.
type gated struct {
	*session
	policy string
}

func openGated(t *testing.T, terms any, words ...string) *gated {
	t.Helper()
	g := &gated{session: openSession(t, rest.OneByOne)}
	g.ada.put(g.vault, "gated/one", "the value")
	if len(words) == 0 {
		words = []string{"read", "write", "delete"}
	}
	g.policy = g.ada.grant(g.vault, g.worker, "gated/*", asks(terms), words...)
	return g
}

// asks is a policy that asks for approvals on these terms.
func asks(terms any) object { return object{"conditions": object{"require_approval": terms}} }

// read reads as the worker.
func (g *gated) read(path string) reply {
	return g.do("GET", secretAt(g.vault, path), g.worker.token, nil)
}

// asked reads as the worker, who must wait, and returns the request's id.
func (g *gated) asked(path string) string {
	g.t.Helper()
	r := g.read(path).want(http.StatusForbidden, "approval_required")
	if r.str("type") != "approval_required" || !strings.Contains(r.str("detail"), r.str("approval_request_id")) {
		g.t.Errorf("the problem is %s", r.body)
	}
	return r.str("approval_request_id")
}

func (g *gated) approve(id, token string) reply {
	return g.do("POST", "/v1/approvals/"+id+"/approve", token, nil)
}

func TestAReadThatNeedsAnApproval(t *testing.T) {
	g := openGated(t, true)
	events := g.during(func() {
		id := g.asked("gated/one")
		if again := g.asked("gated/one"); again != id {
			t.Error("the same read asked twice")
		}
	})
	for _, e := range events {
		if e.action != "secret.read" || e.detail("outcome") != "denied" || e.detail("reason") != "approval_required" || e.detail("target") == "" {
			t.Errorf("the log says %v", e)
		}
	}
	if len(events) != 2 {
		t.Errorf("%d events", len(events))
	}
	id := g.asked("gated/one")
	item := g.do("GET", "/v1/approvals/"+id, g.worker.token, nil).want(200)
	for field, want := range map[string]any{
		"id": id, "vault_id": g.vault, "secret_path": "gated/one", "operation": "read", "requester_id": g.worker.id, "requester_type": "agent",
		"status": "pending", "policy_id": g.policy, "reason": nil, "decided_by": nil, "decided_at": nil, "max_uses": json.Number("1"), "uses_left": json.Number("0"), "valid_seconds": json.Number("900"),
	} {
		if got := item.json()[field]; got != want {
			t.Errorf("%s is %v, want %v", field, got, want)
		}
	}
	done := g.approve(id, g.ada.token).want(200)
	if done.str("status") != "approved" || done.str("decided_by") != g.ada.id || done.json()["uses_left"] != json.Number("1") {
		t.Errorf("approved: %s", done.body)
	}
	read := g.during(func() {
		if got := g.read("gated/one").want(200).str("value"); got != "the value" {
			t.Errorf("the value is %q", got)
		}
	})
	if len(read) != 1 || read[0].detail("approval_id") != id || read[0].detail("reason") != "policy:"+g.policy {
		t.Errorf("the log says %v", read)
	}
	if next := g.asked("gated/one"); next == id {
		t.Error("a used approval was asked for again under its old id")
	}
	if got := g.do("GET", "/v1/approvals/"+id, g.ada.token, nil).want(200).json()["uses_left"]; got != json.Number("0") {
		t.Errorf("%v uses are left", got)
	}
}

func TestAnApprovalIsBoundToAgentPathAndOperation(t *testing.T) {
	g := openGated(t, object{"max_uses": 10})
	g.ada.put(g.vault, "gated/two", "x")
	other := g.ada.agent(object{"name": "other"})
	g.ada.grant(g.vault, other, "gated/*", asks(true), "read", "write")
	g.approve(g.asked("gated/one"), g.ada.token).want(200)
	g.read("gated/one").want(200)
	g.read("gated/two").want(403, "approval_required")
	g.do("GET", secretAt(g.vault, "gated/one"), other.token, nil).want(403, "approval_required")
	g.do("PUT", secretAt(g.vault, "gated/one"), g.worker.token, object{"value": "y"}).want(403, "approval_required")
	g.do("DELETE", secretAt(g.vault, "gated/one"), g.worker.token, nil).want(403, "approval_required")
	g.read("gated/one").want(200)
}

func TestWritesAndDeletionsWaitForApprovalToo(t *testing.T) {
	g := openGated(t, true)
	put := func() reply {
		return g.do("PUT", secretAt(g.vault, "gated/one"), g.worker.token, object{"value": "new"})
	}
	drop := func() reply { return g.do("DELETE", secretAt(g.vault, "gated/one"), g.worker.token, nil) }
	g.approve(put().want(403, "approval_required").str("approval_request_id"), g.ada.token).want(200)
	if v := put().want(201).json()["version"]; v != json.Number("2") {
		t.Errorf("version %v", v)
	}
	put().want(403, "approval_required")
	g.approve(drop().want(403, "approval_required").str("approval_request_id"), g.ada.token).want(200)
	drop().want(204)
	drop().want(403, "approval_required")
	g.do("GET", secretAt(g.vault, "gated/one"), g.ada.token, nil).want(410)
}

func TestADenialOfAnApprovalTellsNothingOfWhatExists(t *testing.T) {
	g := openGated(t, true)
	there, nowhere := g.read("gated/one"), g.read("gated/none")
	strip := func(r reply) string { return strings.ReplaceAll(string(r.body), r.str("approval_request_id"), "ID") }
	if there.status != 403 || strip(there) != strip(nowhere) {
		t.Errorf("%s and %s", there.body, nowhere.body)
	}
	g.approve(nowhere.str("approval_request_id"), g.ada.token).want(200)
	g.read("gated/none").want(404)
	// The read failed, so the approval was not used.
	g.ada.put(g.vault, "gated/none", "late")
	g.read("gated/none").want(200)
}

func TestOnlyAPersonWhoMayUseTheVaultDecides(t *testing.T) {
	g := openGated(t, true)
	bob, carl, eve := g.signup("bob"), g.signup("carl"), g.signup("eve")
	bob.moves(g.ada, "member")
	carl.moves(g.ada, "admin")
	key := g.do("POST", "/v1/auth/api-keys", g.ada.token, object{"name": "k2"}).want(201).str("api_key")
	id := g.asked("gated/one")
	for name, c := range map[string]struct {
		token, code string
		status      int
	}{
		"the agent itself":           {g.worker.token, "access_denied", 403},
		"a member without the vault": {bob.token, "approval_not_found", 404},
		"another organisation":       {eve.token, "approval_not_found", 404},
		"an API key of the owner":    {key, "person_required", 403},
		"nobody":                     {"", "unauthenticated", 401},
	} {
		for _, verb := range []string{"approve", "deny", "decide"} {
			r := g.do("POST", "/v1/approvals/"+id+"/"+verb, c.token, object{"decision": "approved"})
			r.what += " as " + name
			r.want(c.status, c.code)
		}
	}
	for _, verb := range []string{"approve", "deny", "decide"} {
		g.do("GET", "/v1/approvals/"+id+"/"+verb, carl.token, nil).want(405)
	}
	g.read("gated/one").want(403, "approval_required")
	g.approve(id, carl.token).want(200)
	g.read("gated/one").want(200)
}

func TestNobodyApprovesItsOwnRequest(t *testing.T) {
	g := openGated(t, true)
	carl := g.signup("carl")
	carl.moves(g.ada, "admin")
	g.do("POST", "/v1/vaults/"+g.vault+"/policies", g.ada.token, object{
		"secret_path_pattern": "gated/*", "principal_type": "user", "principal_id": carl.id, "permissions": []string{"read"},
		"conditions": object{"require_approval": true},
	}).want(201)
	read := func() reply { return g.do("GET", secretAt(g.vault, "gated/one"), carl.token, nil) }
	id := read().want(403, "approval_required").str("approval_request_id")
	g.approve(id, carl.token).want(403, "own_approval")
	g.approve(id, g.ada.token).want(200)
	read().want(200)
}

func TestDecisions(t *testing.T) {
	g := openGated(t, object{"valid_seconds": 60, "max_uses": 2})
	id := g.asked("gated/one")
	denied := g.do("POST", "/v1/approvals/"+id+"/deny", g.ada.token, object{"reason": "not today"}).want(200)
	if denied.str("status") != "denied" || denied.str("decision_reason") != "not today" {
		t.Errorf("%s", denied.body)
	}
	g.approve(id, g.ada.token).want(409, "approval_decided")
	if seen := g.do("GET", "/v1/approvals/"+id, g.worker.token, nil).want(200); seen.str("decision_reason") != "not today" {
		t.Errorf("who asked sees %s", seen.body)
	}
	paused := g.read("gated/one").want(429, "approval_paused")
	if !strings.Contains(paused.str("detail"), `They said: "not today".`) || strings.Contains(string(paused.body), g.ada.id) || strings.Contains(string(paused.body), "@") {
		t.Errorf("who asks again is told %s", paused.body)
	}
	g.do("POST", "/v1/approvals", g.worker.token, object{"vault_id": g.vault, "secret_path": "gated/one"}).want(429, "approval_paused")
	g.do("POST", "/v1/approvals/"+g.asked("gated/two")+"/decide", g.ada.token, object{"decision": "rejected"}).want(200)

	g.Clock.Forward(10 * time.Minute)
	g.ada.token = g.ada.login()
	id = g.asked("gated/one")
	g.do("POST", "/v1/approvals/"+id+"/decide", g.ada.token, object{"decision": "approved"}).want(200)
	g.read("gated/one").want(200)
	g.Clock.Forward(time.Minute)
	g.read("gated/one").want(403, "approval_required") // a use was left, its time was not

	id = g.asked("gated/one")
	g.Clock.Forward(25 * time.Hour)
	g.ada.token = g.ada.login()
	g.worker.token = g.worker.exchange()
	g.approve(id, g.ada.token).want(409, "approval_decided")
	if got := g.do("GET", "/v1/approvals/"+id, g.ada.token, nil).want(200).str("status"); got != "expired" {
		t.Errorf("status %s", got)
	}
	for status, want := range map[string]int{"pending": 0, "approved": 1, "denied": 2, "expired": 1} {
		list := g.do("GET", "/v1/approvals?status="+status, g.ada.token, nil).want(200).list("approvals")
		if len(list) != want {
			t.Errorf("%d are %s, want %d", len(list), status, want)
		}
	}
	g.do("GET", "/v1/approvals?status=other", g.ada.token, nil).want(400)
}

func TestAnApprovalDoesNotOutliveItsPolicy(t *testing.T) {
	g := openGated(t, object{"max_uses": 5})
	g.approve(g.asked("gated/one"), g.ada.token).want(200)
	g.read("gated/one").want(200)
	g.do("DELETE", "/v1/vaults/"+g.vault+"/policies/"+g.policy, g.ada.token, nil).want(204)
	g.read("gated/one").want(403, "access_denied")
}

func TestACallerWithoutAGateIsNotAsked(t *testing.T) {
	g := openGated(t, true)
	g.ada.grant(g.vault, g.worker, "gated/free", nil, "read")
	g.ada.put(g.vault, "gated/free", "x")
	g.read("gated/free").want(200)
	g.do("GET", secretAt(g.vault, "gated/one"), g.ada.token, nil).want(200)
	// Asking is free all the same, and what is given then grants nothing by itself.
	for path, status := range map[string]int{"gated/free": 200, "elsewhere": 403} {
		r := g.do("POST", "/v1/approvals", g.worker.token, object{"vault_id": g.vault, "secret_path": path}).want(201)
		if r.json()["policy_id"] != nil {
			t.Errorf("%s: a policy asks: %s", path, r.body)
		}
		g.approve(r.str("id"), g.ada.token).want(200)
		g.do("GET", secretAt(g.vault, path), g.worker.token, nil).want(status)
	}
	bound := g.ada.agent(object{"name": "bound", "vault_ids": []string{g.ada.vaultNamed("another")}})
	g.do("POST", "/v1/approvals", bound.token, object{"vault_id": g.vault, "secret_path": "gated/one"}).want(403, "access_denied")
	capped := g.ada.agent(object{"name": "capped", "scopes": []string{"other/**"}})
	g.do("POST", "/v1/approvals", capped.token, object{"vault_id": g.vault, "secret_path": "gated/one"}).want(403, "access_denied")
	// What needs an approval is listed all the same.
	if body := string(g.do("GET", "/v1/vaults/"+g.vault+"/secrets", g.worker.token, nil).want(200).body); !strings.Contains(body, "gated/one") {
		t.Errorf("the listing is %s", body)
	}
}

func TestAskingBeforehand(t *testing.T) {
	g := openGated(t, true)
	ask := func(body object) reply { return g.do("POST", "/v1/approvals", g.worker.token, body) }
	r := ask(object{"vault_id": g.vault, "secret_path": "gated/one", "reason": "to deploy"}).want(201)
	if r.str("reason") != "to deploy" || r.str("status") != "pending" {
		t.Errorf("%s", r.body)
	}
	if id := g.asked("gated/one"); id != r.str("id") {
		t.Error("the read asked once more")
	}
	g.do("POST", "/v1/approvals/request", g.worker.token, object{"vault_id": g.vault, "secret_path": "gated/one"}).want(201)
	g.approve(r.str("id"), g.ada.token).want(200)
	g.read("gated/one").want(200)
	ask(object{"vault_id": nobodysID, "secret_path": "a"}).want(404)
	ask(object{"vault_id": "x", "secret_path": "a"}).want(400)
	ask(object{"vault_id": g.vault, "secret_path": "../a"}).want(400)
	ask(object{"vault_id": g.vault, "secret_path": "gated/one", "reason": "two\nlines"}).want(400, "invalid_reason")
}

func TestAgentsSeeTheirOwnRequestsOnly(t *testing.T) {
	g := openGated(t, true)
	other := g.ada.agent(object{"name": "other"})
	id := g.asked("gated/one")
	g.do("GET", "/v1/approvals/"+id, other.token, nil).want(404, "approval_not_found")
	for token, want := range map[string]int{g.worker.token: 1, other.token: 0, g.ada.token: 1} {
		list := g.do("GET", "/v1/approvals", token, nil).want(200).list("approvals")
		if len(list) != want {
			t.Errorf("%d requests, want %d", len(list), want)
		}
	}
}

func TestAnApprovalIsUsedAsOftenAsItSays(t *testing.T) {
	g := openGated(t, object{"max_uses": 5})
	id := g.asked("gated/one")
	g.approve(id, g.ada.token).want(200)
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[int]int{}
	for range 40 {
		wg.Go(func() {
			r := g.read("gated/one")
			mu.Lock()
			got[r.status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if got[200] != 5 || got[403] != 35 {
		t.Errorf("statuses %v, want 5 of 200 and 35 of 403", got)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	g := openGated(t, true)
	for i := range 50 {
		g.read("gated/n"+itoa(i)).want(403, "approval_required")
	}
	g.read("gated/more").want(429, "too_many_approvals")
	g.read("gated/n7").want(403, "approval_required")
}

func TestApprovalWebhookSettings(t *testing.T) {
	g := openGated(t, true)
	const at = "/v1/org/approval-webhook"
	g.do("GET", at, g.ada.token, nil).want(404, "webhook_not_found")
	g.do("DELETE", at, g.ada.token, nil).want(404, "webhook_not_found")
	for _, bad := range []string{"", "x", "ftp://example.com", "https://", "https://a:b@example.com/", "https://example.com/#x", "javascript:alert(1)"} {
		g.do("PUT", at, g.ada.token, object{"url": bad}).want(400)
	}
	set := g.do("PUT", at, g.ada.token, object{"url": "https://example.com/hook"}).want(200)
	if !strings.HasPrefix(set.str("secret"), "whsec_") || len(set.str("secret")) != 6+43 {
		t.Errorf("the secret is %q", set.str("secret"))
	}
	shown := g.do("GET", at, g.ada.token, nil).want(200)
	if shown.str("url") != "https://example.com/hook" || shown.json()["secret"] != nil {
		t.Errorf("%s", shown.body)
	}
	g.do("GET", at, g.worker.token, nil).want(403)
	g.do("PUT", at, g.worker.token, object{"url": "https://example.com"}).want(403)
	// It is sent requests that a key for approvals is not shown.
	for words, status := range map[string]int{"approval:write": 403, "approval:*": 403, "approval:write audit:read": 200} {
		key := g.do("POST", "/v1/auth/api-keys", g.ada.login(), object{"name": "k", "scopes": strings.Fields(words)}).want(201).str("api_key")
		if r := g.do("PUT", at, key, object{"url": "https://example.com/other"}); r.status != status {
			t.Errorf("set by a key for %s: %d, want %d", words, r.status, status)
		}
	}
	g.do("DELETE", at, g.ada.token, nil).want(204)
	g.do("GET", at, g.ada.token, nil).want(404)
}
