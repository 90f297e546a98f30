package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestFieldsOfLaterVersionsRoundTrip: they are in an agent when they are set, and the guard
// says them in words.
func TestFieldsOfLaterVersionsRoundTrip(t *testing.T) {
	s := openSession(t)
	const contract = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
	set := object{
		"tx_approval_policy":      object{"require_above_native": object{"base": "0.05"}, "require_for_new_recipients": true, "require_for_unlimited_approvals": true, "require_for_chains": []any{"ethereum"}},
		"tx_max_per_day":          12,
		"message_signing_enabled": true,
		"eip712_domain_allowlist": []any{object{"verifying_contract": contract, "name": "USD Coin", "chain_id": 8453, "primary_type": "Permit"}},
	}
	has := func(what string, agent, want object) {
		t.Helper()
		for name := range set {
			got, there := agent[name]
			if v, wanted := want[name]; there != wanted || wanted && fmt.Sprint(got) != fmt.Sprint(v) {
				t.Errorf("%s: %s is %v, want %v", what, name, got, v)
			}
		}
	}
	made := object{"name": "later", "intents_api_enabled": true}
	for name, v := range set {
		made[name] = v
	}
	created := s.do("POST", "/v1/agents", s.ada.token, made).want(201).json()
	agent, _ := created["agent"].(map[string]any)
	has("registered", agent, set)
	one := "/v1/agents/" + agent["id"].(string)
	has("read", s.do("GET", one, s.ada.token, nil).want(200).json(), set)
	words, _ := s.do("GET", one+"/guard", s.ada.token, nil).want(200).json()["words"].([]any)
	for _, want := range []string{"It makes at most 12 transactions in 24 hours.", "On base a human approves payments above 0.05 of the chain's coin.", "It may sign texts."} {
		found := false
		for _, w := range words {
			found = found || w == want
		}
		if !found {
			t.Errorf("the guard says %v, want %q", words, want)
		}
	}
	lifted := s.do("PATCH", one, s.ada.token, object{"tx_approval_policy": nil, "tx_max_per_day": nil, "message_signing_enabled": nil, "eip712_domain_allowlist": nil}).want(200)
	has("lifted", lifted.json(), object{})
	has("a strict client's", s.do("GET", "/v1/agents/"+s.worker.id, s.ada.token, nil).want(200).json(), object{})
}

// Who sends an approval policy that can't be held is told which field of it.
func TestARefusedApprovalPolicyNamesItsField(t *testing.T) {
	s := openSession(t)
	for _, c := range []struct {
		policy object
		want   string
	}{
		{object{"require_above_native": "0.005"}, "require_above_native of tx_approval_policy is an object of names of chains"},
		{object{"require_above_native": object{"base": "1e18"}}, "require_above_native of tx_approval_policy is an object of names of chains"},
		{object{"require_for_chains": "base", "require_for_new_recipients": true}, "The field require_for_chains of tx_approval_policy"},
		{object{"require_for_new_recipient": true}, "The field require_for_new_recipient of tx_approval_policy"},
		{object{"Hunter 2": true}, "tx_approval_policy is an object such as"},
	} {
		got := s.do("PATCH", "/v1/agents/"+s.worker.id, s.ada.token, object{"tx_approval_policy": c.policy}).want(400, "invalid_tx_approval_policy").str("detail")
		if !strings.Contains(got, c.want) || strings.Contains(got, "Hunter") || strings.Contains(got, "1e18") {
			t.Errorf("%v: %q", c.policy, got)
		}
	}
}

func TestFieldsOfLaterVersionsThatCanNotBeHeldAreRefused(t *testing.T) {
	s := openSession(t)
	for name, values := range map[string][]any{
		"tx_approval_policy": {
			object{"require_above": "1"}, object{"require_above_native": "1"}, object{"require_above_native": object{"base": "1e18"}}, object{"require_above_native": object{"base": 1}},
			object{"require_above_native": object{"": "1"}}, object{"require_for_chains": []string{"a b"}}, object{"require_for_new_recipient": true},
		},
		"tx_max_per_day":          {-1, 1_000_001},
		"eip712_domain_allowlist": {[]any{object{}}, []any{object{"verifying_contract": "0x12"}}, []any{object{"verifying_contract": "0x" + strings.Repeat("a", 40), "primary_types": []string{"Permit"}}}},
	} {
		for _, v := range values {
			r := s.do("PATCH", "/v1/agents/"+s.worker.id, s.ada.token, object{name: v})
			r.what += " with a bad " + name
			r.want(400, "invalid_"+name)
			r = s.do("POST", "/v1/agents", s.ada.token, object{"name": "bad", name: v})
			r.what += " with a bad " + name
			r.want(400, "invalid_"+name)
		}
	}
	// Addresses as texts, which other servers store and never find again.
	s.do("PATCH", "/v1/agents/"+s.worker.id, s.ada.token, object{"eip712_domain_allowlist": []any{"0x" + strings.Repeat("a", 40)}}).want(400, "invalid_request")
}
