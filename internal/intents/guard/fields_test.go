package guard_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/typed"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

func most(n int) *int { return &n }

// TestTheTighterOfFieldAndRuleCountsTransactions: 0 is a limit too, of either.
func TestTheTighterOfFieldAndRuleCountsTransactions(t *testing.T) {
	to := evm.Address{19: 1}
	a := &guard.Attempt{Chain: "base", ChainID: 8453, To: &to, Meaning: meaning.Read(meaning.Call{ChainID: 8453, To: &to}, nil)}
	for _, tc := range []struct {
		field *int
		rule  *int
		made  int
		want  string
	}{
		{nil, nil, 1000, ""}, {most(3), nil, 2, ""}, {most(3), nil, 3, "tx_max_per_day"}, {most(3), most(2), 2, "max_per_day"},
		{most(2), most(3), 2, "tx_max_per_day"}, {most(0), nil, 0, "tx_max_per_day"}, {most(0), most(5), 0, "tx_max_per_day"}, {nil, most(2), 2, "max_per_day"},
		{nil, most(0), 0, "max_per_day"}, {most(5), most(0), 0, "max_per_day"},
	} {
		s := guard.NewSpent()
		s.Count = tc.made
		r := guard.Rules{MaxPerDay: tc.rule, Fields: guard.Fields{MaxPerDay: tc.field}}
		got := ""
		if v := guard.Decide(&r, a, s); v.Denial != nil {
			got = v.Denial.Rule
		}
		if got != tc.want {
			t.Errorf("%v and %d after %d: denied by %q, want %q", tc.field, tc.rule, tc.made, got, tc.want)
		}
	}
}

func TestAHumanIsAskedWhereFieldOrRuleSaysSo(t *testing.T) {
	to := evm.Address{19: 1}
	pays := func(chain string, wei uint64) *guard.Attempt {
		c := meaning.Call{ChainID: 1, To: &to, Value: *uint256.NewInt(wei)}
		return &guard.Attempt{Chain: chain, ChainID: 1, To: &to, Value: c.Value, Meaning: meaning.Read(c, nil)}
	}
	known := guard.NewSpent()
	known.Know(to)
	above := func(wei uint64) map[string]*uint256.Int { return map[string]*uint256.Int{"base": uint256.NewInt(wei)} }
	for _, tc := range []struct {
		name  string
		rules guard.Rules
		a     *guard.Attempt
		spent *guard.Spent
		why   string
	}{
		{"more than on this chain", guard.Rules{Fields: guard.Fields{AboveNative: above(5)}}, pays("Base", 6), known, "require_above_native"},
		{"as much as on this chain", guard.Rules{Fields: guard.Fields{AboveNative: above(5)}}, pays("base", 5), known, ""},
		{"on another chain", guard.Rules{Fields: guard.Fields{AboveNative: above(5)}}, pays("ethereum", 6), known, ""},
		{"more than the rule", guard.Rules{Approval: guard.ApprovalPolicy{AboveNative: uint256.NewInt(3)}, Fields: guard.Fields{AboveNative: above(5)}}, pays("base", 4), known, "require_above_native"},
		{"more than the field", guard.Rules{Approval: guard.ApprovalPolicy{AboveNative: uint256.NewInt(9)}, Fields: guard.Fields{AboveNative: above(5)}}, pays("base", 6), known, "require_above_native"},
		{"somebody new", guard.Rules{Fields: guard.Fields{NewRecipients: true}}, pays("base", 1), guard.NewSpent(), "require_for_new_recipients"},
		{"nobody new", guard.Rules{Fields: guard.Fields{NewRecipients: true}}, pays("base", 1), known, ""},
		{"a chain", guard.Rules{Fields: guard.Fields{AskOn: []string{"BASE"}}}, pays("base", 1), known, "require_for_chains"},
	} {
		v := guard.Decide(&tc.rules, tc.a, tc.spent)
		if !v.Allow || (tc.why == "") != (len(v.NeedsApproval) == 0) || tc.why != "" && !strings.HasPrefix(v.NeedsApproval[0], tc.why+":") {
			t.Errorf("%s: %+v, want %q", tc.name, v, tc.why)
		}
	}
}

func TestDomainsOfAFieldLetTypedDataBeSigned(t *testing.T) {
	usd, other, base := evm.Address{19: 7}, evm.Address{19: 8}, uint64(8453)
	a := func(contract *evm.Address, chain *uint64, name, kind string) *guard.Attempt {
		return &guard.Attempt{Chain: "base", ChainID: base, Typed: &guard.Typed{Domain: typed.Domain{Name: name, ChainID: chain, VerifyingContract: contract}, PrimaryType: kind}}
	}
	any := guard.Domain{Contract: usd}
	exact := guard.Domain{Contract: usd, Name: "USD Coin", ChainID: base, PrimaryType: "Permit"}
	wrong := uint64(1)
	for _, tc := range []struct {
		name   string
		domain guard.Domain
		a      *guard.Attempt
		allow  bool
	}{
		{"the contract", any, a(&usd, &base, "x", "Mail"), true},
		{"another contract", any, a(&other, &base, "x", "Mail"), false},
		{"no contract", any, a(nil, &base, "x", "Mail"), false},
		{"another chain than the one that is named", any, a(&usd, &wrong, "x", "Mail"), false},
		{"all the same", exact, a(&usd, &base, "USD Coin", "Permit"), true},
		{"another type", exact, a(&usd, &base, "USD Coin", "Mail"), false},
		{"another name", exact, a(&usd, &base, "USD", "Permit"), false},
		{"no chain", exact, a(&usd, nil, "USD Coin", "Permit"), false},
	} {
		r := guard.Rules{Fields: guard.Fields{Domains: []guard.Domain{tc.domain}}}
		if v := guard.Decide(&r, tc.a, guard.NewSpent()); v.Allow != tc.allow {
			t.Errorf("%s: %+v", tc.name, v.Denial)
		}
	}
}

func TestTheWordsOfFields(t *testing.T) {
	r := guard.Rules{Fields: guard.Fields{
		MaxPerDay: most(4), AboveNative: map[string]*uint256.Int{"base": uint256.NewInt(5e16)}, NewRecipients: true, UnlimitedApprovals: true, AskOn: []string{"ethereum"}, Texts: true,
		Domains: []guard.Domain{{Contract: evm.Address{19: 7}, PrimaryType: "Permit"}},
	}}
	words := r.Words()
	for _, want := range []string{
		"It makes at most 4 transactions in 24 hours.", "On base a human approves payments above 0.05 of the chain's coin.", "A human approves the first transaction to an address.",
		"A human approves unlimited allowances.", "A human approves everything on these chains: ethereum.", "It may sign texts.",
		"It may sign typed data of Permit of the contract 0x0000000000000000000000000000000000000007.",
	} {
		if !slices.Contains(words, want) {
			t.Errorf("%q is not in\n%s", want, strings.Join(words, "\n"))
		}
	}
	if slices.Contains(words, "It may not sign typed data.") {
		t.Error("it says that no typed data is signed")
	}
}
