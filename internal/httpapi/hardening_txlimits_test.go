package httpapi_test

import "testing"

// A limit of an agent's transactions keeps its money from whoever has a stored login. To
// lift or raise one takes a person; to make it tighter does not.
func TestLooseningAnAgentsLimitsTakesAPerson(t *testing.T) {
	s := openSession(t)
	key := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "stored"}).want(201).str("api_key")
	const one, two = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
	for what, c := range map[string]struct{ has, gets, may object }{
		"a higher limit":       {object{"tx_max_value_eth": "0.5"}, object{"tx_max_value_eth": "0.51"}, object{"tx_max_value_eth": "0.4"}},
		"no limit":             {object{"tx_max_value_eth": "0.5"}, object{"tx_max_value_eth": nil}, object{"tx_max_value_eth": "0.50"}},
		"a higher daily limit": {object{"tx_daily_limit_eth": "2"}, object{"tx_daily_limit_eth": "20"}, object{"tx_daily_limit_eth": "1"}},
		"more recipients":      {object{"tx_to_allowlist": []string{one}}, object{"tx_to_allowlist": []string{one, two}}, object{"tx_to_allowlist": []string{one}}},
		"any recipient":        {object{"tx_to_allowlist": []string{one}}, object{"tx_to_allowlist": nil}, object{"description": "x"}},
		"other chains":         {object{"tx_allowed_chains": []string{"base"}}, object{"tx_allowed_chains": []string{"ethereum"}}, object{"tx_allowed_chains": []string{"base"}}},
		"more in a day":        {object{"tx_max_per_day": 5}, object{"tx_max_per_day": 6}, object{"tx_max_per_day": 0}},
		"any number in a day":  {object{"tx_max_per_day": 0}, object{"tx_max_per_day": nil}, object{"tx_max_per_day": 0}},
		"more unasked":         {object{"tx_approval_policy": object{"require_above_native": object{"base": "1"}}}, object{"tx_approval_policy": object{"require_above_native": object{"Base": "1.1"}}}, object{"tx_approval_policy": object{"require_above_native": object{"BASE": "0.9"}, "require_for_new_recipients": true}}},
		"strangers unasked":    {object{"tx_approval_policy": object{"require_for_new_recipients": true}}, object{"tx_approval_policy": nil}, object{"tx_approval_policy": object{"require_for_new_recipients": true, "require_for_unlimited_approvals": true}}},
		"a chain unasked":      {object{"tx_approval_policy": object{"require_for_chains": []string{"base"}}}, object{"tx_approval_policy": object{}}, object{"tx_approval_policy": object{"require_for_chains": []string{"BASE", "ethereum"}}}},
		"texts":                {object{"message_signing_enabled": false}, object{"message_signing_enabled": true}, object{"message_signing_enabled": nil}},
		"a domain":             {object{"eip712_domain_allowlist": []any{}}, object{"eip712_domain_allowlist": []any{object{"verifying_contract": one}}}, object{"eip712_domain_allowlist": nil}},
	} {
		bot := "/v1/agents/" + s.ada.agent(object{"name": what, "intents_api_enabled": true}).id
		s.do("PATCH", bot, key, c.has).want(200)
		r := s.do("PATCH", bot, key, c.gets)
		r.what += " for " + what
		r.want(403, "person_required")
		s.do("PATCH", bot, key, c.may).want(200)
		s.do("PATCH", bot, s.ada.token, c.gets).want(200)
	}
	for what, c := range map[string]struct{ has, gets, may object }{
		"none":                {object{"max_per_day": 5}, object{}, object{"max_per_day": 5}},
		"one, not none":       {object{"max_per_day": 0}, object{"max_per_day": 1}, object{"max_per_day": 0}},
		"any, not none":       {object{"max_per_day": 0}, object{}, object{"max_per_day": 0}},
		"more in a day":       {object{"max_per_day": 5}, object{"max_per_day": 6}, object{"max_per_day": 4}},
		"more without asking": {object{"approval": object{"require_above_native": "10"}}, object{"approval": object{"require_above_native": "11"}}, object{"approval": object{"require_above_native": "9"}}},
		"texts":               {object{}, object{"allow_text": true}, object{"gas_counts": true}},
	} {
		guard := "/v1/agents/" + s.ada.agent(object{"name": "guarded: " + what}).id + "/guard"
		s.do("PUT", guard, key, object{"rules": c.has}).want(200)
		r := s.do("PUT", guard, key, object{"rules": c.gets})
		r.what += " for " + what
		r.want(403, "person_required")
		s.do("PUT", guard, key, object{"rules": c.may}).want(200)
		s.do("PUT", guard, s.ada.token, object{"rules": c.gets}).want(200)
	}
}

// A loosened limit takes a person when it comes to count, also round by round: what signs nothing
// is loosened with a key, as clients of the contract do.
func TestLetAnAgentSignWithinLooserLimitsTakesAPerson(t *testing.T) {
	s := openSession(t)
	key := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "stored"}).want(201).str("api_key")
	on, off := object{"intents_api_enabled": true}, object{"intents_api_enabled": false}
	loose, tight := object{"tx_max_value_eth": nil}, object{"tx_max_value_eth": "0.05"}
	limited := func(name string, intents bool) string {
		return "/v1/agents/" + s.ada.agent(object{"name": name, "intents_api_enabled": intents, "tx_max_value_eth": "0.1"}).id
	}
	was := limited("that signed", true)
	s.do("PATCH", was, key, off).want(200)
	s.do("PATCH", was, key, loose).want(200)
	s.do("PATCH", was, key, on).want(403, "person_required")
	s.do("PATCH", was, key, object{"tx_max_value_eth": "0.1", "intents_api_enabled": true}).want(200)
	s.do("PATCH", was, key, object{"intents_api_enabled": false, "tx_max_value_eth": "5"}).want(403, "person_required")

	never := limited("that never signed", false)
	s.do("PATCH", never, key, loose).want(200)
	s.do("PATCH", never, key, on).want(403, "person_required")
	s.do("PATCH", never, s.ada.token, on).want(200)

	bit := limited("bit by bit", false)
	s.do("PATCH", bit, key, tight).want(200)
	s.do("PATCH", bit, key, object{"tx_max_value_eth": "0.08"}).want(200)
	s.do("PATCH", bit, key, on).want(403, "person_required")
	s.do("PATCH", bit, key, object{"tx_max_value_eth": "0.01"}).want(200)
	s.do("PATCH", bit, key, on).want(200)

	seen := limited("that a person loosened", false)
	s.do("PATCH", seen, s.ada.token, loose).want(200)
	s.do("PATCH", seen, key, on).want(200)
}

// The log says which limit became what.
func TestTheLogSaysWhichLimitsChanged(t *testing.T) {
	s := openSession(t)
	at := "/v1/agents/" + s.ada.agent(object{"name": "logged", "tx_max_value_eth": "0.1"}).id
	for _, c := range []struct {
		method, path string
		body         object
		says         map[string]string
	}{
		{"PATCH", at, object{"tx_max_value_eth": "0.2", "tx_allowed_chains": []string{"base", "celo"}}, map[string]string{"tx_max_value_eth": "0.1 to 0.2", "tx_allowed_chains": "any to base,celo"}},
		{"PATCH", at, object{"tx_max_value_eth": nil, "tx_daily_limit_eth": "1"}, map[string]string{"tx_max_value_eth": "0.2 to none", "tx_daily_limit_eth": "none to 1"}},
		{"PUT", at + "/guard", object{"rules": object{"max_per_day": 3}}, map[string]string{"rule_max_per_day": "none to 3"}},
		{"PUT", at + "/guard", object{"rules": object{"max_fee": "7"}}, map[string]string{"rule_max_per_day": "3 to none", "rule_max_fee": "none to 7"}},
	} {
		s.do(c.method, c.path, s.ada.token, c.body).want(200)
		e := s.do("GET", "/v1/audit/events?limit=1&resource_id="+at[len("/v1/agents/"):], s.ada.token, nil).want(200).list("events")[0]
		details, _ := e["details"].(object)
		for name, text := range c.says {
			if details[name] != text {
				t.Errorf("%v: %s is %v, want %q", c.body, name, details[name], text)
			}
		}
	}
}
