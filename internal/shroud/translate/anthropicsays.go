package translate

import (
	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// anthropicSays hears what Messages answers.
type anthropicSays struct {
	heard
	begun   bool
	kind    string // of the block that is open
	calls   int
	args    bool // the open call has arguments
	text    int  // bytes of the open text
	thought thought
	kept    kept // thoughts and texts since the last call
	size    int
	last    delta // of message_delta
}

func (s *anthropicSays) so() *heard { return &s.heard }

func (s *anthropicSays) whole(root doc.Node) ([]delta, error) {
	if root.Get("type").Text() != "message" {
		return nil, errShape
	}
	out := s.begin(root)
	for b := range root.Get("content").Children() {
		some, err := s.open(b)
		if err != nil {
			return nil, err
		}
		out = append(append(out, some...), s.shut()...)
	}
	s.reason(root)
	return out, nil
}

func (s *anthropicSays) event(root doc.Node) ([]delta, error) {
	switch root.Get("type").Text() {
	case "message_start":
		return s.begin(root.Get("message")), nil
	case "content_block_start":
		return s.open(root.Get("content_block"))
	case "content_block_delta":
		return s.piece(root.Get("delta"))
	case "content_block_stop":
		return s.shut(), nil
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
		&s.tokens.thought: n.Get("output_tokens_details", "thinking_tokens"),
	} {
		if v, ok := v.Int(); ok {
			*to = v
		}
	}
}

// maxThoughts is how much of thoughts is kept for one answer.
const maxThoughts = 4 << 20

// open begins a block, with what it has already.
func (s *anthropicSays) open(n doc.Node) (out []delta, err error) {
	s.kind, s.args, s.text = n.Get("type").Text(), false, 0
	switch s.kind {
	case "text":
		return s.piece(n)
	case "thinking":
		text := ""
		s.thought = thought{Type: s.kind, Thinking: &text}
		return s.piece(n)
	case "redacted_thinking":
		s.thought = thought{Type: s.kind, Data: n.Get("data").Text()}
		s.size += len(s.thought.Data)
	case "tool_use":
		input := ""
		if in := n.Get("input"); in.Is('{') && !empty(in) {
			input, s.args = string(in.Raw()), true
		}
		out = []delta{{call: newCall(s.calls, s.kept.into(n.Get("id").Text()), n.Get("name").Text(), input)}}
		s.calls++
		s.kept = kept{}
	default:
		return nil, errPart
	}
	if s.size > maxThoughts {
		return nil, errPart
	}
	return out, nil
}

// piece takes more of the open block.
func (s *anthropicSays) piece(n doc.Node) ([]delta, error) {
	var d delta
	switch s.kind {
	case "text":
		d.text = n.Get("text").Text()
		s.text += len(d.text)
	case "thinking":
		d.thought = n.Get("thinking").Text()
		*s.thought.Thinking += d.thought
		s.thought.Signature += n.Get("signature").Text()
		s.size += len(n.Raw())
	case "tool_use":
		if args := n.Get("partial_json").Text(); args != "" {
			s.args = true
			d.call = moreArgs(s.calls-1, args)
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
func (s *anthropicSays) shut() []delta {
	kind := s.kind
	s.kind = ""
	switch kind {
	case "text":
		if s.text > 0 {
			s.kept.thoughts = append(s.kept.thoughts, thought{Text: s.text})
		}
	case "thinking", "redacted_thinking":
		s.kept.thoughts = append(s.kept.thoughts, s.thought)
	case "tool_use":
		if !s.args { // clients parse what they get
			return []delta{{call: moreArgs(s.calls-1, "{}")}}
		}
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
