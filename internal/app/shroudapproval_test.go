package app

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// TestStreamsEndWithTheirApproval: with the approval that the use of the provider's key rests on, and when a
// policy asks for one that there is not. One that was used up by the call itself is good for all of it.
func TestStreamsEndWithTheirApproval(t *testing.T) {
	on(t, func(t *testing.T, r *shroudRig) {
		r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/providers/openai/api-key", r.owner, `{"type":"api_key","value":"sk-from-the-vault"}`)
		streamed := strings.Replace(hello, "{", `{"stream":true,`, 1)
		ended := func(what string, got said) {
			t.Helper()
			if heard, err := llmstub.HearStream(llmstub.Chat, []byte(got.body)); got.err != nil || err != nil || !strings.Contains(heard.Failed, "the right to it ended") {
				t.Errorf("%s: %v %v %s", what, got.err, err, got.body)
			}
		}
		gated := func(id, terms string) {
			for _, p := range r.rest("GET", "/v1/vaults/"+r.vault+"/policies", r.owner, "")["policies"].([]any) {
				if p := p.(map[string]any); p["principal_id"] == id {
					r.rest("PUT", "/v1/vaults/"+r.vault+"/policies/"+p["id"].(string), r.owner, `{"conditions":{"require_approval":`+terms+`}}`)
				}
			}
		}
		approve := func() (id string) {
			id = r.rest("GET", "/v1/approvals?status=pending", r.owner, "")["approvals"].([]any)[0].(map[string]any)["id"].(string)
			r.rest("POST", "/v1/approvals/"+id+"/approve", r.owner, "{}")
			return id
		}

		id, key := r.mcpRig.agent("gated later", r.vault)
		r.rest("PATCH", "/v1/agents/"+id, r.owner, `{"shroud_enabled":true,"shroud_config":{"daily_budget_usd":50}}`)
		h := r.usual("X-Shroud-Agent-Key", key, "X-Shroud-Api-Key", "")
		thinking(r, 2)
		wait := r.running(chat, streamed, h)
		gated(id, "true")
		ended("a policy that asks for an approval", wait())

		for _, config := range []string{`{}`, `{"daily_budget_usd":50}`} {
			id, key = r.mcpRig.agent("gated "+strconv.Itoa(len(config)), r.vault)
			r.rest("PATCH", "/v1/agents/"+id, r.owner, `{"shroud_enabled":true,"shroud_config":`+config+`}`)
			gated(id, `{"max_uses":2}`)
			h = r.usual("X-Shroud-Agent-Key", key, "X-Shroud-Api-Key", "")
			r.refused("no approval", 403, r.send("POST", chat, hello, h))
			approved := approve()
			thinking(r, 2)
			wait = r.running(chat, streamed, h)
			r.rest("POST", "/v1/approvals/"+approved+"/withdraw", r.owner, "{}")
			ended("an approval that is withdrawn", wait())

			r.stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, "hi")))
			r.refused("no approval any more", 403, r.send("POST", chat, hello, h))
			approve()
			if got := r.send("POST", chat, hello, h); got.status != 200 {
				t.Errorf("the first of two uses: %d %s", got.status, got.body)
			}
			reply := llmstub.Says(llmstub.Said(llmstub.Text, "begun ", "and ended"))
			reply.Before = func(_ context.Context, i int) {
				if i == 2 {
					<-time.After(1500 * time.Millisecond) // a provider that takes its time
				}
			}
			r.stub.Answer(reply)
			if got := r.send("POST", chat, streamed, h); got.err != nil || !strings.Contains(got.body, "and ended") || strings.Contains(got.body, "error") {
				t.Errorf("the last use of an approval: %v %s", got.err, got.body)
			}
		}
	})
}

// TestStreamsEndWithTheirRouterKey: when it expires, as when it is revoked.
func TestStreamsEndWithTheirRouterKey(t *testing.T) {
	on(t, func(t *testing.T, r *shroudRig) {
		r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/providers/openai/api-key", r.owner, `{"type":"api_key","value":"sk-from-the-vault"}`)
		ends := time.Now().Add(3 * time.Second).UTC().Format(time.RFC3339Nano)
		made := r.rest("POST", "/v1/agents/"+r.agent+"/router-keys", r.owner, `{"name":"short","expires_at":"`+ends+`"}`)
		thinking(r, 2)
		got := r.running(chat, strings.Replace(hello, "{", `{"stream":true,`, 1), bearer(made["api_key"].(string)))()
		if heard, err := llmstub.HearStream(llmstub.Chat, []byte(got.body)); got.err != nil || err != nil || !strings.Contains(heard.Failed, "the right to it ended") {
			t.Errorf("%v %v %s", got.err, err, got.body)
		}
	})
}
