package pii

// Shapes of phone numbers: with a plus sign those of all countries; else those of
// North America; else what is written after a word that tells of phones. A
// library of all number plans is five megabytes and would find no more: it does
// not know what a number in a text is about.

const (
	longestPhone = 24
	phoneGroups  = 7
)

// phone finds a phone number whose first digits are here.
func (f *finder) phone(i int) {
	s := f.text
	start := i
	if char(s, start-1) == '(' {
		start--
	}
	plus := char(s, start-1) == '+'
	if plus {
		start--
	}
	before := char(s, start-1)
	if isWord(before) || before == '+' || before == '$' || (before == '.' || before == '-' || before == ',' || before == '/' || before == '(') && isWord(char(s, start-2)) {
		return
	}
	if continues(s, start) {
		return
	}
	g := groups(s, start, i)
	if g.end == 0 && !plus && start < i { // the parenthesis is around all of it
		start = i
		g = groups(s, start, i)
	}
	if g.end == 0 {
		return
	}
	var d [20]byte
	n := bare(d[:], s[start:g.end])
	switch {
	case f.american(start, g, d[:n], plus):
	case plus && d[0] != '1' && n >= 8 && n <= 15 && country(d[:n]),
		n >= 6 && n <= 14 && !g.date() && !g.quad() && (g.count > 1 || n >= 9) && toldPhone(s, start, g.end):
		f.take(start, g, Phone)
	}
}

// toldPhone says whether a word before a number, or the one after it, is of phones.
func toldPhone(s string, start, end int) bool {
	if told(s, start, nearWords, phoneWords()...) {
		return true
	}
	if c := char(s, end); c == 'x' && isDigit(char(s, end+1)) {
		end += 1 + digits(s, end+1)
	}
	if c := char(s, end); c != ' ' && c != '-' && c != '\n' {
		return false
	}
	var low [10]byte
	n := 0
	for n < len(low) && isLetter(char(s, end+1+n)) {
		low[n] = s[end+1+n] | 0x20
		n++
	}
	switch string(low[:n]) {
	case "phone", "tel", "fax", "mobile", "cell", "office", "desk", "home":
		return true
	}
	return false
}

func phoneWords() []string {
	return []string{"phone", "phones", "telephone", "telefon", "tel", "mobile", "cell", "cellphone", "fax", "whatsapp", "call", "calling", "dial", "answering", "sms", "telepono", "handy", "cep", "desk"}
}

// american finds a number of the North American plan.
func (f *finder) american(start int, g grouped, d []byte, plus bool) bool {
	long := len(d) == 11 && d[0] == '1'
	switch {
	case long:
		d = d[1:]
	case plus:
		return false
	case len(d) == 13 && string(d[:3]) == "001":
		long, d = true, d[3:]
	}
	if len(d) != 10 || !american(d) {
		return false
	}
	sizes := g.sizes[:g.count]
	if long && g.count > 1 {
		sizes = sizes[1:]
	}
	switch {
	case plus:
	case len(sizes) == 3 && sizes[0] == 3 && sizes[1] == 3 && sizes[2] == 4 && (!g.spaces || g.paren || long):
	case len(sizes) == 2 && sizes[0] == 3 && sizes[1] == 7 && g.paren:
	case toldPhone(f.text, start, g.end):
	default:
		return false
	}
	f.take(start, g, PhoneUS)
	return true
}

// american says whether ten digits are a number of the North American plan.
func american(d []byte) bool {
	return d[0] >= '2' && d[3] >= '2' && !(d[1] == '1' && d[2] == '1') && !(d[4] == '1' && d[5] == '1')
}

// take adds a number with its extension.
func (f *finder) take(start int, g grouped, kind string) {
	end := g.end
	if char(f.text, end) == 'x' {
		if n := digits(f.text, end+1); n > 0 && n <= 5 {
			end += 1 + n
		}
	}
	after, next := char(f.text, end), char(f.text, end+1)
	if isWord(after) || after == '%' || after == '-' && isDigit(next) || (after == '/' || after == ':') && isWord(next) {
		return
	}
	f.add(start, end, kind)
}

// grouped says how the digits of a number stand together.
type grouped struct {
	sizes  [phoneGroups]int
	count  int
	end    int // 0 when it is no such number
	paren  bool
	spaces bool // at least one gap is a space
	dots   int
}

// groups reads digits with one mark between them, or with parentheses around some.
func groups(s string, start, i int) (g grouped) {
	open := s[start] == '(' || s[start] == '+' && char(s, start+1) == '('
	g.paren = open
	for n := i; ; {
		run := digits(s, n)
		if g.count == phoneGroups || run == 0 {
			return grouped{}
		}
		g.sizes[g.count] = run
		g.count++
		n += run
		end := n
		if open && char(s, n) == ')' {
			open = false
			n++
			if !isDigit(char(s, n)) && !isDigit(char(s, n+1)) {
				return grouped{}
			}
		}
		switch c := char(s, n); {
		case c == ' ' && isDigit(char(s, n+1)):
			g.spaces = true
			n++
		case c == ' ' && char(s, n+1) == '(' && isDigit(char(s, n+2)) && !g.paren:
			n += 2
			open, g.paren = true, true
		case c == '(' && isDigit(char(s, n+1)) && !g.paren:
			n++
			open, g.paren = true, true
		case c == '-' && isDigit(char(s, n+1)):
			n++
		case c == '.' && isDigit(char(s, n+1)):
			g.dots++
			n++
		case isDigit(c): // after a parenthesis
		default:
			if !open {
				g.end = end
			}
			return g
		}
		if n-start > longestPhone {
			return grouped{}
		}
	}
}

// date says whether the groups are those of a date, or of a year and more.
func (g *grouped) date() bool {
	if g.count != 3 || g.paren {
		return false
	}
	a, b, c := g.sizes[0], g.sizes[1], g.sizes[2]
	return a == 4 && b <= 2 && c <= 2 || a <= 2 && b <= 2 && c == 4
}

// quad says whether the groups may be those of a network address.
func (g *grouped) quad() bool { return g.count == 4 && g.dots == 3 }

// continues says whether a number before this one makes it a part of a longer row.
func continues(s string, start int) bool {
	c := char(s, start-1)
	if c != ' ' && c != '-' && c != '.' {
		return false
	}
	return isDigit(char(s, start-2)) && (c != ' ' || s[start] != '+' && s[start] != '(')
}

// country says whether a number begins with the code of a country.
func country(d []byte) bool {
	two := int(d[0]-'0')*10 + int(d[1]-'0')
	switch d[0] {
	case '0':
		return false
	case '1', '7':
		return len(d) == 11
	}
	switch two {
	case 20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
		60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98:
		return true
	case 21, 22, 23, 24, 25, 26, 29, 35, 37, 38, 42, 50, 59, 67, 68, 69, 85, 87, 88, 96, 97, 99:
		return true // three digits
	}
	return false
}
