package agent

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Store is what agent needs of a database. Methods that write take the event that
// records the write and commit both or neither; those that take away what a
// credential could do move the epoch of its organisation.
type Store interface {
	// AddAgent returns fault.Denied when the organisation has as many active agents
	// as its tier allows; ChangeAgent does too, when it would make one active.
	AddAgent(ctx context.Context, a Agent, ev *audit.Event) error
	// RoomForAgent tells so before: AddAgent decides, this spares making keys in vain.
	RoomForAgent(ctx context.Context, org string) error
	// Agents returns the agents of org, oldest first; with a creator only its own.
	Agents(ctx context.Context, org, creator string) ([]Agent, error)
	// Agent returns NotFound unless org has it.
	Agent(ctx context.Context, org, id string) (Agent, error)
	// ChangeAgent stores what change makes of the agent. change may run more
	// than once, each time on a fresh copy; when it fails nothing is stored. When
	// its key changes or it stops, and keep is not set, the shares and policies that
	// it made end, and ev says so.
	ChangeAgent(ctx context.Context, org, id string, change func(*Agent) error, keep bool, ev *audit.Event) (Agent, error)
	intents.NamedChains
	// HasVaults reports whether all the vaults are of org.
	HasVaults(ctx context.Context, org string, ids []string) (bool, error)
	// AgentByID returns the agent of whatever organisation, or NotFound.
	AgentByID(ctx context.Context, id string) (Agent, error)
	// AgentsOfClients returns agents, live ones first and at most so many, that
	// authenticate as one of the clients of an issuer, of all organisations.
	AgentsOfClients(ctx context.Context, issuer string, clients [3]string, most int) ([]Agent, error)
	// Made returns what was made with the credentials whose names are from from on and
	// below below, as far as of says: the newest, and how many there are.
	Made(ctx context.Context, org, from, below string, now time.Time, of func(*identity.Made) bool) (identity.AllMade, error)
	// Account returns NotFound unless the user is a member of org.
	Account(ctx context.Context, user, org string) (identity.Account, error)
	// AccountByEmail returns the user in its home organisation, or where it is no
	// member there in another; Org is empty for who is in none. NotFound when
	// there is no such user.
	AccountByEmail(ctx context.Context, email string) (identity.Account, error)
	RouterKeyStore
	EnrollStore
}

// RouterKeyStore keeps router keys.
type RouterKeyStore interface {
	// AddRouterKey stores k for the generation that the agent's tokens have now, and fills that
	// in. It refuses what RoomForRouterKey refuses.
	AddRouterKey(ctx context.Context, k *identity.RouterKey, ev *audit.Event) error
	// RouterKeys returns an agent's, oldest first, revoked ones too.
	RouterKeys(ctx context.Context, agent string) ([]identity.RouterKey, error)
	// RevokeRouterKey returns ErrNoRouterKey unless the agent has the key and it is not revoked.
	RevokeRouterKey(ctx context.Context, org, agent, id string, at time.Time, ev *audit.Event) error
}

// EnrollRequest is what a stranger asked for. Nobody has checked it.
type EnrollRequest struct {
	ID, Email, Name, Description string
	Address                      string
	CreatedAt                    time.Time
}

// Enrollment is a request that waits for the human whom it names.
type Enrollment struct {
	ID, User             string
	Name, Description    string
	KeyHash, KeyPrefix   string // of the key that was mailed
	TokenHash            string // of the link that was mailed
	Address              string
	CreatedAt, ExpiresAt time.Time
}

// EnrollStore keeps enrolments.
type EnrollStore interface {
	// AddEnrollRequest stores r, and that its address, given as a hash, may be
	// named again at next. It returns when that is if it was named too lately
	// already: then nothing is stored. False when all requests wait already.
	AddEnrollRequest(ctx context.Context, r EnrollRequest, emailHash string, next time.Time, all int, ev *audit.Event) (wait time.Time, added bool, err error)
	// ClaimEnrollRequest returns a request that is due and keeps it from all
	// others until the lease ends. False: no request is due.
	ClaimEnrollRequest(ctx context.Context, now, lease time.Time) (EnrollRequest, bool, error)
	// DropEnrollRequest forgets a request.
	DropEnrollRequest(ctx context.Context, id string) error
	// AddEnrollment stores what became of a request, which is forgotten.
	AddEnrollment(ctx context.Context, request, org string, e Enrollment, ev *audit.Event) error
	// Enrollments returns those that wait for the user, oldest first.
	Enrollments(ctx context.Context, user string, now time.Time) ([]Enrollment, error)
	// EnrollmentByToken returns NotFound when none waits.
	EnrollmentByToken(ctx context.Context, hash string, now time.Time) (Enrollment, error)
	// AcceptEnrollment makes the agent, with the policy if there is one, of an
	// enrolment that waits for the agent's creator. NotFound when none does.
	AcceptEnrollment(ctx context.Context, id string, a Agent, grant *policy.Spec, ev *audit.Event) error
	// RejectEnrollment forgets one that waits for the user, or returns NotFound.
	RejectEnrollment(ctx context.Context, org, user, id string, now time.Time, ev *audit.Event) error
}
