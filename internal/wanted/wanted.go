// Package wanted keeps what agents lack and ask people for: a secret at a path, whose value a
// person gives in a browser or on the command line.
//
// Its promise: no value passes the agent or its conversation. A request gives nobody a right:
// whoever fills it writes with their own right to the path, through the one way in which
// secrets are written, and whether the agent may then use what is there stays with the
// policies. A request is answered once, and ends with its agent, its agent's key and its vault.
package wanted

import (
	"context"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Status is where a request stands.
type Status string

// The statuses. Expired is not stored, and Ended not always.
const (
	Waiting   Status = "waiting"
	Filled    Status = "filled"
	Declined  Status = "declined"
	Withdrawn Status = "withdrawn"
	Expired   Status = "expired"
	// Ended: the agent is stopped or gone, has another key, or reaches the path no more.
	Ended Status = "ended"
)

// End is what ended a request before somebody answered it.
type End string

// The ends that are told.
const (
	ByFreeze     End = "freeze"
	ByCredential End = "credential" // what it was asked with has ended
	ByReach      End = "reach"      // its agent reaches the path no more
)

// Request is a secret that an agent asked for.
type Request struct {
	ID, Org, Vault, Path string
	Agent                string
	Reason               string // what for, in the agent's words: one line that nobody has checked
	Service, Host        string // where the agent would use it: one of binding.Services, or a host; may be empty
	Status               Status
	CreatedAt, ExpiresAt time.Time
	DecidedBy            string
	DecidedAt            time.Time
	Answer               string // why it was declined, in a person's words
	Version              uint64 // that it was filled with
	EndedBy              End    // of one that is Ended
	Stale                bool   // the agent is stopped or gone, or has another key

	// Names as they are now.
	VaultName, AgentName string
}

// At returns the request's status at a time.
func (r *Request) At(now time.Time) Status {
	switch {
	case r.Status != Waiting:
		return r.Status
	case r.Stale:
		return Ended
	case !now.Before(r.ExpiresAt):
		return Expired
	}
	return Waiting
}

// Seen says whose requests a listing shows: those of an agent, or with none all of the
// organisation, which the caller of the store then looks through.
type Seen struct{ Org, Agent string }

// Filling is what is stored with the version that fills a request.
type Filling struct {
	ID, Org string
	By      string
	At      time.Time
	// NewVersion lets it be the next version of a secret that is there.
	NewVersion bool
	// Bindings are added to those of the path, with the id of the row that then holds all of them.
	Bindings []binding.Binding
	Row      string
}

// Store is what requests need of a database.
type Store interface {
	// AskSecret stores r with ev, or returns the request of the agent for the same path that
	// waits. RateLimited as RoomToAsk and AfterDecline say; NotFound when the vault is gone.
	AskSecret(ctx context.Context, r Request, ev *audit.Event) (Request, error)
	// SecretRequest returns ErrNone unless one of those with that id is seen.
	SecretRequest(ctx context.Context, s Seen, id string) (Request, error)
	// SecretRequestByID is SecretRequest for whoever has the link.
	SecretRequestByID(ctx context.Context, id string) (Request, error)
	// SecretRequests returns the newest first, at most limit after the first so many; of a
	// status if one is given.
	SecretRequests(ctx context.Context, s Seen, status Status, now time.Time, limit, after int) ([]Request, error)
	// EndSecretRequest stores that r is withdrawn or declined. ErrOver unless it waits.
	EndSecretRequest(ctx context.Context, r Request, ev *audit.Event) error
	// FillSecretRequest stores the version with the bindings and the answer of the request, all
	// or none. ErrOver unless it waits, ErrThere when a secret is there and f does not say that it
	// gets a new version; else as vault.Store.PutVersion.
	FillSecretRequest(ctx context.Context, f *Filling, v *vault.Version, ev *audit.Event) error
	// SweepSecretRequests removes what ended before a time.
	SweepSecretRequests(ctx context.Context, before time.Time) error
	NoticeStore
}

// Vault is what requests need of the vault.
type Vault interface {
	// Asks lets an agent ask about a path that its caps reach, and says whether it may read and
	// use what is there once it is.
	Asks(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (vault.Prospect, error)
	Prospect(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (vault.Prospect, error)
	// Answers reports whether the caller may give what is asked for at a path.
	Answers(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (bool, error)
	Over(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, a policy.Action) error
	PutFor(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, a policy.Action, d vault.Draft, store func(v *vault.Version, ev *audit.Event) error) (vault.Meta, error)
	// Writers are the users who may give what is asked for at a path.
	Writers(ctx context.Context, org, vaultID string, p secretpath.Path, now time.Time, look vault.Look) ([]string, error)
}

// Config is what a Service is made of.
type Config struct {
	Store  Store
	Vault  Vault
	Mailer Mailer
	// PrincipalNow returns somebody as the rows are now.
	PrincipalNow func(ctx context.Context, kind policy.PrincipalKind, id, org string, now time.Time) (policy.Principal, error)
	Log          *slog.Logger
	Now          func() time.Time
}

// Service is the methods of requests. All fields are set once.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// The faults of this package; the store returns the exported ones.
var (
	ErrNone  = fault.New(fault.NotFound, "secret_request_not_found", "There is no request for a secret with this id, or it is not yours to see.")
	ErrOver  = fault.New(fault.Conflict, "secret_request_over", "This request does not wait any more: it was answered or withdrawn, its time is over, or its agent is stopped or has another key.")
	ErrThere = fault.New(fault.Conflict, "secret_exists", "There is a secret at this path. Say new_version to store the value as its next version, which all that use it then get.")
	// ErrNoVault is of a request about a vault that is gone.
	ErrNoVault = fault.New(fault.NotFound, "vault_not_found", "There is no vault with this id.")
)

// Shown returns what waits behind a link, for whoever has it; ErrNone when there is none.
func (s *Service) Shown(ctx context.Context, id string) (Request, error) {
	return s.cfg.Store.SecretRequestByID(ctx, id)
}
