package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
)

// Clients show these texts and some compare them: each is pinned as it is sent.
func TestWhatIsWrongWithARequestIsSaidInTheseWords(t *testing.T) {
	s := openSession(t)
	const (
		kinds    = `expected value to be one of "generic, password, api_key, private_key, certificate, file, note, ssh_key, env_bundle, env, token, totp_seed"`
		needed   = "This operation needs a body: a JSON object."
		notJSON  = "The body is not valid JSON in UTF-8."
		datetime = "expected string to be RFC 3339 date-time"
		most     = "expected number <= 2.147483647e+09"
	)
	secret, policies := "PUT "+secretAt(s.vault, "new"), "POST /v1/vaults/"+s.vault+"/policies"
	agents, shares, events := "POST /v1/agents", "POST /v1/shares", "GET /v1/audit/events"
	listing := "GET /v1/vaults/" + s.vault + "/secrets"
	grant := func(field string) string {
		return `{"secret_path_pattern":"a","principal_type":"agent","principal_id":"` + s.worker.id + `","permissions":["read"],` + field + `}`
	}
	for _, c := range []struct{ ask, body, want string }{
		{secret, `{}`, "body.value: is required"},
		{secret, `{"value":1}`, "body.value: expected string"},
		{secret, `{"value":null}`, "body.value: expected string"},
		{secret, `{"value":"x","type":"nope"}`, "body.type: " + kinds},
		{secret, `{"value":"x","type":7}`, "body.type: expected string"},
		{secret, `{"value":"x","secret_type":"nope"}`, "body.secret_type: " + kinds},
		{secret, `{"value":"x","metadata":[]}`, "body.metadata: expected object"},
		{secret, `{"value":"x","max_access_count":-1}`, "body.max_access_count: expected number >= 0"},
		{secret, `{"value":"x","max_access_count":1.5}`, "body.max_access_count: expected integer"},
		{secret, `{"value":"x","max_access_count":-1.5}`, "body.max_access_count: expected integer; body.max_access_count: expected number >= 0"},
		{secret, `{"value":"x","max_access_count":"7"}`, "body.max_access_count: expected integer"},
		{secret, `{"value":"x","max_access_count":3000000000}`, "body.max_access_count: " + most},
		{secret, `{"value":"x","expires_at":"soon"}`, "body.expires_at: " + datetime},
		{secret, `{"value":"x","expires_at":7}`, "body.expires_at: expected string"},
		{secret, `{"type":[],"metadata":"m","max_access_count":true,"expires_at":"x"}`, "body.expires_at: " + datetime +
			"; body.max_access_count: expected integer; body.metadata: expected object; body.type: expected string; body.value: is required"},
		{secret, `[]`, "body: expected object"},
		{secret, `null`, "body: expected object"},
		{secret, `"x"`, "body: expected object"},
		{secret, ``, needed},
		{"PUT /v1/vaults/" + s.vault + "/secrets/", `{}`, "path.path: required path parameter is missing; body.value: is required"},
		{"PUT /v1/vaults/" + s.vault + "/secrets/", ``, "path.path: required path parameter is missing"},
		{"PUT /v1/vaults/" + s.vault + "/secrets/", `{"value":"x"`, notJSON},
		{policies, `{}`, "body.permissions: is required; body.principal_id: is required; body.principal_type: is required; body.secret_path_pattern: is required"},
		{policies, grant(`"x":1`) + " ", ""},
		{policies, strings.Replace(grant(`"x":1`), `["read"]`, `[]`, 1), "body.permissions: expected array length >= 1"},
		{policies, strings.Replace(grant(`"x":1`), `["read"]`, `"read"`, 1), "body.permissions: expected array"},
		{policies, strings.Replace(grant(`"x":1`), `["read"]`, `null`, 1), "permissions is a list of one or more of read, use, write and delete."},
		{policies, strings.Replace(grant(`"x":1`), `["read"]`, `["read","fly",7,null]`, 1), "body.permissions: expected string; body.permissions: expected string"},
		{policies, strings.Replace(grant(`"x":1`), `["read"]`, `[1`+strings.Repeat(`,"read"`, 8)+`]`, 1), "body.permissions: expected array length <= 8; body.permissions: expected string"},
		{policies, strings.Replace(grant(`"x":1`), `"a"`, `""`, 1), "body.secret_path_pattern: expected length >= 1"},
		{policies, strings.Replace(grant(`"x":1`), `"a"`, `"`+strings.Repeat("é", 513)+`"`, 1), "body.secret_path_pattern: expected length <= 512"},
		{policies, strings.Replace(grant(`"x":1`), `"a"`, `"`+strings.Repeat(`\ud83d\ude00`, 513)+`"`, 1), "body.secret_path_pattern: expected length <= 512"},
		{policies, strings.Replace(grant(`"x":1`), `"agent"`, `"ghost"`, 1), `body.principal_type: expected value to be one of "user, agent"`},
		{policies, strings.Replace(grant(`"x":1`), s.worker.id, "x", 1), "body.principal_id: expected length >= 36"},
		{agents, `{"name":"x","intents_api_enabled":"yes"}`, "body.intents_api_enabled: expected boolean"},
		{agents, `{"name":"x","token_ttl_seconds":0}`, "body.token_ttl_seconds: expected number >= 1"},
		{agents, `{"name":"x","token_ttl_seconds":1e9}`, "body.token_ttl_seconds: expected number <= 2.592e+06"},
		{agents, `{"name":"x","scopes":[` + strings.Repeat("1,", 30) + `1]}`, strings.Repeat("body.scopes: expected string; ", 15) + "body.scopes: expected string"},
		{agents, `{"Name":"x"}`, "body.name: is required"},
		{"PATCH /v1/agents/" + s.worker.id, `{"is_active":1,"scopes":"read","shroud_config":[]}`, "body.is_active: expected boolean; body.scopes: expected array; body.shroud_config: expected object"},
		{"POST /v1/agents/" + s.worker.id + "/transactions", `{"chain":31337,"to":"0x0000000000000000000000000000000000000001","value":"1"}`, "body.chain: expected string"},
		{"POST /v1/agents/" + s.worker.id + "/transactions", `{"chain":"base","to":"0x0000000000000000000000000000000000000001","value":"1","gas_limit":-1}`, "body.gas_limit: expected number >= 0"},
		{shares, `{"expires_in_hours":"x"}`, "body.expires_in_hours: expected number"},
		{shares, `{"expires_in_hours":-0.5}`, "body.expires_in_hours: expected number >= 0"},
		{shares, `{"passphrase":7}`, "body.passphrase: expected string"},
		{"POST /v1/auth/api-keys", `{"name":""}`, "body.name: expected length >= 1"},
		{"POST /v1/approvals/" + nobodysID + "/decide", `{"decision":"maybe"}`, `body.decision: expected value to be one of "approve, reject, approved, rejected, denied"`},
		{listing + "?limit=0", ``, "query.limit: expected number >= 1"},
		{listing + "?limit=10001", ``, "query.limit: expected number <= 10000"},
		{listing + "?limit=x", ``, "query.limit: not acceptable"},
		{listing + "?limit=1.5", ``, "query.limit: not acceptable"},
		{listing + "?prefix=" + strings.Repeat("%C3%A9", 513), ``, "query.prefix: expected length <= 512"},
		{listing + "?limit=x&cursor=" + strings.Repeat("x", 1025) + "&prefix=" + strings.Repeat("x", 513), ``, "query.prefix: expected length <= 512; query.limit: not acceptable; query.cursor: expected length <= 1024"},
		{events + "?from=yesterday&to=2026-01-02", ``, "query.from: not acceptable; query.to: not acceptable"},
		{events + "?before_seq=-1&offset=-1", ``, "query.before_seq: not acceptable; query.offset: expected number >= 0"},
		{events + "?offset=1000001", ``, "query.offset: expected number <= 1e+06"},
		{"GET /v1/audit/verify?full=perhaps", ``, "query.full: not acceptable"},
		{"GET /v1/shares?direction=up", ``, `query.direction: expected value to be one of "inbound, outbound"`},
		{"GET /v1/vaults/" + s.vault + "/secret-versions/a/b?version=0", ``, "query.version: expected number >= 1"},
		{secret, `{"value":1e400}`, notJSON},
		{secret, `{"value":"x","later":[1e400]}`, notJSON},
		{secret, `{"value":"x","expires_at":"2090-01-01T00:00:00+99:99"}`, "body.expires_at: " + datetime},
		{secret, `{"value":"x"} x`, notJSON},
		{secret, `{"value":"x","a":{"b":1,"b":2}}`, "An object in the body has the same key twice."},
		{secret, `{"value":7,"later":1,"Later":2}`, "The body has a key in two spellings that differ only in case."},
		{secret, `{"value":7,"later":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, "The body is nested too deeply."},
		{secret, `{"value":7,"later":[` + strings.Repeat("1,", 50_000) + `1]}`, "The body has too many keys and values."},
	} {
		method, target, _ := strings.Cut(c.ask, " ")
		var body any = c.body
		if method == "GET" {
			body = nil
		}
		r := s.do(method, target, s.ada.token, body)
		got := ""
		if r.status >= 400 {
			o := r.want(400).json()
			got, _ = o["detail"].(string)
			if fields, _ := o["fields"].([]any); len(fields) > 0 {
				all := make([]string, len(fields))
				for i, f := range fields {
					all[i] = fmt.Sprintf("%v: %v", f.(object)["field"], f.(object)["message"])
				}
				if want := "The request is not valid: " + all[0] + "."; got != want {
					t.Errorf("%s %.100s: the detail is %q, want %q", c.ask, c.body, got, want)
				}
				got = strings.Join(all, "; ")
			}
		}
		if got != c.want {
			t.Errorf("%s %.100s:\ngot  %s\nwant %s", c.ask, c.body, got, c.want)
		}
	}
}
