package stream_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// asking tells when all that it has was read, and more is asked for.
type asking struct {
	io.Reader
	more func()
}

func (a *asking) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		a.more()
	}
	return n, err
}

// TestATextThatEndsWaitsForNoTool: where something else than a text begins after it, all of the text is sent then, however long that
// takes; where a text begins beside it, once its beginning has come.
func TestATextThatEndsWaitsForNoTool(t *testing.T) {
	said := llmstub.Said(llmstub.Text, "I ask ", "the other one.")
	search := llmstub.Called("web_search", `{"query":"a"}`)
	search.Kind = llmstub.Remote
	for name, c := range map[string]struct {
		next  llmstub.Part
		until string // the event up to which the stream has come
		sent  bool
	}{
		"a call":       {llmstub.Called("weather", `{"city":"Bern"}`), `"tool_use"`, true},
		"a search":     {search, `"server_tool_use"`, true},
		"a text":       {llmstub.Said(llmstub.Text, "It", " is beside it."), `"It"`, false},
		"a long text":  {llmstub.Said(llmstub.Text, strings.Repeat("It is long and beside it. ", 20), "the end"), `It is long`, true},
		"no more text": {llmstub.Said(llmstub.Refusal), `"message_delta"`, true},
	} {
		reply := llmstub.Says(said, c.next)
		var in bytes.Buffer
		for _, frame := range llmstub.Frames(llmstub.Messages, llmstub.Events(llmstub.Messages, &reply, true), reply.Framing) {
			if in.Write(frame); bytes.Contains(frame, []byte(c.until)) {
				break
			}
		}
		var out bytes.Buffer
		asked := false
		f := stream.Filter{Dialect: dialects[llmstub.Messages], Inspect: &inspector{known: "hunter2hunter2"}, Send: func(p []byte) error { out.Write(p); return nil }}
		_, err := f.Run(&asking{&in, func() {
			if asked {
				return
			}
			asked = true
			if sent := strings.Contains(out.String(), "content_block_stop"); sent != c.sent {
				t.Errorf("%s: the end of the text is sent: %v", name, sent)
			}
		}})
		if !errors.Is(err, stream.ErrBroken) || !asked || !strings.Contains(out.String(), "content_block_stop") {
			t.Errorf("%s: %v: %s", name, err, out.String())
		}
	}
}
