package transaction

import (
	"encoding/json"
	"strings"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
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
	var err error
	if r.Fields, err = fieldsOf(&a.Guardrails.Fields); err != nil {
		return r, errRules
	}
	return r, nil
}

// fieldsOf are the rules of fields of the agent, with values in place of texts.
func fieldsOf(f *intents.Fields) (guard.Fields, error) {
	p := &f.Approval
	out := guard.Fields{NewRecipients: p.NewRecipients, UnlimitedApprovals: p.UnlimitedApprovals, AskOn: p.Chains, Texts: f.Texts}
	if f.MaxPerDay != nil {
		most := int(*f.MaxPerDay)
		out.MaxPerDay = &most
	}
	for chain, above := range p.AboveNative {
		wei, err := evm.ParseETH(above)
		if err != nil {
			return out, err
		}
		if out.AboveNative == nil {
			out.AboveNative = map[string]*uint256.Int{}
		}
		chain = strings.ToLower(chain)
		if was := out.AboveNative[chain]; was == nil || wei.Lt(was) {
			out.AboveNative[chain] = &wei
		}
	}
	for _, d := range f.Domains {
		contract, err := evm.ParseAddress(strings.ToLower(d.Contract))
		if err != nil {
			return out, err
		}
		out.Domains = append(out.Domains, guard.Domain{Contract: contract, Name: d.Name, ChainID: d.ChainID, PrimaryType: d.PrimaryType})
	}
	return out, nil
}

// refusal is the fault of a verdict, or nil when it allows, or would with an approval.
func refusal(v guard.Verdict) error {
	if v.Denial == nil {
		return nil
	}
	return fault.New(fault.Denied, "guardrail_"+v.Denial.Rule, v.Denial.Text).Because("guard:" + v.Denial.Rule)
}
