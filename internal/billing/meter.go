package billing

import (
	"context"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// meter counts the requests of one organisation on this node. A request holds mu
// for a few additions. Who loads and flushes holds loading, also while the database
// answers, and mu only to take and to put numbers; loading is taken first.
type meter struct {
	org string

	mu     sync.Mutex
	stand  *standing // nil until it is loaded
	bucket *bucket   // of the month; nil until it is loaded
	spent  int64     // millionths of a dollar admitted since the process began
	recent [recentEvents]*Event
	next   uint64 // how many events there were

	loading sync.Mutex
	buckets []*bucket // the current one, and those before it with something to write
	written int64     // of spent
	shown   uint64    // of next
	idle    int       // flushes without anything to write
}

// recentEvents is how many requests of an organisation one node remembers
// between two flushes: the history is a sample when there are more.
const recentEvents = 64

// bucket counts a month. Its numbers only grow.
type bucket struct {
	name string
	ends int64 // Unix nanoseconds

	// Guarded by meter.mu.
	total, paid, cost int64
	prepaid           int64 // paid for by request: never owed
	others            int64 // requests that are not among total: of other nodes, and before this process

	// Guarded by meter.loading.
	wroteTotal, wrotePaid, wroteCost, wrotePrepaid int64
}

// standing is an account as requests need it. It does not change once it is made.
type standing struct {
	epoch   int64
	since   int64 // Unix nanoseconds
	until   int64 // Unix nanoseconds, 0: no end
	account Account
	caps    Caps
	price   int64
	ceiling int64 // how far meter.spent may go
}

// late is how long ago a request may have begun when it is counted.
const late = int64(time.Minute)

// holds reports whether a standing and a bucket hold at a moment. When a clock was set
// back they don't: what had ended has not, and the month may be another.
func holds(st *standing, b *bucket, epoch, nanos int64) bool {
	return st != nil && st.epoch == epoch && nanos >= st.since-late && (st.until == 0 || nanos < st.until) && b != nil && nanos < b.ends
}

// Pass is a request that was let in.
type Pass struct {
	m     *meter
	Caps  Caps
	Price int64 // in millionths of a dollar; 0: it costs nothing
	stand *standing
	b     *bucket
}

// ErrQuota refuses a request over the limit of the month that nothing pays for.
var ErrQuota = fault.New(fault.PaymentRequired, "quota_exhausted",
	"The requests of this month are used up. Add credits, or wait for the next month: GET /v1/billing/usage tells how many there were.")

// Admit counts a request of an organisation, or refuses it with ErrQuota. free
// requests are counted, and never refused or paid for.
func (s *Service) Admit(ctx context.Context, org string, now time.Time, free bool) (Pass, error) {
	m := s.meter(org)
	epoch, exact := s.store.EpochOf(org)
	st, b, good := m.loaded(epoch, now)
	if !exact || !good {
		var err error
		if st, b, err = s.load(ctx, m, now); err != nil {
			return Pass{}, err
		}
	}
	return m.admit(st, b, free)
}

// loaded returns what was loaded, and whether it holds at that epoch and time.
func (m *meter) loaded(epoch int64, now time.Time) (*standing, *bucket, bool) {
	m.mu.Lock()
	st, b := m.stand, m.bucket
	m.mu.Unlock()
	return st, b, holds(st, b, epoch, now.UnixNano())
}

func (m *meter) admit(st *standing, b *bucket, free bool) (Pass, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := Pass{m: m, Caps: st.caps, stand: st, b: b}
	if st.caps.Requests < 0 || free || st.account.Sponsored || b.total+b.others < st.caps.Requests {
		b.total++
		return p, nil
	}
	if st.account.Overage != ByCredits || m.spent+st.price > st.ceiling {
		return p, ErrQuota
	}
	m.spent += st.price
	b.total++
	b.paid++
	b.cost += st.price
	p.Price = st.price
	return p, nil
}

// Refused reports whether the request was refused though it could be paid for by
// itself, and what it then costs, in millionths of a dollar.
func (p *Pass) Refused() (price int64, payable bool) {
	if p.m == nil || p.stand.account.Overage != ByX402 {
		return 0, false
	}
	return p.stand.price, p.stand.price > 0
}

// Prepaid counts a refused request that was paid for by itself after all.
func (p *Pass) Prepaid(price int64) {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	p.b.total++
	p.b.paid++
	p.b.prepaid += price
	p.Price = price
}

// Done remembers an admitted request for the history.
func (p *Pass) Done(e *Event) {
	if p.m == nil {
		return
	}
	e.Org, e.Price = p.m.org, p.Price
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	p.m.recent[p.m.next%recentEvents] = e
	p.m.next++
}

func (s *Service) meter(org string) *meter {
	if m, ok := s.meters.Load(org); ok {
		return m.(*meter)
	}
	m, _ := s.meters.LoadOrStore(org, &meter{org: org})
	return m.(*meter)
}

// load reads how the organisation stands. The epoch is read before the rows:
// rows that change meanwhile move it, and what was read is then read again.
func (s *Service) load(ctx context.Context, m *meter, now time.Time) (*standing, *bucket, error) {
	m.loading.Lock()
	defer m.loading.Unlock()
	epoch, exact := s.store.EpochOf(m.org)
	st, b, good := m.loaded(epoch, now)
	if exact && good {
		return st, b, nil // another request loaded it meanwhile
	}
	name, ends := month(now)
	a, err := s.store.BillingAccount(ctx, m.org, name, now)
	if err != nil {
		return nil, nil, err
	}
	b = m.named(name, ends)
	st = m.take(b, a, epoch, now)
	return st, b, nil
}

// named returns the bucket of a month. m.loading is held.
func (m *meter) named(name string, ends time.Time) *bucket {
	for _, b := range m.buckets {
		if b.name == name {
			return b
		}
	}
	b := &bucket{name: name, ends: ends.UnixNano()}
	m.buckets = append(m.buckets, b)
	return b
}

// take makes what the database says the standing of the month that b counts.
// m.loading is held: what this node has written is in a, and what it has not is not.
func (m *meter) take(b *bucket, a Account, epoch int64, now time.Time) *standing {
	st := &standing{epoch: epoch, since: now.UnixNano(), account: a, caps: a.Caps(now), price: a.Price(), ceiling: a.Micros() + m.written}
	if next := a.changes(now); !next.IsZero() {
		st.until = next.UnixNano()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b.others = a.Used - b.wroteTotal
	m.bucket, m.stand = b, st
	return st
}

// Level is how far an organisation's month has gone, for the headers of an answer.
type Level struct {
	Used, Limit int64 // Limit is Unlimited on an unlimited tier
	Cents       int64 // credits
	Soon        bool  // some of them end within 30 days
	Overage     string
}

// Level returns it. It asks nobody.
func (p *Pass) Level() Level {
	if p.m == nil {
		return Level{Limit: Unlimited}
	}
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	l := Level{Limit: p.Caps.Requests, Soon: p.stand.account.Soon, Overage: p.stand.account.Overage}
	if l.Limit >= 0 {
		l.Used = p.b.total + p.b.others
	}
	if p.stand.account.Credits > 0 {
		l.Cents = max(0, p.stand.ceiling-p.m.spent) / MicrosPerCent
	}
	return l
}
