package identity

import (
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/oneline"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// CheckText accepts 1 to limit characters without control characters.
func CheckText(field, text string, limit int) error {
	n := utf8.RuneCountInString(text)
	if n < 1 || n > limit || !oneline.Plain(text) {
		return invalid("invalid_"+field, field+" must be text whose characters are all seen (none of control, of direction or without a shape), neither empty nor too long.")
	}
	return nil
}

const maxScopes = 100

// CheckScopes refuses scopes that can't be stored, or that policy does not know.
func CheckScopes(scopes []string) error {
	if len(scopes) > maxScopes {
		return invalid("invalid_scope", "At most 100 scopes are possible.")
	}
	for _, s := range scopes {
		if len(s) > 256 {
			return invalid("invalid_scope", "A scope may have at most 256 characters.")
		}
	}
	return policy.CheckScopes(scopes)
}

// CheckExpiry refuses an end that has been, or that no database keeps. Zero is never.
func CheckExpiry(at, now time.Time) error {
	switch {
	case at.IsZero():
		return nil
	case !at.After(now):
		return invalid("expires_in_the_past", "expires_at must be in the future.")
	case at.UTC().Year() > 9999:
		return invalid("invalid_expires_at", "expires_at is too far away.")
	}
	return nil
}

// AddressText is an address as rows and events have it; empty when it is not known.
func AddressText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}
