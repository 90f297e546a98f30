package guard

import (
	"cmp"
	"fmt"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// amounts asks the limits.
func (r *Rules) amounts(a *Attempt, takes []Take, s *Spent) *Denial {
	native := &takes[0].Amount
	if r.MaxValue != nil && native.Gt(r.MaxValue) {
		return over("tx_max_value_eth", "pay", "of one transaction", a.coins, native, r.MaxValue, r.MaxValue)
	}
	for i := range takes[1:] {
		take := &takes[i+1]
		t := r.tokenLimit(a.ChainID, take.token)
		switch {
		case t == nil && r.RefuseOtherTokens:
			return deny("refuse_other_tokens", "This agent has no limit for the token "+take.Asset+", and may use no tokens without one.")
		case t != nil && t.PerTx != nil && take.Amount.Gt(t.PerTx):
			return over("tokens", "give away", "of one transaction for the token "+take.Asset+" in its smallest unit", units, &take.Amount, t.PerTx, t.PerTx)
		}
	}
	if s.Early {
		return nil
	}
	if d := r.fees(a); d != nil || a.Cancels != nil {
		return d
	}
	if r.DailyLimit != nil {
		asked := *native
		if r.GasCounts {
			asked = sum(&asked, &a.GasCost)
		}
		if d := daily("tx_daily_limit_eth", "pay", "of 24 hours, for the coins of all chains together", a.coins, &asked, r.DailyLimit, s.assets[Native]); d != nil {
			return d
		}
	}
	for i := range takes[1:] {
		take := &takes[i+1]
		if t := r.tokenLimit(a.ChainID, take.token); t != nil && t.PerDay != nil {
			if d := daily("tokens", "give away", "of 24 hours for the token "+take.Asset+" in its smallest unit", units, &take.Amount, t.PerDay, s.assets[take.Asset]); d != nil {
				return d
			}
		}
	}
	if a.Typed == nil {
		return r.countsTransactions(s)
	}
	return nil
}

func (r *Rules) tokenLimit(chain uint64, token evm.Address) *TokenLimit {
	for i := range r.Tokens {
		if t := &r.Tokens[i]; t.ChainID == chain && t.Token == token {
			return t
		}
	}
	return nil
}

// coins is an amount of the chain's own coin.
func (a *Attempt) coins(n *uint256.Int) string {
	return evm.FormatETH(n) + " " + cmp.Or(a.Coin, "coins")
}

func units(n *uint256.Int) string { return n.Dec() }

func daily(rule, verb, which string, format func(*uint256.Int) string, asked, limit *uint256.Int, spent uint256.Int) *Denial {
	if all := sum(&spent, asked); asked.IsZero() || !all.Gt(limit) {
		return nil
	}
	left := new(uint256.Int)
	if limit.Gt(&spent) {
		left.Sub(limit, &spent)
	}
	return over(rule, verb, which, format, asked, limit, left)
}

// over is a denial of an amount beyond what is left of a limit; verb says what would become of it.
func over(rule, verb, which string, format func(*uint256.Int) string, asked, limit, left *uint256.Int) *Denial {
	by := new(uint256.Int).Sub(asked, left)
	return &Denial{
		Rule: rule, Limit: format(limit), Asked: format(asked), Left: format(left),
		Text: fmt.Sprintf("It would %s %s, %s more than is left of the limit %s, which is %s. At most %s would pass now.", verb, format(asked), format(by), which, format(limit), format(left)),
	}
}

// AsksAmount reports whether a human must approve an attempt for what it pays, fees included.
func (r *Rules) AsksAmount(a *Attempt) bool {
	above, pays := r.above(a), sum(&r.takes(a)[0].Amount, &a.GasCost)
	return above != nil && pays.Gt(above)
}

// asks says why a human must approve.
func (r *Rules) asks(a *Attempt, native *uint256.Int, s *Spent) []string {
	var why []string
	if above, pays := r.above(a), sum(native, &a.GasCost); above != nil && pays.Gt(above) {
		why = append(why, "require_above_native: with fees it pays up to "+a.coins(&pays)+", more than "+a.coins(above)+".")
	}
	if r.asksNew() && !s.Early {
		for _, to := range Recipients(a) {
			if !s.known[to] {
				why = append(why, "require_for_new_recipients: "+to.String()+" is new to this agent on this chain.")
			}
		}
	}
	if r.asksUnlimited() {
		for _, e := range a.takesAll(s) {
			why = append(why, "require_for_unlimited_approvals: "+e.To.String()+" could take all of the token "+e.Token.String()+".")
		}
	}
	if (r.asksNew() || r.asksUnlimited()) && (len(a.Meaning.Unknown) > 0 || a.Meaning.Delegates || a.Meaning.Truncated) {
		why = append(why, "undecodable: what it does can't be read, so it may reach anybody.")
	}
	if r.asksOn(a) {
		why = append(why, "require_for_chains: everything on this chain is approved by a human.")
	}
	return why
}
