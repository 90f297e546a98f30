package httpapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// canary is planted in what is bad about a request. No error, no log line and no
// event may hold it.
const canary = "cAnArY1b3f"

// goodBodies holds, for every operation that takes a body, one that it takes.
func (s *session) goodBodies() map[string]object {
	drafted := payment("base")
	maps.Copy(drafted, object{
		"data": "0x", "signing_key_path": nil, "nonce": nil, "gas_price": nil, "gas_limit": 21000, "max_fee_per_gas": "2", "max_priority_fee_per_gas": "1",
		"simulate_first": false,
	})
	return map[string]object{
		"login":         {"email": "nobody@example.com", "password": password},
		"agent-token":   {"api_key": s.worker.key, "agent_id": s.worker.id},
		"api-key-token": {"api_key": s.worker.key},
		"federated-token": {
			"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": s.worker.key, "audience": audience, "scope": "vault:read",
			"subject_token_type": "urn:1claw:params:oauth:token-type:api-key",
		},
		"signup":           {"email": s.ada.email, "password": password, "display_name": "x", "invite_token": nil, "setup_code": nil},
		"verify-email":     {"token": "x"},
		"change-password":  {"current_password": "x", "new_password": password},
		"mfa-verify":       {"mfa_token": "mfa_x", "code": "123456"},
		"mfa-verify-setup": {"code": "123456"},
		"add-passkey":      {"token": "pkc_x", "name": "x", "credential": object{}},
		"rename-passkey":   {"name": "x"},
		"passkey-login":    {"token": "pkc_x", "credential": object{}},
		"forgot-password":  {"email": "nobody@example.com"},
		"reset-password":   {"token": "x", "new_password": password},
		"mfa-disable":      {"code": "123456", "password": nil},
		"update-me":        {"display_name": "x", "marketing_emails": true},
		"delete-me":        {"confirmation": "delete my account", "confirm": nil}, // not quite: the account is still needed
		"create-api-key":   {"name": "x", "scopes": []string{"read"}, "expires_at": "2090-01-01T00:00:00Z"},
		"create-vault":     {"name": "main", "description": "x"},
		"update-vault":     {"name": "main", "description": "x"},
		"put-secret":       {"value": "x", "type": "generic", "metadata": object{}, "expires_at": nil, "rotation_policy": object{}, "max_access_count": 0},
		"generate-secret":  {"length": 32, "charset": "hex", "type": "generic"},
		"create-policy": {
			"secret_path_pattern": "a/*", "principal_type": "agent", "principal_id": s.worker.id, "permissions": []string{"read"},
			"conditions": object{}, "expires_at": nil,
		},
		"update-policy":        {"permissions": []string{"read"}, "conditions": object{}, "expires_at": nil},
		"create-share":         {"recipient_type": "agent", "recipient_id": s.worker.id, "max_access_count": 3, "expires_at": "2026-12-01T00:00:00Z"},
		"create-share-by-path": {"vault_id": s.vault, "secret_path": "a/b", "recipient_type": "agent", "recipient_id": s.worker.id, "expires_in_hours": 2, "max_views": 3},
		"access-share":         {"passphrase": "x"},
		"create-agent":         {"name": "x"},
		"update-agent":         {"name": "x"},

		"enable-cmek": {"fingerprint": strings.Repeat("ab", 32)},
		"rotate-cmek": {"new_fingerprint": strings.Repeat("ab", 32)},

		"enroll-agent":         {"name": "x", "human_email": "nobody@example.com", "description": "x"},
		"accept-enrollment":    {"vault_id": s.vault, "secret_path_pattern": "a/*", "permissions": []string{"read"}},
		"login-google":         {"id_token": "x"},
		"start-device-login":   {"client_id": "cli", "email": "nobody@example.com"},
		"device-token":         {"device_code": "x", "grant_type": deviceGrant},
		"approve-device-login": {"user_code": "BCDF-GHJK"},
		"deny-device-login":    {"user_code": "BCDF-GHJK"},

		"set-guard":            {"rules": object{"max_per_day": 7, "allow_text": true}},
		"create-signing-key":   {"chain": "ethereum"},
		"create-router-key":    {"name": "x", "expires_at": nil},
		"import-signing-key":   {"private_key": privateKey, "format": "hex"},
		"rotate-signing-key":   {"key_version": nil},
		"submit-transaction":   drafted,
		"sign-transaction":     drafted,
		"simulate-transaction": payment("base"),
		"try-guard":            drafted,
		"replace-transaction":  {"mode": "cancel", "max_fee_per_gas": nil, "max_priority_fee_per_gas": nil, "signing_key_path": nil},
		"sign-message":         {"intent_type": "personal_sign", "chain": "base", "message": "hello"},
		"simulate-bundle":      {"transactions": []object{payment("base")}},

		"request-approval":                {"vault_id": s.vault, "secret_path": "a/b", "operation": "read", "reason": "x"},
		"request-approval-alias":          {"action": "secret.read", "target_type": "secret", "target_id": s.vault + "/a/b", "summary": object{}, "risk_tier": "low"},
		"approve-approval":                {"reason": "x"},
		"deny-approval":                   {"reason": "x"},
		"decide-approval":                 {"decision": "approved", "reason": "x"},
		"request-secret":                  {"vault_id": s.vault, "path": "wanted/b", "reason": "x", "service": nil, "host": "a.example", "expires_in_seconds": 300},
		"fill-secret-request":             {"value": "x", "type": "note", "new_version": true, "bindings": []object{{"hosts": []string{"a.example"}}}},
		"decline-secret-request":          {"reason": "x"},
		"set-approval-webhook":            {"url": "https://example.com/hook"},
		"set-secret-bindings":             {"bindings": []object{{"hosts": []string{"a.example:8443"}, "methods": []string{"GET"}, "paths": []string{"/v1/**"}, "in": "header:X-Key"}}},
		"http-request":                    {"method": "GET", "url": "https://a.example/", "headers": object{}, "query": object{}, "body": nil, "vault_id": ""},
		"create-agent-binding":            {"name": "pay", "binding_type": "http", "config": object{"base_url": "https://127.0.0.1:1/v1/a"}, "guardrails": object{"allowed_paths": []string{"/v1/**"}}, "credential": "sk-12345678", "is_active": true},
		"update-agent-binding":            {"guardrails": object{"allowed_paths": []string{"/v2/**"}}, "is_active": true, "credential": "sk-12345678"},
		"rotate-agent-binding-credential": {"credential": object{"type": "bearer", "token": "sk-87654321"}},
		"test-agent-binding":              {"timeout_ms": 1},
		"execute":                         {"binding": "none", "intent_type": "http", "params": object{"path": "/a"}, "execution_mode": "vault"},
		"set-env-var":                     {"key": "NAME", "value": "x", "environments": []string{}, "git_branch": nil, "sensitive": true, "comment": "x"},
		"update-env-var":                  {"value": "y", "sensitive": false, "comment": "y"},
		"create-webhook":                  {"url": "https://example.com/events", "events": []string{"secret.*", "policy.create"}, "description": "x"},
		"update-webhook":                  {"url": "https://example.com/other", "events": []string{"*"}, "is_active": true, "description": "y"},
		"invite-member":                   {"email": "zoe@example.com", "role": "member"},
		"update-member":                   {"role": "member"},
		"accept-invitation":               {"token": "x"},
		"switch-org":                      {"org_id": s.ada.org},
		"create-ip-rule":                  {"rule_type": "deny", "cidr": "203.0.113.0/24", "label": "x", "description": "x", "applies_to": "all", "force": false},
		"ssh-sign":                        {"data": "U1NIU0lHAAAAA2dpdAAAAAAAAAAGc2hhNTEyAAAAQGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQ=", "algorithm": "ssh-ed25519"},

		"subscribe":             {"tier": "pro", "interval": "monthly", "trial": true},
		"top-up-credits":        {"amount_usd": 5},
		"receive-payment-event": {},

		"set-overage-method": {"method": "credits"},
		"put-setting":        {"value": "x"},
		"put-x402":           {"network": "eip155:8453"},
		"put-org-limits":     {"is_sponsored": false},
		"put-org-tier":       {"tier": "enterprise"},
		"grant-credits":      {"amount_cents": 1},
		"create-chain":       {"name": "x", "display_name": "X", "chain_id": 7},
		"update-chain":       {"display_name": "X"},
	}
}

// target is where an operation is asked for, with ids that exist.
func (s *session) target(op operation) string {
	return fill(op.path, s.ids())
}

// clean checks that nothing of what was planted is left anywhere.
func (s *session) clean(r reply, what string) {
	s.t.Helper()
	if r.status >= 500 {
		s.t.Errorf("%s %s: got %d: %.200s", r.what, what, r.status, r.body)
	}
	if r.status < 400 {
		return // what was taken may be shown
	}
	if strings.Contains(strings.ToLower(string(r.body)), strings.ToLower(canary)) {
		s.t.Errorf("%s %s: the error repeats what was sent: %s", r.what, what, r.body)
	}
	for k, list := range r.header {
		if strings.Contains(strings.ToLower(k+strings.Join(list, " ")), strings.ToLower(canary)) {
			s.t.Errorf("%s %s: the header %s repeats what was sent: %v", r.what, what, k, list)
		}
	}
}

// cleanLogs checks the server's log and the audit log.
func (s *session) cleanLogs() {
	s.t.Helper()
	if i := strings.Index(strings.ToLower(s.Log.String()), strings.ToLower(canary)); i >= 0 {
		s.t.Errorf("the server's log repeats what was sent: ...%.300s", s.Log.String()[max(0, i-200):])
	}
	for _, e := range s.events() {
		if line := strings.ToLower(strings.Join([]string{e.action, e.actor, e.resource, e.resourceType, e.ip, e.details}, " ")); strings.Contains(line, strings.ToLower(canary)) && e.detail("outcome") != "success" {
			s.t.Errorf("the audit log repeats what was sent: %s", line)
		}
	}
}

func deep(open, end string, n int) string {
	return `{"x":` + strings.Repeat(open, n) + strings.Repeat(end, n) + `}`
}

// badBodies are no body for any operation: all are refused with 400.
var badBodies = map[string]string{
	"nothing":                     "",
	"blanks":                      " \n ",
	"no JSON":                     canary,
	"a cut object":                `{"` + canary,
	"a cut value":                 `{"name":"` + canary,
	"a list":                      `["` + canary + `"]`,
	"a text":                      `"` + canary + `"`,
	"a number":                    `7`,
	"a truth":                     `true`,
	"null":                        `null`,
	"a key twice":                 `{"` + canary + `":1,"` + canary + `":2}`,
	"a key twice inside":          `{"metadata":{"` + canary + `":1,"` + canary + `":2}}`,
	"a key twice, once escaped":   `{"` + canary + `":1,"\u0063` + canary[1:] + `":2}`,
	"a key in two cases":          `{"` + canary + `":1,"` + strings.ToUpper(canary) + `":2}`,
	"a known key in two cases":    `{"name":"x","Name":"` + canary + `"}`,
	"100,000 lists":               deep("[", "]", 100_000),
	"100,000 objects":             `{"x":` + strings.Repeat(`{"`+canary+`":`, 100_000) + "1" + strings.Repeat("}", 100_001),
	"100,000 lists left open":     `{"x":` + strings.Repeat("[", 100_000),
	"40 levels":                   deep("[", "]", 40),
	"bad UTF-8":                   "{\"name\":\"" + canary + "\xff\"}",
	"bad UTF-8 in a key":          "{\"" + canary + "\xc3\x28\":1}",
	"over-long UTF-8":             "{\"name\":\"" + canary + "\xc0\xaf\"}",
	"a lone surrogate":            `{"name":"` + canary + `\ud800"}`,
	"surrogates the wrong way":    `{"name":"` + canary + `\udc00\ud800"}`,
	"a byte order mark":           "\xef\xbb\xbf{}",
	"UTF-16":                      "\xff\xfe{\x00}\x00",
	"NaN":                         `{"x":NaN}`,
	"infinity":                    `{"x":-Infinity}`,
	"a number with a plus":        `{"x":+1}`,
	"a number with leading zeros": `{"x":007}`,
	"hexadecimal":                 `{"x":0x7}`,
	"single quotes":               `{'name':'` + canary + `'}`,
	"a comment":                   `{/*` + canary + `*/}`,
	"a trailing comma":            `{"x":1,}`,
	"two values":                  `{}{"` + canary + `":1}`,
	"trailing text":               `{} ` + canary,
	"a raw newline in a text":     "{\"name\":\"a\n" + canary + "\"}",
	"a raw NUL":                   "{\"name\":\"a\x00" + canary + "\"}",
}

func TestBodiesThatAreNoneAreRefusedEverywhere(t *testing.T) {
	s := openSession(t, stripeAt(newStripe(t).URL))
	var takes []string
	for _, op := range s.operations() {
		if !op.takesJSON() {
			continue
		}
		takes = append(takes, op.OperationID)
		for name, body := range badBodies {
			r := s.do(op.method, s.target(op), s.ada.token, body)
			if body == "" && emptyIsFine[op.OperationID] != 0 {
				r.want(emptyIsFine[op.OperationID])
				continue
			}
			if body == "" && op.OperationID == "access-share" {
				r.want(403, "share_not_yours") // what it names is optional
				continue
			}
			if want := expected(op, body); r.status != want {
				t.Errorf("%s with %s: got %d: %.200s", op, name, r.status, r.body)
				continue
			}
			r.problem()
			s.clean(r, "with "+name)
		}
	}
	if want := slices.Sorted(maps.Keys(s.goodBodies())); !slices.Equal(slices.Sorted(slices.Values(takes)), want) {
		t.Errorf("operations with bodies: %v, want %v", takes, want)
	}
	s.cleanLogs()
	s.do("GET", secretAt(s.vault, "a/b"), s.ada.token, nil).want(200)
}

// emptyIsFine are the operations that need no body, and what they answer for
// the session's things without one. Those of 200 change nothing then, but an
// approval, which is decided; the 201 is another value.
var emptyIsFine = map[string]int{
	"update-me": 200, "update-agent": 200, "update-policy": 200,
	"approve-approval": 200, "deny-approval": 409, "generate-secret": 201,
	"rotate-signing-key":     404, // the worker has none
	"test-agent-binding":     200, // nobody answers
	"decline-secret-request": 200,
}

// expected is what a body that is none is answered with.
func expected(op operation, body string) int {
	if op.action.Public() && len(body) > 64<<10 {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// badValues are put in the place of every field of every body.
var badValues = map[string]string{
	"a truth": `true`, "a number": `7`, "a negative number": `-1`, "a fraction": `1.5`, "a huge number": `1e400`,
	"a large number": `1e308`, "more than 64 bits": `9223372036854775808`, "less than 64 bits": `-9223372036854775809`,
	"a number of 1,000 digits": strings.Repeat("9", 1000), "a text": `"` + canary + `"`, "an empty text": `""`, "null": `null`,
	"a list": `[]`, "a list of texts": `["` + canary + `"]`, "a list of lists": `[["` + canary + `"]]`, "an object": `{"` + canary + `":"` + canary + `"}`,
	"a NUL": `"` + canary + `\u0000"`, "a line break": `"` + canary + `\r\nX: y"`, "a long text": `"` + canary + strings.Repeat("x", 70_000) + `"`,
	"a list of many": `["` + canary + `"` + strings.Repeat(`,"x"`, 2000) + `]`, "the past": `"2001-01-01T00:00:00Z"`,
	"year 10000": `"10000-01-01T00:00:00Z"`, "year 10000 in UTC": `"9999-12-31T23:59:59-01:00"`, "year 0": `"0000-01-01T00:00:00Z"`,
	"a bad zone": `"2090-01-01T00:00:00+99:99"`, "no zone": `"2090-01-01T00:00:00"`, "February 30": `"2090-02-30T00:00:00Z"`,
	"a leap second": `"2090-12-31T23:59:60Z"`, "seconds since 1970": `3786912000`,
	"a template": `"{{` + canary + `}}${` + canary + `}%s%n"`, "SQL": `"' OR 1=1; -- ` + canary + `"`,
}

func TestBadValuesAreRefusedInEveryField(t *testing.T) {
	s := openSession(t, stripeAt(newStripe(t).URL))
	good := s.goodBodies()
	schemas := s.API.OpenAPI().Components.Schemas
	for _, op := range s.operations() {
		if !op.takesJSON() || op.OperationID == "receive-payment-event" { // whose body is nothing until its signature is good
			continue
		}
		schema := op.RequestBody.Content["application/json"].Schema
		if schema.Ref != "" {
			schema = schemas.SchemaFromRef(schema.Ref)
		}
		if len(schema.Properties) == 0 {
			t.Errorf("%s: no properties", op)
		}
		for field := range schema.Properties {
			for name, value := range badValues {
				if slow(op, field, schema, value) || named(field, value) {
					continue
				}
				body := maps.Clone(good[op.OperationID])
				body[field] = json.RawMessage(value)
				r := s.do(op.method, s.target(op), s.ada.token, body)
				if r.status >= 400 {
					r.problem()
				}
				s.clean(r, "with "+name+" as "+field)
			}
		}
	}
	s.cleanLogs()
	// Whatever was taken on the way can be shown.
	for _, target := range []string{"/v1/vaults", "/v1/agents", "/v1/auth/api-keys", "/v1/auth/me", "/v1/vaults/" + s.vault + "/secrets", "/v1/vaults/" + s.vault + "/policies", "/v1/audit/events?limit=1000"} {
		s.do("GET", target, s.ada.token, nil).want(200)
	}
}

// named leaves out what is a good path: the log names it.
func named(field, value string) bool { return field == "secret_path" && value == badValues["a text"] }

// slow leaves out most texts where each is hashed.
func slow(op operation, field string, schema *huma.Schema, value string) bool {
	hashed := op.OperationID == "login" || op.OperationID == "change-password" || op.OperationID == "signup"
	return hashed && schema.Properties[field].Type == huma.TypeString && strings.HasPrefix(value, `"`) && value != badValues["a NUL"]
}

func TestABodyOf5MiBIsTakenAndOneByteMoreIsNot(t *testing.T) {
	s := openSession(t)
	const limit = 5 << 20
	frame := len(`{"value":""}`)
	at := func(n int) string { return `{"value":"` + strings.Repeat("v", n-frame) + `"}` }
	s.do("PUT", secretAt(s.vault, "large"), s.ada.token, at(limit)).want(201)
	if v := s.do("GET", secretAt(s.vault, "large"), s.ada.token, nil).want(200).str("value"); len(v) != limit-frame {
		t.Errorf("got %d bytes back", len(v))
	}
	for _, op := range s.operations() {
		if op.takesJSON() {
			s.do(op.method, s.target(op), s.ada.token, `{"`+canary+`":"`+strings.Repeat("v", limit)+`"}`).want(413, "body_too_large")
		}
	}
}

// endless is a body without an end; it counts what was read of it.
type endless struct {
	head io.Reader
	read int
}

func (e *endless) Read(b []byte) (int, error) {
	if n, err := e.head.Read(b); err == nil {
		e.read += n
		return n, nil
	}
	n := copy(b, bytes.Repeat([]byte("v"), min(len(b), 32<<10)))
	e.read += n
	return n, nil
}

func TestAnonymousCallersMaySendLittle(t *testing.T) {
	s := openSession(t)
	body := `{"` + canary + `":"` + strings.Repeat("v", 64<<10) + `"}`
	for _, op := range s.operations() {
		if op.takesJSON() && op.action.Public() {
			s.do(op.method, s.target(op), "", body).want(413, "body_too_large")
		}
	}
}

func TestLargeAndDeepBodiesCostBoundedMemory(t *testing.T) {
	s := openSession(t)
	e := &endless{head: strings.NewReader(`{"value":"`)}
	s.do("PUT", secretAt(s.vault, "a"), s.ada.token, e).want(413)
	if e.read > 5<<20+64<<10 {
		t.Errorf("%d bytes of an endless body were read", e.read)
	}
	for name, body := range map[string]string{
		"depth": deep("[", "]", 2_000_000), "depth in objects": strings.Repeat(`{"x":`, 900_000), "keys": manyKeys(400_000),
		"values": `{"x":[` + strings.Repeat("1,", 2_000_000) + `1]}`,
	} {
		raw := []byte(body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s.do("POST", "/v1/vaults", s.ada.token, raw).want(400)
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 128<<20 {
			t.Errorf("%s: a body of %d MiB allocated %d MiB", name, len(raw)>>20, spent>>20)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		b.WriteString(`"k` + itoa(i) + `":1,`)
	}
	b.WriteString(`"name":7}`)
	return b.String()
}

func TestHowABodyIsSentDoesNotMatter(t *testing.T) {
	s := openSession(t)
	body := `{"value":"x"}`
	for name, change := range map[string]func(*http.Request){
		"no content type":      func(r *http.Request) { r.Header.Del("Content-Type") },
		"a form, as curl says": header("Content-Type", "application/x-www-form-urlencoded"),
		"multipart":            header("Content-Type", "multipart/form-data; boundary="+canary),
		"a charset":            header("Content-Type", "application/json; charset=utf-8"),
		"garbage":              header("Content-Type", canary),
	} {
		r := s.do("PUT", secretAt(s.vault, "a"), s.ada.token, body, change)
		r.what += " with " + name
		r.want(201)
	}
	s.do("PUT", secretAt(s.vault, "a"), s.ada.token, strings.NewReader(body)).want(201)
	s.do("PUT", secretAt(s.vault, "a"), s.ada.token, "\x1f\x8b\x08"+canary, header("Content-Encoding", "gzip")).want(400)
	// Bodies where none belongs are ignored: the SDK sends {} or a content type.
	for _, stray := range []string{"", "{}", canary, strings.Repeat("x", 1<<20)} {
		s.do("GET", "/v1/vaults", s.ada.token, stray).want(200)
		s.do("POST", "/v1/agents/"+s.worker.id+"/rotate-identity-keys", s.ada.token, stray).want(200)
		s.do("GET", secretAt(s.vault, "a"), s.ada.token, stray).want(200)
	}
	s.cleanLogs()
}

func TestHeadersAreNotRepeated(t *testing.T) {
	s := openSession(t)
	for _, name := range []string{"Authorization", "Accept", "User-Agent", "X-Request-Id", "Content-Type", "Origin", "Referer", "If-None-Match", "Range", "Idempotency-Key", "X-Forwarded-For", "Accept-Encoding", "Cookie", "Traceparent"} {
		for _, value := range []string{canary, "Bearer " + canary, canary + "; q=x", strings.Repeat(canary, 5000)} {
			s.clean(s.do("GET", secretAt(s.vault, "none"), s.ada.token, nil, header(name, value)), name)
			s.clean(s.do("GET", "/v1/nope", "", nil, header(name, value)), name)
			s.clean(s.do("POST", "/v1/auth/agent-token", "", object{}, header(name, value)), name)
		}
	}
	s.cleanLogs()
}
