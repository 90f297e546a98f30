package account

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
)

// Store is what account needs of a database. Methods that write take the event that
// records the write and commit both or neither; those that take away what a
// credential could do move the epoch of its organisation.
type Store interface {
	Append(ctx context.Context, ev *audit.Event) error
	// Account returns NotFound unless the user is a member of org.
	Account(ctx context.Context, user, org string) (identity.Account, error)
	// Key and KeyByHash return NotFound when there is no such personal API key,
	// revoked or not.
	Key(ctx context.Context, id string) (identity.UserKey, error)
	KeyByHash(ctx context.Context, hash string) (identity.UserKey, error)
	// Session returns a session, ended or not, or NotFound.
	Session(ctx context.Context, id string) (identity.Session, error)
	// EndSession returns NotFound unless the user has the session and it has not ended.
	// Unless keep is set, what was made with it ends too, also of one that has ended,
	// and ev says what.
	EndSession(ctx context.Context, org, user, id string, keep bool, now time.Time, ev *audit.Event) error
	// CountAttempt counts an attempt, or returns RateLimited with the time to wait.
	CountAttempt(ctx context.Context, g *identity.Attempt, now time.Time) error
	UserStore
	MailTokenStore
	SessionStore
	MFAStore
	KeyStore
	DeviceStore
	ProviderStore
	PasskeyStore
}

// UserStore keeps users and their memberships.
type UserStore interface {
	// AddUser stores the user with an organisation of its own, whose owner it
	// is, and the mail token if there is one. Conflict when the mail is taken.
	AddUser(ctx context.Context, a identity.Account, orgName string, t *MailToken, ev *audit.Event) error
	// AddFirstOwner is AddUser for a server without users; false when it has some.
	AddFirstOwner(ctx context.Context, a identity.Account, orgName string, ev *audit.Event) (bool, error)
	// AddSetupCode keeps the hash of a code for AddFirstOwner, which ends all of them.
	AddSetupCode(ctx context.Context, hash string, until time.Time) error
	// SetupCode reports whether a code with that hash is kept and not over.
	SetupCode(ctx context.Context, hash string, now time.Time) (bool, error)
	// HasUsers reports whether anybody has an account.
	HasUsers(ctx context.Context) (bool, error)
	// AccountByEmail returns the user in its home organisation, or where it is no
	// member there in another; Org is empty for who is in none. NotFound when
	// there is no such user.
	AccountByEmail(ctx context.Context, email string) (identity.Account, error)
	// AllAccounts returns users in their home organisations, oldest first, and how
	// many there are in all.
	AllAccounts(ctx context.Context, limit, offset int) ([]identity.Account, int64, error)
	// ChangeProfile changes what is not nil.
	ChangeProfile(ctx context.Context, org, user string, displayName *string, marketing *bool, ev *audit.Event) error
	// SetPassword replaces the hash old, and ends all tokens and sessions but what is
	// kept, and mailed tokens for new passwords. Conflict when the hash is not old
	// any more.
	SetPassword(ctx context.Context, org, user, old, hash string, kept Kept, ev *audit.Event) error
	// EmailOf returns the mail address of a user, or NotFound.
	EmailOf(ctx context.Context, user string) (string, error)
	// RemoveUser deletes the account and all that is its own. Organisations whose
	// only member it is go with it; in others the membership ends as with
	// RemoveMember. NotFound when there is no such user, Conflict when it is the
	// last owner of an organisation that others are in, or the last platform admin.
	RemoveUser(ctx context.Context, e Erasure, ev *audit.Event) error
	// Rehash replaces the hash old by another of the same password.
	Rehash(ctx context.Context, user, old, hash string) error
}

// MailTokenStore keeps tokens that were mailed.
type MailTokenStore interface {
	// MailToken returns the account that the token was mailed to, or NotFound.
	MailToken(ctx context.Context, hash, purpose string, now time.Time) (identity.Account, error)
	// AddMailToken stores a token. Without a user it is nobody's, and good for
	// nothing.
	AddMailToken(ctx context.Context, user string, t MailToken) error
	// ResetPassword spends the token and all others of its user, sets the password,
	// marks the address as confirmed and ends all tokens. NotFound when the token
	// is spent already.
	ResetPassword(ctx context.Context, org, user, tokenHash, hash string, now time.Time, ev *audit.Event) error
	// VerifyEmail spends the token and marks its user's address as confirmed.
	// NotFound when it is spent already.
	VerifyEmail(ctx context.Context, org, user, hash string, ev *audit.Event) error
}

// KeyStore keeps personal API keys.
type KeyStore interface {
	AddKey(ctx context.Context, k identity.UserKey, ev *audit.Event) error
	Keys(ctx context.Context, org, user string) ([]identity.UserKey, error)
	// RevokeKey returns NotFound unless the user has a live key with the id. Unless
	// keep is set, what was made with the key ends too, and ev says what.
	RevokeKey(ctx context.Context, org, user, id string, keep bool, at time.Time, ev *audit.Event) error
	// Made returns what was made with the credentials whose names are from from on and
	// below below, as far as of says: the newest, and how many there are.
	Made(ctx context.Context, org, from, below string, now time.Time, of func(*identity.Made) bool) (identity.AllMade, error)
}

// MailToken is a single-use token that was mailed to a user.
type MailToken struct {
	Hash      string // SHA-256 of the token in hexadecimal
	Purpose   string
	ExpiresAt time.Time
}

// PurposeVerify is the purpose of tokens that confirm an address.
const PurposeVerify = "verify_email"

// Challenge is a login that waits for its second factor. It is the user's, and
// dies with the generation of the user's tokens: when the password or the second
// factor changes.
type Challenge struct {
	Hash      string // SHA-256 of its token in hexadecimal
	User, Org string
	TokenGen  int64
	Kind      string // of the session that it becomes
	ExpiresAt time.Time
}

// MFAStore keeps second factors, and the logins that wait for them.
type MFAStore interface {
	// AddChallenge stores a challenge, and forgets those that have ended.
	AddChallenge(ctx context.Context, ch Challenge, now time.Time, ev *audit.Event) error
	// TryChallenge counts an answer and returns the challenge. It returns
	// fault.NotFound when no such challenge is stored, or when it has had most answers.
	TryChallenge(ctx context.Context, hash string, most int64, now time.Time) (Challenge, error)
	// FinishChallenge spends the challenge and the code that it was answered with.
	// NotFound when one of them is spent already, or the user's tokens are of
	// another generation.
	FinishChallenge(ctx context.Context, ch Challenge, f Factor, ev *audit.Event) error

	// TOTP returns NotFound when nothing was set up.
	TOTP(ctx context.Context, user string) (TOTP, error)
	// SetUpTOTP stores a key that is not on yet, in the place of an earlier such.
	// Conflict when one is on.
	SetUpTOTP(ctx context.Context, org string, t TOTP, now time.Time, ev *audit.Event) error
	// EnableTOTP turns t on with the recovery codes' hashes, and ends all tokens
	// and sessions but what is kept, and mailed tokens for new passwords. NotFound
	// unless t is set up and off.
	EnableTOTP(ctx context.Context, org string, t TOTP, codes []string, kept Kept, ev *audit.Event) error
	// DisableTOTP spends a factor, forgets key and codes, and ends what EnableTOTP
	// does. NotFound when there is nothing on, or the factor is spent.
	DisableTOTP(ctx context.Context, org, user string, f Factor, kept Kept, ev *audit.Event) error
}

// TOTP is a user's authenticator as it is stored.
type TOTP struct {
	User     string
	Box      seal.Box
	Enabled  bool
	LastStep int64 // of the last code that was accepted: no other is, of it or before
}

// Factor is a code that was found right, and what accepting it spends: the time
// step, or the recovery code.
type Factor struct {
	Step     int64  // of an authenticator's code; 0 for a recovery code
	Recovery string // hash of a recovery code
}

// Kept is what outlives the end of all other tokens and sessions of a user: the
// token that asks for that, its session, or the key that it came with. Tokens for other
// organisations that were asked for with it end, too.
type Kept struct {
	Token, Session, Key string
	At                  time.Time
}

// SessionStore lists and ends sessions. Their rows begin with the events that carry them
// (audit.Event.Begins).
type SessionStore interface {
	// Sessions returns those of a user that have not ended, newest first.
	// With ended also those that have, for as long as their rows are kept.
	Sessions(ctx context.Context, user string, ended bool, now time.Time, most int) ([]identity.Session, error)
	// EndSessions ends all of a user's but the one kept, tokens of agents taken with
	// them, what is on the way to become one, and keys that were made for no longer than StoredLogin.
	EndSessions(ctx context.Context, org, user, kept string, now time.Time, ev *audit.Event) error
}

// Link says who somebody at an identity provider is here.
type Link struct {
	Issuer, Subject string
	User            string
	CreatedAt       time.Time
}

// ProviderStore keeps who is who at identity providers.
type ProviderStore interface {
	// SpendToken keeps the hash of a token until it has ended. Conflict when it is
	// kept already, by whatever node.
	SpendToken(ctx context.Context, hash string, until, now time.Time) error
	// AccountByLink returns the user in its home organisation, or NotFound.
	AccountByLink(ctx context.Context, issuer, subject string) (identity.Account, error)
	// LinkedAt reports whether the user has an identity at the issuer.
	LinkedAt(ctx context.Context, issuer, user string) (bool, error)
	// LinkAccount stores the link. Conflict when it is another account's, or when
	// the account has another identity at that issuer: an address that a provider
	// gives to somebody else does not bring the account along.
	LinkAccount(ctx context.Context, org string, l Link, ev *audit.Event) error
	// AddLinkedUser is AddUser with a link. Conflict when the mail is taken or the
	// link is another account's.
	AddLinkedUser(ctx context.Context, a identity.Account, orgName string, l Link, ev *audit.Event) error
}
