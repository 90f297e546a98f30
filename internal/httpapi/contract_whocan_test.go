package httpapi_test

import (
	"slices"
	"strings"
	"testing"
)

// cell is one answer of a question who can what: yes, or why not.
func cell(o object, use string) string {
	v := o[use].(object)
	if v["allowed"] == true {
		return "yes " + v["reason"].(string)
	}
	return v["reason"].(string)
}

// Who may do what with a path is what the uses themselves say, and why.
func TestWhoCanSaysWhatTheUsesSay(t *testing.T) {
	s := openSession(t)
	asker, capped, stopped := s.ada.agent(object{"name": "asker"}), s.ada.agent(object{"name": "capped", "scopes": []string{"other/*"}}), s.ada.agent(object{"name": "stopped"})
	home, mia := s.ada.agent(object{"name": "home"}), s.ada.member("mia", "admin")
	gate := s.ada.grant(s.vault, asker, "a/*", asks(true), "read")
	s.ada.grant(s.vault, capped, "**", nil, "read", "write")
	s.ada.grant(s.vault, stopped, "a/b", nil, "read")
	there := s.ada.grant(s.vault, home, "a/b", object{"conditions": object{"ip_allowlist": []string{"10.0.0.0/8"}}}, "read")
	s.do("DELETE", "/v1/agents/"+stopped.id, s.ada.token, nil).want(204)
	at := "/v1/vaults/" + s.vault + "/who-can/a/b"
	ask := func(token, query string) map[string]object {
		t.Helper()
		out := map[string]object{}
		for _, o := range s.do("GET", at+query, token, nil).want(200).list("principals") {
			out[o["principal_id"].(string)] = o
		}
		return out
	}
	who := ask(s.ada.token, "")
	for _, c := range []struct{ id, name, read, write string }{
		{s.ada.id, "ada@example.com", "yes creator", "yes creator"},
		{s.worker.id, "worker", "yes policy:" + s.policy, "no_policy"},
		{asker.id, "asker", "approval_required", "no_policy"},
		{capped.id, "capped", "outside_scope", "outside_scope"},
		{stopped.id, "stopped", "agent_inactive", "agent_inactive"},
		{home.id, "home", "ip_not_allowed", "no_policy"},
	} {
		o := who[c.id]
		if o == nil || o["name"] != c.name || cell(o, "read") != c.read || cell(o, "write") != c.write {
			t.Errorf("%s: %v", c.name, o)
		}
	}
	if len(who) != 6 {
		t.Errorf("%d are named", len(who))
	}
	if who[asker.id]["read"].(object)["policy_id"] != gate {
		t.Errorf("the gate is %v", who[asker.id])
	}
	if got := cell(ask(s.ada.token, "?ip=10.1.2.3")[home.id], "read"); got != "yes policy:"+there {
		t.Errorf("from its address: %s", got)
	}
	if got := ask(mia.token, ""); len(got) != 6 {
		t.Errorf("an admin is told of %d", len(got))
	}
	// What is said is what happens.
	s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(200)
	s.do("GET", secretAt(s.vault, "a/b"), asker.token, nil).want(403, "approval_required")
	s.do("GET", secretAt(s.vault, "a/b"), capped.token, nil).want(403)
	s.do("GET", secretAt(s.vault, "a/b"), home.token, nil).want(403)

	eve := s.signup("eve")
	mo := s.ada.member("mo", "member")
	s.do("GET", at, s.worker.token, nil).want(403)
	s.do("GET", at, mo.token, nil).want(403)
	s.do("GET", at, eve.token, nil).want(404)
	s.do("GET", at+"?ip=nowhere", s.ada.token, nil).want(400, "invalid_address")
	key := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k2", "scopes": []string{"other/*"}}).want(201).str("api_key")
	s.do("GET", at, key, nil).want(403)
	log := s.during(func() { ask(s.ada.token, "") })
	if len(log) != 1 || log[0].action != "secret.who_can" || log[0].detail("path") != "a/b" || log[0].detail("outcome") != "success" {
		t.Errorf("the log says %v", log)
	}
}

// What an agent may do is told to it, its human and managers, and to nobody more than they
// may see.
func TestAnAgentsAccessIsToldWithinWhatTheCallerSees(t *testing.T) {
	s := openSession(t)
	for _, p := range []string{"a/c", "other/d"} {
		s.ada.put(s.vault, p, "x")
	}
	gate := s.ada.grant(s.vault, s.worker, "other/*", asks(true), "write")
	at := "/v1/agents/" + s.worker.id + "/access"
	tell := func(token, query string) (paths []string, policies int) {
		t.Helper()
		for _, v := range s.do("GET", at+query, token, nil).want(200).list("vaults") {
			for _, o := range v["secrets"].([]any) {
				paths = append(paths, o.(object)["path"].(string))
			}
			policies += len(v["policies"].([]any))
		}
		slices.Sort(paths)
		return paths, policies
	}
	says := func(token, query, want string, policies int) {
		t.Helper()
		got, n := tell(token, query)
		if strings.Join(got, " ") != want || n != policies {
			t.Errorf("%s: told of %v and %d policies, want %s and %d", query, got, n, want, policies)
		}
	}
	says(s.ada.token, "", "a/b a/c other/d", 2)
	says(s.worker.token, "", "a/b a/c other/d", 2)
	says(s.ada.token, "?vault_id="+s.vault+"&path=no/such", "no/such", 2)
	says(s.ada.token, "?path=a/b", "a/b", 2)
	one := s.do("GET", at+"?path=other/d", s.ada.token, nil).want(200)
	secret := one.list("vaults")[0]["secrets"].([]any)[0].(object)
	if cell(secret, "write") != "approval_required" || secret["write"].(object)["policy_id"] != gate || cell(secret, "read") != "no_policy" || one.str("name") != "worker" {
		t.Errorf("other/d: %s", one.body)
	}

	// A key that is capped to paths is told of those, and of no policy.
	key := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k2", "scopes": []string{"other/*"}}).want(201).str("api_key")
	says(key, "", "other/d", 0)
	says(key, "?path=a/b", "", 0)
	s.do("GET", at+"?path=a/b&vault_id="+s.vault, key, nil).want(403)
	// One whose words name no secrets is told of no path.
	words := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k3", "scopes": []string{"agent:read"}}).want(201).str("api_key")
	if paths, _ := tell(words, ""); len(paths) != 0 {
		t.Errorf("a key for agents is told of %v", paths)
	}
	// A member asks about its own agents alone, and sees the paths that it may see.
	mo := s.ada.member("mo", "member")
	s.do("GET", at, mo.token, nil).want(404)
	own := mo.agent(object{"name": "mos"})
	s.ada.grant(s.vault, own, "**", nil, "read")
	at = "/v1/agents/" + own.id + "/access"
	says(mo.token, "", "", 0)
	s.do("POST", "/v1/vaults/"+s.vault+"/policies", s.ada.token, object{"secret_path_pattern": "a/c", "principal_type": "user", "principal_id": mo.id, "permissions": []string{"read"}}).want(201)
	says(mo.token, "", "a/c", 0)
	says(s.ada.token, "", "a/b a/c other/d", 1)
	s.do("GET", at, s.worker.token, nil).want(403)
	s.do("GET", at, s.signup("eve").token, nil).want(404)
	s.do("GET", "/v1/agents/"+nobodysID+"/access", s.ada.token, nil).want(404)
	s.do("DELETE", "/v1/agents/"+own.id, s.ada.token, nil).want(204)
	says(s.ada.token, "", "", 1)
	if r := s.do("GET", at, s.ada.token, nil).want(200); r.json()["is_active"] != false {
		t.Errorf("a stopped agent: %s", r.body)
	}
}

// Pages by cursor hold each event once, though every look at them adds one, and filters find
// what was done to a path.
func TestAuditPagesByCursorDoNotShift(t *testing.T) {
	s := openSession(t)
	s.ada.put(s.vault, "A/b", "x")
	for range 5 {
		s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(200)
	}
	const at = "/v1/audit/events"
	all := s.do("GET", at+"?limit=1000", s.ada.token, nil).want(200).list("events")
	var got []any
	for query := "?limit=7"; ; {
		r := s.do("GET", at+query, s.ada.token, nil).want(200)
		for _, e := range r.list("events") {
			got = append(got, e["id"])
		}
		next, _ := r.json()["next_cursor"].(string)
		if next == "" {
			break
		}
		query = "?limit=7&cursor=" + next
	}
	got = got[1:] // the look at all
	for i, e := range all {
		if i >= len(got) || got[i] != e["id"] {
			t.Fatalf("the pages have %d events, and differ at %d of %d", len(got), i, len(all))
		}
	}
	count := func(query string) int {
		t.Helper()
		return len(s.do("GET", at+query, s.ada.token, nil).want(200).list("events"))
	}
	if n := count("?path=a/b&action=secret.read"); n != 6 { // one of them when its id was looked up
		t.Errorf("%d reads of the path", n)
	}
	if n := count("?path=A/b&action=secret.write&vault_id=" + s.vault); n != 1 {
		t.Errorf("%d writes of the other path", n)
	}
	if n := count("?path=a&action=secret.read") + count("?path=a/b&vault_id="+nobodysID); n != 0 {
		t.Errorf("%d events of nothing", n)
	}
	if n := count("?path=" + "a%2F*"); n != 1 {
		t.Errorf("%d events about the policy", n)
	}
	r := s.do("GET", at+"?action=secret.raed", s.ada.token, nil).want(400, "unknown_action")
	if !strings.Contains(r.str("detail"), "secret.read,") || strings.Contains(r.str("detail"), "raed") {
		t.Errorf("the reason is %s", r.body)
	}
	s.do("GET", "/v1/audit?action=nothing", s.ada.token, nil).want(400, "unknown_action")
	for _, action := range []string{"auth.failure", "request.unknown", "log.resumed"} {
		count("?action=" + action)
	}
	for _, bad := range []string{"x", "ZTA", "ZTE=", "ZTE&offset=1", "ZTE&before_seq=2", "ZTAx"} {
		s.do("GET", at+"?cursor="+bad, s.ada.token, nil).want(400, "invalid_cursor")
	}
	// Who sees its own events alone, and of those what its cap covers, goes on too.
	key := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k2", "scopes": []string{"a/*"}}).want(201).str("api_key")
	seen := 0
	for query := "?limit=1"; seen < 1000; seen++ {
		next, _ := s.do("GET", at+query, key, nil).want(200).json()["next_cursor"].(string)
		if next == "" {
			break
		}
		query = "?limit=1&cursor=" + next
	}
	if seen == 0 || seen == 1000 {
		t.Errorf("a capped key saw %d pages", seen)
	}
}

// Who may read a path through a share, and who did, is told with who may by a policy.
func TestSharesAreAmongWhoCanAndWhoDid(t *testing.T) {
	s := openSharer(t)
	key := func(words ...string) string {
		return s.do("POST", "/v1/auth/api-keys", s.ada.login(), object{"name": "k", "scopes": words}).want(201).str("api_key")
	}
	link := s.link(object{"max_access_count": 3})
	bob := s.givenTo(object{"recipient_type": "user", "recipient_id": s.bob.id})
	bot := s.givenTo(object{"recipient_type": "agent", "recipient_id": s.robot.id})
	s.do("POST", "/v1/shares/"+bot+"/accept", s.robot.token, nil).want(204)
	over := s.link(object{})
	s.do("DELETE", "/v1/shares/"+over, s.ada.token, nil).want(204)
	s.ada.put(s.vault, "other", "x")
	at, access := "/v1/vaults/"+s.vault+"/who-can/a/b", "/v1/agents/"+s.robot.id+"/access"
	shares := func(target, token string) map[string]object {
		t.Helper()
		r := s.do("GET", target, token, nil).want(200)
		if strings.Contains(string(r.body), link) {
			t.Errorf("the answer holds what opens a link: %s", r.body)
		}
		out := map[string]object{}
		for _, o := range r.list("shares") {
			out[o["recipient_type"].(string)] = o
		}
		return out
	}
	s.read(link, "").want(200)
	s.read(bot, s.robot.token).want(200)
	all := shares(at, s.ada.token)
	if o := all["anyone_with_link"]; len(all) != 3 || o["readable"] != true || o["status"] != "active" || o["expires_at"] == nil || o["maker_id"] != s.ada.id {
		t.Errorf("told of %v", all)
	}
	number(t, all["anyone_with_link"], "reads_left", 2)
	if o := all["user"]; o["recipient_id"] != s.bob.id || o["name"] != s.bob.email || o["readable"] != false || o["status"] != "pending" || o["share_id"] != bob {
		t.Errorf("to a member: %v", o)
	}
	if o := all["agent"]; o["recipient_id"] != s.robot.id || o["name"] != "agent" && o["name"] == nil || o["readable"] != true || o["reads_left"] != nil {
		t.Errorf("to an agent: %v", o)
	}
	if n := len(shares("/v1/vaults/"+s.vault+"/who-can/other", s.ada.token)); n != 0 {
		t.Errorf("%d shares of another path", n)
	}
	for _, target := range []string{at, access} {
		if r := s.do("GET", target, key("secret:read", "agent:read"), nil).want(200); r.json()["shares"] != nil {
			t.Errorf("a key that may not list shares is told of %s", r.body)
		}
	}
	for who, c := range map[string]struct {
		token, query string
		n            int
	}{
		"its human": {s.ada.token, "", 1}, "itself": {s.robot.token, "", 1}, "another path": {s.ada.token, "?path=other", 0}, "the path": {s.ada.token, "?path=a/b&vault_id=" + s.vault, 1},
		"a capped key": {key("other/*"), "", 0},
	} {
		if got := shares(access, c.token); c.query == "" && len(got) != c.n {
			t.Errorf("%s is told of %v", who, got)
		}
		if got := shares(access+c.query, c.token); len(got) != c.n {
			t.Errorf("%s is told of %v", who, got)
		}
	}
	// Its own caps hold for what is shared with it, and what its maker may not read is lent to nobody.
	s.do("PATCH", "/v1/agents/"+s.robot.id, s.ada.token, object{"scopes": []string{"other/*"}}).want(200)
	if o := shares(at, s.ada.token)["agent"]; o["readable"] != false {
		t.Errorf("with scopes for other paths: %v", o)
	}
	reads := func(action string) (got []string) {
		for _, e := range s.do("GET", "/v1/audit/events?path=a/b&action="+action, s.ada.token, nil).want(200).list("events") {
			if e["details"].(object)["outcome"] == "success" {
				got = append(got, e["action"].(string)+" by "+e["actor_type"].(string))
			}
		}
		return got
	}
	if got := strings.Join(reads("read"), ", "); got != "share.access by agent, share.access by anonymous, secret.read by user" {
		t.Errorf("who read it: %s", got)
	}
	if got := reads("secret.read"); len(got) != 1 {
		t.Errorf("reads of the secret itself: %v", got)
	}
	s.do("DELETE", secretAt(s.vault, "a/b"), s.ada.token, nil).want(204)
	if o := shares(at, s.ada.token)["anyone_with_link"]; o["readable"] != false {
		t.Errorf("of a secret that is gone: %v", o)
	}
}
