package identity

import (
	"context"
	"net/mail"
	"strings"
)

const badMail = "Give one mail address such as name@example.com, in ASCII (write other domains in their xn-- form)."

// NormalizeEmail returns the form under which an address is stored and looked
// up: trimmed and in lower case. It takes plain ASCII addresses only, so two
// addresses that look the same are the same. ASCII is checked before letters are
// folded, since some others fold into it (U+212A becomes k).
func NormalizeEmail(email string) (string, error) {
	email = strings.Trim(email, " \t\r\n")
	for i := range len(email) {
		if email[i] >= 0x7f {
			return "", invalid("invalid_email", badMail)
		}
	}
	email = strings.ToLower(email)
	local, domain, _ := strings.Cut(email, "@")
	if len(email) > 254 || len(local) > 64 || !plainDomain(domain) {
		return "", invalid("invalid_email", badMail)
	}
	for i := range len(email) {
		if c := email[i]; c <= ' ' || strings.IndexByte(`"(),:;<>[\]`, c) >= 0 {
			return "", invalid("invalid_email", badMail)
		}
	}
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || a.Name != "" {
		return "", invalid("invalid_email", badMail)
	}
	return email, nil
}

func plainDomain(domain string) bool {
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}

// Address returns a member's mail address, and whether it was confirmed.
func (s *Service) Address(ctx context.Context, user, org string) (email string, confirmed bool, err error) {
	a, err := s.store.Account(ctx, user, org)
	return a.Email, a.EmailVerified, err
}

// NormalizeEmail returns the form in which addresses are stored, or
// fault.Invalid.
func (s *Service) NormalizeEmail(email string) (string, error) { return NormalizeEmail(email) }
