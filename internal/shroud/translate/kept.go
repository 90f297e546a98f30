package translate

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// kept is what a model thought, as its provider wants it back. It travels in the id of
// the call of a tool that it led to, which every client sends back twice, and else in the
// message's extra_content.
type kept struct {
	signature string    // Google's, of one part
	thoughts  []thought // Anthropic's, in their order
}

// thought is a block of thoughts, or says how many bytes of the message's text stand in
// its place.
type thought struct {
	Type      string  `json:"type,omitempty"`
	Thinking  *string `json:"thinking,omitempty"`
	Signature string  `json:"signature,omitempty"`
	Data      string  `json:"data,omitempty"`
	Text      int     `json:"text,omitempty"`
}

func (k *kept) none() bool { return k.signature == "" && len(k.thoughts) == 0 }

// thinks reports whether there are thoughts, and not text alone.
func (k *kept) thinks() bool {
	for _, t := range k.thoughts {
		if t.Type != "" {
			return true
		}
	}
	return k.signature != ""
}

// content is what is kept as extra_content, or nil. Google's is as Google's own entry
// for OpenAI's clients writes it.
func (k *kept) content() json.RawMessage {
	switch {
	case !k.thinks():
		return nil
	case k.signature != "":
		return encode(object{"google": object{"thought_signature": k.signature}})
	}
	return encode(object{"anthropic": object{"thinking": k.thoughts}})
}

// mark stands between the provider's id of a call and what is kept.
const mark = "_kept_"

// into is an id with what is kept.
func (k *kept) into(id string) string {
	c := k.content()
	if c == nil {
		return id
	}
	return id + mark + base64.RawURLEncoding.EncodeToString(c)
}

// unkept takes an id apart.
func (r *reader) unkept(place, id string) (string, kept) {
	id, text, found := strings.Cut(id, mark)
	if !found {
		return id, kept{}
	}
	const lost = "what the model thought before this call is no longer whole in its id: send ids back as they came"
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		r.refuse(place, lost)
		return id, kept{}
	}
	d, err := doc.Parse(raw)
	if err != nil || !d.Root().Is('{') {
		r.refuse(place, lost)
		return id, kept{}
	}
	return id, r.kept(place, d.Root())
}

// kept reads what was kept. Nothing but thoughts passes: no rule looks at them.
func (r *reader) kept(place string, n doc.Node) (k kept) {
	r.only(place, n, "google", "anthropic")
	k.signature = n.Get("google", "thought_signature").Text()
	i := -1
	for c := range n.Get("anthropic", "thinking").Children() {
		i++
		at := at(place+".anthropic.thinking", i)
		r.only(at, c, "type", "thinking", "signature", "data", "text")
		t := thought{Type: c.Get("type").Text(), Signature: c.Get("signature").Text(), Data: c.Get("data").Text()}
		bytes, _ := c.Get("text").Int()
		t.Text = int(min(bytes, 1<<30))
		switch {
		case t.Type == "thinking":
			text := c.Get("thinking").Text()
			t.Thinking, t.Data, t.Text = &text, "", 0
		case t.Type == "redacted_thinking":
			t.Signature, t.Text = "", 0
		case t.Type != "" || t.Text == 0:
			r.refuse(at, "this is no thought")
		}
		k.thoughts = append(k.thoughts, t)
	}
	return k
}
