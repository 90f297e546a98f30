package guard

import (
	"encoding/json"
	"slices"

	"github.com/holiman/uint256"
)

// Loosens reports whether rules allow what those before them did not, as far as that can be
// told: of two rules that are written differently the second counts as new.
func Loosens(was, is *Rules) bool {
	return lost(was.GasCounts, is.GasCounts) || lost(was.RefuseOtherTokens, is.RefuseOtherTokens) || lost(was.RequireSimulation, is.RequireSimulation) ||
		lost(is.AllowCreation, was.AllowCreation) || lost(is.AllowText, was.AllowText) ||
		(was.MaxFee == nil) != (is.MaxFee == nil) || raised(was.MaxFee, is.MaxFee) || // without one another bound holds
		was.MaxPerDay != nil && (is.MaxPerDay == nil || *is.MaxPerDay > *was.MaxPerDay) ||
		functionsLoosen(was, is) || adds(was.Typed, is.Typed) ||
		tokensLoosen(was, is) || was.Approval.loosens(&is.Approval)
}

func lost(was, is bool) bool { return was && !is }

// adds reports whether a list has something that another has not.
func adds[T any](was, is []T) bool {
	had := map[string]bool{}
	for i := range was {
		had[text(&was[i])] = true
	}
	return slices.ContainsFunc(is, func(r T) bool { return !had[text(&r)] })
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// functionsLoosen compares the functions that may be called. The first rule about one says that no
// others are called, and vouches for its own: that counts where what can't be read is refused, or
// has a human asked.
func functionsLoosen(was, is *Rules) bool {
	if len(was.Functions) > 0 {
		return len(is.Functions) == 0 || adds(was.Functions, is.Functions)
	}
	return len(is.Functions) > 0 && was.minds()
}

// minds reports whether any rule refuses what can't be read, or has a human asked about it.
func (r *Rules) minds() bool {
	return r.reads() || r.MaxValue != nil || r.DailyLimit != nil || r.Approval.AboveNative != nil || len(r.Fields.AboveNative) > 0 || r.asksNew() || r.asksUnlimited()
}

func tokensLoosen(was, is *Rules) bool {
	isNew := func(t TokenLimit) bool { return was.tokenLimit(t.ChainID, t.Token) == nil }
	if was.RefuseOtherTokens && slices.ContainsFunc(is.Tokens, isNew) {
		return true
	}
	return slices.ContainsFunc(was.Tokens, func(t TokenLimit) bool {
		now := is.tokenLimit(t.ChainID, t.Token)
		if now == nil {
			return !is.RefuseOtherTokens
		}
		return raised(t.PerTx, now.PerTx) || raised(t.PerDay, now.PerDay)
	})
}

// raised reports whether a limit allows more; nil is no limit.
func raised(was, is *uint256.Int) bool { return was != nil && (is == nil || is.Gt(was)) }

func (p *ApprovalPolicy) loosens(is *ApprovalPolicy) bool {
	return raised(p.AboveNative, is.AboveNative) || lost(p.NewRecipients, is.NewRecipients) || lost(p.UnlimitedApprovals, is.UnlimitedApprovals) || adds(is.Chains, p.Chains)
}
