package inspect_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// TestAStreamPutsBackWhatTheRequestHid: in each dialect, and in any pieces, also those of its bytes. What a tool is
// called with keeps its placeholders.
func TestAStreamPutsBackWhatTheRequestHid(t *testing.T) {
	m := maker(t)
	const text = "Mail ann@example.org about " + known + ", and not bob. "
	for d, of := range map[llmstub.Dialect]convo.Dialect{
		llmstub.Chat: convo.Chat{}, llmstub.Completions: convo.Chat{}, llmstub.Mistral: convo.Chat{}, llmstub.Responses: convo.Responses{},
		llmstub.Messages: convo.Messages{}, llmstub.Gemini: convo.Gemini{}, llmstub.Cohere: convo.Cohere{},
	} {
		for seed := range uint64(200) {
			random := rand.New(rand.NewPCG(seed, 21))
			s, r := session(t, m, `{"enable_response_filtering":`+[]string{"true", "false"}[seed%2]+`}`), request(t, text)
			edits, err := s.Request(r)
			if err != nil {
				t.Fatal(err)
			}
			hidden := edits[0].Text
			reply := llmstub.Says(llmstub.Said(llmstub.Text, llmstub.Cut(random, hidden+hidden, random.IntN(30)+1)...),
				llmstub.Called("f", llmstub.Cut(random, llmstub.Style{}.JSON(map[string]string{"to": hidden}), random.IntN(20)+1)...))
			reply.Framing.EOL = []string{"\n", "\r\n"}[random.IntN(2)]
			reply.Style.ASCII = random.IntN(2) == 0
			var out bytes.Buffer
			f := stream.Filter{Dialect: of, Inspect: s, Send: func(b []byte) error { out.Write(b); return nil }}
			if _, err := f.Run(strings.NewReader(string(bytes.Join(llmstub.Frames(d, llmstub.Events(d, &reply, true), reply.Framing), nil)))); err != nil {
				t.Fatal(err)
			}
			heard, err := llmstub.HearStream(d, out.Bytes())
			if err != nil || heard.Texts["0 text 0"] != text+text {
				t.Fatalf("%s, seed %d: %v %v", d, seed, err, heard)
			}
			for what, said := range heard.Texts {
				if strings.Contains(what, " call ") && (strings.Contains(said, known) || strings.Contains(said, "ann@")) {
					t.Fatalf("%s, seed %d: a tool gets %q", d, seed, said)
				}
			}
		}
	}
}
