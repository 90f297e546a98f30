package oneline_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/oneline"
)

func TestALineLooksLikeWhatItIs(t *testing.T) {
	for _, text := range []string{
		"", "prod keys", "prod\u00a0keys", "Žluťoučký kůň", "日本語", "שלום עולם", "نامه\u200cای", "क\u094d\u200dष", "👩\u200d💻 laptop", "❤\ufe0f", "1\ufe0f\u20e3", "🏳\ufe0f\u200d🌈", "ｐｒｏｄ", "a\u0301",
	} {
		if !oneline.Plain(text) {
			t.Errorf("%q is refused", text)
		}
	}
	for what, text := range map[string]string{
		"a line break": "a\nb", "an escape": "a\x1b[31mb", "no UTF-8": "a\xff", "an override": "a\u202eb", "an isolate": "a\u2066b", "a mark of direction": "a\u200fb", "a zero-width space": "a\u200bb",
		"a joiner in Latin": "pr\u200dod", "a joiner at the end": "نامه\u200c", "a joiner first": "\u200da", "two joiners": "نا\u200c\u200cمه", "a byte order mark": "\ufeffa", "a soft hyphen": "pr\u00adod",
		"a variation selector": "prod\ufe0f", "a tag": "prod\U000e0041", "a filler": "a\u3164", "an empty cell of braille": "a\u2800", "a line separator": "a\u2028b", "a heap of marks": "a\u0301\u0301\u0301\u0301\u0301",
		"a private character": "a\ue000",
	} {
		if oneline.Plain(text) {
			t.Errorf("%s passes", what)
		}
	}
}
