package identity

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
)

// Store is what identity needs of a database. Methods that write take the event
// that records the write and commit both or neither; those that take away what
// a credential could do move the epoch of its organisation.
type Store interface {
	// Epoch changes with every change of a principal; false means that it is not
	// known and nothing cached may be used.
	Epoch() (int64, bool)
	// EpochOf is what Epoch was when the organisation last changed.
	EpochOf(org string) (int64, bool)
	// OnRevoke has f called with the ids of tokens that were revoked anywhere.
	OnRevoke(f func(tokens []string))
	// Seen is the number of the latest change that is known here, and Look brings it
	// up to now.
	Seen() int64
	Look(ctx context.Context) error
	Append(ctx context.Context, ev *audit.Event) error
	UserStore
	TokenStore
	SessionStore
	MFAStore
	GuessStore
	KeyStore
	AgentStore
	DeviceStore
	EnrollStore
	ProviderStore
	OrgStore
	IPRuleStore
}

// UserStore keeps users and their memberships.
type UserStore interface {
	// AddUser stores the user with an organisation of its own, whose owner it
	// is, and the mail token if there is one. Conflict when the mail is taken.
	AddUser(ctx context.Context, a Account, orgName string, t *MailToken, ev *audit.Event) error
	// AddFirstOwner is AddUser for a server without users; false when it has some.
	AddFirstOwner(ctx context.Context, a Account, orgName string, ev *audit.Event) (bool, error)
	// HasUsers reports whether anybody has an account.
	HasUsers(ctx context.Context) (bool, error)
	// Account returns NotFound unless the user is a member of org.
	Account(ctx context.Context, user, org string) (Account, error)
	// AccountByEmail returns the user in its home organisation, or where it is no
	// member there in another; Org is empty for who is in none. NotFound when
	// there is no such user.
	AccountByEmail(ctx context.Context, email string) (Account, error)
	// AllAccounts returns users in their home organisations, oldest first, and how
	// many there are in all.
	AllAccounts(ctx context.Context, limit, offset int) ([]Account, int64, error)
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

// TokenStore keeps what is known of tokens: those revoked, and those mailed.
type TokenStore interface {
	// Revoke keeps the token's id until it would have expired anyway.
	Revoke(ctx context.Context, org, id string, until, now time.Time, ev *audit.Event) error
	Revoked(ctx context.Context, id string) (bool, error)
	// TakeToken keeps that a human took a token of an agent, with the credential that
	// ev says: it is revoked when that ends, or when the human's right to it does.
	TakeToken(ctx context.Context, t Taken, ev *audit.Event) error
	// MailToken returns the account that the token was mailed to, or NotFound.
	MailToken(ctx context.Context, hash, purpose string, now time.Time) (Account, error)
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
	AddKey(ctx context.Context, k UserKey, ev *audit.Event) error
	Keys(ctx context.Context, org, user string) ([]UserKey, error)
	// Key and KeyByHash return NotFound when there is none, revoked or not.
	Key(ctx context.Context, id string) (UserKey, error)
	KeyByHash(ctx context.Context, hash string) (UserKey, error)
	// RevokeKey returns NotFound unless the user has a live key with the id. Unless
	// keep is set, what was made with the key ends too, and ev says what.
	RevokeKey(ctx context.Context, org, user, id string, keep bool, at time.Time, ev *audit.Event) error
	// Made returns what was made with the credentials whose names are from from on and
	// below below, oldest first.
	Made(ctx context.Context, org, from, below string, now time.Time) ([]Made, error)
}

// AgentStore keeps agents.
type AgentStore interface {
	// AddAgent returns fault.Denied when the organisation has as many active agents
	// as its tier allows; ChangeAgent does too, when it would make one active.
	AddAgent(ctx context.Context, a Agent, ev *audit.Event) error
	// RoomForAgent tells so before: AddAgent decides, this spares making keys in vain.
	RoomForAgent(ctx context.Context, org string) error
	// Agents returns the agents of org, oldest first; with a creator only its own.
	Agents(ctx context.Context, org, creator string) ([]Agent, error)
	// Agent returns NotFound unless org has it.
	Agent(ctx context.Context, org, id string) (Agent, error)
	// Standing and StandingByKey return NotFound when there is no such agent.
	Standing(ctx context.Context, id string) (Standing, error)
	// PatternsOf returns the path patterns of the agent's policies that are live, in
	// order, each once and at most so many. It never returns nil without an error.
	PatternsOf(ctx context.Context, agent string, now time.Time, most int) ([]string, error)
	StandingByKey(ctx context.Context, hash string) (Standing, error)
	// ChangeAgent stores what change makes of the agent. change may run more
	// than once, each time on a fresh copy; when it fails nothing is stored. When
	// its key changes or it stops, and keep is not set, the shares and policies that
	// it made end, and ev says so.
	ChangeAgent(ctx context.Context, org, id string, change func(*Agent) error, keep bool, ev *audit.Event) (Agent, error)
	// HasVaults reports whether all the vaults are of org.
	HasVaults(ctx context.Context, org string, ids []string) (bool, error)
	// NoteUse stores when agents, personal keys and sessions were last used, by id.
	NoteUse(ctx context.Context, agents, keys, sessions map[string]time.Time) error
}

// Taken is a token of an agent that a human took.
type Taken struct {
	ID, Org, Agent string
	Gen            int64 // of the agent's credentials
	User           string
	At, Expires    time.Time
}

// MailToken is a single-use token that was mailed to a user.
type MailToken struct {
	Hash      string // SHA-256 of the token in hexadecimal
	Purpose   string
	ExpiresAt time.Time
}

// PurposeVerify is the purpose of tokens that confirm an address.
const PurposeVerify = "verify_email"
