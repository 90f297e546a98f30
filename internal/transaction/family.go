package transaction

import (
	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
)

// A family is a transaction with all that replaces it: they have one nonce, and one of them
// comes into a block. It counts against limits what the dearest of them does.

// Most is what a family counts of which each member takes something.
func Most(members ...[]guard.Take) []guard.Take {
	var out []guard.Take
	at := map[string]int{}
	for _, takes := range members {
		for _, take := range takes {
			i, known := at[take.Asset]
			switch {
			case !known:
				at[take.Asset] = len(out)
				out = append(out, take)
			case take.Amount.Gt(&out[i].Amount):
				out[i].Amount = take.Amount
			}
		}
	}
	return out
}

// Without takes off what a family counts that is in spent.
func Without(spent *guard.Spent, family []guard.Take) {
	for i := range family {
		if take := &family[i]; take.Asset == Counted {
			spent.Count = max(0, spent.Count-int(take.Amount.Uint64()))
		} else {
			spent.Remove(take.Asset, &take.Amount)
		}
	}
}

// Less is what all count beyond rest, which is a part of them.
func Less(all, rest []guard.Take) []guard.Take {
	of := map[string]uint256.Int{}
	for _, take := range rest {
		of[take.Asset] = take.Amount
	}
	var out []guard.Take
	for _, take := range all {
		less := of[take.Asset]
		if take.Amount.Gt(&less) {
			take.Amount.Sub(&take.Amount, &less)
			out = append(out, take)
		}
	}
	return out
}
