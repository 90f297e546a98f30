package billing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// meter counts the requests of one organisation on this node. What the hot path
// touches is atomic; mu is for those who load and flush.
type meter struct {
	org    string
	stand  atomic.Pointer[standing]
	bucket atomic.Pointer[bucket]
	spent  atomic.Int64 // millionths of a dollar admitted since the process began
	recent [recentEvents]atomic.Pointer[Event]
	next   atomic.Uint64

	mu      sync.Mutex
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
	name              string
	ends              int64 // Unix nanoseconds
	total, paid, cost atomic.Int64
	prepaid           atomic.Int64 // paid for by request: never owed
	others            atomic.Int64 // requests that are not among total: of other nodes, and before this process

	wroteTotal, wrotePaid, wroteCost, wrotePrepaid int64 // guarded by meter.mu
}

// standing is an account as the hot path needs it.
type standing struct {
	epoch   int64
	since   int64 // Unix nanoseconds
	until   int64 // Unix nanoseconds, 0: no end
	account Account
	caps    Caps
	price   int64
	ceiling atomic.Int64 // how far meter.spent may go
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
// requests are counted, and never refused or paid for. On an unlimited tier it
// costs two loads and an addition.
func (s *Service) Admit(ctx context.Context, org string, now time.Time, free bool) (Pass, error) {
	m := s.meter(org)
	nanos := now.UnixNano()
	st := m.stand.Load()
	epoch, exact := s.store.EpochOf(org)
	b := m.bucket.Load()
	if !exact || !holds(st, b, epoch, nanos) {
		var err error
		if st, b, err = s.load(ctx, m, now); err != nil {
			return Pass{}, err
		}
	}
	p := Pass{m: m, Caps: st.caps, stand: st, b: b}
	if st.caps.Requests < 0 || free || st.account.Sponsored {
		b.total.Add(1)
		return p, nil
	}
	if b.within(st.caps.Requests) {
		return p, nil
	}
	if st.account.Overage != ByCredits || !m.pay(st) {
		return p, ErrQuota
	}
	b.total.Add(1)
	b.paid.Add(1)
	b.cost.Add(st.price)
	p.Price = st.price
	return p, nil
}

// within counts a request if the limit has room for it.
func (b *bucket) within(limit int64) bool {
	for {
		n := b.total.Load()
		if n+b.others.Load() >= limit {
			return false
		}
		if b.total.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// pay takes the price of a request if there is credit for it.
func (m *meter) pay(st *standing) bool {
	for {
		n := m.spent.Load()
		if n+st.price > st.ceiling.Load() {
			return false
		}
		if m.spent.CompareAndSwap(n, n+st.price) {
			return true
		}
	}
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
	p.b.total.Add(1)
	p.b.paid.Add(1)
	p.b.prepaid.Add(price)
	p.Price = price
}

// Done remembers an admitted request for the history.
func (p *Pass) Done(e *Event) {
	if p.m == nil {
		return
	}
	e.Org, e.Price = p.m.org, p.Price
	n := p.m.next.Add(1) - 1
	p.m.recent[n%recentEvents].Store(e)
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
	m.mu.Lock()
	defer m.mu.Unlock()
	epoch, exact := s.store.EpochOf(m.org)
	nanos := now.UnixNano()
	b, st := m.bucket.Load(), m.stand.Load()
	if exact && holds(st, b, epoch, nanos) {
		return st, b, nil // another request loaded it meanwhile
	}
	name, ends := month(now)
	a, err := s.store.BillingAccount(ctx, m.org, name, now)
	if err != nil {
		return nil, nil, err
	}
	b = m.named(name, ends)
	m.bucket.Store(b)
	b.others.Store(a.Used - b.wroteTotal)
	st = m.stands(a, epoch, now)
	m.stand.Store(st)
	return st, b, nil
}

// named returns the bucket of a month. m.mu is held.
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

// stands makes the standing of what the database says. m.mu is held: what this
// node has written is in a, and what it has not is not.
func (m *meter) stands(a Account, epoch int64, now time.Time) *standing {
	st := &standing{epoch: epoch, since: now.UnixNano(), account: a, caps: a.Caps(now), price: a.Price()}
	if next := a.changes(now); !next.IsZero() {
		st.until = next.UnixNano()
	}
	st.ceiling.Store(a.Micros() + m.written)
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
	l := Level{Limit: p.Caps.Requests, Soon: p.stand.account.Soon, Overage: p.stand.account.Overage}
	if l.Limit >= 0 {
		l.Used = p.b.total.Load() + p.b.others.Load()
	}
	if p.stand.account.Credits > 0 {
		l.Cents = max(0, p.stand.ceiling.Load()-p.m.spent.Load()) / MicrosPerCent
	}
	return l
}
