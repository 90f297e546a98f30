package httpapi_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// Section 12 of the contract. Tests ask from 192.0.2.7.

func TestIPRulesAreMadeListedAndDeleted(t *testing.T) {
	s := openSession(t)
	const all = "/v1/security/ip-rules"
	for name, c := range map[string]struct{ body, want object }{
		"allow":                  {object{"rule_type": "allow", "cidr": "192.0.2.0/24", "label": "office", "applies_to": "user"}, object{"rule_type": "allow", "cidr": "192.0.2.0/24", "label": "office", "applies_to": "user"}},
		"block is deny":          {object{"rule_type": "block", "cidr": "198.51.100.0/24", "description": "bad"}, object{"rule_type": "deny", "cidr": "198.51.100.0/24", "label": "bad", "applies_to": "all"}},
		"host bits are cleared":  {object{"rule_type": "deny", "cidr": "10.1.2.3/8"}, object{"rule_type": "deny", "cidr": "10.0.0.0/8", "label": nil, "applies_to": "all"}},
		"one address":            {object{"rule_type": "deny", "cidr": "203.0.113.5"}, object{"cidr": "203.0.113.5/32"}},
		"IPv6":                   {object{"rule_type": "deny", "cidr": "2001:DB8:0::1/32", "applies_to": "agent"}, object{"cidr": "2001:db8::/32", "applies_to": "agent"}},
		"IPv4 in IPv6":           {object{"rule_type": "deny", "cidr": "::ffff:172.16.0.0/108"}, object{"cidr": "172.16.0.0/12"}},
		"IPv4 in IPv6, as it is": {object{"rule_type": "deny", "cidr": "::ffff:203.0.113.6"}, object{"cidr": "203.0.113.6/32"}},
	} {
		o := fields(t, name, s.do("POST", all, s.ada.token, c.body).want(201).json(), "id", "org_id", "rule_type", "cidr", "label", "applies_to", "created_by", "created_at")
		for k, v := range c.want {
			if o[k] != v {
				t.Errorf("%s: %s is %v, want %v", name, k, o[k], v)
			}
		}
		if o["org_id"] != s.ada.org || o["created_by"] != s.ada.id {
			t.Errorf("%s: %v", name, o)
		}
	}
	for name, c := range map[string]struct {
		body object
		code string
	}{
		"an unknown type":        {object{"rule_type": "maybe", "cidr": "10.0.0.0/8"}, "invalid_rule_type"},
		"no network":             {object{"rule_type": "deny", "cidr": "10.0.0.0/33"}, "invalid_cidr"},
		"a name":                 {object{"rule_type": "deny", "cidr": "example.com"}, "invalid_cidr"},
		"a zone":                 {object{"rule_type": "deny", "cidr": "fe80::1%eth0"}, "invalid_cidr"},
		"too wide for mapped":    {object{"rule_type": "deny", "cidr": "::ffff:10.0.0.0/90"}, "invalid_cidr"},
		"an unknown kind":        {object{"rule_type": "deny", "cidr": "10.0.0.0/8", "applies_to": "robots"}, "invalid_applies_to"},
		"a label with a newline": {object{"rule_type": "deny", "cidr": "10.0.0.0/8", "label": "a\nb"}, "invalid_label"},
	} {
		r := s.do("POST", all, s.ada.token, c.body)
		r.what += " with " + name
		r.want(400, c.code)
	}
	s.do("POST", all, s.ada.token, object{"rule_type": "deny", "cidr": "10.9.9.9/8"}).want(409, "ip_rule_exists")
	l := s.do("GET", all, s.ada.token, nil).want(200).list("rules")
	if len(l) != 7 {
		t.Fatalf("%d rules", len(l))
	}
	for _, r := range l {
		s.do("DELETE", all+"/"+r["id"].(string), s.ada.token, nil).want(204)
		s.do("DELETE", all+"/"+r["id"].(string), s.ada.token, nil).want(404)
	}
	if l := s.do("GET", all, s.ada.token, nil).want(200).list("rules"); len(l) != 0 {
		t.Errorf("left: %v", l)
	}
	for _, token := range []string{s.worker.token, s.ada.member("mia", "member").token} {
		s.do("GET", all, token, nil).want(403)
		s.do("POST", all, token, object{"rule_type": "deny", "cidr": "10.0.0.0/8"}).want(403)
		s.do("DELETE", all+"/"+nobodysID, token, nil).want(403)
	}
	for i := range 200 {
		s.ada.ipRule(object{"rule_type": "deny", "cidr": "10.0.0." + itoa(i)})
	}
	s.do("POST", all, s.ada.token, object{"rule_type": "deny", "cidr": "10.0.1.1"}).want(409, "too_many_ip_rules")
}

func TestIPRulesRefuseAddresses(t *testing.T) {
	for name, c := range map[string]struct {
		rules       []object
		addr        string
		user, agent bool
	}{
		"no rules":                         {nil, "203.0.113.9:1", true, true},
		"denied":                           {[]object{{"rule_type": "deny", "cidr": "203.0.113.0/24"}}, "203.0.113.9:1", false, false},
		"denied, another address":          {[]object{{"rule_type": "deny", "cidr": "203.0.113.0/24"}}, "203.0.114.9:1", true, true},
		"denied, mapped":                   {[]object{{"rule_type": "deny", "cidr": "203.0.113.0/24"}}, "[::ffff:203.0.113.9]:1", false, false},
		"denied as mapped":                 {[]object{{"rule_type": "deny", "cidr": "::ffff:203.0.113.9"}}, "203.0.113.9:1", false, false},
		"denied, IPv6":                     {[]object{{"rule_type": "deny", "cidr": "2001:db8::/32"}}, "[2001:db8::1]:1", false, false},
		"everything of IPv6 denied":        {[]object{{"rule_type": "deny", "cidr": "::/0"}}, "203.0.113.9:1", true, true},
		"agents denied":                    {[]object{{"rule_type": "deny", "cidr": "203.0.113.0/24", "applies_to": "agent"}}, "203.0.113.9:1", true, false},
		"users denied":                     {[]object{{"rule_type": "deny", "cidr": "203.0.113.0/24", "applies_to": "user"}}, "203.0.113.9:1", false, true},
		"allowed":                          {[]object{{"rule_type": "allow", "cidr": "203.0.113.0/24"}}, "203.0.113.9:1", true, true},
		"another is allowed":               {[]object{{"rule_type": "allow", "cidr": "192.0.2.0/24"}}, "203.0.113.9:1", false, false},
		"another is allowed to agents":     {[]object{{"rule_type": "allow", "cidr": "192.0.2.0/24", "applies_to": "agent"}}, "203.0.113.9:1", true, false},
		"one of two is allowed":            {[]object{{"rule_type": "allow", "cidr": "192.0.2.0/24"}, {"rule_type": "allow", "cidr": "203.0.113.0/24"}}, "203.0.113.9:1", true, true},
		"deny wins":                        {[]object{{"rule_type": "deny", "cidr": "203.0.113.9"}, {"rule_type": "allow", "cidr": "203.0.113.0/24"}}, "203.0.113.9:1", false, false},
		"deny wins, though the wider one":  {[]object{{"rule_type": "deny", "cidr": "203.0.0.0/16"}, {"rule_type": "allow", "cidr": "203.0.113.9"}}, "203.0.113.9:1", false, false},
		"no address, and there is a rule":  {[]object{{"rule_type": "deny", "cidr": "10.0.0.0/8"}}, "garbage", false, false},
		"no address, and there is no rule": {nil, "garbage", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := openSession(t, rest.OneByOne)
			s.ada.put(s.vault, "a/b2", "value")
			for _, r := range c.rules {
				r["force"] = true
				s.do("POST", "/v1/security/ip-rules", s.ada.token, r).want(201)
			}
			s.bites(c.addr, s.ada.token, c.user)
			s.bites(c.addr, s.worker.token, c.agent)
			s.bites(c.addr, s.worker.key, c.agent)
			// A good password or key is no different from a bad one there.
			login := func(password string) reply {
				return s.do("POST", "/v1/auth/token", "", object{"email": s.ada.email, "password": password}, from(c.addr))
			}
			exchange := func(key string) reply {
				return s.do("POST", "/v1/auth/agent-token", "", object{"api_key": key}, from(c.addr))
			}
			s.sameAsBad(c.user, login(password), login("x"))
			s.sameAsBad(c.agent, exchange(s.worker.key), exchange("ocv_x"))
		})
	}
}

// bites checks that a credential is good at an address, or refused with 403 on
// every sort of route.
func (s *session) bites(addr, token string, ok bool) {
	s.t.Helper()
	for _, target := range []string{secretAt(s.vault, "a/b"), "/v1/vaults"} {
		r := s.do("GET", target, token, nil, from(addr))
		if r.what += " from " + addr; ok {
			r.want(200)
			continue
		}
		r.want(403, "address_not_allowed")
	}
	if !ok {
		s.do("GET", "/v1/nope", token, nil, from(addr)).want(403, "address_not_allowed")
	}
}

func (s *session) sameAsBad(ok bool, good, bad reply) {
	s.t.Helper()
	bad.want(401)
	if ok {
		good.want(200)
		return
	}
	good.want(401)
	if string(good.body) != string(bad.body) {
		s.t.Errorf("%s and %s", good.body, bad.body)
	}
}

func TestARuleThatLocksItsAuthorOutNeedsForce(t *testing.T) {
	s := openSession(t)
	const all = "/v1/security/ip-rules"
	for _, body := range []object{
		{"rule_type": "deny", "cidr": "192.0.2.0/24"},
		{"rule_type": "deny", "cidr": "0.0.0.0/0", "applies_to": "user"},
		{"rule_type": "allow", "cidr": "198.51.100.0/24"},
	} {
		s.do("POST", all, s.ada.token, body).want(409, "would_lock_you_out")
	}
	s.do("POST", all, s.ada.token, object{"rule_type": "deny", "cidr": "192.0.2.0/24", "applies_to": "agent"}).want(201)
	mine := s.ada.ipRule(object{"rule_type": "allow", "cidr": "192.0.2.7"})
	s.ada.ipRule(object{"rule_type": "allow", "cidr": "198.51.100.0/24"})
	// The rule that lets the caller in goes only with force, and for a person who is there.
	key := s.do("POST", "/v1/auth/api-keys", s.ada.login(), object{"name": "k"}).want(201).str("api_key")
	s.do("DELETE", all+"/"+mine+"?force=true", key, nil).want(403, "person_required")
	s.do("POST", all, key, object{"rule_type": "deny", "cidr": "0.0.0.0/0", "force": true}).want(403, "person_required")
	s.do("DELETE", all+"/"+mine, s.ada.token, nil).want(409, "would_lock_you_out")
	s.do("DELETE", all+"/"+mine+"?force=true", s.ada.token, nil).want(204)
	s.do("GET", all, s.ada.token, nil).want(403, "address_not_allowed")
	s.do("GET", all, s.ada.token, nil, from("198.51.100.1:1")).want(200)
}

func TestIPRulesAreEachOrganisationsOwn(t *testing.T) {
	s := openSession(t)
	bob := s.signup("bob")
	s.ada.ipRule(object{"rule_type": "deny", "cidr": "0.0.0.0/0", "force": true})
	s.do("GET", "/v1/vaults", bob.token, nil).want(200)
	s.do("GET", "/v1/vaults", s.ada.token, nil).want(403)
	// Nor does switching get around them.
	s.do("POST", "/v1/auth/switch-org", bob.token, object{"org_id": s.ada.org}).want(404)
}
