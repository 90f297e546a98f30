package httpapi_test

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// write is one kind of write, which an actor repeats; i counts. It returns the
// answers.
type write func(i int) []reply

// racer is somebody who writes while their right ends.
type racer struct {
	id    string
	kinds map[string]write
	ends  func()
	by    string // the action of what ends it, on the thing with this id:
	on    string
}

// racers make somebody anew.
var racers = map[string]func(s *session, n int) racer{
	"an admin who is removed": func(s *session, n int) racer {
		h, enrolled := s.admin(n)
		kinds := s.peoplesWrites(h, h.token, n, enrolled)
		delete(kinds, "IP rules")
		return racer{id: h.id, kinds: kinds, by: "org.member_remove", on: h.id,
			ends: func() { s.do("DELETE", "/v1/org/members/"+h.id, s.ada.token, nil).want(204) }}
	},
	"an admin who is removed and makes rules": func(s *session, n int) racer {
		h, enrolled := s.admin(n)
		kinds := s.peoplesWrites(h, h.token, n, enrolled)
		maps.DeleteFunc(kinds, func(kind string, _ write) bool { return kind != "IP rules" && kind != "webhook" })
		return racer{id: h.id, kinds: kinds, by: "org.member_remove", on: h.id,
			ends: func() { s.do("DELETE", "/v1/org/members/"+h.id, s.ada.token, nil).want(204) }}
	},
	"an admin who becomes a member": func(s *session, n int) racer {
		h, enrolled := s.admin(n)
		kinds := s.peoplesWrites(h, h.token, n, enrolled)
		maps.DeleteFunc(kinds, func(kind string, _ write) bool { return kind != "IP rules" && kind != "webhook" })
		return racer{id: h.id, kinds: kinds, by: "org.member_update", on: h.id,
			ends: func() {
				s.do("PATCH", "/v1/org/members/"+h.id, s.ada.token, object{"role": "member"}).want(200)
			}}
	},
	"an API key that is revoked": func(s *session, n int) racer {
		h, enrolled := s.admin(n)
		r := s.do("POST", "/v1/auth/api-keys", h.token, object{"name": "k"}).want(201)
		key := r.str("key", "id")
		kinds := s.peoplesWrites(h, r.str("api_key"), n, enrolled)
		delete(kinds, "IP rules")
		delete(kinds, "keys") // these take a person
		return racer{id: h.id, kinds: kinds, by: "api_key.delete", on: key,
			ends: func() { s.do("DELETE", "/v1/auth/api-keys/"+key, h.login(), nil).want(204) }}
	},
	"an agent that is deactivated": func(s *session, n int) racer {
		a := s.ada.agent(object{"name": "a" + itoa(n)})
		s.ada.grant(s.vault, a, "**", nil, "read", "write", "delete")
		s.ada.put(s.vault, "by/"+itoa(n), "v")
		secret := s.ada.secretID(s.vault, "by/"+itoa(n))
		return racer{id: a.id, by: "agent.deactivate", on: a.id,
			ends: func() { s.do("DELETE", "/v1/agents/"+a.id, s.ada.token, nil).want(204) },
			kinds: map[string]write{
				"secrets": func(i int) []reply {
					return []reply{s.do("PUT", secretAt(s.vault, "of/"+itoa(n)), a.key, object{"value": itoa(i)})}
				},
				"shares": s.shareWrites(secret, a.key),
			}}
	},
}

// admin is somebody for whom three enrolments wait.
func (s *session) admin(n int) (h *human, enrolled []object) {
	s.t.Helper()
	h = s.ada.member("rolf"+itoa(n), "admin")
	for range 3 {
		s.enroll("newcomer", h.email)
		s.Clock.Forward(10 * time.Minute) // one in ten minutes
	}
	h.token, s.ada.token = h.login(), s.ada.login()
	if enrolled = h.waiting(); len(enrolled) != 3 {
		s.t.Fatalf("%d enrolments wait", len(enrolled))
	}
	return h, enrolled
}

// peoplesWrites are what an admin can leave behind that outlives them.
func (s *session) peoplesWrites(h *human, token string, n int, enrolled []object) map[string]write {
	s.t.Helper()
	v := h.vaultNamed("v" + itoa(n))
	h.put(v, "a/b", "value")
	secret := h.secretID(v, "a/b")
	post := func(target string, body object) []reply { return []reply{s.do("POST", target, token, body)} }
	return map[string]write{
		"agents": func(i int) []reply { return post("/v1/agents", object{"name": "a" + itoa(i)}) },
		"keys":   func(i int) []reply { return post("/v1/auth/api-keys", object{"name": "k" + itoa(i)}) },
		"vaults": func(i int) []reply { return post("/v1/vaults", object{"name": "w" + itoa(n) + "-" + itoa(i)}) },
		"grants": func(int) []reply {
			return post("/v1/vaults/"+v+"/policies", object{
				"secret_path_pattern": "a/*", "principal_type": "agent", "principal_id": s.worker.id, "permissions": []string{"read"},
			})
		},
		"shares": s.shareWrites(secret, token),
		"webhook": func(i int) []reply {
			return []reply{s.do("PUT", "/v1/org/approval-webhook", token, object{"url": "https://example.com/" + itoa(i)})}
		},
		// Each of these ends rights: what takes long would hardly be decided beside them.
		"IP rules": func(i int) []reply {
			const at = "/v1/security/ip-rules"
			r := s.do("POST", at, token, object{"rule_type": "deny", "cidr": "198.18." + itoa(n) + "." + itoa(i%250)})
			if r.status != 201 {
				return []reply{r}
			}
			return []reply{r, s.do("DELETE", at+"/"+r.str("id"), token, nil)}
		},
		"enrolments": func(i int) []reply {
			return post("/v1/agents/enrollments/"+enrolled[i%len(enrolled)]["id"].(string)+"/accept", object{})
		},
	}
}

func (s *session) shareWrites(secret, token string) write {
	return func(i int) []reply {
		if i < 60 {
			s.Clock.Forward(7 * time.Second) // ten shares a minute, and ten minutes for keys
		}
		return []reply{s.do("POST", "/v1/secrets/"+secret+"/share", token, object{"recipient_type": "anyone_with_link"})}
	}
}

// While somebody writes all kinds of things at once, their right ends. The order of
// an organisation's log is the order of commits: behind the end stands no success of
// theirs, and nothing that they ask for later succeeds.
func TestNothingSucceedsAfterTheRightToItHasEnded(t *testing.T) {
	const rounds = 2
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			s := openSession(t, rest.OneByOne, database.on)
			n := 0
			for name, begin := range racers {
				for range rounds {
					s.ada.token = s.ada.login()
					n++
					r := begin(s, n)
					events := s.during(func() { s.race(r) })
					end := slices.IndexFunc(events, func(e event) bool {
						return e.org == s.ada.org && e.action == r.by && e.resource == r.on && e.detail("outcome") == "success"
					})
					if end < 0 {
						t.Fatalf("%s: the end of the right is not in the log: %v", name, events)
					}
					for i, e := range events {
						if e.actor != r.id || e.org != s.ada.org || e.detail("outcome") != "success" {
							continue
						}
						if i > end {
							t.Errorf("%s: %s succeeded %d events after the right had ended", name, e.action, i-end)
						}
					}
				}
			}
		})
	}
}

// race has all kinds of writes go on at once. When each has succeeded the right ends.
// It returns when all have stopped, also when the test fails.
func (s *session) race(r racer) {
	s.t.Helper()
	var all, began sync.WaitGroup
	var over atomic.Bool
	defer all.Wait()
	defer over.Store(true)
	began.Add(len(r.kinds))
	for kind, do := range r.kinds {
		all.Go(func() {
			began := sync.OnceFunc(began.Done)
			defer began()
			for i, first, last := 0, true, false; !last; i++ {
				last = over.Load()
				for _, got := range do(i) {
					switch {
					case got.status < 300 && last:
						s.t.Errorf("%s succeeded after the right had ended", kind)
					case got.status < 300:
						began()
						first = false
					case got.status == 503 && got.str("code") == "rights_changed": // nothing was done
					case got.status >= 500 || first:
						s.t.Errorf("%s: got %d: %.200s", kind, got.status, got.body)
						return
					}
				}
			}
		})
	}
	began.Wait()
	s.ada.token = s.ada.login() // the clock went on
	r.ends()
}
