package httpapi_test

import (
	"slices"
	"testing"
)

// To remove a rule that kept somebody out opens the door, so it is named like an address that was
// allowed; to remove one of several that allow is not.
func TestARuleThatAStolenKeyRemovedIsNamed(t *testing.T) {
	s := openSession(t)
	s.ada.token = s.ada.login()
	const rules = "/v1/security/ip-rules"
	add := func(kind, cidr, to string) string {
		return s.do("POST", rules, s.ada.token, object{"rule_type": kind, "cidr": cidr, "applies_to": to, "force": true}).want(201).str("id")
	}
	allowed, second, denied := add("allow", "0.0.0.0/0", "user"), add("allow", "127.0.0.0/8", "user"), add("deny", "10.0.0.0/8", "all")
	k := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k"}).want(201)
	for _, id := range []string{second, allowed, denied} {
		s.do("DELETE", rules+"/"+id, k.str("api_key"), nil).want(204)
	}
	key := "/v1/auth/api-keys/" + k.str("key", "id")
	r := s.do("DELETE", key, s.ada.token, nil).want(204)
	if ended, stays := r.header.Get("X-Ended"), r.header.Get("X-Stays"); ended != "" || stays != "ip_rules_removed=2" {
		t.Errorf("X-Ended: %q, X-Stays: %q", ended, stays)
	}
	var names []string
	for _, m := range s.do("GET", key+"/made", s.ada.token, nil).want(200).list("made") {
		if m["kind"] == "ip_rule_removed" {
			names = append(names, m["name"].(string))
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"allow 0.0.0.0/0 user", "deny 10.0.0.0/8 all"}) {
		t.Errorf("removed: %q", names)
	}
}
