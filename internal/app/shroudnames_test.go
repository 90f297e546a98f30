package app

import (
	"net/http"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// TestNoSpellingGetsAroundAList: of models and of tools.
func TestNoSpellingGetsAroundAList(t *testing.T) {
	r := shroud(t)
	r.stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, "hi")))
	for what, c := range map[string]struct {
		config, model string
		status        int
	}{
		"its provider before it":    {`{"denied_models":["gpt-4o"]}`, `openai/gpt-4o`, 403},
		"the same, allowed":         {`{"allowed_models":["gpt-4o"]}`, `openai/gpt-4o`, 200},
		"the same on the list":      {`{"denied_models":["openai/gpt-4o"]}`, `gpt-4o`, 403},
		"another provider's":        {`{"denied_models":["gpt-4o"]}`, `azure/gpt-4o`, 200},
		"a space after it":          {`{"denied_models":["gpt-4o"]}`, `gpt-4o `, 400},
		"a variant":                 {`{"denied_models":["gpt-4o"]}`, `gpt-4o:nitro`, 403},
		"nothing between":           {`{"denied_models":["gpt-4o"]}`, "gpt\u200b-4o", 400},
		"wide":                      {`{"denied_models":["gpt-4o"]}`, `ｇpt-4o`, 400},
		"a control":                 {`{}`, `gpt-4o\u0001`, 400},
		"all":                       {`{"denied_models":["*"]}`, `gpt-4o`, 403},
		"the beginning, other case": {`{"denied_models":["GPT-*"]}`, `gpt-4o`, 403},
		"another beginning":         {`{"denied_models":["GPT-*"]}`, `o3`, 200},
		"an allowed beginning":      {`{"allowed_models":["gpt-*"]}`, `gpt-4o`, 200},
	} {
		r.set(c.config)
		if got := r.send("POST", chat, `{"model":"`+c.model+`","messages":[]}`, r.usual()); got.status != c.status {
			t.Errorf("%s: %d %s, want %d", what, got.status, got.body, c.status)
		}
	}
	for what, name := range map[string]string{"a space": " exec_x", "nothing within": "ex\u200bec_x", "another alphabet": "ехec_x", "wide": "ｅxec_x", "a line": `exec_x\n`} {
		r.set(`{"tool_call_inspection":{"blocked_tools":["exec_*"]}}`)
		body := `{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"` + name + `"}}]}`
		r.refused(what, 403, r.send("POST", chat, body, r.usual()))
		r.set(`{}`)
		if got := r.send("POST", chat, body, r.usual()); got.status != 200 {
			t.Errorf("%s, without a list: %d %s", what, got.status, got.body)
		}
	}
}

// TestANameInPiecesIsDecidedOverWhole: clients put the pieces of a tool's name together.
func TestANameInPiecesIsDecidedOverWhole(t *testing.T) {
	r := shroud(t)
	r.set(`{"tool_call_inspection":{"blocked_tools":["exec_*"]}}`)
	for what, c := range map[string]struct{ path, provider, first, second, end string }{
		"a tool": {
			chat, "openai", `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"NAME","arguments":""}}]}}]}`,
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"NAME","arguments":"{}"}}]}}]}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`,
		},
		"a tool of texts": {
			chat, "openai", `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"custom","custom":{"name":"NAME"}}]}}]}`,
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"custom":{"name":"NAME","input":"x"}}]}}]}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`,
		},
		"a function": {
			chat, "openai", `{"choices":[{"index":0,"delta":{"function_call":{"name":"NAME"}}}]}`,
			`{"choices":[{"index":0,"delta":{"function_call":{"name":"NAME","arguments":"{}"}}}]}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"function_call"}]}`,
		},
		"twice in an event": {
			chat, "openai", `{"choices":[{"index":0,"delta":{"role":"assistant"}}]}`,
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"ex"}},{"index":0,"function":{"name":"NAME"}}]}}]}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`,
		},
		"of Cohere": {
			"/v2/chat", "", `{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"a","type":"function","function":{"name":"NAME","arguments":""}}}}}`,
			`{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"name":"NAME","arguments":"{}"}}}}}`, `{"type":"message-end","delta":{"finish_reason":"TOOL_CALL"}}`,
		},
	} {
		for second, stopped := range map[string]bool{"ec_x": true, "it": false} {
			body := "data: " + strings.Replace(c.first, "NAME", "ex", 1) + "\n\ndata: " + strings.Replace(c.second, "NAME", second, 1) + "\n\ndata: " + c.end + "\n\n"
			r.stub.Answer(llmstub.Reply{Raw: &llmstub.Raw{Status: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: []byte(body)}})
			got := r.send("POST", c.path, `{"model":"m","stream":true,"messages":[]}`, r.usual("X-Shroud-Provider", c.provider))
			if strings.Contains(got.body, second) == stopped || strings.Contains(got.body, `"ex"`) == stopped || strings.Contains(got.body, "tool call") != stopped {
				t.Errorf("%s, %s: %d %s", what, second, got.status, got.body)
			}
		}
	}
}
