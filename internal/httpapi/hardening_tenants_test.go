package httpapi_test

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Whatever is another organisation's does not exist: on every route and with
// every verb the answer is the one that a random id gets, and nothing changes.
func TestAnotherOrganisationsIDsDoNotExist(t *testing.T) {
	s := openSession(t)
	bob := s.signup("bob")
	own := bob.vaultNamed("own")
	bob.put(own, "a/b", "bobs")
	robot := bob.agent(object{"name": "robot", "intents_api_enabled": true})
	tables := []string{"vaults", "secrets", "secret_versions", "policies", "agents", "user_keys", "users", "memberships", "shares", "approvals", "enrollments", "invitations", "ip_rules"}
	theirs, mine := s.ids(), nobodys()
	mine["vault_id"], mine["agent_id"] = own, robot.id
	before := s.dump(tables...)
	asked := 0
	for _, op := range s.operations() {
		var params []string
		for _, m := range param.FindAllStringSubmatch(op.path, -1) {
			if p := strings.Trim(m[0], "{}"); !slices.Contains(nobodysOwn, p) {
				if theirs[p] == "" {
					s.t.Errorf("%s: there is no foreign id for %s: add one to ids", op, p)
				}
				params = append(params, p)
			}
		}
		if len(params) == 0 {
			continue
		}
		// Each id alone, the rest being bob's own; and all of them together.
		for _, swap := range append([][]string{params}, chunk(params)...) {
			for who, token := range map[string]string{"an owner": bob.token, "an agent": robot.token} {
				asked++
				s.sameAnswer(op, who, token, swap, mine, theirs)
			}
		}
	}
	if asked < 50 {
		t.Errorf("only %d questions were asked", asked)
	}
	if s.dump(tables...) != before {
		t.Error("something changed")
	}
	for _, e := range s.events() {
		if e.actor == bob.id && e.org == s.ada.org {
			t.Errorf("a stranger wrote into another organisation's log: %v", e)
		}
	}
}

// nobodysOwn are parameters that are no ids of an organisation's things: a
// path, its versions and a variable are looked for within a vault, a user code is what its finder holds, and
// settings, chains and all accounts are the server's.
var nobodysOwn = []string{"path", "version", "env_key", "user_code", "key", "chain", "chain_entry_id", "account_id"}

func chunk(params []string) [][]string {
	if len(params) < 2 {
		return nil
	}
	var out [][]string
	for _, p := range params {
		out = append(out, []string{p})
	}
	return out
}

func (s *session) sameAnswer(op operation, who, token string, swap []string, mine, theirs map[string]string) {
	s.t.Helper()
	at, nobody := maps.Clone(mine), maps.Clone(mine)
	for _, p := range swap {
		at[p], nobody[p] = theirs[p], ids.New()
	}
	body := s.goodBodies()[op.OperationID]
	got := s.do(op.method, fill(op.path, at), token, body)
	want := s.do(op.method, fill(op.path, nobody), token, body)
	if got.status != want.status || string(got.body) != string(want.body) || !reflect.DeepEqual(got.header, want.header) {
		s.t.Errorf("%s as %s with another's %v: %d %v %s\nand with nobody's: %d %v %s", op, who, swap,
			got.status, got.header, got.body, want.status, want.header, want.body)
	}
	rule, _ := policy.RuleFor(op.action)
	if rule.Platform || rule.Who == policy.Agents && rule.Open && who == "an owner" { // whatever the id, it is not for them
		if got.status != http.StatusForbidden {
			s.t.Errorf("%s with another's %v: got %d, want 403: %s", op, swap, got.status, got.body)
		}
		return
	}
	if who == "an owner" && got.status != http.StatusNotFound && op.OperationID != "rotate-secret" {
		s.t.Errorf("%s with another's %v: got %d, want 404: %s", op, swap, got.status, got.body)
	}
}

func TestBodiesThatNameAnotherOrganisationsThings(t *testing.T) {
	s := openSession(t)
	bob := s.signup("bob")
	own := bob.vaultNamed("own")
	bob.put(own, "a/b", "bobs")
	robot := bob.agent(nil)
	bob.grant(own, robot, "a/*", nil, "read")
	enrolment := s.enrollmentOf(bob)
	shared := "/v1/secrets/" + bob.secretID(own, "a/b") + "/share"
	policyFor := func(kind string) func(string) object {
		return func(id string) object {
			return object{"secret_path_pattern": "**", "principal_type": kind, "principal_id": id, "permissions": []string{"read"}}
		}
	}
	shareFor := func(kind string) func(string) object {
		return func(id string) object { return object{"recipient_type": kind, "recipient_id": id} }
	}
	byPathFor := func(kind string) func(string) object {
		return func(id string) object {
			return object{"vault_id": own, "secret_path": "a/b", "recipient_type": kind, "recipient_id": id}
		}
	}
	inVault := func(more object) func(string) object {
		return func(id string) object {
			o := object{"vault_id": id}
			maps.Copy(o, more)
			return o
		}
	}
	owner := map[string]string{"bob": bob.token}
	both := map[string]string{"bob": bob.token, "bob's agent": robot.token}
	tables := []string{"policies", "agents", "shares", "approvals", "enrollments", "memberships"}
	before := s.dump(tables...)
	for name, c := range map[string]struct {
		method, target string
		body           func(id string) object
		theirs         string
		who            map[string]string
		status         int // for bob
	}{
		"a policy for another's agent":      {"POST", "/v1/vaults/" + own + "/policies", policyFor("agent"), s.worker.id, both, 404},
		"a policy for another's user":       {"POST", "/v1/vaults/" + own + "/policies", policyFor("user"), s.ada.id, both, 404},
		"an agent bound to another's vault": {"POST", "/v1/agents", func(id string) object { return object{"name": "x", "vault_ids": []string{id}} }, s.vault, both, 400},
		"an agent bound to it later": {"PATCH", "/v1/agents/" + robot.id, func(id string) object {
			return object{"vault_ids": []string{id}}
		}, s.vault, both, 400},
		"an agent bound to it and the own": {"PATCH", "/v1/agents/" + robot.id, func(id string) object {
			return object{"vault_ids": []string{own, id}}
		}, s.vault, owner, 400},
		"a share with another's agent":         {"POST", shared, shareFor("agent"), s.worker.id, both, 404},
		"a share with another's user":          {"POST", shared, shareFor("user"), s.ada.id, both, 404},
		"a share with another's agent by path": {"POST", "/v1/shares", byPathFor("agent"), s.worker.id, both, 404},
		"a share with another's user by path":  {"POST", "/v1/shares", byPathFor("user"), s.ada.id, both, 404},
		"a share out of another's vault":       {"POST", "/v1/shares", inVault(object{"secret_path": "a/b"}), s.vault, both, 404},
		"an approval in another's vault":       {"POST", "/v1/approvals", inVault(object{"secret_path": "a/b", "operation": "read"}), s.vault, both, 404},
		"an approval in it, the other name":    {"POST", "/v1/approvals/request", inVault(object{"secret_path": "a/b"}), s.vault, both, 404},
		"an enrolment into another's vault": {"POST", "/v1/agents/enrollments/" + enrolment + "/accept",
			inVault(object{"secret_path_pattern": "a/*"}), s.vault, both, 404},
		"a switch to another's organisation": {"POST", "/v1/auth/switch-org", func(id string) object { return object{"org_id": id} }, s.ada.org, both, 404},
		"a key for another's agent": {"POST", "/v1/auth/agent-token", func(id string) object {
			return object{"api_key": s.worker.key, "agent_id": id}
		}, robot.id, map[string]string{"bob": ""}, 401},
	} {
		for who, token := range c.who {
			got := s.do(c.method, c.target, token, c.body(c.theirs))
			want := s.do(c.method, c.target, token, c.body(ids.New()))
			got.alike(name+" by "+who, want)
			if who == "bob" && got.status != c.status {
				t.Errorf("%s: got %d, want %d: %s", name, got.status, c.status, got.body)
			}
			if got.status < 400 {
				t.Errorf("%s by %s was taken: %s", name, who, got.body)
			}
		}
	}
	if s.dump(tables...) != before {
		t.Error("something changed")
	}
}

// alike checks that nothing tells one answer from another.
func (r reply) alike(what string, other reply) {
	r.t.Helper()
	if r.status != other.status || string(r.body) != string(other.body) || !reflect.DeepEqual(r.header, other.header) {
		r.t.Errorf("%s: with another's id %d %v %s\nand with nobody's %d %v %s", what, r.status, r.header, r.body, other.status, other.header, other.body)
	}
}

func TestQueriesThatNameAnotherOrganisationsThings(t *testing.T) {
	s := openSession(t)
	bob := s.signup("bob")
	robot := bob.agent(nil)
	theirs := s.ids()
	for _, target := range []string{
		"/v1/audit?resource_id=", "/v1/audit/events?resource_id=", "/v1/audit?actor_id=", "/v1/audit/events?actor_id=", "/v1/audit?vault_id=",
		"/v1/audit/events?limit=5&offset=0&resource_id=",
	} {
		for name, id := range theirs {
			if slices.Contains(nobodysOwn, name) {
				continue
			}
			for who, token := range map[string]string{"bob": bob.token, "bob's agent": robot.token} {
				s.do("GET", target+id, token, nil).alike(target+name+" by "+who, s.do("GET", target+ids.New(), token, nil))
			}
		}
		for what, id := range map[string]string{"an owner": s.ada.id, "an agent": s.worker.id} {
			s.do("GET", target+id, bob.token, nil).alike(target+what, s.do("GET", target+ids.New(), bob.token, nil))
		}
	}
}

func TestListingsShowNothingOfAnotherOrganisation(t *testing.T) {
	s := openSession(t)
	bob := s.signup("bob")
	robot := bob.agent(nil)
	for _, target := range []string{"/v1/vaults", "/v1/agents", "/v1/auth/api-keys", "/v1/audit/events?limit=1000", "/v1/audit?limit=1000", "/v1/audit/export",
		"/v1/audit/events?actor_id=" + s.ada.id, "/v1/audit/events?resource_id=" + s.vault, "/v1/audit?vault_id=" + s.vault} {
		for _, token := range []string{bob.token, robot.token} {
			r := s.do("GET", target, token, nil)
			for what, id := range map[string]string{"organisation": s.ada.org, "user": s.ada.id, "vault": s.vault, "agent": s.worker.id, "policy": s.policy, "mail": s.ada.email} {
				if strings.Contains(string(r.body), id) {
					t.Errorf("%s shows another's %s", target, what)
				}
			}
		}
	}
	if l := s.do("GET", "/v1/vaults", bob.token, nil).want(200).list("vaults"); slices.ContainsFunc(l, func(v object) bool { return v["name"] == "main" }) {
		t.Errorf("bob sees %v", l)
	}
	// Names are free in each organisation.
	bob.vaultNamed("main")
}

// Of two people in one organisation, a member sees what it was granted.
func TestMembersSeeTheirOwn(t *testing.T) {
	s := openSession(t)
	bob := s.signup("bob")
	bob.joins(s.ada, "member")
	s.do("GET", "/v1/vaults/"+s.vault, bob.token, nil).want(403)
	s.do("GET", secretAt(s.vault, "a/b"), bob.token, nil).want(403)
	if l := s.do("GET", "/v1/vaults", bob.token, nil).want(200).list("vaults"); len(l) != 0 {
		t.Errorf("a member sees %v", l)
	}
	for _, step := range []struct{ method, tail string }{
		{"GET", ""}, {"PATCH", ""}, {"DELETE", ""}, {"POST", "/rotate-key"}, {"POST", "/rotate-identity-keys"}, {"POST", "/token"},
	} {
		got := s.do(step.method, "/v1/agents/"+s.worker.id+step.tail, bob.token, object{"name": "mine"}).want(404)
		want := s.do(step.method, "/v1/agents/"+nobodysID+step.tail, bob.token, object{"name": "mine"}).want(404)
		if string(got.body) != string(want.body) {
			t.Errorf("%s %s: %s and %s", step.method, step.tail, got.body, want.body)
		}
	}
	s.do("DELETE", "/v1/auth/api-keys/"+s.key, bob.token, nil).want(404)
	s.do("GET", "/v1/audit/verify", bob.token, nil).want(403)
	for _, e := range s.do("GET", "/v1/audit/events?limit=1000", bob.token, nil).want(200).list("events") {
		if e["actor_id"] != bob.id {
			t.Errorf("a member sees another's event: %v", e)
		}
	}
	grant := object{"secret_path_pattern": "a/*", "principal_type": "user", "principal_id": bob.id, "permissions": []string{"read"}}
	s.do("POST", "/v1/vaults/"+s.vault+"/policies", bob.token, grant).want(403)
	s.do("POST", "/v1/vaults/"+s.vault+"/policies", s.ada.token, grant).want(201)
	s.do("GET", secretAt(s.vault, "a/b"), bob.token, nil).want(200)
	s.do("PUT", secretAt(s.vault, "a/b"), bob.token, object{"value": "x"}).want(403)
	s.do("GET", "/v1/vaults/"+s.vault+"/secret-versions/a/b?version=1", bob.token, nil).want(403)
	if l := s.do("GET", "/v1/vaults/"+s.vault+"/policies", bob.token, nil).want(200).list("policies"); len(l) != 1 || l[0]["principal_id"] != bob.id {
		t.Errorf("a member sees the policies %v", l)
	}
	// Owners and admins manage, but the role alone reads no value.
	theirs := bob.vaultNamed("bobs")
	bob.put(theirs, "x", "bobs own")
	s.do("GET", "/v1/vaults/"+theirs+"/secrets", s.ada.token, nil).want(200)
	s.do("GET", secretAt(theirs, "x"), s.ada.token, nil).want(403)
}
