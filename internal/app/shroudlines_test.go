package app

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

// TestAValueOfLinesIsTakenOutInOneLine, in requests and answers, whole and in pieces.
func TestAValueOfLinesIsTakenOutInOneLine(t *testing.T) {
	r := shroud(t)
	random := rand.New(rand.NewPCG(6, 7))
	for path, v := range map[string]struct{ value, part string }{
		"db/main": {"USER=app\nPASSWORD=correct horse battery\nHOST=db.internal", "horse"},
		"db/key":  {"first of the lines\nOF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n1RTwjmYSi9R/zpBn", "1RTwjmYSi9R"},
		"db/list": {"{\n  \"user\": \"app\",\n  \"pin\": 48151623,\n  \"list\": [1, 22, 333, 4444]\n}", "48151623"},
	} {
		body, _ := json.Marshal(map[string]string{"type": "note", "value": v.value})
		r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/"+path, r.owner, string(body))
		for _, sep := range []string{"", " ", "\t", "|", ", ", "<br>", ";", "\n\n", `\n`, `\\n`, "%0A", `", "`} {
			text := "It is kept " + strings.ReplaceAll(v.value, "\n", sep) + " there. And so on."
			quoted, _ := json.Marshal(text)
			ask := strings.Replace(hello, `"Hello"`, string(quoted), 1)
			r.stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, text)))
			got := r.send("POST", chat, ask, r.usual())
			sent := string(r.stub.Last().Body)
			if strings.Contains(sent, v.part) || !strings.Contains(sent, "It is kept [REDACTED:"+path+"] there. And so on.") {
				t.Errorf("%s with %q: it sends %s", path, sep, sent)
			}
			if got.status != 200 || strings.Contains(got.body, v.part) || !strings.Contains(got.body, "It is kept [REDACTED:"+path+"] there. And so on.") {
				t.Errorf("%s with %q: it answers %d %s", path, sep, got.status, got.body)
			}
			reply := llmstub.Says(llmstub.Said(llmstub.Text, llmstub.Cut(random, text, 1+random.IntN(len(text)))...))
			r.stub.Answer(reply)
			got = r.send("POST", chat, strings.Replace(hello, "{", `{"stream":true,`, 1), r.usual())
			if said := streamed(got.body); got.status != 200 || said != "It is kept [REDACTED:"+path+"] there. And so on." {
				t.Errorf("%s with %q: it streams %q", path, sep, said)
			}
		}
	}
}

// streamed is the text of a chat's stream.
func streamed(body string) string {
	var out strings.Builder
	for line := range strings.Lines(body) {
		var event struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: "); ok && json.Unmarshal([]byte(data), &event) == nil && len(event.Choices) > 0 {
			out.WriteString(event.Choices[0].Delta.Content)
		}
	}
	return out.String()
}
