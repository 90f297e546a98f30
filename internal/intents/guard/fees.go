package guard

import (
	"fmt"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// FeeTimes is how many times what a chain's nodes ask for each gas an attempt may offer, where
// the rules bound what is given away and have no MaxFee.
const FeeTimes = 5

// boundsFees reports whether fees may not be more than FeeTimes what nodes ask: an agent whose
// rules bound nothing else is not bound in this either.
func (r *Rules) boundsFees() bool {
	_, _, counted := r.perDay()
	asks := r.Approval.AboveNative != nil || len(r.Fields.AboveNative) > 0 || r.asksNew() || r.asksUnlimited() || len(r.Approval.Chains)+len(r.Fields.AskOn) > 0
	return r.MaxFee == nil && (r.reads() || r.MaxValue != nil || r.DailyLimit != nil || counted || asks)
}

// AsksMarket reports whether the rules must know what nodes ask for each gas now.
func (r *Rules) AsksMarket() bool { return r.boundsFees() }

// fees asks whether an attempt pays too much for gas. It would take the account's coins past all
// other limits, to whoever makes the block.
func (r *Rules) fees(a *Attempt) *Denial {
	if a.Price.IsZero() {
		return nil
	}
	if a.Cancels != nil { // it only lowers what can be lost, and must offer more than what it stops
		most := new(uint256.Int).Rsh(a.Cancels, 2)
		most.Add(most, a.Cancels)
		if a.Price.Gt(most) && (a.Market == nil || a.Price.Gt(times(a.Market))) && (r.MaxFee == nil || a.GasCost.Gt(r.MaxFee)) {
			return deny("max_fee", fmt.Sprintf("To stop a transaction it may offer a quarter more for each gas than that one did, or %d times what the chain's nodes ask for now. Leave the fees out.", FeeTimes))
		}
		return nil
	}
	if r.MaxFee != nil {
		if a.GasCost.Gt(r.MaxFee) {
			return over("max_fee", "pay", "for fees of one transaction", a.coins, &a.GasCost, r.MaxFee, r.MaxFee)
		}
		return nil
	}
	switch {
	case !r.boundsFees():
	case a.Market == nil:
		return deny("max_fee", "Nobody knows what the chain's nodes ask for gas now, so the fees can't be bounded. A rule max_fee would let it pass.")
	case a.Price.Gt(times(a.Market)):
		most := times(a.Market)
		return &Denial{
			Rule: "max_fee", Limit: gwei(most), Asked: gwei(&a.Price), Left: gwei(most),
			Text: fmt.Sprintf("It offers %s for each gas, and the chain's nodes ask for %s now. At most %d times that, %s, would pass, or more with a rule max_fee.", gwei(&a.Price), gwei(a.Market), FeeTimes, gwei(most)),
		}
	}
	return nil
}

func times(market *uint256.Int) *uint256.Int {
	out, over := new(uint256.Int).MulOverflow(market, uint256.NewInt(FeeTimes))
	if over {
		out.SetAllOne()
	}
	return out
}

func gwei(n *uint256.Int) string { return evm.FormatUnits(n, 9) + " gwei" }
