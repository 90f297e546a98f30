package httpapi_test

import (
	"maps"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// setVar stores a variable and returns the answer.
func (h *human) setVar(vault, key, value, environment, branch string) reply {
	h.t.Helper()
	b := object{"key": key, "value": value}
	if environment != "" {
		b["environments"] = []string{environment}
	}
	if branch != "" {
		b["git_branch"] = branch
	}
	return h.do("POST", "/v1/vaults/"+vault+"/env-vars", h.token, b).want(201)
}

// texts is an object of texts in an answer.
func (r reply) texts(field string) map[string]string {
	out := map[string]string{}
	for k, v := range r.json()[field].(map[string]any) {
		out[k], _ = v.(string)
	}
	return out
}

// A branch's value goes before the environment's, and that before the one of all.
func TestEnvironmentVariablesResolve(t *testing.T) {
	s := openSession(t, rest.OneByOne)
	v := s.ada.vaultNamed("app")
	at := "/v1/vaults/" + v + "/env-vars"
	for _, set := range [][4]string{
		{"A", "a-all", "", ""}, {"B", "b-all", "", ""}, {"C", "c-all", "", ""}, {"D", "d-all", "", ""},
		{"B", "b-prod", "production", ""}, {"C", "c-prod", "production", ""}, {"D", "d-prod", "production", ""}, {"Z", "z-prod", "production", ""},
		{"C", "c-all-main", "", "feature/x"}, {"D", "d-all-main", "", "feature/x"}, {"D", "d-prod-main", "production", "feature/x"},
		{"A", "elsewhere", "preview", ""}, {"A", "another branch", "production", "other"},
	} {
		s.ada.setVar(v, set[0], set[1], set[2], set[3])
	}
	for query, want := range map[string]struct{ vars, sources map[string]string }{
		"": {
			map[string]string{"A": "a-all", "B": "b-all", "C": "c-all", "D": "d-all"},
			map[string]string{"A": "all", "B": "all", "C": "all", "D": "all"},
		},
		"environment=production": {
			map[string]string{"A": "a-all", "B": "b-prod", "C": "c-prod", "D": "d-prod", "Z": "z-prod"},
			map[string]string{"A": "all", "B": "environment", "C": "environment", "D": "environment", "Z": "environment"},
		},
		"environment=production&git_branch=feature%2Fx": {
			map[string]string{"A": "a-all", "B": "b-prod", "C": "c-all-main", "D": "d-prod-main", "Z": "z-prod"},
			map[string]string{"A": "all", "B": "environment", "C": "branch", "D": "branch", "Z": "environment"},
		},
		"environment=staging": {
			map[string]string{"A": "a-all", "B": "b-all", "C": "c-all", "D": "d-all"},
			map[string]string{"A": "all", "B": "all", "C": "all", "D": "all"},
		},
	} {
		var r reply
		events := s.during(func() { r = s.do("GET", at+"/resolve?"+query, s.ada.token, nil).want(200) })
		if got := r.texts("vars"); !maps.Equal(got, want.vars) {
			t.Errorf("%s: vars %v, want %v", query, got, want.vars)
		}
		if got := r.texts("sources"); !maps.Equal(got, want.sources) {
			t.Errorf("%s: sources %v, want %v", query, got, want.sources)
		}
		paths := map[string]bool{}
		for _, e := range events {
			if e.action != "secret.read" || e.detail("outcome") != "success" {
				t.Errorf("%s left %s %s", query, e.action, e.details)
			}
			paths[e.detail("path")] = true
		}
		if len(events) != len(want.vars) || len(paths) != len(want.vars) {
			t.Errorf("%s: %d events of %d paths, want %d", query, len(events), len(paths), len(want.vars))
		}
	}
	s.do("GET", at+"/resolve?environment=Not%20one", s.ada.token, nil).want(400, "invalid_environment")

	// A variable is a secret at its path, and one resource.
	if got := s.do("GET", "/v1/vaults/"+v+"/secrets/env-vars/production/branch/feature_2fx/D", s.ada.token, nil).want(200); got.str("value") != "d-prod-main" || got.str("type") != "env" {
		t.Errorf("%s", got.body)
	}
	one := s.do("GET", at+"/D?environment=production&git_branch=feature%2Fx", s.ada.token, nil).want(200)
	if one.str("value") != "d-prod-main" || one.str("git_branch") != "feature/x" || one.str("key") != "D" {
		t.Errorf("%s", one.body)
	}
	both := s.do("POST", at, s.ada.token, object{"key": "BOTH", "value": "1", "environments": []string{"production", "preview"}, "comment": "of two", "sensitive": true}).want(201)
	if len(both.json()["environments"].([]any)) != 2 || both.str("comment") != "of two" || both.json()["sensitive"] != true || both.json()["value"] != nil {
		t.Errorf("%s", both.body)
	}
	if got := s.do("PATCH", at+"/BOTH?environment=preview", s.ada.token, object{"value": "2"}).want(200); got.str("comment") != "of two" || got.json()["sensitive"] != true {
		t.Errorf("%s", got.body)
	}
	for environment, value := range map[string]string{"production": "1", "preview": "2"} {
		if got := s.do("GET", at+"/BOTH?environment="+environment, s.ada.token, nil).want(200); got.str("value") != value {
			t.Errorf("%s: %s", environment, got.body)
		}
	}
	s.do("PATCH", at+"/BOTH", s.ada.token, object{"value": "3"}).want(404, "env_var_not_found")
	s.do("PATCH", at+"/BOTH?environment=preview", s.ada.token, object{"comment": "x"}).want(400, "value_required")
	s.do("DELETE", at+"/BOTH?environment=preview", s.ada.token, nil).want(204)
	s.do("GET", at+"/BOTH?environment=preview", s.ada.token, nil).want(410)

	seen := 0
	for cursor := ""; ; {
		page := s.do("GET", at+"?limit=5&cursor="+cursor, s.ada.token, nil).want(200)
		seen += len(page.list("env_vars"))
		next, more := page.json()["next_cursor"].(string)
		if cursor = next; !more {
			break
		}
	}
	if seen != 14 {
		t.Errorf("%d variables in the listing, want 14", seen)
	}
}

// Many values in one answer are not one request to the limits: each is an event.
func TestManyVariablesCountAsSeveralRequests(t *testing.T) {
	s := openSession(t, func(set *setup) { set.Limits.Principal = ratelimit.Rate{PerSecond: 1, Burst: 100} })
	v := s.ada.vaultNamed("app")
	bot := s.ada.agent(object{"name": "bot"})
	s.ada.grant(v, bot, "env-vars/**", nil, "read")
	for i := range 45 {
		s.Clock.Forward(time.Second)
		s.ada.setVar(v, "N"+itoa(i), "x", "", "")
	}
	resolve := "/v1/vaults/" + v + "/env-vars/resolve"
	for range 20 { // of five requests each
		if got := s.do("GET", resolve, bot.token, nil).want(200).texts("vars"); len(got) != 45 {
			t.Errorf("%d variables, want 45", len(got))
		}
	}
	s.do("GET", resolve, bot.token, nil).want(429)
}

// A grant on the paths of an environment says who resolves what: what an agent may not
// see is not there for it, and where it may see and not read, nothing is given out.
func TestEnvironmentVariablesFollowThePolicies(t *testing.T) {
	s := openSession(t)
	v := s.ada.vaultNamed("app")
	at := "/v1/vaults/" + v + "/env-vars"
	s.ada.setVar(v, "URL", "all", "", "")
	s.ada.setVar(v, "URL", "prod", "production", "")
	s.ada.setVar(v, "KEY", "prod", "production", "")
	s.ada.setVar(v, "URL", "preview", "preview", "")
	bot := s.ada.agent(object{"name": "bot"})
	s.do("GET", at+"/resolve?environment=preview", bot.token, nil).want(403)
	s.ada.grant(v, bot, "env-vars/preview/**", nil, "read")
	if got := s.do("GET", at+"/resolve?environment=preview", bot.token, nil).want(200).texts("vars"); !maps.Equal(got, map[string]string{"URL": "preview"}) {
		t.Errorf("preview: %v", got)
	}
	if got := s.do("GET", at+"/resolve?environment=production", bot.token, nil).want(200).texts("vars"); len(got) != 0 {
		t.Errorf("production: %v", got)
	}
	if got := s.do("GET", at, bot.token, nil).want(200).list("env_vars"); len(got) != 1 {
		t.Errorf("it sees %v", got)
	}
	s.do("GET", at+"/URL?environment=production", bot.token, nil).want(403)
	s.do("POST", at, bot.token, object{"key": "URL", "value": "x", "environments": []string{"preview"}}).want(403)
	s.do("DELETE", at+"/URL?environment=preview", bot.token, nil).want(403)

	// It may write what it may not read, and so sees it.
	s.ada.grant(v, bot, "env-vars/production/KEY", nil, "write")
	s.do("POST", at, bot.token, object{"key": "KEY", "value": "new", "environments": []string{"production"}}).want(201)
	s.do("GET", at+"/resolve?environment=production", bot.token, nil).want(403)
	if got := s.do("GET", at+"/resolve?environment=production", s.ada.token, nil).want(200).texts("vars"); !maps.Equal(got, map[string]string{"URL": "prod", "KEY": "new"}) {
		t.Errorf("production: %v", got)
	}
	s.do("GET", "/v1/vaults/"+nobodysID+"/env-vars", s.ada.token, nil).want(404)
	s.do("GET", at+"/resolve", s.signup("bob").token, nil).want(404)
}
