package console

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Clean makes text from outside harmless for a terminal and for a line of fields:
// control and formatting characters are shown as escapes.
func Clean(s string) string { return escape(s, "") }

// CleanLines is clean for a text that may have lines and tabs.
func CleanLines(s string) string { return escape(s, "\n\t") }

func escape(s, keep string) string {
	var b strings.Builder
	for _, r := range s {
		if unsafeRune(r) && !strings.ContainsRune(keep, r) {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unsafeRune holds for control characters and for those that reorder or hide text.
func unsafeRune(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// Quote marks a command in a sentence.
func Quote(s string) string { return "`" + s + "`" }

// YesNo says b.
func YesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Sentence ends s with a full stop, if nothing ends it yet.
func Sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "!") {
		return s
	}
	return s + "."
}

// Capital begins s with a capital letter.
func Capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Usage is the fault of a command line that can not be run as it is.
func Usage(detail string) error { return fault.New(fault.Invalid, "usage", detail) }

func cancelled() error {
	return fault.New(fault.Internal, "cancelled", "Cancelled; nothing was changed.")
}

// DropEcho drops the line end that echo adds: one that is the only one and stands last.
func DropEcho(b []byte) []byte {
	if i := bytes.IndexByte(b, '\n'); i >= 0 && i == len(b)-1 {
		return bytes.TrimSuffix(b[:i], []byte("\r"))
	}
	return b
}
