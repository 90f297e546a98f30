package known

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestAFlatValueIsFoundInALongText: wherever it stands, across the windows that a long text is looked at in too, and
// with nothing but what stands between lines before or behind it.
func TestAFlatValueIsFoundInALongText(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for name, value := range ofLines {
		set := setOf(map[string]string{name: value, "token": "sk-proj-abcDEF123456_ghiJKL-7890"})
		for how, text := range flattened(value) {
			for filler, of := range map[string]string{"prose": "The quick brown fox, with <b>its</b> | \\n\"work\". ", "blanks": " \t", "tags": "<br><br/>x<b", "escapes": `\\n\u0041%41`} {
				before := strings.Repeat(of, 2*window/len(of)+1)[:window-len(text)+random.IntN(2*len(text))] + "x: "
				src := before + text + " and " + strings.Repeat(of, random.IntN(3*window/len(of)))
				got := set.Find(src)
				if len(got) == 0 || got[0].Start != len(before) || got[0].Label != name || got[0].End != len(before)+len(text) {
					t.Errorf("%s, %s, in %s: %v at %d, want %d to %d", name, how, filler, got, len(before), len(before), len(before)+len(text))
				}
			}
		}
	}
}

// TestATextIsReadAfterAnother: nothing of the text before is found.
func TestATextIsReadAfterAnother(t *testing.T) {
	set := setOf(map[string]string{"pem": pem})
	var f Finder
	for range 2 {
		f.Read([]byte(strings.ReplaceAll(pem, "\n", " ")))
		if len(f.Find(set)) != 1 {
			t.Error("it is not found")
		}
		f.Read([]byte(strings.Repeat("nothing of it, ", 500)))
		if found := f.Find(set); len(found) > 0 {
			t.Errorf("in the next text: %v", found)
		}
	}
}

// TestATightTextHasAllThatAFlatOneHas: what is looked for in the flat text is in the tight one, but for what stands
// between lines.
func TestATightTextHasAllThatAFlatOneHas(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	keeps := newKept()
	words := []string{"a", "nr", "t", `\`, "<", "br", "<br>", "<br />", "<BR/", ">", " ", "\t", ",", ";", "|", "+", `"`, "é", "0", strings.Repeat(" ", 40)}
	for range 5000 {
		var b strings.Builder
		for range random.IntN(30) {
			b.WriteString(words[random.IntN(len(words))])
		}
		src := b.String()
		of := &canon{text: []byte(src), runs: []run{{0, 0, -1}}, read: len(src)}
		flat, tight := &canon{}, &canon{}
		flat.takeFlat(of, true, 0)
		want := strings.ReplaceAll(strings.ReplaceAll(string(flat.text), " ", ""), "\t", "")
		got, _ := keeps.tight(tight, []byte(src))
		if got := string(got); !strings.Contains(src, strings.Repeat(" ", 40)) && got != string(flat.text) || len(want) > len(got)+40 {
			t.Fatalf("of %q: %q, and the flat text is %q", src, got, flat.text)
		}
	}
}
