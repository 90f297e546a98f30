// Package sharing hands one secret on to somebody who has no grant for it.
//
// Its promise: a share is its maker's right, lent for a time. It never gives
// more than the maker could read at that moment: each access asks the policy
// again, with the maker as the database has it now. An access is counted, with
// its event, before the value leaves, and never more of them than were allowed,
// on however many nodes. What opens a link is kept as a hash and sealed: the
// database alone opens none.
package sharing

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// RecipientType says whom a share is for.
type RecipientType string

// The types.
const (
	ToUser    RecipientType = "user"
	ToAgent   RecipientType = "agent"
	ToEmail   RecipientType = "external_email"
	ToLink    RecipientType = "anyone_with_link"
	ToCreator RecipientType = "creator" // the human of the agent that makes it
)

// Share is a share as it is stored.
type Share struct {
	ID     string   // of the row: the log's name for it
	Handle string   // ID, or for a link the SHA-256 of what opens it
	Link   seal.Box // for a link: what opens it
	Org    string
	Vault  string
	Path   string

	MakerKind   policy.PrincipalKind
	MakerID     string
	MakerHuman  string   // the maker, or the human of the agent that is
	MakerScopes []string // of the API key that it was made with
	MakerIP     netip.Addr
	InPerson    bool // a person was there who made it

	Type           RecipientType
	RecipientID    string // empty for a link, and for a mail address that nobody claimed yet
	Email          string
	ProofHash      string // of what was mailed to Email, which opens the share without an account
	PassphraseHash string
	Allowed        []netip.Prefix // empty: any address

	MaxAccess   int64 // 0: unlimited
	AccessCount int64
	CreatedAt   time.Time
	ExpiresAt   time.Time
	AcceptedAt  time.Time
	DeclinedAt  time.Time
	RevokedAt   time.Time

	NotifiedCount int64
	NotifiedAt    time.Time

	public string // what callers know it by
	proof  string // what is mailed; only in the call that makes the share

	// Unmailed is of the call that makes the share: its address is sent no letter, since
	// its organisation had enough sent there within LetterWindow. What others had sent is
	// not told.
	Unmailed bool

	// ByMail is of one access: it rests on what was mailed.
	ByMail bool
}

// PublicID is what its maker and recipient know the share by. For a link it
// opens the share.
func (s *Share) PublicID() string { return s.public }

// Status is how the share stands, in one word.
func (s *Share) Status(now time.Time) string {
	switch {
	case !s.RevokedAt.IsZero():
		return "revoked"
	case !s.DeclinedAt.IsZero():
		return "declined"
	case s.Expired(now):
		return "expired"
	case s.spent():
		return "used_up"
	case s.Type == ToLink:
		return "active"
	case s.AcceptedAt.IsZero():
		return "pending"
	}
	return "accepted"
}

// Expired reports whether its time is over.
func (s *Share) Expired(now time.Time) bool { return !now.Before(s.ExpiresAt) }

func (s *Share) spent() bool { return s.MaxAccess > 0 && s.AccessCount >= s.MaxAccess }

// Store is what sharing needs of a database. Methods that write take the event
// that records the write and commit both or neither.
type Store interface {
	// Place returns where the version with that id is; fault.NotFound when there
	// is none.
	Place(ctx context.Context, versionID string) (vaultID, path string, err error)
	// AddShare stores s; fault.RateLimited, with when to come back, when PerWindow
	// shares of its organisation are younger than Window. told counts the letters that its
	// mail address had within LetterWindow.
	AddShare(ctx context.Context, s Share, ev *audit.Event) (told Letters, err error)
	// Share returns the share with one of the handles, or NotFound.
	Share(ctx context.Context, id, hash string) (Share, error)
	// ShareRow is Share that takes the row's id too.
	ShareRow(ctx context.Context, id, hash string) (Share, error)
	// SharesBy returns what somebody has made and not revoked, newest first.
	SharesBy(ctx context.Context, org, maker string, limit int) ([]Share, error)
	// SharesFor returns what somebody was given: in org, or by mail anywhere.
	SharesFor(ctx context.Context, org, recipient string, limit int) ([]Share, error)
	// SharesOf returns the shares of a path that are not revoked, newest first.
	SharesOf(ctx context.Context, org, vaultID, path string, limit int) ([]Share, error)
	// ClaimShares gives a user the shares to its mail address that nobody has.
	ClaimShares(ctx context.Context, user, email string, at time.Time) error
	// TryPassphrase counts a passphrase that is about to be compared, as Tries.Next does;
	// fault.RateLimited while the share is locked.
	TryPassphrase(ctx context.Context, org, id string, at time.Time) error
	// SpendShare counts one access, and one read of the version if its reads are
	// limited, and returns how many accesses there were. One by mail accepts the share. forgive takes back what
	// TryPassphrase counted. ErrGone when none is left.
	SpendShare(ctx context.Context, s *Share, v *vault.Version, forgive bool, ev *audit.Event) (int64, error)
	// AcceptShare, DeclineShare and RevokeShare set the time of what they say.
	// NotFound when the share is in no state for it any more.
	AcceptShare(ctx context.Context, org, id string, at time.Time, ev *audit.Event) error
	DeclineShare(ctx context.Context, org, id string, at time.Time, ev *audit.Event) error
	RevokeShare(ctx context.Context, org, id string, at time.Time, ev *audit.Event) error
	// Unnoticed returns shares with accesses that nobody was told of, and of
	// which nobody was told anything since the given time.
	Unnoticed(ctx context.Context, since time.Time, limit int) ([]Read, error)
	// Notice marks the accesses of s as told, and reports whether it was this call
	// that did.
	Notice(ctx context.Context, s *Share, at time.Time) (bool, error)
}

// Lender is the vault: it decides, opens, and gives out.
type Lender interface {
	// MayShare returns nil when the caller may share what is at the path, and
	// there is something. NotFound when not, whatever the reason.
	MayShare(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) error
	// Lend runs with on the newest version as maker may now. spend records it before the
	// value leaves. vault.ErrLapsed when the maker may not read it any more.
	Lend(ctx context.Context, c *call.Call, maker policy.Principal, at policy.Moment, vaultID string, p secretpath.Path, spend func(*vault.Version) error, with func(*vault.Secret) error) error
	// MayLend returns the type of what is at the path, or why Lend would refuse it.
	MayLend(ctx context.Context, maker policy.Principal, at policy.Moment, vaultID string, p secretpath.Path) (secretType string, err error)
	// Sees reports whether the caller may know of the path.
	Sees(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (bool, error)
}

// People knows users and agents as the database has them now.
type People interface {
	// PrincipalNow returns the principal, without any credential's cap. NotFound
	// when it may not sign in any more.
	PrincipalNow(ctx context.Context, kind policy.PrincipalKind, id, org string, now time.Time) (policy.Principal, error)
	// Address returns a member's mail address, and whether it was confirmed.
	Address(ctx context.Context, user, org string) (email string, confirmed bool, err error)
	// Admit returns Denied when an organisation's IP rules keep out an address that
	// callers of that kind come from.
	Admit(ctx context.Context, org string, kind policy.PrincipalKind, ip netip.Addr) error
	NormalizeEmail(email string) (string, error)
	// HashPassphrase and MatchesPassphrase wait for their turn: each takes much memory.
	HashPassphrase(ctx context.Context, passphrase secret.Bytes) (string, error)
	MatchesPassphrase(ctx context.Context, passphrase secret.Bytes, hash string) (bool, error)
}

// Principals tells whether somebody exists in an organisation.
type Principals interface {
	// Exists returns nil, or fault.NotFound.
	Exists(ctx context.Context, org string, kind policy.PrincipalKind, id string) error
}

// Sealer seals what opens a link.
type Sealer interface {
	Seal(ctx context.Context, kek string, r seal.Ref, value secret.Bytes) (seal.Box, error)
	Open(ctx context.Context, kek string, r seal.Ref, b seal.Box) (secret.Bytes, error)
}

// Keys makes the key that links are sealed with. CreateKEK fails with
// fault.Conflict when the key is there.
type Keys interface {
	CreateKEK(ctx context.Context, id string) error
}

// Mailer sends mail. Its methods return when the mail is queued.
type Mailer interface {
	// ShareReceived tells the owner of an address that something was shared with it until
	// a time. proof opens the share; by is the address of who shared, or empty.
	ShareReceived(ctx context.Context, to, id, proof, by string, until time.Time) error
	// ShareAccessed tells a share's maker that it was read.
	ShareAccessed(ctx context.Context, to string, n Notice) error
}

// Config is what a Service is made of.
type Config struct {
	Store      Store
	Vault      Lender
	People     People
	Principals Principals
	Sealer     Sealer
	Keys       Keys
	Mailer     Mailer
	PublicURL  string // where share_url leads
	// TrustAddresses takes a mail address as its user's before it was confirmed.
	TrustAddresses bool
	Log            *slog.Logger
	Now            func() time.Time
}

// Service is the methods of sharing.
type Service struct {
	cfg  Config
	wake chan struct{}
}

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg, wake: make(chan struct{}, 1)} }

// URL is where the share is read.
func (s *Service) URL(sh *Share) string { return s.cfg.PublicURL + "/v1/share/" + sh.public }

// Faults that stores return.
var (
	ErrNoShare = fault.New(fault.NotFound, "share_not_found", "There is no share with this id, or it was revoked.")
	ErrGone    = fault.New(fault.Gone, "share_gone", "This share is over: expired, or used as often as it may.")

	errNotYours = fault.New(fault.Denied, "share_not_yours", "This share is for somebody else.")
	errLapsed   = vault.ErrLapsed
)

// done marks the call's event as that of a success, and says what it rests on.
func done(c *call.Call, reason string) {
	c.Event.Details.Outcome, c.Event.Details.Reason = audit.Success, reason
}
