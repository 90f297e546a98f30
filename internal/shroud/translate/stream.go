package translate

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/sse"
)

// maxEvent is how long one event may be.
const maxEvent = 16 << 20

// Stream reads a provider's stream as OpenAI would send it, event by event. Its usage
// comes last, in an event of its own, and then the end. A stream that breaks off is an
// error, and one in which the provider tells of an error ends with that.
func (c *Call) Stream(from io.Reader) io.Reader {
	return &translated{call: c, in: sse.NewReader(from, maxEvent), says: c.speaker()}
}

type translated struct {
	call *Call
	in   *sse.Reader
	says speaker
	out  bytes.Buffer
	over bool // nothing more is said
	err  error
}

// Read implements io.Reader.
func (t *translated) Read(p []byte) (int, error) {
	for t.out.Len() == 0 {
		if t.err != nil {
			return 0, t.err
		}
		t.step()
	}
	return t.out.Read(p)
}

// step takes one event.
func (t *translated) step() {
	ev, err := t.in.Next()
	switch {
	case errors.Is(err, io.EOF):
		t.err = io.EOF
		if !t.over && !t.end() {
			t.err = io.ErrUnexpectedEOF
		}
		return
	case err != nil:
		t.err = err
		return
	case t.over || len(bytes.TrimSpace(ev.Data)) == 0:
		return
	}
	d, err := doc.Parse(ev.Data)
	if err != nil {
		t.err = err
		return
	}
	root := d.Root()
	if first := root.Get("error"); said(first) {
		message, kind := failure(root)
		t.fail(message, kind)
		return
	}
	deltas, err := t.says.event(root)
	if u, ok := errors.AsType[*Unsaid](err); ok {
		t.fail("The answer can't be passed on: "+u.what+".", "")
		return
	}
	for _, d := range deltas {
		t.chunk(d)
	}
	if root.Get("type").Text() == "message_stop" {
		t.end()
	}
}

// fail tells of an error, after which nothing comes.
func (t *translated) fail(message, code string) {
	t.send(object{"error": fault(502, message, code)})
	t.over = true
}

// end tells that all was said, if it was.
func (t *translated) end() bool {
	last := t.says.end()
	if len(last) == 0 {
		return false
	}
	for _, d := range last {
		t.chunk(d)
	}
	t.send(chunk{t.head(), []chunkChoice{}, t.says.so().tokens.usage()})
	t.out.WriteString("data: [DONE]\n\n")
	t.over = true
	return true
}

// chunk is an event of OpenAI's.
type chunk struct {
	head
	Choices []chunkChoice `json:"choices"`
	Usage   object        `json:"usage,omitempty"`
}

type chunkChoice struct {
	Index int `json:"index"`
	Delta struct {
		Role      string          `json:"role,omitempty"`
		Content   *string         `json:"content,omitempty"`
		Reasoning string          `json:"reasoning_content,omitempty"`
		Refusal   string          `json:"refusal,omitempty"`
		Calls     []*callDelta    `json:"tool_calls,omitempty"`
		Extra     json.RawMessage `json:"extra_content,omitempty"`
	} `json:"delta"`
	Logprobs any     `json:"logprobs"`
	Finish   *string `json:"finish_reason"`
}

func (t *translated) head() head { return t.call.head("chat.completion.chunk", t.says.so()) }

// chunk sends a piece.
func (t *translated) chunk(d delta) {
	c := chunkChoice{Index: d.choice}
	p := &c.Delta
	p.Content, p.Reasoning, p.Refusal, p.Extra = appended(nil, d.text), d.thought, d.refusal, d.kept
	if d.begins {
		p.Role, p.Content = "assistant", new(string)
	}
	if d.call != nil {
		p.Calls = []*callDelta{d.call}
	}
	if d.finish != "" {
		c.Finish = &d.finish
	}
	t.send(chunk{t.head(), []chunkChoice{c}, nil})
}

func (t *translated) send(v any) {
	t.out.WriteString("data: ")
	t.out.Write(encode(v))
	t.out.WriteString("\n\n")
}
