package billing_test

import (
	"slices"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
)

func TestSettle(t *testing.T) {
	lot := func(id string, cents int64, days int) billing.Lot {
		return billing.Lot{ID: id, Cents: cents, Expires: noon.AddDate(0, 0, days)}
	}
	for name, c := range map[string]struct {
		owed         int64
		lots, draws  []billing.Lot
		spent, ended int64
	}{
		"nothing":                             {0, nil, nil, 0, 0},
		"less than a cent waits":              {9_999, []billing.Lot{lot("a", 5, 1)}, nil, 0, 0},
		"a fraction of a cent stays owed":     {19_999, []billing.Lot{lot("a", 5, 1)}, []billing.Lot{lot("a", 1, 1)}, 1, 0},
		"the lot that ends first":             {30_000, []billing.Lot{lot("a", 5, 9), lot("b", 5, 1)}, []billing.Lot{lot("b", 3, 1)}, 3, 0},
		"of the same end the lower id":        {30_000, []billing.Lot{lot("b", 5, 1), lot("a", 5, 1)}, []billing.Lot{lot("a", 3, 1)}, 3, 0},
		"one lot after the other":             {70_000, []billing.Lot{lot("a", 5, 9), lot("b", 5, 1)}, []billing.Lot{lot("b", 5, 1), lot("a", 2, 9)}, 7, 0},
		"no more than there is":               {90_000, []billing.Lot{lot("a", 5, 1)}, []billing.Lot{lot("a", 5, 1)}, 5, 0},
		"what has expired ends":               {0, []billing.Lot{lot("a", 5, 0), lot("b", 4, 1)}, nil, 0, 5},
		"what has expired pays a debt before": {30_000, []billing.Lot{lot("a", 5, -1), lot("b", 4, 1)}, []billing.Lot{lot("a", 3, -1)}, 3, 2},
	} {
		s := billing.Settle("org", c.owed, c.lots, noon)
		if !slices.Equal(s.Draws, c.draws) || s.Spent != c.spent || s.Ended != c.ended {
			t.Errorf("%s: %+v", name, s)
		}
		if e := s.Debt(); e.Amount != -c.spent || e.Type != billing.Spent || e.Org != "org" || !e.At.Equal(noon) {
			t.Errorf("%s: the debt is %+v", name, e)
		}
		if e := s.Expiry(); e.Amount != -c.ended || e.Type != billing.Expired {
			t.Errorf("%s: the expiry is %+v", name, e)
		}
	}
}
