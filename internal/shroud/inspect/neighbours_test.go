package inspect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/inspect"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// neighbours is a dialect in which a model says texts that stand side by side.
type neighbours struct {
	of    convo.Dialect
	whole func(texts []string) []byte
	said  func(t *testing.T, body []byte) []string
	// events are those of a stream with the pieces of the texts, heard what a client makes of them.
	events func(pieces [][]string) []byte
	heard  func(t *testing.T, stream []byte) []string
	flows  bool // a stream does not tell where one text ends
}

// stubbed is a dialect that the stub writes with a part for each text.
func stubbed(d llmstub.Dialect) neighbours {
	reply := func(pieces [][]string) *llmstub.Reply {
		var parts []llmstub.Part
		for _, p := range pieces {
			parts = append(parts, llmstub.Said(llmstub.Text, p...))
		}
		r := llmstub.Says(parts...)
		return &r
	}
	texts := func(t *testing.T, h *llmstub.Heard, err error) (out []string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for i := range 9 {
			if text, ok := h.Texts[fmt.Sprint("0 text ", i)]; ok {
				out = append(out, text)
			}
		}
		return out
	}
	return neighbours{
		of: spokenBy[d], flows: d == llmstub.Gemini || d == llmstub.Mistral || d == llmstub.Chat,
		whole: func(all []string) []byte {
			var one [][]string
			for _, text := range all {
				one = append(one, []string{text})
			}
			return llmstub.Whole(d, reply(one))
		},
		said: func(t *testing.T, body []byte) []string {
			t.Helper()
			h, err := llmstub.Hear(d, body)
			return texts(t, h, err)
		},
		events: func(pieces [][]string) []byte {
			r := reply(pieces)
			return bytes.Join(llmstub.Frames(d, llmstub.Events(d, r, true), r.Framing), nil)
		},
		heard: func(t *testing.T, stream []byte) []string {
			t.Helper()
			h, err := llmstub.HearStream(d, stream)
			return texts(t, h, err)
		},
	}
}

// itemOf is one item of OpenAI's Responses with several parts.
func itemOf(texts []string) map[string]any {
	content := []any{}
	for _, text := range texts {
		content = append(content, map[string]any{"type": "output_text", "text": text, "annotations": []any{}})
	}
	return map[string]any{"id": "item_0", "type": "message", "status": "completed", "role": "assistant", "content": content}
}

// partsOf are the texts of such an item.
func partsOf(item any) (out []string) {
	m, _ := item.(map[string]any)
	parts, _ := m["content"].([]any)
	for _, p := range parts {
		of, _ := p.(map[string]any)
		text, _ := of["text"].(string)
		out = append(out, text)
	}
	return out
}

func inOneItem() neighbours {
	encode := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // it has nothing but texts
		}
		return b
	}
	response := func(texts []string) map[string]any {
		return map[string]any{"id": "r", "object": "response", "status": "completed", "output": []any{itemOf(texts)}}
	}
	return neighbours{
		of:    convo.Responses{},
		whole: func(texts []string) []byte { return encode(response(texts)) },
		said: func(t *testing.T, body []byte) []string {
			t.Helper()
			var of struct{ Output []any }
			if err := json.Unmarshal(body, &of); err != nil {
				t.Fatal(err)
			}
			return partsOf(of.Output[0])
		},
		events: func(pieces [][]string) []byte {
			var out bytes.Buffer
			n := 0
			tell := func(kind string, more map[string]any) {
				more["type"], more["sequence_number"], more["output_index"] = kind, n, 0
				n++
				fmt.Fprintf(&out, "event: %s\ndata: %s\n\n", kind, encode(more))
			}
			tell("response.output_item.added", map[string]any{"item": itemOf(nil)})
			var texts []string
			for i, p := range pieces {
				tell("response.content_part.added", map[string]any{"content_index": i, "part": map[string]any{"type": "output_text", "text": ""}})
				for _, piece := range p {
					tell("response.output_text.delta", map[string]any{"content_index": i, "delta": piece})
				}
				whole := strings.Join(p, "")
				texts = append(texts, whole)
				tell("response.output_text.done", map[string]any{"content_index": i, "text": whole})
				tell("response.content_part.done", map[string]any{"content_index": i, "part": map[string]any{"type": "output_text", "text": whole}})
			}
			tell("response.output_item.done", map[string]any{"item": itemOf(texts)})
			tell("response.completed", map[string]any{"response": response(texts)})
			return out.Bytes()
		},
		heard: func(t *testing.T, stream []byte) []string {
			t.Helper()
			out := make([]string, 9)
			same := func(i int, text string) {
				if text != out[i] {
					t.Errorf("part %d: %q is repeated as %q", i, out[i], text)
				}
			}
			for event := range strings.SplitSeq(strings.TrimSpace(string(stream)), "\n\n") {
				_, data, _ := strings.Cut(event, "data: ")
				var of struct {
					Type        string
					Index       int `json:"content_index"`
					Delta, Text string
					Part        struct{ Text string }
					Item        any
					Response    struct{ Output []any }
				}
				if err := json.Unmarshal([]byte(data), &of); err != nil {
					t.Fatal(err)
				}
				switch of.Type {
				case "response.output_text.delta":
					out[of.Index] += of.Delta
				case "response.output_text.done":
					same(of.Index, of.Text)
				case "response.content_part.done":
					same(of.Index, of.Part.Text)
				case "response.output_item.done":
					for i, text := range partsOf(of.Item) {
						same(i, text)
					}
				case "response.completed":
					for i, text := range partsOf(of.Response.Output[0]) {
						same(i, text)
					}
				}
			}
			return slices.DeleteFunc(out, func(text string) bool { return text == "" })
		},
	}
}

// inOneMessage are OpenAI's chat completions of servers whose answers have parts: their streams have none.
func inOneMessage() neighbours {
	n := stubbed(llmstub.Chat)
	s := answered()["chat"]
	n.whole = func(texts []string) []byte {
		var all []string
		for _, text := range texts {
			b, err := json.Marshal(text)
			if err != nil {
				panic(err) // it is a text
			}
			all = append(all, strings.Replace(s.between, "$", string(b), 1))
		}
		return []byte(s.before + strings.Join(all, ",") + s.after)
	}
	n.said = func(t *testing.T, body []byte) []string {
		t.Helper()
		return said(t, string(body))
	}
	return n
}

func allNeighbours() map[string]neighbours {
	return map[string]neighbours{
		"messages": stubbed(llmstub.Messages), "cohere": stubbed(llmstub.Cohere), "gemini": stubbed(llmstub.Gemini),
		"responses": inOneItem(), "chat": inOneMessage(), "mistral": stubbed(llmstub.Mistral),
	}
}

// decided is what becomes of texts side by side, by number.
func decided(s *inspect.Session, n neighbours, texts []string, err error) *verdict {
	texts = slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return text == "" })
	if n.flows {
		texts = []string{strings.Join(texts, "")}
	}
	all := map[string]string{}
	for i, text := range texts {
		all[fmt.Sprint(i)] = text
	}
	return told(s, all, err)
}

func (n neighbours) asWhole(t *testing.T, s *inspect.Session, texts []string) *verdict {
	t.Helper()
	a, err := n.of.Answer(n.whole(texts))
	if err != nil {
		t.Fatal(err)
	}
	edits, err := s.View(&a.View)
	if err != nil {
		return decided(s, n, nil, err)
	}
	return decided(s, n, n.said(t, a.Rewrite(edits)), nil)
}

func (n neighbours) asStream(t *testing.T, s *inspect.Session, pieces [][]string) *verdict {
	t.Helper()
	var out bytes.Buffer
	f := stream.Filter{Dialect: n.of, Inspect: s, Send: func(p []byte) error { out.Write(p); return nil }}
	if _, err := f.Run(bytes.NewReader(n.events(pieces))); err != nil {
		return decided(s, n, nil, err)
	}
	return decided(s, n, n.heard(t, out.Bytes()), nil)
}

// TestNeighbouringTextsSayTheSame: what stands in several texts side by side is found in a stream as in a whole answer,
// whatever pieces they come in, by each rule, in each dialect that has such texts, and goes from all of them.
func TestNeighbouringTextsSayTheSame(t *testing.T) {
	m := maker(t)
	const words = "and then the other one went over there to look at what was left of it "
	samples := found()
	samples["nothing"] = "but there was nothing at all to be found"
	samples["[REDACTED:private_key_header# long"] = block("RSA PRIVATE KEY", "", 40)
	crossed := map[bool]int{}
	for _, name := range slices.Sorted(maps.Keys(samples)) {
		sample := samples[name]
		for dialect, n := range allNeighbours() {
			r := rand.New(rand.NewPCG(uint64(len(sample)), uint64(len(name)+len(dialect))))
			for _, mode := range []string{"block", "surgical", "log_only"} {
				config := finds + `,"sanitization_mode":"` + mode + `"}`
				for range 2 {
					before := strings.Repeat(words, r.IntN(9)) + words[r.IntN(20):]
					all := before + sample + " " + words[:r.IntN(len(words))] + strings.Repeat(words, r.IntN(9))
					// One seam lies in what is found; others anywhere.
					seams := []int{0, len(before) + 1 + r.IntN(max(len(sample)-1, 1)), len(all)}
					for range r.IntN(3) {
						seams = append(seams, r.IntN(len(all)))
					}
					slices.Sort(seams)
					var texts []string
					for i, at := range slices.Compact(seams)[1:] {
						texts = append(texts, all[slices.Compact(seams)[i]:at])
					}
					want := n.asWhole(t, session(t, m, config), texts)
					whole := fmt.Sprint(want.texts, want.stopped, want.summary)
					crossed[strings.Contains(whole, "[REDACTED:") || want.stopped != "" || want.summary != ""]++
					if strings.HasPrefix(name, "[REDACTED:prod") && left(whole, sample) {
						t.Errorf("%s, %s, %s: it became %.300q", name, dialect, mode, whole)
					}
					for range 2 {
						var pieces [][]string
						for _, text := range texts {
							pieces = append(pieces, llmstub.Cut(r, text, 1+r.IntN(40)))
						}
						if got := n.asStream(t, session(t, m, config), pieces); !got.equal(want) {
							t.Fatalf("%s, %s, %s: of %q\nin pieces %.1500v\nwhole %.1500v", name, dialect, mode, texts, got, want)
						}
					}
				}
			}
		}
	}
	if crossed[true] < 3*crossed[false] {
		t.Errorf("something is found in %d of %d", crossed[true], crossed[true]+crossed[false])
	}
}
