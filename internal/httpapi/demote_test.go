package httpapi_test

import "testing"

// Who managed the organisation keeps, as a member, what a member may have: not the
// policies that it made for itself in the vaults of others.
func TestADemotedAdminKeepsNoPolicyThatItMadeForItself(t *testing.T) {
	s := openSession(t)
	bob, cat := s.ada.member("bob", "admin"), s.ada.member("cat", "admin")
	bot := bob.agent(object{"name": "bobs"})
	mine := bob.vaultNamed("bobs")
	grant := func(by *human, vault, kind, id string, more object) string {
		t.Helper()
		body := object{"secret_path_pattern": "**", "principal_type": kind, "principal_id": id, "permissions": []string{"read"}}
		for k, v := range more {
			body[k] = v
		}
		return s.do("POST", "/v1/vaults/"+vault+"/policies", by.token, body).want(201).str("id")
	}
	ends := map[string]bool{ // the policy's id, and whether it ends
		grant(bob, s.vault, "user", bob.id, nil):         true,
		grant(bob, s.vault, "agent", bot.id, nil):        true,
		grant(bob, s.vault, "user", cat.id, nil):         false,
		grant(bob, s.vault, "agent", s.worker.id, nil):   false,
		grant(cat, s.vault, "user", bob.id, nil):         false,
		grant(bob, mine, "agent", bot.id, nil):           false,
		grant(bob, mine, "user", bob.id, nil):            false,
		grant(bob, s.vault, "user", bob.id, asks(true)):  false, // a gate
		grant(cat, s.vault, "agent", bot.id, asks(true)): false,
	}
	s.do("PATCH", "/v1/org/members/"+cat.id, s.ada.login(), object{"role": "owner"}).want(200)
	r := s.do("PATCH", "/v1/org/members/"+bob.id, s.ada.login(), object{"role": "member"}).want(200)
	if got := r.header.Get("X-Ended"); got != "policies=2" {
		t.Errorf("X-Ended: %q", got)
	}
	there := map[string]bool{}
	for _, vault := range []string{s.vault, mine} {
		for _, p := range s.do("GET", "/v1/vaults/"+vault+"/policies", s.ada.token, nil).want(200).list("policies") {
			there[p["id"].(string)] = true
		}
	}
	for id, end := range ends {
		if there[id] == end {
			t.Errorf("the policy %s is there: %v", id, there[id])
		}
	}
}
