package known

// Stream looks for values in a text that comes in pieces.
type Stream struct {
	set  *Set
	as   func(Match) string
	scan scanner
	held []byte
	at   int // of what is held, in the whole text
}

// Stream begins a text in which something else is written for each value.
func (s *Set) Stream(as func(Match) string) *Stream { return &Stream{set: s, as: as} }

// Write takes a piece and returns what is certain by now. The rest is held
// back: about as much as Longest, without escapes and line breaks.
func (t *Stream) Write(piece string) string {
	t.held = append(t.held, piece...)
	return t.release(false)
}

// Close returns the rest.
func (t *Stream) Close() string { return t.release(true) }

// Held is how many bytes are held back.
func (t *Stream) Held() int { return len(t.held) }

func (t *Stream) release(last bool) string {
	found, certain := t.scan.scan(t.set, t.held, last)
	if certain == 0 {
		return ""
	}
	out := make([]byte, 0, certain)
	from := 0
	for _, m := range found {
		out = append(out, t.held[from:m.Start]...)
		from = m.End
		m.Start += t.at
		m.End += t.at
		out = append(out, t.as(m)...)
	}
	out = append(out, t.held[from:certain]...)
	t.held = append(t.held[:0], t.held[certain:]...)
	t.at += certain
	return string(out)
}
