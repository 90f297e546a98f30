package known

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

func setOf(values map[string]string) *Set {
	var list []Value
	for label, v := range values {
		list = append(list, Value{label, secret.FromString(v)})
	}
	return New(list)
}

func label(m Match) string { return "[REDACTED:" + m.Label + "]" }

const pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\nOF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n-----END PRIVATE KEY-----\n"

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b[1 : len(b)-1])
}

func lines(s string, width int, gap string) string {
	var out []string
	for len(s) > width {
		n := width
		for n < len(s) && strings.IndexByte(" \n\r", s[n]) >= 0 { // what begins a line may be its indentation
			n++
		}
		out, s = append(out, s[:n]), s[n:]
	}
	return strings.Join(append(out, s), gap)
}

// writings are the ways in which a value is found.
func writings() map[string]func(string) string {
	b64 := func(e *base64.Encoding, before, after int) func(string) string {
		return func(s string) string {
			return e.EncodeToString([]byte(strings.Repeat("\x01", before) + s + strings.Repeat("\xfe", after)))
		}
	}
	return map[string]func(string) string{
		"in the clear":      func(s string) string { return s },
		"base64":            b64(base64.StdEncoding, 0, 0),
		"base64 after 1":    b64(base64.StdEncoding, 1, 3),
		"base64 after 2":    b64(base64.StdEncoding, 2, 1),
		"base64 after 4":    b64(base64.StdEncoding, 4, 2),
		"base64url":         b64(base64.RawURLEncoding, 0, 1),
		"base64url after 2": b64(base64.RawURLEncoding, 2, 2),
		"base64 in lines":   func(s string) string { return lines(b64(base64.StdEncoding, 50, 60)(s), 76, "\r\n") },
		"base64 in JSON":    func(s string) string { return strings.ReplaceAll(b64(base64.StdEncoding, 0, 0)(s), "/", `\/`) },
		"base64 in a URL":   func(s string) string { return url.QueryEscape(b64(base64.StdEncoding, 1, 0)(s)) },
		"hex":               func(s string) string { return hex.EncodeToString([]byte(s)) },
		"upper hex":         func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
		"hex in lines":      func(s string) string { return lines(hex.EncodeToString([]byte(s)), 32, "\n    ") },
		"mixed hex":         func(s string) string { return mixed(hex.EncodeToString([]byte(s))) },
		"hex with colons":   func(s string) string { return strings.Join(chunks(hex.EncodeToString([]byte(s)), 2), ":") },
		"hex with blanks":   func(s string) string { return strings.Join(chunks(mixed(hex.EncodeToString([]byte(s))), 2), " ") },
		"hex with dashes": func(s string) string {
			return strings.ToUpper(strings.Join(chunks(hex.EncodeToString([]byte(s)), 2), "-"))
		},
		"a key's lines": func(s string) string {
			return lines(strings.Join(chunks(hex.EncodeToString([]byte(s)), 2), ":"), 45, "\n    ")
		},
		"a dump": func(s string) string {
			return lines(strings.Join(chunks(hex.EncodeToString([]byte(s)), 4), " "), 40, "\n")
		},
		"JSON":               quoted,
		"JSON in JSON":       func(s string) string { return quoted(quoted(s)) },
		"a query":            url.QueryEscape,
		"a path":             url.PathEscape,
		"a query in a query": func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
		"every byte escaped": func(s string) string { return each(s, "%%%02x") },
		"every character":    func(s string) string { return each(s, `\u%04x`) },
		"x escapes":          func(s string) string { return each(s, `\x%02X`) },
		"some escaped":       func(s string) string { return strings.ReplaceAll(s, "e", "%65") },
		"HTML":               html.EscapeString,
		"HTML's names":       named.Replace,
		"HTML's numbers":     func(s string) string { return characters(s, "&#%d;") },
		"HTML's zeros":       func(s string) string { return characters(s, "&#%07d;") },
		"HTML without ends":  func(s string) string { return characters(s, "&#%d") },
		"HTML hex, no ends":  func(s string) string { return characters(s, "&#x%02x") },
		"HTML in hex":        func(s string) string { return characters(s, "&#X%02X;") },
		"HTML in HTML":       func(s string) string { return html.EscapeString(html.EscapeString(s)) },
		"HTML in JSON":       func(s string) string { return strings.ReplaceAll(quoted(named.Replace(s)), `\u0026`, "&") },
		"base64 in HTML": func(s string) string {
			return strings.NewReplacer("/", "&#x2F;", "+", "&#43;", "=", "&#x3D;").Replace(b64(base64.StdEncoding, 2, 0)(s))
		},
		"lines of ten":        func(s string) string { return lines(s, 10, "\n") },
		"lines, indented":     func(s string) string { return lines(s, 7, "\r\n\t    ") },
		"a shell's lines":     func(s string) string { return lines(s, 12, "\\\n") },
		"JSON's lines":        func(s string) string { return lines(s, 12, `\n  `) },
		"lines of 1":          func(s string) string { return lines(s, 1, "\n") },
		"URL's line breaks":   func(s string) string { return lines(s, 9, "%0a") },
		"x escapes in base64": func(s string) string { return b64(base64.StdEncoding, 0, 0)(s) + " " + each(s, `\x%02x`) },
	}
}

// named writes what is special in HTML as templates of several languages do.
var named = strings.NewReplacer("&", "&amp;", "<", "&LT;", ">", "&gt;", `"`, "&quot;", "'", "&apos;", "/", "&#x2F;")

// TestCharactersOfHTMLAreReadHoweverTheyAreWritten: any of a value's characters, each in any way.
func TestCharactersOfHTMLAreReadHoweverTheyAreWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 17))
	names := map[byte][]string{'&': {"&amp;", "&AMP;"}, '<': {"&lt;", "&LT;"}, '>': {"&gt;", "&GT;"}, '"': {"&quot;", "&QUOT;"}, '\'': {"&apos;", "&#39;", "&#039;", "&#x27;"}}
	const letters = "abzAZ09&<>\"'/\\+=-_;#% .x"
	for range 2000 {
		value, text := make([]byte, 8+r.IntN(40)), ""
		for i := range value {
			value[i] = letters[r.IntN(len(letters))]
		}
		value[0], value[len(value)-1] = 'v', 'z' // blanks at its ends are no part of it
		for _, c := range value {
			ways := append([]string{fmt.Sprintf("&#%0*d;", r.IntN(8), c), fmt.Sprintf("&#x%0*x;", r.IntN(8), c), fmt.Sprintf("&#X%02X;", c)}, names[c]...)
			if n := r.IntN(len(ways) + 3); n < len(ways) {
				text += ways[n]
			} else if len(names[c]) > 0 || c == '%' || c == '\\' || c == '#' || c == ';' { // those would be read with what follows
				text += ways[0]
			} else {
				text += string(c)
			}
		}
		if got := setOf(map[string]string{"v": string(value)}).Redact("<b>"+text+"</b>", label); got != "<b>[REDACTED:v]</b>" {
			t.Fatalf("%q, written as %q: %q", value, text, got)
		}
	}
}

// TestWhatLooksLikeACharacterOfHTMLStays.
func TestWhatLooksLikeACharacterOfHTMLStays(t *testing.T) {
	for _, text := range []string{"&", "&;", "&#;", "&#x;", "&#xg;", "&#0;", "&#xD800;", "&#x110000;", "&#00000065;", "&amp", "&nbsp;", "a=1&b=2&c=3;", "&#-5;", "&#+65;"} {
		c := canonical([]byte(text), all, true)
		if string(c.text) != text || c.escapes {
			t.Errorf("%q is read as %q", text, c.text)
		}
	}
}

// mixed is hex whose case changes from digit to digit.
func mixed(s string) string {
	b := []byte(s)
	for i, c := range b {
		if i%3 != 0 && c >= 'a' {
			b[i] = c &^ 0x20
		}
	}
	return string(b)
}

func chunks(s string, n int) (out []string) {
	for ; len(s) > n; s = s[n:] {
		out = append(out, s[:n])
	}
	return append(out, s)
}

// TestAValueThatIsHexIsFoundInAnyCase: keys of chains, digests and identifiers.
func TestAValueThatIsHexIsFoundInAnyCase(t *testing.T) {
	for _, value := range []string{"0xAbCdEf0123456789aBcDeF01", "ABCDEF0123456789ABCDEF01", "abcdef0123456789abcdef01", "550e8400-e29b-41d4-a716-446655440000", "aa:bb:cc:dd:ee:ff:00:11"} {
		set := setOf(map[string]string{"key": value})
		bare := strings.NewReplacer("-", "", ":", "", "0x", "").Replace(value)
		for _, written := range []string{value, bare, strings.ToLower(bare), strings.ToUpper(bare), mixed(strings.ToLower(bare)), "0x" + mixed(bare), strings.Join(chunks(bare, 2), ":"), strings.Join(chunks(bare, 4), " ")} {
			if got := set.Redact("it is "+written+", ok", label); strings.Contains(strings.ToLower(got), strings.ToLower(bare[4:])) || !strings.Contains(got, "[REDACTED:key]") {
				t.Errorf("%s became %s", written, got)
			}
		}
	}
}

// TestAValueThatBeginsWithinAPair: what stands before a value changes nothing of whether it is found.
func TestAValueThatBeginsWithinAPair(t *testing.T) {
	set := setOf(map[string]string{"near": "a" + strings.Repeat("ba", 8), "other": strings.Repeat("ba", 7) + "b"})
	for _, src := range []string{"x aababababa\nba abababababab%25\\ and so on", "aaba\nba abababababababab:", "ba:ba:ba:bab:ab:ab:ab:ab:ab:ab", "a\nbabababababababa ba"} {
		agrees(t, set, src+strings.Repeat(" word", 40), strings.Split(src+strings.Repeat(" word", 40), ""))
	}
}

// TestADateIsNoNumberThatIsASecret: what is shorter than the shortest value in hex is not looked for with gaps in it.
func TestADateIsNoNumberThatIsASecret(t *testing.T) {
	set := setOf(map[string]string{"version": "20260130", "number": "4111222233334444"})
	for _, src := range []string{"it was on 2026-01-30 at 10:00:00", "20 26 01 30 40 50 60"} {
		if found := set.Find(src); len(found) > 0 {
			t.Errorf("%q: %+v", src, found)
		}
	}
	if found := set.Find("pay 4111-2222-3333-4444 now"); len(found) != 1 {
		t.Errorf("%+v", found)
	}
}

// TestLongStretchesOfHexAreNotHeldBack, nor of blanks, nor what is hex and goes on.
func TestLongStretchesOfHexAreNotHeldBack(t *testing.T) {
	set := setOf(map[string]string{"a": "sk-proj-abcDEF123456_ghiJKL-7890"})
	for _, piece := range []string{"deadbeef", " ", "aa:", "De Ad ", "a", "4F", "   ff\n", "de-"} {
		stream := set.Stream(label)
		for i := range 5000 {
			stream.Write(piece)
			if i > 500 && stream.Held() > 14*set.Longest() {
				t.Fatalf("%q: %d bytes are held back; a value has %d", piece, stream.Held(), set.Longest())
			}
		}
	}
}

func each(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

func characters(s, format string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

func samples() map[string]string {
	return map[string]string{
		"short":    "hunt3r",
		"token":    "sk-proj-abcDEF123456_ghiJKL-7890",
		"slashes":  `C:\temp\x41/y"z'<&>%2Fend`,
		"password": "pÄss wörd & more",
		"percents": "50%off%25now%",
		"markup":   `a&lt;b\/&#x41;%41&amp;quot;&`,
		"pem":      pem,
		"long":     numbers(200),
		"repeated": strings.Repeat("ab", 300),
	}
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%x-", i*i)
	}
	return b.String()
}

func TestEveryWritingIsFound(t *testing.T) {
	values := samples()
	set := setOf(values)
	for how, write := range writings() {
		for name, value := range values {
			v := strings.TrimSpace(value)
			if name == "markup" && slices.Contains([]string{"JSON's lines", "URL's line breaks", "a shell's lines"}, how) || name == "password" && how == "every character" || name == "slashes" && how == "URL's line breaks" {
				continue // these are no escapes of its bytes; an escape that is broken up by another
			}
			src := "The value is: " + write(v) + " <- that."
			found := set.Find(src)
			if len(found) == 0 || found[0].Label != name {
				t.Errorf("%s, %s: found %+v in %q", name, how, found, src[:min(len(src), 200)])
				continue
			}
			if found[0].Start < 14 || found[len(found)-1].End > len(src)-len(" <- that.") {
				t.Errorf("%s, %s: spans %v of %d", name, how, found, len(src))
			}
			if left := set.Find(set.Redact(src, label)); len(left) > 0 {
				t.Errorf("%s, %s: after redaction there is %+v", name, how, left)
			}
		}
	}
}

func TestWhatIsCoveredIsAllOfTheValue(t *testing.T) {
	values := samples()
	set := setOf(values)
	for name, value := range values {
		v := strings.TrimSpace(value)
		if got := set.Redact("<"+v+">", label); got != "<[REDACTED:"+name+"]>" {
			t.Errorf("%s became %q", name, got)
		}
		if got := set.Redact("<"+quoted(v)+">", label); got != "<[REDACTED:"+name+"]>" {
			t.Errorf("%s in JSON became %q", name, got)
		}
	}
	long := strings.TrimSpace(values["long"])
	if got := set.Redact("<"+long[:len(long)-100]+">", label); !strings.HasPrefix(got, "<[REDACTED:long]") || len(got) > 200 {
		t.Errorf("most of a long value became %q", got)
	}
	if got := set.Redact("<"+long[:100]+">", label); got != "<"+long[:100]+">" {
		t.Errorf("a little of a long value became %q", got)
	}
}

func TestNothingElseIsFound(t *testing.T) {
	set := setOf(map[string]string{"a": "tiny", "b": "  x  ", "c": "", "d": "hunt3r", "e": "-----BEGIN PRIVATE KEY-----\nabc"})
	for _, src := range []string{"", "tiny", "x", "hunt3", "unt3r", "Hunt3r", "hunt 3r", "-----BEGIN PRIVATE KEY-----\nabd", strings.Repeat("The quick brown fox. ", 999)} {
		if found := set.Find(src); len(found) > 0 {
			t.Errorf("%+v in %q", found, src)
		}
	}
	if none := New(nil); len(none.Find("anything")) > 0 || none.Longest() != 0 || none.Stream(label).Write("x") != "x" {
		t.Error("an empty set finds something, or holds it back")
	}
}

func TestOfOverlappingValuesTheFirstAndLongestCounts(t *testing.T) {
	set := setOf(map[string]string{"prefix": "abcdefgh", "whole": "abcdefghijklmnop", "suffix": "ijklmnop", "middle": "efghijkl", "same": "qwertyuiop"})
	for src, want := range map[string]string{
		"xabcdefghijklmnopx":          "x[REDACTED:whole]x",
		"abcdefghijkl":                "[REDACTED:prefix][REDACTED:middle]",
		"efghijklmnop":                "[REDACTED:middle][REDACTED:suffix]",
		"abcdefgh abcdefghijklmnop":   "[REDACTED:prefix] [REDACTED:whole]",
		"qwertyuiopqwertyuiopqwertyu": "[REDACTED:same][REDACTED:same]qwertyu",
	} {
		if got := set.Redact(src, label); got != want {
			t.Errorf("%s became %s, want %s", src, got, want)
		}
	}
}

// pieces cuts a text at random.
func pieces(r *rand.Rand, s string) (out []string) {
	most := []int{1, 2, 5, 40, 400}[r.IntN(5)]
	for len(s) > 0 {
		n := min(len(s), 1+r.IntN(most))
		out, s = append(out, s[:n]), s[n:]
	}
	return out
}

// agrees compares a stream in pieces with the whole.
func agrees(t *testing.T, set *Set, src string, cut []string) {
	t.Helper()
	want := set.Redact(src, label)
	var spans []Match
	stream := set.Stream(func(m Match) string { spans = append(spans, m); return label(m) })
	var got strings.Builder
	for _, p := range cut {
		got.WriteString(stream.Write(p))
	}
	got.WriteString(stream.Close())
	if got.String() != want {
		t.Fatalf("in %d pieces %q became\n%q, not\n%q", len(cut), src, got.String(), want)
	}
	if found := set.Find(src); !slices.Equal(found, spans) {
		t.Fatalf("in %d pieces %q has\n%v, not\n%v", len(cut), src, spans, found)
	}
	if stream.Held() != 0 {
		t.Fatal("something is held back at the end")
	}
}

// mixture is a text full of values, pieces of them and what escapes are made of.
func mixture(r *rand.Rand, values []string, ways []func(string) string) string {
	var b strings.Builder
	for range 1 + r.IntN(12) {
		v := values[r.IntN(len(values))]
		switch r.IntN(6) {
		case 0:
			v = v[:r.IntN(len(v))]
		case 1:
			v = v[r.IntN(len(v)):]
		}
		b.WriteString(ways[r.IntN(len(ways))](v))
		b.WriteString([]string{"", "", " ", "\n", "\n      ", `\`, "%", "%4", `\u00`, `\ud83d`, "\r\n", "\x00\xff", `\\`, `"`, "&", "&#", "&#x2", "&am"}[r.IntN(18)])
	}
	return b.String()
}

func TestAStreamFindsTheSameHoweverItIsCut(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	named := samples()
	for i := range 20 {
		named[fmt.Sprint("near ", i)] = "abab"[:random.IntN(4)] + strings.Repeat("ab", 3+random.IntN(5)) + "%41\\n"[:random.IntN(6)]
	}
	set := setOf(named)
	var values []string
	for _, v := range named {
		values = append(values, v)
	}
	slices.Sort(values)
	var ways []func(string) string
	for _, w := range writings() {
		ways = append(ways, w)
	}
	for range 200 {
		src := mixture(random, values, ways)
		src = src[:min(len(src), 600)]
		agrees(t, set, src, pieces(random, src))
	}
	src := quoted(values[0]) + "\n" + url.QueryEscape(values[1]) + `\u00` + values[2]
	agrees(t, set, src, strings.Split(src, ""))
}

// A value that ends as an escape begins: what follows it must be read alike
// whether the cut is there or not.
func TestAValueThatEndsWithinAnEscape(t *testing.T) {
	set := setOf(map[string]string{"first": "abcdef%", "second": strings.Repeat("ab", 8)})
	src := "x abcdef%" + strings.Repeat("ab", 6) + `\n  abab, ` + strings.Repeat("and so on ", 10)
	for n := 1; n < len(src); n++ {
		agrees(t, set, src, []string{src[:n], src[n:]})
	}
	agrees(t, set, src, strings.Split(src, ""))
}

func TestAStreamHoldsBackNoMoreThanItMust(t *testing.T) {
	set := setOf(map[string]string{"a": "sk-proj-abcDEF123456_ghiJKL-7890"})
	stream := set.Stream(label)
	for i := range 1000 {
		stream.Write("word ")
		if i > 100 && stream.Held() > set.Longest()+5 {
			t.Fatalf("%d bytes are held back; a value has %d", stream.Held(), set.Longest())
		}
	}
}

func FuzzStream(f *testing.F) {
	values := samples()
	for _, write := range writings() {
		f.Add("a "+write(values["token"])+" b", write(values["slashes"])+"\n"+values["pem"], uint64(1))
	}
	set := setOf(values)
	f.Fuzz(func(t *testing.T, a, b string, seed uint64) {
		const most = 200 // of each, so that many are tried
		a, b = a[:min(len(a), most)], b[:min(len(b), most)]
		src := a + values["token"] + b + values["percents"] + a
		agrees(t, set, src, pieces(rand.New(rand.NewPCG(seed, 1)), src))
		one := setOf(map[string]string{"own": a})
		if v := strings.TrimSpace(a); len(v) >= Shortest && !strings.ContainsAny(v, "\n\r") {
			if found := one.Find("x" + v + "y"); len(found) == 0 {
				t.Fatalf("%q is not found", v)
			}
		}
		for _, m := range one.Find(b + a) {
			if m.Start < 0 || m.End <= m.Start || m.End > len(a)+len(b) {
				t.Fatalf("%+v", m)
			}
		}
	})
}

// many are values as programs make them.
func many(n int) []Value {
	random := rand.New(rand.NewPCG(3, 5))
	values := make([]Value, n)
	for i := range values {
		raw := make([]byte, 8+random.IntN(40))
		for k := range raw {
			raw[k] = byte(random.Uint32())
		}
		v := []string{"sk_live_", "ghp_", "", "postgres://app:", "AKIA"}[i%5]
		if i%3 == 0 {
			v += hex.EncodeToString(raw)
		} else {
			v += base64.RawURLEncoding.EncodeToString(raw)
		}
		values[i] = Value{fmt.Sprint("path/", i), secret.FromString(v)}
	}
	return values
}

// traffic is what goes through: prose, JSON, and values now and then.
func traffic(size int, values []Value) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "The %d. request was answered within %d ms, and the assistant went on with its work as planned.\n", i, i%97)
		fmt.Fprintf(&b, `{"id":"msg_%x","role":"user","content":"look at \"this\": https://example.com/a%%20b?c=d\n"}`+"\n", i*7919)
		if i%40 == 0 {
			b.Write(values[i%len(values)].Value.Reveal())
		}
	}
	return b.String()[:size]
}

func BenchmarkRedact(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		values := many(n)
		set := New(values)
		for name, src := range map[string]string{
			"traffic": traffic(1<<20, values),
			"hex":     strings.Repeat(hex.EncodeToString([]byte("some bytes that are no value 0123456789\x03\x99")), 1<<14)[:1<<20],
			"prose":   strings.Repeat("The quick brown fox jumps over the lazy dog, and rests.\n", 1<<15)[:1<<20],
		} {
			b.Run(fmt.Sprintf("%s/%d values", name, n), func(b *testing.B) {
				b.SetBytes(int64(len(src)))
				for b.Loop() {
					set.Redact(src, label)
				}
			})
		}
	}
	b.Run("build/10000 values", func(b *testing.B) {
		values := many(10000)
		for b.Loop() {
			New(values)
		}
	})
}

func BenchmarkHostile(b *testing.B) {
	values := many(1000)
	values = append(values, Value{"repeated", secret.FromString(strings.Repeat("a", 5000))}, Value{"short", secret.FromString("aaaaaa")})
	first := values[0].Value.Reveal()
	set := New(values)
	for name, unit := range map[string]string{
		"a's": strings.Repeat("a", 4990) + "b", "nearly": string(first[:len(first)-1]), "newlines": "\n", "percents": "%61", "backslashes": `\`, "units": `\u0061`,
	} {
		src := strings.Repeat(unit, 5<<20/len(unit)+1)[:5<<20]
		b.Run("5MB/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				set.Redact(src, label)
			}
		})
	}
}
