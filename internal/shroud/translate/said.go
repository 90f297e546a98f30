package translate

import (
	"cmp"
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// delta is a piece of an answer.
type delta struct {
	choice  int
	begins  bool // of the choice
	text    string
	thought string
	refusal string
	call    *callDelta
	kept    json.RawMessage
	finish  string
}

// callDelta is a piece of the call of a tool. The first one has its id and its name.
type callDelta struct {
	Index    int    `json:"index"`
	ID       string `json:"id,omitempty"`
	Type     string `json:"type,omitempty"`
	Function struct {
		Name      string `json:"name,omitempty"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

func newCall(index int, id, name, args string) *callDelta {
	c := &callDelta{Index: index, ID: id, Type: "function"}
	c.Function.Name, c.Function.Arguments = name, args
	return c
}

func moreArgs(index int, args string) *callDelta {
	c := &callDelta{Index: index}
	c.Function.Arguments = args
	return c
}

// tokens are what the provider counted.
type tokens struct{ input, cacheRead, cacheWrite, cacheHour, output, thought int64 }

// usage is what was counted as OpenAI writes it: the prompt with what was cached, the
// answer with what was thought.
func (t tokens) usage() object {
	in := t.input + t.cacheRead + t.cacheWrite
	prompt := object{"cached_tokens": t.cacheRead, "cache_write_tokens": t.cacheWrite}
	if t.cacheHour > 0 { // it costs more
		prompt["cache_write_hour_tokens"] = t.cacheHour
	}
	return object{
		"prompt_tokens": in, "completion_tokens": t.output, "total_tokens": in + t.output,
		"prompt_tokens_details":     prompt,
		"completion_tokens_details": object{"reasoning_tokens": t.thought},
	}
}

// heard is what is known of an answer so far.
type heard struct {
	id, model string
	tokens    tokens
	ended     bool // the provider said why it ends
}

// speaker hears what a provider says. An error is an answer that can't be passed on.
type speaker interface {
	// whole hears an answer.
	whole(root doc.Node) ([]delta, error)
	// event hears an event of a stream.
	event(root doc.Node) ([]delta, error)
	// end is what is still to be said at the end.
	end() []delta
	so() *heard
}

func (c *Call) speaker() speaker {
	if c.to == Anthropic {
		return &anthropicSays{open: map[int]*block{}}
	}
	return &googleSays{choices: map[int]*googleChoice{}, asked: c.model}
}

// Unsaid is an answer that has no counterpart in OpenAI's shape.
type Unsaid struct{ what string }

// Error implements error.
func (u *Unsaid) Error() string { return u.what }

var (
	errShape = &Unsaid{"it is not what this provider answers"}
	errPart  = &Unsaid{"it has a part that OpenAI's chat completions have no place for"}
	errCall  = &Unsaid{"the model called a tool in a way that is none"}
)

// Answer translates a whole answer.
func (c *Call) Answer(body []byte) ([]byte, error) {
	d, err := doc.Parse(body)
	if err != nil {
		return nil, err
	}
	s := c.speaker()
	deltas, err := s.whole(d.Root())
	if err != nil {
		return nil, err
	}
	deltas = append(deltas, s.end()...)
	choices := []*spokenChoice{}
	byIndex := map[int]*spokenChoice{}
	for _, d := range deltas {
		if byIndex[d.choice] == nil {
			byIndex[d.choice] = &spokenChoice{Index: d.choice, Message: spoken{Role: "assistant"}}
			choices = append(choices, byIndex[d.choice])
		}
		byIndex[d.choice].add(d)
	}
	if !s.so().ended {
		return nil, errShape
	}
	return encode(struct {
		head
		Choices []*spokenChoice `json:"choices"`
		Usage   object          `json:"usage"`
	}{c.head("chat.completion", s.so()), choices, s.so().tokens.usage()}), nil
}

// head is what answers and events begin with.
type head struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	Model   string `json:"model"`
}

func (c *Call) head(kind string, h *heard) head {
	return head{cmp.Or(h.id, "chatcmpl"), kind, c.created, cmp.Or(h.model, c.model)}
}

type spokenChoice struct {
	Index    int    `json:"index"`
	Message  spoken `json:"message"`
	Logprobs any    `json:"logprobs"`
	Finish   string `json:"finish_reason"`
}

type spoken struct {
	Role      string          `json:"role"`
	Content   *string         `json:"content"`
	Refusal   *string         `json:"refusal"`
	Reasoning string          `json:"reasoning_content,omitempty"`
	Calls     []*callDelta    `json:"-"`
	Called    []spokenCall    `json:"tool_calls,omitempty"`
	Extra     json.RawMessage `json:"extra_content,omitempty"`
}

type spokenCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function any    `json:"function"`
}

func appended(to *string, text string) *string {
	if text == "" {
		return to
	}
	if to != nil {
		text = *to + text
	}
	return &text
}

// add puts a piece where it belongs.
func (ch *spokenChoice) add(d delta) {
	m := &ch.Message
	m.Content, m.Refusal = appended(m.Content, d.text), appended(m.Refusal, d.refusal)
	m.Reasoning += d.thought
	if d.kept != nil {
		m.Extra = d.kept
	}
	if d.finish != "" {
		ch.Finish = d.finish
	}
	switch {
	case d.call == nil:
	case d.call.Type != "":
		m.Calls = append(m.Calls, d.call)
		m.Called = append(m.Called, spokenCall{d.call.ID, "function", &d.call.Function})
	default:
		m.Calls[d.call.Index].Function.Arguments += d.call.Function.Arguments
	}
}
