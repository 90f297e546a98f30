package stream

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/sse"
)

// Inspector decides over an answer. Its methods are called in the order of the stream.
type Inspector interface {
	// Rules are those for a text of the kind that comes in pieces.
	Rules(kind convo.Kind) Rules
	// View decides over parts that are whole. An error ends the answer.
	View(v *convo.View) ([]convo.Edit, error)
	Sides
}

// Filter passes one stream on.
type Filter struct {
	Dialect convo.Dialect
	Inspect Inspector
	// NoUsage drops events that hold nothing but the usage, for whom did not ask for them.
	NoUsage bool
	// Send writes bytes to the caller, who then has them.
	Send func([]byte) error

	in    *sse.Reader
	texts map[string]*text
	order []string
	names map[string]string // of the tools that are called and not decided over, as far as they have come
	done  map[string]string // those that were decided over: a stream may go on with one after its end
	over  map[string]bool   // how keys begin of which no text may come: what was held back of it has gone
	shut  bool              // none of any may come
	wait  *waiting          // an event that says that texts have ended, until the next one shows that they have
	held  [][]byte          // events that wait until all are
	size  int               // bytes of held
	goes  map[string]bool   // what has to end before the stream does, false once it has
	moved bool              // events were put in
	sent  int64             // the number of the event before, in a dialect that numbers them
	usage convo.Usage
	bytes int64 // of the texts that came in pieces

	ahead  []*next           // what was read before its turn
	read   int               // bytes of it
	first  map[string]*begun // texts whose beginning was looked at with those before it
	before map[string]Rules  // of the text of a run that was the last
	became map[string]string // what texts became that are repeated, where that shows in no text alone
}

// Bytes is how long the texts were that came in pieces.
func (f *Filter) Bytes() int64 { return f.bytes }

// text is one that comes in pieces.
type text struct {
	kind convo.Kind
	*tail
	args strings.Builder // what a tool is called with is held until it is whole
	last []byte          // the event of the newest piece
	run  string
	met  bool // it was looked at with those after it
	skip int  // bytes of it that are to come, in whose place with stands
	with string

	again     bool // later events repeat it
	raw, said strings.Builder
}

// The ways in which a stream fails, beside those of Inspect and Send.
var (
	ErrBroken = errors.New("the provider's stream broke off")
	ErrShape  = errors.New("the provider's stream holds what can't be looked at")
)

// MaxEvent is how long one event may be.
const MaxEvent = 16 << 20

// Run passes the stream on until it ends. The usage is what is known of it then. An
// error leaves the stream without its end: whoever reads it must be told.
func (f *Filter) Run(from io.Reader) (convo.Usage, error) {
	f.texts, f.names, f.done, f.goes, f.sent = map[string]*text{}, map[string]string{}, map[string]string{}, map[string]bool{}, -1
	f.over, f.shut, f.wait = map[string]bool{}, false, nil
	f.ahead, f.read, f.first, f.before, f.became = nil, 0, map[string]*begun{}, map[string]Rules{}, map[string]string{}
	f.in = sse.NewReader(from, MaxEvent)
	ended := false
	for {
		n := f.turn()
		err := n.err
		if err != nil {
			last, err := f.settle(nil)
			if ended = ended || last; err != nil {
				return f.usage, err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			if !ended || f.open() {
				err = ErrBroken
			} else if err = f.end(""); err == nil {
				err = f.decide(func(string) bool { return true })
			}
			return f.usage, err
		case errors.Is(err, sse.ErrTooLong):
			return f.usage, ErrShape
		case err != nil:
			return f.usage, ErrBroken
		}
		last, err := f.event(n)
		if err != nil {
			return f.usage, err
		}
		ended = ended || last
	}
}

var done = []byte("[DONE]")

// event passes one event on. last says that the stream may end after it.
func (f *Filter) event(n *next) (last bool, err error) {
	ev, data := n.ev, n.data
	if len(data) == 0 {
		if f.wait != nil && len(f.wait.after) < maxAfter {
			f.wait.after = append(f.wait.after, ev)
			return false, nil
		}
		if last, err = f.settle(nil); err != nil {
			return last, err
		}
		return last, f.send(ev, nil)
	}
	if bytes.Equal(data, done) {
		if _, err := f.settle(nil); err != nil {
			return true, err
		}
		if err := f.end(""); err != nil {
			return true, err
		}
		if err := f.decide(func(string) bool { return true }); err != nil {
			return true, err
		}
		clear(f.goes)
		f.shut = true
		return true, f.send(ev, nil)
	}
	e := n.e
	switch {
	case e == nil && ev.Cut:
		return false, ErrBroken
	case e == nil:
		return false, ErrShape
	}
	if last, err = f.settle(e); err != nil {
		return last, err
	}
	if len(e.Over) > 0 {
		f.wait = &waiting{ev: ev, e: e, data: data}
		return last, nil
	}
	more, err := f.take(ev, e, data)
	return last || more, err
}

// waiting is an event that may be the last of a text.
type waiting struct {
	ev   *sse.Event
	e    *convo.Event
	data []byte

	after []*sse.Event // comments, up to maxAfter
}

const maxAfter = 4

// settle takes the event that waits. Where the next one goes on with a text that it ended, that has not ended: some
// servers have a reason of the end in each event.
func (f *Filter) settle(next *convo.Event) (last bool, err error) {
	w := f.wait
	if f.wait = nil; w == nil {
		return false, nil
	}
	if next != nil {
		for _, d := range append(next.Deltas[:len(next.Deltas):len(next.Deltas)], next.Names...) {
			for _, begin := range w.e.Over {
				if strings.HasPrefix(d.Key, begin) {
					w.e.Over = slices.DeleteFunc(w.e.Over, func(over string) bool { return over == begin })
					w.e.Ends = slices.DeleteFunc(w.e.Ends, func(end string) bool { return strings.HasPrefix(end+"/", begin) })
					w.e.Last = false
					break
				}
			}
		}
	}
	last, err = f.take(w.ev, w.e, w.data)
	for _, ev := range w.after {
		if err == nil {
			err = f.send(ev, nil)
		}
	}
	return last, err
}

// take passes one event on whose ends are certain.
func (f *Filter) take(ev *sse.Event, e *convo.Event, data []byte) (last bool, err error) {
	f.count(e.Usage)
	f.follow(e)
	if e.Bare && f.NoUsage {
		return false, nil
	}
	if err := f.named(e); err != nil {
		return false, err
	}
	if err := f.meet(e); err != nil {
		return false, err
	}
	edits, err := f.pieces(e, data)
	if err != nil {
		return false, err
	}
	for _, run := range e.Parted {
		delete(f.before, run)
	}
	for _, begin := range e.Over {
		f.over[begin] = true
	}
	f.shut = f.shut || e.All && e.Last
	if e.All || e.Failed {
		err = f.end("")
	}
	for _, key := range e.Ends {
		if err == nil {
			err = f.end(key)
		}
	}
	if err != nil {
		return false, err
	}
	again, parts := f.repeats(e)
	more, err := f.Inspect.View(e.View.Without(slices.Concat(e.Deltas, e.Names, parts)))
	if err == nil {
		err = f.decide(func(key string) bool { return e.Failed || ends(e, key) })
	}
	if err != nil {
		return false, err
	}
	return e.Last || e.Failed, f.send(ev, e.Rewrite(slices.Concat(edits, again, more)))
}

// maxName is how long the name of a tool may be that comes in pieces.
const maxName = 1 << 10

// named takes in the names of tools, or pieces of them. From the first on nothing is sent until the call
// has ended: a name may go on until then, and whoever reads the stream puts its pieces together.
func (f *Filter) named(e *convo.Event) error {
	for _, n := range e.Names {
		name := cmp.Or(f.names[n.Key], f.done[n.Key]) + e.Parts[n.Part].Text
		if f.names[n.Key] = name; len(name) > maxName {
			return ErrShape
		}
	}
	return nil
}

// decide decides over the names of tools that are whole, and sends what waited for the last of them.
func (f *Filter) decide(whole func(key string) bool) error {
	for _, key := range slices.Sorted(maps.Keys(f.names)) {
		if !whole(key) {
			continue
		}
		switch edits, err := f.Inspect.View(convo.Named(f.names[key])); {
		case err != nil:
			return err
		case len(edits) > 0: // there is no one place to cut it out of
			return ErrShape
		}
		f.done[key] = f.names[key]
		delete(f.names, key)
	}
	if len(f.names) > 0 {
		return nil
	}
	held := f.held
	f.held, f.size = nil, 0
	for _, b := range held {
		if err := f.Send(b); err != nil {
			return err
		}
	}
	return nil
}

// follow remembers what has to end.
func (f *Filter) follow(e *convo.Event) {
	for _, key := range e.Goes {
		if _, known := f.goes[key]; !known {
			f.goes[key] = true
		}
	}
	for key := range f.goes {
		if e.Failed || ends(e, key) {
			f.goes[key] = false
		}
	}
}

// open reports whether anything has not ended.
func (f *Filter) open() bool {
	for _, goes := range f.goes {
		if goes {
			return true
		}
	}
	return false
}

// count keeps the newest word on each kind of token: some come early, some late.
func (f *Filter) count(u convo.Usage) {
	set := func(to *int64, v int64) {
		if v > 0 {
			*to = v
		}
	}
	set(&f.usage.Input, u.Input)
	set(&f.usage.CacheRead, u.CacheRead)
	set(&f.usage.CacheWrite, u.CacheWrite)
	set(&f.usage.CacheHour, u.CacheHour)
	set(&f.usage.Output, u.Output)
}

// pieces puts in the place of each piece what may go of its text. A text that ends with
// this event goes to its end.
func (f *Filter) pieces(e *convo.Event, data []byte) (edits []convo.Edit, err error) {
	for i, d := range e.Deltas {
		p := e.Parts[d.Part]
		if at := strings.IndexByte(d.Key, '/'); f.shut || f.over[d.Key[:at+1]] {
			return nil, ErrShape
		}
		t := f.texts[d.Key]
		if t == nil {
			t = f.begin(p.Kind, &d)
			f.texts[d.Key], f.order = t, append(f.order, d.Key)
		}
		t.last = data
		f.bytes += int64(len(p.Text))
		out := ""
		if t.tail == nil {
			t.args.WriteString(p.Text)
		} else if out, err = t.take(p.Text); err != nil {
			return nil, err
		}
		if ends(e, d.Key) && !comes(e.Deltas[i+1:], d.Key) {
			rest, err := f.rest(d.Key)
			if err != nil {
				return nil, err
			}
			out += rest
		}
		if out != p.Text {
			edits = append(edits, convo.Edit{Part: d.Part, Text: out})
		}
	}
	return edits, nil
}

func ends(e *convo.Event, key string) bool {
	for _, end := range e.Ends {
		if matches(end, key) {
			return true
		}
	}
	return e.All
}

func comes(deltas []convo.Delta, key string) bool {
	for _, d := range deltas {
		if d.Key == key {
			return true
		}
	}
	return false
}

func matches(end, key string) bool {
	if all, ok := strings.CutSuffix(end, "*"); ok {
		return strings.HasPrefix(key, all)
	}
	return end == key
}

// rest ends a text and returns what was held of it.
func (f *Filter) rest(key string) (string, error) {
	t := f.texts[key]
	delete(f.texts, key)
	if t.tail != nil {
		out, err := t.close()
		f.ended(t, out)
		return out, err
	}
	v := convo.Called(t.args.String())
	edits, err := f.Inspect.View(v)
	if err != nil || len(edits) == 0 {
		return t.args.String(), err
	}
	return string(v.Rewrite(edits)), nil
}

// end ends texts, all with "", and sends what was held of each as a piece of its own.
func (f *Filter) end(which string) error {
	var left []string
	for _, key := range f.order {
		t := f.texts[key]
		if t == nil {
			continue
		}
		if which != "" && !matches(which, key) {
			left = append(left, key)
			continue
		}
		last := t.last
		rest, err := f.rest(key)
		if err != nil {
			return err
		}
		if rest == "" {
			continue
		}
		piece := f.Dialect.Piece(last, key, rest)
		f.moved = true
		if err := f.send(f.in.New(piece.Name), piece.Data); err != nil {
			return err
		}
	}
	f.order = left
	return nil
}

// numbered is a dialect whose events are numbered, one after the other.
type numbered interface {
	Number(data []byte) (n int64, ok bool)
	Numbered(data []byte, n int64) []byte
}

// send writes an event, with other data when data is not nil.
func (f *Filter) send(ev *sse.Event, data []byte) error {
	if n, ok := f.Dialect.(numbered); ok {
		if data == nil {
			data = ev.Data
		}
		if is, ok := n.Number(data); ok {
			if f.moved && is != f.sent+1 {
				is = f.sent + 1
				data = n.Numbered(data, is)
			}
			f.sent = is
		}
	}
	var b bytes.Buffer
	if err := ev.Write(&b, data); err != nil {
		return err
	}
	if len(f.names) == 0 {
		return f.Send(b.Bytes())
	}
	f.held = append(f.held, b.Bytes())
	if f.size += b.Len(); f.size > MaxEvent {
		return ErrShape
	}
	return nil
}

// Stop ends a stream early, in its dialect.
func (f *Filter) Stop(message string) error {
	raw := f.Dialect.Broken(message)
	f.moved, f.names, f.held = true, nil, nil
	return f.send(f.in.New(raw.Name), raw.Data)
}
