package inspect

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/pii"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
)

// answer are the rules of one text of an answer.
type answer struct {
	*Session
	seen *passage // what is kept of it; nil: nothing is
	tool bool     // a tool is called, by it or with it
	echo bool     // it repeats the request

	block pii.Block // of a private key that is cut out
	stood string    // what stands for it
	again bool      // it went on from another text, and nothing stands for it in this one
}

// Scrubber implements stream.Rules.
func (a *answer) Scrubber() stream.Scrubber {
	hide := func(m known.Match) string {
		a.filtered = true
		a.hid(m.Label)
		return marked(m.Label)
	}
	var sets []*known.Set
	for _, set := range []*known.Set{a.known, a.paid} {
		if set != nil {
			sets = append(sets, set)
		}
	}
	if len(sets) == 0 {
		return nil
	}
	return known.Together(hide, sets...)
}

// Windowed implements stream.Rules.
func (a *answer) Windowed() bool {
	return !a.echo && a.settings.Responses
}

// Needs implements stream.Rules.
func (a *answer) Needs(window string, from, to int) int { return a.detector.Needs(window, from, to) }

// Look implements stream.Rules.
func (a *answer) Look(window string, from, to int) ([]stream.Cut, error) {
	if a.seen != nil {
		defer a.kept.stretch(a.seen, window, from, to)()
	}
	read := a.detector.Read(window)
	begin := func(f *Finding) bool { return f.Span.Start >= from && f.Span.Start < to }
	var found []Finding
	for _, f := range a.rules(&read) {
		if begin(&f) {
			found = append(found, f)
		}
	}
	cuts, err := a.decide(found, "response")
	if err != nil {
		return nil, err
	}
	private, err := a.private(window, false)
	if err != nil {
		return nil, err
	}
	if end := a.block.Goes(window, from, to); end > from {
		with := ""
		if a.again {
			with = a.stood
		}
		cuts = append(cuts, stream.Cut{Start: from, End: end, With: with})
	}
	a.again = false
	for _, c := range private {
		if c.Start >= from && c.Start < to {
			cuts = append(cuts, c)
			a.block.Began(window, c.Start, c.End, to)
			a.stood = c.With
		}
	}
	plain := a.detector.Reveal(read)
	encoded, err := a.secretsIn(&plain, false, nil)
	if err != nil {
		return nil, err
	}
	// What is encoded as a whole may have begun before.
	for _, c := range encoded {
		if c.Start < to && c.End > from {
			c.Start = max(c.Start, from)
			cuts = append(cuts, c)
		}
	}
	for _, m := range disguised(&plain, a.known, a.paid) {
		if m.Start < to && m.End > from {
			a.hid(m.Label)
			cuts = append(cuts, stream.Cut{Start: max(m.Start, from), End: m.End, With: marked(m.Label)})
		}
	}
	a.filtered = a.filtered || len(cuts) > 0
	return sorted(cuts), nil
}

// Finisher implements stream.Rules: it makes the places of known values readable, and puts
// back what the request hid, where the model repeats its placeholder.
func (a *answer) Finisher() stream.Scrubber {
	if a.known == nil && a.paid == nil && len(a.back) == 0 {
		return nil
	}
	return &finisher{answer: a}
}

// marked is the place of a value that was found in an answer, until the finisher has seen
// it: what the model wrote itself has no such mark.
func marked(label string) string { return mark + label + mark }

const mark = "\x00"

// maxPlaceholder is the longest placeholder: a path has at most 512 bytes.
const maxPlaceholder = 600

// finisher writes placeholders. It holds back what may be the beginning of one.
type finisher struct {
	*answer
	held string
}

// Write implements stream.Scrubber.
func (f *finisher) Write(piece string) string { return f.run(piece, false) }

// Close implements stream.Scrubber.
func (f *finisher) Close() string { return f.run("", true) }

func (f *finisher) run(piece string, last bool) string {
	f.held += piece
	var out strings.Builder
	for f.held != "" {
		i := strings.IndexAny(f.held, mark+"[")
		if i < 0 {
			i = len(f.held)
		}
		out.WriteString(f.held[:i])
		f.held = f.held[i:]
		if f.held == "" {
			break
		}
		n, text, open := f.place(f.held)
		if open && !last && len(f.held) < maxPlaceholder {
			break
		}
		if n == 0 {
			n, text = 1, f.held[:1]
		}
		out.WriteString(text)
		f.held = f.held[n:]
	}
	return out.String()
}

// place reads a mark or placeholder at the beginning of a text: how long it is and what
// stands there afterwards. open says that more of the text has to be there first.
func (f *finisher) place(s string) (n int, text string, open bool) {
	if s[0] == mark[0] {
		end := strings.Index(s[1:], mark)
		if end < 0 {
			return 0, "", true
		}
		return end + 2, redacted(s[1 : 1+end]), false
	}
	const begin = "[REDACTED:"
	if len(s) < len(begin) {
		return 0, "", strings.HasPrefix(begin, s)
	}
	if !strings.HasPrefix(s, begin) {
		return 0, "", false
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return 0, "", true
	}
	if hid, ok := f.back[s[:end+1]]; ok && !f.tool {
		return end + 1, hid, false
	}
	return 0, "", false
}

func redacted(label string) string { return "[REDACTED:" + label + "]" }

// hide puts a placeholder in the place of a known value of a text of the request, and remembers
// what it stands for, unless that is a part of it. An agent that is shown no value gets none back in texts.
func (s *Session) hide(m known.Match, text string) string {
	s.hid(m.Label)
	place := redacted(m.Label)
	if m.Rest {
		return place
	}
	value := text[m.Start:m.End]
	if _, ok := s.back[place]; !ok && !s.unseen {
		s.back[place] = value
	}
	if _, ok := s.plain[place]; !ok && m.As == "plain" {
		s.plain[place] = value
	}
	return place
}

// never are kinds whose values do not come back, whoever repeats their placeholder.
var never = map[string]bool{"ssn": true, "credit_card": true, "aws_key": true, "private_key_header": true, "secret": true}

// place is the placeholder of a value that nobody has a name for: its kind, and a number
// that is the same for the same value of the same agent. With remember it is put back
// where the model repeats it.
func (s *Session) place(kind, value string, remember bool) string {
	place, known := s.numbered[valued{kind, value}]
	if !known {
		place = redacted(kind + "#" + s.number(kind, value))
		if s.numbered == nil {
			s.numbered = map[valued]string{}
		}
		if len(s.numbered) < maxNumbered {
			s.numbered[valued{kind, value}] = place
		}
	}
	if remember && !never[kind] {
		s.back[place] = value
	}
	return place
}

// valued is a value of a kind.
type valued struct{ kind, value string }

// maxNumbered bounds of how many values the number is remembered, which takes long to make.
const maxNumbered = 1 << 12

// number is that of a value.
func (s *Session) number(kind, value string) string {
	if s.numbers == nil {
		s.numbers = hmac.New(sha256.New, s.key[:])
	}
	s.numbers.Reset()
	for i, part := range [...]string{s.agent, kind, value} {
		if i > 0 {
			_, _ = s.numbers.Write([]byte{0}) // never fails
		}
		_, _ = io.WriteString(s.numbers, part) // never fails
	}
	var sum [sha256.Size]byte
	return hex.EncodeToString(s.numbers.Sum(sum[:0])[:4])
}
