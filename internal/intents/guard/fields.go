package guard

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// Fields are the rules that are fields of the agent, and that Rules have too: they hold
// beside those. Of two limits the tighter one holds, and a human is asked where one of the
// two says so; texts and typed data are signed where one of the two allows them.
type Fields struct {
	MaxPerDay          *int                    // transactions in 24 hours; nil: no limit
	AboveNative        map[string]*uint256.Int // wei, by the chain's name in lower case, or its number: a human is asked above it
	NewRecipients      bool                    // a human is asked
	UnlimitedApprovals bool                    // the same
	AskOn              []string                // chains on which a human is asked about everything
	Texts              bool                    // may be signed
	Domains            []Domain                // typed data of these may be signed
}

// Domain lets typed data of a contract be signed. What is zero may be any.
type Domain struct {
	Contract    evm.Address
	Name        string
	ChainID     uint64
	PrimaryType string
}

// perDay is the tighter limit of transactions in 24 hours, and the rule that says it.
func (r *Rules) perDay() (most int, rule string, limited bool) {
	own, field := r.MaxPerDay, r.Fields.MaxPerDay
	switch {
	case field != nil && (own == nil || *field <= *own):
		return *field, "tx_max_per_day", true
	case own != nil:
		return *own, "max_per_day", true
	}
	return 0, "", false
}

func (r *Rules) countsTransactions(s *Spent) *Denial {
	most, rule, limited := r.perDay()
	if !limited || s.Count < most {
		return nil
	}
	text := fmt.Sprintf("This agent made %d transactions in 24 hours, and may make %d. The next passes when the oldest is a day old.", s.Count, most)
	if most == 0 {
		text = "This agent may make no transactions: " + rule + " is 0."
	}
	return &Denial{Rule: rule, Text: text, Limit: strconv.Itoa(most), Asked: "1", Left: "0"}
}

// above is the largest payment on the chain of which no human is asked, or nil.
func (r *Rules) above(a *Attempt) *uint256.Int {
	least := r.Approval.AboveNative
	for chain, most := range r.Fields.AboveNative {
		if a.isNamed(chain) && (least == nil || most.Lt(least)) {
			least = most
		}
	}
	return least
}

func (r *Rules) asksNew() bool { return r.Approval.NewRecipients || r.Fields.NewRecipients }
func (r *Rules) asksUnlimited() bool {
	return r.Approval.UnlimitedApprovals || r.Fields.UnlimitedApprovals
}
func (r *Rules) texts() bool { return r.AllowText || r.Fields.Texts }

func (r *Rules) asksOn(a *Attempt) bool {
	return slices.ContainsFunc(r.Approval.Chains, a.isNamed) || slices.ContainsFunc(r.Fields.AskOn, a.isNamed)
}

// domain reports whether a field of the agent lets typed data be signed.
func (f *Fields) domain(t *Typed) bool {
	d := &t.Domain
	return d.VerifyingContract != nil && slices.ContainsFunc(f.Domains, func(of Domain) bool {
		return of.Contract == *d.VerifyingContract && (of.Name == "" || of.Name == d.Name) &&
			(of.ChainID == 0 || d.ChainID != nil && *d.ChainID == of.ChainID) && (of.PrimaryType == "" || of.PrimaryType == t.PrimaryType)
	})
}

// words are the rules about asking and domains in sentences.
func (f *Fields) words(say func(format string, args ...any)) {
	for _, on := range slices.Sorted(maps.Keys(f.AboveNative)) {
		say("On %s a human approves payments above %s of the chain's coin.", on, evm.FormatETH(f.AboveNative[on]))
	}
	for _, d := range f.Domains {
		what := "any type"
		if d.PrimaryType != "" {
			what = d.PrimaryType
		}
		text := "It may sign typed data of " + what + " of the contract " + d.Contract.String()
		if d.Name != "" {
			text += " with the name " + strconv.Quote(d.Name)
		}
		if d.ChainID != 0 {
			text += " on chain " + strconv.FormatUint(d.ChainID, 10)
		}
		say("%s.", text)
	}
}
