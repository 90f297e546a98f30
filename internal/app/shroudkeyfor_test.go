package app

import (
	"strings"
	"testing"
)

// TestOnlyAProvidersKeyGoesToIt: not what signs or opens something, and not another provider's key, for the
// agent and for who has a router key of it. What is refused uses nothing up, and asks nobody for an approval.
func TestOnlyAProvidersKeyGoesToIt(t *testing.T) {
	on(t, func(t *testing.T, r *shroudRig) {
		const signing = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
		for path, c := range map[string]struct{ kind, value string }{
			"mine/rsa":                   {"private_key", "a private key"},
			"mine/ssh":                   {"ssh_key", "a key of ssh"},
			"keys/ethereum":              {"private_key", signing},
			"keys/other":                 {"api_key", "sk-below-keys"},
			"wallets/other":              {"api_key", "sk-below-wallets"},
			"agents/x/keys/other":        {"api_key", "sk-below-agents"},
			"providers/openai/api-key":   {"api_key", "sk-of-openai"},
			"providers/openai/ssh":       {"ssh_key", "another key of ssh"},
			"providers/mistral/api-key":  {"api_key", "sk-of-mistral"},
			"providers/mistral/second":   {"api_key", "sk-of-mistral-too"},
			"providers/gemini/api-key":   {"api_key", "sk-of-gemini"},
			"providers/nobodys/api-key":  {"api_key", "sk-of-nobody"},
			"mine/providers/openai/main": {"api_key", "sk-of-mine"},
		} {
			r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/"+path, r.owner, `{"type":"`+c.kind+`","value":"`+c.value+`","max_access_count":1}`)
		}
		_, router := r.routerKey()
		named := func(path string) string { return "vault://" + r.vault + "/" + path }
		before := len(r.stub.Requests())
		for path, provider := range map[string]string{
			"mine/rsa": "openai", "mine/ssh": "openai", "keys/ethereum": "openai", "keys/other": "openai", "wallets/other": "openai", "agents/x/keys/other": "openai",
			"providers/openai/ssh": "openai", "providers/openai/api-key": "mistral", "providers/mistral/api-key": "openai", "providers/mistral/second": "openai",
			"providers/gemini/api-key": "openai", "providers/nobodys/api-key": "openai",
		} {
			r.refused(path+" for "+provider, 403, r.send("POST", chat, hello, r.usual("X-Shroud-Provider", provider, "X-Shroud-Api-Key", named(path))))
			h := bearer(router)
			h.Set("X-Shroud-Provider", provider)
			h.Set("X-Shroud-Api-Key", named(path))
			r.refused(path+" for "+provider+" with a router key", 403, r.send("POST", chat, hello, h))
		}
		if n := len(r.stub.Requests()); n != before {
			t.Errorf("%d calls went on", n-before)
		}
		h := bearer(router)
		h.Set("X-Shroud-Api-Key", named("providers/openai/api-key"))
		if got := r.send("POST", chat, hello, h); got.status != 200 || r.stub.Last().Key() != "sk-of-openai" {
			t.Errorf("its own, with a router key: %d %s", got.status, got.body)
		}
		for path, c := range map[string]struct{ provider, key string }{
			"providers/mistral/api-key":  {"mistral", "sk-of-mistral"},
			"providers/gemini/api-key":   {"google", "sk-of-gemini"},
			"mine/providers/openai/main": {"openai", "sk-of-mine"},
		} {
			body := strings.Replace(hello, "gpt-5", "m", 1)
			if got := r.send("POST", chat, body, r.usual("X-Shroud-Provider", c.provider, "X-Shroud-Api-Key", named(path))); r.stub.Last().Key() != c.key {
				t.Errorf("%s for %s: %d %s", path, c.provider, got.status, got.body)
			}
		}
		_, events := r.mcpRig.send(r.a.api, "GET", "/v1/audit/events?limit=200", r.owner, "")
		if !strings.Contains(events, `"reason":"not_a_provider_key"`) || !strings.Contains(events, `"reason":"other_providers_key"`) {
			t.Errorf("the log has no reason: %s", events)
		}
	})
}
