package httpapi_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// The vault with the agents' private keys is the organisation's: whoever made it,
// nobody changes or grants anything in it, and who is demoted has no part in it.
func TestNobodyOwnsTheServersVault(t *testing.T) {
	s := openSession(t)
	eve := s.ada.member("eve", string(policy.RoleAdmin))
	bot := eve.agent(object{"name": "first"})
	other := s.ada.agent(object{"name": "other"})
	v := ""
	for _, o := range s.do("GET", "/v1/vaults", s.ada.token, nil).want(200).list("vaults") {
		if o["name"] == "__agent-keys" {
			v = o["id"].(string)
			if o["created_by"] != s.ada.org {
				t.Errorf("made by %v", o["created_by"])
			}
		}
	}
	if v == "" {
		t.Fatal("the owner does not see the vault")
	}
	keyOf := func(r *robot) string { return secretAt(v, "agents/"+r.id+"/ssh/private_key") }
	read := func(who, token string, path string, status int) {
		t.Helper()
		r := s.do("GET", path, token, nil)
		r.what += " by " + who
		r.want(status)
	}
	read("an owner", s.ada.token, keyOf(bot), 200)
	read("an admin", eve.token, keyOf(other), 200)
	read("the agent itself", bot.token, keyOf(bot), 200)
	read("another agent", bot.token, keyOf(other), 403)

	secret := s.do("GET", keyOf(bot), s.ada.token, nil).want(200).str("id")
	grant := object{"secret_path_pattern": "**", "principal_type": "agent", "principal_id": other.id, "permissions": []string{"read"}}
	for _, op := range []struct {
		method, path string
		body         any
		status       int
	}{
		{"DELETE", "/v1/vaults/" + v, nil, 403},
		{"POST", "/v1/vaults/" + v + "/policies", grant, 403},
		{"PUT", keyOf(bot), object{"value": "mine"}, 403},
		{"PUT", secretAt(v, "agents/x"), object{"value": "mine"}, 403},
		{"DELETE", keyOf(bot), nil, 403},
		{"POST", "/v1/secrets/" + secret + "/share", object{"recipient_type": "anyone_with_link"}, 404},
		{"POST", "/v1/vaults/" + v + "/cmek", object{"fingerprint": "ab"}, 403},
		{"POST", "/v1/vaults", object{"name": "__agent-keys"}, 400},
		{"POST", "/v1/vaults", object{"name": "＿＿agent-keys"}, 400},
	} {
		for who, token := range map[string]string{"an owner": s.ada.token, "who made the first agent": eve.token, "the agent": bot.token} {
			r := s.do(op.method, op.path, token, op.body)
			r.what += " by " + who
			if op.status == 403 || op.status == 404 {
				if r.status != 403 && r.status != 404 {
					t.Errorf("%s: %d %s", r.what, r.status, r.body)
				}
				continue
			}
			r.want(op.status)
		}
	}

	s.do("PATCH", "/v1/org/members/"+eve.id, s.ada.token, object{"role": "member"}).want(200)
	eve.token = eve.login()
	read("who was an admin", eve.token, keyOf(bot), 403)
	s.do("GET", "/v1/vaults/"+v, eve.token, nil).want(403)
	for _, o := range s.do("GET", "/v1/vaults", eve.token, nil).want(200).list("vaults") {
		if o["id"] == v {
			t.Error("who was an admin still sees the vault")
		}
	}
	s.do("GET", "/v1/vaults/"+v+"/secrets", eve.token, nil).want(403)
}
