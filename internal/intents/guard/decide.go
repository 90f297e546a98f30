package guard

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// Decide says whether the rules allow an attempt, given what was spent. The rules
// are asked in a fixed order: what the attempt is, whom it reaches, how much.
func Decide(r *Rules, a *Attempt, s *Spent) Verdict {
	if a.Text {
		if !r.AllowText {
			return denied(deny("allow_text", "This agent may not sign texts (EIP-191). Set allow_text to let it."))
		}
		return Verdict{Allow: true}
	}
	takes := r.takes(a)
	d := r.sort(a)
	if d == nil {
		d = r.reach(a)
	}
	if d == nil {
		d = r.amounts(a, takes, s)
	}
	if d != nil {
		return denied(d)
	}
	v := Verdict{Allow: true, NeedsApproval: r.asks(a, &takes[0].Amount, s), Takes: takes}
	if r.GasCounts {
		takes[0].Amount = sum(&takes[0].Amount, &a.GasCost)
	}
	if takes[0].Amount.IsZero() {
		v.Takes = takes[1:]
	}
	return v
}

func denied(d *Denial) Verdict { return Verdict{Denial: d} }

func deny(rule, text string) *Denial { return &Denial{Rule: rule, Text: text} }

// sort asks what kind of thing an attempt is.
func (r *Rules) sort(a *Attempt) *Denial {
	m := &a.Meaning
	switch {
	case a.ChainID == 0:
		return deny("chain_id", "What is signed for chain id 0 is good on every chain. Name a chain.")
	case len(r.Chains) > 0 && !named(r.Chains, a.Chain):
		return deny("tx_allowed_chains", "This agent may not use this chain. It may use "+strings.Join(r.Chains, ", ")+".")
	case m.Authorizes:
		return deny("authorization", "Code for the account itself (EIP-7702) is never signed.")
	}
	if a.Typed != nil {
		if d := r.typed(a); d != nil {
			return d
		}
	}
	if (m.Creates || a.To == nil && a.Typed == nil) && !r.AllowCreation {
		return deny("allow_creation", "This agent may not create contracts. Set allow_creation to let it.")
	}
	restricted := len(r.To) > 0 || len(r.Functions) > 0 || r.rulesTokens() || r.MaxValue != nil || r.DailyLimit != nil
	if restricted {
		switch {
		case m.Delegates:
			return deny("delegatecall", "The call has the code of another contract run as the account, which could do anything. Only Safe's MultiSend is known to be harmless; an agent without limits may do it.")
		case m.Truncated:
			return deny("undecodable", "There are more calls or payments in it than can be read: at most 256, 8 deep. Fewer at once would pass.")
		case slices.Contains(m.Unknown, a.From):
			return deny("undecodable", "It has the agent's own account run a function that can't be read. A rule for the function would let it be read.")
		}
	}
	return nil
}

func (r *Rules) rulesTokens() bool { return len(r.Tokens) > 0 || r.RefuseOtherTokens }

func named(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}

// typed asks the rules about typed data.
func (r *Rules) typed(a *Attempt) *Denial {
	d := &a.Typed.Domain
	match, unread := false, false
	for i := range r.Typed {
		t := &r.Typed[i]
		var chain uint64
		if d.ChainID != nil {
			chain = *d.ChainID
		}
		sameContract := t.Contract == nil && d.VerifyingContract == nil || t.Contract != nil && d.VerifyingContract != nil && *t.Contract == *d.VerifyingContract
		if t.Name == d.Name && t.ChainID == chain && sameContract && t.PrimaryType == a.Typed.PrimaryType {
			match, unread = true, unread || t.Unread
		}
	}
	switch {
	case !match:
		return deny("typed_data", "No rule of this agent lets it sign typed data of this domain and primary type. A rule in typed_data with its name, chain_id, contract and primary_type would.")
	case d.ChainID != nil && *d.ChainID != a.ChainID:
		return deny("typed_data", "The chain of the domain is another than the one that was named.")
	case d.ChainID == nil && len(a.Meaning.Effects)+len(a.Meaning.Calls) > 0:
		return deny("typed_data", "The domain names no chain, so what it allows would be good on every chain. With a chain id it would pass.")
	case len(a.Meaning.Unknown) > 0 && len(a.Meaning.Calls) == 0 && !unread && r.reads():
		return deny("undecodable", "Nobody knows what typed data of this type allows, and this agent's rules would have to. A rule with unread set would let it pass.")
	}
	return nil
}

// reads reports whether a rule must know what is in calldata.
func (r *Rules) reads() bool { return len(r.To) > 0 || len(r.Functions) > 0 || r.rulesTokens() }

// reach asks whom an attempt calls and gives something.
func (r *Rules) reach(a *Attempt) *Denial {
	m := &a.Meaning
	if len(m.Unknown) > 0 && r.reads() && (a.Typed == nil || len(m.Calls) > 0) {
		return deny("undecodable", "What the call does at "+m.Unknown[0].String()+" can't be read, and this agent's rules would have to. A rule in functions for the function would let it pass.")
	}
	if len(r.To) > 0 {
		if a.To != nil && !slices.Contains(r.To, *a.To) {
			return r.stranger(a.To)
		}
		for i := range m.Calls {
			if to := m.Calls[i].To; to != nil && *to != a.From && !slices.Contains(r.To, *to) {
				return r.stranger(to)
			}
		}
		for i := range m.Effects {
			e := &m.Effects[i]
			creation := e.Kind == meaning.NativeValue && e.To.IsZero() && m.Creates
			if !creation && e.To != a.From && !slices.Contains(r.To, e.To) && (e.Kind != meaning.NativeValue || !e.Amount.IsZero()) {
				return r.stranger(&e.To)
			}
		}
	}
	if len(r.Functions) > 0 {
		for i := range m.Calls {
			if len(m.Calls[i].Data) > 0 && m.Calls[i].To != nil && !r.mayCall(&m.Calls[i], &m.Functions[i]) {
				return deny("functions", "No rule of this agent lets it call this function of "+m.Calls[i].To.String()+" with these arguments. "+r.whatPasses(&m.Functions[i]))
			}
		}
	}
	return nil
}

func (r *Rules) stranger(a *evm.Address) *Denial {
	return deny("tx_to_allowlist", fmt.Sprintf("%s is not among the %d addresses in tx_to_allowlist. Only those, as recipients and as spenders, would pass.", a, len(r.To)))
}

func (r *Rules) mayCall(c *meaning.Call, in *meaning.Invocation) bool {
	for i := range r.Functions {
		f := &r.Functions[i]
		if f.Function.Selector == in.Selector && f.ChainID == c.ChainID && f.Contract == *c.To && in.Function != "" && f.holds(in.Args) {
			return true
		}
	}
	return false
}

func (f *FunctionRule) holds(args []abi.Value) bool {
	for i := range f.Args {
		if !f.Args[i].holds(args, f.Args[i].Path) {
			return false
		}
	}
	return true
}

func (c *ArgRule) holds(args []abi.Value, path []int) bool {
	return len(path) > 0 && path[0] < len(args) && c.each(&args[path[0]], path[1:])
}

// each holds for every element of lists on the way.
func (c *ArgRule) each(v *abi.Value, path []int) bool {
	switch {
	case v.Kind == abi.List || v.Kind == abi.Array:
		for i := range v.List {
			if !c.each(&v.List[i], path) {
				return false
			}
		}
		return true
	case len(path) > 0:
		return v.Kind == abi.Tuple && c.holds(v.List, path)
	case c.AtMost != nil:
		return v.Kind == abi.Uint && !v.Word.Gt(c.AtMost)
	}
	return v.Kind == abi.Address && slices.Contains(c.In, v.Address())
}

// amounts asks the limits.
func (r *Rules) amounts(a *Attempt, takes []Take, s *Spent) *Denial {
	native := &takes[0].Amount
	if r.MaxValue != nil && native.Gt(r.MaxValue) {
		return over("tx_max_value_eth", "of one transaction", eth, native, r.MaxValue, r.MaxValue)
	}
	for i := range takes[1:] {
		take := &takes[i+1]
		t := r.tokenLimit(a.ChainID, take.token)
		switch {
		case t == nil && r.RefuseOtherTokens:
			return deny("refuse_other_tokens", "This agent has no limit for the token "+take.Asset+", and may use no tokens without one.")
		case t != nil && t.PerTx != nil && take.Amount.Gt(t.PerTx):
			return over("tokens", "of one transaction for the token "+take.Asset, units, &take.Amount, t.PerTx, t.PerTx)
		}
	}
	if s.Early {
		return nil
	}
	if r.DailyLimit != nil {
		asked := *native
		if r.GasCounts {
			asked = sum(&asked, &a.GasCost)
		}
		if d := daily("tx_daily_limit_eth", "of 24 hours", eth, &asked, r.DailyLimit, s.assets[Native]); d != nil {
			return d
		}
	}
	for i := range takes[1:] {
		take := &takes[i+1]
		if t := r.tokenLimit(a.ChainID, take.token); t != nil && t.PerDay != nil {
			if d := daily("tokens", "of 24 hours for the token "+take.Asset, units, &take.Amount, t.PerDay, s.assets[take.Asset]); d != nil {
				return d
			}
		}
	}
	if r.MaxPerDay > 0 && a.Typed == nil && s.Count >= r.MaxPerDay {
		return &Denial{
			Rule: "max_per_day", Text: fmt.Sprintf("This agent made %d transactions in 24 hours, and may make %d. The next passes when the oldest is a day old.", s.Count, r.MaxPerDay),
			Limit: strconv.Itoa(r.MaxPerDay), Asked: "1", Left: "0",
		}
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

func eth(n *uint256.Int) string   { return evm.FormatETH(n) + " ETH" }
func units(n *uint256.Int) string { return n.Dec() + " units" }

func daily(rule, which string, format func(*uint256.Int) string, asked, limit *uint256.Int, spent uint256.Int) *Denial {
	if all := sum(&spent, asked); !all.Gt(limit) {
		return nil
	}
	left := new(uint256.Int)
	if limit.Gt(&spent) {
		left.Sub(limit, &spent)
	}
	return over(rule, which, format, asked, limit, left)
}

func over(rule, which string, format func(*uint256.Int) string, asked, limit, left *uint256.Int) *Denial {
	by := new(uint256.Int).Sub(asked, left)
	return &Denial{
		Rule: rule, Limit: format(limit), Asked: format(asked), Left: format(left),
		Text: fmt.Sprintf("It would give away %s, %s more than is left of the limit %s, which is %s. At most %s would pass now.", format(asked), format(by), which, format(limit), format(left)),
	}
}

// asks says why a human must approve.
func (r *Rules) asks(a *Attempt, native *uint256.Int, s *Spent) []string {
	p := &r.Approval
	var why []string
	if p.AboveNative != nil && native.Gt(p.AboveNative) {
		why = append(why, "require_above_native: it gives away "+eth(native)+", more than "+eth(p.AboveNative)+".")
	}
	if p.NewRecipients && !s.Early {
		for _, to := range Recipients(a) {
			if !s.known[to] {
				why = append(why, "require_for_new_recipients: "+to.String()+" is new to this agent.")
			}
		}
	}
	if p.UnlimitedApprovals {
		for i := range a.Meaning.Effects {
			if e := &a.Meaning.Effects[i]; e.Unlimited {
				why = append(why, "require_for_unlimited_approvals: "+e.To.String()+" could take all of the token "+e.Token.String()+".")
			}
		}
	}
	if (p.NewRecipients || p.UnlimitedApprovals) && (len(a.Meaning.Unknown) > 0 || a.Meaning.Delegates || a.Meaning.Truncated) {
		why = append(why, "undecodable: what it does can't be read, so it may reach anybody.")
	}
	if named(p.Chains, a.Chain) {
		why = append(why, "require_for_chains: everything on this chain is approved by a human.")
	}
	return why
}
