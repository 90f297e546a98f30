package stream

import (
	"bytes"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/sse"
)

// next is an event that was read. e is nil where it holds nothing, the end, or what is no event of the dialect.
type next struct {
	ev   *sse.Event
	err  error
	e    *convo.Event
	data []byte
}

// again is how much more of a text has to come before it is asked again whether enough has.
const again = 64

// begun is a text of which nothing has come to its turn.
type begun struct {
	skip int // bytes of it in whose place with stands
	with string
	met  bool // it is whole, and was looked at with those after it
	open int  // after so many bytes of with something goes on that was cut out
}

// reads reads one event more.
func (f *Filter) reads() *next {
	n := &next{}
	if n.ev, n.err = f.in.Next(); n.err != nil {
		return n
	}
	n.data = bytes.TrimSpace(n.ev.Data)
	if len(n.data) > 0 && !bytes.Equal(n.data, done) {
		if e, err := f.Dialect.Event(n.ev.Name, n.ev.Data); err == nil {
			n.e = e
		}
	}
	return n
}

// turn is the event whose turn it is.
func (f *Filter) turn() *next {
	if len(f.ahead) == 0 {
		return f.reads()
	}
	n := f.ahead[0]
	if f.ahead = f.ahead[1:]; n.ev != nil {
		f.read -= len(n.ev.Data)
	}
	return n
}

// peek is the event so many after that whose turn it is, or nil where too much would be read before its turn.
func (f *Filter) peek(i int) *next {
	for len(f.ahead) <= i {
		n := f.reads()
		f.ahead = append(f.ahead, n)
		if n.ev != nil {
			f.read += len(n.ev.Data)
		}
	}
	if f.read > MaxEvent {
		return nil
	}
	return f.ahead[i]
}

// begin begins a text with its first piece.
func (f *Filter) begin(kind convo.Kind, d *convo.Delta) *text {
	t := &text{kind: kind, run: d.Run, again: d.Again}
	switch {
	case kind == convo.Arguments:
		return t
	case d.Run == "":
		t.tail = newTail(f.Inspect.Rules(kind))
		return t
	}
	open := 0
	if b := f.first[d.Key]; b != nil {
		t.skip, t.with, t.met, open = b.skip, b.with, b.met, b.open
		delete(f.first, d.Key)
	}
	rules := f.Inspect.Next(kind, f.before[d.Run], open)
	f.before[d.Run] = rules
	t.tail = newTail(rules)
	return t
}

// take takes a piece and returns what may go.
func (t *text) take(piece string) (out string, err error) {
	if t.again {
		t.raw.WriteString(piece)
	}
	if t.skip > 0 {
		n := min(t.skip, len(piece))
		if t.skip, piece = t.skip-n, piece[n:]; t.skip > 0 {
			return "", nil
		}
		piece, t.with = t.with+piece, ""
	}
	if out, err = t.write(piece); t.again {
		t.said.WriteString(out)
	}
	return out, err
}

// ended keeps what a text became, for the events that repeat it.
func (f *Filter) ended(t *text, rest string) {
	if !t.again {
		return
	}
	t.said.WriteString(rest)
	if raw, said := t.raw.String(), t.said.String(); t.run != "" && raw != said {
		f.became[raw] = said
	}
}

// repeats are the parts of an event that repeat texts of which more than each by itself decided, as they became.
func (f *Filter) repeats(e *convo.Event) (edits []convo.Edit, parts []convo.Delta) {
	if len(f.became) == 0 {
		return nil, nil
	}
	for i := range e.Parts {
		p := &e.Parts[i]
		if said, ok := f.became[p.Text]; ok && p.Kind == convo.Text && p.Role == convo.Assistant && !piece(e, i) {
			edits, parts = append(edits, convo.Edit{Part: i, Text: said}), append(parts, convo.Delta{Part: i})
		}
	}
	return edits, parts
}

func piece(e *convo.Event, part int) bool {
	for _, d := range e.Deltas {
		if d.Part == part {
			return true
		}
	}
	return false
}

// meet looks at texts that end with an event with those that stand beside them, which have to come first: nothing is
// sent meanwhile.
func (f *Filter) meet(e *convo.Event) error {
	for _, key := range f.order {
		t := f.texts[key]
		if t == nil || t.run == "" || t.met || !ends(e, key) || comes(e.Deltas, key) {
			continue
		}
		t.met = true
		if over(e, t.run) {
			continue
		}
		if err := f.beside(t, key); err != nil {
			return err
		}
	}
	return nil
}

// over reports whether no text of a run comes after an event.
func over(e *convo.Event, run string) bool {
	if e.All || e.Last || e.Failed {
		return true
	}
	return slices.Contains(e.Parted, run)
}

// beside looks at a text that is whole with what follows it.
func (f *Filter) beside(t *text, key string) error {
	some := []string{t.keep()}
	var keys []string
	var of strings.Builder // of the text that comes
	n, all, certain := 0, false, false
	meet := func(whole bool) { // whether enough of the text has come
		if n, all, certain = beginning(f.Inspect, some, of.String(), whole); certain && all {
			some = append(some, of.String())
		}
	}
	goes, asked := true, 0
	for i := 0; goes; i++ {
		x := f.peek(i)
		switch {
		case x == nil:
			return ErrShape
		case x.err != nil || x.e == nil && len(x.data) > 0:
			goes = false
			continue
		case x.e == nil:
			continue // a comment
		}
		for _, d := range x.e.Deltas {
			if d.Run != t.run || d.Key == key {
				continue
			}
			if len(keys) == 0 || certain && all && keys[len(keys)-1] != d.Key {
				keys, certain = append(keys, d.Key), false
				of.Reset()
				asked = 0
			}
			if keys[len(keys)-1] != d.Key { // it comes between the pieces of another
				goes = false
				break
			}
			of.WriteString(x.e.Parts[d.Part].Text)
		}
		if len(keys) > 0 && !certain {
			if whole := ends(x.e, keys[len(keys)-1]); whole || of.Len() >= max(least, asked+again) {
				if meet(whole); !certain {
					asked = of.Len()
				}
				goes = goes && (!certain || all)
			}
		}
		goes = goes && !over(x.e, t.run)
	}
	if len(keys) == 0 {
		return nil
	}
	if !certain { // the stream ends, or has another order than texts beside each other
		if meet(true); !all {
			some = append(some, of.String()[:n])
		}
	} else if !all {
		some = append(some, of.String()[:n])
	}
	out, open, err := f.Inspect.Across(t.rules, t.from()-t.next, some)
	if err != nil {
		return err
	}
	t.instead(out[0])
	for i, k := range keys {
		b := &begun{met: true}
		if out[i+1] != some[i+1] {
			b.skip, b.with = len(some[i+1]), out[i+1]
		}
		if i == len(keys)-1 && !all {
			b.met = false
			if open {
				b.open = len(out[i+1])
			}
		}
		f.first[k] = b
	}
	return nil
}
