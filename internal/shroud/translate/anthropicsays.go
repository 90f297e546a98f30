package translate

import (
	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// anthropicSays hears what Messages answers.
type anthropicSays struct {
	heard
	begun bool
	open  map[int]*block // by their indices
	calls int
	kept  kept // thoughts and texts since the last call
	size  int  // of thoughts
	last  delta
}

// block is one of a message that goes on.
type block struct {
	kind    string
	call    int  // its number
	args    bool // the call has arguments
	text    int  // bytes of its text
	thought thought
}

func (s *anthropicSays) so() *heard { return &s.heard }

func (s *anthropicSays) whole(root doc.Node) ([]delta, error) {
	if root.Get("type").Text() != "message" {
		return nil, errShape
	}
	out := s.begin(root)
	for b := range root.Get("content").Children() {
		some, err := s.start(0, b)
		if err != nil {
			return nil, err
		}
		out = append(append(out, some...), s.shut(0)...)
	}
	s.reason(root)
	return out, nil
}

func (s *anthropicSays) event(root doc.Node) ([]delta, error) {
	v, _ := root.Get("index").Int()
	index := int(min(v, 1<<20))
	switch root.Get("type").Text() {
	case "message_start":
		return s.begin(root.Get("message")), nil
	case "content_block_start":
		return s.start(index, root.Get("content_block"))
	case "content_block_delta":
		return s.piece(s.open[index], root.Get("delta"))
	case "content_block_stop":
		return s.shut(index), nil
	case "message_delta":
		s.count(root.Get("usage"))
		s.reason(root.Get("delta"))
	}
	return nil, nil // pings, the end, and what is not known yet
}

// begin takes what stands at the beginning.
func (s *anthropicSays) begin(n doc.Node) []delta {
	s.id, s.model = n.Get("id").Text(), n.Get("model").Text()
	s.count(n.Get("usage"))
	if s.begun {
		return nil
	}
	s.begun = true
	return []delta{{begins: true}}
}

// count takes the newest word on each kind of token.
func (s *anthropicSays) count(n doc.Node) {
	for to, v := range map[*int64]doc.Node{
		&s.tokens.input: n.Get("input_tokens"), &s.tokens.cacheRead: n.Get("cache_read_input_tokens"),
		&s.tokens.cacheWrite: n.Get("cache_creation_input_tokens"), &s.tokens.output: n.Get("output_tokens"),
		&s.tokens.cacheHour: n.Get("cache_creation", "ephemeral_1h_input_tokens"), &s.tokens.thought: n.Get("output_tokens_details", "thinking_tokens"),
	} {
		if v, ok := v.Int(); ok {
			*to = v
		}
	}
}

// maxThoughts is how much of thoughts is kept for one answer.
const maxThoughts = 4 << 20

// start begins a block, with what it has already.
func (s *anthropicSays) start(index int, n doc.Node) ([]delta, error) {
	b := &block{kind: n.Get("type").Text()}
	s.open[index] = b
	switch b.kind {
	case "text":
	case "thinking":
		b.thought = thought{Type: b.kind, Thinking: new(string)}
	case "redacted_thinking":
		b.thought = thought{Type: b.kind, Data: n.Get("data").Text()}
	case "tool_use":
		input := ""
		if in := n.Get("input"); in.Is('{') && !empty(in) {
			input, b.args = string(in.Raw()), true
		}
		id, name := n.Get("id").Text(), n.Get("name").Text()
		if id == "" || name == "" {
			return nil, errCall
		}
		b.call = s.calls
		s.calls++
		d := delta{call: newCall(b.call, s.kept.into(id), name, input)}
		s.kept = kept{}
		return []delta{d}, nil
	default:
		return nil, errPart
	}
	return s.piece(b, n)
}

// piece takes more of a block.
func (s *anthropicSays) piece(b *block, n doc.Node) ([]delta, error) {
	var d delta
	if b == nil {
		return nil, errShape
	}
	switch b.kind {
	case "text":
		d.text = n.Get("text").Text()
		b.text += len(d.text)
	case "thinking":
		d.thought = n.Get("thinking").Text()
		*b.thought.Thinking += d.thought
		b.thought.Signature += n.Get("signature").Text()
		s.size += len(n.Raw())
	case "redacted_thinking":
		s.size += len(n.Raw())
	case "tool_use":
		if args := n.Get("partial_json").Text(); args != "" {
			b.args = true
			d.call = moreArgs(b.call, args)
		}
	}
	if s.size > maxThoughts {
		return nil, errPart
	}
	if d.text == "" && d.thought == "" && d.call == nil {
		return nil, nil
	}
	return []delta{d}, nil
}

// shut ends a block.
func (s *anthropicSays) shut(index int) []delta {
	b := s.open[index]
	delete(s.open, index)
	switch {
	case b == nil:
	case b.thought.Type != "":
		s.kept.thoughts = append(s.kept.thoughts, b.thought)
	case b.text > 0:
		s.kept.thoughts = append(s.kept.thoughts, thought{Text: b.text})
	case b.kind == "tool_use" && !b.args: // clients parse what they get
		return []delta{{call: moreArgs(b.call, "{}")}}
	}
	return nil
}

var anthropicReasons = map[string]string{
	"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "model_context_window_exceeded": "length",
	"tool_use": "tool_calls", "refusal": "content_filter",
}

// reason takes why the answer ends.
func (s *anthropicSays) reason(n doc.Node) {
	reason := n.Get("stop_reason")
	if !reason.Is('"') {
		return
	}
	s.ended = true
	if s.last.finish = anthropicReasons[reason.Text()]; s.last.finish == "" {
		s.last.finish = "stop"
	}
	s.last.refusal = n.Get("stop_details", "explanation").Text()
}

func (s *anthropicSays) end() []delta {
	if !s.ended {
		return nil
	}
	s.last.kept = s.kept.content()
	return []delta{s.last}
}

func empty(n doc.Node) bool {
	for range n.Children() {
		return false
	}
	return true
}
