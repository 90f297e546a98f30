package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// modelRig is a whole server whose providers are one stub, with an agent that may call
// models.
type modelRig struct {
	*mcpRig
	stub  *llmstub.Server
	agent string // its id
	key   string
}

func newModelRig(t testing.TB, dsn string) *modelRig {
	stub := llmstub.New(t)
	m := newMCPRigOn(t, dsn, func(cfg *config.Config) {
		if err := cfg.ShroudUpstreams.UnmarshalText([]byte(`{"anthropic":"` + stub.URL + `","google":"` + stub.URL + `"}`)); err != nil {
			t.Fatal(err)
		}
	})
	r := &modelRig{mcpRig: m, stub: stub}
	r.agent, r.key = m.agent("agent")
	m.rest("PATCH", "/v1/agents/"+r.agent, m.owner, `{"shroud_enabled":true,"shroud_config":{"denied_models":["claude-denied"]}}`)
	return r
}

// ask calls a model in OpenAI's shape.
func (r *modelRig) ask(provider, body string) (int, string) {
	r.t.Helper()
	return r.send(r.a.models, "POST", "/v1/chat/completions", "sk-of-the-sdk", body,
		"X-Shroud-Agent-Key", r.key, "X-Shroud-Provider", provider, "X-Shroud-Api-Key", "sk-provider", "Openai-Organization", "org-secret")
}

const asks = `"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Rain?"}],"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]`

var foreign = map[string]struct {
	model, path, query, stream, key string
	dialect                         llmstub.Dialect
}{
	"anthropic": {"claude-opus-5", "/v1/messages", "", "/v1/messages", "X-Api-Key", llmstub.Messages},
	"google":    {"gemini-3-pro", "/v1beta/models/gemini-3-pro:generateContent", "alt=sse", "/v1beta/models/gemini-3-pro:streamGenerateContent", "X-Goog-Api-Key", llmstub.Gemini},
}

func rains() llmstub.Reply {
	thought := llmstub.Said(llmstub.Thinking, "First ", "this.")
	thought.Signature = "c2ln"
	call := llmstub.Called("weather", `{"city":`, `"Zürich"}`)
	reply := llmstub.Says(thought, llmstub.Said(llmstub.Text, "Grüße ", "aus 東京 ", "🦀"), call)
	reply.Usage = llmstub.Usage{Input: 10, CacheRead: 3, Output: 9, Thought: 4}
	return reply
}

var framings = map[string]func(*llmstub.Reply){
	"plain":    func(*llmstub.Reply) {},
	"CR":       func(r *llmstub.Reply) { r.EOL, r.Chunk = "\r", 1 },
	"comments": func(r *llmstub.Reply) { r.Comments, r.EOL = true, "\r\n" },
	"tight":    func(r *llmstub.Reply) { r.Tight, r.BOM, r.Fields, r.Unnamed, r.NoEnd = true, true, true, true, true },
	"gzip":     func(r *llmstub.Reply) { r.Gzip = true },
}

func TestOneShapeForAllProviders(t *testing.T) {
	for _, dsn := range []string{"", pgtest.Shared(t).DSN(t)} {
		r := newModelRig(t, dsn)
		for provider, f := range foreign {
			want := map[string]string{"0 thinking 0": "First this.", "0 text 0": "Grüße aus 東京 🦀", "0 name 0": "weather", "0 call 0": `{"city":"Zürich"}`}
			r.stub.Answer(rains())
			status, body := r.ask(provider, `{"model":"`+f.model+`",`+asks+`}`)
			whole, err := llmstub.Hear(llmstub.Chat, []byte(body))
			if status != 200 || err != nil || !alike(whole.Texts, want) {
				t.Fatalf("%s: %d %v %s", provider, status, err, body)
			}
			if !strings.Contains(body, `"cached_tokens":3`) || !strings.Contains(body, `"finish_reason":"tool_calls"`) {
				t.Errorf("%s: %s", provider, body)
			}
			got := r.stub.Last()
			if got.Path != f.path || got.Header.Get(f.key) != "sk-provider" || got.Header.Get("Authorization") != "" || got.Header.Get("Openai-Organization") != "" ||
				(provider == "anthropic") != (got.Header.Get("Anthropic-Version") != "") {
				t.Errorf("%s got %s %v", provider, got.Path, got.Header)
			}
			for name, odd := range framings {
				reply := rains()
				odd(&reply)
				r.stub.Answer(reply)
				status, body := r.ask(provider, `{"model":"`+f.model+`","stream":true,`+asks+`}`)
				heard, err := llmstub.HearStream(llmstub.Chat, []byte(body))
				if status != 200 || err != nil || !heard.Ended || heard.Failed != "" || !alike(heard.Texts, want) {
					t.Fatalf("%s, %s: %d %v %s", provider, name, status, err, body)
				}
				if got := r.stub.Last(); got.Path != f.stream || got.Query != f.query {
					t.Errorf("%s, %s: it went to %s?%s", provider, name, got.Path, got.Query)
				}
				if strings.Contains(body, `"usage":{`) {
					t.Errorf("%s, %s: nobody asked for the usage: %s", provider, name, body)
				}
			}
			if _, body = r.ask(provider, `{"model":"`+f.model+`","stream":true,"stream_options":{"include_usage":true},`+asks+`}`); !strings.Contains(body, `"prompt_tokens":13`) {
				t.Errorf("%s: the usage was asked for: %s", provider, body)
			}
		}
	}
}

func alike(a, b map[string]string) bool {
	for k, v := range b {
		if a[k] != v {
			return false
		}
	}
	return len(a) == len(b)
}

func TestErrorsOfOtherProvidersHaveOpenAIsShape(t *testing.T) {
	r := newModelRig(t, "")
	for provider, f := range foreign {
		r.stub.Answer(llmstub.Reply{Fail: &llmstub.Failure{Status: 429, Kind: "too_many", Message: "Slow down, {key}."}})
		for _, stream := range []string{"", `"stream":true,`} {
			status, body := r.ask(provider, `{"model":"`+f.model+`",`+stream+asks+`}`)
			var e struct {
				Error struct{ Message, Type, Code string }
			}
			if err := json.Unmarshal([]byte(body), &e); err != nil || status != 429 || e.Error.Type != "rate_limit_error" || !strings.EqualFold(e.Error.Code, "too_many") || e.Error.Message != "Slow down, [REDACTED]." {
				t.Errorf("%s: %d %s", provider, status, body)
			}
		}
		reply := rains()
		reply.Fail, reply.After = &llmstub.Failure{Status: 529, Kind: "overloaded_error", Message: "Overloaded."}, 3
		r.stub.Answer(reply)
		_, body := r.ask(provider, `{"model":"`+f.model+`","stream":true,`+asks+`}`)
		if heard, err := llmstub.HearStream(llmstub.Chat, []byte(body)); err != nil || heard.Failed != "Overloaded." || heard.Ended {
			t.Errorf("%s: %v %s", provider, err, body)
		}
		reply = rains()
		reply.Cut = 700
		r.stub.Answer(reply)
		_, body = r.ask(provider, `{"model":"`+f.model+`","stream":true,`+asks+`}`)
		if heard, err := llmstub.HearStream(llmstub.Chat, []byte(body)); err != nil || !strings.Contains(heard.Failed, "broke off") || heard.Ended {
			t.Errorf("%s: %v %s", provider, err, body)
		}
	}
}

func TestWhatCantBeTranslatedDoesNotReachTheProvider(t *testing.T) {
	r := newModelRig(t, "")
	for name, c := range map[string]struct {
		provider, body string
		status         int
		want           string
	}{
		"a field":                       {"anthropic", `{"model":"claude-opus-5","seed":1,` + asks + `}`, http.StatusBadRequest, "seed: anthropic has no counterpart for this"},
		"a denied model":                {"anthropic", `{"model":"claude-denied",` + asks + `}`, http.StatusForbidden, "denied_models"},
		"a denied model by its maker's": {"anthropic", `{"model":"anthropic/claude-denied",` + asks + `}`, http.StatusForbidden, "denied_models"},
		"another path":                  {"anthropic", `{"model":"../x",` + asks + `}`, http.StatusBadRequest, "model: "},
	} {
		if status, body := r.ask(c.provider, c.body); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if got := r.stub.Requests(); len(got) > 0 {
		t.Errorf("the provider got %s %s", got[0].Path, got[0].Body)
	}
}
