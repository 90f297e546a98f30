package app

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// TestWhatIsKeptElsewhereIsRefused: an answer that nobody would see, a text and a model that the
// provider has and Shroud has not.
func TestWhatIsKeptElsewhereIsRefused(t *testing.T) {
	r := shroud(t)
	r.stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, "hi")))
	const responses = "/v1/responses"
	for what, c := range map[string]struct {
		config, path, body string
		status             int
	}{
		"in the background":      {`{}`, responses, `{"model":"m","input":"x","background":true}`, 400},
		"not in the background":  {`{}`, responses, `{"model":"m","input":"x","background":false}`, 200},
		"background as a text":   {`{}`, responses, `{"model":"m","input":"x","background":"true"}`, 400},
		"a stored prompt":        {`{}`, responses, `{"model":"m","input":"x","prompt":{"id":"pmpt_1"}}`, 400},
		"no stored prompt":       {`{}`, responses, `{"model":"m","input":"x","prompt":null}`, 200},
		"other models":           {`{"allowed_models":["m"]}`, chat, `{"model":"m","messages":[],"models":["m","o"]}`, 403},
		"the same model":         {`{"allowed_models":["m"]}`, chat, `{"model":"m","messages":[],"models":["m"]}`, 200},
		"a denied one":           {`{"denied_models":["o"]}`, chat, `{"model":"m","messages":[],"models":["m","o"]}`, 403},
		"a fallback":             {`{"denied_models":["o"]}`, "/v1/messages", `{"model":"m","max_tokens":9,"messages":[],"fallbacks":[{"model":"o"}]}`, 403},
		"a plugin's":             {`{"denied_models":["o"]}`, chat, `{"model":"m","messages":[],"plugins":[{"id":"x","model":"o"}]}`, 403},
		"a tool's":               {`{"denied_models":["o"]}`, responses, `{"model":"m","input":"x","tools":[{"type":"image_generation","model":"o"}]}`, 403},
		"a preset":               {`{"denied_models":["o"]}`, chat, `{"model":"m","messages":[],"preset":"p"}`, 403},
		"a preset as a model":    {`{"denied_models":["o"]}`, chat, `{"model":"@preset/p","messages":[]}`, 403},
		"a preset of anybody's":  {`{}`, chat, `{"model":"m","messages":[],"preset":"p"}`, 200},
		"in a batch":             {`{"allowed_models":["m"]}`, "/v1beta/models/m:batchEmbedContents", `{"requests":[{"model":"models/o","content":{"parts":[]}}]}`, 403},
		"the batch's own":        {`{"allowed_models":["m"]}`, "/v1beta/models/m:batchEmbedContents", `{"requests":[{"model":"models/m","content":{"parts":[]}}]}`, 200},
		"to be counted":          {`{"allowed_models":["m"]}`, "/v1beta/models/m:countTokens", `{"generateContentRequest":{"model":"models/o","contents":[]}}`, 403},
		"what a tool speaks of":  {`{"denied_models":["o"]}`, chat, `{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":{"model":"o"}}}]}`, 200},
		"what was spoken of":     {`{"denied_models":["o"]}`, "/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"model":"o"}}]}]}`, 200},
		"a budget on any":        {`{"daily_budget_usd":5}`, chat, `{"model":"gpt-4o","messages":[],"models":["gpt-5"]}`, 403},
		"a budget on a preset":   {`{"daily_budget_usd":5}`, chat, `{"model":"gpt-4o","messages":[],"preset":"p"}`, 403},
		"a limit and a preset":   {`{"max_tokens_per_request":5}`, chat, `{"model":"m","messages":[],"preset":"p"}`, 403},
		"a spelling of models":   {`{}`, chat, `{"model":"m","messages":[],"Models":["o"]}`, 400},
		"a spelling of a prompt": {`{}`, responses, `{"model":"m","input":"x","Prompt":{"id":"pmpt_1"}}`, 400},
	} {
		r.set(c.config)
		h := r.usual("X-Shroud-Provider", "")
		if c.path == chat {
			h = r.usual()
		}
		if got := r.send("POST", c.path, c.body, h); got.status != c.status {
			t.Errorf("%s: %d %s, want %d", what, got.status, got.body, c.status)
		}
	}
}
