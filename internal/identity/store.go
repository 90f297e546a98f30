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
	PrincipalStore
	TokenStore
	AttemptStore
	BrowserStore
}

// PrincipalStore finds whose credential it is.
type PrincipalStore interface {
	// Account returns NotFound unless the user is a member of org.
	Account(ctx context.Context, user, org string) (Account, error)
	// Key and KeyByHash return NotFound when there is no such personal API key,
	// revoked or not.
	Key(ctx context.Context, id string) (UserKey, error)
	KeyByHash(ctx context.Context, hash string) (UserKey, error)
	// AgentState and AgentStateByKey return NotFound when there is no such agent.
	AgentState(ctx context.Context, id string) (State, error)
	AgentStateByKey(ctx context.Context, hash string) (State, error)
	// RouterKeyByHash returns NotFound when there is no such router key, revoked or not.
	RouterKeyByHash(ctx context.Context, hash string) (RouterKey, error)
	// PatternsOf returns the path patterns of the agent's policies that are live, in
	// order, each once and at most so many. It never returns nil without an error.
	PatternsOf(ctx context.Context, agent string, now time.Time, most int) ([]string, error)
	// Session returns a session, ended or not, or NotFound.
	Session(ctx context.Context, id string) (Session, error)
	// NoteUse stores when agents, personal keys, sessions and router keys were last used, by id.
	NoteUse(ctx context.Context, agents, keys, sessions, routers map[string]time.Time) error
}

// TokenStore keeps what is known of tokens.
type TokenStore interface {
	// Revoke keeps the token's id until it would have expired anyway.
	Revoke(ctx context.Context, org, id string, until, now time.Time, ev *audit.Event) error
	Revoked(ctx context.Context, id string) (bool, error)
	// TakeToken keeps that a human took a token of an agent, with the credential that
	// ev says: it is revoked when that ends, or when the human's right to it does.
	TakeToken(ctx context.Context, t Taken, ev *audit.Event) error
	// EndSession returns NotFound unless the user has the session and it has not ended.
	// Unless keep is set, what was made with it ends too, also of one that has ended,
	// and ev says what.
	EndSession(ctx context.Context, org, user, id string, keep bool, now time.Time, ev *audit.Event) error
}

// AttemptStore counts attempts, for all nodes.
type AttemptStore interface {
	// CountAttempt counts an attempt before it is looked at, so that attempts that are
	// made at the same time are all counted. When one of the counters makes it
	// wait it counts nothing and returns RateLimited with the time to wait.
	CountAttempt(ctx context.Context, g *Attempt, now time.Time) error
	// ForgiveAttempt takes back what CountAttempt counted, since the attempt was right,
	// and forgets earlier failures from Here. Those of others stay: from there it
	// must not show that somebody logged in. A trusted time that is not zero makes
	// Here trusted until then.
	ForgiveAttempt(ctx context.Context, g *Attempt, trusted time.Time) error
	// Sweep forgets counters that nobody asked for since, and tokens and
	// challenges that have ended.
	Sweep(ctx context.Context, now, unseen time.Time) error
}

// Taken is a token of an agent that a human took.
type Taken struct {
	ID, Org, Agent string
	Gen            int64 // of the agent's credentials
	User           string
	At, Expires    time.Time
}
