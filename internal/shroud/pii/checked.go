package pii

import (
	"net/netip"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
)

const shortestIBAN = 15

// ibans are account numbers whose country, length and check digits are right.
func (f *finder) ibans() {
	s := f.s
	for i := 2; i+shortestIBAN-2 <= len(s); i++ {
		if !digit(s[i]) || !letter(s[i-1]) || !letter(s[i-2]) || !digit(s[i+1]) || word(at(s, i-3)) {
			continue
		}
		size := ibanSize(strings.ToUpper(s[i-2 : i]))
		if size == 0 {
			continue
		}
		var b [34]byte
		n, end := 0, i-2
		for end < len(s) && n < size {
			c := s[end]
			if digit(c) || letter(c) && upper(c) == upper(s[i-2]) {
				b[n] = c &^ 0x20
				if digit(c) {
					b[n] = c
				}
				n++
			} else if c != ' ' && c != '-' || at(s, end-1) == c {
				break
			}
			end++
		}
		if n == size && !word(at(s, end)) && mod97(b[:n]) {
			f.note("iban", finding.High, 0.98, i-2, end)
		}
	}
}

// ibanSize is how long the account numbers of a country are, 0 when it has none.
func ibanSize(country string) int {
	const sizes = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30" +
		"KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27MT31MU30NL18NO15PK24PL28PS29PT25QA29RO24RS22SA24SC31SE24SI19SK24SM27ST25SV28TL23TN24TR26UA29VA22VG24XK20"
	for i := 0; i < len(sizes); i += 4 {
		if sizes[i:i+2] == country {
			return int(sizes[i+2]-'0')*10 + int(sizes[i+3]-'0')
		}
	}
	return 0
}

func mod97(b []byte) bool {
	rest := 0
	for i := range b {
		c := b[(i+4)%len(b)]
		if digit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest == 1
}

// addresses are those of the public Internet.
func (f *finder) addresses() {
	s := f.s
	for i := 0; i < len(s); {
		if !hexDigit(s[i]) && s[i] != ':' {
			i++
			continue
		}
		start := i
		dots, colons := 0, 0
		for i < len(s) && (hexDigit(s[i]) || s[i] == ':' || s[i] == '.') {
			switch s[i] {
			case '.':
				dots++
			case ':':
				colons++
			}
			i++
		}
		end := i
		for end > start && s[end-1] == '.' || end > start+2 && s[end-1] == ':' && s[end-2] != ':' {
			end--
		}
		const longest = 45
		if dots < 3 && colons < 2 || end-start > longest || word(at(s, start-1)) || word(at(s, end)) || at(s, start-1) == '-' || at(s, end) == '-' && digit(at(s, end+1)) {
			if host, _, ok := strings.Cut(s[start:end], ":"); !ok || colons != 1 || dots < 3 {
				continue
			} else {
				end = start + len(host)
			}
		}
		if host, _, ok := strings.Cut(s[start:end], ":"); ok && colons == 1 { // an address and a port
			end = start + len(host)
		}
		a, err := netip.ParseAddr(s[start:end])
		if err != nil || !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !a.Is4In6() && (colons < 3 || a.As16()[0]>>5 != 1) {
			continue
		}
		if a.Is4() {
			if at(s, start-1) == 'v' || said(s[max(0, start-12):], min(start, 12), "version") {
				continue
			}
			f.note("ipv4", finding.Low, 0.6, start, end)
			continue
		}
		f.note("ipv6", finding.Low, 0.7, start, end)
	}
}

func hexDigit(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// passports are the lines that passports have for machines: 44 characters, four
// check digits.
func (f *finder) passports() {
	const size = 44
	s := f.s
	for i := size - 1; i < len(s); i += size {
		if !mrz(s[i]) {
			continue
		}
		start, end := i, i
		for start > 0 && i-start < size && mrz(s[start-1]) {
			start--
		}
		for end < len(s) && end-start <= size && mrz(s[end]) {
			end++
		}
		if line := s[start:end]; len(line) == size && checked(line[0:9], line[9]) && checked(line[13:19], line[19]) && checked(line[21:27], line[27]) &&
			checked(line[0:10]+line[13:20]+line[21:43], line[43]) {
			f.note("passport", finding.High, 0.98, start, end)
		}
	}
}

func mrz(c byte) bool { return upper(c) || digit(c) || c == '<' }

// checked says whether a check digit of ICAO 9303 is right.
func checked(field string, check byte) bool {
	sum := 0
	for i := range len(field) {
		v := 0
		switch c := field[i]; {
		case digit(c):
			v = int(c - '0')
		case upper(c):
			v = int(c-'A') + 10
		}
		sum += v * [3]int{7, 3, 1}[i%3]
	}
	return digit(check) && int(check-'0') == sum%10
}
