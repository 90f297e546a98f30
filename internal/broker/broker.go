package broker

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/broker/later"
	"github.com/oneclaw-dev/oneclaw/internal/broker/mask"
	"github.com/oneclaw-dev/oneclaw/internal/broker/mint"
	"github.com/oneclaw-dev/oneclaw/internal/broker/postgres"
	"github.com/oneclaw-dev/oneclaw/internal/broker/sought"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/epoch"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Store keeps what is known of bindings.
type Store interface {
	// Bindings returns where a secret may be used, or none.
	Bindings(ctx context.Context, vault, path string) (Bound, error)
	// BindingSetters returns who set each entry of a list, in its order.
	BindingSetters(ctx context.Context, b *Bound) ([]string, error)
	// SetBindings replaces the bindings of a path; an empty list takes them away. An entry that
	// was there stays with who set it. It returns who set each, in the order of the list. What was
	// decided on those before is decided anew. NotFound when the vault is gone.
	SetBindings(ctx context.Context, b *Bound, ev *audit.Event) ([]string, error)
	// EpochOf moves with each change of the bindings of an organisation; false: it is not known.
	EpochOf(org string) (int64, bool)
	// RefreshRoot returns the version of a person that a version came of, by refresh tokens that took the place of each
	// other: mostly itself.
	RefreshRoot(ctx context.Context, vault, path string, version uint64) (uint64, error)
	// HoldRefresh keeps others from using a refresh token, for Hold at most, and says whether it was replaced before. ErrHeld:
	// somebody has it; mint.ErrMoved: there is a newer version; vault.ErrGone: there is none that may be used.
	HoldRefresh(ctx context.Context, r *Refresh, now time.Time) (replaces bool, err error)
	// FreeRefresh gives it free.
	FreeRefresh(ctx context.Context, r *Refresh) error
	// KeepRefreshed stores a version with the refresh token that took its place, and gives it free, unless there is a
	// newer version (mint.ErrMoved) or the binding is another (mint.ErrNotKept); vault.ErrLast where no use of the secret is left.
	KeepRefreshed(ctx context.Context, r *Refresh, sealed *vault.Version, now time.Time, ev *audit.Event) error
	// Append puts an event into the log.
	Append(ctx context.Context, ev *audit.Event) error
}

// Bound is a secret's path with its bindings.
type Bound struct {
	ID, Org, Vault, Path string
	List                 []binding.Binding
	By                   string // who wrote the list last
	At                   time.Time
	Setters              []string // who set each entry; not read for a use
	Short                bool     // the value is too short to be sent; only people are told
}

// People says what somebody may do now.
type People interface {
	PrincipalNow(ctx context.Context, kind policy.PrincipalKind, id, org string, now time.Time) (policy.Principal, error)
	// Seen is the number up to which this node knows of changes, and Look asks for those up to now.
	Seen() int64
	Look(ctx context.Context) error
}

// Config is what a Service stands on.
type Config struct {
	Store Store
	Vault *vault.Service
	HTTP  *http.Client // guarded; it follows no redirects
	// Postgres executes statements on databases, over guarded connections.
	Postgres *postgres.Client
	People   People
	// Standing is the call of a context as its credential is now; nil where it is nobody's.
	Standing func(ctx context.Context) (*call.Call, error)
	// Later writes what came of a use that could not be written in its time.
	Later *later.Queue
	Log   *slog.Logger
	Now   func() time.Time
}

// Service uses secrets. It is safe for concurrent use.
type Service struct {
	cfg      Config
	requests *places
	streams  *places
	tokens   *mint.Mint
	sought   *sought.Cache
	finders  mask.Finders
	bound    *epoch.Cache[bindingsAt, Bound] // what uses asked for
}

// bindingsAt is where bindings are, as a caller of an organisation asks.
type bindingsAt struct{ org, vault, path string }

// mostBound bounds the bindings that are remembered.
const mostBound = 4096

// New returns a Service.
func New(cfg Config) *Service {
	return &Service{cfg: cfg, requests: newPlaces(mostRequests, 0, errBusy), streams: newPlaces(mostStreams, allStreams, errStreams), tokens: mint.New(cfg.HTTP, cfg.Now), sought: sought.New(), bound: epoch.New[bindingsAt, Bound](mostBound)}
}

// boundOf are the bindings of a secret as its organisation's rights are now. Nobody changes them.
func (s *Service) boundOf(ctx context.Context, org string, at vault.Ref) (Bound, error) {
	now := func() (int64, bool) { return s.cfg.Store.EpochOf(org) }
	return s.bound.Get(bindingsAt{org, at.Vault, at.Path.String()}, now, func() (Bound, error) {
		return s.cfg.Store.Bindings(ctx, at.Vault, at.Path.String())
	})
}

var (
	errNotBound = fault.New(fault.Denied, "no_binding",
		"No binding of this secret allows it for this host, method and path, in this place of the request. A human adds one with `oneclaw bind`, which takes the path of the secret and the host.").Because("no_binding")
	errNoSecret = fault.New(fault.NotFound, "secret_not_found", "There is no secret at this path that you may use. Name the vault with oneclaw://VAULT/PATH.")
	errMany     = fault.New(fault.Conflict, "ambiguous_reference", "Several vaults have a secret at this path that you may use: name one with oneclaw://VAULT/PATH.")
	errEnded    = fault.New(fault.Denied, "right_ended", "The right to use the secret ended while the other server answered. Whether it did what was asked is not known.").Because("right_ended")
	errUnsent   = fault.New(fault.Denied, "right_ended", "The right to use the secret ended before the request was sent. Nothing was sent.").Because("right_ended")
	errKey      = fault.New(fault.Denied, "private_key_not_sent", "A private key is sent to nobody: it signs here.").Because("private_key")
	errCMEK     = fault.New(fault.Denied, "encrypted_by_client", "The vault's values are encrypted by its clients, so that the server can't use them.").Because("cmek")
)

// use is one secret of a request.
type use struct {
	at      vault.Ref
	binding *binding.Binding
	bound   Bound  // all of the secret's
	version uint64 // that was opened
	given   string // the approval that it rests on, if a policy asks for one
}

// find finds the secret of each slot and the binding that allows it. All are found before the
// first is opened.
func (s *Service) find(ctx context.Context, c *call.Call, d *draft, named string) ([]use, error) {
	out := make([]use, len(d.slots))
	for i := range d.slots {
		slot := &d.slots[i]
		in := slot.ref.Vault
		if in == "" {
			in = named
		}
		id, err := s.vaultOf(ctx, c, slot, in)
		if err != nil {
			return nil, err
		}
		out[i] = use{at: vault.Ref{Vault: id, Path: slot.ref.Path, Type: noKey}}
		bound, err := s.boundOf(ctx, c.Who.Org, out[i].at)
		if err != nil {
			return nil, err
		}
		out[i].bound = bound
		out[i].binding = binding.Allows(bound.List, &d.target, slot.fits)
		v, err := s.cfg.Vault.Usable(ctx, c, out[i].at)
		switch {
		case err != nil: // who may not use it learns of no binding
			return nil, err
		case out[i].binding == nil:
			return nil, errNotBound
		case noKey(v.Type) != nil: // asked again of the version that is opened
			return nil, errKey
		case v.CMEK:
			return nil, errCMEK
		}
	}
	return out, nil
}

// noKey refuses private keys.
func noKey(secretType string) error {
	if secretType == "private_key" || secretType == "ssh_key" {
		return errKey
	}
	return nil
}

// vaultOf is the vault that a reference means.
func (s *Service) vaultOf(ctx context.Context, c *call.Call, slot *slot, in string) (string, error) {
	if ids.Valid(in) {
		return in, nil
	}
	if in != "" {
		id, err := s.cfg.Vault.Named(ctx, c, in)
		if fault.Is(err, fault.NotFound) {
			err = errNoSecret
		}
		return id, err
	}
	all, err := s.cfg.Vault.With(ctx, c, slot.ref.Path.String())
	if err != nil {
		return "", err
	}
	found := ""
	for _, id := range all {
		may, err := s.cfg.Vault.MayUse(ctx, c, id, slot.ref.Path)
		switch {
		case err != nil:
			return "", err
		case may && found != "":
			return "", errMany
		case may:
			found = id
		}
	}
	if found == "" {
		return "", errNoSecret
	}
	return found, nil
}

// opened opens the secrets of a request, each after an event of its own. The last has the call's
// event: when that is in the log, the request is sent. Wipe the values.
func (s *Service) opened(ctx context.Context, c *call.Call, d *draft, uses []use) (values []secret.Bytes, beside []known.Value, err error) {
	defer func() {
		if err != nil {
			wipe(values)
			values = nil
		}
	}()
	for i := range uses {
		u, on := &uses[i], c
		var own call.Call
		if i < len(uses)-1 {
			own = *c
			ev := *c.Event
			ev.ID = ids.New()
			own.Event = &ev
			on = &own
		}
		on.Event.Action = string(policy.UseSecret)
		on.Event.Details.More = told(d, u)
		var value secret.Bytes
		secretType := ""
		err := s.cfg.Vault.Use(ctx, on, u.at, policy.UseSecret, func(got *vault.Secret) error {
			taken := got.Take()
			value, secretType, u.given, u.version = taken.Value, taken.Type, taken.Approval, taken.Meta.Version
			return nil
		})
		if err != nil {
			if on != c {
				*c.Event = *on.Event // the refusal is the request's
			}
			return values, nil, err
		}
		beside = append(beside, parts(u.at.Path.String(), secretType, value)...)
		if field := d.slots[i].ref.Field; field != "" {
			part, err := fieldOf(value, secretType, field)
			value.Wipe()
			if err != nil {
				return values, nil, err
			}
			value = part
		}
		values = append(values, value)
	}
	return values, beside, nil
}

// stands returns nil while the caller may still use what an answer came of: a right that ended
// while the other server answered shows nothing more.
func (s *Service) stands(ctx context.Context, c *call.Call, p *Prepared) error {
	now, err := s.cfg.Standing(ctx)
	if err != nil {
		return err
	}
	if now == nil {
		as := *c
		as.Now = s.cfg.Now() // what expired meanwhile is expired
		now = &as
	}
	return p.Stands(ctx, now, Look{Bindings: true, Secret: true})
}

// told is what the log says of a use besides the secret: the binding's pattern of the path, and never the address's
// own path or query, which may hold anything.
func told(d *draft, u *use) []audit.Field {
	out := []audit.Field{
		audit.Text("how", "http"), audit.Text("host", d.target.Host.String()), audit.Text("method", d.target.Method),
		audit.Text("place", u.binding.In.Kind()), audit.Text("path_template", u.binding.Pattern(&d.target)),
	}
	if host := tokenHost(u.binding); host != "" {
		out = append(out, audit.Text("token_host", host))
	}
	return out
}

func wipe(values []secret.Bytes) {
	for i := range values {
		values[i].Wipe()
	}
}
