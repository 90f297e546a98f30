package httpapi_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/spend"
)

// Requests to models are shown as later clients read them (contract, later.md).
func TestRequestsToModelsAreListedAndSummedUp(t *testing.T) {
	s := openSession(t)
	for name, path := range map[string]string{"activity": "/v1/shroud/activity", "summary": "/v1/shroud/threat-summary"} {
		for _, list := range []string{"events", "detectors", "flagged_requests"} {
			if v, there := s.do("GET", path, s.ada.token, nil).want(200).json()[list]; there && v == nil {
				t.Errorf("%s: %s is null", name, list)
			}
		}
	}
	for _, end := range []spend.End{
		{Request: activity.Request{
			Action: activity.Blocked, Latency: time.Second, Injection: 0.9, Violations: []string{"prompt_injection"}, Hosts: []string{"evil.test"},
			Findings: []activity.Finding{{Detector: "injection", Effect: activity.EffectBlocked, Count: 2}},
		}},
		{How: spend.HungUp},
	} {
		r, err := s.Spends.Begin(s.Call(s.Who(s.worker.token), policy.CallModel), spend.Limits{}, spend.Ask{Provider: "openai", Model: "gpt-4o", MaxTokens: 10})
		if err != nil {
			t.Fatal(err)
		}
		r.Settle(t.Context(), convo.Usage{Input: 1000, CacheRead: 2000, Output: 100}, end, nil) // whoever lists it finds it
		s.Clock.Forward(time.Second)
	}
	for name, token := range map[string]string{"the owner": s.ada.token, "the agent": s.worker.token} {
		r := s.do("GET", "/v1/shroud/activity?limit=1&offset=1&agent_id="+s.worker.id, token, nil).want(200)
		if r.json()["total"] != json.Number("2") || len(r.list("events")) != 1 {
			t.Fatalf("%s: %s", name, r.body)
		}
		e := fields(t, name, r.list("events")[0], "id", "org_id", "agent_id", "provider", "model", "action", "request_tokens", "response_tokens", "latency_ms",
			"had_secrets_redacted", "had_pii_detected", "injection_score", "policy_violations", "response_injection_score", "external_urls_flagged",
			"content_filtered", "metadata", "timestamp")
		more := fields(t, name, e["metadata"].(object), "cost_usd", "cost_basis", "cache_read_tokens", "cache_write_tokens", "cut_by", "findings")
		if e["action"] != "blocked" || e["request_tokens"] != json.Number("3000") || e["latency_ms"] != json.Number("1000") || more["cost_usd"] != "0.006" || more["cost_basis"] != "usage" || more["cut_by"] != nil {
			t.Errorf("%s: %s", name, r.body)
		}
	}
	sum := s.do("GET", "/v1/shroud/threat-summary?period=1h", s.ada.token, nil).want(200)
	o := fields(t, "summary", sum.json(), "total_requests", "total_requests_prev", "blocked_requests", "detectors_triggered", "active_agents", "detectors", "flagged_requests")
	d := fields(t, "detector", sum.list("detectors")[0], "detector", "detections", "blocks", "actions")
	fields(t, "actions", d["actions"].(object), "blocked", "warned", "logged")
	f := fields(t, "flagged request", sum.list("flagged_requests")[0], "id", "timestamp", "agent_id", "agent_name", "score", "reason", "action")
	if o["total_requests"] != json.Number("2") || o["blocked_requests"] != json.Number("1") || d["detections"] != json.Number("2") || f["score"] != json.Number("0.9") || f["reason"] != "prompt_injection" {
		t.Errorf("%s", sum.body)
	}
	// The filters are the database's, over all that is kept.
	for q, total := range map[string]string{
		"provider=openai": "2", "provider=OpenAI": "0", "detector=injection": "1", "detector=pii": "0", "period=1h": "2",
		"provider=openai&detector=injection&action=blocked&period=24h": "1", "detector=injection&action=allowed": "0",
	} {
		if r := s.do("GET", "/v1/shroud/activity?"+q, s.ada.token, nil).want(200); r.json()["total"] != json.Number(total) {
			t.Errorf("%s: %s", q, r.body)
		}
	}
	for q, want := range map[string][2]int64{
		"period=1h": {2, 1}, "": {2, 1}, "detector=injection&period=7d": {1, 1}, "period=30d&provider=anthropic": {0, 0}, "action=blocked": {1, 1},
	} {
		r := s.do("GET", "/v1/shroud/activity/counts?"+q, s.ada.token, nil).want(200)
		fields(t, "counts", r.json(), "from", "step_seconds", "slots")
		var n [2]int64
		for _, slot := range r.list("slots") {
			fields(t, "slot", slot, "at", "provider", "requests", "found")
			for i, name := range []string{"requests", "found"} {
				v, err := slot[name].(json.Number).Int64()
				if err != nil {
					t.Fatal(err)
				}
				n[i] += v
			}
		}
		if n != want {
			t.Errorf("%s: %s", q, r.body)
		}
	}
	s.do("GET", "/v1/shroud/activity?period=1y", s.ada.token, nil).want(400, "invalid_period")
	s.do("GET", "/v1/shroud/activity/counts?period=1y", s.ada.token, nil).want(400, "invalid_period")

	// Others see nothing of it, and learn not even that there is such an agent.
	bob := s.signup("bob")
	for _, of := range []string{s.worker.id, nobodysID} {
		if r := s.do("GET", "/v1/shroud/activity?agent_id="+of, bob.token, nil).want(200); r.json()["total"] != json.Number("0") {
			t.Errorf("another organisation: %s", r.body)
		}
	}
	if r := s.do("GET", "/v1/shroud/activity/counts?period=24h", bob.token, nil).want(200); len(r.list("slots")) != 0 {
		t.Errorf("another organisation: %s", r.body)
	}
	bob.joins(s.ada, "member")
	if r := s.do("GET", "/v1/shroud/activity", bob.token, nil).want(200); r.json()["total"] != json.Number("0") {
		t.Errorf("a member without agents: %s", r.body)
	}
	other := s.ada.agent(object{"name": "other"})
	for _, q := range []string{"", "?agent_id=" + s.worker.id} {
		if r := s.do("GET", "/v1/shroud/activity"+q, other.token, nil).want(200); r.json()["total"] != json.Number("0") {
			t.Errorf("another agent%s: %s", q, r.body)
		}
	}
	s.do("GET", "/v1/shroud/threat-summary?period=1y", s.ada.token, nil).want(400, "invalid_period")
	s.do("GET", "/v1/shroud/activity?action=eaten", s.ada.token, nil).want(400, "unknown_action")
	s.do("GET", "/v1/shroud/activity?limit=0", s.ada.token, nil).want(400)
	s.Clock.Forward(2 * time.Hour)
	s.ada.token = s.ada.login()
	if r := s.do("GET", "/v1/shroud/activity?period=1h", s.ada.token, nil).want(200); r.json()["total"] != json.Number("0") {
		t.Errorf("after two hours: %s", r.body)
	}
}
