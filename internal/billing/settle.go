package billing

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// Settlement is what moves into an organisation's ledger.
type Settlement struct {
	Org   string
	At    time.Time
	Draws []Lot // what is taken out of which lot
	Spent int64 // cents, of all draws
	Ended int64 // cents that are left in lots which have expired
}

// Settle takes whole cents that are owed out of the lots that end first, and then what
// is left in those that have expired.
func Settle(org string, owedMicros int64, lots []Lot, now time.Time) Settlement {
	s := Settlement{Org: org, At: now}
	owed := owedMicros / MicrosPerCent
	for _, l := range slices.SortedFunc(slices.Values(lots), func(a, b Lot) int {
		return cmp.Or(a.Expires.Compare(b.Expires), strings.Compare(a.ID, b.ID))
	}) {
		if n := min(l.Cents, owed-s.Spent); n > 0 {
			s.Draws = append(s.Draws, Lot{ID: l.ID, Cents: n, Expires: l.Expires})
			s.Spent += n
			l.Cents -= n
		}
		if !l.Expires.After(now) {
			s.Ended += l.Cents
		}
	}
	return s
}

// Debt is the ledger's entry of what was owed.
func (s *Settlement) Debt() Entry {
	return s.entry(Spent, s.Spent, "Requests beyond the month's limit")
}

// Expiry is the ledger's entry of what ended.
func (s *Settlement) Expiry() Entry { return s.entry(Expired, s.Ended, "Credits that ended") }

func (s *Settlement) entry(kind string, cents int64, description string) Entry {
	return Entry{ID: ids.NewSorted(), Org: s.Org, Type: kind, Amount: -cents, Description: description, At: s.At}
}
