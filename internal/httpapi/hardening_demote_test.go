package httpapi_test

import (
	"fmt"
	"strings"
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
			s.Clock.Forward(2 * time.Hour)
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

// A certificate that is pinned is a key: it ends with the credential, the membership and
// the role that pinned it. What came of the one before ends when it is pinned.
func TestAPinEndsWithWhatPinnedIt(t *testing.T) {
	const api = "/v1/agents/"
	pin := func(of string) object { return object{"client_cert_fingerprint": strings.Repeat(of, 32)} }
	for what, end := range map[string]func(s *session, bob *human, key string) reply{
		"revoked": func(s *session, bob *human, key string) reply {
			return s.do("DELETE", "/v1/auth/api-keys/"+key, bob.token, nil).want(204)
		},
		"removed": func(s *session, bob *human, _ string) reply {
			return s.do("DELETE", "/v1/org/members/"+bob.id, s.ada.login(), nil).want(204)
		},
		"demoted": func(s *session, bob *human, _ string) reply {
			return s.do("PATCH", "/v1/org/members/"+bob.id, s.ada.login(), object{"role": "member"}).want(200)
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := openSession(t)
			bob := s.ada.member("bob", "admin")
			k := s.do("POST", "/v1/auth/api-keys", bob.token, object{"name": "k"}).want(201)
			key := k.str("api_key")
			mtls := func(name string) *robot {
				draft := pin("aa")
				draft["name"], draft["auth_method"] = name, "mtls"
				return &robot{id: s.do("POST", "/v1/agents", s.ada.token, draft).want(201).str("agent", "id")}
			}
			pinned, again, restarted, untouched := mtls("pinned"), mtls("again"), mtls("restarted"), mtls("untouched")
			s.ada.grant(s.vault, pinned, "**", nil, "read")
			takes := func() taken {
				token := s.do("POST", api+pinned.id+"/token", s.ada.token, nil).want(200).str("token")
				share := s.do("POST", "/v1/secrets/"+s.secret+"/share", token, object{"recipient_type": "anyone_with_link"}).want(201)
				return taken{token, strings.TrimPrefix(share.str("share_url"), "https://vault.test")}
			}
			before := takes()
			s.lives(t, "before", before, true, true)
			if got := s.do("PATCH", api+pinned.id, key, pin("bb")).want(200).header.Get("X-Ended"); got != "shares=1" {
				t.Errorf("X-Ended: %q", got)
			}
			s.lives(t, "of the certificate before", before, false, false)
			after := takes()
			s.do("PATCH", api+again.id, key, pin("bb")).want(200)
			s.do("PATCH", api+again.id, s.ada.token, pin("cc")).want(200)
			s.do("DELETE", api+restarted.id, s.ada.token, nil).want(204)
			restart := pin("aa")
			restart["is_active"] = true
			s.do("PATCH", api+restarted.id, key, restart).want(200)
			// A pin of an agent with a key says nothing of who knows the key.
			keyed := s.do("POST", api+s.worker.id+"/rotate-key", key, nil).want(200).str("api_key")
			s.do("PATCH", api+s.worker.id, s.ada.token, pin("dd")).want(200)

			if got := end(s, bob, k.str("key", "id")).header.Get("X-Ended"); got != "shares=1,agent_keys=3" {
				t.Errorf("X-Ended: %q", got)
			}
			s.lives(t, "of the pin that ended", after, false, false)
			s.do("GET", api+"me", keyed, nil).want(401)
			for bot, active := range map[*robot]bool{pinned: false, again: true, restarted: false, untouched: true} {
				if is := s.do("GET", api+bot.id, s.ada.token, nil).want(200).json()["is_active"]; is != active {
					t.Errorf("%s is active: %v", bot.id, is)
				}
			}
			s.do("PATCH", api+pinned.id, s.ada.login(), object{"is_active": true}).want(400, "certificate_not_named")
		})
	}
}

// A binding shows a vault to its agent, and so to the human who takes the agent's token.
func TestADemotedAdminsAgentsAreBoundToNothingItDoesNotSee(t *testing.T) {
	s := openSession(t)
	bob := s.ada.member("bob", "admin")
	mine := bob.vaultNamed("bobs")
	granted := s.ada.vaultNamed("granted")
	agent := func(name string, vaults ...string) string {
		return s.do("POST", "/v1/agents", bob.token, object{"name": name, "vault_ids": vaults}).want(201).str("agent", "id")
	}
	both, theirs, reader, own := agent("both", mine, s.vault), agent("theirs", s.vault), agent("reader", s.vault, granted), agent("own", mine)
	s.do("POST", "/v1/vaults/"+granted+"/policies", s.ada.token,
		object{"secret_path_pattern": "db/**", "principal_type": "agent", "principal_id": reader, "permissions": []string{"read"}}).want(201)
	r := s.do("PATCH", "/v1/org/members/"+bob.id, s.ada.login(), object{"role": "member"}).want(200)
	if got := r.header.Get("X-Ended"); got != "agents=1" {
		t.Errorf("X-Ended: %q", got)
	}
	for id, want := range map[string]struct {
		active bool
		vaults string
	}{both: {true, mine}, theirs: {false, s.vault}, reader: {true, granted}, own: {true, mine}} {
		a := s.do("GET", "/v1/agents/"+id, s.ada.token, nil).want(200).json()
		if got := fmt.Sprint(a["vault_ids"]); a["is_active"] != want.active || got != "["+want.vaults+"]" {
			t.Errorf("%v is active %v and bound to %s, not to %s", a["name"], a["is_active"], got, want.vaults)
		}
	}
}
