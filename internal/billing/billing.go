// Package billing counts requests, holds organisations to their tiers, and keeps
// their credits.
//
// Its promise: a counted request adds no query and waits for none; counts are in
// the database within a second, all of them after a clean stop. A request over
// the limit of its month is paid for from credits or refused. The ledger is
// append-only, and two nodes never spend one cent twice beyond what each admitted
// in the last second. An organisation on an unlimited tier meets none of this.
package billing

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/loop"
)

// Store is what billing needs of a database. Methods that write with an event
// commit both or neither; those that change a tier, a limit, a balance or a
// setting move the epoch.
type Store interface {
	// EpochOf changes with every change of the organisation's tier, limits or grants,
	// and with every setting; false
	// means that it is not known and nothing cached may be used.
	EpochOf(org string) (int64, bool)
	UsageStore
	CreditStore
	AdminStore
}

// UsageStore keeps counts.
type UsageStore interface {
	// BillingAccount returns how the organisation stands, also one that nobody
	// ever set anything for. The settings of the server are in it.
	BillingAccount(ctx context.Context, org, month string, now time.Time) (Account, error)
	// AddUsage adds counts, and the last requests, in one transaction.
	AddUsage(ctx context.Context, counts []Count, events []Event) error
	Usage(ctx context.Context, org, month string) (Usage, error)
	// UsageEvents returns the organisation's last requests, newest first.
	UsageEvents(ctx context.Context, org string, limit int) ([]Event, error)
	// Resources counts what the tiers limit and what a subscription shows.
	Resources(ctx context.Context, org string) (Resources, error)
}

// CreditStore keeps the ledger.
type CreditStore interface {
	// AddCredits appends to the ledger and makes a lot of it. Conflict when the
	// entry's reference is in a ledger already, NotFound for no such organisation.
	AddCredits(ctx context.Context, e Entry, expires time.Time, ev *audit.Event) (Entry, error)
	// Settle moves what is owed, and what has expired, into the ledger.
	Settle(ctx context.Context, org string, now time.Time) error
	// Unsettled returns the organisations that owe a cent or hold expired credits.
	Unsettled(ctx context.Context, now time.Time) ([]string, error)
	Ledger(ctx context.Context, org string, limit, offset int) ([]Entry, error)
	// Expiring returns the lots that are left and end before the given time.
	Expiring(ctx context.Context, org string, now, before time.Time) ([]Lot, error)
	SetOverage(ctx context.Context, org, method string, ev *audit.Event) error
}

// AdminStore keeps what platform admins set.
type AdminStore interface {
	// SetTier and SetLimits return NotFound for no such organisation.
	SetTier(ctx context.Context, org string, tier Tier, ends time.Time, ev *audit.Event) error
	SetLimits(ctx context.Context, org string, override *int64, sponsored *bool, ev *audit.Event) error
	// HasOrg returns NotFound for no such organisation.
	HasOrg(ctx context.Context, org string) error
	Settings(ctx context.Context) ([]Setting, error)
	// PutSettings stores them. Conflict when there would be more than limit.
	PutSettings(ctx context.Context, org string, all []Setting, limit int, ev *audit.Event) error
	DropSetting(ctx context.Context, org, name string, ev *audit.Event) error
}

// Service is the methods of billing.
type Service struct {
	store  Store
	now    func() time.Time
	log    *slog.Logger
	meters sync.Map // organisation -> *meter
	flush  sync.Mutex
	dying  []*meter // taken out of meters, and flushed once more
	swept  time.Time
}

// New returns a Service. Requests are counted from then on; Run writes the counts.
func New(st Store, now func() time.Time, log *slog.Logger) *Service {
	return &Service{store: st, now: now, log: log}
}

// flushEvery is how much a crash may lose.
const flushEvery = time.Second

// Run writes counts until ctx ends.
func (s *Service) Run(ctx context.Context) {
	loop.Every(ctx, flushEvery, func(ctx context.Context) {
		if err := s.Flush(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("counts of requests were not written yet", slog.Any("error", err))
		}
	})
}

func invalid(code, detail string) error { return fault.New(fault.Invalid, code, detail) }
