package guard

import (
	"slices"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// unlimited are those who could take all of a token by an attempt: by one allowance of 2^128
// or more, or by several that come to as much. Increases add up to what was given away of
// the token before, so half of that is unlimited of them.
func (a *Attempt) unlimited(s *Spent) (out []*meaning.Effect) {
	type allowance struct{ token, to evm.Address }
	allowances := []meaning.Kind{meaning.Approve, meaning.IncreaseAllowance, meaning.Permit, meaning.Permit2}
	sums, told := map[allowance]uint256.Int{}, map[allowance]bool{}
	for i := range a.Meaning.Effects {
		e := &a.Meaning.Effects[i]
		of, most := allowance{e.Token, e.To}, 128
		all := sums[of]
		if e.Kind == meaning.IncreaseAllowance {
			if most = 127; all.IsZero() {
				all = s.assets[Asset(a.ChainID, e.Token)]
			}
		}
		if slices.Contains(allowances, e.Kind) {
			all = sum(&all, &e.Amount)
			sums[of] = all
		}
		if (e.Unlimited || all.BitLen() > most) && !told[of] {
			told[of] = true
			out = append(out, e)
		}
	}
	return out
}
