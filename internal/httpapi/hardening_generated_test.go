package httpapi_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// leak is in every value that only its owner may see.
const leak = "LEAK7e21aa-only-for-its-owner"

// arena is a world with two organisations, and callers of every kind.
type arena struct {
	*session
	bob     *human
	callers map[string]string   // token by name; "" is a stranger
	foreign map[string]bool     // callers who must never see the leak
	ids     map[string][]string // what may stand for an id: ours, theirs, nobody's, none
	texts   []string
	schemas map[string]*huma.Schema
	ops     []operation
	good    map[string]object // bodies that are taken
}

func openArena(t testing.TB) *arena {
	t.Helper()
	a := &arena{session: openSession(t)}
	a.ops, a.good = a.operations(), a.goodBodies()
	a.ada.put(a.vault, "a/b", leak)
	a.ada.put(a.vault, "other/c", leak)
	a.bob = a.signup("bob")
	theirs := a.bob.vaultNamed("theirs")
	a.bob.put(theirs, "a/b", "bobs")
	robot := a.bob.agent(nil)
	helper := a.ada.agent(object{"name": "helper"}) // no grant at all
	member := a.signup("mia")
	member.moves(a.ada, "member")
	pam := a.signup("pam")
	a.Exec(`UPDATE users SET platform_admin = 1 WHERE id = ?`, pam.id)
	pam.token = pam.login()
	key := a.do("POST", "/v1/auth/api-keys", a.bob.token, object{"name": "k"}).want(http.StatusCreated).str("api_key")
	a.callers = map[string]string{
		"an owner": a.ada.token, "an agent": a.worker.token, "another organisation's owner": a.bob.token,
		"another organisation's agent": robot.token, "another organisation's key": key, "an agent without a grant": helper.token,
		"a member": member.token, "a platform admin": pam.token, "a stranger": "", "a liar": "eyJhbGciOiJub25lIn0.e30.",
	}
	a.foreign = map[string]bool{
		"another organisation's owner": true, "another organisation's agent": true, "another organisation's key": true,
		"an agent without a grant": true, "a member": true, "a platform admin": true, "a stranger": true, "a liar": true,
	}
	version := a.versionID(a.vault, "a/b")
	a.ids = map[string][]string{
		"vault_id": {a.vault, theirs}, "agent_id": {a.worker.id, robot.id, helper.id}, "policy_id": {a.policy}, "key_id": {a.key},
		"secret_id": {version}, "path": {"a/b", "other/c", "a%2Fb", "x", "..%2Fa", "a//b", "%00", "%ff"},
		"principal_id": {a.worker.id, robot.id, a.ada.id, a.bob.id}, "recipient_id": {a.worker.id, robot.id, a.ada.id, a.bob.id},
		"user_id": {a.ada.id, a.bob.id, member.id}, "member_id": {a.ada.id, member.id}, "org_id": {a.ada.org, a.bob.org},
		"account_id": {a.signup("leo").id}, // whoever else is deleted could not go on
	}
	a.ada.grant(a.vault, a.worker, "gated/*", object{"conditions": object{"require_approval": object{"max_uses": 1000}}}, "read", "write")
	a.ada.put(a.vault, "gated/x", leak)
	a.good["request-approval"] = object{"vault_id": a.vault, "secret_path": "gated/x"}
	a.good["request-approval-alias"] = a.good["request-approval"]
	asked := a.do("GET", secretAt(a.vault, "gated/x"), a.worker.token, nil).want(http.StatusForbidden, "approval_required")
	a.ids["approval_id"] = []string{asked.str("approval_request_id")}
	shared := a.do("POST", "/v1/secrets/"+version+"/share", a.ada.token, object{
		"recipient_type": "agent", "recipient_id": a.worker.id, "expires_at": "2027-01-01T00:00:00Z",
	}).want(http.StatusCreated)
	a.ids["share_id"] = []string{shared.str("id")}
	for name, list := range a.ids {
		a.ids[name] = append(slices.Repeat(list, 3), nobodysID, canary)
	}
	a.texts = []string{
		canary, "", "a/b", "other/c", canary + "\x00", "\u202e" + canary, strings.Repeat(canary, 500), "2099-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
		a.vault, a.worker.id, nobodysID, a.ada.email, "new@example.com", "10.0.0.0/8", "https://example.com/" + canary, "-1", "1e9", "[]", "null",
		"DELETE MY ACCOUNT", "owner", "agent", "ethereum", "0x0000000000000000000000000000000000000001", strings.Repeat("ab", 32), password,
	}
	a.schemas = a.API.OpenAPI().Components.Schemas.Map()
	return a
}

// spoiled is a good body, mostly with one field made anew.
func (a *arena) spoiled(d *dice, good object) object {
	body := maps.Clone(good)
	if names := slices.Sorted(maps.Keys(body)); len(names) > 0 && d.n(3) != 1 {
		body[choose(d, names)] = choose(d, a.texts)
	}
	return body
}

// renew replaces what a request has ended on the way: the owner's login.
func (a *arena) renew(op operation) {
	a.t.Helper()
	if a.do("GET", "/v1/auth/me", a.ada.token, nil).status == http.StatusUnauthorized {
		a.t.Errorf("%s ended the owner's login", op)
		a.ada.token = a.ada.login()
		a.callers["an owner"] = a.ada.token
	}
}

// versionID is the id of the newest version of a secret.
func (s *session) versionID(vault, path string) string {
	s.t.Helper()
	for _, meta := range s.do("GET", "/v1/vaults/"+vault+"/secrets", s.ada.token, nil).want(http.StatusOK).list("secrets") {
		if meta["path"] == path {
			return meta["id"].(string)
		}
	}
	s.t.Fatalf("no secret %s", path)
	return ""
}

// dice makes choices from bytes; when they run out, every choice is the first.
type dice struct{ data []byte }

func (d *dice) n(limit int) int {
	if len(d.data) < 2 {
		return 0
	}
	v := int(d.data[0])<<8 | int(d.data[1])
	d.data = d.data[2:]
	return v % limit
}

func choose[T any](d *dice, from []T) T { return from[d.n(len(from))] }

// value makes something for a schema: mostly what it asks for, at times not.
func (a *arena) value(d *dice, name string, s *huma.Schema, depth int) any {
	if s != nil && s.Ref != "" {
		s = a.schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	if s == nil || depth > 4 || d.n(12) == 1 {
		return choose(d, []any{nil, true, -1, 1.5, json.Number("1e308"), canary, []any{canary}, object{canary: canary}, json.Number("9223372036854775808")})
	}
	switch s.Type {
	case huma.TypeBoolean:
		return d.n(2) == 1
	case huma.TypeInteger, huma.TypeNumber:
		return choose(d, []any{0, 1, 2, 60, 100, -1, 1 << 31, json.Number("9007199254740993")})
	case huma.TypeArray:
		list := []any{}
		for range d.n(3) {
			list = append(list, a.value(d, name, s.Items, depth+1))
		}
		return list
	case huma.TypeObject:
		o := object{}
		for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
			if slices.Contains(s.Required, field) && d.n(16) != 1 || d.n(3) == 1 {
				o[field] = a.value(d, field, s.Properties[field], depth+1)
			}
		}
		if d.n(8) == 1 {
			o[canary] = canary
		}
		return o
	}
	if len(s.Enum) > 0 && d.n(6) != 1 {
		return choose(d, s.Enum)
	}
	if ids := a.ids[name]; ids != nil && d.n(4) != 1 {
		return choose(d, ids)
	}
	return choose(d, a.texts)
}

// ask makes one request for an operation and checks what must hold for all.
func (a *arena) ask(t testing.TB, op operation, d *dice) reply {
	w := a.in(t)
	target := op.path
	for strings.Contains(target, "{") {
		i := strings.Index(target, "{")
		name := target[i+1 : i+strings.Index(target[i:], "}")]
		ids := a.ids[name]
		if ids == nil {
			ids = []string{nobodysID, canary, "BCDF-GHJK"}
		}
		target = strings.Replace(target, "{"+name+"}", choose(d, ids), 1)
	}
	var change []func(*http.Request)
	query := url.Values{}
	for _, p := range op.Parameters {
		if p.In == "path" || d.n(2) == 0 {
			continue
		}
		text := choose(d, a.texts)
		if len(p.Schema.Enum) > 0 && d.n(4) != 1 {
			text, _ = choose(d, p.Schema.Enum).(string)
		}
		if p.In == "query" {
			query.Set(p.Name, text)
		} else if !strings.ContainsAny(text, "\x00\r\n\u202e") && p.Name != "Authorization" {
			change = append(change, header(p.Name, text))
		}
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	var body any
	if op.takesBody() {
		if good := a.good[op.OperationID]; good != nil && d.n(2) == 1 {
			body = a.spoiled(d, good)
		} else if mt := op.RequestBody.Content["application/json"]; mt != nil && d.n(16) != 1 {
			body = a.value(d, "", mt.Schema, 0)
		}
	}
	who := "an owner"
	switch rule, _ := policy.RuleFor(op.action); {
	case rule.Platform && d.n(4) != 1:
		who = "a platform admin"
	case d.n(4) == 1:
		who = "an agent"
	case d.n(3) == 1:
		who = choose(d, slices.Sorted(maps.Keys(a.callers)))
	}
	r := w.do(op.method, target, a.callers[who], body, change...)
	r.what = op.OperationID + " " + r.what + " as " + who
	a.holds(t, op, who, r)
	a.learn(op, r)
	return r
}

// made says whose id the "id" of an answer is, by the path that made it.
var made = []struct{ path, param string }{
	{"/v1/secret-requests", "request_id"},
	{"/v1/approvals", "approval_id"}, {"/v1/secrets/", "share_id"}, {"/v1/share", "share_id"}, {"/cmek-rotate", "job_id"}, {"/rekey", "job_id"},
	{"/policies", "policy_id"}, {"/v1/org/invit", "invitation_id"}, {"/v1/security/ip-rules", "rule_id"}, {"/v1/webhooks", "webhook_id"}, {"/v1/admin/chains", "chain_entry_id"}, {"/v1/auth/api-keys", "key_id"}, {"/router-keys", "router_key_id"}, {"/bindings", "binding_id"},
}

// learn keeps the ids of an answer for later requests.
func (a *arena) learn(op operation, r reply) {
	var o object
	if r.status >= 300 || json.Unmarshal(r.body, &o) != nil {
		return
	}
	keep := func(name string, v any) {
		if text, ok := v.(string); ok && len(a.ids[name]) < 200 {
			a.ids[name] = append(a.ids[name], text)
		}
	}
	for _, m := range made {
		if strings.Contains(op.path, m.path) {
			keep(m.param, o["id"])
			break
		}
	}
	for _, name := range []string{"user_code", "device_code", "agent_id"} {
		keep(name, o[name])
	}
}

// spoils are the operations that would end the arena: they are asked as callers
// who may not, or not at all.
var spoils = []string{"put-org-limits", "put-org-tier", "revoke-token", "end-sessions", "change-password", "delete-vault", "delete-me", "delete-agent", "rotate-agent-key", "reset-password"}

func (a *arena) holds(t testing.TB, op operation, who string, r reply) {
	t.Helper()
	away := needsNode[op.OperationID] && strings.Contains(string(r.body), `"node_unavailable"`)
	if r.status >= 500 && r.status != http.StatusNotImplemented && !away {
		t.Errorf("%s: %d %.300s", r.what, r.status, r.body)
	}
	if a.foreign[who] && (strings.Contains(string(r.body), leak)) {
		t.Errorf("%s: the value of another's secret came back: %.300s", r.what, r.body)
	}
	if r.status != http.StatusNoContent && r.status < 300 && !json.Valid(r.body) && !strings.Contains(r.header.Get("Content-Type"), "jsonl") && r.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%s: %d with a body that is no JSON: %.300s", r.what, r.status, r.body)
	}
	if r.status < 400 {
		return
	}
	r.problemIn(t)
	said := strings.Contains(string(r.body), `"approval_paused"`) // it quotes the human who denied
	if !said && strings.Contains(strings.ToLower(string(r.body)), strings.ToLower(canary)) {
		t.Errorf("%s: the error repeats what was sent: %.300s", r.what, r.body)
	}
	for k, list := range r.header {
		if strings.Contains(strings.ToLower(strings.Join(list, " ")), strings.ToLower(canary)) {
			t.Errorf("%s: the header %s repeats what was sent: %v", r.what, k, list)
		}
	}
}

// problemIn is problem for another test than the one that made the world.
func (r reply) problemIn(t testing.TB) {
	t.Helper()
	var o object
	if json.Unmarshal(r.body, &o) != nil || o["detail"] == nil || o["type"] == nil || o["status"] != float64(r.status) {
		t.Errorf("%s: %d is no problem: %.300s", r.what, r.status, r.body)
	}
}

// takes is 1 for an operation that takes something away.
func takes(op operation) int {
	if op.method == http.MethodDelete || strings.Contains(op.path, "rotate") || strings.Contains(op.path, "cmek") {
		return 1
	}
	return 0
}

// hashes are the operations that take long on purpose: they get fewer requests.
func hashes(op operation) bool {
	return slices.Contains([]string{"login", "signup", "reset-password", "disable-mfa", "forgot-password", "create-share", "create-share-alias", "access-share", "access-share-alias"}, op.OperationID)
}

// needsNode are the operations that succeed only with a node of a chain. This test runs none.
var needsNode = map[string]bool{
	"check-chain": true, "try-guard": true, "get-signing-key-balance": true, "submit-transaction": true, "sign-transaction": true, "simulate-transaction": true,
	"simulate-bundle": true, "restart-chain": true, "get-transaction": true, "get-transaction-receipt": true, "replace-transaction": true,
}

// TestGeneratedRequests makes requests for every operation of the document from
// its schema, right and wrong, as callers of every kind: no 5xx, no echo, no leak.
func TestGeneratedRequests(t *testing.T) {
	a := openArena(t)
	r := rand.New(rand.NewPCG(5, 6))
	asked, done := 0, map[string]bool{}
	// Several rounds in any order: later ones use the ids that earlier ones made.
	// What takes things away comes last.
	rounds := slices.Repeat(a.ops, 3)
	r.Shuffle(len(rounds), func(i, j int) { rounds[i], rounds[j] = rounds[j], rounds[i] })
	slices.SortStableFunc(rounds, func(x, y operation) int { return takes(x) - takes(y) })
	for _, op := range rounds {
		if slices.Contains(spoils, op.OperationID) {
			continue
		}
		n := 30
		if hashes(op) {
			n = 4
		}
		for range n {
			raw := make([]byte, 400)
			for i := range raw {
				raw[i] = byte(r.Uint32())
			}
			if a.ask(t, op, &dice{raw}).status < 300 {
				done[op.OperationID] = true
			}
			asked++
		}
		a.renew(op)
	}
	var never []string
	reachable := 0
	for _, op := range a.ops {
		if needsNode[op.OperationID] { // what it refuses was asked for all the same
			continue
		}
		reachable++
		if !done[op.OperationID] {
			never = append(never, op.String())
		}
	}
	t.Logf("%d requests; never done: %v", asked, never)
	if len(never)*3 > reachable {
		t.Errorf("%d of %d operations were never done: the generator is too weak", len(never), reachable)
	}
	if asked < 3000 {
		t.Errorf("only %d requests were made", asked)
	}
	if log := a.Log.String(); strings.Contains(log, leak) || strings.Contains(strings.ToLower(log), strings.ToLower(canary)) {
		t.Error("the server's log holds what was sent, or a value")
	}
	for _, e := range a.events() {
		if strings.Contains(e.details+e.resource+e.actor, leak) {
			t.Errorf("the audit log holds a value: %v", e)
		}
	}
	a.do("GET", secretAt(a.vault, "other/c"), a.ada.token, nil) // may be gone: it was fair game
	if report := a.do("GET", "/v1/audit/verify", a.ada.login(), nil).want(http.StatusOK).json(); report["ok"] != true {
		t.Errorf("the log does not verify: %v", report)
	}
}

// FuzzOperations is TestGeneratedRequests with inputs that the fuzzer finds.
func FuzzOperations(f *testing.F) {
	a := openArena(f)
	for i := range a.ops {
		f.Add(uint16(i), []byte("some choices to begin with"))
	}
	f.Fuzz(func(t *testing.T, op uint16, choices []byte) {
		to := a.ops[int(op)%len(a.ops)]
		if slices.Contains(spoils, to.OperationID) || hashes(to) {
			return // it ends the arena, or hashes
		}
		a.ask(t, to, &dice{choices})
	})
}
