package console

import "testing"

func TestWrap(t *testing.T) {
	for _, tc := range []struct {
		text   string
		width  int
		indent string
		want   string
	}{
		{"one two three", 0, "", "one two three"},
		{"one two three", 13, "", "one two three"},
		{"one two three", 12, "", "one two\nthree"},
		{"one two three", 7, "  ", "one two\n  three"},
		{"run `a b c` now", 9, "", "run\n`a b c`\nnow"},
		{"run `a b c d e f` now", 9, "", "run `a b\nc d e f`\nnow"},
		{"a `b c d", 4, "", "a `b\nc d"},
		{"averylongword x", 4, "  ", "averylongword\n  x"},
		{"鍵鍵 鍵鍵", 8, "", "鍵鍵\n鍵鍵"},
		{"say `x`, then `y z`.", 14, "", "say `x`, then\n`y z`."},
	} {
		if got := Wrap(tc.text, tc.width, tc.indent); got != tc.want {
			t.Errorf("%q in %d: %q, want %q", tc.text, tc.width, got, tc.want)
		}
	}
}
