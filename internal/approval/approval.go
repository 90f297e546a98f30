// Package approval keeps what a human was asked to approve: one principal's use
// of one secret, where the policy that would allow it asks for that.
//
// Its promise: an approval is given by a signed-in human who could have granted
// the access by policy, and never by the requester, an agent or an API key. It
// is good for one requester, vault, path and operation, under one policy as it
// stood at the decision, and for as long and as often as the policy said both
// then and when it was asked for. It ends with whatever it rests on: the policy
// as it was, the credentials of who asked, the right of who decided. That is
// compared, and each use counted, in the transaction that records the use.
package approval

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Operation is what may be done with a secret.
type Operation string

// The operations. An approval for one is none for another.
const (
	Read   Operation = "read"
	Write  Operation = "write"
	Delete Operation = "delete"
	// Work lets the requester use the value without being shown it. An approval of a use allows no read,
	// and an approval of a read allows no use.
	Work Operation = "use"
	// Sign is of a transaction, or a message, that no policy of the vault asked for but the
	// agent's guard: the path names what would be signed, and Reason says it in words.
	Sign Operation = "sign"
)

// Status is where a request stands.
type Status string

// The statuses. Expired and Ended are not stored.
const (
	Pending  Status = "pending"
	Approved Status = "approved"
	Denied   Status = "denied"
	Expired  Status = "expired" // nobody decided in time
	// Withdrawn: taken back by who asked or by somebody who may decide.
	Withdrawn Status = "withdrawn"
	// Ended: what it rests on has changed or gone, and it is worth nothing.
	Ended Status = "ended"
)

// PendingFor is how long a request waits for a decision.
const PendingFor = 24 * time.Hour

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
	Policy         policy.Version // the policy that asks, as it was then; once approved, at the decision
	Reason         string         // in the requester's words
	Status         Status
	ValidFor       time.Duration
	MaxUses        int
	UsesLeft       int
	CreatedAt      time.Time
	ExpiresAt      time.Time // until when it can be decided; once approved, used
	DecidedBy      string
	DecidedAt      time.Time
	DecisionReason string
	WithdrawnBy    string
	WithdrawnAt    time.Time
	Stale          bool // what it rests on has changed or gone

	// Names as they are now. ClaimMails alone fills them in: those who may decide are told, and
	// others may not see the vault. Empty where the row is gone.
	VaultName, RequesterName string
}

// Given is an approval that can be used under a policy.
type Given struct {
	ID     string
	Policy policy.Version
}

// At returns the request's status at a time.
func (r *Request) At(now time.Time) Status {
	switch {
	case r.Status == Pending && !now.Before(r.ExpiresAt):
		return Expired
	case r.Stale && (r.Status == Pending || r.Status == Approved):
		return Ended
	default:
		return r.Status
	}
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
	// LiveApprovals returns the approvals that cover the use now, whatever their
	// policy. The one that ends first comes first.
	LiveApprovals(ctx context.Context, u Use, now time.Time) ([]Given, error)
	// ApprovalStands reports whether an approval that was used still holds, and under which policy. That
	// its uses are spent, or the time in which they may begin is over, is no matter.
	ApprovalStands(ctx context.Context, id string) (policy.Version, bool, error)
	// AskApproval stores r with ev, or finds the request for the same use under the
	// same policy that is still undecided and returns that one, with r's reason if it had
	// none. RateLimited as AfterDenials and RoomToAsk say.
	AskApproval(ctx context.Context, r Request, ev *audit.Event) (Request, error)
	// Approval returns fault.NotFound unless the caller may see one with that id.
	Approval(ctx context.Context, s Seen, id string) (Request, error)
	// Approvals returns the newest first, at most limit after the first so many; of a
	// status if one is given.
	Approvals(ctx context.Context, s Seen, status Status, now time.Time, limit, after int) ([]Request, error)
	// ApprovalPolicy returns the terms of a policy that asks for approvals, and its
	// version; fault.NotFound when it is gone or asks for none.
	ApprovalPolicy(ctx context.Context, id string) (policy.Approval, policy.Version, error)
	// DecideApproval stores the decision of r. ErrDecided unless it is undecided,
	// ErrChanged when its policy is not r.Policy any more, Denied when who decided
	// may not.
	DecideApproval(ctx context.Context, r Request, ev *audit.Event) error
	// WithdrawApproval ends a request or what is left of an approval. ErrOver when
	// nothing is.
	WithdrawApproval(ctx context.Context, r Request, ev *audit.Event) error
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
	errNoDecider = fault.New(fault.Denied, "access_denied", "Only the creator or an owner or admin of the organisation may do this.")
	errOwn       = fault.New(fault.Denied, "own_approval", "You can't approve your own request. Ask somebody else who manages the vault.")
	errOwnSign   = fault.New(fault.Denied, "own_approval", "You asked for this in the agent's name, and can't approve it yourself. Another owner or admin can, or have the agent ask with its own key: that you may approve.")
	ErrNotFound  = fault.New(fault.NotFound, "approval_not_found", "There is no approval request with this id, or it is not yours to see.")
	ErrDecided   = fault.New(fault.Conflict, "approval_decided", "This request was decided already, or its time is over.")
	ErrChanged   = fault.New(fault.Conflict, "approval_ended", "What this request rests on has changed: its policy, or the requester's credentials. Ask for it again.")
	ErrUsed      = fault.New(fault.Denied, "approval_used", "The approval was used up or ended meanwhile. Try again to ask for another.")
	ErrOver      = fault.New(fault.Conflict, "approval_over", "There is nothing to withdraw: this request was denied or withdrawn, or its time is over.")
)

const codeRequired = "approval_required"

// Required is what a caller gets whose use must be approved first.
func Required(id string) error {
	return &fault.Error{
		Kind: fault.Denied, Code: codeRequired, Ref: id,
		Detail: "A human must approve this first. The approval request is " + id + ": once it is approved, try again.",
	}
}

// RequiredOfAnother is Required for what a person has signed in an agent's name, who can't
// approve it: there may be nobody else, and so it says what else leads on.
func RequiredOfAnother(id string) error {
	return &fault.Error{
		Kind: fault.Denied, Code: codeRequired, Ref: id,
		Detail: "A human must approve this first, and not you, who asks. The approval request is " + id +
			": once another owner or admin has approved it, try again. Or have the agent ask with its own key: that you may approve.",
	}
}

// RequiredAll is Required for uses that go together; Ref is the first of them.
func RequiredAll(ids []string) error {
	if len(ids) == 1 {
		return Required(ids[0])
	}
	return &fault.Error{
		Kind: fault.Denied, Code: codeRequired, Ref: ids[0],
		Detail: "A human must approve this first. The approval requests are " + strings.Join(ids, ", ") + ": once all are approved, try again.",
	}
}

// Awaited returns the request of an error that Required made.
func Awaited(err error) (id string, ok bool) {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Code != codeRequired {
		return "", false
	}
	return e.Ref, true
}

// Live returns the approvals that cover the use now. Each counts under its policy
// alone.
func (s *Service) Live(ctx context.Context, u Use, now time.Time) ([]Given, error) {
	return s.cfg.Store.LiveApprovals(ctx, u, now)
}

// Stands reports whether an approval that was used still holds, and under which policy: for what goes on
// after its use. That its uses are spent, or the time in which they may begin is over,
// is no matter.
func (s *Service) Stands(ctx context.Context, id string) (policy.Version, bool, error) {
	return s.cfg.Store.ApprovalStands(ctx, id)
}

// Ask stores a request for a use under a policy's terms, with the event of the
// call, and has the people who can decide it told. While an earlier request for
// the same use is undecided, that one is returned; a reason is added where it has none.
func (s *Service) Ask(ctx context.Context, c *call.Call, u Use, asks policy.Version, terms policy.Approval, reason string) (Request, error) {
	now := stamp.Of(c.Now)
	r := Request{
		ID: ids.New(), Use: u, Policy: asks, Reason: reason, Status: Pending,
		ValidFor: terms.ValidFor, MaxUses: terms.MaxUses, CreatedAt: now, ExpiresAt: now.Add(PendingFor),
	}
	return s.cfg.Store.AskApproval(ctx, r, c.Event)
}

// seen says what the caller may see.
func seen(c *call.Call) Seen {
	return Seen{Org: c.Who.Org, All: c.Who.Manages(), Kind: c.Who.Kind, ID: c.Who.ID}
}

// Get returns a request that the caller made or may decide.
func (s *Service) Get(ctx context.Context, c *call.Call, id string) (Request, error) {
	c.Touch("approval", id)
	if err := c.Authorize(policy.ReadApproval, c.Own()); err != nil {
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
func visible(c *call.Call, r *Request) bool {
	p, err := secretpath.Parse(r.Path)
	// As if it were the caller's own vault: then only its caps can deny.
	own := &policy.Vault{ID: r.Vault, Org: c.Who.Org, CreatedBy: c.Who.ID, CreatedByKind: c.Who.Kind}
	return err == nil && policy.Decide(c.Who, policy.DescribeSecret, policy.Resource{Org: c.Who.Org, Vault: own, Path: p}, c.At()).Allow
}

// MaxListed bounds a listing, and is how many rows one reads at a time; maxPages bounds
// the reads of one whose credential sees few of the rows.
const (
	MaxListed = 200
	maxPages  = 11
)

// List returns the newest requests that the caller made or may decide, at most limit
// after the first so many.
func (s *Service) List(ctx context.Context, c *call.Call, status Status, limit, after int) ([]Request, error) {
	if err := c.Authorize(policy.ListApprovals, c.Own()); err != nil {
		return nil, err
	}
	var out []Request
	for page := range maxPages {
		rows, err := s.cfg.Store.Approvals(ctx, seen(c), status, c.Now, MaxListed, page*MaxListed)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			switch {
			case !visible(c, &rows[i]):
			case after > 0:
				after--
			default:
				out = append(out, rows[i])
			}
			if len(out) == limit {
				return out, nil
			}
		}
		if len(rows) < MaxListed {
			break
		}
	}
	return out, nil
}
