package intents_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/intents"
)

// A guardrail that is added later is copied, and told in the log, too.
func TestEachGuardrailIsCopiedAndTold(t *testing.T) {
	day := int64(3)
	var none intents.Guardrails
	all := intents.Guardrails{
		ToAllowlist: []string{"0x1111111111111111111111111111111111111111"}, AllowedChains: []string{"base"}, MaxValueETH: "1", DailyLimitETH: "2",
		Fields: intents.Fields{
			Approval: intents.ApprovalPolicy{AboveNative: map[string]string{"base": "0.05"}, NewRecipients: true}, MaxPerDay: &day, Texts: true,
			Domains: []intents.Domain{{Contract: "0x2222222222222222222222222222222222222222", ChainID: 1, PrimaryType: "Permit"}},
		},
	}
	for _, c := range intents.Caps() {
		var copied intents.Guardrails
		copied.Copy(&all, c.Name)
		told := intents.Changes(&none, &copied)
		if len(told) != 1 || told[0].Name != c.Name {
			t.Errorf("%s: told %v", c.Name, told)
		}
		if again := intents.Changes(&copied, &copied); len(again) > 0 {
			t.Errorf("%s: told %v of no change", c.Name, again)
		}
	}
	other := all
	other.Domains = []intents.Domain{{Contract: all.Domains[0].Contract, ChainID: 8453, PrimaryType: "Permit"}}
	if told := intents.Changes(&all, &other); len(told) != 1 {
		t.Errorf("another chain of a domain: told %v", told)
	}
}
