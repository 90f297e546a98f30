package translate

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// googleSays hears what generateContent answers. An event of a stream is an answer, too.
type googleSays struct {
	heard
	asked   string
	choices map[int]*googleChoice
	order   []int
}

type googleChoice struct {
	calls  int
	kept   kept
	finish string
}

func (s *googleSays) so() *heard { return &s.heard }

// made begins the ids that are made here, since Google's calls often have none.
const made = "call_"

func (s *googleSays) whole(root doc.Node) ([]delta, error) { return s.event(root) }

func (s *googleSays) event(root doc.Node) (out []delta, err error) {
	if !root.Is('{') {
		return nil, errShape
	}
	if id := root.Get("responseId").Text(); id != "" {
		s.id = id
	}
	if model := root.Get("modelVersion").Text(); model != "" {
		s.model = model
	}
	s.count(root.Get("usageMetadata"))
	if root.Get("promptFeedback", "blockReason").Is('"') {
		_, some := s.choice(0)
		s.choices[0].finish, s.ended = "content_filter", true
		out = append(out, some...)
	}
	for c := range root.Get("candidates").Children() {
		v, _ := c.Get("index").Int()
		index := int(min(v, 1<<10))
		ch, some := s.choice(index)
		out = append(out, some...)
		for p := range c.Get("content", "parts").Children() {
			d, err := s.part(ch, index, p)
			if err != nil {
				return nil, err
			}
			out = append(out, d...)
		}
		if reason := c.Get("finishReason"); reason.Is('"') {
			if ch.finish, err = ch.reason(reason.Text()); err != nil {
				return nil, err
			}
			s.ended = true
		}
	}
	return out, nil
}

func (s *googleSays) choice(index int) (*googleChoice, []delta) {
	if ch := s.choices[index]; ch != nil {
		return ch, nil
	}
	s.choices[index], s.order = &googleChoice{}, append(s.order, index)
	return s.choices[index], []delta{{choice: index, begins: true}}
}

func (s *googleSays) count(n doc.Node) {
	if !n.Is('{') {
		return
	}
	in, _ := n.Get("promptTokenCount").Int()
	tool, _ := n.Get("toolUsePromptTokenCount").Int()
	spoken, _ := n.Get("candidatesTokenCount").Int()
	s.tokens.cacheRead, _ = n.Get("cachedContentTokenCount").Int()
	s.tokens.thought, _ = n.Get("thoughtsTokenCount").Int()
	s.tokens.input = max(in+tool-s.tokens.cacheRead, 0)
	s.tokens.output = spoken + s.tokens.thought
}

func (s *googleSays) part(ch *googleChoice, index int, n doc.Node) ([]delta, error) {
	d := delta{choice: index}
	signature := n.Get("thoughtSignature").Text()
	switch {
	case n.Get("functionCall").Is('{'):
		f := n.Get("functionCall")
		args := "{}"
		if a := f.Get("args"); a.Is('{') {
			args = string(a.Raw())
		}
		id, name := f.Get("id").Text(), f.Get("name").Text()
		if name == "" {
			return nil, errCall
		}
		if id == "" {
			id = s.name(index, ch.calls, f.Raw())
		}
		k := kept{signature: signature}
		d.call = newCall(ch.calls, k.into(id), name, args)
		ch.calls++
		return []delta{d}, nil
	case n.Get("text").Is('"'):
		if d.text = n.Get("text").Text(); n.Get("thought").True() {
			d.thought, d.text = d.text, ""
		}
	case signature == "" && !empty(n):
		return nil, errPart
	}
	if signature != "" {
		ch.kept.signature = signature
	}
	if d.text == "" && d.thought == "" {
		return nil, nil
	}
	return []delta{d}, nil
}

// name is an id for a call that has none, the same whenever it is made again.
func (s *googleSays) name(choice, call int, raw []byte) string {
	sum := sha256.Sum256(append([]byte(s.id+"/"+strconv.Itoa(choice)+"/"+strconv.Itoa(call)+"/"), raw...))
	return made + hex.EncodeToString(sum[:12])
}

// reason is why a choice ends. One that is no end of an answer is an error.
func (ch *googleChoice) reason(reason string) (string, error) {
	switch reason {
	case "STOP":
		if ch.calls > 0 {
			return "tool_calls", nil
		}
		return "stop", nil
	case "MAX_TOKENS":
		return "length", nil
	case "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION":
		return "content_filter", nil
	case "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE":
		return "", errCall
	}
	return "", &Unsaid{"the model broke its answer off"}
}

// end is nothing while a choice goes on.
func (s *googleSays) end() (out []delta) {
	for _, i := range s.order {
		ch := s.choices[i]
		if s.ended = ch.finish != ""; !s.ended {
			return nil
		}
		out = append(out, delta{choice: i, kept: ch.kept.content(), finish: ch.finish})
	}
	return out
}
