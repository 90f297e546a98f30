package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A key that may ask who can read a secret is told names only where it may list whose they are.
func TestWhoCanNamesThoseWhomTheKeyMayList(t *testing.T) {
	s := openSession(t)
	key := func(words ...string) string {
		return s.do("POST", "/v1/auth/api-keys", s.ada.login(), object{"name": "k", "scopes": words}).want(201).str("api_key")
	}
	for _, c := range []struct {
		token         string
		member, agent any
	}{
		{key("secret:read"), nil, nil}, {key("secret:read", "agent:read"), nil, "worker"}, {key("secret:read", "org:read"), s.ada.email, nil}, {key("*"), s.ada.email, "worker"},
	} {
		got := map[string]any{}
		for _, o := range s.do("GET", "/v1/vaults/"+s.vault+"/who-can/a/b", c.token, nil).want(200).list("principals") {
			got[o["principal_id"].(string)] = o["name"]
		}
		if len(got) != 2 || got[s.ada.id] != c.member || got[s.worker.id] != c.agent {
			t.Errorf("want %v and %v, got %v", c.member, c.agent, got)
		}
	}
	for words, named := range map[string]bool{"audit:read": false, "audit:read org:read agent:read": true} {
		e := s.do("GET", "/v1/audit/events?limit=1&action=secret.who_can", key(strings.Fields(words)...), nil).want(200).list("events")[0]
		if _, is := e["actor_name"]; is != named {
			t.Errorf("%s: %v", words, e)
		}
	}
}

// What an agent made in vaults that it is not bound to any more is not told to it, as its
// list of vaults does not tell of them; its human is told.
func TestABoundAgentIsToldOfWhatItMadeInItsVaultsAlone(t *testing.T) {
	s := openSession(t)
	made := func(token string) string {
		var all []string
		for _, o := range s.do("GET", "/v1/agents/"+s.worker.id+"/made", token, nil).want(200).list("made") {
			all = append(all, o["kind"].(string)+" "+o["name"].(string))
		}
		slices.Sort(all) // the clock stands, so they are of one moment
		return strings.Join(all, ", ")
	}
	own := s.do("POST", "/v1/vaults", s.worker.token, object{"name": "hidden"}).want(201).str("id")
	s.do("PUT", secretAt(own, "a/x"), s.worker.token, object{"value": "v"}).want(201)
	s.do("POST", "/v1/vaults/"+own+"/policies", s.worker.token, object{"secret_path_pattern": "a/*", "principal_type": "user", "principal_id": s.ada.id, "permissions": []string{"read"}}).want(201)
	s.do("POST", "/v1/shares", s.worker.token, object{"vault_id": own, "secret_path": "a/x"}).want(201)
	const all = "policy a/*, share a/x, vault hidden"
	if got := made(s.worker.token); got != all {
		t.Fatalf("before: %s", got)
	}
	s.do("PATCH", "/v1/agents/"+s.worker.id, s.ada.token, object{"vault_ids": []string{s.vault}}).want(200)
	token := s.do("POST", "/v1/auth/agent-token", "", object{"api_key": s.worker.key}).want(200).str("access_token")
	for _, with := range []string{token, s.worker.key} {
		if got := made(with); got != "" {
			t.Errorf("bound to another vault it is told of %s", got)
		}
	}
	if got := made(s.ada.token); got != all {
		t.Errorf("its human is told of %s", got)
	}
}

// Letters of another organisation to the same address keep a letter back, and are told to
// nobody.
func TestLettersOfOtherOrganisationsAreNotTold(t *testing.T) {
	s := openSharer(t)
	own := s.eve.vaultNamed("own")
	s.eve.put(own, "x", "x")
	theirs := s.eve.secretID(own, "x")
	body := object{"recipient_type": "external_email", "email": "zoe@example.com"}
	warned := func(token, secret string) bool {
		_, is := s.do("POST", "/v1/secrets/"+secret+"/share", token, body).want(201).json()["warnings"]
		return is
	}
	for range 3 {
		if warned(s.eve.token, theirs) {
			t.Error("a letter that was sent is warned of")
		}
	}
	for i := range 4 {
		if got := warned(s.ada.token, s.secret); got != (i == 3) {
			t.Errorf("share %d of another organisation: warned %v", i, got)
		}
	}
	if n := strings.Count(strings.Join(s.shareMails(), "\n"), "zoe@"); n != 3 {
		t.Errorf("%d letters to one address within an hour", n)
	}
}

// An empty list of addresses allows every address, and is not what its author means.
func TestAnEmptyAllowlistIsRefusedWhereItIsMade(t *testing.T) {
	s := openSharer(t)
	empty := []string{}
	grant := func(list any) reply {
		return s.do("POST", "/v1/vaults/"+s.vault+"/policies", s.ada.token, object{
			"secret_path_pattern": "x/*", "principal_type": "agent", "principal_id": s.robot.id, "permissions": []string{"read"}, "conditions": object{"ip_allowlist": list},
		})
	}
	grant(empty).want(400, "empties_allowlist")
	grant(nil).want(201)
	s.enroll("bot", s.ada.email)
	id := s.ada.waiting()[0]["id"]
	accept := object{"vault_id": s.vault, "secret_path_pattern": "x/*", "conditions": object{"ip_allowlist": empty}}
	s.ada.accepts(id, accept).want(400, "empties_allowlist")
	accept["conditions"] = object{}
	s.ada.accepts(id, accept).want(200)
	share := func(list any) reply {
		return s.do("POST", "/v1/secrets/"+s.secret+"/share", s.ada.token, object{"recipient_type": "anyone_with_link", "ip_allowlist": list})
	}
	share(empty).want(400, "invalid_ip_allowlist")
	share(nil).want(201)
}

// An enrolment that is accepted with a policy round a gate says so, as the policy itself would.
func TestAnEnrolmentThatCancelsAnApprovalIsWarnedOf(t *testing.T) {
	g := openGated(t, true)
	for i, c := range []struct {
		pattern, client string
		warns           bool
	}{{"gated/*", "", true}, {"free/*", "", false}, {"gated/*", "OpenAPI-Generator/1.0/go", false}} {
		g.Clock.Forward(11 * 60 * 1e9)
		g.ada.token = g.ada.login()
		g.enroll("bot", g.ada.email)
		id := g.ada.waiting()[0]["id"].(string)
		r := g.do("POST", "/v1/agents/enrollments/"+id+"/accept", g.ada.login(), object{"vault_id": g.vault, "secret_path_pattern": c.pattern}, header("User-Agent", c.client)).want(http.StatusOK)
		list, _ := r.json()["warnings"].([]any)
		if (len(list) == 1 && strings.Contains(list[0].(string), g.policy)) != c.warns || !c.warns && list != nil {
			t.Errorf("%d: the warnings are %v", i, list)
		}
	}
}
