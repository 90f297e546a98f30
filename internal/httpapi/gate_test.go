package httpapi_test

import "testing"

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
