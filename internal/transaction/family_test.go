package transaction_test

import (
	"reflect"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

func TestAFamilyCountsItsDearest(t *testing.T) {
	takes := func(amounts map[string]uint64) (out []guard.Take) {
		for _, asset := range []string{"native", "token", "transactions"} {
			if n, ok := amounts[asset]; ok {
				out = append(out, guard.Take{Asset: asset, Amount: *uint256.NewInt(n)})
			}
		}
		return out
	}
	paid, raised, cancelled := takes(map[string]uint64{"native": 5, "token": 9, "transactions": 1}), takes(map[string]uint64{"native": 7, "transactions": 1}), takes(map[string]uint64{"transactions": 1})
	most := transaction.Most(paid, raised, cancelled)
	if want := takes(map[string]uint64{"native": 7, "token": 9, "transactions": 1}); !reflect.DeepEqual(most, want) {
		t.Errorf("they count %v, want %v", most, want)
	}
	if got, want := transaction.Less(most, cancelled), takes(map[string]uint64{"native": 7, "token": 9}); !reflect.DeepEqual(got, want) {
		t.Errorf("all but the last count %v, want %v", got, want)
	}
	if got := transaction.Less(most, most); got != nil {
		t.Errorf("nothing is %v", got)
	}
	if paid[0].Amount != *uint256.NewInt(5) {
		t.Error("the members were changed")
	}
}
