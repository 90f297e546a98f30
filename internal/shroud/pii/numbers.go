package pii

import (
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
)

// run is a row of digits with single gaps between them.
type run struct {
	start, end int
	digits     string
	groups     []int // how many digits stand together
	gaps       string
	plus       bool
	open       bool // it begins with a bracket
}

// numbers are cards, social security numbers and phone numbers.
func (f *finder) numbers() {
	s := f.s
	for i := 0; i < len(s); {
		if !digit(s[i]) {
			i++
			continue
		}
		r := numberAt(s, i)
		if n := extension(s[r.end:]); n > 0 && len(r.digits) >= 9 && len(r.groups) > 1 {
			f.note("phone", finding.Low, 0.7, r.start, r.end+n)
			r.end += n
		} else if !word(at(s, r.start-1)) && !word(at(s, r.end)) && at(s, r.start-1) != '.' || said(s, r.start, "tel:", "phone=") {
			f.number(r)
		}
		i = r.end
	}
}

const maxDigits = 24

// extension is the size of the extension of a phone number, x123, if there is one.
func extension(s string) int {
	n := 1
	for n < len(s) && n < 7 && digit(s[n]) {
		n++
	}
	if len(s) < 3 || s[0]|0x20 != 'x' || n < 3 || word(at(s, n)) {
		return 0
	}
	return n
}

// numberAt is the run whose first digit is at a place.
func numberAt(s string, first int) run {
	r := run{start: first, end: first}
	if at(s, first-1) == '(' {
		r.open = true
		r.start--
	}
	if at(s, r.start-1) == '+' {
		r.plus = true
		r.start--
	} else if r.open && at(s, first-2) == '+' {
		r.plus = true
	}
	var digits, gaps []byte
	together := 0
	i := first
	for i < len(s) && len(digits) < maxDigits {
		if digit(s[i]) {
			digits = append(digits, s[i])
			together++
			i++
			r.end = i
			continue
		}
		next := i
		for next < len(s) && next < i+3 && strings.IndexByte(" -.()/", s[next]) >= 0 {
			next++
		}
		if next == i || next >= len(s) || !digit(s[next]) {
			break
		}
		gaps = append(gaps, s[i])
		r.groups = append(r.groups, together)
		together = 0
		i = next
	}
	for i < len(s) && digit(s[i]) { // longer than anything that is looked for
		digits = append(digits[:0], '0')
		i++
		r.end = i
	}
	r.groups = append(r.groups, together)
	r.digits, r.gaps = string(digits), string(gaps)
	return r
}

func (f *finder) number(r run) {
	d := r.digits
	switch {
	case card(r):
		f.note("credit_card", finding.Critical, 0.95, r.start, r.end)
	case ssn(r) && (len(r.groups) == 3 || said(f.s, r.start, "ssn", "social sec", "social-sec")):
		f.note("ssn", finding.Critical, 0.8, r.start, r.end)
	case american(r) && (r.plus || len(r.groups) > 1 || said(f.s, r.start, phoneWords()...)):
		f.note("phone_us", finding.Low, 0.7, r.start, r.end)
	case r.plus && international(d):
		f.note("phone", finding.Low, 0.7, r.start, r.end)
	case len(d) >= 7 && len(d) <= 15 && !strings.Contains(r.gaps, "/") && (said(f.s, r.start, phoneWords()...) || followed(f.s[r.end:])) && (len(d) >= 9 || len(r.groups) > 1):
		f.note("phone", finding.Low, 0.5, r.start, r.end)
	}
}

func phoneWords() []string {
	return []string{"phone", "tel:", "tel.", "tel ", "mobile", "cell", "fax", "whatsapp", "call me", "call us", "reach me", "dial", "my number", "text me", "desk:", "office:", "answering at", "call ", "messages to"}
}

// followed says whether a number is followed by what kind of phone it is.
func followed(s string) bool {
	low := strings.ToLower(strings.TrimLeft(s[:min(len(s), 12)], " -:("))
	return slices.ContainsFunc([]string{"office", "mobile", "fax", "cell", "phone", "home)"}, func(w string) bool { return strings.HasPrefix(low, w) })
}

// card says whether a run is a card of a known issuer, with the right check
// digit and written as on cards.
func card(r run) bool {
	d := r.digits
	if r.plus || r.open || len(d) < 13 || len(d) > 19 || strings.Trim(r.gaps, " ") != "" && strings.Trim(r.gaps, "-") != "" || !issued(d) || !luhn(d) {
		return false
	}
	for i, g := range r.groups {
		if len(r.groups) > 1 && (i == 0 && g != 4 || g > 7 || g < 1) {
			return false
		}
	}
	return strings.Trim(d, d[:1]) != ""
}

func issued(d string) bool {
	n := len(d)
	p := func(size int) (v int) {
		for i := range size {
			v = v*10 + int(d[i]-'0')
		}
		return v
	}
	two, three, four, six := p(2), p(3), p(4), p(6)
	in := func(v, low, high int) bool { return v >= low && v <= high }
	switch {
	case d[0] == '4':
		return n == 13 || n == 16 || n == 19
	case in(two, 51, 55), in(four, 2221, 2720):
		return n == 16
	case two == 34, two == 37, four == 2131, four == 1800:
		return n == 15
	case in(three, 300, 305), two == 36, two == 38, two == 39:
		return n >= 14
	case in(four, 3528, 3589), four == 6011, two == 65, in(three, 644, 649), in(six, 622126, 622925), two == 62, two == 81, two == 60, in(four, 2200, 2204):
		return n >= 16
	case in(two, 56, 58), two == 50, two == 63, two == 67:
		return n >= 16
	}
	return false
}

func luhn(d string) bool {
	sum := 0
	for i := range len(d) {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// ssn says whether a run may be a number of the American social security.
func ssn(r run) bool {
	d := r.digits
	if len(d) != 9 || r.plus || r.open || d[:3] == "000" || d[:3] == "666" || d[0] == '9' || d[3:5] == "00" || d[5:] == "0000" {
		return false
	}
	return len(r.groups) == 1 || len(r.groups) == 3 && r.groups[0] == 3 && r.groups[1] == 2 && r.gaps[0] == r.gaps[1] && strings.IndexByte("- .", r.gaps[0]) >= 0
}

// american says whether a run is a number of the North American plan, written
// as 10 digits or 3-3-4.
func american(r run) bool {
	d := r.digits
	groups := r.groups
	if len(d) == 11 && d[0] == '1' {
		d = d[1:]
		if groups[0] == 1 {
			groups = groups[1:]
		}
	} else if r.plus {
		return false
	}
	if len(d) != 10 || d[0] < '2' || d[3] < '2' || d[1] == '9' || d[1:3] == "11" || d[4:6] == "11" {
		return false
	}
	if strings.Contains(r.gaps, "/") {
		return false
	}
	return len(groups) == 1 || len(groups) == 3 && groups[0] == 3 && groups[1] == 3 || len(groups) == 2 && (groups[0] == 3 || groups[0] == 6)
}

// international says whether digits after a plus are a country's code and a
// number of a possible length (E.164).
func international(d string) bool {
	if len(d) < 8 || len(d) > 15 {
		return false
	}
	const one, two = "17", " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 "
	if strings.IndexByte(one, d[0]) >= 0 || strings.Contains(two, " "+d[:2]+" ") {
		return true
	}
	const three = " 21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 99 "
	return strings.Contains(three, " "+d[:2]+" ")
}
