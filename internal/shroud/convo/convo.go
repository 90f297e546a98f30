// Package convo is a conversation with a language model as an inspector sees it:
// the texts in a request, an answer or an event of a stream, who said each, and where
// in the bytes it stands. Every dialect of every provider fills the same view.
//
// Its promise: each text, key and long number of a body is a part of its view, also
// where the dialect is not known to have one, but for what is listed as opaque: media,
// signatures, encrypted and thinking blocks, which providers refuse when they change.
package convo

import (
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/doc"
)

// Role is whose words a part are.
type Role uint8

// The roles. Tool is also what a document or a search result says: nobody who takes
// part in the conversation vouches for it.
const (
	System Role = iota // the developer's, who is trusted
	User
	Assistant
	Tool
)

// Kind is what a part is to the model or to whoever runs its tools.
type Kind uint8

// The kinds.
const (
	Text      Kind = iota
	Arguments      // of a tool call, as they will be run
	ToolName       // which tool is called
	Schema         // what tools there are, how an answer has to look
	Other          // what the dialect is not known to have
	ID             // what has to come back as it was, and says nothing to a model
)

// Part is one text.
type Part struct {
	Role Role
	Kind Kind
	Text string

	run   int  // the texts of a message that stand side by side have one number; 0: it stands alone
	flows bool // those with its number are one text, which a stream does not have apart
	at    doc.Edit
	inner *doc.Doc // of JSON that stands in a text; at is in it
	outer doc.Node // that text
}

// View are the parts of one body.
type View struct {
	Parts  []Part
	Opaque int     // how many values are not looked at
	Media  int     // how many of them are pictures, sounds and files
	Filed  int     // bytes of those that are no pictures
	Unread int     // bytes of the others
	Calls  []Names // what is called by its kind: other calls have the tool's name as a part

	doc     *doc.Doc
	quoted  bool       // the body is one text, without its quotes
	repeats []doc.Node // values that repeat texts in pieces in which no rule finds anything
	args    []args
}

// Flow reports whether the texts of a run are pieces of one text: a stream of the dialect does not tell where one of them ends.
func (v *View) Flow(run []int) bool { return v.Parts[run[0]].flows }

// Runs are the texts that stand side by side in a message, as a model reads them: parts by their number, two at least.
func (v *View) Runs() (out [][]int) {
	type side struct {
		run  int
		role Role
	}
	at := map[side]int{}
	for i := range v.Parts {
		p := &v.Parts[i]
		if p.run == 0 || p.Text == "" {
			continue
		}
		k := side{p.run, p.Role}
		n, known := at[k]
		if !known {
			n = len(out)
			at[k], out = n, append(out, nil)
		}
		out[n] = append(out[n], i)
	}
	return slices.DeleteFunc(out, func(run []int) bool { return len(run) < 2 })
}

// Edit puts a text in the place of a part's.
type Edit struct {
	Part int
	Text string
}

// Rewrite returns the body with the edits in it, and everything else as it was. The
// probabilities of an answer's tokens, which hold them, go when anything is edited.
func (v *View) Rewrite(edits []Edit) []byte {
	var outer []doc.Edit
	inner := map[*doc.Doc][]doc.Edit{}
	holds := map[*doc.Doc]doc.Node{}
	for _, e := range edits {
		p := v.Parts[e.Part]
		at := p.at
		at.Text = e.Text
		if p.inner == nil {
			outer = append(outer, at)
			continue
		}
		inner[p.inner] = append(inner[p.inner], at)
		holds[p.inner] = p.outer
	}
	for in, edits := range inner {
		outer = append(outer, doc.Edit{At: holds[in], Text: string(in.Rewrite(edits))})
	}
	if len(outer) > 0 {
		for _, n := range v.repeats {
			outer = append(outer, doc.Edit{At: n, Raw: []byte("null")})
		}
	}
	out := v.doc.Rewrite(outer)
	if v.quoted {
		in, err := doc.Parse(out)
		if err != nil {
			return nil // what was just quoted
		}
		return []byte(in.Root().Text())
	}
	return out
}

// Without is the view without the parts that are pieces.
func (v *View) Without(deltas []Delta) *View {
	out := *v
	out.Parts = append([]Part(nil), v.Parts...)
	for _, d := range deltas {
		out.Parts[d.Part].Text = ""
	}
	return &out
}

// Request is what a caller asks of a model.
type Request struct {
	View
	Model     string
	Stream    bool
	MaxTokens int64    // of the answer, for all choices together; 0: not said
	Choices   int64    // how many answers are asked for, 0 as 1
	Tools     []Names  // what the model is offered
	Tokens    bool     // it holds texts as numbers of tokens, which can't be looked at
	Models    []string // others that it names: to be taken instead, or by tools
	Instead   bool     // one of them may answer instead
	Kept      bool     // the provider takes settings that it keeps itself, which may name any
	Keeps     []string // what it names of what the provider keeps, which the model reads: kinds, each once
	Fetched   Fetched
	Words     []string // of the protocol, which are no parts: kinds, roles, ids that are nobody's part, and not those that all requests have
}

// Usage are the tokens that a provider bills.
type Usage struct {
	Input      int64 // those that neither of the next two counts
	CacheRead  int64
	CacheWrite int64
	CacheHour  int64 // of CacheWrite, those that are kept for an hour
	Output     int64 // with those that the model thought in
}

// Known reports whether the provider said anything.
func (u Usage) Known() bool { return u != Usage{} }

func (u Usage) and(o Usage) Usage {
	return Usage{u.Input + o.Input, u.CacheRead + o.CacheRead, u.CacheWrite + o.CacheWrite, u.CacheHour + o.CacheHour, u.Output + o.Output}
}

// Answer is what a model said, whole.
type Answer struct {
	View
	Usage Usage
}

// Delta is a piece of a text of a stream.
type Delta struct {
	Key   string // the same for all pieces of a text
	Part  int    // in the event's view
	Run   string // the same for all texts that stand side by side; "": it stands alone
	Again bool   // later events repeat the whole text
}

// Event is one event of a stream.
type Event struct {
	View
	Deltas []Delta        // pieces; all other parts of the view are whole
	Names  []Delta        // names of tools, or pieces of them; the key is that of the call's arguments
	Whole  map[int]string // parts that repeat a text whose pieces came before, with its key
	Ends   []string       // keys whose text is whole now
	Parted []string       // runs that do not go on after this event
	Over   []string       // how keys begin of which no text may come any more
	Goes   []string       // keys of what has to end before the stream does
	All    bool           // no text goes on after this event
	Last   bool           // nothing has to come after this event
	Failed bool           // the provider tells of an error
	Usage  Usage          // what is known so far; later events replace it
	Bare   bool           // it holds nothing but the usage
}

// Dialect is how a provider writes conversations.
type Dialect interface {
	// Request reads a body. path is that of the call; it has the model in some dialects.
	Request(body []byte, path string) (*Request, error)
	// Answer reads the whole answer to a request.
	Answer(body []byte) (*Answer, error)
	// Event reads the data of an event of a stream, whose name may be empty.
	Event(name string, data []byte) (*Event, error)
	// Piece is an event with one more piece of a text, whose last piece came in the
	// event last.
	Piece(last []byte, key, text string) *Raw
	// Broken is the event that ends a stream early, in words for the caller.
	Broken(message string) *Raw
}

// Raw is an event as it is written.
type Raw struct {
	Name string // "": without
	Data []byte
}

// Called is the view of what a tool is called with, once it is whole. It has one
// part where that is no JSON.
func Called(text string) *View {
	if in := object(text); in != nil {
		w := &walker{View: &View{doc: in}}
		w.free(Assistant, Arguments, in.Root())
		w.args = append(w.args, args{in.Root(), 0, len(w.Parts)})
		return w.View
	}
	in, err := doc.Parse(doc.Quote(nil, text))
	if err != nil {
		return nil // it was quoted just now
	}
	w := &walker{View: &View{doc: in, quoted: true}}
	w.add(Assistant, Arguments, in.Root())
	return w.View
}

// Named is the view of the name of a tool that is called.
func Named(name string) *View {
	in, err := doc.Parse(doc.Quote(nil, name))
	if err != nil {
		return nil // it was quoted just now
	}
	w := &walker{View: &View{doc: in, quoted: true}}
	w.add(Assistant, ToolName, in.Root())
	return w.View
}

// ErrShape is a body that is JSON and not what the dialect takes.
var ErrShape = &Error{"The body does not have the shape that this path takes."}

// ErrSpelling is a key whose spelling differs from one that the dialect has in case
// alone: some servers would take it for that one.
var ErrSpelling = &Error{"The body has a key that differs from a known one only in upper and lower case."}

// ErrNumber is a limit, or a count of answers, that is no whole number.
var ErrNumber = &Error{"The body has a limit, or a count of answers, that is not written as a whole number."}

// ErrFlag is a stream that is neither true nor false.
var ErrFlag = &Error{"The body has a stream that is neither true nor false."}

// ErrBackground is a request whose answer nobody would look at.
var ErrBackground = &Error{"An answer in the background can't be looked at or billed. Leave background out."}

// ErrStored is a request for a prompt that the provider keeps.
var ErrStored = &Error{"A prompt that the provider keeps can't be looked at. Send its text."}

// Error says why a body is refused.
type Error struct{ what string }

// Error implements error.
func (e *Error) Error() string { return e.what }
