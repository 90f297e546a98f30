package httpapi_test

import (
	"testing"
	"time"
)

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

// Who renewed the key of another's agent knows it, also after the agent renewed it: it
// ends with the membership, and with the role that let it renew the key.
func TestAKeyThatARemovedAdminGaveEnds(t *testing.T) {
	for what, end := range map[string]func(s *session, bob *human) reply{
		"removed": func(s *session, bob *human) reply {
			return s.do("DELETE", "/v1/org/members/"+bob.id, s.ada.login(), nil).want(204)
		},
		"demoted": func(s *session, bob *human) reply {
			return s.do("PATCH", "/v1/org/members/"+bob.id, s.ada.login(), object{"role": "member"}).want(200)
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := openSession(t)
			bob := s.ada.member("bob", "admin")
			renew := func(bot *robot, as string) string {
				return s.do("POST", "/v1/agents/"+bot.id+"/rotate-key", as, nil).want(200).str("api_key")
			}
			his, again := s.ada.agent(object{"name": "his"}), s.ada.agent(object{"name": "again"})
			own := bob.agent(object{"name": "own"})
			kept := map[string]bool{renew(s.worker, bob.token): false, renew(own, bob.token): what == "demoted"}
			renew(again, bob.token)
			kept[renew(again, s.ada.token)] = true
			first := renew(his, bob.token)
			s.clock.forward(2 * time.Hour)
			kept[renew(his, first)] = false
			if got := end(s, bob).header.Get("X-Ended"); got != map[string]string{"removed": "agents=1,agent_keys=2", "demoted": "agent_keys=2"}[what] {
				t.Errorf("X-Ended: %q", got)
			}
			for key, works := range kept {
				s.do("GET", "/v1/agents/me", key, nil).want(map[bool]int{true: 200, false: 401}[works])
			}
		})
	}
}
