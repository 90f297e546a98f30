package transaction

import (
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
)

var errRules = fault.New(fault.Unavailable, "guard_damaged", "The rules of this agent can't be read, so nothing is signed for it.")

// rulesOf are the rules in force for an agent: the contract's guardrails, and those beyond.
func rulesOf(a *Agent) (guard.Rules, error) {
	var r guard.Rules
	if len(a.Rules) > 0 {
		if err := json.Unmarshal(a.Rules, &r); err != nil {
			return r, errRules
		}
	}
	if err := r.Guardrails(a.Guardrails.ToAllowlist, a.Guardrails.AllowedChains, a.Guardrails.MaxValueETH, a.Guardrails.DailyLimitETH); err != nil {
		return r, errRules
	}
	return r, nil
}

// refusal is the fault of a verdict, or nil when it allows, or would with an approval.
func refusal(v guard.Verdict) error {
	if v.Denial == nil {
		return nil
	}
	return fault.New(fault.Denied, "guardrail_"+v.Denial.Rule, v.Denial.Text).Because("guard:" + v.Denial.Rule)
}
