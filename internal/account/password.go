package account

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// NewPassword returns the hash of a password that keeps the rules. known is what is
// known of its owner.
func (s *Service) NewPassword(ctx context.Context, password secret.Bytes, known ...string) (string, error) {
	if err := checkPassword(password.Reveal(), known...); err != nil {
		return "", err
	}
	return s.identity.HashPassword(ctx, password.Reveal())
}

// checkPassword holds the rules of the contract. Each has an answer of its own
// that says what to change; none repeats the password. Beyond the contract it
// refuses what is common, and what is made of what is known of its owner.
func checkPassword(password []byte, owner ...string) error {
	p := string(password)
	has := func(is func(rune) bool) bool { return strings.ContainsFunc(p, is) }
	switch {
	case !utf8.ValidString(p):
		return invalid("weak_password", "The password is not valid UTF-8 text.")
	case len(p) > identity.MaxPassword:
		return invalid("password_too_long", "A password may have at most 1,024 bytes.")
	case utf8.RuneCountInString(p) < 12:
		return invalid("weak_password", "The password must have at least 12 characters.")
	case !has(unicode.IsUpper):
		return invalid("weak_password", "The password must have an upper-case letter.")
	case !has(unicode.IsLower):
		return invalid("weak_password", "The password must have a lower-case letter.")
	case !has(unicode.IsDigit):
		return invalid("weak_password", "The password must have a digit.")
	case !has(isSymbol):
		return invalid("weak_password", "The password must have a symbol, such as ! or -.")
	case anyThree(p, func(a, b, c rune) bool { return a == b && b == c }):
		return invalid("weak_password", "The password must not have the same character three times in a row.")
	case anyThree(p, ascending):
		return invalid("weak_password", "The password must not have a run such as abc or 123.")
	case isAbout(p, owner...):
		return invalid("weak_password", "The password must not be made of your name or mail address.")
	case commonPassword(p):
		return invalid("common_password", "The password is one of those that are tried first: a common word or two, however they are spelt. Take three words or more, or let a program choose.")
	}
	return nil
}

func isSymbol(r rune) bool {
	return unicode.IsPunct(r) || unicode.IsSymbol(r) || r == ' '
}

func ascending(a, b, c rune) bool {
	return b == a+1 && c == b+1 && (unicode.IsLetter(a) && unicode.IsLetter(c) || unicode.IsDigit(a) && unicode.IsDigit(c))
}

func anyThree(s string, bad func(a, b, c rune) bool) bool {
	var a, b rune = -1, -1
	for _, c := range s {
		if a >= 0 && bad(a, b, c) {
			return true
		}
		a, b = b, c
	}
	return false
}
