package agent

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
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
	// HasVaults reports whether all the vaults are of org.
	HasVaults(ctx context.Context, org string, ids []string) (bool, error)
	// AgentByID returns the agent of whatever organisation, or NotFound.
	AgentByID(ctx context.Context, id string) (Agent, error)
	// AgentsOfClients returns agents, live ones first and at most so many, that
	// authenticate as one of the clients of an issuer, of all organisations.
	AgentsOfClients(ctx context.Context, issuer string, clients [3]string, most int) ([]Agent, error)
	// Made returns what was made with the credentials whose names are from from on and
	// below below, oldest first.
	Made(ctx context.Context, org, from, below string, now time.Time) ([]identity.Made, error)
	// Account returns NotFound unless the user is a member of org.
	Account(ctx context.Context, user, org string) (identity.Account, error)
	// AccountByEmail returns the user in its home organisation, or where it is no
	// member there in another; Org is empty for who is in none. NotFound when
	// there is no such user.
	AccountByEmail(ctx context.Context, email string) (identity.Account, error)
	EnrollStore
}
