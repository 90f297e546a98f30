package httpapi_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// executing is an agent that may execute, and a service.
type executing struct {
	*session
	agent *robot
	up    *upstream
}

func openExecuting(t *testing.T, change ...func(*setup)) *executing {
	s := openSession(t, append(change, rest.OneByOne)...)
	return &executing{session: s, up: openUpstream(t), agent: s.ada.agent(object{"name": "executing", "reveal": "never", "execution_intents_enabled": true})}
}

func (x *executing) at(rest string) string { return "/v1/agents/" + x.agent.id + rest }

// bind makes a binding named pay for the service, with what fields say besides.
func (x *executing) bind(fields object) reply {
	x.t.Helper()
	body := object{"name": "pay", "binding_type": "http", "config": object{"base_url": x.up.URL + "/v1"}, "credential": hiddenValue}
	for k, v := range fields {
		body[k] = v
	}
	return x.do("POST", x.at("/bindings"), x.ada.token, body)
}

func (x *executing) runs(params object) reply {
	x.t.Helper()
	return x.do("POST", x.at("/execute"), x.agent.token, object{"binding": "pay", "intent_type": "http", "params": params})
}

func TestAnAgentExecutesWithACredentialThatItNeverSees(t *testing.T) {
	x := openExecuting(t)
	made := x.bind(object{"guardrails": object{"allowed_paths": []string{"/v1/charges/*"}}}).want(201)
	if made.str("credential_source_type") != "inline" || made.json()["credential_set"] != true || strings.Contains(string(made.body), "s3cr3t") {
		t.Errorf("the binding is %s", made.body)
	}
	x.up.say = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		_, _ = io.WriteString(w, "you sent "+r.Header.Get("Authorization")+" and "+r.URL.RawQuery)
	}
	got := x.runs(object{"method": "POST", "path": "/charges/7?page=2", "headers": object{"X-Extra": "kept"}, "query": object{"n": "1"}, "body": object{"amount": 5}}).want(200)
	if got.str("status") != "success" || got.str("execution_surface") != "vault" || fmt.Sprint(got.json()["redactions_applied"]) != "1" {
		t.Errorf("got %s", got.body)
	}
	if text := got.str("result", "body"); text != "you sent Bearer [REDACTED:credential] and page=2&n=1" {
		t.Errorf("the answer is %q", text)
	}
	r := x.up.got[0]
	if r.Header.Get("Authorization") != "Bearer "+hiddenValue || r.Header.Get("X-Extra") != "kept" || r.URL.Path != "/v1/charges/7" || r.Method != "POST" || x.up.sent[0] != `{"amount":5}` {
		t.Errorf("the service got %s %v %v %s", r.Method, r.URL, r.Header, x.up.sent[0])
	}
	// The log has its use and what came of it by its id.
	if about := x.do("GET", "/v1/audit/events?resource_id="+got.str("execution_id"), x.ada.token, nil).want(200).list("events"); len(about) != 2 || about[1]["action"] != "secret.use" || about[1]["resource_type"] != "execution" {
		t.Errorf("the log has %v", about)
	}
	for _, who := range []string{x.agent.token, x.ada.token} {
		list := x.do("GET", x.at("/executions"), who, nil).want(200).list("events")
		if len(list) != 1 || list[0]["id"] != got.str("execution_id") || list[0]["status"] != "success" || list[0]["binding_id"] != made.str("id") {
			t.Errorf("the list is %v", list)
		}
		summary := fmt.Sprint(list[0]["request_summary"])
		if !strings.Contains(summary, "/v1/charges/*") || strings.Contains(summary, "page") {
			t.Errorf("the list says %s", summary)
		}
	}
	var actions []string
	for _, e := range x.Events(x.ada.org) {
		text := string(e.DetailsJSON)
		if strings.HasPrefix(e.Action, "secret.use") {
			actions = append(actions, e.Action)
		}
		if strings.Contains(text, "s3cr3t") || strings.Contains(text, "page=2") {
			t.Errorf("the log has %s", text)
		}
		if e.Action == "secret.use" && (!strings.Contains(text, `"how":"execution"`) || !strings.Contains(text, `"path_template":"/v1/charges/*"`)) {
			t.Errorf("the log has %s", text)
		}
	}
	if fmt.Sprint(actions) != "[secret.use secret.used]" {
		t.Errorf("the log has %v", actions)
	}
}

// Each way in which clients write credentials and bounds, and what the service gets of it.
func TestBindingsAsClientsWriteThem(t *testing.T) {
	for name, c := range map[string]struct {
		fields object
		want   func(*http.Request) string
		is     string
	}{
		"a bare text":      {object{"credential": "sk-12345678"}, authorizationOf, "Bearer sk-12345678"},
		"bearer":           {object{"credential": object{"type": "bearer", "token": "sk-12345678"}}, authorizationOf, "Bearer sk-12345678"},
		"basic":            {object{"credential": object{"type": "basic", "username": "me", "password": "pass-word"}}, authorizationOf, "Basic " + base64.StdEncoding.EncodeToString([]byte("me:pass-word"))},
		"a text for basic": {object{"credential": "me:pass-word", "config": object{"auth_type": "basic"}}, authorizationOf, "Basic " + base64.StdEncoding.EncodeToString([]byte("me:pass-word"))},
		"a header":         {object{"credential": object{"type": "header", "name": "x-api-key", "value": "sk-12345678"}}, func(r *http.Request) string { return r.Header.Get("X-Api-Key") }, "sk-12345678"},
		"a parameter":      {object{"credential": object{"type": "query", "name": "key", "value": "sk 12345678"}}, func(r *http.Request) string { return r.URL.Query().Get("key") }, "sk 12345678"},
		"a source":         {object{"credential": nil, "credential_source": object{"type": "inline", "value": "sk-12345678"}}, authorizationOf, "Bearer sk-12345678"},
	} {
		t.Run(name, func(t *testing.T) {
			x := openExecuting(t)
			config := object{"base_url": x.up.URL, "headers": object{"X-Fixed": "mine"}}
			if more, ok := c.fields["config"].(object); ok {
				for k, v := range more {
					config[k] = v
				}
			}
			c.fields["config"] = config
			made := x.bind(c.fields).want(201)
			x.runs(object{"method": "GET", "path": "a", "headers": object{"x-fixed": "theirs"}}).want(200)
			if got := c.want(x.up.got[0]); got != c.is || x.up.got[0].Header.Get("X-Fixed") != "mine" {
				t.Errorf("the service got %q, %v", got, x.up.got[0].Header)
			}
			for _, path := range []string{"/bindings", "/bindings/" + made.str("id")} {
				if got := x.do("GET", x.at(path), x.ada.token, nil).want(200); strings.Contains(string(got.body), "12345678") || strings.Contains(string(got.body), "pass-word") {
					t.Errorf("%s shows %s", path, got.body)
				}
			}
		})
	}
}

func authorizationOf(r *http.Request) string { return r.Header.Get("Authorization") }

func TestBoundsStandInOnePlace(t *testing.T) {
	x := openExecuting(t)
	host := []string{x.up.host()}
	for i, fields := range []object{
		{"guardrails": object{"allowed_hosts": host}}, {"config": object{"allowed_hosts": host}}, {"allowed_hosts": host},
	} {
		fields["name"] = fmt.Sprint("b", i)
		if fields["config"] == nil {
			fields["config"] = object{}
		}
		made := x.bind(fields).want(201)
		if got := fmt.Sprint(made.json()["guardrails"]); !strings.Contains(got, x.up.host()) {
			t.Errorf("guardrails are %s", got)
		}
		x.do("POST", x.at("/execute"), x.agent.token, object{"binding": fields["name"], "intent_type": "http_request", "params": object{"url": x.up.URL + "/a"}}).want(200)
		x.do("POST", x.at("/execute"), x.agent.token, object{"binding": fields["name"], "intent_type": "http", "params": object{"url": "https://evil.example/a"}}).want(403, "host_not_allowed")
	}
	for name, fields := range map[string]object{
		"two places":           {"allowed_hosts": host, "guardrails": object{"allowed_hosts": host}},
		"a misspelt bound":     {"guardrails": object{"allow_hosts": host}},
		"a misspelt bound up":  {"allow_hosts": host},
		"a misspelt config":    {"config": object{"base_url": x.up.URL, "timeout": 5}},
		"another host than":    {"allowed_hosts": []string{"api.example.com"}},
		"no host":              {"config": object{}},
		"a host of all":        {"allowed_hosts": []string{"*"}, "config": object{}},
		"a query":              {"config": object{"base_url": x.up.URL + "/?a=b"}},
		"a user":               {"config": object{"base_url": "https://me@a.example/"}},
		"another type":         {"binding_type": "redis"},
		"an id as its name":    {"name": nobodysID},
		"a short credential":   {"credential": "short"},
		"no type":              {"credential": object{"type": "magic", "token": "sk-12345678"}},
		"more than one":        {"credential": object{"type": "bearer", "token": "sk-12345678", "value": "sk-12345678"}},
		"a cookie":             {"credential": object{"type": "header", "name": "Cookie", "value": "sk-12345678"}},
		"a number":             {"credential": 12345678},
		"vault_ref of nothing": {"credential": nil, "credential_source": object{"type": "vault_ref"}},
		"inline of nothing":    {"credential": nil, "credential_source": object{"type": "inline"}},
		"a pattern":            {"guardrails": object{"allowed_paths": []string{"no-slash"}}},
		"too long":             {"guardrails": object{"max_duration_ms": 600_001}},
	} {
		t.Run(name, func(t *testing.T) {
			x.session.t = t
			fields["name2"] = nil
			delete(fields, "name2")
			if fields["name"] == nil {
				fields["name"] = "refused"
			}
			if got := x.bind(fields).want(400); strings.Contains(string(got.body), "12345678") {
				t.Errorf("the answer echoes: %s", got.body)
			}
		})
	}
}

func TestWhatNoGuardrailAllowsIsNotSent(t *testing.T) {
	x := openExecuting(t)
	other := openUpstream(t)
	x.bind(object{"guardrails": object{"allowed_paths": []string{"/v1/charges/**"}, "allowed_methods": []string{"GET", "POST"}}, "config": object{"base_url": x.up.URL + "/v1", "headers": object{"X-Fixed": "a"}}}).want(201)
	for name, c := range map[string]struct {
		params object
		status int
		code   string
	}{
		"another host":           {object{"url": other.URL + "/v1/charges/1"}, 403, "host_not_allowed"},
		"a user in the host":     {object{"url": "http://" + x.up.host() + "@" + other.host() + "/v1/charges/1"}, 400, "invalid_url"},
		"a path with a host":     {object{"path": "@" + other.host() + "/v1/charges/1"}, 403, "path_not_allowed"},
		"a path of two slashes":  {object{"path": "//" + other.host() + "/v1/charges/1"}, 400, "invalid_url"},
		"another path":           {object{"path": "/refunds"}, 403, "path_not_allowed"},
		"dots":                   {object{"path": "/charges/../refunds"}, 400, "invalid_url"},
		"escaped dots":           {object{"path": "/charges/%2e%2e/refunds"}, 400, "invalid_url"},
		"another method":         {object{"path": "/charges/1", "method": "DELETE"}, 403, "path_not_allowed"},
		"TRACE":                  {object{"path": "/charges/1", "method": "TRACE"}, 400, "invalid_method"},
		"a method override":      {object{"path": "/charges/1", "headers": object{"X-HTTP-Method-Override": "DELETE"}}, 400, "invalid_header"},
		"a credential of theirs": {object{"path": "/charges/1", "headers": object{"authorization": "Bearer mine"}}, 400, "credential_place_taken"},
		"a header with a break":  {object{"path": "/charges/1", "headers": object{"X-A": "a\r\nHost: " + other.host()}}, 400, "invalid_header"},
		"the host":               {object{"path": "/charges/1", "headers": object{"Host": other.host()}}, 400, "invalid_header"},
		"a length":               {object{"path": "/charges/1", "method": "POST", "headers": object{"Content-Length": "0"}, "body": "GET / HTTP/1.1"}, 400, "invalid_header"},
		"an encoding":            {object{"path": "/charges/1", "headers": object{"Transfer-Encoding": "chunked"}}, 400, "invalid_header"},
		"a reference":            {object{"path": "/charges/1", "headers": object{"X-A": "{{secret:other}}"}}, 400, "reference_not_allowed"},
		"path and url":           {object{"path": "/charges/1", "url": x.up.URL}, 400, "invalid_params"},
		"a param of none":        {object{"path": "/charges/1", "proxy": other.URL}, 400, "invalid_params"},
	} {
		t.Run(name, func(t *testing.T) {
			x.session.t = t
			if got := x.runs(c.params).want(c.status, c.code); strings.Contains(string(got.body), other.host()) {
				t.Errorf("the answer echoes: %s", got.body)
			}
		})
	}
	x.session.t = t
	if n := x.up.calls() + other.calls(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	// Where the credential goes is known once it was opened: that one is in the list.
	if list := x.do("GET", x.at("/executions"), x.agent.token, nil).want(200).list("events"); len(list) != 1 || list[0]["error_message"] != "credential_place_taken" {
		t.Errorf("the list has %v", list)
	}
	// Of headers that only a human sets, those that smuggle are refused when they are sent.
	for _, headers := range []object{{"Host": "a"}, {"X-A": "a\r\nX-B: b"}, {"Transfer-Encoding": "chunked"}, {"X_A": "a"}} {
		made := x.bind(object{"name": "smuggles", "config": object{"base_url": x.up.URL, "headers": headers}})
		if made.status == 201 {
			x.do("POST", x.at("/execute"), x.agent.token, object{"binding": "smuggles", "intent_type": "http", "params": object{}}).want(400, "invalid_header")
			x.do("DELETE", x.at("/bindings/"+made.str("id")), x.ada.token, nil).want(204)
		}
	}
	if n := x.up.calls(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// What the other server answers: the credential in each spelling, much, a redirect, nothing.
func TestWhatAServiceAnswersIsRedacted(t *testing.T) {
	x := openExecuting(t)
	x.bind(object{"credential": object{"type": "basic", "username": "me", "password": hiddenValue}}).want(201)
	for name, text := range map[string]string{
		"in the clear": hiddenValue,
		"base64":       base64.StdEncoding.EncodeToString([]byte(hiddenValue)),
		"of the pair":  base64.StdEncoding.EncodeToString([]byte("me:" + hiddenValue)),
		"hex":          hex.EncodeToString([]byte(hiddenValue)),
		"escaped":      url.QueryEscape(hiddenValue),
		"JSON":         `{"a":"` + strings.NewReplacer(`"`, `\"`, `/`, `\/`).Replace(hiddenValue) + `"}`,
	} {
		x.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("X-Echo", text)
			w.Header().Set("Set-Cookie", "a="+hiddenValue)
			_, _ = io.WriteString(w, "<"+text+">")
		}
		got := x.runs(object{"path": "/a"}).want(200)
		if strings.Contains(string(got.body), "s3cr3t") || strings.Contains(string(got.body), text) || strings.Contains(string(got.body), "Set-Cookie") || fmt.Sprint(got.json()["redactions_applied"]) == "0" {
			t.Errorf("%s: got %s", name, got.body)
		}
	}
	x.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		_, _ = io.WriteString(w, strings.Repeat("a", 5<<20)+hiddenValue)
	}
	got := x.runs(object{"path": "/a"}).want(200)
	if len(got.str("result", "body")) != 1<<20 || got.json()["result"].(map[string]any)["truncated"] != true {
		t.Errorf("an answer of 5 MiB is handed back with %d bytes", len(got.str("result", "body")))
	}
	other := openUpstream(t)
	x.up.say = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		http.Redirect(w, r, other.URL+"/taken", http.StatusTemporaryRedirect)
	}
	if got := x.runs(object{"path": "/a"}).want(200); fmt.Sprint(got.json()["result"].(map[string]any)["status"]) != "307" || other.calls() != 0 {
		t.Errorf("got %s, and the other host %d requests", got.body, other.calls())
	}
	x.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(http.StatusNoContent) }
	if got := x.runs(object{"path": "/a"}).want(200); !strings.Contains(string(got.body), `"body":""`) {
		t.Errorf("an answer without a body: %s", got.body)
	}
	x.up.Close()
	if got := x.runs(object{"path": "/a"}).want(200); got.str("status") != "error" || got.str("error") == "" || got.json()["result"] != nil {
		t.Errorf("got %s", got.body)
	}
	if list := x.do("GET", x.at("/executions?limit=1"), x.agent.token, nil).want(200).list("events"); len(list) != 1 || list[0]["error_message"] != "upstream_unreachable" {
		t.Errorf("the list has %v", list)
	}
}

func TestAServiceThatDoesNotAnswerIsGivenUp(t *testing.T) {
	x := openExecuting(t)
	x.do("PATCH", x.at(""), x.ada.token, object{"execution_guardrails": object{"max_duration_ms": 50}}).want(200)
	x.bind(object{"guardrails": object{"max_duration_ms": 600_000}}).want(201)
	done := make(chan struct{})
	x.up.say = func(_ http.ResponseWriter, r *http.Request, _ []byte) {
		select {
		case <-r.Context().Done():
		case <-done:
		}
	}
	defer close(done)
	if got := x.runs(object{"path": "/a"}).want(200); got.str("status") != "error" || !strings.Contains(got.str("error"), "in time") {
		t.Errorf("got %s", got.body)
	}
	if list := x.do("GET", x.at("/executions"), x.agent.token, nil).want(200).list("events"); list[0]["error_message"] != "execution_timeout" {
		t.Errorf("the list has %v", list)
	}
}

// Of two limits the laxer never wins, whichever it is.
func TestBothLimitsHold(t *testing.T) {
	for name, c := range map[string]struct{ agent, binding object }{
		"of the agent":   {object{"max_requests_per_minute": 2}, object{"max_requests_per_minute": 100}},
		"of the binding": {object{"max_requests_per_minute": 100}, object{"max_requests_per_minute": 2}},
	} {
		t.Run(name, func(t *testing.T) {
			x := openExecuting(t)
			x.do("PATCH", x.at(""), x.ada.token, object{"execution_guardrails": c.agent}).want(200)
			x.bind(object{"guardrails": c.binding}).want(201)
			for range 2 {
				x.runs(object{"path": "/a"}).want(200)
			}
			if got := x.runs(object{"path": "/a"}).want(429, "execution_rate_limited"); got.header.Get("Retry-After") == "" {
				t.Error("nothing says when to come back")
			}
			x.Clock.Forward(time.Minute)
			x.runs(object{"path": "/a"}).want(200)
			if x.up.calls() != 3 {
				t.Errorf("%d requests were sent", x.up.calls())
			}
		})
	}
	x := openExecuting(t)
	x.bind(nil).want(201)
	x.do("PATCH", x.at(""), x.ada.token, object{"execution_guardrails": object{"allowed_hosts": []string{"api.example.com"}}}).want(200)
	x.runs(object{"path": "/a"}).want(403, "host_not_allowed")
	if got := x.do("GET", x.at(""), x.ada.token, nil).want(200); got.json()["execution_intents_enabled"] != true || !strings.Contains(string(got.body), `"execution_guardrails":{"allowed_hosts":["api.example.com"]}`) {
		t.Errorf("the agent is %s", got.body)
	}
	x.do("PATCH", x.at(""), x.ada.token, object{"execution_guardrails": nil, "execution_intents_enabled": false}).want(200)
	x.runs(object{"path": "/a"}).want(403, "executions_disabled")
	x.do("PATCH", x.at(""), x.ada.token, object{"execution_guardrails": object{"allowed_host": []string{"a.example"}}}).want(400, "invalid_guardrails")
}

func TestGraphQLThatIsReadOnlyTakesQueriesAlone(t *testing.T) {
	x := openExecuting(t)
	x.bind(object{"binding_type": "graphql", "config": object{"base_url": x.up.URL + "/graphql"}, "guardrails": object{"read_only": true}}).want(201)
	ask := func(params object) reply {
		return x.do("POST", x.at("/execute"), x.agent.token, object{"binding": "pay", "intent_type": "graphql_query", "params": params})
	}
	ask(object{"query": "query A($n: Int) { a(n: $n) { b } } query B { c }", "variables": object{"n": 1}, "operation_name": "A"}).want(200)
	if x.up.sent[0] != `{"query":"query A($n: Int) { a(n: $n) { b } } query B { c }","variables":{"n":1},"operationName":"A"}` || x.up.got[0].Header.Get("Authorization") != "Bearer "+hiddenValue {
		t.Errorf("the service got %s %v", x.up.sent[0], x.up.got[0].Header)
	}
	for query, code := range map[string]string{
		"mutation { pay }": "read_only",
		"query A { a } mutation B { pay } query C { c }":    "read_only",
		"# query { a }\nmutation\n{ pay }":                  "read_only",
		"fragment F on Q { a } mutation M { pay { ...F } }": "read_only",
		"\ufeffmutation { pay }":                            "",
		"subscription { a }":                                "subscription_not_supported",
		"query { a":                                         "invalid_graphql",
		"":                                                  "invalid_graphql",
		"fragment F on Q { a }":                             "invalid_graphql",
		strings.Repeat("{", 30_000):                         "invalid_graphql",
		"query { " + strings.Repeat("a ", 30_000) + "}":     "invalid_graphql",
		`query { a(s: """mutation { b }""") } mutation @skip(if: true) {b}`: "read_only",
	} {
		got := ask(object{"query": query})
		if got.status == 200 || code != "" && !strings.Contains(string(got.body), code) {
			t.Errorf("%.60q: got %d %s", query, got.status, got.body)
		}
	}
	ask(object{"query": "{ a }", "variables": []int{1}}).want(400, "invalid_graphql")
	x.do("POST", x.at("/execute"), x.agent.token, object{"binding": "pay", "intent_type": "http", "params": object{"path": "/a"}}).want(400, "intent_type_not_supported")
	x.do("POST", x.at("/execute"), x.agent.token, object{"binding": "pay", "intent_type": "redis", "params": object{}}).want(400, "intent_type_not_supported")
	x.do("POST", x.at("/execute"), x.agent.token, object{"binding": "pay", "intent_type": "graphql", "execution_mode": "tee", "params": object{"query": "{ a }"}}).want(400, "execution_mode_not_supported")
	if x.up.calls() != 1 {
		t.Errorf("%d requests were sent", x.up.calls())
	}
}

func TestABindingIsTested(t *testing.T) {
	x := openExecuting(t)
	test := x.at("/bindings/" + x.bind(nil).want(201).str("id") + "/test")
	if got := x.do("POST", test, x.ada.token, object{"timeout_ms": 1000}).want(200); got.json()["success"] != true {
		t.Errorf("got %s", got.body)
	}
	x.up.say = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		http.Error(w, r.Header.Get("Authorization"), http.StatusUnauthorized)
	}
	if got := x.do("POST", test, x.ada.token, nil).want(200); got.json()["success"] != false || strings.Contains(string(got.body), "s3cr3t") {
		t.Errorf("got %s", got.body)
	}
	x.do("POST", test, x.agent.token, nil).want(403)
	// What is asked is within the binding.
	x.up.say = func(http.ResponseWriter, *http.Request, []byte) {}
	for name, c := range map[string]struct {
		rails object
		asks  string
		says  string
	}{
		"any path below":      {object{"allowed_paths": []string{"/v1/charges/**"}}, "GET /v1/charges", ""},
		"one of several":      {object{"allowed_paths": []string{"/v1/*/x", "/health"}}, "GET /health", ""},
		"no path that is one": {object{"allowed_paths": []string{"/v1/*/x"}}, "", "Nothing was asked"},
		"HEAD alone":          {object{"allowed_methods": []string{"HEAD", "POST"}}, "HEAD /v1", ""},
		"POST alone":          {object{"allowed_methods": []string{"POST"}}, "", "Nothing was asked"},
	} {
		rails := object{"allowed_paths": nil, "allowed_methods": nil}
		for k, v := range c.rails {
			rails[k] = v
		}
		x.do("PATCH", strings.TrimSuffix(test, "/test"), x.ada.token, object{"guardrails": rails}).want(200)
		before := x.up.calls()
		got := x.do("POST", test, x.ada.token, nil).want(200)
		asked := ""
		if x.up.calls() > before {
			r := x.up.got[x.up.calls()-1]
			asked = r.Method + " " + r.URL.Path
		}
		if asked != c.asks || got.json()["success"] != (c.asks != "") || !strings.Contains(string(got.body), c.says) {
			t.Errorf("%s: asked %q, and says %s", name, asked, got.body)
		}
	}
	if list := x.do("GET", x.at("/executions"), x.ada.token, nil).want(200).list("events"); len(list) != 0 {
		t.Errorf("a test is no execution: %v", list)
	}
}

// What reached its time limit says so, and that nothing was asked where nothing was.
func TestATimeLimitIsToldAsOne(t *testing.T) {
	x := openExecuting(t)
	from := openTokenServer(t)
	hang := make(chan struct{})
	defer close(hang)
	from.says(func(http.ResponseWriter, int) { <-hang })
	x.do("POST", x.at("/bindings"), x.ada.token, object{
		"name": "pay", "binding_type": "http", "config": object{"base_url": x.up.URL, "auth_type": "oauth2", "token_url": from.URL}, "guardrails": object{"max_duration_ms": 50}, "credential": json.RawMessage(clientValue),
	}).want(201)
	if got := x.runs(object{"path": "/a"}).want(200); got.str("status") != "error" || !strings.Contains(got.str("error"), "time limit before anything was asked") || x.up.calls() != 0 {
		t.Errorf("got %s", got.body)
	}
	if list := x.do("GET", x.at("/executions"), x.agent.token, nil).want(200).list("events"); list[0]["error_message"] != "execution_timeout" {
		t.Errorf("the list has %v", list)
	}
}

// clocked notes until when its connections may be read.
type clocked struct {
	net.Listener
	mu    sync.Mutex
	until time.Time
}

type clockedConn struct {
	net.Conn
	of *clocked
}

func (l *clocked) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &clockedConn{c, l}, err
}

func (c *clockedConn) SetReadDeadline(at time.Time) error {
	c.of.mu.Lock()
	c.of.until = at
	c.of.mu.Unlock()
	return c.Conn.SetReadDeadline(at)
}

// An execution ends by its own limit: to net/http a deadline of the connection that passes is a caller that hung up.
func TestNoDeadlineOfTheConnectionEndsAnExecution(t *testing.T) {
	x := openExecuting(t)
	x.bind(nil).want(201)
	srv := httptest.NewUnstartedServer(x.API)
	l := &clocked{Listener: srv.Listener}
	srv.Listener = l
	srv.Start()
	defer srv.Close()
	until := time.Now()
	x.up.say = func(http.ResponseWriter, *http.Request, []byte) {
		l.mu.Lock()
		defer l.mu.Unlock()
		until = l.until
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+x.at("/execute"), strings.NewReader(`{"binding":"pay","intent_type":"http","params":{"path":"/a"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+x.agent.token)
	r.Header.Set("Content-Type", "application/json")
	res, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 200 || !until.IsZero() {
		t.Errorf("%d: the connection is read until %v", res.StatusCode, until)
	}
}

// TestAnEmptyListTakesTheBoundAway: in each of the places where lists of a binding may stand.
func TestAnEmptyListTakesTheBoundAway(t *testing.T) {
	x := openExecuting(t)
	made := x.do("POST", x.at("/bindings"), x.ada.token, object{
		"name": "bounded", "binding_type": "http", "config": object{"base_url": "https://api.example.com"}, "credential": "sk-12345678",
	}).want(201).str("id")
	at := x.at("/bindings/" + made)
	for name, body := range map[string]object{
		"beside": {"allowed_paths": []string{}}, "guardrails": {"guardrails": object{"allowed_paths": []string{}}}, "config": {"config": object{"allowed_paths": []string{}}},
	} {
		x.do("PATCH", at, x.ada.token, object{"allowed_paths": []string{"/v1/**"}}).want(200)
		x.do("PATCH", at, x.ada.token, body).want(200)
		if rails, _ := x.do("GET", at, x.ada.token, nil).want(200).json()["guardrails"].(map[string]any); rails["allowed_paths"] != nil {
			t.Errorf("%s: %v", name, rails)
		}
	}
	x.do("PATCH", at, x.ada.token, object{"allowed_paths": []string{}, "guardrails": object{"allowed_paths": []string{"/v1/**"}}}).want(400)
}
