// Package approval keeps what a human was asked to approve: one principal's use
// of one secret, where the policy that would allow it asks for that.
//
// Its promise: an approval is given by a signed-in human who could have granted
// the access by policy, and never by the requester, an agent or an API key. It
// is good for one requester, vault, path and operation, for as long and as
// often as the policy said when it was asked for, and each use of it is counted
// in the transaction that records the use. It grants nothing by itself: the
// policy must still be there.
package approval

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/access"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Operation is what may be done with a secret.
type Operation string

// The operations. An approval for one is none for another.
const (
	Read   Operation = "read"
	Write  Operation = "write"
	Delete Operation = "delete"
)

// Status is where a request stands.
type Status string

// The statuses. Only the first three are stored.
const (
	Pending  Status = "pending"
	Approved Status = "approved"
	Denied   Status = "denied"
	Expired  Status = "expired" // nobody decided in time
)

// PendingFor is how long a request waits for a decision.
const PendingFor = 24 * time.Hour

// MaxPending bounds the undecided requests of one requester.
const MaxPending = 50

// Use is one principal's use of one secret.
type Use struct {
	Org, Vault, Path string
	Operation        Operation
	Kind             policy.PrincipalKind
	Principal        string
	Human            string // who stands behind it: an agent's creator, or the user itself
}

// Request is a use that somebody was asked to approve.
type Request struct {
	ID string
	Use
	Policy         string // the policy that asks
	Reason         string // in the requester's words
	Status         Status
	ValidFor       time.Duration
	MaxUses        int
	UsesLeft       int
	CreatedAt      time.Time
	ExpiresAt      time.Time // until when it can be decided; once approved, used
	DecidedBy      string
	DecidedAt      time.Time
	DecisionReason string
}

// At returns the request's status at a time.
func (r *Request) At(now time.Time) Status {
	if r.Status == Pending && !now.Before(r.ExpiresAt) {
		return Expired
	}
	return r.Status
}

// Seen says whose requests a listing shows: with All those of the organisation,
// else what User asked for itself or through its agents, and what it may decide
// as the creator of a vault; for an agent what it asked for.
type Seen struct {
	Org  string
	All  bool
	Kind policy.PrincipalKind
	ID   string
}

// Store is what approvals need of a database.
type Store interface {
	// LiveApproval returns the id of an approval that covers the use now; fault.NotFound without one.
	LiveApproval(ctx context.Context, u Use, now time.Time) (string, error)
	// AskApproval stores r with ev, or finds the request for the same use that is
	// still undecided and returns that one. RateLimited beyond MaxPending.
	AskApproval(ctx context.Context, r Request, ev *audit.Event) (Request, error)
	// Approval returns fault.NotFound unless the caller may see one with that id.
	Approval(ctx context.Context, s Seen, id string) (Request, error)
	// Approvals returns the newest first, at most limit; of a status if one is given.
	Approvals(ctx context.Context, s Seen, status Status, now time.Time, limit int) ([]Request, error)
	// DecideApproval stores the decision of r. Conflict unless it is undecided.
	DecideApproval(ctx context.Context, r Request, ev *audit.Event) error
	// ApprovalVault returns what a decision needs to know of a vault.
	ApprovalVault(ctx context.Context, id string) (policy.Vault, error)
	// SweepApprovals removes what ended before a time.
	SweepApprovals(ctx context.Context, before time.Time) error
	NoticeStore
}

// Service is the methods of approvals. All fields are set once.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// The faults of this package; the store returns the exported ones.
var (
	errOwn      = fault.New(fault.Denied, "own_approval", "Nobody approves what it asked for itself. Ask somebody else who manages the vault.")
	ErrNotFound = fault.New(fault.NotFound, "approval_not_found", "There is no approval request with this id, or it is not yours to see.")
	ErrDecided  = fault.New(fault.Conflict, "approval_decided", "This request was decided already, or its time is over.")
)

// Required is what a caller gets whose use must be approved first.
func Required(id string) error {
	return &fault.Error{
		Kind: fault.Denied, Code: "approval_required", Ref: id,
		Detail: "A human must approve this first. The approval request is " + id + ": once it is approved, try again.",
	}
}

// Live returns the id of an approval that covers the use now, and false without one.
func (s *Service) Live(ctx context.Context, u Use, now time.Time) (string, bool, error) {
	id, err := s.cfg.Store.LiveApproval(ctx, u, now)
	if fault.Is(err, fault.NotFound) {
		return "", false, nil
	}
	return id, err == nil, err
}

// Ask stores a request for a use under a policy's terms, with the event of the
// call, and has the people who can decide it told. While an earlier request for
// the same use is undecided, that one is returned.
func (s *Service) Ask(ctx context.Context, c *access.Call, u Use, policyID string, terms policy.Approval, reason string) (Request, error) {
	now := c.Now.UTC().Truncate(time.Microsecond)
	r := Request{
		ID: uuid.NewString(), Use: u, Policy: policyID, Reason: reason, Status: Pending,
		ValidFor: terms.ValidFor, MaxUses: terms.MaxUses, CreatedAt: now, ExpiresAt: now.Add(PendingFor),
	}
	return s.cfg.Store.AskApproval(ctx, r, c.Event)
}

// seen says what the caller may see.
func seen(c *access.Call) Seen {
	return Seen{Org: c.Who.Org, All: c.Who.Manages(), Kind: c.Who.Kind, ID: c.Who.ID}
}

// Get returns a request that the caller made or may decide.
func (s *Service) Get(ctx context.Context, c *access.Call, id string) (Request, error) {
	c.Touch("approval", id)
	if err := decide(c, policy.ReadApproval); err != nil {
		return Request{}, err
	}
	r, err := s.cfg.Store.Approval(ctx, seen(c), id)
	if err == nil && !visible(c, &r) {
		return Request{}, ErrNotFound
	}
	return r, err
}

// visible reports whether the cap of the caller's credential leaves the path in
// sight.
func visible(c *access.Call, r *Request) bool {
	p, err := secretpath.Parse(r.Path)
	// As if it were the caller's own vault: then only its caps can deny.
	own := &policy.Vault{ID: r.Vault, Org: c.Who.Org, CreatedBy: c.Who.ID, CreatedByKind: c.Who.Kind}
	return err == nil && policy.Decide(c.Who, policy.DescribeSecret, policy.Resource{Org: c.Who.Org, Vault: own, Path: p}, c.At()).Allow
}

// maxListed bounds a listing.
const maxListed = 200

// List returns the newest requests that the caller made or may decide.
func (s *Service) List(ctx context.Context, c *access.Call, status Status) ([]Request, error) {
	if err := decide(c, policy.ListApprovals); err != nil {
		return nil, err
	}
	all, err := s.cfg.Store.Approvals(ctx, seen(c), status, c.Now, maxListed)
	return slices.DeleteFunc(all, func(r Request) bool { return !visible(c, &r) }), err
}

// Decide approves or denies a request. The caller must be a person who is there and
// may set policies on the vault, and not the requester.
func (s *Service) Decide(ctx context.Context, c *access.Call, id string, approve bool, reason string) (Request, error) {
	action := policy.GrantApproval
	if !approve {
		action = policy.DenyApproval
	}
	c.Touch("approval", id)
	c.Event.Action = string(action)
	if err := decide(c, action); err != nil {
		return Request{}, err
	}
	r, err := s.cfg.Store.Approval(ctx, seen(c), id)
	if err != nil {
		return Request{}, err
	}
	c.Event.Details.Vault, c.Event.Details.Path = r.Vault, r.Path
	c.Event.Details.Target = string(r.Kind) + ":" + r.Principal
	if r.Kind == policy.KindUser && r.Principal == c.Who.ID {
		return Request{}, errOwn
	}
	v, err := s.cfg.Store.ApprovalVault(ctx, r.Vault)
	if err != nil {
		return Request{}, err
	}
	// Who may grant the access for good may approve it once.
	may := policy.Decide(c.Who, policy.CreatePolicy, policy.Resource{Org: v.Org, Vault: &v}, c.At())
	c.Event.Details.Reason = string(may.Reason)
	if err := may.Err(); err != nil {
		return Request{}, err
	}
	if r.At(c.Now) != Pending {
		return Request{}, ErrDecided
	}
	r.DecidedBy, r.DecidedAt, r.DecisionReason = c.Who.ID, c.Now.UTC().Truncate(time.Microsecond), reason
	r.Status = Denied
	if approve {
		r.Status, r.UsesLeft, r.ExpiresAt = Approved, r.MaxUses, r.DecidedAt.Add(r.ValidFor)
	}
	c.Event.Details.Outcome = audit.Success
	return r, s.cfg.Store.DecideApproval(ctx, r, c.Event)
}

// decide asks the policy and leaves the answer in the call's event.
func decide(c *access.Call, a policy.Action) error {
	d := policy.Decide(c.Who, a, policy.Resource{Org: c.Who.Org}, c.At())
	c.Event.Details.Reason = string(d.Reason)
	return d.Err()
}
