package convo_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
)

// TestWhatAProviderKeepsIsNoted, wherever a dialect names it, and not where the same words are a tool's or
// somebody's own.
func TestWhatAProviderKeepsIsNoted(t *testing.T) {
	for what, c := range map[string]struct {
		of   convo.Dialect
		body string
		want string
	}{
		"a response before":         {convo.Responses{}, `{"model":"m","input":"x","previous_response_id":"resp_1"}`, "previous_response_id"},
		"none":                      {convo.Responses{}, `{"model":"m","input":"x","previous_response_id":null,"conversation":null,"tools":[{"type":"file_search","vector_store_ids":[]}]}`, ""},
		"a conversation":            {convo.Responses{}, `{"model":"m","input":"x","conversation":"conv_1"}`, "conversation"},
		"a conversation's object":   {convo.Responses{}, `{"model":"m","input":"x","conversation":{"id":"conv_1"}}`, "conversation"},
		"a file":                    {convo.Responses{}, `{"model":"m","input":[{"role":"user","content":[{"type":"input_file","file_id":"file-1"},{"type":"input_image","file_id":"file-2"}]}]}`, "file_id"},
		"an item":                   {convo.Responses{}, `{"model":"m","input":[{"type":"item_reference","id":"msg_1"}]}`, "item_reference"},
		"an item by its id":         {convo.Responses{}, `{"model":"m","input":[{"id":"msg_1"}]}`, "item_reference"},
		"an item of no type":        {convo.Responses{}, `{"model":"m","input":[{"id":"msg_1","type":null}]}`, "item_reference"},
		"an item and more":          {convo.Responses{}, `{"model":"m","input":[{"id":"msg_1","x":1}]}`, "item_reference"},
		"an answer's item":          {convo.Responses{}, `{"model":"m","input":[{"id":"msg_1","type":"message","role":"assistant","content":[]},{"id":"rs_1","type":"reasoning","summary":[]}]}`, ""},
		"a type beside it":          {convo.Responses{}, `{"model":"m","type":"tool_use","input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]}`, "file_id"},
		"a container alone":         {convo.Messages{}, `{"model":"m","container":{"id":"c"},"messages":[]}`, "container"},
		"a container":               {convo.Responses{}, `{"model":"m","input":"x","tools":[{"type":"code_interpreter","container":"cntr_1"}]}`, "container"},
		"a new container":           {convo.Responses{}, `{"model":"m","input":"x","tools":[{"type":"code_interpreter","container":{"type":"auto"}}]}`, ""},
		"one with files":            {convo.Responses{}, `{"model":"m","input":"x","tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["file-1"]}}]}`, "file_id"},
		"files to search":           {convo.Responses{}, `{"model":"m","input":"x","tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]}`, "vector_store"},
		"a file in a tool's answer": {convo.Responses{}, `{"model":"m","input":[{"type":"function_call_output","call_id":"c","output":[{"type":"input_file","file_id":"file-1"}]}]}`, "file_id"},
		"a tool's own words": {convo.Responses{}, `{"model":"m","metadata":{"file_id":"a"},"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{\"file_id\":\"a\"}"}],
			"tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{"file_id":{"type":"string"},"container":{"type":"string"}}}}]}`, ""},
		"a file of a chat":      {convo.Chat{}, `{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}]}`, "file_id"},
		"what was said":         {convo.Chat{}, `{"model":"m","audio":{"voice":"a","format":"wav"},"messages":[{"role":"assistant","audio":{"id":"audio_1"}}]}`, "audio"},
		"a voice":               {convo.Chat{}, `{"model":"m","audio":{"voice":"a","format":"wav"},"messages":[]}`, ""},
		"documents":             {convo.Cohere{}, `{"model":"m","messages":[],"documents":[{"id":"1","data":{"conversation":"hi"}}]}`, ""},
		"a container's id":      {convo.Messages{}, `{"model":"m","container":"container_1","messages":[]}`, "container"},
		"a container and skill": {convo.Messages{}, `{"model":"m","container":{"id":"c","skills":[{"type":"custom","skill_id":"skill_1"}]},"messages":[]}`, "container skill"},
		"a skill":               {convo.Messages{}, `{"model":"m","container":{"skills":[{"type":"custom","skill_id":"skill_1"}]},"messages":[]}`, "skill"},
		"a file as a document":  {convo.Messages{}, `{"model":"m","messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"file_1"}}]}]}`, "file_id"},
		"a file to run":         {convo.Messages{}, `{"model":"m","messages":[{"role":"user","content":[{"type":"container_upload","file_id":"file_1"}]}]}`, "file_id"},
		"a tool's input":        {convo.Messages{}, `{"model":"m","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"file_id":"x","container":"y"}}]}]}`, ""},
		"cached content":        {convo.Gemini{}, `{"contents":[],"cachedContent":"cachedContents/1"}`, "cached_content"},
		"its other spelling":    {convo.Gemini{}, `{"contents":[],"cached_content":"cachedContents/1"}`, "cached_content"},
		"in another case":       {convo.Gemini{}, `{"contents":[],"CachedContent":"cachedContents/1"}`, "cached_content"},
		"a file of Google's":    {convo.Gemini{}, `{"contents":[{"parts":[{"fileData":{"fileUri":"https://x/files/1"}}]}]}`, "file_id"},
		"a store of Google's":   {convo.Gemini{}, `{"contents":[],"tools":[{"fileSearch":{"fileSearchStoreNames":["s"]}}]}`, "vector_store"},
		"what a function said":  {convo.Gemini{}, `{"contents":[{"parts":[{"functionCall":{"name":"f","args":{"fileUri":"x"}}},{"functionResponse":{"name":"f","response":{"container":"x"}}}]}]}`, ""},
		"of a path unknown":     {convo.Plain{}, `{"model":"m","thread_id":"t","x":[{"file_ids":["f"]}]}`, "conversation file_id"},
	} {
		r, err := c.of.Request([]byte(c.body), "/v1beta/models/m:generateContent")
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		slices.Sort(r.Keeps)
		if got := strings.Join(r.Keeps, " "); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
		if len(r.Keeps) > 0 && r.Media == 0 {
			t.Errorf("%s: nothing is reserved for it", what)
		}
	}
}
