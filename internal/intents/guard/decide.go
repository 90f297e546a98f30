package guard

import (
	"slices"
	"strings"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// Decide says whether the rules allow an attempt, given what was spent. The rules
// are asked in a fixed order: what the attempt is, whom it reaches, how much.
func Decide(r *Rules, a *Attempt, s *Spent) Verdict {
	if a.Text {
		if !r.texts() {
			return denied(deny("allow_text", "This agent may not sign texts (EIP-191). Set allow_text, or message_signing_enabled of the agent, to let it."))
		}
		if d := r.onChain(a); d != nil {
			return denied(d)
		}
		return Verdict{Allow: true, NeedsApproval: r.asks(a, new(uint256.Int), s)}
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
	if a.ChainID == 0 {
		return deny("chain_id", "What is signed for chain id 0 is good on every chain. Name a chain.")
	}
	if d := r.onChain(a); d != nil {
		return d
	}
	if m.Authorizes {
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
	if (r.MaxValue != nil || r.DailyLimit != nil || r.above(a) != nil) && slices.ContainsFunc(m.Unknown, meaning.OwnCoin) {
		return deny("undecodable", "It has the contract of the chain's own coin run a function that can't be read, which could pay any amount. A payment, or the standard functions of a token, would pass.")
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

func (r *Rules) onChain(a *Attempt) *Denial {
	if len(r.Chains) == 0 || a.allowedBy(r.Chains) {
		return nil
	}
	if slices.ContainsFunc(r.Chains, a.isNamed) {
		return deny("tx_allowed_chains", "Another chain has or had the name by which this agent may use this chain. Its number in place of the name would let it pass.")
	}
	return deny("tx_allowed_chains", "This agent may not use this chain. It may use "+strings.Join(r.Chains, ", ")+".")
}

func (r *Rules) rulesTokens() bool { return len(r.Tokens) > 0 || r.RefuseOtherTokens }

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
	match = match || r.Fields.domain(a.Typed)
	switch {
	case !match:
		return deny("typed_data", "No rule of this agent lets it sign typed data of this domain and primary type. A rule in typed_data with its name, chain_id, contract and primary_type would, or its contract in eip712_domain_allowlist of the agent.")
	case d.ChainID != nil && *d.ChainID != a.ChainID:
		return deny("typed_data", "The chain of the domain is another than the one that was named.")
	case d.ChainID == nil && len(a.Meaning.Effects)+len(a.Meaning.Calls) > 0:
		return deny("typed_data", "The domain names no chain, so what it allows would be good on every chain. With a chain id it would pass.")
	case len(a.Meaning.Unknown) > 0 && len(a.Meaning.Calls) == 0 && !unread && r.reads():
		return deny("undecodable", "Nobody knows what typed data of this type allows, and this agent's rules would have to. A rule with unread set would let it pass.")
	}
	return nil
}
