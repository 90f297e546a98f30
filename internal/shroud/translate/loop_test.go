package translate

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// message is what a client of OpenAI's sends back of an answer: all of it, or what the
// shape demands alone.
func answered(t *testing.T, k talk, streamed, bare bool) string {
	t.Helper()
	var got []byte
	var err error
	if streamed {
		all, err := io.ReadAll(ofTalk(t, k).Stream(strings.NewReader(k.stream)))
		if err != nil {
			t.Fatal(err)
		}
		got = together(t, string(all))
	} else if got, err = ofTalk(t, k).Answer([]byte(k.whole)); err != nil {
		t.Fatal(err)
	}
	var out struct {
		Choices []struct{ Message map[string]any }
	}
	if err := json.Unmarshal(got, &out); err != nil {
		t.Fatal(err)
	}
	m := out.Choices[0].Message
	if bare {
		m = map[string]any{"role": "assistant", "content": m["content"], "tool_calls": m["tool_calls"]}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// again asks on after an answer, with what its calls gave.
func again(t *testing.T, k talk, message string) []byte {
	t.Helper()
	var m struct {
		Calls []struct{ ID string } `json:"tool_calls"`
	}
	if err := json.Unmarshal([]byte(message), &m); err != nil {
		t.Fatal(err)
	}
	body := `{"model":"MODEL","messages":[{"role":"user","content":"Rain?"},` + message
	for _, c := range m.Calls {
		body += `,{"role":"tool","tool_call_id":"` + c.ID + `","content":"1"}`
	}
	model := map[string]string{Anthropic: claude, Google: gemini}[k.provider]
	return request(t, k.provider, strings.ReplaceAll(body+`]}`, "MODEL", model)).Body
}

func TestThoughtsSurviveALoopOfTools(t *testing.T) {
	k := talks["Anthropic thinks, says and calls"]
	var was struct{ Content json.RawMessage }
	if err := json.Unmarshal([]byte(k.whole), &was); err != nil {
		t.Fatal(err)
	}
	results := `{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"1"}]},{"type":"tool_result","tool_use_id":"toolu_2","content":[{"type":"text","text":"1"}]}]}`
	for _, streamed := range []bool{false, true} {
		for _, bare := range []bool{false, true} {
			same(t, again(t, k, answered(t, k, streamed, bare)),
				`{"model":"claude-opus-5","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Rain?"}]},{"role":"assistant","content":`+string(was.Content)+`},`+results+`]}`)
			g := talks["Google calls"]
			same(t, again(t, g, answered(t, g, streamed, bare)), `{"contents":[{"role":"user","parts":[{"text":"Rain?"}]},
				{"role":"model","parts":[{"functionCall":{"name":"weather","args":{"city":"Rome"}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"g2","name":"now","args":{}}}]},
				{"role":"user","parts":[{"functionResponse":{"name":"weather","response":{"output":"1"}}},{"functionResponse":{"id":"g2","name":"now","response":{"output":"1"}}}]}]}`)
		}
	}
}

func TestThoughtsWithoutACallComeBackWithTheMessage(t *testing.T) {
	k := talks["Anthropic thinks and says"]
	same(t, again(t, k, answered(t, k, true, false)), `{"model":"claude-opus-5","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Rain?"}]},
		{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"c2ln"},{"type":"text","text":"Yes"}]}]}`)
	g := talks["Google says a text"]
	same(t, again(t, g, answered(t, g, true, false)), `{"contents":[{"role":"user","parts":[{"text":"Rain?"}]},{"role":"model","parts":[{"text":"Hé llo","thoughtSignature":"c2ln"}]}]}`)
}

func TestThoughtsStayWhenARuleChangesTheText(t *testing.T) {
	k := talks["Anthropic thinks, says and calls"]
	message := strings.Replace(answered(t, k, false, true), "I look.", "I [REDACTED].", 1)
	same(t, again(t, k, message), `{"model":"claude-opus-5","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"Rain?"}]},
		{"role":"assistant","content":[{"type":"thinking","thinking":"Hm","signature":"c2ln"},{"type":"redacted_thinking","data":"ZGF0YQ"},{"type":"text","text":"I [REDACTED]."},
			{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Rome"}},{"type":"tool_use","id":"toolu_2","name":"now","input":{}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"1"}]},{"type":"tool_result","tool_use_id":"toolu_2","content":[{"type":"text","text":"1"}]}]}]}`)
}

func TestThoughtsOfAnotherProviderStayBehind(t *testing.T) {
	k := talks["Anthropic thinks, says and calls"]
	g := talk{provider: Google}
	got := again(t, g, answered(t, k, false, false))
	if strings.Contains(string(got), "_kept_") || strings.Contains(string(got), "c2ln") {
		t.Errorf("they went on: %s", got)
	}
}
