package text

// Mark says how a byte of a view stands in the original.
type Mark byte

// How bytes stand there, by how much it tells of whoever wrote them.
const (
	Plain   Mark = iota // as it is
	Encoded             // as programs write it: in base64, hex or numbers, or escaped though it needs no escape
	Veiled              // as no program does: moved by 13, from its end, in letters that look alike, encoded twice
	Unseen              // in characters that nobody sees, or after one
)

// Marks are those of views, each made once.
type Marks map[*View][]Mark

// Of are the marks of the bytes of a view. They must not be written to.
func (m Marks) Of(v *View) []Mark {
	of, known := m[v]
	if known {
		return of
	}
	of = make([]Mark, len(v.Text))
	if v.from != nil {
		v.mark(of, m.Of(v.from))
	}
	m[v] = of
	return of
}

// mark writes the marks of a view, from those of the one that it was made of.
func (v *View) mark(of, before []Mark) {
	via := v.Via[len(v.Via)-1]
	for i, r := range v.runs {
		end := len(v.Text)
		if i+1 < len(v.runs) {
			end = int(v.runs[i+1].at)
		}
		here := of[r.at:end]
		if r.end < 0 {
			copy(here, before[r.from:])
			switch {
			case via == "rot13":
				raise(here, Veiled)
			case via == "unicode" && i > 0 && v.runs[i-1].end < 0: // something was taken out before it
				raise(here[:1], Unseen)
			}
			continue
		}
		if r.from == r.end {
			continue // it keeps parts apart
		}
		was := before[(r.from+r.end)/2]
		raise(here, max(was, v.stands(via, r, v.Text[r.at:end], was)))
	}
}

// stands is how what was made of a stretch of the view before stands there.
func (v *View) stands(via string, r run, is string, was Mark) Mark {
	switch via {
	case "unicode": // accents that were put together are no disguise
		if words(is) {
			return Veiled
		}
	case "escapes":
		first, next := v.from.Text[r.from], byte(0)
		if r.end-r.from > 1 {
			next = v.from.Text[r.from+1]
		}
		if first == '%' || words(is) && (first != '&' || next == '#') { // names in HTML stand for what needs one
			return Encoded
		}
	case "base64", "hex", "base32", "decimal":
		if was == Plain {
			return Encoded
		}
		return Veiled
	case "reversed":
		return Veiled
	case "tags":
		return Unseen
	}
	return Plain
}

func raise(of []Mark, to Mark) {
	for i := range of {
		of[i] = max(of[i], to)
	}
}

// words says whether a text is made of what no escape is needed for.
func words(s string) bool {
	for i := range len(s) {
		if !alphanumeric(s[i]) && s[i] != ' ' {
			return false
		}
	}
	return true
}
