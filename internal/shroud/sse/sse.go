// Package sse splits a stream of server-sent events (HTML Living Standard, 9.2) into
// events, and writes them again.
//
// Its promise: an event is the same however its bytes arrive, one that nobody changes
// is written as it came, and one that is longer than the bound ends the stream instead
// of taking memory.
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
)

// Event is one event, or a comment that keeps the connection alive.
type Event struct {
	Name string // "" when there is no event field
	Data []byte // the data lines, joined by LF; nil when there are none
	Cut  bool   // the stream ended before the event did, whose end is written then

	raw    []byte
	others []byte // lines of other fields, and comments
	eol    string // how its stream ends lines
}

// ErrTooLong is an event beyond the reader's bound.
var ErrTooLong = errors.New("an event of the stream is too long")

// Reader reads events.
type Reader struct {
	in    *bufio.Reader
	max   int
	begun bool
	cr    bool   // the last byte was a CR
	eol   string // how lines end, as far as is known; "": no line has ended
}

// NewReader returns a reader of events of up to max bytes.
func NewReader(in io.Reader, max int) *Reader {
	return &Reader{in: bufio.NewReaderSize(in, 32<<10), max: max}
}

// Next returns the next event. At the end it is io.EOF, also after an event that the
// end has cut off: that comes first, since some servers leave the last empty line out.
func (r *Reader) Next() (*Event, error) {
	e := &Event{}
	for {
		line, raw, err := r.line(r.max - len(e.raw))
		if !r.begun {
			r.begun = true
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		e.raw, e.eol = append(e.raw, raw...), r.eol
		if len(line) == 0 && err == nil {
			return e, nil
		}
		e.field(line)
		if errors.Is(err, io.EOF) && len(e.raw) > 0 {
			if e.Cut = len(bytes.Trim(e.raw, "\r\n")) > 0; e.Cut {
				e.raw = append(e.raw, e.end()+e.end()...) // what comes after it is no part of it
			}
			return e, nil // the next call finds the end again
		}
		if err != nil {
			return nil, err
		}
	}
}

// field takes one line into the event.
func (e *Event) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		e.Name = string(value)
	case "data":
		if e.Data == nil {
			e.Data = make([]byte, 0, len(value))
		} else {
			e.Data = append(e.Data, '\n')
		}
		e.Data = append(e.Data, value...)
	default:
		if len(line) > 0 {
			e.others = append(append(e.others, line...), '\n')
		}
	}
}

// line reads up to LF, CRLF or CR, and returns the line with and without its end. After
// the first CR of a stream no LF is waited for: whether one follows shows with the next
// line. At the end of the stream it returns what is there with io.EOF.
func (r *Reader) line(room int) (line, raw []byte, err error) {
	for {
		if b := r.plain(); len(b) > 0 {
			if len(raw)+len(b) > cap(raw) {
				raw = slices.Grow(raw, max(len(raw), len(b))) // append grows long ones by a quarter, and copies each time
			}
			raw = append(raw, b...)
			_, _ = r.in.Discard(len(b)) // they are there
			if len(raw) > room {
				return nil, nil, ErrTooLong
			}
			continue
		}
		c, err := r.in.ReadByte()
		if err != nil {
			return bytes.TrimPrefix(raw, []byte("\n")), raw, err
		}
		raw = append(raw, c)
		after := r.cr
		r.cr = false
		switch {
		case after && c == '\n':
			r.eol = "\r\n"
			continue // it ends the line before
		case after:
			r.eol = "\r"
		}
		switch {
		case c == '\n':
			r.eol = "\n"
			return body(raw), raw, nil
		case c == '\r' && r.eol == "\r\n":
			line := body(raw)
			if c, err := r.in.ReadByte(); err == nil && c == '\n' {
				return line, append(raw, c), nil
			} else if err == nil {
				_ = r.in.UnreadByte() // it was read just now
			}
			return line, raw, nil // an error comes again
		case c == '\r':
			r.cr = true
			return body(raw), raw, nil
		case len(raw) > room:
			return nil, nil, ErrTooLong
		}
	}
}

// plain returns what is there of the line up to its end, without reading: a long line is not looked at byte
// by byte. It is empty where the next byte says how the line before has ended.
func (r *Reader) plain() []byte {
	if r.cr {
		return nil
	}
	b, _ := r.in.Peek(r.in.Buffered()) // so many are there
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i]
	}
	if i := bytes.IndexByte(b, '\r'); i >= 0 {
		b = b[:i]
	}
	return b
}

// body is a line without its end, and without the LF of the end before it.
func body(raw []byte) []byte { return bytes.TrimPrefix(raw[:len(raw)-1], []byte("\n")) }

// Write writes the event as it came, or with other data when data is not nil.
func (e *Event) Write(w io.Writer, data []byte) error {
	if data == nil || bytes.Equal(data, e.Data) {
		_, err := w.Write(e.raw)
		return err
	}
	var b bytes.Buffer
	for line := range bytes.Lines(e.others) {
		b.Write(bytes.TrimSuffix(line, []byte("\n")))
		b.WriteString(e.end())
	}
	if e.Name != "" {
		b.WriteString("event: " + e.Name + e.end())
	}
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		b.WriteString("data: ")
		b.Write(line)
		b.WriteString(e.end())
	}
	b.WriteString(e.end())
	_, err := w.Write(b.Bytes())
	return err
}

func (e *Event) end() string {
	if e.eol == "" {
		return "\n"
	}
	return e.eol
}

// New returns an event that did not come, and is written as those that did.
func (r *Reader) New(name string) *Event { return &Event{Name: name, eol: r.eol} }
