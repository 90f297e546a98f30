package httpapi_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// Names that people can't tell apart are one name; those that they can are not.
func TestVaultNamesThatLookAlikeAreTaken(t *testing.T) {
	w := open(t)
	ada, eve := w.signup("ada"), w.signup("eve")
	ada.vaultNamed("prod keys")
	for what, name := range map[string]string{
		"full-width letters": "ｐｒｏｄ keys", "another blank": "prod\u00a0keys", "two blanks": "prod  keys",
	} {
		r := w.do("POST", "/v1/vaults", ada.token, object{"name": name})
		r.what += " with " + what
		r.want(409, "vault_name_taken")
	}
	for _, name := range []string{"Prod keys", "prod-keys", "prod keys 2"} {
		w.do("POST", "/v1/vaults", ada.token, object{"name": name}).want(201)
	}
	w.do("POST", "/v1/vaults", eve.token, object{"name": "prod\u00a0keys"}).want(201) // hers alone
	w.do("POST", "/v1/vaults", ada.token, object{"name": "＿＿agent-keys"}).want(400, "reserved_name")
	// Vaults of before have no key yet.
	w.Exec(`UPDATE vaults SET name_key = NULL`)
	w.do("POST", "/v1/vaults", ada.token, object{"name": "prod  keys"}).want(409, "vault_name_taken")
}

// What people read as a name has no character that they can't see.
func TestNamesHaveNoUnseenCharacters(t *testing.T) {
	s := openSession(t)
	agent := s.ada.agent(object{"name": "worker"})
	for what, name := range map[string]string{
		"a zero-width space": "prod\u200b keys", "a joiner at its end": "prod keys\u200d", "a byte order mark": "\ufeffprod keys", "a soft hyphen": "pr\u00adod keys",
		"a variation selector": "prod\ufe0f keys", "an override of direction": "\u202dprod keys", "a filler": "prod keys\u3164", "a tag": "prod\U000e0041 keys", "nothing that is seen": "\u200b",
		"a reserved name": "\u200b__agent-keys",
	} {
		for _, r := range []struct {
			method, at string
			body       object
			code       string
		}{
			{"POST", "/v1/vaults", object{"name": name}, "invalid_name"},
			{"POST", "/v1/agents", object{"name": name}, "invalid_name"},
			{"PATCH", "/v1/agents/" + agent.id, object{"name": name}, "invalid_name"},
			{"POST", "/v1/auth/api-keys", object{"name": name}, "invalid_name"},
			{"PATCH", "/v1/auth/me", object{"display_name": name}, "invalid_display_name"},
			{"POST", "/v1/agents/" + agent.id + "/bindings", object{"name": name, "binding_type": "http", "config": object{"base_url": "https://api.example.com"}, "credential": "sk-12345678"}, ""},
			{"PUT", "/v1/vaults/" + s.vault + "/secrets/" + url.PathEscape(name), object{"type": "password", "value": "x"}, ""},
		} {
			got := s.do(r.method, r.at, s.ada.token, r.body)
			got.what += " with " + what
			if got.want(400); r.code != "" {
				got.want(400, r.code)
			}
		}
	}
	for _, name := range []string{"👩\u200d💻 laptop", "نامه\u200cای", "日本語"} {
		s.do("POST", "/v1/agents", s.ada.token, object{"name": name}).want(201)
	}
}

// Commands and tools take a name, an id, or the eight characters of one that tables show: a vault or an agent
// of such a name would be used in the place of another.
func TestNamesAreNotThoseOfIDs(t *testing.T) {
	s := openSession(t)
	agent := s.ada.agent(object{"name": "worker"})
	for _, name := range []string{s.vault, strings.ToUpper(s.vault), s.vault[:8], s.vault[28:], "DEADBEEF"} {
		for at, method := range map[string]string{
			"/v1/vaults": "POST", "/v1/vaults/" + s.vault: "PATCH", "/v1/agents": "POST", "/v1/agents/" + agent.id: "PATCH",
		} {
			s.do(method, at, s.ada.token, object{"name": name}).want(400, "invalid_name")
		}
		s.do("POST", "/v1/agents/"+agent.id+"/bindings", s.ada.token, object{
			"name": name, "binding_type": "http", "config": object{"base_url": "https://api.example.com"}, "credential": "sk-12345678",
		}).want(400, "invalid_name")
	}
	for _, name := range []string{"deadbee", "deadbeef0", "feedback"} {
		s.do("POST", "/v1/vaults", s.ada.token, object{"name": name}).want(201)
	}
}

// A member's agent that is bound to a vault sees its name: so the member must.
func TestAMemberBindsAgentsOnlyToVaultsItSees(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	mia := ada.member("mia", "member")
	hidden, shown := ada.vaultNamed("takeover-plans"), ada.vaultNamed("shared")
	w.do("POST", "/v1/vaults/"+shown+"/policies", ada.token, object{
		"secret_path_pattern": "**", "principal_type": "user", "principal_id": mia.id, "permissions": []string{"read"}}).want(201)
	w.do("POST", "/v1/agents", mia.token, object{"name": "spy", "vault_ids": []string{hidden}}).want(400, "unknown_vault")
	a := mia.agent(object{"vault_ids": []string{shown}})
	w.do("PATCH", "/v1/agents/"+a.id, mia.token, object{"vault_ids": []string{shown, hidden}}).want(400, "unknown_vault")
	w.do("PATCH", "/v1/agents/"+a.id, ada.token, object{"vault_ids": []string{shown, hidden}}).want(200)
	// What a manager bound stays when the member sends it again, and it may take it off.
	w.do("PATCH", "/v1/agents/"+a.id, mia.token, object{"vault_ids": []string{hidden, shown}}).want(200)
}

// An agent's token tells what its policies cover, for clients to read (contract
// section 5). It decides nothing.
func TestAnAgentsTokenTellsItsPatterns(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("v")
	a := ada.agent(nil)
	scopes := func() []string {
		t.Helper()
		var out []string
		c := claims(w.do("POST", "/v1/auth/agent-token", "", object{"api_key": a.key}).want(200).str("access_token"))
		for _, s := range c["scopes"].([]any) {
			out = append(out, s.(string))
		}
		return out
	}
	if got := scopes(); len(got) != 0 {
		t.Errorf("an agent without policies has %v", got)
	}
	ada.grant(v, a, "prod/**", nil, "read")
	ada.grant(v, a, "dev/*", nil, "read", "write")
	ada.grant(v, a, "dev/*", nil, "delete")
	if got := scopes(); !slices.Equal(got, []string{"dev/*", "prod/**"}) {
		t.Errorf("the token tells %v", got)
	}
	ada.grant(v, a, "late/**", object{"expires_at": w.Clock.Now().Add(60e9)}, "read")
	w.Clock.Forward(61e9)
	if got := scopes(); !slices.Equal(got, []string{"dev/*", "prod/**"}) {
		t.Errorf("with a policy that has ended it tells %v", got)
	}
	w.do("PATCH", "/v1/agents/"+a.id, ada.login(), object{"scopes": []string{"prod/**", "vault:read"}}).want(200)
	if got := scopes(); !slices.Equal(got, []string{"prod/**", "vault:read"}) {
		t.Errorf("an agent with scopes of its own tells %v", got)
	}
}
