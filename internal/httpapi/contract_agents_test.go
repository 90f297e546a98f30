package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

var agentFields = []string{
	"id", "name", "description", "auth_method", "scopes", "is_active", "intents_api_enabled", "tx_to_allowlist", "tx_max_value_eth",
	"tx_daily_limit_eth", "tx_allowed_chains", "token_ttl_seconds", "vault_ids", "client_cert_fingerprint", "oidc_issuer",
	"oidc_client_id", "ssh_public_key", "ecdh_public_key", "shroud_enabled", "shroud_config", "created_at", "expires_at",
	"last_active_at",
}

func TestAgents(t *testing.T) {
	s := open(t)
	ada := s.signup("ada")
	token := ada.token
	vault := s.ask(201, "POST", "/v1/vaults", token, `{"name":"main"}`).str("id")
	made := s.ask(201, "POST", "/v1/agents", token, `{"name":"worker","description":"works","auth_method":"api_key","scopes":["prod/**"],
		"expires_at":"2090-01-02T03:04:05Z","intents_api_enabled":true,"tx_to_allowlist":["0x`+strings.Repeat("ab", 20)+`"],
		"tx_max_value_eth":"0.5","tx_daily_limit_eth":"2","tx_allowed_chains":["base"],"token_ttl_seconds":600,"vault_ids":["`+vault+`"],
		"shroud_enabled":true,"shroud_config":{"pii_policy":"block","sanitization_mode":"sanitize","output_policy":1},"later":{"field":[1]}}`)
	fields(t, "the answer", made.json(), "agent", "api_key")
	fields(t, "the agent", made.json()["agent"].(object), agentFields...)
	agent := made.json()["agent"].(object)
	id, key := made.str("agent", "id"), made.str("api_key")
	if config := agent["shroud_config"].(object); len(config) != 2 || config["sanitization_mode"] != "surgical" {
		t.Errorf("shroud_config %v", config)
	}
	one := "/v1/agents/" + id
	got := s.ask(200, "GET", one, token, "")
	fields(t, "the agent again", got.json(), agentFields...)
	if got.json()["tx_max_value_eth"] != "0.5" || got.json()["token_ttl_seconds"] != json.Number("600") || got.json()["expires_at"] != "2090-01-02T03:04:05Z" {
		t.Errorf("got %v", got.json())
	}
	s.ask(200, "GET", one, key, "") // itself
	list := s.ask(200, "GET", "/v1/agents", token, "")
	fields(t, "a listed agent", list.json()["agents"].([]any)[0].(object), agentFields...)
	self := s.ask(200, "GET", "/v1/agents/me", key, "")
	fields(t, "the agent itself", self.json(), "id", "name", "description", "org_id", "scopes", "is_active", "intents_api_enabled",
		"created_by", "created_at", "expires_at", "last_active_at", "ssh_public_key", "ecdh_public_key", "shroud_enabled", "shroud_config")

	for _, list := range []string{"scopes", "vault_ids", "tx_to_allowlist", "tx_allowed_chains"} {
		r := s.ask(400, "PATCH", one, token, `{"`+list+`":[]}`)
		if !strings.Contains(r.str("detail"), "null") {
			t.Errorf("%s: %v", list, r.json()["detail"])
		}
		if r := s.ask(200, "PATCH", one, token, `{"`+list+`":null}`); len(r.json()[list].([]any)) != 0 {
			t.Errorf("%s is %v", list, r.json()[list])
		}
	}
	for _, field := range []string{"tx_max_value_eth", "tx_daily_limit_eth", "expires_at", "token_ttl_seconds", "shroud_config"} {
		if r := s.ask(200, "PATCH", one, token, `{"`+field+`":null}`); r.json()[field] != nil {
			t.Errorf("%s is %v", field, r.json()[field])
		}
	}
	r := s.ask(200, "PATCH", one, token, `{"name":"tester","scopes":["dev/**"],"is_active":true,"token_ttl_seconds":60,"unknown":1}`)
	fields(t, "the changed agent", r.json(), agentFields...)
	if r.json()["name"] != "tester" || r.json()["token_ttl_seconds"] != json.Number("60") || r.json()["intents_api_enabled"] != true || r.json()["description"] != "works" {
		t.Errorf("got %v", r.json())
	}
	s.ask(200, "PATCH", one, token, ``+`{}`)
	for name, body := range map[string]string{
		"a text for a flag": `{"is_active":"yes"}`, "a text for a list": `{"scopes":"prod"}`, "a list with a number": `{"scopes":[1]}`,
		"a broken time": `{"expires_at":"soon"}`, "the past": `{"expires_at":"2001-01-01T00:00:00Z"}`, "a fraction": `{"token_ttl_seconds":1.5}`,
		"a negative number": `{"token_ttl_seconds":-1}`, "a huge number": `{"token_ttl_seconds":1e99}`, "a bad config": `{"shroud_config":{"pii_policy":"x"}}`,
		"a vault of nobody": `{"vault_ids":["00000000-0000-4000-8000-000000000001"]}`, "a list as config": `{"shroud_config":[]}`,
	} {
		if r := s.try("PATCH", one, token, body); r.status != 400 {
			t.Errorf("%s: %d %s", name, r.status, string(r.body))
		}
	}
	rotated := s.ask(200, "POST", one+"/rotate-key", token, "")
	fields(t, "the rotated key", rotated.json(), "api_key")
	s.ask(401, "GET", "/v1/agents/me", key, "")
	keys := s.ask(200, "POST", one+"/rotate-identity-keys", token, "")
	fields(t, "the agent with other keys", keys.json(), agentFields...)
	if keys.json()["ssh_public_key"] == agent["ssh_public_key"] || keys.json()["ecdh_public_key"] == agent["ecdh_public_key"] {
		t.Error("an identity key stayed")
	}
	own := rotated.str("api_key")
	s.ask(403, "POST", one+"/rotate-key", own, "") // so soon after a human did
	s.Clock.Forward(time.Hour)
	jwt := s.ask(200, "POST", "/v1/auth/agent-token", "", `{"api_key":"`+own+`"}`).str("access_token")
	s.ask(403, "POST", one+"/rotate-key", jwt, "")
	again := s.ask(200, "POST", one+"/rotate-key", own, "") // by itself
	token = ada.login()
	s.ask(204, "DELETE", one, token, "")
	s.ask(401, "GET", "/v1/agents/me", again.str("api_key"), "")
	if r := s.ask(200, "GET", one, token, ""); r.json()["is_active"] != false {
		t.Errorf("is_active is %v", r.json()["is_active"])
	}
}

func TestAgentsOfOtherMethods(t *testing.T) {
	s := open(t)
	token := s.signup("ada").token
	mtls := s.ask(201, "POST", "/v1/agents", token, `{"name":"x","auth_method":"mtls","client_cert_fingerprint":"`+strings.Repeat("ab", 32)+`"}`)
	fields(t, "the answer", mtls.json(), "agent")
	oidc := s.ask(201, "POST", "/v1/agents", token, `{"name":"x","auth_method":"oidc_client_credentials","oidc_issuer":"https://issuer.test","oidc_client_id":"ci"}`)
	fields(t, "the answer", oidc.json(), "agent")
	id := oidc.str("agent", "id")
	s.ask(400, "POST", "/v1/agents/"+id+"/rotate-key", token, "")
	for name, body := range map[string]string{
		"no name": `{}`, "an empty name": `{"name":""}`, "an unknown method": `{"name":"x","auth_method":"password"}`,
		"mtls without a fingerprint": `{"name":"x","auth_method":"mtls"}`, "oidc without an issuer": `{"name":"x","auth_method":"oidc_client_credentials"}`,
		"a bad address": `{"name":"x","tx_to_allowlist":["0x0"]}`, "a number for an amount": `{"name":"x","tx_max_value_eth":1}`,
	} {
		if r := s.try("POST", "/v1/agents", token, body); r.status != 400 {
			t.Errorf("%s: %d %s", name, r.status, string(r.body))
		}
	}
	all := `{"name":"x","description":null,"auth_method":null,"scopes":null,"expires_at":null,"intents_api_enabled":null,"tx_to_allowlist":null,
		"tx_max_value_eth":null,"tx_daily_limit_eth":null,"tx_allowed_chains":null,"token_ttl_seconds":null,"vault_ids":null,
		"client_cert_fingerprint":null,"oidc_issuer":null,"oidc_client_id":null,"shroud_enabled":null,"shroud_config":null}`
	s.ask(201, "POST", "/v1/agents", token, all)
}

func TestOtherOrganisationsAgentsDoNotExist(t *testing.T) {
	s := open(t)
	ada, bob := s.signup("ada").token, s.signup("bob").token
	made := s.ask(201, "POST", "/v1/agents", ada, `{"name":"worker"}`)
	id := made.str("agent", "id")
	for _, op := range []struct{ method, tail, body string }{
		{"GET", "", ""}, {"PATCH", "", `{"name":"mine"}`}, {"DELETE", "", ""}, {"POST", "/rotate-key", ""},
		{"POST", "/rotate-identity-keys", ""}, {"POST", "/token", ""},
	} {
		theirs := s.ask(404, op.method, "/v1/agents/"+id+op.tail, bob, op.body)
		nobodys := s.ask(404, op.method, "/v1/agents/00000000-0000-4000-8000-000000000001"+op.tail, bob, op.body)
		if string(theirs.body) != string(nobodys.body) {
			t.Errorf("%s %s tells them apart:\n%s\n%s", op.method, op.tail, string(theirs.body), string(nobodys.body))
		}
	}
	s.ask(200, "GET", "/v1/agents/me", made.str("api_key"), "")
}
