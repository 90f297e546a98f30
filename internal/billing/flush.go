package billing

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// Count is what a node counted since it last wrote.
type Count struct {
	Org, Month        string
	Total, Paid, Cost int64
	Prepaid           int64 // what requests cost that were paid for one by one
}

// Usage is a month of an organisation.
type Usage struct{ Total, Paid, Cost int64 }

const (
	// idleFlushes is after how many flushes without a request a meter is let go.
	idleFlushes = 600
	// settleEvery bounds the rows of the ledger: what a minute cost is one row.
	settleEvery = time.Minute
)

// Flush writes what was counted. Counts of a failed flush stay for the next.
func (s *Service) Flush(ctx context.Context) error {
	s.flush.Lock()
	defer s.flush.Unlock()
	now := s.now()
	meters := s.dying
	s.dying = nil
	s.meters.Range(func(_, m any) bool {
		meters = append(meters, m.(*meter))
		return true
	})
	slices.SortFunc(meters, func(a, b *meter) int { return cmp.Compare(a.org, b.org) })
	err := s.write(ctx, meters)
	if err == nil {
		s.retire(meters)
	}
	if now.Sub(s.swept) >= settleEvery {
		s.swept = now
		err = errors.Join(err, s.settleAll(ctx, now))
	}
	return err
}

// write stores the counts of all meters in one transaction. A meter with counts
// is kept from loading until what the database then says was taken over.
func (s *Service) write(ctx context.Context, meters []*meter) error {
	var counts []Count
	var events []Event
	var busy []*batch
	defer func() {
		for _, b := range busy {
			b.release()
		}
	}()
	for _, m := range meters {
		m.loading.Lock()
		c := m.due()
		if len(c) == 0 {
			m.idle++
			m.loading.Unlock()
			continue
		}
		m.idle = 0
		counts, busy = append(counts, c...), append(busy, &batch{m: m, counts: c})
		events = append(events, m.seen()...)
	}
	if len(counts) == 0 {
		return nil
	}
	if err := s.store.AddUsage(ctx, counts, events); err != nil {
		return err
	}
	var errs []error
	for _, b := range busy {
		b.m.wrote(b.counts)
		errs = append(errs, s.refresh(ctx, b.m))
		b.release()
	}
	return errors.Join(errs...)
}

// batch is a meter, kept from loading, with the counts that are being written.
type batch struct {
	m        *meter
	counts   []Count
	released bool
}

func (b *batch) release() {
	if !b.released {
		b.released = true
		b.m.loading.Unlock()
	}
}

// due returns what was counted and not written, oldest month first.
func (m *meter) due() []Count {
	var out []Count
	kept := m.buckets[:0]
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.buckets {
		c := Count{Org: m.org, Month: b.name, Total: b.total - b.wroteTotal, Paid: b.paid - b.wrotePaid, Cost: b.cost - b.wroteCost, Prepaid: b.prepaid - b.wrotePrepaid}
		current := b == m.bucket
		if c.Total != 0 || c.Paid != 0 || c.Cost != 0 || c.Prepaid != 0 {
			out = append(out, c)
		} else if !current {
			continue // nothing came since the flush before: nobody holds it any more
		}
		kept = append(kept, b)
	}
	clear(m.buckets[len(kept):])
	m.buckets = kept
	return out
}

// wrote takes note of what is in the database now.
func (m *meter) wrote(counts []Count) {
	for _, c := range counts {
		for _, b := range m.buckets {
			if b.name == c.Month {
				b.wroteTotal += c.Total
				b.wrotePaid += c.Paid
				b.wroteCost += c.Cost
				b.wrotePrepaid += c.Prepaid
			}
		}
		m.written += c.Cost
	}
}

// seen returns the requests since the last flush that are still remembered.
func (m *meter) seen() []Event {
	m.mu.Lock()
	var out []Event
	for i := max(m.shown, m.next-min(m.next, recentEvents)); i < m.next; i++ {
		out = append(out, *m.recent[i%recentEvents])
	}
	m.shown = m.next
	clear(m.recent[:])
	m.mu.Unlock()
	for i := range out {
		out[i].ID = ids.NewSorted()
	}
	return out
}

// refresh learns what other nodes counted and spent, where a limit makes it
// matter. m.loading is held.
func (s *Service) refresh(ctx context.Context, m *meter) error {
	m.mu.Lock()
	st, b := m.stand, m.bucket
	m.mu.Unlock()
	if st == nil || b == nil || st.caps.Requests < 0 {
		return nil
	}
	now := s.now()
	a, err := s.store.BillingAccount(ctx, m.org, b.name, now)
	if err != nil {
		return err
	}
	m.take(b, a, st.epoch, now)
	return nil
}

// retire lets go of the meters of organisations that have been silent. Each is
// flushed once more, for a request that found it just before.
func (s *Service) retire(meters []*meter) {
	for _, m := range meters {
		m.loading.Lock()
		if m.idle == idleFlushes {
			s.meters.Delete(m.org)
			s.dying = append(s.dying, m)
		}
		m.loading.Unlock()
	}
}

// settleAll moves what organisations owe, and what has expired, into the ledger.
func (s *Service) settleAll(ctx context.Context, now time.Time) error {
	orgs, err := s.store.Unsettled(ctx, now)
	for _, org := range orgs {
		err = errors.Join(err, s.store.Settle(ctx, org, now))
	}
	return err
}
