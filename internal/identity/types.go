package identity

import (
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

func (k *UserKey) live(now time.Time) bool {
	return k.RevokedAt.IsZero() && before(now, k.ExpiresAt)
}

// Standing is what governs an agent's credentials.
type Standing struct {
	ID, Org   string
	Creator   string // the human who made it
	Active    bool
	ExpiresAt time.Time // zero: never
	TokenGen  int64     // grows when all its tokens must die
	TokenTTL  int64     // seconds; 0 is the default
	Scopes    []string
	VaultIDs  []string
	Intents   bool
	Shroud    bool
	// Patterns are those of its live policies, for its tokens to tell when it has no
	// scopes of its own (contract section 5). nil: not looked up.
	Patterns []string
}

func (a *Standing) live(now time.Time) bool { return a.Active && before(now, a.ExpiresAt) }

// deadReason says in the log why an agent is not live.
func (a *Standing) deadReason() string {
	if a.Active {
		return "agent_expired"
	}
	return "agent_inactive"
}

// Agent is an agent as it is stored and shown.
type Agent struct {
	Standing
	Name, Description           string
	AuthMethod                  string // one of the Method constants
	KeyHash, KeyPrefix          string // empty unless AuthMethod is api_key
	ToAllowlist                 []string
	MaxValueETH, DailyLimitETH  string // decimal; empty: no limit
	AllowedChains               []string
	CertFingerprint             string
	OIDCIssuer, OIDCClientID    string
	SSHPublicKey, ECDHPublicKey string // base64
	Sealed                      any    // of new keys: the private halves, as Safe sealed them, to be stored with the rest
	ShroudConfig                []byte // JSON object, or nil
	CreatedAt                   time.Time
	LastActiveAt                time.Time
	// KeyBy and KeyAt say who renewed the key last, and when; empty for the first.
	KeyBy policy.PrincipalKind
	KeyAt time.Time
	Held  []string // the caps that an owner or admin set, which no member lifts
	// Widened says of a change that it lets the agent do more, Lifted that it lifts what
	// no member lifts. Neither is kept in the agent's row.
	Widened, Lifted bool
}

// How an agent proves who it is.
const (
	MethodAPIKey = "api_key"
	MethodMTLS   = "mtls"
	MethodOIDC   = "oidc_client_credentials"
)

// before reports whether now is before an end that may be the zero time: never.
func before(now, end time.Time) bool { return end.IsZero() || now.Before(end) }
