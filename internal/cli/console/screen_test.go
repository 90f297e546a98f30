package console

import (
	"slices"
	"testing"
)

func TestScreenWidth(t *testing.T) {
	for s, want := range map[string]int{
		"":                   0,
		"a/b":                3,
		"é":                  1,
		"e\u0301":            1, // the accent apart
		"鍵/鍵":                5,
		"Ａｂ":                 4, // full width
		"ｱｲ":                 2, // half width
		"한국어":                6,
		"\u1112\u1161\u11ab": 2, // 한 in three parts
		"नमस्ते":             4,
		"สวัสดี":             4,
		"👍":                  2,
		"👍🏽":                 2,
		"❤️":                 2,
		"1️⃣":                2,
		"🇩🇪":                 2,
		"\u0301":             0,
		"…":                  1,
	} {
		if got := screenWidth(s); got != want {
			t.Errorf("%q: %d cells, want %d", s, got, want)
		}
	}
}

func TestColumns(t *testing.T) {
	got := columns([]string{"NAME", "ID", "NOTE"}, [][]string{{"鍵", "1", ""}, {"e\u0301", "22", "x"}, {"", "", ""}}, plain)
	want := []string{"NAME  ID  NOTE", "鍵    1", "e\u0301     22  x", ""}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	got = columns([]string{"A", "B"}, [][]string{{"aaa", "b"}}, heading)
	want = []string{"\x1b[1;36mA\x1b[m    \x1b[1;36mB\x1b[m", "aaa  b"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		s     string
		width int
		want  string
	}{{"abcdef", 6, "abcdef"}, {"abcdef", 5, "abcd…"}, {"鍵鍵鍵", 5, "鍵鍵…"}, {"鍵鍵鍵", 4, "鍵…"}, {"ae\u0301bc", 3, "ae\u0301…"}} {
		if got := cut(tc.s, tc.width); got != tc.want {
			t.Errorf("%q in %d cells: %q, want %q", tc.s, tc.width, got, tc.want)
		}
	}
}
