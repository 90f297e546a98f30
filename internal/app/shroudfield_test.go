package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// What gateways of others have missed, on the way to the provider: each place has a value that the agent
// may use, which must not get there, and the rest must.
func TestWhereOthersLetSecretsThrough(t *testing.T) {
	r := shroud(t)
	r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/db/main", r.owner, `{"type":"password","value":"correct-horse-battery"}`)
	const it = "correct-horse-battery"
	for what, c := range map[string]struct{ provider, path, body string }{
		"a prompt of completions":        {"openai", "/v1/completions", `{"model":"m","prompt":["kept","` + it + `"]}`},
		"the suffix of a completion":     {"openai", "/v1/completions", `{"model":"m","prompt":"kept","suffix":"` + it + `"}`},
		"a text to embed":                {"openai", "/v1/embeddings", `{"model":"m","input":["kept","` + it + `"]}`},
		"a text to moderate":             {"openai", "/v1/moderations", `{"model":"m","input":[{"type":"text","text":"kept ` + it + `"}]}`},
		"documents to rank":              {"cohere", "/v2/rerank", `{"model":"m","query":"kept","documents":["a","` + it + `"]}`},
		"documents beside a chat":        {"cohere", "/v2/chat", `{"model":"m","messages":[{"role":"user","content":"kept"}],"documents":[{"data":{"text":"` + it + `"}}]}`},
		"a count of tokens":              {"anthropic", "/v1/messages/count_tokens", `{"model":"m","messages":[{"role":"user","content":"kept ` + it + `"}]}`},
		"a result of a tool alone":       {"anthropic", "/v1/messages", `{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"kept","content":"` + it + `"}]}]}`},
		"a result of a tool, in parts":   {"anthropic", "/v1/messages", `{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"kept","content":[{"type":"text","text":"` + it + `"}]}]}]}`},
		"a tool's message":               {"openai", chat, `{"model":"m","messages":[{"role":"tool","tool_call_id":"kept","content":"` + it + `"}]}`},
		"what a tool was called with":    {"openai", chat, `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"kept","type":"function","function":{"name":"f","arguments":"{\"a\":\"` + it + `\"}"}}]}]}`},
		"the same, escaped in it":        {"openai", chat, `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"kept","type":"function","function":{"name":"f","arguments":"{\"a\":\"corr\\u0065ct-horse-battery\"}"}}]}]}`},
		"reasoning that is sent back":    {"openai", chat, `{"model":"m","messages":[{"role":"assistant","content":"kept","reasoning_content":"` + it + `"}]}`},
		"a schema of a tool":             {"openai", chat, `{"model":"m","tools":[{"type":"function","function":{"name":"kept","parameters":{"type":"object","properties":{"a":{"enum":["` + it + `"]}}}}}],"messages":[]}`},
		"a key of an object":             {"openai", chat, `{"model":"m","messages":[{"role":"user","content":"kept"}],"metadata":{"` + it + `":"x"}}`},
		"a field of tomorrow":            {"openai", "/v1/responses", `{"model":"m","input":"kept","later":{"deep":[{"er":"` + it + `"}]}}`},
		"the user's name":                {"openai", chat, `{"model":"m","user":"` + it + `","messages":[{"role":"user","content":"kept"}]}`},
		"a word to stop at":              {"openai", chat, `{"model":"m","stop":["` + it + `"],"messages":[{"role":"user","content":"kept"}]}`},
		"instructions of Responses":      {"openai", "/v1/responses", `{"model":"m","instructions":"` + it + `","input":"kept"}`},
		"what a function of it returned": {"openai", "/v1/responses", `{"model":"m","input":[{"type":"function_call_output","call_id":"kept","output":"` + it + `"}]}`},
		"what a function answered":       {"google", "/v1beta/models/m:generateContent", `{"contents":[{"role":"user","parts":[{"functionResponse":{"name":"kept","response":{"a":"` + it + `"}}}]}]}`},
		"the id of a call":               {"openai", chat, `{"model":"m","messages":[{"role":"tool","tool_call_id":"` + it + `","content":"kept"}]}`},
		"an id of Anthropic's":           {"anthropic", "/v1/messages", `{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"` + it + `","content":"kept"}]}]}`},
		"the answer before":              {"openai", "/v1/responses", `{"model":"m","input":"kept","previous_response_id":"` + it + `"}`},
		"an id in an item":               {"openai", "/v1/responses", `{"model":"m","input":[{"type":"message","id":"` + it + `","role":"user","content":"kept"}]}`},
		"cached contents' instruction":   {"google", "/v1beta/models/m:generateContent", `{"system_instruction":{"parts":[{"text":"` + it + `"}]},"contents":[{"parts":[{"text":"kept"}]}]}`},
	} {
		n := len(r.stub.Requests())
		got := r.send("POST", c.path, c.body, r.usual("X-Shroud-Provider", c.provider))
		if len(r.stub.Requests()) != n+1 {
			t.Errorf("%s: %d %s", what, got.status, got.body)
			continue
		}
		if sent := string(r.stub.Last().Body); strings.Contains(sent, "horse") || !strings.Contains(sent, "[REDACTED:db/main]") || !strings.Contains(sent, "kept") {
			t.Errorf("%s: it sends %s", what, sent)
		}
	}
}

// The same on the way back, and what providers do that nobody asked for.
func TestWhatProvidersSendThatOthersStumbleOver(t *testing.T) {
	r := shroud(t)
	r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/db/main", r.owner, `{"type":"password","value":"correct-horse-battery"}`)
	json, sse := http.Header{"Content-Type": {"application/json"}}, http.Header{"Content-Type": {"text/event-stream"}}
	event := func(data string) string { return "data: " + data + "\n\n" }
	const chunk = `{"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"kept"}}]}`
	const last = `{"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	streamed, plain := strings.Replace(hello, "{", `{"stream":true,`, 1), hello
	for what, c := range map[string]struct {
		ask    string
		raw    llmstub.Raw
		status int
		has    string
	}{
		"reasoning":                        {plain, llmstub.Raw{Status: 200, Header: json, Body: []byte(`{"choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"correct-horse-battery","content":"kept"},"finish_reason":"stop"}]}`)}, 200, "kept"},
		"reasoning in pieces":              {streamed, llmstub.Raw{Status: 200, Header: sse, Body: []byte(event(`{"choices":[{"index":0,"delta":{"reasoning_content":"correct-horse"}}]}`) + event(`{"choices":[{"index":0,"delta":{"reasoning_content":"-battery"}}]}`) + event(chunk) + event(last) + event("[DONE]"))}, 200, "kept"},
		"JSON where a stream was asked":    {streamed, llmstub.Raw{Status: 200, Header: json, Body: []byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":"kept correct-horse-battery"},"finish_reason":"stop"}]}`)}, 200, "kept"},
		"a stream that nobody asked for":   {plain, llmstub.Raw{Status: 200, Header: sse, Body: []byte(event(`{"choices":[{"index":0,"delta":{"content":"correct-horse-battery"}}]}`) + event(chunk) + event(last) + event("[DONE]"))}, 200, "kept"},
		"more after the end":               {streamed, llmstub.Raw{Status: 200, Header: sse, Body: []byte(event(chunk) + event(last) + event("[DONE]") + event(`{"choices":[{"index":0,"delta":{"content":"correct-horse-battery"}}]}`))}, 200, "kept"},
		"an error in the stream":           {streamed, llmstub.Raw{Status: 200, Header: sse, Body: []byte(event(chunk) + event(`{"error":{"message":"key `+providerKey+` and correct-horse-battery","type":"server_error","code":null}}`))}, 200, "server_error"},
		"an error in an answer of 200":     {plain, llmstub.Raw{Status: 200, Header: json, Body: []byte(`{"error":{"message":"kept ` + providerKey + ` correct-horse-battery"}}`)}, 200, "kept"},
		"an error page":                    {plain, llmstub.Raw{Status: 503, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<p>kept " + providerKey + "</p>")}, 503, "kept"},
		"two choices, one after the other": {streamed, llmstub.Raw{Status: 200, Header: sse, Body: []byte(event(`{"choices":[{"index":0,"delta":{"content":"correct-"}},{"index":1,"delta":{"content":"kept"}}]}`) + event(`{"choices":[{"index":0,"delta":{"content":"horse-battery"}}]}`) + event(last) + event(strings.Replace(last, `"index":0`, `"index":1`, 1)) + event("[DONE]"))}, 200, "kept"},
		"nothing":                          {plain, llmstub.Raw{Status: 200, Header: json}, 200, ""},
		"null for a text":                  {plain, llmstub.Raw{Status: 200, Header: json, Body: []byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"kept"},"finish_reason":"stop"}],"usage":null}`)}, 200, "kept"},
		"a list of texts":                  {plain, llmstub.Raw{Status: 200, Header: json, Body: []byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"text","text":"kept correct-horse-battery"}]}}]}`)}, 200, "kept"},
		"citations":                        {plain, llmstub.Raw{Status: 200, Header: json, Body: []byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":"kept","annotations":[{"type":"url_citation","url_citation":{"title":"correct-horse-battery"}}]}}]}`)}, 200, "kept"},
	} {
		r.stub.Answer(llmstub.Reply{Raw: &c.raw})
		got := r.send("POST", chat, c.ask, r.usual())
		all := got.body + fmt.Sprint(got.header)
		if got.status != c.status || got.err != nil || !strings.Contains(got.body, c.has) || strings.Contains(all, "battery") || strings.Contains(all, "sk-provider") {
			t.Errorf("%s: %d %v %s", what, got.status, got.err, all)
		}
	}
}

// An answer whose usage is nothing, or whose last event comes byte by byte, is paid for as it should be.
func TestNoUsageIsNotFree(t *testing.T) {
	r := shroud(t)
	r.rest("PATCH", "/v1/agents/"+r.agent, r.owner, `{"shroud_config":{"daily_budget_usd":50}}`)
	for i, c := range []struct {
		usage llmstub.Usage
		at    llmstub.Place
		basis string
	}{
		{llmstub.Usage{}, llmstub.Each, "reservation"}, {llmstub.Usage{Input: 11}, llmstub.Late, "reservation"},
		{llmstub.Usage{Input: 11, Output: 7}, llmstub.Never, "reservation"}, {llmstub.Usage{Input: 11, Output: 7}, llmstub.Asked, "usage"},
	} {
		reply := llmstub.Says(llmstub.Said(llmstub.Text, "Hello ", "there"))
		reply.Usage, reply.UsageAt, reply.Chunk, reply.EOL = c.usage, c.at, 1, "\r\n"
		r.stub.Answer(reply)
		got := r.send("POST", chat, strings.Replace(hello, "{", `{"stream":true,"max_tokens":90,`, 1), r.usual())
		list := r.settled(i + 1)
		_, newest, _ := strings.Cut(list, `"cost_basis":"`)
		if got.status != 200 || !strings.HasPrefix(newest, c.basis) {
			t.Errorf("%+v: %d %s", c, got.status, list)
		}
	}
}
