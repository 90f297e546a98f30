package doc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

func TestWhatHasTwoMeaningsIsRefused(t *testing.T) {
	for text, want := range map[string]error{
		``: doc.ErrNotJSON, ` `: doc.ErrNotJSON, `{`: doc.ErrNotJSON, `{"a"}`: doc.ErrNotJSON, `{"a":}`: doc.ErrNotJSON, `{"a":1,}`: doc.ErrNotJSON,
		`[1,]`: doc.ErrNotJSON, `{} {}`: doc.ErrNotJSON, `{}x`: doc.ErrNotJSON, `nul`: doc.ErrNotJSON, `'a'`: doc.ErrNotJSON, `01`: doc.ErrNotJSON,
		`+1`: doc.ErrNotJSON, `.5`: doc.ErrNotJSON, `1.`: doc.ErrNotJSON, `NaN`: doc.ErrNotJSON, `Infinity`: doc.ErrNotJSON, `{a:1}`: doc.ErrNotJSON,
		"\xef\xbb\xbf{}": doc.ErrNotJSON, "{}\x00": doc.ErrNotJSON, "\"\x00\"": doc.ErrNotJSON, "\"\n\"": doc.ErrNotJSON, "//\n{}": doc.ErrNotJSON,
		"\"\xff\"": doc.ErrNotJSON, "\"\xed\xa0\x80\"": doc.ErrNotJSON, "{\"\xc0\xaf\":1}": doc.ErrNotJSON,
		`"\ud800"`: doc.ErrNotJSON, `"\udc00\ud800"`: doc.ErrNotJSON, `"\ud83d\u0041"`: doc.ErrNotJSON, `{"\udfff":1}`: doc.ErrNotJSON, `"\x41"`: doc.ErrNotJSON,
		`{"a":1,"a":2}`: doc.ErrDuplicate, `{"a":1,"\u0061":2}`: doc.ErrDuplicate, `{"a":{"b":1,"b":1}}`: doc.ErrDuplicate, `[{"":0,"":0}]`: doc.ErrDuplicate,
		strings.Repeat("[", doc.MaxDepth+2) + strings.Repeat("]", doc.MaxDepth+2): doc.ErrTooDeep,
		strings.Repeat(`{"a":`, 2_000_000):                                        doc.ErrTooDeep,
		"[" + strings.Repeat("0,", doc.MaxNodes) + "0]":                           doc.ErrTooMany,
	} {
		if _, err := doc.Parse([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%.40q: %v, want %v", text, err, want)
		}
	}
	for _, text := range []string{
		`{}`, ` [ ] `, `"\ud83e\udd80"`, "\"\U0001f980\"", `-0.5e+10`, `{"a":1,"A":2}`, "\t{\r\n}\n",
		strings.Repeat("[", doc.MaxDepth) + strings.Repeat("]", doc.MaxDepth), "[" + strings.Repeat("0,", 100_000) + "0]",
	} {
		if _, err := doc.Parse([]byte(text)); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func TestInt(t *testing.T) {
	for text, want := range map[string]int64{`0`: 0, `7`: 7, `4096`: 4096, `9007199254740991`: 9007199254740991} {
		d, err := doc.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := d.Root().Int(); !ok || v != want {
			t.Errorf("%s: %d %v", text, v, ok)
		}
	}
	for _, text := range []string{`-1`, `1.5`, `1e3`, `"1"`, `true`, `99999999999999999999999999999999`, `[1]`} {
		d, err := doc.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := d.Root().Int(); ok {
			t.Errorf("%s: %d", text, v)
		}
	}
}

// What is not there is asked like what is.
func TestWhatIsNotThereIsNothing(t *testing.T) {
	d, err := doc.Parse([]byte(`{"a":{"b":"c"},"l":[1]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []doc.Node{{}, d.Root().Get("x"), d.Root().Get("a", "b", "c"), d.Root().Get("l", "0"), d.Root().Get("x", "y")} {
		if n.There() || n.Is('{') || n.Name() != "" || n.Raw() != nil || n.Text() != "" || n.True() || n.Get("z").There() {
			t.Errorf("%v", n)
		}
		for range n.Children() {
			t.Error("it has children")
		}
	}
	if got := d.Root().Get("a", "b").Text(); got != "c" {
		t.Error(got)
	}
}

// writer writes random JSON in random spellings.
type writer struct {
	*rand.Rand
	b strings.Builder
}

func (w *writer) gap() {
	for range w.IntN(3) {
		w.b.WriteByte(" \t\r\n"[w.IntN(4)])
	}
}

func (w *writer) text(s string) {
	w.b.WriteByte('"')
	for _, c := range s {
		switch {
		case c < ' ' || c == '"' || c == '\\' || c <= 0xffff && w.IntN(4) == 0:
			fmt.Fprintf(&w.b, `\u%04X`, c)
		case c == '/' && w.IntN(2) == 0:
			w.b.WriteString(`\/`)
		default:
			w.b.WriteRune(c)
		}
	}
	w.b.WriteByte('"')
}

func (w *writer) word() string {
	const of = "abc\"\\/\n\tüé東\u2028🦀<&>"
	runes := []rune(of)
	out := make([]rune, w.IntN(6))
	for i := range out {
		out[i] = runes[w.IntN(len(runes))]
	}
	return string(out)
}

func (w *writer) value(depth int) {
	w.gap()
	kind := w.IntN(7)
	if depth == 0 {
		kind = 5 + kind%2
	}
	switch {
	case kind < 3:
		w.text(w.word())
	case kind == 3 || depth > 5:
		w.b.WriteString([]string{"0", "-1.5e9", "123456789", "true", "false", "null"}[w.IntN(6)])
	case kind < 6:
		w.b.WriteByte('[')
		for i := range w.IntN(5) {
			if i > 0 {
				w.b.WriteByte(',')
			}
			w.value(depth + 1)
		}
		w.gap()
		w.b.WriteByte(']')
	default:
		w.b.WriteByte('{')
		for i := range w.IntN(5) {
			if i > 0 {
				w.b.WriteByte(',')
			}
			w.gap()
			w.text(fmt.Sprint(w.word(), i))
			w.gap()
			w.b.WriteByte(':')
			w.value(depth + 1)
		}
		w.gap()
		w.b.WriteByte('}')
	}
	w.gap()
}

func every(n doc.Node, out []doc.Node) []doc.Node {
	for c := range n.Children() {
		out = every(c, append(out, c))
	}
	return out
}

// shape is what a value means, with a text in the place of the chosen ones.
func shape(n doc.Node, chosen map[doc.Node]string, keys map[doc.Node]string) any {
	switch {
	case chosen[n] != "":
		return chosen[n]
	case n.Is('{'):
		out := map[string]any{}
		for c := range n.Children() {
			name := c.Name()
			if k := keys[c]; k != "" {
				name = k
			}
			out[name] = shape(c, chosen, keys)
		}
		return out
	case n.Is('['):
		out := []any{}
		for c := range n.Children() {
			out = append(out, shape(c, chosen, keys))
		}
		return out
	case n.Is('"'):
		return n.Text()
	}
	var v any
	_ = json.Unmarshal(n.Raw(), &v) // it was parsed
	return v
}

// Random values and keys of random JSON are replaced; the rest keeps its bytes.
func TestRewriteChangesNothingElse(t *testing.T) {
	for seed := range uint64(3000) {
		w := &writer{Rand: rand.New(rand.NewPCG(seed, 7))}
		w.value(0)
		src := []byte(w.b.String())
		d, err := doc.Parse(bytes.Clone(src))
		if err != nil {
			t.Fatalf("%q: %v", src, err)
		}
		if got := d.Rewrite(nil); !bytes.Equal(got, src) || !bytes.Equal(d.Bytes(), src) {
			t.Fatalf("%q became %q", src, got)
		}
		var edits []doc.Edit
		chosen, keys := map[doc.Node]string{}, map[doc.Node]string{}
		for i, n := range every(d.Root(), nil) {
			if n.Is('{') || n.Is('[') {
				continue
			}
			if w.IntN(3) == 0 {
				chosen[n] = fmt.Sprint(`new "\`, i, "\x01\u2028🦀")
				edits = append(edits, doc.Edit{At: n, Text: chosen[n]})
			}
			if n.Name() != "" && w.IntN(3) == 0 {
				keys[n] = fmt.Sprint("key ", i)
				edits = append(edits, doc.Edit{At: n, Name: true, Text: keys[n]})
			}
		}
		w.Shuffle(len(edits), func(i, j int) { edits[i], edits[j] = edits[j], edits[i] })
		want := shape(d.Root(), chosen, keys)
		out := d.Rewrite(edits)
		var got any
		if err := json.Unmarshal(out, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q became %q (%v)", src, out, err)
		}
		// Without what was edited, both texts are the same bytes.
		if rest(t, src, d, chosen, keys) != restAfter(t, out, len(edits)) {
			t.Fatalf("%q became %q", src, out)
		}
	}
}

// rest is the text with @ in the place of what is replaced.
func rest(t *testing.T, src []byte, d *doc.Doc, chosen, keys map[doc.Node]string) string {
	t.Helper()
	var edits []doc.Edit
	for n := range chosen {
		edits = append(edits, doc.Edit{At: n, Raw: []byte("@")})
	}
	for n := range keys {
		edits = append(edits, doc.Edit{At: n, Name: true, Raw: []byte("@")})
	}
	out := string(d.Rewrite(edits))
	if len(edits) == 0 && out != string(src) {
		t.Fatalf("%q became %q", src, out)
	}
	return out
}

// restAfter finds the replaced texts again by how they begin.
func restAfter(t *testing.T, out []byte, n int) string {
	t.Helper()
	var b strings.Builder
	for len(out) > 0 {
		if !bytes.HasPrefix(out, []byte(`"new \"\\`)) && !bytes.HasPrefix(out, []byte(`"key `)) {
			b.WriteByte(out[0])
			out = out[1:]
			continue
		}
		v := json.NewDecoder(bytes.NewReader(out))
		if _, err := v.Token(); err != nil {
			t.Fatal(err)
		}
		out, n = out[v.InputOffset():], n-1
		b.WriteByte('@')
	}
	if n != 0 {
		t.Errorf("%d edits are missing", n)
	}
	return b.String()
}

func TestTheOuterOfTwoEditsCounts(t *testing.T) {
	d, err := doc.Parse([]byte(`{"a": {"b":"c"}, "d":1}`))
	if err != nil {
		t.Fatal(err)
	}
	a := d.Root().Get("a")
	got := string(d.Rewrite([]doc.Edit{{At: a.Get("b"), Text: "inner"}, {At: a, Raw: []byte("null")}, {At: d.Root().Get("d"), Text: "2"}}))
	if got != `{"a": null, "d":"2"}` {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,"\u00e9",null,true]}`, `"\ud83e\udd80"`, ` {"a" : {"b":"c"}, "x":-1.5e3 } `, `[[[]]]`, "\"\xff\"", `{"a":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		d, err := doc.Parse(bytes.Clone(src))
		if err != nil {
			return
		}
		if !json.Valid(src) {
			t.Fatalf("%q was taken", src)
		}
		var want any
		if json.Unmarshal(src, &want) != nil {
			return // a number beyond what Go has
		}
		if got := shape(d.Root(), nil, nil); !reflect.DeepEqual(got, want) {
			t.Errorf("%q means %v, and here %v", src, want, got)
		}
		var edits []doc.Edit
		for _, n := range append(every(d.Root(), nil), d.Root()) {
			if n.Is('"') {
				edits = append(edits, doc.Edit{At: n, Raw: n.Raw()})
			}
		}
		if got := d.Rewrite(edits); !bytes.Equal(got, src) {
			t.Errorf("%q became %q", src, got)
		}
	})
}
