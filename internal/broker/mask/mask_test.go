package mask_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"math/rand/v2"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/broker/mask"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

func values(texts ...string) (out []known.Value) {
	for _, t := range texts {
		out = append(out, known.Value{Label: "k", Value: secret.FromString(t)})
	}
	return out
}

// spellings are the ways in which other servers write a value.
func spellings(value string) map[string]string {
	quoted, _ := json.Marshal(value)
	spaced := ""
	for i, c := range hex.EncodeToString([]byte(value)) {
		if i > 0 && i%2 == 0 {
			spaced += ":"
		}
		spaced += strings.ToUpper(string(c))
	}
	folded := ""
	for i := 0; i < len(value); i += 7 {
		folded += value[i:min(i+7, len(value))] + "\r\n "
	}
	units := ""
	for _, c := range []byte(value) {
		units += `\u00` + hex.EncodeToString([]byte{c})
	}
	return map[string]string{
		"as it is": value, "base64": base64.StdEncoding.EncodeToString([]byte(value)), "base64 within": base64.StdEncoding.EncodeToString([]byte("x" + value + "y")),
		"base64url within": base64.RawURLEncoding.EncodeToString([]byte("xy" + value)), "hex": hex.EncodeToString([]byte(value)), "hex in pairs": spaced,
		"query": url.QueryEscape(value), "path": url.PathEscape(value), "JSON": string(quoted[1 : len(quoted)-1]), "HTML": html.EscapeString(value),
		"folded": strings.TrimRight(folded, "\r\n "), "units": units,
	}
}

// partly are spellings in which a program has escaped some of the letters, in one way or in several.
func partly(r *rand.Rand, value string) map[string]string {
	ways := map[string]string{"x": `\x%02x`, "u": `\u%04X`, "URL": "%%%02X", "HTML": "&#%d;", "HTML in hex": "&#x%04x;"}
	chosen := slices.Sorted(maps.Keys(ways))
	some := func(text string, ways ...string) string {
		var b strings.Builder
		for _, c := range []byte(text) {
			// what begins an escape can't be left as it is, since it would be read with what follows
			if r.IntN(4) == 0 || strings.IndexByte(`\%&`, c) >= 0 {
				fmt.Fprintf(&b, ways[r.IntN(len(ways))], c)
			} else {
				b.WriteByte(c)
			}
		}
		return b.String()
	}
	out := map[string]string{"slashes": strings.ReplaceAll(strings.ReplaceAll(value, `\`, `\\`), "/", `\/`)}
	if strings.ContainsAny(value, "%&") {
		delete(out, "slashes")
	}
	var every []string
	for _, k := range chosen {
		every = append(every, ways[k])
		out["some "+k] = some(value, ways[k])
		out["base64, some "+k] = some(base64.StdEncoding.EncodeToString([]byte(value)), ways[k])
		out["hex, some "+k] = some(hex.EncodeToString([]byte(value)), ways[k])
	}
	out["some of each"] = some(value, every...)
	for name, text := range map[string]string{"base64": base64.StdEncoding.EncodeToString([]byte(value)), "hex": hex.EncodeToString([]byte(value))} {
		for _, brk := range []string{`\n`, "%0A", `\u000a`, "&#10;", `\r\n    `} {
			folded := ""
			for i := 0; i < len(text); i += 16 {
				folded += text[i:min(i+16, len(text))] + brk
			}
			out[name+" in lines with "+brk] = strings.TrimSuffix(folded, brk)
		}
	}
	return out
}

// passed is a text that went through a mask in pieces. quiet says after which of them nothing came for a moment.
func passed(m *mask.Mask, text string, cut func(left int) int, quiet func() bool) string {
	var out bytes.Buffer
	for text != "" {
		n := min(len(text), cut(len(text)))
		out.Write(m.Write([]byte(text[:n])))
		if text = text[n:]; quiet() {
			out.Write(m.Quiet())
		}
	}
	out.Write(m.Rest())
	return out.String()
}

func never() bool { return false }

// However an answer is cut, it comes out as long as it was, and the value in no spelling.
func TestEverySpellingIsMaskedHoweverItIsCut(t *testing.T) {
	const beside = 6 // letters of base64 that are partly of what stands beside the value, and its padding
	size := func(n int) func(int) int { return func(int) int { return n } }
	r := rand.New(rand.NewPCG(29, 31))
	for _, value := range []string{"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "s3cr3t/With+\"quotes\"&more=42", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "deadbeef00112233445566778899aabb", "a\\b%41cc\\\\dd<e>", strings.Repeat("long-value-", 80)} {
		m := mask.New(values(value))
		all := spellings(value)
		maps.Copy(all, partly(r, value))
		for name, text := range all {
			before, after := strings.Repeat("text before. ", r.IntN(500)), strings.Repeat(" after\n\n", 500)
			src, at := before+text+after, len(before)
			check := func(how string, cut func(int) int) {
				got := passed(m.Again(), src, cut, never)
				if len(got) != len(src) || got[:max(0, at-1)] != before[:max(0, at-1)] || !strings.HasSuffix(got, after) {
					t.Errorf("%s of %.12q, %s: what is beside it changed", name, value, how)
				} else if shown := got[at : at+len(text)]; len(strings.ReplaceAll(shown, "*", "")) > beside {
					t.Errorf("%s of %.12q, %s: %q", name, value, how, shown)
				}
			}
			check("whole", size(len(src)))
			for cut := at; cut <= at+len(text); cut += 1 + len(text)/60 {
				first := cut
				check(fmt.Sprint("cut at ", cut-at), func(int) int { n := max(1, first); first = 2000; return n })
			}
			check("byte by byte", size(1))
			check("in pieces of 5", size(5))
			check("in pieces of 16", size(16))
			check("in any pieces", func(left int) int { return 1 + r.IntN(min(left, 300)) })
		}
	}
}

// What is let go depends on how much came alone: a text that begins as a value does, in any spelling, is held back
// as every other is. An agent may choose what a host repeats, and would else learn letter by letter.
func TestHowMuchIsHeldBackSaysNothing(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=_-.\\%&\"<"
	r := rand.New(rand.NewPCG(19, 23))
	random := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	for range 1000 {
		value := random(8 + r.IntN(60))
		m := mask.New(values(value))
		all := spellings(value)
		names := slices.Sorted(maps.Keys(all))
		for range 2 {
			name := names[r.IntN(len(names))]
			text := all[name]
			part := text[:1+r.IntN(len(text)-1)]
			size := r.IntN(3000)
			before := random(size)
			one, other := m.Again(), m.Again()
			a, b := before+part, random(size)+random(len(part))
			framed, too := mask.NewFrames(m.Again()), mask.NewFrames(m.Again())
			fa, fb := frame(0x81, a), frame(0x81, b)
			for a != "" {
				n := 1 + r.IntN(min(len(a), 700))
				got, want := len(one.Write([]byte(a[:n]))), len(other.Write([]byte(b[:n])))
				if got != want || one.Holds() != other.Holds() {
					t.Fatalf("%s of %q: %d bytes instead of %d go on when it has begun as %q", name, value, got, want, part)
				}
				a, b = a[n:], b[n:]
				if r.IntN(4) == 0 {
					if got, want := len(one.Aged()), len(other.Aged()); got != want {
						t.Fatalf("%s of %q: %d bytes instead of %d are old", name, value, got, want)
					}
				}
				if r.IntN(3) > 0 {
					continue
				}
				if got, want := len(one.Quiet()), len(other.Quiet()); got != want || one.Holds() || other.Holds() {
					t.Fatalf("%s of %q: %d bytes instead of %d go on after a pause", name, value, got, want)
				}
			}
			for fa != "" {
				n := 1 + r.IntN(len(fa))
				if got, want := len(framed.Write([]byte(fa[:n]))), len(too.Write([]byte(fb[:n]))); got != want {
					t.Fatalf("%s of %q: %d bytes of a frame instead of %d go on", name, value, got, want)
				}
				fa, fb = fa[n:], fb[n:]
			}
			if got, want := len(framed.Quiet()), len(too.Quiet()); got != want || framed.Holds() {
				t.Fatalf("%s of %q: %d bytes of a frame instead of %d go on after a pause", name, value, got, want)
			}
		}
	}
}

// All is let go when nothing comes; what goes on from it is masked all the same.
func TestAfterAPauseTheRestOfAValueIsMasked(t *testing.T) {
	for _, value := range []string{"ghp_0123456789abcdefghijABCDEFGHIJ012345", strings.Repeat("long-", 50) + "value", strings.Repeat("ab", 400)} {
		for name, text := range spellings(value) {
			for cut := 1; cut < len(text)-8; cut += 1 + len(text)/40 {
				m := mask.New(values(value))
				src := strings.Repeat("some text before. ", 500) + text
				at := len(src) - len(text) + cut
				got := string(m.Write([]byte(src[:at])))
				got += string(m.Quiet())
				if m.Holds() || len(got) != at {
					t.Fatalf("%s of %.12q: after a pause %d bytes of %d were let go", name, value, len(got), at)
				}
				rest := string(m.Write([]byte(src[at:] + " after")))
				rest += string(m.Rest())
				if len(strings.ReplaceAll(rest, "*", "")) > len(" after")+6 || m.Found() == 0 {
					t.Errorf("%s of %.12q, after a pause at %d: %q", name, value, cut, rest)
				}
			}
		}
	}
}

// A text that comes slowly and never pauses goes on all the same, but for what came after the last time.
// TestATextThatPausesTakesLittleMemory, and is masked as before, however much came until then.
func TestATextThatPausesTakesLittleMemory(t *testing.T) {
	const value = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
	piece := []byte(strings.Repeat("A line with a \\n in it, %41 and &amp; too.\n", 2000))[:64<<10]
	inUse := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc) // signed: what other tests left may go meanwhile
	}
	all, first := make([]*mask.Mask, 40), mask.New(values(value))
	before := inUse()
	for i := range all {
		all[i] = first.Again()
		for range 3 {
			all[i].Write(piece)
		}
		all[i].Write([]byte(" then " + value[:20]))
		all[i].Quiet()
	}
	if each := (inUse() - before) / int64(len(all)); each > 16<<10 {
		t.Errorf("%d bytes for each of them", each)
	}
	for _, m := range all {
		out := string(m.Write([]byte(value[20:]+" and on"))) + string(m.Rest())
		if want := strings.Repeat("*", 20) + " and on"; out != want {
			t.Fatalf("after the pause came %q", out)
		}
	}
}

func TestWhatComesSlowlyGoesOn(t *testing.T) {
	m := mask.New(values("sk_live_0123456789"))
	const word = "word "
	var out bytes.Buffer
	for i := range 50 {
		for range 4 {
			out.Write(m.Write([]byte(word)))
		}
		if out.Write(m.Aged()); out.Len() != 4*len(word)*i {
			t.Fatalf("after %d times %d bytes came", i+1, out.Len())
		}
	}
	before := out.Len()
	out.Write(m.Write([]byte("sk_live_01"))) // a value that comes between two times is masked whole
	out.Write(m.Aged())
	out.Write(m.Write([]byte("23456789.")))
	out.Write(m.Aged())
	out.Write(m.Rest())
	if got := out.String()[before:]; got != strings.Repeat(word, 4)+strings.Repeat("*", 18)+"." {
		t.Errorf("%q", got)
	}
}

// Nothing comes out later than a value may be long, and a text of any size takes no more memory.
func TestALongTextGoesOn(t *testing.T) {
	m := mask.New(values("sk_live_0123456789"))
	piece, in, out := bytes.Repeat([]byte("data: {}\n\n"), 100), 0, 0
	for range 1000 {
		in += len(piece)
		if out += len(m.Write(piece)); in-out > 2000 {
			t.Fatalf("%d bytes are held back", in-out)
		}
	}
}

// Two values of which one hides a part of the other are both masked whole.
func TestValuesThatOverlapAreBothMasked(t *testing.T) {
	got := passed(mask.New(values("aaaabbbbcccc", "bbbbccccdddd")), "x aaaabbbbccccdddd y", func(int) int { return 3 }, never)
	if got != "x "+strings.Repeat("*", 16)+" y" {
		t.Error(got)
	}
}

// Random texts with values in them: what known finds in the whole is what is masked, however it is cut.
func FuzzCuts(f *testing.F) {
	f.Add("s3cr3t-value-1", "text s3cr3t-value-1 and c3Ri", uint64(1))
	f.Add("\\u0041\\\\abc", "\\\\u0041\\\\\\\\abc", uint64(2))
	f.Add("\x8200001", "0", uint64(0)) // no text
	f.Add("0123456789abcdef", "01:23:45:67:89:AB:CD:EF 3031", uint64(3))
	f.Fuzz(func(t *testing.T, value, text string, seed uint64) {
		if len(strings.TrimSpace(value)) < known.Shortest || len(value) > 400 {
			return
		}
		for _, v := range spellings(value) {
			text += v + "."
		}
		r := rand.New(rand.NewPCG(seed, 1))
		got := passed(mask.New(values(value)), text, func(left int) int { return 1 + r.IntN(left) }, never)
		if len(got) != len(text) {
			t.Fatalf("%d bytes became %d", len(text), len(got))
		}
		for _, m := range known.New(values(value)).Find(text) {
			var open []int
			for i := m.Start; i < m.End; i++ {
				if got[i] != '*' {
					open = append(open, i)
				}
			}
			// A letter of base64 beside a value may have gone before the value began.
			if open = slices.DeleteFunc(open, func(i int) bool { return m.As == "base64" && (i == m.Start || text[i] == '=') }); len(open) > 0 {
				t.Errorf("%q of %q is open at %v: %q", text[m.Start:m.End], value, open, got[m.Start:m.End])
			}
		}
	})
}

func BenchmarkMask(b *testing.B) {
	random := make([]byte, 64<<10)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(random)
	for name, piece := range map[string][]byte{
		"prose":  []byte(strings.Repeat("The quick brown fox jumps over the lazy dog, and goes on. ", 1200))[:64<<10],
		"lines":  []byte(strings.Repeat("The quick brown fox jumps over the lazy dog, and rests.\n", 1200))[:64<<10],
		"json":   []byte(strings.Repeat(`{"id":"4f1d2c3b","path":"a\/b","text":"say \"so\"","n":12345678},`, 1200))[:64<<10],
		"random": random,
		"base64": []byte(base64.StdEncoding.EncodeToString(random))[:64<<10],
		"hex":    []byte(hex.EncodeToString(random))[:64<<10],
	} {
		b.Run(name, func(b *testing.B) {
			m := mask.New(values("ghp_0123456789abcdefghijABCDEFGHIJ012345"))
			b.SetBytes(int64(len(piece)))
			b.ReportAllocs()
			for b.Loop() {
				m.Write(piece)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	of := values("ghp_0123456789abcdefghijABCDEFGHIJ012345")
	b.ReportAllocs()
	for b.Loop() {
		mask.New(of)
	}
}
