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
	// Others see nothing of it, and learn not even that there is such an agent.
	bob := s.signup("bob")
	for _, of := range []string{s.worker.id, nobodysID} {
		if r := s.do("GET", "/v1/shroud/activity?agent_id="+of, bob.token, nil).want(200); r.json()["total"] != json.Number("0") {
			t.Errorf("another organisation: %s", r.body)
		}
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
}
