package app

import (
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
		"a space after it":          {`{"denied_models":["gpt-4o"]}`, `gpt-4o `, 403},
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
