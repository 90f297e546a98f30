package httpapi_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// rivals are two people who manage one organisation, each at a node of its own.
type rivals struct {
	*session
	bob *human // ada's is the first node
}

// onEachEngine runs a test with rivals on both databases.
func onEachEngine(t *testing.T, test func(t *testing.T, s *rivals)) {
	for name, engine := range map[string]func(*setup){"sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(name, func(t *testing.T) {
			s := openSession(t, engine)
			bob := s.ada.member("bob", "admin")
			bob.world = &world{World: s.OtherNode(), t: t, between: s.between}
			test(t, &rivals{s, bob})
		})
	}
}

// both has each of the two send a request at the same time.
func (s *rivals) both(method, path string, adas, bobs object) (ada, bob reply) {
	var two sync.WaitGroup
	begin := make(chan struct{})
	two.Go(func() { <-begin; ada = s.do(method, path, s.ada.token, adas) })
	two.Go(func() { <-begin; bob = s.bob.do(method, path, s.bob.token, bobs) })
	close(begin)
	two.Wait()
	return ada, bob
}

// Two people say at the same time where a secret may be used: it holds what one of them said, whole, and the log says
// of each what it was, that which holds last.
func TestTwoPeopleSetTheBindingsOfASecretAtOnce(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *rivals) {
		at := "/v1/vaults/" + s.vault + "/secret-bindings/a/b"
		said := func(who string, round int) (object, string) {
			hosts := []string{fmt.Sprintf("%s-%d.example", who, round), fmt.Sprintf("%s-%d.example.org", who, round)}
			return object{"bindings": []object{{"hosts": hosts[:1]}, {"hosts": hosts[1:]}}}, strings.Join(hosts, " ")
		}
		for round := range 10 {
			before := len(s.Events(s.ada.org))
			adas, adasHosts := said("ada", round)
			bobs, bobsHosts := said("bob", round)
			ada, bob := s.both("PUT", at, adas, bobs)
			ada.want(200)
			bob.want(200)
			var logged []string
			by := map[string]bool{}
			for _, e := range s.Events(s.ada.org)[before:] {
				if e.Action == "secret.bind" && e.Detail("outcome") == "success" {
					logged, by[e.Detail("hosts")] = append(logged, e.Detail("hosts")), true
				}
			}
			if len(logged) != 2 || !by[adasHosts] || !by[bobsHosts] {
				t.Fatalf("round %d: the log has %q", round, logged)
			}
			s.World.Hear(s.bob.World.World)
			var holds []string
			for _, b := range s.do("GET", at, s.ada.token, nil).want(200).list("bindings") {
				for _, h := range b["hosts"].([]any) {
					holds = append(holds, h.(string))
				}
			}
			if got := strings.Join(holds, " "); got != logged[1] {
				t.Fatalf("round %d: it may be used at %s, and the log ends with %s", round, got, logged[1])
			}
		}
	})
}

// Two people change one binding of an agent at the same time: what each was told holds, and nothing of what was refused.
func TestTwoPeopleChangeABindingOfAnAgentAtOnce(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *rivals) {
		made := s.do("POST", "/v1/agents/"+s.worker.id+"/bindings", s.ada.token, object{"name": "pay", "binding_type": "http", "config": object{"base_url": "https://pay.example"}, "credential": hiddenValue}).want(201)
		at := "/v1/agents/" + s.worker.id + "/bindings/" + made.str("id")
		for round := range 10 {
			s.do("PATCH", at, s.ada.token, object{"is_active": true, "guardrails": object{}}).want(200)
			before := len(s.Events(s.ada.org))
			bound, off := s.both("PATCH", at, object{"guardrails": object{"max_requests_per_minute": round + 1}}, object{"is_active": false})
			outcomes := map[string]int{}
			for _, e := range s.Events(s.ada.org)[before:] {
				if e.Action == "agent.binding_update" {
					outcomes[e.Detail("outcome")]++
				}
			}
			done := 0
			for _, r := range []reply{bound, off} {
				if r.status == 200 {
					done++
				} else {
					r.want(409, "agent_binding_changed")
				}
			}
			if done == 0 || outcomes["success"] != done || outcomes["failed"] != 2-done {
				t.Fatalf("round %d: %d were done, and the log has %v", round, done, outcomes)
			}
			now := s.do("GET", at, s.ada.token, nil).want(200)
			if active := now.json()["is_active"] == true; active == (off.status == 200) {
				t.Errorf("round %d: it was switched off with %d, and is %s", round, off.status, now.body)
			}
			if rail := strings.Contains(string(now.body), fmt.Sprintf(`"max_requests_per_minute":%d`, round+1)); rail != (bound.status == 200) {
				t.Errorf("round %d: it was bounded with %d, and is %s", round, bound.status, now.body)
			}
		}
		// And where one surely comes between: the other was decided before, is decided anew, and undoes nothing.
		first := func() { s.bob.do("PATCH", at, s.bob.token, object{"is_active": false}).want(200) }
		s.do("PATCH", at, s.ada.token, object{"is_active": true}).want(200)
		s.between.Store(&first)
		s.do("PATCH", at, s.ada.token, object{"guardrails": object{"max_requests_per_minute": 99}}).want(200)
		if now := s.do("GET", at, s.ada.token, nil).want(200); now.json()["is_active"] != false || !strings.Contains(string(now.body), ":99") {
			t.Errorf("one of the two is undone: %s", now.body)
		}
	})
}
