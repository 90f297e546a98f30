package inspect_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
)

// TestSoundPassesAndItsTranscriptIsLookedAt: each piece of sound is decoded by itself, so that it has to stay what
// it was; what is spoken in it comes in pieces of text.
func TestSoundPassesAndItsTranscriptIsLookedAt(t *testing.T) {
	sound := base64.StdEncoding.EncodeToString([]byte("\x00\x01 sound that says nothing \xfe"))
	chunk := func(audio string) string {
		return `data: {"id":"x","choices":[{"index":0,"delta":{"audio":{` + audio + `}}}]}` + "\n\n"
	}
	event := func(n, rest string) string {
		return `data: {"sequence_number":` + n + `,"output_index":0,"type":"response.` + rest + "}\n\n"
	}
	for name, c := range map[string]struct {
		of    convo.Dialect
		in    string
		piece string // how many times sound is there
	}{
		"chat": {convo.Chat{}, chunk(`"id":"a","transcript":"It is `+known[:9]+`"`) + chunk(`"data":"`+sound+`"`) + chunk(`"transcript":"`+known[9:]+`, yes"`) + chunk(`"data":"`+sound+`"`) +
			chunk(`"expires_at":1790000000`) + `data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n", `"data":"` + sound + `"`},
		"responses": {convo.Responses{}, event("0", `audio.transcript.delta","delta":"It is `+known[:9]+`"`) + event("1", `audio.delta","delta":"`+sound+`"`) + event("2", `audio.transcript.delta","delta":"`+known[9:]+`, yes"`) +
			event("3", `audio.delta","delta":"`+sound+`"`) + event("4", `audio.done"`) + event("5", `audio.transcript.done"`) + event("6", `completed","response":{"usage":{"input_tokens":1,"output_tokens":1}}`), `"delta":"` + sound + `"`},
	} {
		var out bytes.Buffer
		f := stream.Filter{Dialect: c.of, Inspect: session(t, maker(t), ""), Send: func(b []byte) error { out.Write(b); return nil }}
		if _, err := f.Run(strings.NewReader(c.in)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := out.String()
		if strings.Count(got, c.piece) != 2 || strings.Contains(got, known[9:]) || strings.Contains(got, known[:9]) || !strings.Contains(got, "[REDACTED:prod/horses], yes") {
			t.Errorf("%s: %s", name, got)
		}
	}
	whole := `{"choices":[{"index":0,"message":{"role":"assistant","content":null,"audio":{"id":"a","data":"` + sound + `","transcript":"It is ` + known + `"}},"finish_reason":"stop"}]}`
	a, err := convo.Chat{}.Answer([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	edits, err := session(t, maker(t), "").View(&a.View)
	if got := string(a.Rewrite(edits)); err != nil || !strings.Contains(got, sound) || !strings.Contains(got, "It is [REDACTED:prod/horses]") {
		t.Errorf("%s, %v", got, err)
	}
}
