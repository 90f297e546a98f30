package leak

const (
	longestName = 64
	nameTail    = 20 // of what a name may go on with
	nameQuotes  = 3  // after it
	valueQuotes = 5  // before a value
)

// assigner returns where the mark stands that assigns something to the name
// which ends at a place or soon after it, or -1.
func (s *search) assigner(end int) int {
	if end < s.marksFrom || end > s.marks {
		s.marksFrom, s.marks = end, end
		for s.marks < len(s.text) && mayName(s.text[s.marks]) {
			s.marks++
		}
	}
	if s.marks == len(s.text) || s.marks-end > longestName+nameTail+nameQuotes {
		return -1
	}
	switch s.text[s.marks] {
	case '=', '>', ':', '|', '?', ',':
		return s.marks
	}
	return -1
}

// mayName says whether a byte may stand in a name, after it, or between.
func mayName(c byte) bool {
	switch c {
	case ' ', '\t', '.', '-', '\n', '\r', '\'', '"', '\f':
		return true
	}
	return word(c)
}

// valuesAfter returns where a value may begin that is assigned to a name which
// ends at a place, the likeliest first; the rest is -1.
func valuesAfter(s string, end, assigner int) (from [2 * (valueQuotes + 1)]int) {
	for i := range from {
		from[i] = -1
	}
	n := end
	for n < assigner && n-end < nameTail && (word(s[n]) || s[n] == ' ' || s[n] == '\t' || s[n] == '.' || s[n] == '-') {
		n++
	}
	if assigner-n > nameQuotes {
		return from
	}
	for ; n < assigner; n++ {
		if c := s[n]; c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\'' && c != '"' {
			return from
		}
	}
	count := 0
	take := func(at int) {
		quotes := 0
		for quotes < valueQuotes && quote(char(s, at+quotes)) && at+quotes < len(s) {
			quotes++
		}
		for ; quotes >= 0; quotes-- {
			from[count] = at + quotes
			count++
		}
	}
	next := char(s, assigner+1)
	switch s[assigner] {
	case '=':
		if next == '>' {
			take(assigner + 2)
		} else {
			take(assigner + 1)
		}
	case ':':
		after := assigner + 1
		for after-assigner < 3 && char(s, after) == ':' {
			after++
		}
		switch {
		case char(s, after) == '=':
			take(after + 1)
		case after == assigner+1:
			take(after)
		}
	case '|':
		if next == '|' {
			take(assigner + 2)
		}
	case '?':
		if next == '=' {
			take(assigner + 2)
		}
	default:
		take(assigner + 1)
	}
	return from
}

func quote(c byte) bool {
	return c == '`' || c == '\'' || c == '"' || c == '=' || c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'
}
