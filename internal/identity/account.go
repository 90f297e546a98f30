package identity

import (
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// User is a human's account.
type User struct {
	ID, Email, DisplayName         string
	AuthMethod                     string // "password"
	EmailVerified, MarketingEmails bool
	PlatformAdmin                  bool
	HomeOrg                        string
	CreatedAt                      time.Time
}

// Account is a user as a member of one organisation.
type Account struct {
	User
	Org          string
	Role         policy.Role
	Term         string // differs from that of a former membership
	PasswordHash string // PHC string
	// TokenGen is the generation that the user's tokens carry. It grows when all
	// of them must die; TokenKept is the id of the one that outlives it.
	TokenGen  int64
	TokenKept string
	// TOTP says that a login needs a second factor.
	TOTP bool
}

// AtHome is the membership that logins lead to: that of the home organisation, or where it
// is lost the oldest other one. They are one user's, the oldest first; false: of nobody.
func AtHome(memberships []Account) (Account, bool) {
	if i := slices.IndexFunc(memberships, func(a Account) bool { return a.Org == a.HomeOrg }); i > 0 {
		return memberships[i], true
	}
	if len(memberships) == 0 {
		return Account{}, false
	}
	return memberships[0], true
}

// UserKey is a personal API key, without the key.
type UserKey struct {
	ID, Org, User, Name string
	Hash                string // SHA-256 of the key in hexadecimal
	Prefix              string // first 12 characters of the key
	Scopes              []string
	CreatedAt           time.Time
	ExpiresAt           time.Time // zero: never
	RevokedAt           time.Time // zero: it works
	LastUsedAt          time.Time
}

// Live reports whether the key works at a moment.
func (k *UserKey) Live(now time.Time) bool {
	return k.RevokedAt.IsZero() && before(now, k.ExpiresAt)
}

// before reports whether now is before an end that may be the zero time: never.
func before(now, end time.Time) bool { return end.IsZero() || now.Before(end) }
