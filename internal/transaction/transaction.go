// Package transaction takes an agent's transaction from what was asked for to its receipt:
// prepared, decided, signed, sent and watched.
//
// Its promise: nothing is signed that the agent's guard does not allow, and what counts
// against a limit is reserved, with the nonce and the event, in the one transaction of the
// database that decides it. A signed transaction is stored before a node hears of it, and
// only those bytes are ever sent again: it is sent once or never, whatever ends the
// process. What was reserved for one that no chain will take is given back.
package transaction

import (
	"context"
	"log/slog"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/simulate"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Status is where a transaction stands, in the words of the contract (section 7).
type Status string

// The statuses. What becomes of one that was broadcast is in Mined.
const (
	Pending          Status = "pending"   // nonce and limits are reserved; it is being signed
	Signed           Status = "signed"    // no node is known to have it yet
	Broadcast        Status = "broadcast" // a node has taken it
	Failed           Status = "failed"    // no node takes it, or the chain reverted it
	SimulationFailed Status = "simulation_failed"
	SignOnly         Status = "sign_only" // signed and handed out; it is not sent from here
	// Unsigned is of the row that a message has until it is signed, and of no transaction.
	Unsigned Status = "message"
)

// Fate is what the chain made of a transaction.
type Fate string

// The fates. Success and Reverted are in a block; Replaced and Dropped never will be.
const (
	Waiting  Fate = ""
	Success  Fate = "success"
	Reverted Fate = "reverted"
	Replaced Fate = "replaced" // another transaction has its nonce
)

// Tx is a transaction as it is stored.
type Tx struct {
	ID, Org, Agent string
	Chain          string
	ChainID        uint64
	From           evm.Address
	To             *evm.Address // nil: it creates a contract
	Nonce          uint64
	Value          uint256.Int // wei
	MaxFee, MaxTip uint256.Int // wei a unit of gas; of types 0 and 1 the price, and zero
	Function       string      // what is called, as decoded; empty: nothing
	Status         Status
	Takes          []guard.Take // what it counts against limits
	Raw            []byte       // signed; empty until then
	Hash           evm.Hash     // zero until signed
	ErrorCode      string
	Error          string
	Simulation     Simulated
	Replaces       string  // id of the one whose nonce it has
	Fills          string  // id of the one that waited for its nonce; the server made it, and it moves nothing
	WaitsFor       *uint64 // a nonce below its own that no transaction of the account has; nil: none is known
	Ruled          string  // marks the rules that it was decided by; empty: not known
	ByHuman        bool    // a person had it signed, to stop what has its nonce
	Offered        bool    // a node may have its bytes, or who asked for it
	ReplayKey      string  // SHA-256 of the Idempotency-Key, hexadecimal
	ReplayBody     string  // SHA-256 of what was asked for with it
	CreatedAt      time.Time
	SignedAt       time.Time
	NextAt         time.Time // when a node looks at it again; until when one has it
	Attempts       int
	Receipt        Receipt
}

// Cancels reports whether t moves nothing, so that it only stops what has its nonce.
func (t *Tx) Cancels() bool {
	return t.Replaces != "" && t.To != nil && *t.To == t.From && t.Value.IsZero() && t.Function == ""
}

// Simulated is what a simulation before it said, without what it would have moved.
type Simulated struct{ ID, Status, DashboardURL string }

// Receipt is what the chain says.
type Receipt struct {
	Fate      Fate
	Block     uint64
	BlockHash evm.Hash
	GasUsed   uint64
	GasPrice  uint256.Int // wei
	At        time.Time   // when it was seen first
}

// Agent is what a transaction needs to know of who it is for.
type Agent struct {
	ID, Org, Name, Creator string
	Active, Intents        bool
	Frozen                 bool // nothing is signed for it, whoever asks
	Guardrails             intents.Guardrails
	Rules                  []byte // JSON of guard.Rules beyond the contract's; nil: none
	Held                   bool   // an owner or admin set Rules
	Revision               int64  // of Rules
}

// Reservation is what must be decided and stored at once.
type Reservation struct {
	Tx     *Tx    // gets its nonce
	Counts Counts // but Next and Free, which the store knows
	// Nonce is what the caller asks for; nil: the next.
	Nonce *uint64
	// Where Tx.Fills is set, it must be one that was given up.
	//
	// Replaces is a transaction that has not come into a block: Tx gets its nonce, and Decide
	// is told what was spent without it. Nil: none.
	Replaces *Tx
	// Taking is what the use of the key takes off; nil: nothing, the key is not in a vault.
	Taking   *vault.Taking
	Human    bool   // a person asks
	Approval string // that a human gave for exactly this; it is used up
	// Decide is asked in the transaction, with what the agent has spent since a time and the
	// agent as it is now. Its error is returned, and nothing is reserved.
	Decide func(now *Agent, spent *guard.Spent) ([]guard.Take, error)
	Since  time.Time
	// Recipients are those that Decide wants to know of whether they are new.
	Recipients []evm.Address
}

// Store keeps transactions.
type Store interface {
	// AgentForTransactions returns NotFound for one of another organisation.
	AgentForTransactions(ctx context.Context, org, id string) (Agent, error)
	// ReplayedTransaction finds one by the agent's key of a request, not older than since.
	ReplayedTransaction(ctx context.Context, agent, key string, since time.Time) (Tx, bool, error)
	// Append puts an event into the log.
	Append(ctx context.Context, ev *audit.Event) error
	// ReserveTransaction decides and stores r.Tx with ev. ErrReplayed when its key is taken.
	ReserveTransaction(ctx context.Context, r *Reservation, ev *audit.Event) error
	// GapAt says what is known of a nonce that an account's transactions wait for.
	GapAt(ctx context.Context, chain uint64, of evm.Address, nonce uint64) (Gap, error)
	// NextOf is what comes after the nonces that an account's transactions have; 0 where it is new.
	NextOf(ctx context.Context, chain uint64, of evm.Address) (uint64, error)
	// SpentBy is what an agent has spent since a time, and which of some accounts it knows on a chain.
	SpentBy(ctx context.Context, agent string, since time.Time, chain uint64, recipients []evm.Address) (*guard.Spent, error)
	// Family returns t with all that replaced it, or that it replaced.
	Family(ctx context.Context, t *Tx) ([]Tx, error)
	// AddFailedTransaction stores one that was not signed, with ev.
	AddFailedTransaction(ctx context.Context, t *Tx, ev *audit.Event) error
	// SignedTransaction stores what was signed, as long as it is Pending: ErrOver when what
	// was reserved has been given back, or its agent is frozen.
	SignedTransaction(ctx context.Context, t *Tx, ev *audit.Event) error
	// SignedMessage is the same for a message, of which no row is left.
	SignedMessage(ctx context.Context, t *Tx) error
	// GiveBack ends what was reserved and not signed: its part of the limits, its nonce, its key
	// of a request and the approval, if that is named, can be used again. It does nothing to
	// what was signed or given back before.
	GiveBack(ctx context.Context, t *Tx, approval string, ev *audit.Event) error
	// DiscardTransaction ends one that is signed and was never offered, unless may refuses. Its
	// bytes, its part of the limits and its nonce are given back. ErrMoving when it is not so.
	DiscardTransaction(ctx context.Context, t *Tx, may func(now *Agent) error, ev *audit.Event) error
	// MoveTransaction stores status, error, receipt and next look of a transaction whose
	// NextAt is still was. Where giveBack is set its part of the limits, and where freeNonce
	// is set its nonce, can be used again.
	MoveTransaction(ctx context.Context, t *Tx, was time.Time, giveBack, freeNonce bool) (moved bool, err error)
	// Transactions returns an agent's, the newest first.
	Transactions(ctx context.Context, agent string, limit int) ([]Tx, error)
	// Transaction returns NotFound for one of another agent.
	Transaction(ctx context.Context, agent, id string) (Tx, error)
	// DueTransactions returns those that a node should look at, of each chain so many at most.
	DueTransactions(ctx context.Context, now time.Time, perChain int) ([]Tx, error)
	// KeyAddress returns the account of a key in a vault, if a use has found it out.
	KeyAddress(ctx context.Context, versionID string) (string, error)
	PutKeyAddress(ctx context.Context, org, versionID, address string) error
	// VaultsWith returns the vaults of an organisation that have a live secret at a path.
	VaultsWith(ctx context.Context, org, path string) ([]string, error)
	// KeysOf returns the versions in an organisation's vaults that are keys of an account and can be
	// opened, the newest first.
	KeysOf(ctx context.Context, org string, of evm.Address) ([]vault.Ref, error)
	// KeyDeleted reports whether the key that signed t was deleted: in the keystore, and not used
	// again since, or in all vaults that had it.
	KeyDeleted(ctx context.Context, t *Tx) (bool, error)
	// AgentKeysVault is the id of the organisation's vault of agents' keys.
	AgentKeysVault(ctx context.Context, org string) (string, error)
	// ChangeRules replaces the rules of an agent. change gets what they are.
	ChangeRules(ctx context.Context, org, agent string, change func(was *Agent) (Rewritten, error), ev *audit.Event) (Agent, error)
}

// Config is what a Service is made of.
type Config struct {
	Store  Store
	Vault  *vault.Service
	Keys   Keys
	Chains Chains
	// Simulator runs transactions before they are signed.
	Simulator simulate.Simulator
	// Approvals are those that the guard asks for.
	Approvals Approvals
	Log       *slog.Logger
	Now       func() time.Time
	Signed    func(kind string) // is told of each signature, of a "transaction" or "message"; nil: nobody is
}

// Service is the methods on transactions.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// The faults of this package that the store returns.
var (
	// ErrReplayed: another request has the key.
	ErrReplayed = fault.New(fault.Conflict, "idempotency_key_in_use", "A request with this Idempotency-Key is under way. Try again in a moment.")
	// ErrOver: the time to sign it is over.
	ErrOver = fault.New(fault.Unavailable, "transaction_given_up", "It was not signed in time, or a right that it may rest on ended meanwhile. Nothing was signed or sent. Try again.")
	// ErrNone is for ids that are not there.
	ErrNone = fault.New(fault.NotFound, "transaction_not_found", "There is no transaction with this id.")
	// ErrMoving: it is being sent.
	ErrMoving = fault.New(fault.Conflict, "transaction_moving", "This transaction is being sent at the moment. Try again.")
	// ErrStopped: a person cancelled it.
	ErrStopped = fault.New(fault.Denied, "cancelled_by_human", "A person cancelled this transaction: only a person replaces it now.").Because("cancelled_by_human")
	// ErrMined: it can't be replaced any more.
	ErrMined = fault.New(fault.Conflict, "transaction_over", "Only a transaction that waits for a block can be replaced.")
	// ErrNonce: the caller asked for a nonce that is used.
	ErrNonce = fault.New(fault.Conflict, "nonce_used", "This nonce is used by another transaction. Leave nonce out to get the next one.")
)
