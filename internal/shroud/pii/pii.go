// Package pii finds what tells of a person in a text, and keys by their shape:
// mail addresses, payment cards, bank accounts, social security and phone
// numbers, network addresses, passports, key ids, private keys.
//
// Its promise: the work grows with the size of the text alone. Whether a place
// is found depends on it and on the Around bytes before and after it, and white
// space counts as the end of a text does; so a finding is the same in a window
// that was cut at white space that far from it. Only a private key may be longer.
package pii

import (
	"cmp"
	"slices"
)

// Around is how far from a finding the text matters for it.
const Around = 128

// Severity is how bad it is that something leaves.
type Severity byte

// The severities, in order.
const (
	Low Severity = iota
	Medium
	High
	Critical
)

// String is the name that findings are reported with.
func (s Severity) String() string { return [...]string{"low", "medium", "high", "critical"}[s] }

// Match is something found: bytes of the text, the end exclusive.
type Match struct {
	Start, End int
	Kind       string
	Severity   Severity
}

// The kinds. Numbers of phones that are not of North America are "phone". An "ip"
// is an address that leads to somebody: those of the machine itself, of private
// networks, of links and of groups are not looked for.
const (
	Email      = "email"
	SSN        = "ssn"
	Card       = "credit_card"
	PhoneUS    = "phone_us"
	Phone      = "phone"
	IBAN       = "iban"
	IP         = "ip"
	Passport   = "passport"
	AWSKey     = "aws_key"
	PrivateKey = "private_key_header"
)

func severity(kind string) Severity {
	switch kind {
	case SSN, Card, AWSKey, PrivateKey:
		return Critical
	case IBAN, Passport:
		return High
	case Email:
		return Medium
	}
	return Low
}

// Find returns what a text holds, in order. What overlaps is one finding, of the
// kind of the longest part.
func Find(text string) []Match {
	f := finder{text: text}
	for i := 0; i < len(text); i++ {
		switch class[text[i]] {
		case digit:
			if at(text, i-1)&digit == 0 {
				f.number(i)
			}
		case colon:
			f.ipv6(i)
		case mark:
			switch text[i] {
			case '@':
				f.email(i)
			case '-':
				i = max(i, f.privateKey(i)-1)
			case 'A':
				f.awsKey(i)
			case '<':
				f.passport(i)
			}
		}
	}
	return f.merged()
}

type finder struct {
	text  string
	found []Match
}

func (f *finder) add(start, end int, kind string) {
	if len(f.found) == cap(f.found) {
		f.found = slices.Grow(f.found, len(f.found)+1) // append alone copies many findings five times
	}
	f.found = append(f.found, Match{start, end, kind, severity(kind)})
}

// merged joins what overlaps: which bytes are covered then depends on no order.
func (f *finder) merged() []Match {
	slices.SortFunc(f.found, func(a, b Match) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Kind, b.Kind))
	})
	out := f.found[:0] // what is joined takes no more room than its parts
	longest := 0       // part of the last one
	for _, m := range f.found {
		size := m.End - m.Start
		if len(out) == 0 || m.Start >= out[len(out)-1].End {
			out, longest = append(out, m), size
			continue
		}
		last := &out[len(out)-1]
		last.End = max(last.End, m.End)
		if size > longest {
			last.Kind, last.Severity, longest = m.Kind, m.Severity, size
		}
	}
	return out
}

// What a byte is.
const (
	other byte = 0
	digit byte = 1 << iota
	letter
	mark // begins something
	colon
)

var class = classes()

func classes() (of [256]byte) {
	for c := '0'; c <= '9'; c++ {
		of[c] = digit
	}
	for c := 'a'; c <= 'z'; c++ {
		of[c], of[c-'a'+'A'] = letter, letter
	}
	of['A'], of['@'], of['-'], of['<'] = mark, mark, mark, mark
	of[':'] = colon
	return of
}

// at is the class of a place; outside of the text there is white space.
func at(s string, i int) byte {
	if i < 0 || i >= len(s) {
		return other
	}
	return class[s[i]]
}

func char(s string, i int) byte {
	if i < 0 || i >= len(s) {
		return ' '
	}
	return s[i]
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isUpper(c byte) bool  { return c >= 'A' && c <= 'Z' }
func isHex(c byte) bool    { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// isWord says whether a byte continues a name. Bytes of other alphabets do not:
// their words stand beside numbers without a space.
func isWord(c byte) bool { return isDigit(c) || isLetter(c) || c == '_' }
