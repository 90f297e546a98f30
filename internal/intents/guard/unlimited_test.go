package guard_test

import (
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// TestAllowancesThatComeToUnlimitedAreAsked: in one transaction, and one after the other.
func TestAllowancesThatComeToUnlimitedAreAsked(t *testing.T) {
	token, other, bob, eve := evm.Address{19: 1}, evm.Address{19: 2}, evm.Address{19: 3}, evm.Address{19: 4}
	power := func(n uint) uint256.Int { return *new(uint256.Int).Lsh(uint256.NewInt(1), n) }
	most96 := *meaning.Most96()
	below := *new(uint256.Int).SubUint64(&most96, 1)
	gives := func(kind meaning.Kind, token, to evm.Address, amount uint256.Int) meaning.Effect {
		return meaning.Effect{Kind: kind, Token: token, To: to, Amount: amount, Unlimited: amount.BitLen() > 128}
	}
	for name, tc := range map[string]struct {
		spent   uint256.Int
		allowed uint256.Int // to bob already, as the chain says
		effects []meaning.Effect
		asks    int
	}{
		"an approval below":             {effects: []meaning.Effect{gives(meaning.Approve, token, bob, below)}},
		"an approval of all":            {effects: []meaning.Effect{gives(meaning.Approve, token, bob, power(128))}, asks: 1},
		"all of a token of 96 bits":     {effects: []meaning.Effect{gives(meaning.Approve, token, bob, most96)}, asks: 1},
		"a permit of it":                {effects: []meaning.Effect{gives(meaning.Permit, token, bob, most96)}, asks: 1},
		"two approvals that come to it": {effects: []meaning.Effect{gives(meaning.Approve, token, bob, below), gives(meaning.Permit, token, bob, uint256.Int{1})}, asks: 1},
		"two increases at once":         {effects: []meaning.Effect{gives(meaning.IncreaseAllowance, token, bob, below), gives(meaning.IncreaseAllowance, token, bob, below)}, asks: 1},
		"an increase by half":           {effects: []meaning.Effect{gives(meaning.IncreaseAllowance, token, bob, power(95))}, asks: 1},
		"two that come to half":         {effects: []meaning.Effect{gives(meaning.IncreaseAllowance, token, bob, power(94)), gives(meaning.IncreaseAllowance, token, bob, power(94))}, asks: 1},
		"an approval and an increase":   {effects: []meaning.Effect{gives(meaning.Approve, token, bob, power(94)), gives(meaning.IncreaseAllowance, token, bob, power(94))}, asks: 1},
		"an increase below":             {effects: []meaning.Effect{gives(meaning.IncreaseAllowance, token, bob, power(94))}},
		"the same again":                {spent: power(94), effects: []meaning.Effect{gives(meaning.IncreaseAllowance, token, bob, power(94))}, asks: 1},
		"on top of last week's":         {allowed: power(94), effects: []meaning.Effect{gives(meaning.IncreaseAllowance, token, bob, power(94))}, asks: 1},
		"on top of what another has":    {allowed: power(94), effects: []meaning.Effect{gives(meaning.IncreaseAllowance, token, eve, power(94))}},
		"on top of a little":            {allowed: power(93), spent: power(93), effects: []meaning.Effect{gives(meaning.IncreaseAllowance, token, bob, power(94))}},
		"increases for two":             {effects: []meaning.Effect{gives(meaning.IncreaseAllowance, token, bob, power(94)), gives(meaning.IncreaseAllowance, token, eve, power(94))}},
		"increases of two tokens":       {effects: []meaning.Effect{gives(meaning.IncreaseAllowance, token, bob, power(94)), gives(meaning.IncreaseAllowance, other, bob, power(94))}},
		"a transfer is no allowance":    {effects: []meaning.Effect{gives(meaning.Transfer, token, bob, below), gives(meaning.Transfer, token, bob, below)}},
		"all of it twice is asked once": {effects: []meaning.Effect{gives(meaning.Approve, token, bob, power(200)), gives(meaning.Approve, token, bob, power(200))}, asks: 1},
	} {
		a := &guard.Attempt{Chain: "base", ChainID: 8453, To: &token, Meaning: meaning.Meaning{Effects: tc.effects},
			Allowed: map[guard.Allowance]uint256.Int{{Token: token, Spender: bob}: tc.allowed}}
		s := guard.NewSpent()
		s.Add(guard.Asset(8453, token), &tc.spent)
		for which, r := range map[string]guard.Rules{"rule": {Approval: guard.ApprovalPolicy{UnlimitedApprovals: true}}, "field": {Fields: guard.Fields{UnlimitedApprovals: true}}} {
			v := guard.Decide(&r, a, s)
			if !v.Allow || len(v.NeedsApproval) != tc.asks || tc.asks > 0 && !strings.HasPrefix(v.NeedsApproval[0], "require_for_unlimited_approvals:") {
				t.Errorf("%s, %s: %+v, want %d", name, which, v.NeedsApproval, tc.asks)
			}
		}
	}
}
