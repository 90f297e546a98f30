package translate

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// talk is an answer as a provider sends it whole, the same as a stream, and what a client
// of OpenAI's hears.
type talk struct{ provider, whole, stream, want string }

// events writes a stream of Messages, whose events have names.
func events(list ...string) string {
	var b strings.Builder
	for _, e := range list {
		_, name, _ := strings.Cut(e, `"type":"`)
		name, _, _ = strings.Cut(name, `"`)
		b.WriteString("event: " + name + "\ndata: " + e + "\n\n")
	}
	return b.String()
}

func datas(list ...string) string {
	return "data: " + strings.Join(list, "\r\n\r\ndata: ") + "\r\n\r\n"
}

const (
	began = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5-x","content":[],"stop_reason":null,"usage":{"input_tokens":10,"cache_read_input_tokens":3,"cache_creation_input_tokens":2,"output_tokens":1}}}`
	stop  = `{"type":"message_stop"}`
)

func ended(reason string) string {
	return `{"type":"message_delta","delta":{"stop_reason":"` + reason + `","stop_sequence":null},"usage":{"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}}`
}

const (
	messageUsage = `"usage":{"input_tokens":10,"cache_read_input_tokens":3,"cache_creation_input_tokens":2,"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}`
	wantUsage    = `"usage":{"prompt_tokens":15,"completion_tokens":9,"total_tokens":24,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":2},"completion_tokens_details":{"reasoning_tokens":4}}`
	googleUsage  = `"usageMetadata":{"promptTokenCount":10,"toolUsePromptTokenCount":1,"cachedContentTokenCount":3,"candidatesTokenCount":5,"thoughtsTokenCount":4,"totalTokenCount":20},"modelVersion":"gemini-3-x","responseId":"r1"`
	wantGoogle   = `"usage":{"prompt_tokens":11,"completion_tokens":9,"total_tokens":20,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":0},"completion_tokens_details":{"reasoning_tokens":4}}`
)

var talks = map[string]talk{
	"Anthropic says a text": {Anthropic,
		`{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5-x","content":[{"type":"text","text":"Hé <b>"},{"type":"text","text":"llo"}],"stop_reason":"end_turn",` + messageUsage + `}`,
		events(began, `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`, `{"type":"ping"}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hé "}}`, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"<b>"}}`,
			`{"type":"content_block_stop","index":0}`, `{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"ll"}}`,
			`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"o"}}`, `{"type":"content_block_stop","index":1}`, ended("end_turn"), stop),
		`{"id":"msg_1","model":"claude-opus-5-x","object":"chat.completion","created":1800000000,"choices":[{"index":0,"finish_reason":"stop","logprobs":null,"message":{"role":"assistant","content":"Hé <b>llo","refusal":null}}],` + wantUsage + `}`},
	"Anthropic thinks, says and calls": {Anthropic,
		`{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5-x","content":[{"type":"thinking","thinking":"Hm","signature":"c2ln"},{"type":"text","text":"I look."},{"type":"redacted_thinking","data":"ZGF0YQ"},
			{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Rome"}},{"type":"tool_use","id":"toolu_2","name":"now","input":{}}],"stop_reason":"tool_use",` + messageUsage + `}`,
		events(began, `{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"H"}}`, `{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"m"}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}`, `{"type":"content_block_stop","index":0}`,
			`{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}`, `{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"I look."}}`, `{"type":"content_block_stop","index":1}`,
			`{"type":"content_block_start","index":2,"content_block":{"type":"redacted_thinking","data":"ZGF0YQ"}}`, `{"type":"content_block_stop","index":2}`,
			`{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_1","name":"weather","input":{}}}`, `{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}`,
			`{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"city\":"}}`, `{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"\"Rome\"}"}}`, `{"type":"content_block_stop","index":3}`,
			`{"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"toolu_2","name":"now","input":{}}}`, `{"type":"content_block_stop","index":4}`, ended("tool_use"), stop),
		`{"id":"msg_1","model":"claude-opus-5-x","object":"chat.completion","created":1800000000,"choices":[{"index":0,"finish_reason":"tool_calls","logprobs":null,"message":{"role":"assistant","content":"I look.","refusal":null,"reasoning_content":"Hm","tool_calls":[
			{"id":"toolu_1_kept_` + keptThoughts + `","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}},
			{"id":"toolu_2","type":"function","function":{"name":"now","arguments":"{}"}}]}}],` + wantUsage + `}`},
	"Anthropic thinks and says": {Anthropic,
		`{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5-x","content":[{"type":"thinking","thinking":"","signature":"c2ln"},{"type":"text","text":"Yes"}],"stop_reason":"max_tokens",` + messageUsage + `}`,
		events(began, `{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`, `{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}`, `{"type":"content_block_stop","index":0}`,
			`{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}`, `{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Yes"}}`, `{"type":"content_block_stop","index":1}`, ended("max_tokens"), stop),
		`{"id":"msg_1","model":"claude-opus-5-x","object":"chat.completion","created":1800000000,"choices":[{"index":0,"finish_reason":"length","logprobs":null,"message":{"role":"assistant","content":"Yes","refusal":null,
			"extra_content":{"anthropic":{"thinking":[{"type":"thinking","thinking":"","signature":"c2ln"},{"text":3}]}}}}],` + wantUsage + `}`},
	"Anthropic refuses": {Anthropic,
		`{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5-x","content":[],"stop_reason":"refusal","stop_details":{"type":"refusal","explanation":"No."},` + messageUsage + `}`,
		events(began, `{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","explanation":"No."}},"usage":{"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}}`, stop),
		`{"id":"msg_1","model":"claude-opus-5-x","object":"chat.completion","created":1800000000,"choices":[{"index":0,"finish_reason":"content_filter","logprobs":null,"message":{"role":"assistant","content":null,"refusal":"No."}}],` + wantUsage + `}`},
	"Google says a text": {Google,
		`{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Hm","thought":true},{"text":"Hé "},{"text":"llo","thoughtSignature":"c2ln"}]},"finishReason":"STOP"}],` + googleUsage + `}`,
		datas(`{"candidates":[{"content":{"role":"model","parts":[{"text":"Hm","thought":true}]}}],"modelVersion":"gemini-3-x","responseId":"r1"}`, `{"candidates":[{"content":{"role":"model","parts":[{"text":"Hé "}]}}]}`,
			`{"candidates":[{"content":{"role":"model","parts":[{"text":"llo"},{"text":"","thoughtSignature":"c2ln"}]},"finishReason":"STOP","index":0}],`+googleUsage+`}`),
		`{"id":"r1","model":"gemini-3-x","object":"chat.completion","created":1800000000,"choices":[{"index":0,"finish_reason":"stop","logprobs":null,"message":{"role":"assistant","content":"Hé llo","refusal":null,"reasoning_content":"Hm",
			"extra_content":{"google":{"thought_signature":"c2ln"}}}}],` + wantGoogle + `}`},
	"Google calls": {Google,
		`{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"weather","args":{"city":"Rome"}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"g2","name":"now"}}]},"finishReason":"STOP"}],` + googleUsage + `}`,
		datas(`{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"weather","args":{"city":"Rome"}},"thoughtSignature":"c2ln"}]}}],"modelVersion":"gemini-3-x","responseId":"r1"}`,
			`{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"id":"g2","name":"now"}}]},"finishReason":"STOP"}],`+googleUsage+`}`),
		`{"id":"r1","model":"gemini-3-x","object":"chat.completion","created":1800000000,"choices":[{"index":0,"finish_reason":"tool_calls","logprobs":null,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[
			{"id":"` + googleCall + `","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}},
			{"id":"g2","type":"function","function":{"name":"now","arguments":"{}"}}]}}],` + wantGoogle + `}`},
	"Google says two things": {Google,
		`{"candidates":[{"index":0,"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"},{"index":1,"content":{"parts":[{"text":"b"}]},"finishReason":"MAX_TOKENS"}],` + googleUsage + `}`,
		datas(`{"candidates":[{"index":0,"content":{"parts":[{"text":"a"}]}}],"modelVersion":"gemini-3-x","responseId":"r1"}`, `{"candidates":[{"index":1,"content":{"parts":[{"text":"b"}]},"finishReason":"MAX_TOKENS"}]}`,
			`{"candidates":[{"index":0,"finishReason":"STOP"}],`+googleUsage+`}`),
		`{"id":"r1","model":"gemini-3-x","object":"chat.completion","created":1800000000,"choices":[{"index":0,"finish_reason":"stop","logprobs":null,"message":{"role":"assistant","content":"a","refusal":null}},
			{"index":1,"finish_reason":"length","logprobs":null,"message":{"role":"assistant","content":"b","refusal":null}}],` + wantGoogle + `}`},
	"Google hears nothing of it": {Google,
		`{"promptFeedback":{"blockReason":"SAFETY"},` + googleUsage + `}`,
		datas(`{"promptFeedback":{"blockReason":"SAFETY"},` + googleUsage + `}`),
		`{"id":"r1","model":"gemini-3-x","object":"chat.completion","created":1800000000,"choices":[{"index":0,"finish_reason":"content_filter","logprobs":null,"message":{"role":"assistant","content":null,"refusal":null}}],` + wantGoogle + `}`},
}

// What was thought before a call, in base64: a thought, seven bytes of text, a thought.
const (
	keptThoughts = "eyJhbnRocm9waWMiOnsidGhpbmtpbmciOlt7InR5cGUiOiJ0aGlua2luZyIsInRoaW5raW5nIjoiSG0iLCJzaWduYXR1cmUiOiJjMmxuIn0seyJ0ZXh0Ijo3fSx7InR5cGUiOiJyZWRhY3RlZF90aGlua2luZyIsImRhdGEiOiJaR0YwWVEifV19fQ"
	googleCall   = "call_24f9a45f38c2b992aedcbd09_kept_eyJnb29nbGUiOnsidGhvdWdodF9zaWduYXR1cmUiOiJjMmxuIn19"
)

func ofTalk(t *testing.T, k talk) *Call {
	model := map[string]string{Anthropic: claude, Google: gemini}[k.provider]
	return request(t, k.provider, `{"model":"`+model+`","stream":true,"messages":[{"role":"user","content":"a"}]}`)
}

func TestAnAnswerComesBackAsOpenAIsWould(t *testing.T) {
	for name, k := range talks {
		t.Run(name, func(t *testing.T) {
			got, err := ofTalk(t, k).Answer([]byte(k.whole))
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, k.want)
		})
	}
}

// pieces hands out a text in pieces of chance lengths.
type pieces struct {
	rest   []byte
	most   int
	chance *rand.Rand
}

func inPieces(text string, most int, seed uint64) *pieces {
	return &pieces{[]byte(text), most, rand.New(rand.NewPCG(seed, 1))}
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(len(p.rest), 1+p.chance.IntN(p.most))])
	p.rest = p.rest[n:]
	return n, nil
}

// together adds the events of a stream up, as clients do.
func together(t *testing.T, stream string) []byte {
	t.Helper()
	list := strings.Split(strings.TrimSuffix(stream, "\n\n"), "\n\n")
	if len(list) < 3 || list[len(list)-1] != "data: [DONE]" {
		t.Fatalf("the stream does not end: %s", stream)
	}
	var out map[string]any
	messages, finish := []map[string]any{}, []any{}
	for i, e := range list[:len(list)-1] {
		var chunk struct {
			ID, Model, Object string
			Created           int
			Usage             any
			Choices           []struct {
				Index  int
				Delta  map[string]any
				Finish any `json:"finish_reason"`
			}
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(e, "data: ")), &chunk); err != nil {
			t.Fatal(err, e)
		}
		if chunk.Object != "chat.completion.chunk" || (chunk.Usage != nil) != (i == len(list)-2) || (chunk.Usage != nil) != (len(chunk.Choices) == 0) {
			t.Fatalf("an event out of its place: %s", e)
		}
		out = map[string]any{"id": chunk.ID, "model": chunk.Model, "object": "chat.completion", "created": chunk.Created, "usage": chunk.Usage}
		for _, c := range chunk.Choices {
			if c.Index == len(messages) {
				if c.Delta["role"] != "assistant" {
					t.Fatalf("a choice begins without its role: %s", e)
				}
				messages, finish = append(messages, map[string]any{"role": "assistant", "content": nil, "refusal": nil}), append(finish, nil)
			}
			m := messages[c.Index]
			for name, v := range c.Delta {
				switch text, isText := v.(string); {
				case name == "tool_calls":
					addCall(t, m, v)
				case name == "role" || isText && text == "":
				case isText && m[name] != nil:
					m[name] = m[name].(string) + text
				default:
					m[name] = v
				}
			}
			if c.Finish != nil {
				finish[c.Index] = c.Finish
			}
		}
	}
	choices := []any{}
	for i, m := range messages {
		choices = append(choices, map[string]any{"index": i, "finish_reason": finish[i], "logprobs": nil, "message": m})
	}
	out["choices"] = choices
	b, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func addCall(t *testing.T, m map[string]any, v any) {
	t.Helper()
	calls, _ := m["tool_calls"].([]any)
	for _, c := range v.([]any) {
		c := c.(map[string]any)
		i := int(c["index"].(float64))
		f := c["function"].(map[string]any)
		delete(c, "index")
		if i == len(calls) {
			calls = append(calls, c)
			continue
		}
		if i != len(calls)-1 || c["id"] != nil || f["name"] != nil {
			t.Fatalf("a piece of a call out of its place: %v", c)
		}
		was := calls[i].(map[string]any)["function"].(map[string]any)
		was["arguments"] = was["arguments"].(string) + f["arguments"].(string)
	}
	m["tool_calls"] = calls
}

func TestAStreamSaysTheSameInAnyPieces(t *testing.T) {
	for name, k := range talks {
		t.Run(name, func(t *testing.T) {
			first := ""
			for i := range uint64(200) {
				got, err := io.ReadAll(ofTalk(t, k).Stream(inPieces(k.stream, []int{1, 3, 40, 4096}[i%4], i)))
				if err != nil {
					t.Fatal(err)
				}
				if first == "" {
					first = string(got)
					same(t, together(t, first), k.want)
				}
				if string(got) != first {
					t.Fatalf("in other pieces the stream is\n%s\nnot\n%s", got, first)
				}
			}
		})
	}
}

func TestAStreamGoesOnEventByEvent(t *testing.T) {
	k := talks["Anthropic says a text"]
	from, to := io.Pipe()
	out := ofTalk(t, k).Stream(from)
	go func() {
		for e := range strings.SplitAfterSeq(k.stream, "\n\n") {
			_, _ = to.Write([]byte(e)) // the reader says what is missing
			if strings.Contains(e, "Hé") {
				return // no more comes
			}
		}
	}()
	var got bytes.Buffer
	for !strings.Contains(got.String(), "Hé") {
		if _, err := io.CopyN(&got, out, 1); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStreamThatBreaksOffSaysSo(t *testing.T) {
	for name, k := range talks {
		list := strings.SplitAfter(k.stream, "\n\n")
		if k.provider == Google {
			list = strings.SplitAfter(k.stream, "\r\n\r\n")
		}
		cut := strings.Join(list[:len(list)/2], "")
		if strings.Contains(cut, "finishReason\":\"STOP") || strings.Contains(cut, "stop_reason\":\"") || name == "Google hears nothing of it" {
			continue
		}
		got, err := io.ReadAll(ofTalk(t, k).Stream(strings.NewReader(cut)))
		if !errors.Is(err, io.ErrUnexpectedEOF) || bytes.Contains(got, []byte("[DONE]")) {
			t.Errorf("%s: %v after %s", name, err, got)
		}
	}
}

func TestErrorsComeBackAsOpenAIs(t *testing.T) {
	a, g := ofTalk(t, talks["Anthropic says a text"]), ofTalk(t, talks["Google says a text"])
	same(t, a.Refused(529, []byte(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}`)),
		`{"error":{"message":"Overloaded","type":"server_error","param":null,"code":"overloaded_error"}}`)
	same(t, g.Refused(400, []byte(`{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}`)),
		`{"error":{"message":"Bad","type":"invalid_request_error","param":null,"code":"INVALID_ARGUMENT"}}`)
	same(t, g.Refused(429, []byte(`[{"error":{"code":429,"message":"Slow","status":"RESOURCE_EXHAUSTED"}}]`)),
		`{"error":{"message":"Slow","type":"rate_limit_error","param":null,"code":"RESOURCE_EXHAUSTED"}}`)
	same(t, a.Refused(502, []byte(`<html>`)), `{"error":{"message":"The provider answered with status 502.","type":"server_error","param":null,"code":null}}`)
	for _, c := range []struct {
		call         *Call
		stream, want string
	}{
		{a, events(began, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, stop), `{"error":{"message":"Overloaded","type":"server_error","param":null,"code":"overloaded_error"}}`},
		{a, events(began, `{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"x"}}`, stop), `{"error":{"message":"The answer can't be passed on: it has a part that OpenAI's chat completions have no place for.","type":"server_error","param":null,"code":null}}`},
		{g, datas(`{"error":{"code":503,"message":"Away","status":"UNAVAILABLE"}}`), `{"error":{"message":"Away","type":"server_error","param":null,"code":"UNAVAILABLE"}}`},
		{g, datas(`{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}`), `{"error":{"message":"The answer can't be passed on: the model called a tool in a way that is none.","type":"server_error","param":null,"code":null}}`},
	} {
		got, err := io.ReadAll(c.call.Stream(strings.NewReader(c.stream)))
		if err != nil {
			t.Fatal(err)
		}
		list := strings.Split(strings.TrimSpace(string(got)), "\n\n")
		same(t, []byte(strings.TrimPrefix(list[len(list)-1], "data: ")), c.want)
	}
}

func TestAnAnswerThatHasNoPlaceIsAnError(t *testing.T) {
	for i, k := range []talk{
		{provider: Anthropic, whole: `{"type":"message","content":[{"type":"server_tool_use"}],"stop_reason":"end_turn"}`},
		{provider: Anthropic, whole: `{"type":"message","content":[]}`},
		{provider: Anthropic, whole: `{"type":"other"}`},
		{provider: Anthropic, whole: `nonsense`},
		{provider: Anthropic, whole: `{"type":"message","content":[{"type":"tool_use","name":"f","input":{}}],"stop_reason":"tool_use"}`},
		{provider: Google, whole: `{"candidates":[{"content":{"parts":[{"functionCall":{"args":{}}}]},"finishReason":"STOP"}]}`},
		{provider: Google, whole: `{}`},
		{provider: Google, whole: `{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"a"}}]},"finishReason":"STOP"}]}`},
		{provider: Google, whole: `{"candidates":[{"finishReason":"OTHER"}]}`},
		{provider: Google, whole: `{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`},
	} {
		if got, err := ofTalk(t, k).Answer([]byte(k.whole)); err == nil {
			t.Errorf("%s: %s", strconv.Itoa(i), got)
		}
	}
}

func TestPartsThatAlternateStayApart(t *testing.T) {
	for seed := range uint64(100) {
		chance := rand.New(rand.NewPCG(seed, 2))
		cut := func(text string) []string { return llmstub.Cut(chance, text, 5) }
		thought := llmstub.Said(llmstub.Thinking, cut("First this, then that.")...)
		thought.Signature = "c2ln"
		reply := llmstub.Says(thought, llmstub.Said(llmstub.Text, cut("Grüße aus 東京 🦀")...), llmstub.Called("weather", cut(`{"city":"Zürich"}`)...), llmstub.Called("time", cut(`{"zone":"Z"}`)...))
		for provider, d := range map[string]llmstub.Dialect{Anthropic: llmstub.Messages, Google: llmstub.Gemini} {
			c := ofTalk(t, talk{provider: provider})
			if d == llmstub.Gemini {
				reply.Choices = append(reply.Choices[:1:1], []llmstub.Part{llmstub.Said(llmstub.Text, cut("Another")...)})
			} else {
				reply.Choices = reply.Choices[:1]
			}
			whole, err := c.Answer(llmstub.Whole(d, &reply))
			if err != nil {
				t.Fatal(err)
			}
			want, err := llmstub.Hear(llmstub.Chat, whole)
			if err != nil {
				t.Fatal(err)
			}
			reply.Mix = chance
			stream := bytes.Join(llmstub.Frames(d, llmstub.Events(d, &reply, false), llmstub.Framing{}), nil)
			reply.Mix = nil
			all, err := io.ReadAll(c.Stream(inPieces(string(stream), 50, seed)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := llmstub.HearStream(llmstub.Chat, all)
			if err != nil || !got.Ended {
				t.Fatal(err, string(all))
			}
			// Blocks that alternate may begin in another order than they stand in.
			if !slices.Equal(slices.Sorted(maps.Values(got.Texts)), slices.Sorted(maps.Values(want.Texts))) {
				t.Fatalf("%s says %v, not %v", provider, got.Texts, want.Texts)
			}
		}
	}
}
