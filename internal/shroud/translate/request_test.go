package translate

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func same(t *testing.T, got []byte, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("the wanted JSON: %v: %s", err, want)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

const weather = `{"type":"function","function":{"name":"weather","description":"Tells it.","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}`

// Requests with what each provider gets. In a body, MODEL is one of the provider's.
var requests = map[string]struct{ body, anthropic, google string }{
	"a question": {
		`{"model":"MODEL","messages":[{"role":"user","content":"Hi"}]}`,
		`{"model":"MODEL","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`,
		`{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`,
	},
	"the developer's words come first": {
		`{"model":"MODEL","messages":[{"role":"system","content":"Be kind."},{"role":"developer","content":[{"type":"text","text":"Be short."}]},{"role":"user","content":"Hi"}]}`,
		`{"model":"MODEL","max_tokens":8192,"system":[{"type":"text","text":"Be kind."},{"type":"text","text":"Be short."}],"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`,
		`{"systemInstruction":{"parts":[{"text":"Be kind."},{"text":"Be short."}]},"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`,
	},
	"within the conversation they follow the user's turn": {
		`{"model":"MODEL","messages":[{"role":"user","content":"a"},{"role":"developer","content":"Now in French."},{"role":"user","content":"b"},{"role":"assistant","content":"c"},{"role":"user","content":"d"}]}`,
		`{"model":"MODEL","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"system","content":[{"type":"text","text":"Now in French."}]},
			{"role":"assistant","content":[{"type":"text","text":"c"}]},{"role":"user","content":[{"type":"text","text":"d"}]}]}`,
		`{"systemInstruction":{"parts":[{"text":"Now in French."}]},"contents":[{"role":"user","parts":[{"text":"a"},{"text":"b"}]},{"role":"model","parts":[{"text":"c"}]},{"role":"user","parts":[{"text":"d"}]}]}`,
	},
	"images, and a file": {
		`{"model":"MODEL","messages":[{"role":"user","content":[{"type":"text","text":"See"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO","detail":"high"}},
			{"type":"image_url","image_url":{"url":"https://example.com/a/b.JPG?x=1"}},{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBE"}}]}]}`,
		`{"model":"MODEL","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"See"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}},
			{"type":"image","source":{"type":"url","url":"https://example.com/a/b.JPG?x=1"}},{"type":"document","title":"a.pdf","source":{"type":"base64","media_type":"application/pdf","data":"JVBE"}}]}]}`,
		`{"contents":[{"role":"user","parts":[{"text":"See"},{"inlineData":{"mimeType":"image/png","data":"iVBO"}},{"fileData":{"fileUri":"https://example.com/a/b.JPG?x=1","mimeType":"image/jpeg"}},{"inlineData":{"mimeType":"application/pdf","data":"JVBE"}}]}]}`,
	},
	"a tool": {
		`{"model":"MODEL","tools":[` + weather + `],"messages":[{"role":"user","content":"Rain?"}]}`,
		`{"model":"MODEL","max_tokens":8192,"tools":[{"name":"weather","description":"Tells it.","input_schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}],"messages":[{"role":"user","content":[{"type":"text","text":"Rain?"}]}]}`,
		`{"tools":[{"functionDeclarations":[{"name":"weather","description":"Tells it.","parametersJsonSchema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]}],"contents":[{"role":"user","parts":[{"text":"Rain?"}]}]}`,
	},
	"a tool without parameters, strictly, at will": {
		`{"model":"MODEL","tool_choice":"auto","tools":[{"type":"function","function":{"name":"now","strict":true}}],"messages":[{"role":"user","content":"When?"}]}`,
		`{"model":"MODEL","max_tokens":8192,"tool_choice":{"type":"auto"},"tools":[{"name":"now","strict":true,"input_schema":{"type":"object","properties":{}}}],"messages":[{"role":"user","content":[{"type":"text","text":"When?"}]}]}`,
		`{"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED"}},"tools":[{"functionDeclarations":[{"name":"now"}]}],"contents":[{"role":"user","parts":[{"text":"When?"}]}]}`,
	},
	"no tool may be called": {
		`{"model":"MODEL","tool_choice":"none","parallel_tool_calls":false,"tools":[{"type":"function","function":{"name":"now"}}],"messages":[{"role":"user","content":"When?"}]}`,
		`{"model":"MODEL","max_tokens":8192,"tool_choice":{"type":"none"},"tools":[{"name":"now","input_schema":{"type":"object","properties":{}}}],"messages":[{"role":"user","content":[{"type":"text","text":"When?"}]}]}`,
		`{"toolConfig":{"functionCallingConfig":{"mode":"NONE"}},"tools":[{"functionDeclarations":[{"name":"now"}]}],"contents":[{"role":"user","parts":[{"text":"When?"}]}]}`,
	},
	"some tool has to be called": {
		`{"model":"MODEL","tool_choice":"required","tools":[{"type":"function","function":{"name":"now"}}],"messages":[{"role":"user","content":"When?"}]}`,
		`{"model":"MODEL","max_tokens":8192,"tool_choice":{"type":"any"},"tools":[{"name":"now","input_schema":{"type":"object","properties":{}}}],"messages":[{"role":"user","content":[{"type":"text","text":"When?"}]}]}`,
		`{"toolConfig":{"functionCallingConfig":{"mode":"ANY"}},"tools":[{"functionDeclarations":[{"name":"now"}]}],"contents":[{"role":"user","parts":[{"text":"When?"}]}]}`,
	},
	"this tool has to be called": {
		`{"model":"MODEL","tool_choice":{"type":"function","function":{"name":"now"}},"tools":[{"type":"function","function":{"name":"now"}}],"messages":[{"role":"user","content":"When?"}]}`,
		`{"model":"MODEL","max_tokens":8192,"tool_choice":{"type":"tool","name":"now"},"tools":[{"name":"now","input_schema":{"type":"object","properties":{}}}],"messages":[{"role":"user","content":[{"type":"text","text":"When?"}]}]}`,
		`{"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["now"]}},"tools":[{"functionDeclarations":[{"name":"now"}]}],"contents":[{"role":"user","parts":[{"text":"When?"}]}]}`,
	},
	"parallel calls and what they gave, in one turn": {
		`{"model":"MODEL","messages":[{"role":"user","content":"Rain?"},
			{"role":"assistant","content":"I look.","tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\",\"n\":1.50}"}},{"id":"call_2","type":"function","function":{"name":"now","arguments":""}}]},
			{"role":"tool","tool_call_id":"toolu_1","name":"weather","content":"{\"rain\":true}"},{"role":"tool","tool_call_id":"call_2","content":[{"type":"text","text":"noon"}]},{"role":"user","content":"Well?"}]}`,
		`{"model":"MODEL","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Rain?"}]},
			{"role":"assistant","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Rome","n":1.50}},{"type":"tool_use","id":"call_2","name":"now","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"{\"rain\":true}"}]},{"type":"tool_result","tool_use_id":"call_2","content":[{"type":"text","text":"noon"}]},{"type":"text","text":"Well?"}]}]}`,
		`{"contents":[{"role":"user","parts":[{"text":"Rain?"}]},
			{"role":"model","parts":[{"text":"I look."},{"functionCall":{"id":"toolu_1","name":"weather","args":{"city":"Rome","n":1.50}}},{"functionCall":{"name":"now","args":{}}}]},
			{"role":"user","parts":[{"functionResponse":{"id":"toolu_1","name":"weather","response":{"output":{"rain":true}}}},{"functionResponse":{"name":"now","response":{"output":"noon"}}},{"text":"Well?"}]}]}`,
	},
	"limits, stops and fields that are null or say nothing": {
		`{"model":"MODEL","max_tokens":9,"max_completion_tokens":7,"stop":"END","temperature":0.5,"top_p":0.9,"n":1,"seed":null,"logprobs":false,"store":false,"logit_bias":{},"modalities":["text"],"service_tier":"auto",
			"metadata":{"a":"b"},"prompt_cache_key":"k","messages":[{"role":"user","content":"Hi"}]}`,
		`{"model":"MODEL","max_tokens":7,"stop_sequences":["END"],"temperature":0.5,"top_p":0.9,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`,
		`{"generationConfig":{"maxOutputTokens":7,"stopSequences":["END"],"temperature":0.5,"topP":0.9},"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`,
	},
	"an answer of this shape": {
		`{"model":"MODEL","stop":["a","b"],"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object"}}},"messages":[{"role":"user","content":"Hi"}]}`,
		`{"model":"MODEL","max_tokens":8192,"stop_sequences":["a","b"],"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}},"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`,
		`{"generationConfig":{"stopSequences":["a","b"],"responseMimeType":"application/json","responseJsonSchema":{"type":"object"}},"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`,
	},
	"think, but little": {
		`{"model":"MODEL","reasoning_effort":"low","messages":[{"role":"user","content":"Hi"}]}`,
		`{"model":"MODEL","max_tokens":32000,"thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`,
		`{"generationConfig":{"thinkingConfig":{"thinkingLevel":"low"}},"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`,
	},
}

const (
	claude = "claude-opus-5"
	gemini = "gemini-3-pro"
)

var t0 = time.Unix(1_800_000_000, 0)

func TestARequestIsSaidInTheProvidersDialect(t *testing.T) {
	for name, c := range requests {
		t.Run(name, func(t *testing.T) {
			got, err := Request(Anthropic, []byte(strings.ReplaceAll(c.body, "MODEL", claude)), t0)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got.Body, strings.ReplaceAll(c.anthropic, "MODEL", claude))
			if got.Path != "/v1/messages" || got.Query != "" {
				t.Errorf("it goes to %s?%s", got.Path, got.Query)
			}
			if got, err = Request(Google, []byte(strings.ReplaceAll(c.body, "MODEL", gemini)), t0); err != nil {
				t.Fatal(err)
			}
			same(t, got.Body, c.google)
			if got.Path != "/v1beta/models/gemini-3-pro:generateContent" || got.Query != "" {
				t.Errorf("it goes to %s?%s", got.Path, got.Query)
			}
		})
	}
}

func request(t *testing.T, provider, body string) *Call {
	t.Helper()
	c, err := Request(provider, []byte(body), t0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhatOneProviderHasGoesToIt(t *testing.T) {
	const hi = `"messages":[{"role":"user","content":"Hi"}]`
	for name, c := range map[string]struct{ provider, body, want string }{
		"a stream": {Anthropic, `{"model":"anthropic/claude-opus-5","stream":true,` + hi + `}`,
			`{"model":"claude-opus-5","stream":true,"max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`},
		"one call at a time, and who asks": {Anthropic, `{"model":"claude-opus-5","user":"u1","parallel_tool_calls":false,"tools":[{"type":"function","function":{"name":"now"}}],` + hi + `}`,
			`{"model":"claude-opus-5","max_tokens":8192,"metadata":{"user_id":"u1"},"tool_choice":{"type":"auto","disable_parallel_tool_use":true},"tools":[{"name":"now","input_schema":{"type":"object","properties":{}}}],"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`},
		"marks of the cache": {Anthropic, `{"model":"claude-opus-5","messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral"}}]}]}`,
			`{"model":"claude-opus-5","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral"}}]}]}`},
		"an older model thinks within a budget": {Anthropic, `{"model":"claude-sonnet-4-5-20250929","reasoning_effort":"high","max_tokens":5000,` + hi + `}`,
			`{"model":"claude-sonnet-4-5-20250929","max_tokens":5000,"thinking":{"type":"enabled","budget_tokens":4999},"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`},
		"a newer one not at all": {Anthropic, `{"model":"claude-opus-4-6","reasoning_effort":"none",` + hi + `}`,
			`{"model":"claude-opus-4-6","max_tokens":8192,"thinking":{"type":"disabled"},"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`},
		"an older one not at all": {Anthropic, `{"model":"claude-3-7-sonnet-latest","reasoning_effort":"none",` + hi + `}`,
			`{"model":"claude-3-7-sonnet-latest","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`},
		"Anthropic's own words on thoughts": {Anthropic, `{"model":"claude-opus-5","thinking":{"type":"adaptive","display":"summarized"},` + hi + `}`,
			`{"model":"claude-opus-5","max_tokens":32000,"thinking":{"type":"adaptive","display":"summarized"},"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`},
		"an older model hears the developer first": {Anthropic, `{"model":"claude-opus-4-20250514","messages":[{"role":"user","content":"a"},{"role":"system","content":"s"}]}`,
			`{"model":"claude-opus-4-20250514","max_tokens":8192,"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}`},
		"ids of other providers": {Anthropic, `{"model":"claude-opus-5","messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"functions.f:0","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"functions.f:0","content":""}]}`,
			`{"model":"claude-opus-5","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"tool_use","id":"call_d6bdd4de328a22edd610f954","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_d6bdd4de328a22edd610f954"}]}]}`},
		"sampling, choices and JSON": {Google, `{"model":"models/gemini-3-pro","stream":true,"n":2,"seed":5,"presence_penalty":0.1,"frequency_penalty":0.2,"top_k":3,"user":"u1","response_format":{"type":"json_object"},` + hi + `}`,
			`{"generationConfig":{"candidateCount":2,"seed":5,"presencePenalty":0.1,"frequencyPenalty":0.2,"topK":3,"responseMimeType":"application/json"},"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`},
		"a budget before Gemini 3": {Google, `{"model":"gemini-2.5-flash","reasoning_effort":"none",` + hi + `}`,
			`{"generationConfig":{"thinkingConfig":{"thinkingBudget":0}},"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`},
		"Google's own words on thoughts": {Google, `{"model":"gemini-3-pro","extra_body":{"google":{"thinking_config":{"includeThoughts":true}}},` + hi + `}`,
			`{"generationConfig":{"thinkingConfig":{"includeThoughts":true}},"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`},
		"sound": {Google, `{"model":"gemini-3-pro","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"UklG","format":"wav"}}]}]}`,
			`{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"audio/wav","data":"UklG"}}]}]}`},
		"signatures where Google's own entry puts them": {Google, `{"model":"gemini-3-pro","messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","extra_content":{"google":{"thought_signature":"c2ln"}},"function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"1"}]}`,
			`{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{}},"thoughtSignature":"c2ln"}]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"1"}}}]}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := request(t, c.provider, c.body)
			same(t, got.Body, c.want)
			if c.provider == Google && strings.Contains(c.body, `"stream":true`) && (got.Path != "/v1beta/models/gemini-3-pro:streamGenerateContent" || got.Query != "alt=sse") {
				t.Errorf("it goes to %s?%s", got.Path, got.Query)
			}
		})
	}
}

func TestWhatCantBeSaidIsRefusedByItsPlace(t *testing.T) {
	const hi = `"messages":[{"role":"user","content":"Hi"}]`
	user := func(content string) string {
		return `{"model":"MODEL","messages":[{"role":"user","content":` + content + `}]}`
	}
	for name, c := range map[string]struct{ body, anthropic, google string }{
		"no model":              {`{` + hi + `}`, "model:", "model:"},
		"a model that is none":  {`{"model":"x/../secret",` + hi + `}`, "model:", "model:"},
		"no messages":           {`{"model":"MODEL"}`, "messages:", "messages:"},
		"the developer alone":   {`{"model":"MODEL","messages":[{"role":"system","content":"secret"}]}`, "messages:", "messages:"},
		"several choices":       {`{"model":"MODEL","n":2,` + hi + `}`, "n:", ""},
		"a seed":                {`{"model":"MODEL","seed":2,` + hi + `}`, "seed:", ""},
		"a penalty":             {`{"model":"MODEL","presence_penalty":1,` + hi + `}`, "presence_penalty:", ""},
		"too hot":               {`{"model":"MODEL","temperature":1.5,` + hi + `}`, "temperature:", ""},
		"probabilities":         {`{"model":"MODEL","logprobs":true,` + hi + `}`, "logprobs:", "logprobs:"},
		"a bias":                {`{"model":"MODEL","logit_bias":{"1":5},` + hi + `}`, "logit_bias:", "logit_bias:"},
		"speech":                {`{"model":"MODEL","modalities":["text","audio"],` + hi + `}`, "modalities:", "modalities:"},
		"a tier":                {`{"model":"MODEL","service_tier":"flex",` + hi + `}`, "service_tier:", "service_tier:"},
		"kept there":            {`{"model":"MODEL","store":true,` + hi + `}`, "store:", "store:"},
		"a prediction":          {`{"model":"MODEL","prediction":{"type":"content","content":"secret"},` + hi + `}`, "prediction:", "prediction:"},
		"older functions":       {`{"model":"MODEL","functions":[],` + hi + `}`, "functions:", "functions:"},
		"a field of nobody's":   {`{"model":"MODEL","secret":1,` + hi + `}`, "field 2:", "field 2:"},
		"JSON without a schema": {`{"model":"MODEL","response_format":{"type":"json_object"},` + hi + `}`, "response_format.type:", ""},
		"an effort of nobody's": {`{"model":"MODEL","reasoning_effort":"secret",` + hi + `}`, "reasoning_effort:", "reasoning_effort:"},
		"an effort too much":    {`{"model":"MODEL","reasoning_effort":"max",` + hi + `}`, "", "reasoning_effort:"},
		"one at a time": {`{"model":"MODEL","parallel_tool_calls":false,"tools":[{"type":"function","function":{"name":"now"}}],` + hi + `}`, "",
			"parallel_tool_calls:"},
		"a tool of the provider's":  {`{"model":"MODEL","tools":[{"type":"function","function":{"name":"a"}},{"type":"web_search"}],` + hi + `}`, "tools[1].type:", "tools[1].type:"},
		"a choice among some":       {`{"model":"MODEL","tool_choice":{"type":"allowed_tools"},"tools":[{"type":"function","function":{"name":"a"}}],` + hi + `}`, "tool_choice.type:", "tool_choice.type:"},
		"a choice among none":       {`{"model":"MODEL","tool_choice":"required",` + hi + `}`, "tool_choice:", "tool_choice:"},
		"a name":                    {`{"model":"MODEL","messages":[{"role":"user","name":"secret","content":"Hi"}]}`, "messages[0].name:", "messages[0].name:"},
		"an older call":             {`{"model":"MODEL","messages":[{"role":"assistant","function_call":{"name":"secret"}}]}`, "messages[0].function_call:", "messages[0].function_call:"},
		"a role of nobody's":        {`{"model":"MODEL","messages":[{"role":"secret","content":"Hi"}]}`, "messages[0].role:", "messages[0].role:"},
		"nothing said":              {user(`""`), "messages[0].content:", "messages[0].content:"},
		"a part of nobody's":        {user(`[{"type":"secret"}]`), "messages[0].content[0].type:", "messages[0].content[0].type:"},
		"an image in the clear":     {user(`[{"type":"image_url","image_url":{"url":"http://secret"}}]`), "messages[0].content[0].image_url.url:", "messages[0].content[0].image_url.url:"},
		"text that looks like none": {user(`[{"type":"image_url","image_url":{"url":"data:TEXT/plain;base64,c2VjcmV0"}}]`), "messages[0].content[0].image_url.url:", "messages[0].content[0].image_url.url:"},
		"sound":                     {user(`[{"type":"input_audio","input_audio":{"data":"a","format":"wav"}}]`), "messages[0].content[0]:", ""},
		"a file that lies there":    {user(`[{"type":"file","file":{"file_id":"secret"}}]`), "messages[0].content[0].file.file_id:", "messages[0].content[0].file.file_id:"},
		"a system image":            {`{"model":"MODEL","messages":[{"role":"system","content":[{"type":"image_url","image_url":{"url":"https://secret"}}]}]}`, "messages[0].content[0]:", "messages[0].content[0]:"},
		"arguments that are none": {`{"model":"MODEL","messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"secret"}}]}]}`,
			"messages[0].tool_calls[0].function.arguments:", "messages[0].tool_calls[0].function.arguments:"},
		"arguments twice": {`{"model":"MODEL","messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"a\":1,\"a\":2}"}}]}]}`,
			"messages[0].tool_calls[0].function.arguments:", "messages[0].tool_calls[0].function.arguments:"},
		"an id that was cut": {`{"model":"MODEL","messages":[{"role":"assistant","tool_calls":[{"id":"a_kept_eyJhbnRo","type":"function","function":{"name":"f","arguments":"{}"}}]}]}`,
			"messages[0].tool_calls[0].id:", "messages[0].tool_calls[0].id:"},
		"an answer of no call": {`{"model":"MODEL","messages":[{"role":"tool","tool_call_id":"secret","content":"1"}]}`, "", "messages[0].tool_call_id:"},
		"the developer after the model": {`{"model":"MODEL","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":"secret"}]}`,
			"messages[2]:", ""},
		"thoughts that are none": {`{"model":"MODEL","messages":[{"role":"assistant","content":"a","extra_content":{"anthropic":{"thinking":[{"type":"text","text":7}]}}}]}`,
			"messages[0].extra_content.anthropic.thinking[0]:", "messages[0].extra_content.anthropic.thinking[0]:"},
	} {
		for provider, want := range map[string]string{Anthropic: c.anthropic, Google: c.google} {
			t.Run(name+", "+provider, func(t *testing.T) {
				model := map[string]string{Anthropic: claude, Google: gemini}[provider]
				_, err := Request(provider, []byte(strings.ReplaceAll(c.body, "MODEL", model)), t0)
				switch {
				case want == "" && err != nil:
					t.Errorf("it is refused: %v", err)
				case want == "":
				case err == nil || !strings.HasPrefix(err.Error(), want):
					t.Errorf("got %v, not %s", err, want)
				case strings.Contains(err.Error(), "secret"):
					t.Errorf("the error repeats what was sent: %v", err)
				}
			})
		}
	}
}
