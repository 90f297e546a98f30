package guard

import (
	"slices"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// Allowance is what one account may take of a token.
type Allowance struct{ Token, Spender evm.Address }

// unlimited reports whether an allowance is more than nearly any token has: 2^96-1 is what a
// token of 96 bits (COMP, UNI) takes for all of it, and of one with 18 decimals 79 billion.
func unlimited(amount *uint256.Int) bool { return !amount.Lt(meaning.Most96()) }

// halfway reports whether an allowance is half of an unlimited one: one that is raised to it may be
// raised again before the chain shows it.
func halfway(amount *uint256.Int) bool { return amount.BitLen() > 95 }

// takesAll are those who could take all of a token by an attempt: by one allowance, or by
// several that come to as much. Increases add up to what the chain says they may take already,
// and to what was given away of the token before.
func (a *Attempt) takesAll(s *Spent) (out []*meaning.Effect) {
	sums, told := map[Allowance]uint256.Int{}, map[Allowance]bool{}
	for i := range a.Meaning.Effects {
		e := &a.Meaning.Effects[i]
		of := Allowance{e.Token, e.To}
		all, added := sums[of]
		raises := e.Kind == meaning.IncreaseAllowance
		if raises && !added {
			all = s.assets[Asset(a.ChainID, e.Token)]
			if has := a.Allowed[of]; has.Gt(&all) {
				all = has
			}
		}
		if e.Kind.Allows() {
			all = sum(&all, &e.Amount)
			sums[of] = all
		}
		if (e.Unlimited || e.Kind.Allows() && unlimited(&all) || raises && halfway(&all)) && !told[of] {
			told[of] = true
			out = append(out, e)
		}
	}
	return out
}

// Raises are the allowances that an attempt increases, where the rules have a human asked about
// unlimited ones: what they are now is Attempt.Allowed.
func (r *Rules) Raises(m *meaning.Meaning) (out []Allowance) {
	if !r.asksUnlimited() {
		return nil
	}
	for i := range m.Effects {
		e := &m.Effects[i]
		if of := (Allowance{e.Token, e.To}); e.Kind == meaning.IncreaseAllowance && !slices.Contains(out, of) {
			out = append(out, of)
		}
	}
	return out
}
