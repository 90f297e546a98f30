package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
)

func TestRequestsOfAgentsLeaveOneEventEach(t *testing.T) {
	s := open(t)
	token := s.signup("ada").token
	org := s.ask(200, "GET", "/v1/auth/me", token, "").str("org_id")
	count := func(org string) int {
		t.Helper()
		rows, err := s.DB.Events(t.Context(), org, audit.Query{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		return len(rows)
	}
	made := s.ask(201, "POST", "/v1/agents", token, `{"name":"worker"}`)
	agent, key := made.str("agent", "id"), made.str("api_key")
	for _, step := range []struct {
		status                     int
		method, path, bearer, body string
		outcome                    string
	}{
		{200, "POST", "/v1/auth/token", "", `{"email":"ada@example.com","password":"` + password + `"}`, "success"},
		{200, "POST", "/v1/auth/agent-token", "", `{"api_key":"` + key + `"}`, "success"},
		{200, "GET", "/v1/agents", token, "", "success"},
		{200, "GET", "/v1/agents/me", key, "", "success"},
		{200, "PATCH", "/v1/agents/" + agent, token, `{"name":"tester"}`, "success"},
		{400, "PATCH", "/v1/agents/" + agent, token, `{"name":""}`, "failed"},
		{403, "PATCH", "/v1/agents/" + agent, key, `{"name":"x"}`, "denied"},
		{404, "GET", "/v1/agents/00000000-0000-4000-8000-000000000001", token, "", "failed"},
		{400, "POST", "/v1/agents", token, `{"name":7}`, "failed"},
		{200, "POST", "/v1/agents/" + agent + "/rotate-identity-keys", token, "", "success"},
		{201, "POST", "/v1/auth/api-keys", token, `{"name":"laptop"}`, "success"},
		{204, "DELETE", "/v1/agents/" + agent, token, "", "success"},
		{204, "DELETE", "/v1/auth/token", token, "", "success"},
	} {
		before := count(org)
		s.ask(step.status, step.method, step.path, step.bearer, step.body)
		if n := count(org) - before; n != 1 {
			t.Errorf("%s %s: %d events", step.method, step.path, n)
		}
		rows, err := s.DB.Events(t.Context(), org, audit.Query{Limit: 1})
		if err != nil || !strings.Contains(string(rows[0].DetailsJSON), `"outcome":"`+step.outcome+`"`) {
			t.Errorf("%s %s: %s %v", step.method, step.path, rows[0].DetailsJSON, err)
		}
	}
	// The key of a stopped agent is forgotten: it is nobody's.
	before := count(audit.SystemOrg)
	for range 20 {
		s.ask(401, "POST", "/v1/auth/agent-token", "", `{"api_key":"`+key+`"}`)
	}
	rows, err := s.DB.Events(t.Context(), audit.SystemOrg, audit.Query{Limit: 1})
	if err != nil || count(audit.SystemOrg)-before != 1 || rows[0].Action != "auth.failure" || !strings.Contains(string(rows[0].DetailsJSON), "unknown_key") {
		t.Errorf("20 refused exchanges left %d events, the last %s", count(audit.SystemOrg)-before, rows[0].DetailsJSON)
	}
}

// ask sends a body as it is and checks the status.
func (w *world) ask(status int, method, path, bearer, body string, change ...func(*http.Request)) reply {
	w.t.Helper()
	return w.try(method, path, bearer, body, change...).want(status)
}

func (w *world) try(method, path, bearer, body string, change ...func(*http.Request)) reply {
	w.t.Helper()
	return w.do(method, path, bearer, body, change...)
}
