// Package doc reads JSON so that single texts in it can be replaced where they stand.
//
// Its promise: what is not replaced keeps its bytes, order and spelling, and a text
// that was parsed has one meaning: no duplicate names, valid UTF-8, nothing after it.
package doc

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of what Parse builds.
const (
	MaxDepth = 64
	MaxNodes = 500_000
)

// Error says why a text is refused.
type Error struct{ what string }

// Error implements error.
func (e *Error) Error() string { return e.what }

// What Parse finds.
var (
	ErrNotJSON   = &Error{"The body is not valid JSON in UTF-8."}
	ErrTooDeep   = &Error{"The body is nested too deeply."}
	ErrTooMany   = &Error{"The body has too many keys and values."}
	ErrDuplicate = &Error{"An object in the body has the same key twice."}
)

// Kinds of nodes are jsontext's: '{', '[', '"', '0', 't', 'f', 'n'.
type node struct {
	kind        byte
	start, end  int32 // its bytes
	key, keyEnd int32 // those of its key
	first, next int32 // child and sibling, 0: none
	name        string
}

// Doc is a parsed text.
type Doc struct {
	src   []byte
	nodes []node
}

// Parse reads src, which must not change afterwards.
func Parse(src []byte) (*Doc, error) {
	d := &Doc{src: src, nodes: make([]node, 1, 64)} // node 0 is none
	p := parser{Doc: d, dec: jsontext.NewDecoder(bytes.NewBuffer(src))}
	if _, err := p.value(0); err != nil {
		return nil, err
	}
	if _, err := p.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, ErrNotJSON
	}
	return d, nil
}

type parser struct {
	*Doc
	dec *jsontext.Decoder
}

func refusal(err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return ErrDuplicate
	}
	return ErrNotJSON
}

// value reads one value with what is in it.
func (p *parser) value(depth int) (int32, error) {
	if depth > MaxDepth {
		return 0, ErrTooDeep
	}
	if len(p.nodes) > MaxNodes {
		return 0, ErrTooMany
	}
	kind := p.dec.PeekKind()
	if kind != '{' && kind != '[' {
		raw, err := p.dec.ReadValue()
		if err != nil {
			return 0, refusal(err)
		}
		end := int32(p.dec.InputOffset())
		p.nodes = append(p.nodes, node{kind: byte(kind), start: end - int32(len(raw)), end: end})
		return int32(len(p.nodes) - 1), nil
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return 0, refusal(err)
	}
	at := int32(len(p.nodes))
	p.nodes = append(p.nodes, node{kind: byte(kind), start: int32(p.dec.InputOffset()) - 1})
	for last := int32(0); ; {
		if next := p.dec.PeekKind(); next == '}' || next == ']' {
			break
		}
		var key node
		if kind == '{' {
			raw, err := p.dec.ReadValue()
			if err != nil {
				return 0, refusal(err)
			}
			key.keyEnd = int32(p.dec.InputOffset())
			key.key = key.keyEnd - int32(len(raw))
			key.name = unquote(raw)
		}
		child, err := p.value(depth + 1)
		if err != nil {
			return 0, err
		}
		c := &p.nodes[child]
		c.name, c.key, c.keyEnd = key.name, key.key, key.keyEnd
		if last == 0 {
			p.nodes[at].first = child
		} else {
			p.nodes[last].next = child
		}
		last = child
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return 0, refusal(err)
	}
	p.nodes[at].end = int32(p.dec.InputOffset())
	return at, nil
}

// Root is the whole text's value.
func (d *Doc) Root() Node { return Node{d, 1} }

// Bytes is the text as it was parsed.
func (d *Doc) Bytes() []byte { return d.src }

// Node is a value in a text. The zero Node is one that is not there, and so is what
// is looked up in it.
type Node struct {
	d *Doc
	i int32
}

// Is reports whether the value has the kind: '{', '[', '"', '0', 't', 'f', 'n'.
func (n Node) Is(kind byte) bool { return n.i != 0 && n.d.nodes[n.i].kind == kind }

// There reports whether there is such a value.
func (n Node) There() bool { return n.i != 0 }

// Name is the key of a value in an object.
func (n Node) Name() string {
	if n.i == 0 {
		return ""
	}
	return n.d.nodes[n.i].name
}

// Children are the values of an object or array, in their order.
func (n Node) Children() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if n.i == 0 {
			return
		}
		for i := n.d.nodes[n.i].first; i != 0; i = n.d.nodes[i].next {
			if !yield(Node{n.d, i}) {
				return
			}
		}
	}
}

// Get returns the value of a key in an object, by the names of the way to it.
func (n Node) Get(names ...string) Node {
	for _, name := range names {
		if !n.Is('{') {
			return Node{}
		}
		found := Node{}
		for c := range n.Children() {
			if c.Name() == name {
				found = c
				break
			}
		}
		n = found
	}
	return n
}

// Raw is how the value is written.
func (n Node) Raw() []byte {
	if n.i == 0 {
		return nil
	}
	v := n.d.nodes[n.i]
	return n.d.src[v.start:v.end]
}

// Text is what a text says, and "" for any other value.
func (n Node) Text() string {
	if !n.Is('"') {
		return ""
	}
	return unquote(n.Raw())
}

// unquote is what a text says that was read, and so is well formed.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	out, _ := jsontext.AppendUnquote(nil, raw)
	return string(out)
}

// Int is a whole number that fits, and ok is false for any other value.
func (n Node) Int() (v int64, ok bool) {
	if !n.Is('0') {
		return 0, false
	}
	for _, c := range n.Raw() {
		if c < '0' || c > '9' || v > 1<<52 {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	return v, true
}

// True reports whether the value is true.
func (n Node) True() bool { return n.Is('t') }

// Edit puts a text, or another value as it is written, in the place of a value.
type Edit struct {
	At   Node
	Name bool // the value's key is meant
	Text string
	Raw  []byte // instead of Text
}

// Rewrite returns the text with the edits in it. Edits of values that lie within each
// other are not possible: the outer one counts.
func (d *Doc) Rewrite(edits []Edit) []byte {
	if len(edits) == 0 {
		return d.src
	}
	slices.SortStableFunc(edits, func(a, b Edit) int { return int(a.start() - b.start()) })
	out := make([]byte, 0, len(d.src)+64)
	done := int32(0)
	for _, e := range edits {
		start, end := e.start(), d.nodes[e.At.i].end
		if e.Name {
			end = d.nodes[e.At.i].keyEnd
		}
		if start < done {
			continue
		}
		out = append(out, d.src[done:start]...)
		if e.Raw != nil {
			out = append(out, e.Raw...)
		} else {
			out = Quote(out, e.Text)
		}
		done = end
	}
	return append(out, d.src[done:]...)
}

func (e Edit) start() int32 {
	if v := e.At.d.nodes[e.At.i]; !e.Name {
		return v.start
	}
	return e.At.d.nodes[e.At.i].key
}

// Quote appends a text as JSON.
func Quote(out []byte, text string) []byte {
	out, _ = jsontext.AppendQuote(out, text) // what is not UTF-8 becomes U+FFFD
	return out
}

// With returns the text with one field more in an object that does not have it.
func (d *Doc) With(at Node, name string, raw []byte) []byte {
	v := d.nodes[at.i]
	end := v.end - 1 // before its brace
	out := append(make([]byte, 0, len(d.src)+len(name)+len(raw)+4), d.src[:end]...)
	if v.first != 0 {
		out = append(out, ',')
	}
	out = append(append(Quote(out, name), ':'), raw...)
	return append(out, d.src[end:]...)
}
