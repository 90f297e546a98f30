package guard

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// Words are the rules in sentences, each of which can stand alone.
func (r *Rules) Words() []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if len(r.Chains) > 0 {
		say("It uses only these chains: %s.", strings.Join(r.Chains, ", "))
	}
	if len(r.To) > 0 {
		say("It calls, pays and approves only these addresses, also inside other calls: %s.", addresses(r.To))
	}
	if r.MaxValue != nil {
		say("One transaction pays at most %s, beside fees.", ofChain(r.MaxValue))
	}
	if r.DailyLimit != nil {
		say("It pays at most %s in 24 hours, on all chains together, %s.", ofChain(r.DailyLimit), map[bool]string{true: "fees included", false: "beside fees"}[r.GasCounts])
	}
	switch {
	case r.MaxFee != nil:
		say("The fees of one transaction are at most %s.", ofChain(r.MaxFee))
	case r.boundsFees():
		say("It offers at most %d times what the chain's nodes ask for each gas.", FeeTimes)
	}
	if most, _, limited := r.perDay(); limited {
		say("It makes at most %d transactions in 24 hours.", most)
	}
	if len(r.Functions) > 0 {
		say("It calls no functions but the following, on any chain.")
	}
	for i := range r.Functions {
		f := &r.Functions[i]
		say("On chain %d it may call %s of %s%s.", f.ChainID, f.Function.String(), f.Contract, f.conditions())
	}
	for _, t := range r.Tokens {
		var parts []string
		if t.PerTx != nil {
			parts = append(parts, t.PerTx.Dec()+" in one transaction")
		}
		if t.PerDay != nil {
			parts = append(parts, t.PerDay.Dec()+" in 24 hours")
		}
		say("On chain %d it gives away at most %s of the token %s (in its smallest unit), and what it approves or permits counts.", t.ChainID, strings.Join(parts, " and "), t.Token)
	}
	if r.RefuseOtherTokens {
		say("It uses no token that has no limit here.")
	}
	if p := &r.Approval; p.AboveNative != nil {
		say("A human approves what pays more than %s, fees included.", ofChain(p.AboveNative))
	}
	r.Fields.words(say)
	if r.asksNew() {
		say("A human approves the first transaction to an address.")
	}
	if r.asksUnlimited() {
		say("A human approves unlimited allowances.")
	}
	if c := append(slices.Clone(r.Approval.Chains), r.Fields.AskOn...); len(c) > 0 {
		say("A human approves everything on these chains: %s.", strings.Join(c, ", "))
	}
	if r.RequireSimulation {
		say("A transaction is signed only after a simulation that succeeded.")
	}
	for i := range r.Typed {
		say("It may sign typed data %s.", r.Typed[i].words())
	}
	say("It may %screate contracts.", not(r.AllowCreation))
	say("It may %ssign texts.", not(r.texts()))
	if len(r.Typed)+len(r.Fields.Domains) == 0 {
		say("It may not sign typed data.")
	}
	if len(r.To) == 0 && r.MaxValue == nil && r.DailyLimit == nil && len(r.Functions) == 0 && !r.rulesTokens() {
		say("Nothing bounds whom it pays and how much.")
	}
	return out
}

// ofChain is an amount of the coin of whatever chain.
func ofChain(n *uint256.Int) string { return evm.FormatETH(n) + " of the chain's coin" }

func not(may bool) string {
	if may {
		return ""
	}
	return "not "
}

func addresses(list []evm.Address) string {
	parts := make([]string, len(list))
	for i, a := range list {
		parts[i] = a.String()
	}
	return strings.Join(parts, ", ")
}

// conditions are those on arguments, after the function.
func (f *FunctionRule) conditions() string {
	var parts []string
	for i := range f.Args {
		c := &f.Args[i]
		name := "argument "
		for j, n := range c.Path {
			name += map[bool]string{true: "."}[j > 0] + strconv.Itoa(n+1)
		}
		if c.AtMost != nil {
			parts = append(parts, name+" is at most "+c.AtMost.Dec())
		} else {
			parts = append(parts, name+" is one of "+addresses(c.In))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ", if " + strings.Join(parts, " and ")
}

func (t *TypedRule) words() string {
	text := t.PrimaryType + " of a domain "
	if t.Name != "" {
		text += "named " + strconv.Quote(t.Name) + " "
	}
	if t.Contract != nil {
		text += "of the contract " + t.Contract.String() + " "
	}
	if t.ChainID == 0 {
		return text + "without a chain"
	}
	return text + "on chain " + strconv.FormatUint(t.ChainID, 10)
}

// whatPasses says what the rules let be called in place of a function.
func (r *Rules) whatPasses(in *meaning.Invocation) string {
	for i := range r.Functions {
		if f := &r.Functions[i]; f.Function.Selector == in.Selector && f.Contract == in.Contract {
			return "The rule for it is: on chain " + strconv.FormatUint(f.ChainID, 10) + f.conditions() + "."
		}
	}
	return "A rule in functions for it would let it pass."
}
