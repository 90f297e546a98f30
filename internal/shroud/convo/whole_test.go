package convo_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

var dialects = map[llmstub.Dialect]convo.Dialect{
	llmstub.Chat: convo.Chat{}, llmstub.Completions: convo.Chat{}, llmstub.Mistral: convo.Chat{}, llmstub.Responses: convo.Responses{},
	llmstub.Messages: convo.Messages{}, llmstub.Gemini: convo.Gemini{}, llmstub.Cohere: convo.Cohere{},
}

// body is one of a dialect, and how it is read.
type body struct {
	name string
	src  []byte
	read func(src []byte) (*convo.View, error)
}

// everything has each kind of part.
func everything() llmstub.Reply {
	part := func(k llmstub.Kind, text string) llmstub.Part {
		return llmstub.Part{Kind: k, Pieces: []string{text}, Name: "a_tool", ID: "call_1", Signature: "c2lnbmVk"}
	}
	return llmstub.Says(
		part(llmstub.Thinking, "a thought"), part(llmstub.Text, "a text"), part(llmstub.Refusal, "a refusal"),
		part(llmstub.Call, `{"a":"b","deep":{"long_key":["c",1234567]}}`), part(llmstub.Custom, "an input"),
		part(llmstub.Remote, `{"path":"x"}`), part(llmstub.Code, "print(1)"), part(llmstub.Search, "a search"),
	)
}

func bodies() (all []body) {
	for name, src := range llmstub.Bodies() {
		d, path := convo.Dialect(convo.Chat{}), "/v1/chat/completions"
		switch name {
		case "codex":
			d = convo.Responses{}
		case "claude-code":
			d = convo.Messages{}
		case "gemini":
			d, path = convo.Gemini{}, "/v1beta/models/stub-1:streamGenerateContent"
		case "cohere":
			d = convo.Cohere{}
		}
		all = append(all, body{name, src, func(src []byte) (*convo.View, error) {
			r, err := d.Request(src, path)
			if err != nil {
				return nil, err
			}
			return &r.View, nil
		}})
	}
	for _, of := range append([]llmstub.Dialect{llmstub.Completions}, llmstub.Dialects...) {
		reply := everything()
		all = append(all, body{string(of) + " answer", llmstub.Whole(of, &reply), func(src []byte) (*convo.View, error) {
			a, err := dialects[of].Answer(src)
			if err != nil {
				return nil, err
			}
			return &a.View, nil
		}})
		for i, e := range llmstub.Events(of, &reply, true) {
			if string(e.Data) == "[DONE]" {
				continue
			}
			all = append(all, body{fmt.Sprint(of, " event ", i, " ", e.Name), e.Data, func(src []byte) (*convo.View, error) {
				e, err := dialects[of].Event(e.Name, src)
				if err != nil {
					return nil, err
				}
				return &e.View, nil
			}})
		}
	}
	return all
}

// place is where a canary is put, within JSON that stands in texts too.
type place struct {
	at    []doc.Node // from the outermost value in
	key   bool
	inner *place // in the JSON that the text at holds
	doc   *doc.Doc
}

func (p place) put(v doc.Edit) []byte {
	last := p.at[len(p.at)-1]
	if p.inner != nil {
		return p.doc.Rewrite([]doc.Edit{{At: last, Text: string(p.inner.put(v))}})
	}
	v.At, v.Name = last, p.key
	return p.doc.Rewrite([]doc.Edit{v})
}

func (p place) String() string {
	var b strings.Builder
	for _, n := range p.at[1:] {
		b.WriteString("/" + n.Name())
	}
	if p.inner != nil {
		b.WriteString("<" + p.inner.String() + ">")
	}
	return b.String()
}

// within are the values of objects that stand as JSON in a text.
func jsonInText(p place) bool {
	switch p.at[len(p.at)-1].Name() {
	case "arguments", "output":
		return true
	}
	return false
}

func places(t *testing.T, src []byte) (all []place) {
	d, err := doc.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	var walk func(way []doc.Node)
	walk = func(way []doc.Node) {
		n := way[len(way)-1]
		for c := range n.Children() {
			at := append(way[:len(way):len(way)], c)
			p := place{at: at, doc: d}
			all = append(all, p)
			if n.Is('{') && len(c.Name()) >= 6 {
				all = append(all, place{at: at, doc: d, key: true})
			}
			if text := c.Text(); strings.HasPrefix(text, "{") && jsonInText(p) {
				for _, in := range places(t, []byte(text)) {
					all = append(all, place{at: at, doc: d, inner: &in})
				}
			}
			walk(at)
		}
	}
	walk([]doc.Node{d.Root()})
	return all
}

// opaque are the places that nobody looks at (doc of package convo): signatures, what is
// encrypted, thoughts that are signed, and media.
func opaque(name string, p place) bool {
	var in doc.Node
	signed := name == "claude-code" || strings.HasPrefix(name, "messages")
	for i, n := range p.at[1:] {
		if strings.Contains(" thinking redacted_thinking compaction ", " "+in.Get("type").Text()+" ") && n.Name() != "type" && signed {
			return true
		}
		if p.key && i == len(p.at)-2 {
			return false
		}
		kind := in.Get("type").Text()
		mime := in.Get("mimeType").Text() + in.Get("media_type").Text()
		switch n.Name() {
		case "signature", "thoughtSignature", "encrypted_content", "obfuscation":
			return n.Is('"') || n.Is('n')
		case "usage", "usageMetadata", "embedding":
			return true
		case "thinking":
			if kind == "thinking_delta" {
				return true
			}
		case "data":
			return (kind == "redacted_thinking" || mime != "" && !strings.HasPrefix(mime, "text/") || in.Get("format").There())
		case "response":
			if name != "gemini" {
				break
			}
			return false
		case "text":
			if in.Get("thought").True() {
				return true
			}
		case "result":
			return kind == "image_generation_call"
		}
		in = n
	}
	return false
}

const mark = "Canary-7"

// A long text that is put in the place of any value is a part, and so is a key. Cutting
// it out again gives the body as it would be without it.
func TestEverythingIsSeen(t *testing.T) {
	for _, b := range bodies() {
		was, err := b.read(b.src)
		if err != nil {
			t.Errorf("%s: %v", b.name, err)
			continue
		}
		if got := was.Rewrite(nil); !bytes.Equal(got, b.src) {
			t.Errorf("%s is %s", b.name, got)
		}
		long := mark + strings.Repeat(" and on", 20)
		for _, p := range places(t, b.src) {
			src := p.put(doc.Edit{Text: long})
			v, err := b.read(src)
			if errors.Is(err, convo.ErrNumber) || errors.Is(err, convo.ErrFlag) {
				continue // a text in the place of a number or a flag goes nowhere
			}
			if err != nil {
				t.Errorf("%s: %s: %v", b.name, p, err)
				continue
			}
			found := -1
			for i, part := range v.Parts {
				if strings.Contains(part.Text, mark) {
					found = i
				}
			}
			switch hidden := opaque(b.name, p); {
			case found < 0 && !hidden:
				t.Errorf("%s: %s (key %v) is not seen", b.name, p, p.key)
			case found >= 0 && hidden:
				t.Errorf("%s: %s (key %v) is seen", b.name, p, p.key)
			case found >= 0 && strings.HasPrefix(v.Parts[found].Text, "{"): // a piece of arguments
			case found >= 0:
				want := p.put(doc.Edit{Text: `"x"`})
				if got := v.Rewrite([]convo.Edit{{Part: found, Text: `"x"`}}); !bytes.Equal(got, want) {
					t.Errorf("%s: %s became\n%s, not\n%s", b.name, p, got, want)
				}
			}
		}
	}
}

// So is a long number, but for those that say how much.
func TestLongNumbersAreSeen(t *testing.T) {
	for _, b := range bodies() {
		for _, p := range places(t, b.src) {
			n := p.at[len(p.at)-1]
			if p.inner != nil {
				n = p.inner.at[len(p.inner.at)-1]
			}
			if p.key || !n.Is('0') || opaque(b.name, p) || counts[n.Name()] {
				continue
			}
			for _, card := range []string{"4111111111111111", "-4111111111111111", "4111111111111111.0"} {
				v, err := b.read(p.put(doc.Edit{Raw: []byte(card)}))
				if err != nil {
					t.Errorf("%s: %v", b.name, err)
					continue
				}
				if !has(v, "4111111111111111") {
					t.Errorf("%s: %s: %s is not seen", b.name, p, card)
				}
			}
		}
	}
}

// counts are the protocols' own numbers.
var counts = map[string]bool{
	"n": true, "max_tokens": true, "max_completion_tokens": true, "maxOutputTokens": true, "temperature": true, "top_p": true,
	"index": true, "output_index": true, "content_index": true, "summary_index": true, "sequence_number": true, "created": true, "created_at": true,
}

func has(v *convo.View, text string) bool {
	for _, p := range v.Parts {
		if strings.Contains(p.Text, text) {
			return true
		}
	}
	return false
}
