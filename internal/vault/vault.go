// Package vault holds the rules of vaults, secrets, versions and policies.
//
// Its promise: no value leaves without a matching live policy (or the creator's
// own right) and an event that is in the log first; a write and its event share
// one transaction. Every surface calls these methods and no other.
package vault

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Vault is a named set of secrets with a key-encryption key of its own.
type Vault struct {
	ID, Org, Name, Description string
	CreatedBy                  string
	CreatedByKind              policy.PrincipalKind
	CreatorHuman               string // who stands behind an agent that created it
	CreatorLeft                int64  // not 0: the user who created it has left the organisation
	CMEKFingerprint            string // hexadecimal SHA-256, or empty
	KEKGen                     int64  // generation of the key that new versions are sealed under
	CreatedAt                  time.Time
}

// KEK is the keystore's id of the key-encryption key that new versions are sealed
// under. A version says itself which one it needs.
func (v *Vault) KEK() string { return kekID(v.ID, v.KEKGen) }

func (v *Vault) resource() *policy.Vault {
	if Reserved(v.Name) {
		return &policy.Vault{ID: v.ID, Org: v.Org, Reserved: true, Closed: v.Name == Credentials}
	}
	return v.Made()
}

// Made is what a decision needs to know of a vault that somebody made. A creator who
// has left counts no more, also after coming back: admins manage the vault, and nobody
// reads it without a policy.
func (v *Vault) Made() *policy.Vault {
	if v.CreatorLeft != 0 {
		return &policy.Vault{ID: v.ID, Org: v.Org}
	}
	return &policy.Vault{ID: v.ID, Org: v.Org, CreatedBy: v.CreatedBy, CreatedByKind: v.CreatedByKind, CreatorHuman: v.CreatorHuman}
}

// Grant is a policy as it is stored and shown.
type Grant struct {
	ID, Vault, Pattern string
	PrincipalKind      policy.PrincipalKind
	PrincipalID        string
	Permissions        []string
	Conditions         []byte // JSON object as it was validated
	ExpiresAt          time.Time
	CreatedBy          string
	CreatedByKind      policy.PrincipalKind
	CreatedAt          time.Time
	Revision           int64 // moves with each edit, from 1
	// Warnings say what a change does to approvals that are asked for elsewhere. They are not stored.
	Warnings []string
}

// Version is a stored version: what is sealed and what governs its use.
type Version struct {
	Meta
	Vault          string
	Box            seal.Box
	KEKGen         int64  // generation of the vault's key that wraps the data key
	RotationPolicy []byte // JSON object
	CMEK           bool
	CreatedBy      string // "user:<uuid>" or "agent:<uuid>"
	MaxAccess      int64  // 0: unlimited
	AccessCount    int64
	DisabledAt     time.Time // zero: not. Versions alone says it; a disabled one has DeletedAt too
}

// Secret is a version with its value. Wipe it after use.
type Secret struct {
	Version
	Value    secret.Bytes
	Approval string // that the use rests on, if a policy asks for one
}

// Tip is where a path stands: the number of its newest version, also of one that
// was deleted or purged, and its type, empty once purged.
type Tip struct {
	Version uint64
	Type    string
}

// Store is what vault needs of a database. Methods that write take the event
// that records the write and commit both or neither.
type Store interface {
	JobStore

	// Epoch changes with every change of a vault, a policy or a principal; false
	// means that it is not known and nothing cached may be used.
	Epoch() (int64, bool)
	// EpochOf is what Epoch was when the organisation last changed.
	EpochOf(org string) (int64, bool)
	Append(ctx context.Context, ev *audit.Event) error
	// AppendApproved is Append for an event that rests on an approval
	// (Details.Approval): it counts one use of it in the same transaction. Denied
	// when none is left. So do Spend, PutVersion and SetDeleted.
	AppendApproved(ctx context.Context, ev *audit.Event) error

	// AddVault returns fault.Conflict when the organisation has a vault of that
	// name, and fault.Denied when it has as many as its tier allows.
	AddVault(ctx context.Context, v Vault, ev *audit.Event) error
	// RoomForVault returns fault.Denied when the organisation has as many vaults as
	// its tier allows. AddVault decides; this spares making a key in vain.
	RoomForVault(ctx context.Context, org string) error
	// Vault returns fault.NotFound when there is none with that id.
	Vault(ctx context.Context, id string) (Vault, error)
	// VaultsWith returns the vaults of an organisation that have a secret at a path.
	VaultsWith(ctx context.Context, org, path string) ([]string, error)
	// VaultsOfAgent returns those that have a policy for the agent, or that it made.
	VaultsOfAgent(ctx context.Context, agent string) ([]string, error)
	// SharedWith returns, by vault, the paths that persons share with the agent, accepted
	// or not. What a key or an agent shared is left out: it lapses where a gate is.
	SharedWith(ctx context.Context, agent string, at time.Time) (map[string][]string, error)
	// HasVault returns fault.NotFound unless the organisation has a vault with
	// that id. Whether another has one does not show, in time either.
	HasVault(ctx context.Context, org, id string) error
	Vaults(ctx context.Context, org string) ([]Vault, error)
	// VaultNamed returns fault.NotFound when the organisation has none of that name.
	VaultNamed(ctx context.Context, org, name string) (Vault, error)
	// ChangeVault gives a vault another name and description, where they are not nil, and
	// returns it. Conflict when another vault of the organisation has the name, NotFound when it is gone.
	ChangeVault(ctx context.Context, org, id string, name, description *string, ev *audit.Event) (Vault, error)
	// RemoveVault removes the vault with all in it, its jobs too, and schedules its
	// keys for destruction. NotFound when it is gone.
	RemoveVault(ctx context.Context, v Vault, ev *audit.Event) error

	// KeysToDestroy returns the ids of keys that are scheduled for destruction.
	KeysToDestroy(ctx context.Context) ([]string, error)
	// ClearRemains deletes the secrets of vaults that are gone which RemoveVault left.
	ClearRemains(ctx context.Context) error
	// ForgetKey takes a destroyed key off the schedule.
	ForgetKey(ctx context.Context, id string) error

	// Latest returns the newest version of a path, live or not; fault.NotFound
	// when there never was one or it was purged.
	Latest(ctx context.Context, vault, path string) (Version, error)
	// At returns one version of a path; fault.NotFound when there is none.
	At(ctx context.Context, vault, path string, version uint64) (Version, error)
	// Versions returns every version of a path, newest first.
	Versions(ctx context.Context, vault, path string) ([]Version, error)
	// List returns the newest version of each live path with the prefix that
	// comes after the given path, in order of path, at most limit, and no more once
	// their metadata is MaxPage bytes together. more is false when no row follows
	// them. Neither the slice nor what it points to may be changed.
	List(ctx context.Context, vault, prefix, after string, limit int) (rows []*Meta, more bool, err error)
	// Find is List for paths that have a text in them, whatever their capitals. It looks at
	// Stretch paths at most: next is the path after which to go on, empty at the end.
	Find(ctx context.Context, vault string, s Search, after string, limit int) (rows []*Meta, next string, err error)
	// Tip returns where a path stands: the zero Tip when it was never written.
	Tip(ctx context.Context, vault, path string) (Tip, error)
	// PutVersion stores v. ErrStale when v.Version does not follow the newest,
	// purged ones included: the place that a value is sealed for (path and
	// version) is never used twice, so an old copy of a row fits nowhere.
	// It is ErrStale too when the vault has moved to another key, or is not in
	// the state of v.CMEK. NotFound when the vault is gone. Denied when the organisation
	// has as many secrets as its tier allows and this would be one more.
	PutVersion(ctx context.Context, org string, v Version, ev *audit.Event) error
	// Spend counts one read of a version whose reads are limited, with ev in the
	// same transaction. fault.Gone when none is left.
	Spend(ctx context.Context, vault, path string, version uint64, ev *audit.Event) error
	// SetDeleted soft-deletes (at set) or restores (at zero) a path's newest
	// version. NotFound when it is not in the other state.
	SetDeleted(ctx context.Context, vault, path string, at time.Time, ev *audit.Event) (Meta, error)
	// DisableVersion keeps a version from being opened for good: DeletedAt is set too, and
	// SetDeleted leaves it so. It may be disabled already. NotFound when there is none.
	DisableVersion(ctx context.Context, vault, path string, version uint64, at time.Time, ev *audit.Event) error
	// Purge removes every version of a path. NotFound when there is none. The
	// path and its last version number stay, for PutVersion.
	Purge(ctx context.Context, vault, path string, ev *audit.Event) error

	// AddGrant stores g; fault.NotFound when its vault is gone.
	AddGrant(ctx context.Context, org string, g Grant, ev *audit.Event) error
	Grants(ctx context.Context, vault string) ([]Grant, error)
	// UpdateGrant replaces was by g, one revision on. ErrStale when the policy is not was any more,
	// NotFound when it is gone.
	UpdateGrant(ctx context.Context, org string, was, g Grant, widens bool, ev *audit.Event) error
	RemoveGrant(ctx context.Context, org, vault, id string, ev *audit.Event) error
}

// Keys makes and destroys key-encryption keys.
type Keys interface {
	CreateKEK(ctx context.Context, id string) error
	DestroyKEK(ctx context.Context, id string) error
}

// Principals tells whether somebody exists in an organisation, so that grants
// name real principals.
type Principals interface {
	// Exists returns nil, or fault.NotFound.
	Exists(ctx context.Context, org string, kind policy.PrincipalKind, id string) error
}

// Service is the vault's methods. All fields but the caches are set once.
type Service struct {
	store      Store
	sealer     *seal.Sealer
	keys       Keys
	principals Principals
	approvals  Approvals
	log        *slog.Logger
	known      cache
	writes     locks
	begun      chan struct{} // a job waits
	written    sync.Map      // organisations; see Writes
	places     places
}

// New returns a Service.
func New(st Store, sl *seal.Sealer, keys Keys, principals Principals, approvals Approvals, log *slog.Logger) *Service {
	return &Service{store: st, sealer: sl, keys: keys, principals: principals, approvals: approvals, log: log, known: newCache(log), begun: make(chan struct{}, 1)}
}

// Faults that callers match on.
var (
	// ErrStale says that another write to the path came first.
	ErrStale = fault.New(fault.Conflict, "stale_version", "Another write to this secret came first. Try again.")

	errNoVault  = fault.New(fault.NotFound, "vault_not_found", "There is no vault with this id.")
	errNoSecret = fault.New(fault.NotFound, "secret_not_found", "There is no secret at this path.")
	// ErrNoVersion says that a path has no version of that number.
	ErrNoVersion = fault.New(fault.NotFound, "version_not_found", "This secret has no version of that number.")
	errMetadata  = fault.New(fault.Damaged, seal.CodeOpenFailed, "The metadata of this version is damaged.")
	ErrGone      = fault.New(fault.Gone, "secret_gone", "This secret is expired, deleted or disabled, or has been read as often as it may.")
)

// open finds the vault by id with its policies. Another organisation's vault is
// not found, as if it did not exist.
func (s *Service) open(ctx context.Context, c *call.Call, id string) (*entry, error) {
	c.Touch("vault", id)
	e, err := s.known.of(ctx, s.store, c.Who.Org, id)
	if err != nil {
		return nil, err
	}
	if e.vault.Org != c.Who.Org {
		return nil, errNoVault
	}
	c.Event.Details.Vault = id
	return e, nil
}

func resource(e *entry, p secretpath.Path) policy.Resource {
	return policy.Resource{Org: e.vault.Org, Vault: e.policyVault, Path: p, Policies: e.policies}
}
