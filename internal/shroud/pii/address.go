package pii

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	longestLocal  = 64
	longestDomain = Around - 28
	longestIPv6   = 45
)

// email finds the mail address around an at sign.
func (f *finder) email(i int) {
	s := f.text
	end := domain(s, i+1)
	if end == 0 {
		return
	}
	start := i
	for i-start < longestLocal {
		r, n := utf8.DecodeLastRuneInString(s[:start])
		if n == 0 || !isLocal(r) {
			break
		}
		start -= n
	}
	for start < i && s[start] < 0x80 && !isWord(s[start]) { // such as the dot before it
		start++
	}
	if start == i || s[i-1] == '.' || char(s, start-1) == '/' && char(s, start-2) == '/' || credentials(s, start) {
		return
	}
	f.add(start, end, Email)
}

// credentials says whether what ends before an at sign is a password in a URL.
func credentials(s string, start int) bool {
	if char(s, start-1) != ':' {
		return false
	}
	n := start - 2
	for n >= 0 && start-n < longestLocal-3 && s[n] != '/' && s[n] > ' ' {
		n--
	}
	return char(s, n) == '/' && char(s, n-1) == '/' && char(s, n-2) == ':'
}

func isLocal(r rune) bool {
	return r < 0x80 && isWord(byte(r)) || r == '.' || r == '-' || r == '+' || r == '%' || r == '\'' || r == '&' || abroad(r)
}

// abroad says whether a letter that is not ASCII is of an alphabet whose words
// are set apart.
func abroad(r rune) bool { return r >= 0x80 && r < 0x0E00 && unicode.IsLetter(r) }

// domain returns where the name of a host with a top level ends, or 0.
func domain(s string, from int) int {
	label, end := from, 0
	for n := from; n <= len(s) && n-from <= longestDomain; {
		r, size := utf8.DecodeRuneInString(s[n:])
		if r < 0x80 && (isDigit(byte(r)) || isLetter(byte(r))) && size > 0 || r == '-' || abroad(r) {
			n += size
			continue
		}
		if n == label || n-label > 63 || s[label] == '-' || s[n-1] == '-' {
			break
		}
		if label > from && top(s[label:n]) {
			end = n
		}
		if r != '.' {
			break
		}
		n++
		label = n
	}
	return end
}

// top says whether a label may be the last of a host's name. What looks like
// the names of files is not.
func top(l string) bool {
	if len(l) < 2 || len(l) > 24 {
		return false
	}
	switch strings.ToLower(l) {
	case "png", "jpg", "jpeg", "gif", "svg", "webp", "js", "ts", "tsx", "css", "json", "html", "xml", "yaml", "yml", "go", "rb", "service", "local", "localhost", "internal":
		return false
	}
	if strings.HasPrefix(strings.ToLower(l), "xn--") {
		return true
	}
	for i := range len(l) {
		if !isLetter(l[i]) && l[i] < 0x80 {
			return false
		}
	}
	return true
}

// ipv4 finds an address of four groups that begins here.
func (f *finder) ipv4(i int) {
	s := f.text
	end, dots, wide := i, 0, false
	for group := i; ; group = end + 1 {
		for end = group; end < len(s) && isDigit(s[end]) && end-group < 4; end++ {
		}
		if end == group || end-group > 3 {
			return
		}
		wide = wide || end-group > 1
		if dots == 3 {
			break
		}
		if char(s, end) != '.' {
			return
		}
		dots++
	}
	before, after := char(s, i-1), char(s, end)
	switch {
	case !wide, // a version far more often
		isWord(before) || before == '.' || before == '-' || before == '+',
		isWord(after) || after == '-' || after == '+',
		after == '.' && isWord(char(s, end+1)),
		before == ':' && f.inIPv6(i),
		told(s, i, 1, "version", "versions", "release", "build"):
		return
	}
	f.address(i, end)
}

// inIPv6 says whether an address of four groups ends one of eight.
func (f *finder) inIPv6(i int) bool {
	start := i
	for start > 0 && i-start < longestIPv6 && (isHex(f.text[start-1]) || f.text[start-1] == ':') {
		start--
	}
	return strings.Count(f.text[start:i], ":") > 1
}

// ipv6 finds an address whose first colon is here.
func (f *finder) ipv6(i int) {
	s := f.text
	start := i
	for start > 0 && i-start < 5 && isHex(s[start-1]) {
		start--
	}
	before := char(s, start-1)
	if i-start > 4 || isWord(before) || before == ':' || before == '.' || before == '-' {
		return
	}
	end, colons := i, 0
	for ; end < len(s) && end-start <= longestIPv6+1 && (isHex(s[end]) || s[end] == ':' || s[end] == '.'); end++ {
		if s[end] == ':' {
			colons++
		}
	}
	if isWord(char(s, end)) {
		return
	}
	for end > i && (s[end-1] == '.' || s[end-1] == ':' && char(s, end-2) != ':') {
		end--
	}
	if colons < 2 || colons > 8 || end-start < 3 {
		return
	}
	f.address(start, end)
}

// address takes what is written like an address, if it leads to somebody.
func (f *finder) address(start, end int) {
	a, err := netip.ParseAddr(f.text[start:end])
	if err != nil {
		return
	}
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is4() && (a.As4()[0] == 0 || a.As4()[0] >= 240) {
		return
	}
	// What is cut short is also written for parts of lists and names in programs.
	if a.Is6() && a.As16()[0]>>5 != 1 && !strings.HasPrefix(a.String(), "64:ff9b::") && strings.Contains(f.text[start:end], "::") {
		return
	}
	f.add(start, end, IP)
}
