package stream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
)

var dialects = map[llmstub.Dialect]convo.Dialect{
	llmstub.Chat: convo.Chat{}, llmstub.Completions: convo.Chat{}, llmstub.Mistral: convo.Chat{}, llmstub.Responses: convo.Responses{},
	llmstub.Messages: convo.Messages{}, llmstub.Gemini: convo.Gemini{}, llmstub.Cohere: convo.Cohere{},
}

// inspector cuts out what find matches, and known values, and stops what stop matches.
type inspector struct {
	find, stop *regexp.Regexp
	known      string
	tool       string // the one tool that may be called; "": any
}

var errStopped = errors.New("stopped")

// Needs makes rules see more of a text the more words it has that begin like theirs.
func (i *inspector) Needs(window string, from, to int) int {
	if at := strings.LastIndex(window[from:to], "SEC"); at >= 0 {
		return from + at + 400
	}
	return 0
}

func (i *inspector) Windowed() bool { return i.find != nil || i.stop != nil }

func (i *inspector) Scrubber() stream.Scrubber {
	if i.known == "" {
		return nil
	}
	return &scrubber{known: i.known, with: "[KNOWN]"}
}

// Finisher makes the cuts of others readable, as known values are put back.
func (i *inspector) Finisher() stream.Scrubber {
	if i.find == nil {
		return nil
	}
	return &scrubber{known: "[CUT]", with: "[CUT OUT]"}
}

func (i *inspector) Look(window string, from, to int) (cuts []stream.Cut, err error) {
	if i.stop != nil {
		for _, at := range i.stop.FindAllStringIndex(window, -1) {
			if at[0] >= from && at[0] < to {
				return nil, errStopped
			}
		}
	}
	if i.find != nil {
		for _, at := range i.find.FindAllStringIndex(window, -1) {
			if at[0] >= from && at[0] < to {
				cuts = append(cuts, stream.Cut{Start: at[0], End: at[1], With: "[CUT]"})
			}
		}
	}
	return cuts, nil
}

func (i *inspector) Rules(convo.Kind) stream.Rules { return i }

func (i *inspector) Next(convo.Kind, stream.Rules, int) stream.Rules { return i }

func (i *inspector) Across(_ stream.Rules, _ int, texts []string) ([]string, bool, error) {
	return texts, false, nil
}

func (i *inspector) More([]string) bool { return false }

func (i *inspector) View(v *convo.View) (edits []convo.Edit, err error) {
	for n, p := range v.Parts {
		if p.Kind == convo.ToolName && p.Text != "" && i.tool != "" && p.Text != i.tool {
			return nil, errStopped
		}
		out, err := stream.Whole(i, p.Text)
		if err != nil {
			return nil, err
		}
		if out != p.Text {
			edits = append(edits, convo.Edit{Part: n, Text: out})
		}
	}
	return edits, nil
}

// scrubber replaces one text.
type scrubber struct{ known, with, held string }

func (s *scrubber) Write(piece string) string {
	text := strings.ReplaceAll(s.held+piece, s.known, s.with)
	keep := 0
	for n := min(len(s.known)-1, len(text)); n > 0; n-- {
		if strings.HasSuffix(text, s.known[:n]) {
			keep = n
			break
		}
	}
	s.held = text[len(text)-keep:]
	return text[:len(text)-keep]
}

func (s *scrubber) Close() string {
	out := s.held
	s.held = ""
	return out
}

// text is words, some of which a rule would find.
func text(r *rand.Rand, words int) string {
	of := []string{
		"a", "word", "and", "Zürich", "東京都", "🦀🦀", "\n", "  ", "SECRET-1234", "SECRET-12", "SECRET", "-5678", "pass hunter2hunter2 word", "hunter2", "hunter2hunter",
		"\"quoted\"", "\\", "{}", "SECRET-0000SECRET-1111", strings.Repeat("long", 60),
	}
	var b strings.Builder
	for range words {
		b.WriteString(of[r.IntN(len(of))])
		if r.IntN(4) > 0 {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// spoken is a reply with something of each kind, each in pieces.
func spoken(d llmstub.Dialect, r *rand.Rand) llmstub.Reply {
	said := func(k llmstub.Kind) llmstub.Part {
		return llmstub.Said(k, llmstub.Cut(r, text(r, r.IntN(30)), r.IntN(15)+1)...)
	}
	called := func(name string) llmstub.Part {
		args := llmstub.Style{ASCII: r.IntN(2) == 0}.JSON(map[string]string{"command": text(r, r.IntN(20)), "SECRET-1234": "a key"})
		return llmstub.Called(name, llmstub.Cut(r, args, r.IntN(20)+1)...)
	}
	thought := said(llmstub.Thinking)
	thought.Signature = "c2lnbmVk"
	reply := llmstub.Says(thought, said(llmstub.Text), called("first"), called("second"), said(llmstub.Refusal), said(llmstub.Custom), said(llmstub.Code))
	if d == llmstub.Chat || d == llmstub.Mistral || d == llmstub.Gemini || d == llmstub.Completions {
		reply.Choices = append(reply.Choices, []llmstub.Part{said(llmstub.Text)}, []llmstub.Part{said(llmstub.Text)})
	}
	reply.Style = llmstub.Style{Spaced: r.IntN(2) == 0, ASCII: r.IntN(2) == 0, Lines: r.IntN(3) == 0}
	reply.Framing = llmstub.Framing{
		EOL: []string{"", "\n", "\r\n", "\r"}[r.IntN(4)], Tight: r.IntN(2) == 0, Comments: r.IntN(3) == 0, BOM: r.IntN(3) == 0, Fields: r.IntN(3) == 0,
		NoEnd: r.IntN(4) == 0,
	}
	reply.UsageAt = llmstub.Place(r.IntN(4))
	return reply
}

// bits is a stream whose bytes come in pieces of random length.
type bits struct {
	*rand.Rand
	left []byte
	size int
}

func (b *bits) Read(p []byte) (int, error) {
	if len(b.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.left[:min(len(b.left), b.IntN(b.size)+1)])
	b.left = b.left[n:]
	return n, nil
}

func framed(d llmstub.Dialect, reply *llmstub.Reply) []byte {
	return bytes.Join(llmstub.Frames(d, llmstub.Events(d, reply, true), reply.Framing), nil)
}

// filtered is what a caller gets of a stream, with its end in words where it fails.
func filtered(d llmstub.Dialect, i stream.Inspector, from io.Reader) (out []byte, usage convo.Usage, err error) {
	var b bytes.Buffer
	f := stream.Filter{Dialect: dialects[d], Inspect: i, Send: func(p []byte) error { b.Write(p); return nil }}
	usage, err = f.Run(from)
	if err != nil {
		_ = f.Stop("it ended early") // a buffer takes it
	}
	return b.Bytes(), usage, err
}

// whole is what a caller gets of the same reply without a stream.
func whole(t *testing.T, d llmstub.Dialect, i stream.Inspector, reply *llmstub.Reply) *llmstub.Heard {
	t.Helper()
	a, err := dialects[d].Answer(llmstub.Whole(d, reply))
	if err != nil {
		t.Fatal(err)
	}
	edits, err := i.View(&a.View)
	if err != nil {
		t.Fatal(err)
	}
	h, err := llmstub.Hear(d, a.Rewrite(edits))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// decoded brings what tools are called with into one spelling.
func decoded(texts map[string]string) {
	for k, text := range texts {
		var v any
		if strings.Contains(k, " call ") && json.Unmarshal([]byte(text), &v) == nil {
			b, _ := json.Marshal(v) //nolint:errchkjson // it came from JSON
			texts[k] = string(b)
		}
	}
}

var all = append([]llmstub.Dialect{llmstub.Completions}, llmstub.Dialects...)

const rounds = 200

// The texts are the same whole and in any pieces, in any framing, in any order of parts
// and choices.
func TestAnyPiecesSayTheSame(t *testing.T) {
	i := &inspector{find: regexp.MustCompile(`SECRET-\d{4}`), known: "hunter2hunter2"}
	for _, d := range all {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(rounds) {
				r := rand.New(rand.NewPCG(seed, 11))
				reply := spoken(d, r)
				want := whole(t, d, i, &reply)
				if d != llmstub.Gemini { // its parts have no place of their own
					reply.Mix = r
				}
				in := framed(d, &reply)
				out, usage, err := filtered(d, i, &bits{r, in, r.IntN(200) + 1})
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				got, err := llmstub.HearStream(d, out)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				decoded(got.Texts)
				decoded(want.Texts)
				if !maps.Equal(got.Texts, want.Texts) || !got.Ended || got.Failed != "" {
					for k, v := range want.Texts {
						if got.Texts[k] != v {
							t.Errorf("%s:\n%q, not\n%q", k, got.Texts[k], v)
						}
					}
					t.Fatalf("seed %d: %v, not %v", seed, slices.Sorted(maps.Keys(got.Texts)), slices.Sorted(maps.Keys(want.Texts)))
				}
				if reply.UsageAt != llmstub.Never && (usage.Input != 11 || usage.Output != 7) {
					t.Errorf("seed %d: %+v", seed, usage)
				}
			}
		})
	}
}

// Events in which there is nothing to change pass byte for byte.
func TestNothingFoundChangesNothing(t *testing.T) {
	for _, d := range all {
		for seed := range uint64(25) {
			r := rand.New(rand.NewPCG(seed, 12))
			reply := spoken(d, r)
			reply.NoEnd = false
			for i, parts := range reply.Choices {
				reply.Choices[i] = slices.DeleteFunc(parts, func(p llmstub.Part) bool {
					return p.Kind == llmstub.Call || p.Kind == llmstub.Custom || p.Kind == llmstub.Code
				})
			}
			reply.Mix = r
			in := framed(d, &reply)
			for _, i := range []*inspector{{}, {known: "@never said@"}} {
				out, _, err := filtered(d, i, &bits{r, in, 64})
				if err != nil || !bytes.Equal(in, out) {
					t.Fatalf("%s: %v\n%q\n%q", d, err, in, out)
				}
			}
		}
	}
}

// A text that a rule stops is not there, nor what came after it, and the stream says so.
func TestABlockInMidStream(t *testing.T) {
	i := &inspector{stop: regexp.MustCompile(`BLOCK-ME`), find: regexp.MustCompile(`SECRET-\d{4}`)}
	for _, d := range all {
		for seed := range uint64(rounds / 4) {
			r := rand.New(rand.NewPCG(seed, 13))
			reply := spoken(d, r)
			at := r.IntN(len(reply.Choices[0]))
			p := &reply.Choices[0][at]
			for !d.Has(p.Kind) || p.Kind == llmstub.Thinking { // which not every dialect has inspected
				at = (at + 1) % len(reply.Choices[0])
				p = &reply.Choices[0][at]
			}
			body := strings.ReplaceAll(text(r, 30)+" BLOCK-ME "+text(r, 30), "\"", "'")
			if p.Kind == llmstub.Call {
				body = llmstub.Style{}.JSON(map[string]string{"command": body})
			}
			p.Pieces = llmstub.Cut(r, body, r.IntN(40)+1)
			reply.Mix = r
			if d == llmstub.Gemini {
				reply.Mix = nil
			}
			out, _, err := filtered(d, i, &bits{r, framed(d, &reply), 300})
			if !errors.Is(err, errStopped) {
				t.Fatalf("%s, seed %d: %v", d, seed, err)
			}
			h, err := llmstub.HearStream(d, out)
			if err != nil || h.Failed != "it ended early" || h.Ended && d != llmstub.Cohere && d != llmstub.Gemini {
				t.Fatalf("%s, seed %d: %v %+v", d, seed, err, h)
			}
			for k, said := range h.Texts {
				if strings.Contains(said, "BLOCK") || strings.Contains(said, "SECRET-1234") && !strings.HasSuffix(k, "thinking 0") {
					t.Fatalf("%s, seed %d: %s: %q", d, seed, k, said)
				}
			}
		}
	}
}

// A stream that ends anywhere but at its end says so, in an event of its dialect.
func TestABrokenStream(t *testing.T) {
	i := &inspector{find: regexp.MustCompile(`SECRET-\d{4}`), known: "hunter2hunter2"}
	for _, d := range all {
		for seed := range uint64(rounds / 4) {
			r := rand.New(rand.NewPCG(seed, 14))
			reply := spoken(d, r)
			reply.Mix = r
			in := framed(d, &reply)
			n := r.IntN(len(in))
			if seed%2 == 0 { // between two events
				frames := llmstub.Frames(d, llmstub.Events(d, &reply, true), reply.Framing)
				n = len(bytes.Join(frames[:r.IntN(len(frames))], nil))
			}
			out, _, err := filtered(d, i, &bits{r, in[:n], 300})
			got, herr := llmstub.HearStream(d, out)
			if herr != nil {
				t.Fatalf("%s, seed %d: %v\n%q", d, seed, herr, out)
			}
			switch {
			case err == nil && complete(d, in[:n]):
			case !errors.Is(err, stream.ErrBroken):
				t.Fatalf("%s, seed %d, after %d of %d: %v\n%q", d, seed, n, len(in), err, in[:n])
			case got.Failed != "it ended early":
				t.Fatalf("%s, seed %d: %+v", d, seed, got)
			}
		}
	}
}

// complete reports whether every choice of a stream has come to its end.
func complete(d llmstub.Dialect, in []byte) bool {
	s := strings.ReplaceAll(string(in), `": "`, `":"`)
	switch d {
	case llmstub.Responses:
		return strings.Contains(s, `"type":"response.completed"`)
	case llmstub.Messages:
		return strings.Contains(s, `"type":"message_stop"`)
	case llmstub.Cohere:
		return strings.Contains(s, `"type":"message-end"`)
	case llmstub.Gemini:
		return strings.Count(s, `"finishReason":"STOP"`) == 3
	case llmstub.Chat, llmstub.Completions, llmstub.Mistral:
	}
	return strings.Count(s, `"finish_reason":"`) == 3
}

// An error of the provider's in the stream goes on, after what was held.
func TestAProvidersErrorInTheStream(t *testing.T) {
	i := &inspector{find: regexp.MustCompile(`SECRET-\d{4}`)}
	for _, d := range all {
		reply := llmstub.Says(llmstub.Said(llmstub.Text, "begun ", "and ", "held ", "back ", "here"))
		reply.Fail = &llmstub.Failure{Status: 529, Kind: "overloaded_error", Message: "Overloaded"}
		for after := 1; after < 6; after++ {
			reply.After = after
			in := framed(d, &reply)
			want, err := llmstub.HearStream(d, in)
			if err != nil {
				t.Fatal(err)
			}
			out, _, err := filtered(d, i, bytes.NewReader(in))
			got, herr := llmstub.HearStream(d, out)
			if err != nil || herr != nil || got.Failed != "Overloaded" || !maps.Equal(got.Texts, want.Texts) {
				t.Errorf("%s: %v, %v: %+v, want %+v", d, err, herr, got, want)
			}
		}
	}
}

func TestWhatIsNoEvent(t *testing.T) {
	for _, d := range all {
		for _, in := range []string{"data: no JSON\n\n", "data: []\n\n", "data: {\"a\":1,\"a\":2}\n\n", "data: \xff\n\n", "data: \"\\ud800\"\n\n"} {
			if _, _, err := filtered(d, &inspector{}, strings.NewReader(in)); !errors.Is(err, stream.ErrShape) {
				t.Errorf("%s: %q: %v", d, in, err)
			}
		}
		for _, in := range []string{"", ": only a comment\n\n", "\n\n", "event: ping\n\n"} {
			if _, _, err := filtered(d, &inspector{}, strings.NewReader(in)); !errors.Is(err, stream.ErrBroken) {
				t.Errorf("%s: %q: %v", d, in, err)
			}
		}
	}
}

// A text is looked at as if it were whole, whatever pieces it comes in.
func FuzzWhole(f *testing.F) {
	f.Add("a SECRET-1234 and more hunter2hunter2", uint64(1))
	f.Add(strings.Repeat("long", 2000)+" SECRET-1234", uint64(2))
	f.Add(strings.Repeat("東京 SECRET-12 34", 100), uint64(3))
	i := &inspector{find: regexp.MustCompile(`SECRET-\d{4}|\S{900,}`), known: "hunter2hunter2"}
	f.Fuzz(func(t *testing.T, said string, seed uint64) {
		said = strings.ToValidUTF8(said, "?")
		r := rand.New(rand.NewPCG(seed, 15))
		reply := llmstub.Says(llmstub.Said(llmstub.Text, llmstub.Cut(r, said, r.IntN(100)+1)...))
		want, err := stream.Whole(i, said)
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := filtered(llmstub.Chat, i, bytes.NewReader(framed(llmstub.Chat, &reply)))
		if err != nil {
			t.Fatal(err)
		}
		h, err := llmstub.HearStream(llmstub.Chat, out)
		if err != nil || h.Texts["0 text 0"] != want {
			t.Errorf("%v: %q, not %q", err, h.Texts["0 text 0"], want)
		}
	})
}
