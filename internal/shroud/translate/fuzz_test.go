package translate

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func FuzzRequest(f *testing.F) {
	for _, c := range requests {
		f.Add(strings.ReplaceAll(c.body, "MODEL", "m"))
	}
	f.Add(`{"model":"m","messages":[{"role":"assistant","content":"é","extra_content":{"anthropic":{"thinking":[{"text":1},{"type":"thinking"},{"text":1}]}}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, provider := range []string{Anthropic, Google} {
			c, err := Request(provider, []byte(body), t0)
			if err == nil && !json.Valid(c.Body) {
				t.Errorf("what %s gets is no JSON: %s", provider, c.Body)
			}
			if err == nil && strings.ContainsAny(c.Path, "?#%\n ") {
				t.Errorf("the path is %q", c.Path)
			}
		}
	})
}

func FuzzStream(f *testing.F) {
	for _, k := range talks {
		f.Add(k.provider == Google, k.stream, byte(3))
		f.Add(k.provider == Google, k.whole, byte(7))
	}
	f.Fuzz(func(t *testing.T, google bool, text string, most byte) {
		k := talk{provider: Anthropic}
		if google {
			k.provider = Google
		}
		c := ofTalk(t, k)
		if got, err := c.Answer([]byte(text)); err == nil && !json.Valid(got) {
			t.Errorf("an answer that is no JSON: %s", got)
		}
		a, errA := io.ReadAll(c.Stream(strings.NewReader(text)))
		b, errB := io.ReadAll(c.Stream(inPieces(text, 1+int(most), 1)))
		if !bytes.Equal(a, b) || (errA == nil) != (errB == nil) {
			t.Errorf("whole %s %v\nin pieces %s %v", a, errA, b, errB)
		}
		for e := range strings.SplitSeq(strings.TrimSpace(string(a)), "\n\n") {
			if data := strings.TrimPrefix(e, "data: "); e != "" && data != "[DONE]" && !json.Valid([]byte(data)) {
				t.Errorf("an event that is no JSON: %s", e)
			}
		}
		c.Refused(500, []byte(text))
	})
}
