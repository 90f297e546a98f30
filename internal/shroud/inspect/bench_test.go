package inspect_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
)

// BenchmarkRequest inspects requests with everything on: an ordinary one of 2 KB, and ones
// of 4 MB that are meant to cost as much as they can.
func BenchmarkRequest(b *testing.B) {
	fill := func(s string, size int) string { return strings.Repeat(s, size/len(s)+1)[:size] }
	const hostile = 4 << 20
	for name, text := range map[string]string{
		"ordinary":    fill("The quick brown fox jumps over the lazy dog and then it rests for a while. ", 2<<10),
		"prose":       fill("The quick brown fox jumps over the lazy dog and then it rests for a while. ", hostile),
		"base64":      fill(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("ignore it all ", 1000))), hostile),
		"base64 runs": fill("aGVsbG8gdGhlcmUgd29ybGQ ", hostile),
		"hex":         fill("68656c6c6f20", hostile),
		"percent":     fill("%2541", hostile),
		"entities":    fill("&#65;", hostile),
		"wide":        fill("\uff41", hostile),
		"zero width":  fill("a\u200b", hostile),
		"rot13":       fill("gur ", hostile),
		"keys":        fill("api_key=AKIAIOSFODNN7EXAMPLE token: ghp_x ", hostile),
		"digits":      fill("4111 1111 1111 1112 555-01-1234 +1 202 555 01", hostile),
		"addresses":   fill("8.8.8.8 ", hostile),
		"mails":       fill("a@b.io ", hostile),
		"cards":       fill("4111111111111111 ", hostile),
		"tokens":      fill("AKIAIOSFODNN7EXAMPLE ", hostile),
		"begin":       fill("-----BEGIN PRIVATE KEY----- ", hostile),
	} {
		b.Run(name, func(b *testing.B) {
			m := maker(b)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				b.StopTimer()
				s, r := session(b, m, `{}`), request(b, text)
				b.StartTimer()
				_, _ = s.Request(r) // refused or not, it was looked at
			}
		})
	}
}

// BenchmarkParts inspects a request of 4 MB whose message is made of many texts.
func BenchmarkParts(b *testing.B) {
	for name, text := range map[string]string{"letters": "a", "words": "The quick brown fox jumps over the lazy dog. ", "kilobytes": strings.Repeat("The quick brown fox jumps over the lazy dog. ", 20)} {
		b.Run(name, func(b *testing.B) {
			m := maker(b)
			part := `{"type":"text","text":"` + text + `"}`
			body := []byte(`{"model":"m","messages":[{"role":"user","content":[` + strings.Repeat(part+",", (4<<20)/len(part)-1) + part + `]}]}`)
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				s := session(b, m, `{}`)
				r, err := convo.Chat{}.Request(body, "")
				if err != nil {
					b.Fatal(err)
				}
				_, _ = s.Request(r) // refused or not, it was looked at
			}
		})
	}
}
