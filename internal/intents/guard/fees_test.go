package guard_test

import (
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
)

// costs sets what the gas of an attempt costs, at 1 wei each.
func costs(a *guard.Attempt, gas uint64) *guard.Attempt {
	a.GasCost, a.Price, a.Market = *wei(gas), *wei(1), wei(1)
	return a
}

// TestFeesAreBounded: else an agent with tight limits could burn what the account has.
func TestFeesAreBounded(t *testing.T) {
	limited := func() *guard.Rules { return &guard.Rules{DailyLimit: wei(10)} }
	fee := func(fee uint64) *guard.Rules { return &guard.Rules{DailyLimit: wei(10), MaxFee: wei(fee)} }
	for name, tc := range map[string]struct {
		rules                 *guard.Rules
		price, market, cancel *uint256.Int
		gas                   uint64
		text                  string // of the denial; empty: it passes
	}{
		"five times the market":              {limited(), wei(50), wei(10), nil, 1, ""},
		"more":                               {limited(), wei(51), wei(10), nil, 1, "At most 5 times that"},
		"nobody knows the market":            {limited(), wei(1), nil, nil, 1, "Nobody knows"},
		"nothing is bounded":                 {&guard.Rules{}, wei(1 << 60), nil, nil, 1, ""},
		"an approval above an amount":        {&guard.Rules{Approval: guard.ApprovalPolicy{AboveNative: wei(10)}}, wei(51), wei(10), nil, 1, "At most 5 times that"},
		"so many a day":                      {&guard.Rules{MaxPerDay: most(1)}, wei(51), wei(10), nil, 1, "At most 5 times that"},
		"so many a day, by the field":        {&guard.Rules{Fields: guard.Fields{MaxPerDay: most(1)}}, wei(51), wei(10), nil, 1, "At most 5 times that"},
		"an approval above, by the field":    {&guard.Rules{Fields: guard.Fields{AboveNative: map[string]*uint256.Int{"base": wei(10)}}}, wei(51), wei(10), nil, 1, "At most 5 times that"},
		"an approval of the new":             {&guard.Rules{Fields: guard.Fields{NewRecipients: true}}, wei(51), wei(10), nil, 1, "At most 5 times that"},
		"an approval of the unlimited":       {&guard.Rules{Approval: guard.ApprovalPolicy{UnlimitedApprovals: true}}, wei(51), wei(10), nil, 1, "At most 5 times that"},
		"an approval of all on a chain":      {&guard.Rules{Fields: guard.Fields{AskOn: []string{"base"}}}, wei(51), wei(10), nil, 1, "At most 5 times that"},
		"the same as a rule":                 {&guard.Rules{Approval: guard.ApprovalPolicy{Chains: []string{"base"}}}, wei(51), wei(10), nil, 1, "At most 5 times that"},
		"recipients":                         {&guard.Rules{To: []evm.Address{shop}}, wei(51), wei(10), nil, 1, "At most 5 times that"},
		"a rule allows more":                 {fee(510), wei(51), wei(10), nil, 10, ""},
		"and no more":                        {fee(509), wei(51), wei(10), nil, 10, "for fees of one transaction"},
		"a rule allows less than the market": {fee(9), wei(10), wei(10), nil, 1, "for fees of one transaction"},
		"a cancel, a quarter more":           {limited(), wei(125), wei(10), wei(100), 1, ""},
		"a cancel, more":                     {limited(), wei(126), wei(10), wei(100), 1, "Leave the fees out"},
		"a cancel on a dear market":          {limited(), wei(126), wei(100), wei(100), 1, ""},
		"a cancel that a rule allows":        {fee(126), wei(126), wei(1), wei(100), 1, ""},
		"a cancel of nothing":                {limited(), wei(1), nil, wei(0), 1, "Leave the fees out"},
	} {
		a := send(tc.rules, &shop, 0, nil)
		a.Price, a.Market, a.Cancels = *tc.price, tc.market, tc.cancel
		a.GasCost.Mul(tc.price, wei(tc.gas))
		v := guard.Decide(tc.rules, a, guard.NewSpent())
		switch {
		case tc.text == "" && !v.Allow:
			t.Errorf("%s: %+v", name, v.Denial)
		case tc.text != "" && (v.Allow || v.Denial.Rule != "max_fee" || !strings.Contains(v.Denial.Text, tc.text)):
			t.Errorf("%s: %+v", name, v.Denial)
		}
	}
}

// TestACancelPassesAUsedUpLimit: it only lowers what can be lost.
func TestACancelPassesAUsedUpLimit(t *testing.T) {
	r := &guard.Rules{DailyLimit: wei(10), GasCounts: true, MaxPerDay: most(1)}
	spent := guard.NewSpent()
	spent.Add(guard.Native, wei(10))
	spent.Count = 1
	a := costs(send(r, &shop, 0, nil), 5)
	if v := guard.Decide(r, a, spent); v.Allow {
		t.Error("what is no cancel passes")
	}
	a.Cancels = wei(1)
	if v := guard.Decide(r, a, spent); !v.Allow || len(v.Takes) != 1 || v.Takes[0].Amount.Uint64() != 5 {
		t.Errorf("a cancel gets %+v, %+v", v.Denial, v.Takes)
	}
}

func TestAnotherBoundOfFeesLoosens(t *testing.T) {
	none, one, two := &guard.Rules{}, &guard.Rules{MaxFee: wei(1)}, &guard.Rules{MaxFee: wei(2)}
	for name, tc := range map[string]struct {
		was, is *guard.Rules
		loosens bool
	}{
		"more": {one, two, true}, "less": {two, one, false}, "one that was not there": {none, one, true}, "none any more": {one, none, true}, "the same": {one, one, false},
	} {
		if guard.Loosens(tc.was, tc.is) != tc.loosens {
			t.Errorf("%s: loosens %v", name, !tc.loosens)
		}
	}
}
