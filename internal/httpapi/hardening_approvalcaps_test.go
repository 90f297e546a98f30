package httpapi_test

import (
	"testing"
	"time"
)

// What an agent may not use any more is approved no more, also when the right comes back.
func TestARightThatComesBackBringsNoApprovalBack(t *testing.T) {
	for what, c := range map[string]struct {
		away, back object
		kept       bool // the approval: the change leaves it its use
	}{
		"other scopes":     {away: object{"scopes": []string{"free/**"}}, back: object{"scopes": nil}},
		"another vault":    {away: object{"vault_ids": []string{"other"}}, back: object{"vault_ids": nil}},
		"hidden keys":      {away: object{"intents_api_enabled": true}, back: object{"intents_api_enabled": false}},
		"an end":           {away: object{"expires_at": "soon"}, back: object{"expires_at": nil}},
		"an end put off":   {away: object{"expires_at": "soon"}, back: object{"expires_at": "later"}},
		"scopes around it": {away: object{"scopes": []string{"gated/**"}}, back: object{"scopes": nil}, kept: true},
		"a word":           {away: object{"scopes": []string{"vault:read"}}, back: object{"scopes": nil}, kept: true},
		"another name":     {away: object{"name": "renamed"}, back: object{"name": "worker"}, kept: true},
	} {
		t.Run(what, func(t *testing.T) {
			g := openGated(t, object{"max_uses": 5, "valid_seconds": 36000})
			id, waits := g.asked("gated/one"), g.asked("gated/two")
			g.approve(id, g.ada.token).want(200)
			g.read("gated/one").want(200)
			patch := func(o object) reply {
				body := object{}
				for k, v := range o {
					switch {
					case k == "vault_ids" && v != nil:
						v = []string{g.ada.vaultNamed("other")}
					case v == "soon":
						v = g.Clock.Now().Add(time.Minute)
					case v == "later":
						v = g.Clock.Now().Add(time.Hour)
					}
					body[k] = v
				}
				return g.do("PATCH", "/v1/agents/"+g.worker.id, g.ada.token, body).want(200)
			}
			first := patch(c.away)
			g.Clock.Forward(2 * time.Minute)
			g.ada.token = g.ada.login()
			ended := first.header.Get("X-Ended") + patch(c.back).header.Get("X-Ended")
			g.worker.token = g.worker.exchange()
			if c.kept {
				g.read("gated/one").want(200)
				if again := g.asked("gated/two"); again != waits || ended != "" {
					t.Errorf("the request waits no more; X-Ended: %q", ended)
				}
				return
			}
			if g.asked("gated/one") == id || g.asked("gated/two") == waits {
				t.Error("what was ended waits again")
			}
			if s := g.do("GET", "/v1/approvals/"+id, g.ada.token, nil).want(200).str("status"); s != "withdrawn" || ended != "approvals=2" {
				t.Errorf("the approval is %s, X-Ended: %q", s, ended)
			}
		})
	}
}

// What a key asked approvals for ends with the key: a human's as an agent's.
func TestAnApprovalEndsWithTheKeyThatAskedForIt(t *testing.T) {
	g := openGated(t, true)
	bob := g.signup("bob")
	bob.moves(g.ada, "member")
	g.do("POST", "/v1/vaults/"+g.vault+"/policies", g.ada.token, object{
		"secret_path_pattern": "gated/*", "principal_type": "user", "principal_id": bob.id, "permissions": []string{"read"},
		"conditions": object{"require_approval": object{"max_uses": 5}},
	}).want(201)
	k := g.do("POST", "/v1/auth/api-keys", bob.token, object{"name": "k"}).want(201)
	ask := func(path, token string) string {
		return g.do("GET", secretAt(g.vault, path), token, nil).want(403, "approval_required").str("approval_request_id")
	}
	given, waits, own := ask("gated/one", k.str("api_key")), ask("gated/two", k.str("api_key")), ask("gated/three", bob.token)
	g.approve(given, g.ada.token).want(200)
	g.do("GET", secretAt(g.vault, "gated/one"), k.str("api_key"), nil).want(200)
	r := g.do("DELETE", "/v1/auth/api-keys/"+k.str("key", "id"), bob.token, nil).want(204)
	if ended := r.header.Get("X-Ended"); ended != "approvals=2" {
		t.Errorf("X-Ended: %q", ended)
	}
	if next := ask("gated/one", bob.token); next == given {
		t.Error("the approval waits again")
	}
	g.approve(waits, g.ada.token).want(409, "approval_decided")
	g.approve(own, g.ada.token).want(200)
}
