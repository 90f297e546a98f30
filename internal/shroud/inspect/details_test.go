package inspect_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
)

// TestReasoningDetailsAreRead: what a model thought, as OpenRouter has it, in an answer, in each piece of a stream and in
// the request that brings it back. What its provider alone can read stays as it was.
func TestReasoningDetailsAreRead(t *testing.T) {
	const sealed = `{"type":"reasoning.encrypted","data":"` + known + `","id":"r1","format":"openai-responses-v1","index":2}`
	details := `[{"type":"reasoning.text","text":"It is ` + known + `, yes","signature":"c2lnbmF0dXJl","format":"anthropic-claude-v1","index":0},` +
		`{"type":"reasoning.summary","summary":"They wrote to ann@example.org","index":1},` + sealed + `]`
	check := func(what, got string, err error) {
		t.Helper()
		if err != nil || !strings.Contains(got, "It is [REDACTED:prod/horses], yes") || !strings.Contains(got, "wrote to [REDACTED:email#") || !strings.Contains(got, sealed) || !strings.Contains(got, `"signature":"c2lnbmF0dXJl"`) {
			t.Errorf("%s: %s, %v", what, got, err)
		}
	}
	m := maker(t)
	a, err := convo.Chat{}.Answer([]byte(`{"choices":[{"index":0,"message":{"role":"assistant","content":"Yes.","reasoning_details":` + details + `}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	edits, err := session(t, m, "").View(&a.View)
	check("an answer", string(a.Rewrite(edits)), err)
	r, err := convo.Chat{}.Request([]byte(`{"model":"m","messages":[{"role":"assistant","content":"Yes.","reasoning_details":`+details+`}]}`), "")
	if err != nil {
		t.Fatal(err)
	}
	edits, err = session(t, m, "").Request(r)
	check("a request", string(r.Rewrite(edits)), err)

	for size := range 7 {
		var in strings.Builder
		delta := func(of string) {
			in.WriteString(`data: {"id":"x","choices":[{"index":0,"delta":{` + of + `}}]}` + "\n\n")
		}
		pieces := func(text, before, after string) {
			for n := size + 1; text != ""; {
				n = min(n, len(text))
				delta(`"reasoning_details":[{` + before + `"` + text[:n] + `"` + after + `}]`)
				text = text[n:]
			}
		}
		pieces("It is "+known+", yes", `"type":"reasoning.text","text":`, `,"format":"anthropic-claude-v1","index":0`)
		delta(`"reasoning_details":[{"type":"reasoning.text","signature":"c2lnbmF0dXJl","index":0}]`)
		pieces("They wrote to ann@example.org", `"type":"reasoning.summary","summary":`, `,"index":1`)
		delta(`"reasoning_details":[` + sealed + `]`)
		delta(`"content":"Yes."`)
		in.WriteString(`data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n")
		var out bytes.Buffer
		f := stream.Filter{Dialect: convo.Chat{}, Inspect: session(t, m, ""), Send: func(b []byte) error { out.Write(b); return nil }}
		if _, err := f.Run(strings.NewReader(in.String())); err != nil {
			t.Fatal(err)
		}
		said, signed := map[int]string{}, ""
		for line := range strings.SplitSeq(out.String(), "\n") {
			var e struct {
				Choices []struct {
					Delta struct {
						Details []struct {
							Text, Summary, Signature, Data string
							Index                          int
						} `json:"reasoning_details"`
					}
				}
			}
			data, ok := strings.CutPrefix(line, "data: {")
			if !ok || json.Unmarshal([]byte("{"+data), &e) != nil {
				continue
			}
			for _, d := range e.Choices[0].Delta.Details {
				said[d.Index] += d.Text + d.Summary + d.Data
				if d.Signature != "" {
					signed = said[d.Index]
				}
			}
		}
		if said[0] != "It is [REDACTED:prod/horses], yes" || signed != said[0] || !strings.HasPrefix(said[1], "They wrote to [REDACTED:email#") || said[2] != known || len(said) != 3 {
			t.Errorf("in pieces of %d: %v, signed %q", size+1, said, signed)
		}
	}
}
