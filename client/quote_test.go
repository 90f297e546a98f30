package client

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzQuoting: both ways they agree with encoding/json.
func FuzzQuoting(f *testing.F) {
	for _, s := range []string{``, `a`, "\x00\b\f\n\r\t\x1f\x7f\"\\/<>&", "é\u2028\u2029😀\ufffd", "\xff\xc3", `\ud83d\ude00`, `\ud83d`, `\ud83dx`, `\ud83d\u0041`, `\ude00\ud83d`, `\/\u00E9\u0000`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if utf8.ValidString(s) {
			b := appendQuoted(nil, []byte(s))
			var got string
			if err := json.Unmarshal([]byte(`"`+string(b)+`"`), &got); err != nil || got != s || len(b) != quotedLen([]byte(s)) {
				t.Errorf("%q became %s, read as %q, %v", s, b, got, err)
			}
		}
		for _, text := range []string{`"` + s + `"`, s} {
			var want string
			var v Value
			failed, err := json.Unmarshal([]byte(text), &want), json.Unmarshal([]byte(text), &v)
			if (failed == nil) != (err == nil) || failed == nil && want != string(v.Reveal()) {
				t.Errorf("%q: %q, %v; want %q, %v", text, v.Reveal(), err, want, failed)
			}
		}
	})
}

// TestAPayloadIsWiped: readers that the transport still has get nothing after the end.
func TestAPayloadIsWiped(t *testing.T) {
	text := []byte("secret")
	p := &payload{text: text}
	r, b := &payloadReader{p: p}, make([]byte, 3)
	if n, err := r.Read(b); n != 3 || err != nil || string(b) != "sec" {
		t.Errorf("%d %v %s", n, err, b)
	}
	p.wipe()
	if n, err := r.Read(b); n != 0 || err == nil || string(text) != "\x00\x00\x00\x00\x00\x00" {
		t.Errorf("%d %v %q", n, err, text)
	}
}
