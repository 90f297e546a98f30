// Package pii finds what identifies people, and the keys that people paste.
//
// Its promise: what has a check digit or a fixed range is only told when that is
// right; the work is linear. Names and postal addresses are not looked for.
package pii

import (
	"cmp"
	"slices"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// Find returns what is in a text, in order and without overlaps.
func Find(s string) []finding.Finding {
	f := finder{s: s}
	f.emails()
	f.numbers()
	f.ibans()
	f.addresses()
	f.keys()
	f.passports()
	// Of two in one place, what is more certain counts.
	slices.SortFunc(f.found, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.End-b.Start, a.End-a.Start), cmp.Compare(a.Start, b.Start), cmp.Compare(a.Pattern, b.Pattern))
	})
	return finding.Apart(f.found)
}

type finder struct {
	s     string
	found []finding.Finding
}

func (f *finder) note(pattern string, severity finding.Severity, score float64, start, end int) {
	f.found = append(f.found, finding.Finding{Threat: finding.PII, Pattern: pattern, Severity: severity, Span: text.Span{Start: start, End: end}, Score: score})
}

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func upper(c byte) bool  { return c >= 'A' && c <= 'Z' }
func word(c byte) bool   { return digit(c) || letter(c) || c == '_' || c >= 0x80 }

// at is a byte of a text, 0 beyond it.
func at(s string, i int) byte {
	if i < 0 || i >= len(s) {
		return 0
	}
	return s[i]
}

// said says whether one of some words stands shortly before a place.
func said(s string, before int, words ...string) bool {
	const near = 40
	low := strings.ToLower(s[max(0, before-near):before])
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(low, w) })
}

const maxLocal, maxDomain = 64, 253

// emails are addresses that are no part of a URL.
func (f *finder) emails() {
	s := f.s
	for i := 0; ; i++ {
		n := strings.IndexByte(s[i:], '@')
		if n < 0 {
			return
		}
		i += n
		start, end := i, i+1
		for start > 0 && i-start < maxLocal && (word(s[start-1]) || strings.IndexByte(".%+-'", s[start-1]) >= 0) {
			start--
		}
		for start < i && strings.IndexByte(".'-%", s[start]) >= 0 {
			start++
		}
		for end < len(s) && end-i < maxDomain && (letter(s[end]) || digit(s[end]) || s[end] == '.' || s[end] == '-' || s[end] >= 0x80) {
			end++
		}
		for end > i+1 && strings.IndexByte(".-", s[end-1]) >= 0 {
			end--
		}
		dot := strings.LastIndexByte(s[i+1:end], '.')
		if start == i || dot < 1 || s[start:i] == "git" || inURL(s, start) {
			continue
		}
		top := s[i+1+dot+1 : end]
		if len(top) < 2 || !letter(top[0]) && top[0] < 0x80 || slices.Contains([]string{"png", "jpg", "jpeg", "gif", "svg", "webp", "js", "css"}, strings.ToLower(top)) {
			continue
		}
		f.note("email", finding.Medium, 0.9, start, end)
	}
}

// inURL says whether a place belongs to the part of a URL before its host.
func inURL(s string, at int) bool {
	tail := s[max(0, at-200):at]
	if i := strings.LastIndexAny(tail, " \t\r\n\"'<>("); i >= 0 {
		tail = tail[i+1:]
	}
	return strings.Contains(tail, "://")
}

// keys are the keys of AWS and private keys as a whole.
func (f *finder) keys() {
	s := f.s
	const size = 20
	for i := 0; ; i++ {
		n := strings.IndexByte(s[i:], 'A')
		if n < 0 {
			break
		}
		i += n
		if i+size > len(s) || !(strings.HasPrefix(s[i:], "AKIA") || strings.HasPrefix(s[i:], "ASIA") || strings.HasPrefix(s[i:], "ABIA") || strings.HasPrefix(s[i:], "ACCA")) {
			continue
		}
		if word(at(s, i-1)) || word(at(s, i+size)) || strings.ContainsFunc(s[i:i+size], func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') }) {
			continue
		}
		f.note("aws_key", finding.Critical, 0.95, i, i+size)
		i += size - 1
	}
	const begin, finish, longest = "-----BEGIN ", "PRIVATE KEY", 16 << 10
	last := 0 // where the next end is, so that it is looked for once
	for i := 0; ; {
		n := strings.Index(s[i:], begin)
		if n < 0 {
			return
		}
		i += n
		line := s[i+len(begin) : min(len(s), i+len(begin)+60)]
		name, _, ok := strings.Cut(line, "-----")
		if !ok || !strings.Contains(name, finish) || strings.ContainsAny(name, "\n\\") {
			i += len(begin)
			continue
		}
		end := i + len(begin) + len(name) + 5
		if last < end {
			if last = len(s); strings.Contains(s[end:], "-----END ") {
				last = end + strings.Index(s[end:], "-----END ")
			}
		}
		if stop := "-----END " + name + "-----"; last-end < longest && strings.HasPrefix(s[last:], stop) {
			end = last + len(stop)
		}
		f.note("private_key_header", finding.Critical, 1, i, end)
		i = end
	}
}
