package app

import (
	"strconv"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// TestABudgetCountsWhatTheProviderFetches: a picture at an address is reserved as one in the body, a bounded
// tool of the provider's with all that it may bring, and what nobody knows the length of is refused. Without a
// budget all of it passes.
func TestABudgetCountsWhatTheProviderFetches(t *testing.T) {
	r := shroud(t)
	const (
		responses, messages = "/v1/responses", "/v1/messages"
		gemini, counting    = "/v1beta/models/gemini-2.5-pro:generateContent", "/v1beta/models/gemini-2.5-pro:countTokens"
	)
	chatted := func(part string) string {
		return `{"model":"gpt-4o","max_tokens":10,"messages":[{"role":"user","content":[` + part + `]}]}`
	}
	asked := func(more string) string { return `{"model":"gpt-4o","max_output_tokens":10,` + more + `}` }
	given := func(part string) string {
		return asked(`"input":[{"role":"user","content":[` + part + `]}]`)
	}
	claude := func(part, more string) string {
		return `{"model":"claude-opus-5","max_tokens":10,"messages":[{"role":"user","content":[` + part + `]}]` + more + `}`
	}
	google := func(part, more string) string {
		return `{"generationConfig":{"maxOutputTokens":10},"contents":[{"parts":[` + part + `]}]` + more + `}`
	}
	n := 0
	const hi = `{"type":"text","text":"hi"}`
	const (
		passes = iota
		costs  // as a picture
		never  // with a budget
	)
	for what, c := range map[string]struct {
		path, body string
		want       int
	}{
		"a text":                       {chat, chatted(hi), passes},
		"a picture in the body":        {chat, chatted(`{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}`), costs},
		"a picture at an address":      {chat, chatted(`{"type":"image_url","image_url":{"url":"https://x.example/a.png"}}`), costs},
		"its address alone":            {chat, chatted(`{"type":"image_url","image_url":"https://x.example/a.png"}`), costs},
		"a file":                       {chat, chatted(`{"type":"file","file":{"file_id":"file-1"}}`), never},
		"a file at an address":         {chat, chatted(`{"type":"file","file":{"file_data":"https://x.example/a.pdf"}}`), never},
		"a film":                       {chat, chatted(`{"type":"video_url","video_url":{"url":"https://x.example/a.mp4"}}`), never},
		"a document":                   {chat, chatted(`{"type":"document_url","document_url":"https://x.example/a.pdf"}`), never},
		"a search":                     {chat, `{"model":"gpt-4o","max_tokens":10,"messages":[],"web_search_options":{}}`, never},
		"no search":                    {chat, `{"model":"gpt-4o","max_tokens":10,"messages":[],"web_search_options":null}`, passes},
		"a plugin":                     {chat, `{"model":"gpt-4o","max_tokens":10,"messages":[],"plugins":[{"id":"web"}]}`, never},
		"a function":                   {chat, `{"model":"gpt-4o","max_tokens":10,"messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"file_url":{"type":"string"},"image_url":"x"}}}}]}`, passes},
		"Responses' picture":           {responses, given(`{"type":"input_image","image_url":"https://x.example/a.png"}`), costs},
		"Responses' picture by id":     {responses, given(`{"type":"input_image","file_id":"file-1"}`), never},
		"Responses' file":              {responses, given(`{"type":"input_file","file_url":"https://x.example/a.pdf"}`), never},
		"Responses' file by id":        {responses, given(`{"type":"input_file","file_id":"file-1"}`), never},
		"a tool's picture":             {responses, asked(`"input":[{"type":"function_call_output","call_id":"c","output":[{"type":"input_image","image_url":"https://x.example/a.png"}]}]`), costs},
		"the answer before":            {responses, asked(`"input":"hi","previous_response_id":"resp_1"`), never},
		"a conversation":               {responses, asked(`"input":"hi","conversation":"conv_1"`), never},
		"an item":                      {responses, asked(`"input":[{"type":"item_reference","id":"msg_1"}]`), never},
		"an item by its id":            {responses, asked(`"input":[{"id":"msg_1"}]`), never},
		"Responses' search":            {responses, asked(`"input":"hi","tools":[{"type":"web_search"}]`), never},
		"a bounded search":             {responses, asked(`"input":"hi","tools":[{"type":"web_search"}],"max_tool_calls":1`), costs},
		"a server's tools":             {responses, asked(`"input":"hi","tools":[{"type":"mcp","server_url":"https://x.example"}],"max_tool_calls":1`), never},
		"those in a namespace":         {responses, asked(`"input":"hi","tools":[{"type":"namespace","name":"n","tools":[{"type":"mcp","server_url":"https://x.example"}]}]`), never},
		"a shell of the caller's":      {responses, asked(`"input":"hi","tools":[{"type":"local_shell"},{"type":"apply_patch"},{"type":"function","name":"f","parameters":{}}]`), passes},
		"a shell of the provider's":    {responses, asked(`"input":"hi","tools":[{"type":"shell","environment":{"type":"container_auto"}}]`), never},
		"Anthropic's picture":          {messages, claude(`{"type":"image","source":{"type":"url","url":"https://x.example/a.png"}}`, ``), costs},
		"Anthropic's document":         {messages, claude(`{"type":"document","source":{"type":"url","url":"https://x.example/a.pdf"}}`, ``), never},
		"Anthropic's file":             {messages, claude(`{"type":"image","source":{"type":"file","file_id":"file_1"}}`, ``), never},
		"a fetch":                      {messages, claude(hi, `,"tools":[{"type":"web_fetch_20250910","name":"web_fetch"}]`), never},
		"a fetch of anything":          {messages, claude(hi, `,"tools":[{"type":"web_fetch_20250910","name":"web_fetch","max_uses":1}]`), never},
		"a bounded fetch":              {messages, claude(hi, `,"tools":[{"type":"web_fetch_20250910","name":"web_fetch","max_uses":1,"max_content_tokens":8192}]`), costs},
		"Anthropic's search":           {messages, claude(hi, `,"tools":[{"type":"web_search_20250305","name":"web_search"}]`), never},
		"Anthropic's bounded search":   {messages, claude(hi, `,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":1}]`), costs},
		"uses that are no number":      {messages, claude(hi, `,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":"1"}]`), never},
		"servers of tools":             {messages, claude(hi, `,"mcp_servers":[{"type":"url","url":"https://x.example","name":"x"}]`), never},
		"tools of the caller's":        {messages, claude(hi, `,"tools":[{"type":"bash_20250124","name":"bash"},{"name":"f","input_schema":{}},{"type":"text_editor_20250728","name":"str_replace_based_edit_tool"}]`), passes},
		"Google's file":                {gemini, google(`{"fileData":{"mimeType":"application/pdf","fileUri":"https://x.example/files/1"}}`, ``), never},
		"Google's file of no kind":     {gemini, google(`{"file_data":{"file_uri":"https://x.example/files/1"}}`, ``), never},
		"Google's picture":             {gemini, google(`{"fileData":{"mimeType":"image/png","fileUri":"https://x.example/files/1"}}`, ``), costs},
		"cached content":               {gemini, google(`{"text":"hi"}`, `,"cachedContent":"cachedContents/1"`), never},
		"pages":                        {gemini, google(`{"text":"hi"}`, `,"tools":[{"functionDeclarations":[{"name":"f"}],"urlContext":{}}]`), never},
		"Google's search, no list":     {gemini, google(`{"text":"hi"}`, `,"tools":{"googleSearch":{}}`), never},
		"functions of Google's":        {gemini, google(`{"text":"hi"}`, `,"tools":[{"functionDeclarations":[{"name":"f"}]}]`), passes},
		"a count of what is in a file": {counting, google(`{"fileData":{"mimeType":"application/pdf","fileUri":"https://x.example/files/1"}}`, ``), costs},
	} {
		dialect, model := llmstub.Chat, "gpt-4o"
		h := r.usual("X-Shroud-Provider", "")
		switch c.path {
		case chat:
			h = r.usual()
		case responses:
			dialect = llmstub.Responses
		case messages:
			dialect, model = llmstub.Messages, "claude-opus-5"
		case gemini, counting:
			dialect, model = llmstub.Gemini, "gemini-2.5-pro"
		}
		reply := llmstub.Says(llmstub.Said(llmstub.Text, "ok"))
		reply.As = dialect
		r.stub.Answer(reply)
		// 8,192 tokens cost more than the smaller budget has; a few words do not.
		small := map[string]string{"gpt-4o": "0.02", "claude-opus-5": "0.04", "gemini-2.5-pro": "0.01"}[model]
		wants := map[string][3]int{"": {200, 200, 200}, "1000": {200, 200, 403}, small: {200, 429, 403}}
		for budget, want := range wants {
			n++
			id, key := r.mcpRig.agent("reader-"+strconv.Itoa(n), r.vault) // one that has spent nothing
			config := `{}`
			if budget != "" {
				config = `{"daily_budget_usd":` + budget + `}`
			}
			r.rest("PATCH", "/v1/agents/"+id, r.owner, `{"shroud_enabled":true,"shroud_config":`+config+`}`)
			h.Set("X-Shroud-Agent-Key", key)
			before := len(r.stub.Requests())
			got := r.send("POST", c.path, c.body, h)
			if got.status != want[c.want] || got.status == 403 && !strings.Contains(got.body, "Send it in the body") {
				t.Errorf("%s, with a budget of %q: %d %s, want %d", what, budget, got.status, got.body, want[c.want])
			}
			if went := len(r.stub.Requests()) > before; went != (want[c.want] == 200) {
				t.Errorf("%s, with a budget of %q: it went on %v", what, budget, went)
			}
		}
	}
}
