package guard_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// The contract of a chain's own coin pays it by more functions than a token has: one that
// can't be read passes no rule about amounts of the coin.
func TestWhatTheOwnCoinsContractIsAskedCanBeRead(t *testing.T) {
	celo, err := evm.ParseAddress("0x471EcE3750Da237f93B8E339c536989b8978a438")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]guard.Rules{
		"a limit of one":    {MaxValue: wei(100)},
		"a limit of a day":  {DailyLimit: wei(100)},
		"an approval above": {Approval: guard.ApprovalPolicy{AboveNative: wei(100)}},
		"none":              {},
	} {
		for what, data := range map[string][]byte{
			"transferWithComment":       {0xe1, 0xd6, 0xac, 0xeb, 31: 0},
			"an address with more bits": append([]byte{0xa9, 0x05, 0x9c, 0xbb, 0xff}, make([]byte, 63)...),
		} {
			a := guard.Attempt{Chain: "celo", ChainID: 42220, From: agent, To: &celo}
			a.Meaning = meaning.Read(meaning.Call{ChainID: 42220, From: agent, To: &celo, Data: data}, nil)
			v := guard.Decide(&r, &a, guard.NewSpent())
			if v.Allow != (name == "none") || !v.Allow && v.Denial.Rule != "undecodable" {
				t.Errorf("%s with %s: allowed %v, %+v", what, name, v.Allow, v.Denial)
			}
		}
	}
}

// The chains of Moonbeam run functions of their own at some addresses, which move the caller's
// coins without a value in the transaction.
func TestWhatAChainItselfRunsCanBeRead(t *testing.T) {
	for address, passes := range map[string]bool{
		"0x0000000000000000000000000000000000000808": false, // batchAll
		"0x0000000000000000000000000000000000000804": false, // XTokens
		"0x0000000000000000000000000000000000000900": false,
		"0x0000000000000000000000000000000000000001": true, // ecrecover, on every chain
		"0x0000000000000000000000000000000000010804": true,
	} {
		to, err := evm.ParseAddress(address)
		if err != nil {
			t.Fatal(err)
		}
		a := guard.Attempt{Chain: "moonbeam", ChainID: 1284, From: agent, To: &to}
		a.Meaning = meaning.Read(meaning.Call{ChainID: 1284, From: agent, To: &to, Data: []byte{0x96, 0xe2, 0x92, 0xb8, 35: 0}}, nil)
		v := guard.Decide(&guard.Rules{MaxValue: wei(100)}, &a, guard.NewSpent())
		if v.Allow != passes || !v.Allow && v.Denial.Rule != "undecodable" {
			t.Errorf("%s: allowed %v, %+v", address, v.Allow, v.Denial)
		}
	}
}
