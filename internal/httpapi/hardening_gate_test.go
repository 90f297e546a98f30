package httpapi_test

import (
	"testing"
	"time"
)

// What opens a gate takes a person: a key of the owner, such as a stored login is,
// and an agent that made the vault can't, by any way.
func TestOpeningAGateTakesAPerson(t *testing.T) {
	g := openGated(t, true)
	key := g.do("POST", "/v1/auth/api-keys", g.ada.token, object{"name": "stored"}).want(201).str("api_key")
	policies := "/v1/vaults/" + g.vault + "/policies"
	one := policies + "/" + g.policy
	other := g.ada.agent(object{"name": "other"})
	free := func(id, pattern string) object {
		return object{"secret_path_pattern": pattern, "principal_type": "agent", "principal_id": id, "permissions": []string{"read"}}
	}
	strict := object{"permissions": []string{"read", "write", "delete"}, "conditions": object{"require_approval": object{"valid_seconds": 60}}}
	for what, c := range map[string]struct {
		method, target string
		body           any
	}{
		"an ungated policy":             {"POST", policies, free(g.worker.id, "gated/*")},
		"one for another agent":         {"POST", policies, free(other.id, "**")},
		"the condition lifted":          {"PUT", one, object{"permissions": []string{"read", "write", "delete"}, "conditions": object{}}},
		"more uses":                     {"PUT", one, object{"permissions": []string{"read", "write", "delete"}, "conditions": object{"require_approval": object{"max_uses": 9}}}},
		"a permission of the gate less": {"PUT", one, object{"permissions": []string{"write"}, "conditions": object{"require_approval": true}}},
		"the gate deleted":              {"DELETE", one, nil},
		"a share":                       {"POST", "/v1/secrets/" + g.secretID("gated/one") + "/share", object{"recipient_type": "agent", "recipient_id": g.worker.id}},
	} {
		r := g.do(c.method, c.target, key, c.body)
		r.what += " for " + what
		r.want(403, "person_required")
	}
	g.read("gated/one").want(403, "approval_required")
	// What opens nothing takes none.
	g.do("PUT", one, key, strict).want(200)
	aside := g.do("POST", policies, key, free(other.id, "open/**")).want(201).str("id")
	g.do("DELETE", policies+"/"+aside, key, nil).want(204)
	// A person may, and what a person has opened is open.
	g.do("POST", policies, g.ada.token, free(other.id, "gated/one")).want(201)
	g.do("GET", secretAt(g.vault, "gated/one"), other.token, nil).want(200)
	g.do("DELETE", one, g.ada.token, nil).want(204)

	// An agent manages the policies of a vault that it made, but opens no gate in it.
	own := g.do("POST", "/v1/vaults", g.worker.token, object{"name": "own"}).want(201).str("id")
	mine := "/v1/vaults/" + own + "/policies"
	g.do("POST", mine, g.worker.token, free(other.id, "a")).want(201)
	gate := g.ada.grant(own, g.worker, "gated/*", asks(true), "read")
	g.do("POST", mine, g.worker.token, free(g.worker.id, "**")).want(403, "person_required")
	g.do("DELETE", mine+"/"+gate, g.worker.token, nil).want(403, "person_required")
}

// secretID is the id of the newest version of a secret.
func (g *gated) secretID(path string) string {
	g.t.Helper()
	return g.do("GET", secretAt(g.vault, path), g.ada.token, nil).want(200).str("id")
}

// Nothing that ends a credential or a membership lifts a gate without a person.
func TestACascadeLiftsNoGate(t *testing.T) {
	g := openGated(t, true)
	key := g.do("POST", "/v1/auth/api-keys", g.ada.token, object{"name": "maker"}).want(201)
	other := g.do("POST", "/v1/auth/api-keys", g.ada.token, object{"name": "stored"}).want(201).str("api_key")
	shown := func(vault, id string, want bool) {
		t.Helper()
		var has bool
		for _, p := range g.do("GET", "/v1/vaults/"+vault+"/policies", g.ada.token, nil).want(200).list("policies") {
			has = has || p["id"] == id
		}
		if has != want {
			t.Errorf("the policy is there: %v", has)
		}
	}
	maker := &human{world: g.world, token: key.str("api_key")}
	gate := maker.grant(g.vault, g.worker, "made/*", asks(true), "read")
	free := maker.grant(g.vault, g.worker, "open/*", nil, "read")
	// A key ends itself and what it made, not its owner's others.
	g.do("DELETE", "/v1/auth/api-keys/"+key.str("key", "id"), other, nil).want(403, "person_required")
	g.do("DELETE", "/v1/auth/api-keys/"+key.str("key", "id"), g.ada.token, nil).want(204)
	shown(g.vault, gate, true)
	shown(g.vault, free, false)

	// An agent that gated itself.
	own := g.do("POST", "/v1/vaults", g.worker.token, object{"name": "own"}).want(201).str("id")
	gate = (&human{world: g.world, token: g.worker.token}).grant(own, g.worker, "**", asks(true), "read")
	g.do("POST", "/v1/agents/"+g.worker.id+"/rotate-key", g.worker.key, nil).want(200)
	shown(own, gate, true)

	bob, cat := g.ada.member("bob", "member"), g.ada.member("cat", "member")
	id := g.do("POST", "/v1/vaults/"+g.vault+"/policies", g.ada.token, object{"secret_path_pattern": "**", "principal_type": "user",
		"principal_id": bob.id, "permissions": []string{"read"}, "conditions": object{"require_approval": true}}).want(201).str("id")
	g.do("DELETE", "/v1/org/members/"+cat.id, other, nil).want(204)
	g.do("DELETE", "/v1/org/members/"+bob.id, other, nil).want(403, "person_required")
	shown(g.vault, id, true)
	g.do("DELETE", "/v1/org/members/"+bob.id, g.ada.login(), nil).want(204)
	shown(g.vault, id, false)
}

// To let an agent reach further than the person meant who granted it a path takes a
// person where others need an approval: by its scopes, its vaults, or a new start.
func TestWideningAnAgentOverAGateTakesAPerson(t *testing.T) {
	g := openGated(t, true)
	key := g.do("POST", "/v1/auth/api-keys", g.ada.token, object{"name": "stored"}).want(201).str("api_key")
	elsewhere := g.ada.vaultNamed("elsewhere")
	for what, c := range map[string]struct{ has, gets, may object }{
		"no scopes":    {object{"scopes": []string{"open/**"}}, object{"scopes": nil}, object{"scopes": []string{"open/**", "else/*"}}},
		"a word":       {object{"scopes": []string{"open/**"}}, object{"scopes": []string{"vault:read"}}, object{"scopes": []string{"open/one"}}},
		"more scopes":  {object{"scopes": []string{"open/**"}}, object{"scopes": []string{"open/**", "gated/o*"}}, object{"scopes": []string{"open/**", "vault:read"}}},
		"no vaults":    {object{"vault_ids": []string{elsewhere}}, object{"vault_ids": nil}, object{"description": "x"}},
		"more vaults":  {object{"vault_ids": []string{elsewhere}}, object{"vault_ids": []string{elsewhere, g.vault}}, object{"vault_ids": []string{elsewhere}}},
		"to see keys":  {object{"intents_api_enabled": true}, object{"intents_api_enabled": false}, object{"intents_api_enabled": true}},
		"a new start":  {object{"is_active": false}, object{"is_active": true}, object{"description": "x"}},
		"a longer end": {object{"expires_at": g.Clock.Now().Add(time.Hour)}, object{"expires_at": g.Clock.Now().Add(2 * time.Hour)}, object{"expires_at": g.Clock.Now().Add(time.Minute)}},
	} {
		bot := g.ada.agent(object{"name": what})
		one := "/v1/agents/" + bot.id
		g.ada.grant(g.vault, bot, "**", nil, "read")
		g.do("PATCH", one, g.ada.token, c.has).want(200)
		status := map[bool]int{false: 403, true: 200}[what == "a longer end"] // it reaches the path today
		r := g.do("PATCH", one, key, c.gets)
		r.what += " for " + what
		r.want(status)
		g.do("PATCH", one, key, c.may).want(200)
		g.do("PATCH", one, g.ada.token, c.gets).want(200)
	}
	// To narrow the agent over the gate opens nothing.
	tighter := g.ada.agent(object{"name": "tighter", "scopes": []string{"gated/**"}})
	g.ada.grant(g.vault, tighter, "**", nil, "read")
	g.do("PATCH", "/v1/agents/"+tighter.id, key, object{"scopes": []string{"gated/o*", "gated/two"}, "vault_ids": []string{g.vault}}).want(200)
	// Without a policy over the gate nothing opens.
	bot := g.ada.agent(object{"name": "aside", "scopes": []string{"open/**"}})
	g.ada.grant(g.vault, bot, "open/**", nil, "read")
	g.do("PATCH", "/v1/agents/"+bot.id, key, object{"scopes": nil}).want(200)
}

// A person's share of a gated path is a way in for its agent like a policy is, whether
// it was accepted or waits: to let the agent reach the path takes a person. A
// share that has ended opens nothing, nor does one that a key made: it lapses with the gate.
func TestWideningAnAgentOverASharedGateTakesAPerson(t *testing.T) {
	g := openGated(t, true)
	key := g.do("POST", "/v1/auth/api-keys", g.ada.token, object{"name": "stored"}).want(201).str("api_key")
	g.ada.put(g.vault, "late/one", "the value")
	secret, late, elsewhere := g.secretID("gated/one"), g.ada.secretID(g.vault, "late/one"), g.ada.vaultNamed("elsewhere")
	scopes := object{"scopes": []string{"open/**"}}
	later := object{"expires_at": g.Clock.Now().Add(time.Hour)}
	share := func(bot *robot, as, id string, more object) string {
		g.t.Helper()
		g.Clock.Forward(10 * time.Second)
		body := object{"recipient_type": "agent", "recipient_id": bot.id}
		for k, v := range more {
			body[k] = v
		}
		return g.do("POST", "/v1/secrets/"+id+"/share", as, body).want(201).str("id")
	}
	accept := func(bot *robot, id string) { g.do("POST", "/v1/shares/"+id+"/accept", bot.token, nil).want(204) }
	for what, c := range map[string]struct {
		has, gets object
		gives     func(bot *robot)
		want      int
	}{
		"one that waits, and no scopes":   {scopes, object{"scopes": nil}, func(bot *robot) { share(bot, g.ada.token, secret, nil) }, 403},
		"one that waits, and a word":      {scopes, object{"scopes": []string{"vault:read"}}, func(bot *robot) { share(bot, g.ada.token, secret, nil) }, 403},
		"one accepted, and the scope":     {scopes, object{"scopes": []string{"open/**", "gated/*"}}, func(bot *robot) { accept(bot, share(bot, g.ada.token, secret, nil)) }, 403},
		"another scope":                   {scopes, object{"scopes": []string{"open/**", "gated/two"}}, func(bot *robot) { share(bot, g.ada.token, secret, nil) }, 200},
		"the vault":                       {object{"vault_ids": []string{elsewhere}}, object{"vault_ids": []string{elsewhere, g.vault}}, func(bot *robot) { share(bot, g.ada.token, secret, nil) }, 403},
		"to see keys":                     {object{"intents_api_enabled": true}, object{"intents_api_enabled": false}, func(bot *robot) { share(bot, g.ada.token, secret, nil) }, 403},
		"a new start":                     {object{"is_active": false}, object{"is_active": true}, func(bot *robot) { accept(bot, share(bot, g.ada.token, secret, nil)) }, 403},
		"reached today, and a longer end": {later, object{"expires_at": g.Clock.Now().Add(2 * time.Hour)}, func(bot *robot) { share(bot, g.ada.token, secret, nil) }, 200},
		"after its end": {object{"description": "x"}, object{"expires_at": nil}, func(bot *robot) {
			accept(bot, share(bot, g.ada.token, secret, nil))
			g.do("PATCH", "/v1/agents/"+bot.id, g.ada.token, object{"expires_at": g.Clock.Now().Add(time.Second)}).want(200)
			g.Clock.Forward(2 * time.Second)
		}, 403},
		"revoked": {scopes, object{"scopes": nil}, func(bot *robot) {
			g.do("DELETE", "/v1/share/"+share(bot, g.ada.token, secret, nil), g.ada.token, nil).want(204)
		}, 200},
		"declined": {scopes, object{"scopes": nil}, func(bot *robot) {
			g.do("POST", "/v1/shares/"+share(bot, g.ada.token, secret, nil)+"/decline", bot.token, nil).want(204)
		}, 200},
		"used up": {object{"description": "x"}, scopes, func(bot *robot) {
			id := share(bot, g.ada.token, secret, object{"max_access_count": 1})
			accept(bot, id)
			g.do("GET", "/v1/share/"+id, bot.token, nil).want(200)
			g.do("PATCH", "/v1/agents/"+bot.id, key, scopes).want(200)
			g.do("PATCH", "/v1/agents/"+bot.id, key, object{"scopes": nil}).want(200)
		}, 200},
		"over": {scopes, object{"scopes": nil}, func(bot *robot) {
			share(bot, g.ada.token, secret, object{"expires_at": g.Clock.Now().Add(time.Minute)})
			g.Clock.Forward(2 * time.Minute)
		}, 200},
		"of a key, before the gate": {scopes, object{"scopes": nil}, func(bot *robot) {
			share(bot, key, late, nil)
			g.ada.grant(g.vault, g.worker, "late/*", asks(true), "read")
		}, 200},
		"of a path without a gate": {scopes, object{"scopes": nil}, func(bot *robot) {
			g.ada.put(g.vault, "free/one", "the value")
			share(bot, g.ada.token, g.secretID("free/one"), nil)
		}, 200},
	} {
		g.run(what, func(*testing.T) {
			bot := g.ada.agent(object{"name": what})
			c.gives(bot)
			one := "/v1/agents/" + bot.id
			g.do("PATCH", one, g.ada.token, c.has).want(200)
			r := g.do("PATCH", one, key, c.gets)
			if c.want == 403 {
				r.want(403, "person_required")
				g.do("PATCH", one, g.ada.token, c.gets).want(200)
			} else {
				r.want(200)
			}
		})
	}
}

// A gate that names somebody holds for the paths of others too: it stands, and names
// nobody, when the account that it names is deleted. What names the account and is no
// gate goes.
func TestADeletedAccountLeavesItsGates(t *testing.T) {
	for what, erase := range map[string]func(g *gated, bob *human){
		"by itself":           func(g *gated, bob *human) { g.do("DELETE", "/v1/auth/me", bob.token, farewell).want(204) },
		"by a platform admin": func(g *gated, bob *human) { g.do("DELETE", "/v1/admin/users/"+bob.id, g.boss().token, nil).want(204) },
	} {
		t.Run(what, func(t *testing.T) {
			g := openGated(t, true)
			g.ada.put(g.vault, "team/one", "the value")
			key := g.do("POST", "/v1/auth/api-keys", g.ada.token, object{"name": "stored"}).want(201).str("api_key")
			bob := g.ada.member("bob", "member")
			policies := "/v1/vaults/" + g.vault + "/policies"
			names := func(more object) string {
				body := object{"secret_path_pattern": "team/*", "principal_type": "user", "principal_id": bob.id, "permissions": []string{"read"}}
				for k, v := range more {
					body[k] = v
				}
				return g.do("POST", policies, g.ada.token, body).want(201).str("id")
			}
			gate, free := names(asks(object{"valid_seconds": 60})), names(object{"secret_path_pattern": "aside/*"})
			way := object{"secret_path_pattern": "team/**", "principal_type": "agent", "principal_id": g.worker.id, "permissions": []string{"read"}}
			share := func() reply {
				return g.do("POST", "/v1/secrets/"+g.secretID("team/one")+"/share", key, object{"recipient_type": "agent", "recipient_id": g.worker.id})
			}
			share().want(403, "person_required")

			erase(g, bob)
			shown := map[string]any{}
			for _, p := range g.do("GET", policies, g.ada.token, nil).want(200).list("policies") {
				shown[p["id"].(string)] = p["principal_id"]
			}
			if shown[gate] != "00000000-0000-0000-0000-000000000000" || shown[free] != nil {
				t.Errorf("the policies are %v", shown)
			}
			g.do("POST", policies, key, way).want(403, "person_required")
			share().want(403, "person_required")
			one := policies + "/" + gate
			g.do("DELETE", one, key, nil).want(403, "person_required")
			g.do("PUT", one, key, object{"conditions": object{}}).want(403, "person_required")
			g.do("PUT", one, key, object{"conditions": object{"require_approval": object{"valid_seconds": 30}}}).want(200)
			g.do("DELETE", one, g.ada.login(), nil).want(204)
			g.do("POST", policies, key, way).want(201)
		})
	}
}
