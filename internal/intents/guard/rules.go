// Package guard decides whether the rules of an agent allow what it wants signed.
//
// Its promise: every way of giving something away counts against the same limits,
// at what it allows and not at what it moves, and what can't be read is refused
// where a rule would have to read it. It computes from its arguments only.
package guard

import (
	"strings"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Rules bound what is signed for an agent. The zero value of a field bounds
// nothing, except that contracts are created, texts and typed data signed only where
// a field says so. Those without a name in JSON are the contract's guardrails.
type Rules struct {
	To         []evm.Address `json:"-"` // recipients and spenders, through all calls
	MaxValue   *uint256.Int  `json:"-"` // wei of one transaction
	DailyLimit *uint256.Int  `json:"-"` // wei in 24 hours, on all chains together
	Chains     []string      `json:"-"` // by name
	Fields     Fields        `json:"-"`

	GasCounts         bool           `json:"gas_counts,omitempty"` // against the daily limit
	MaxFee            *uint256.Int   `json:"max_fee,omitempty"`    // wei for the gas of one transaction; nil: FeeTimes what nodes ask
	Functions         []FunctionRule `json:"functions,omitempty"`  // with any, no others are called on any chain
	Tokens            []TokenLimit   `json:"tokens,omitempty"`
	RefuseOtherTokens bool           `json:"refuse_other_tokens,omitempty"`
	Approval          ApprovalPolicy `json:"approval,omitzero"`
	AllowCreation     bool           `json:"allow_creation,omitempty"`
	Typed             []TypedRule    `json:"typed_data,omitempty"`
	AllowText         bool           `json:"allow_text,omitempty"` // EIP-191
	RequireSimulation bool           `json:"require_simulation,omitempty"`
	MaxPerDay         *int           `json:"max_per_day,omitempty"` // transactions in 24 hours; nil: no limit
}

// FunctionRule lets a function of a contract be called.
type FunctionRule struct {
	ChainID  uint64       `json:"chain_id"`
	Contract evm.Address  `json:"contract"`
	Function abi.Function `json:"function"` // its signature
	Args     []ArgRule    `json:"args,omitempty"`
}

// ArgRule is a condition on an argument. Of a list it holds for each element.
type ArgRule struct {
	Path   []int         `json:"path"` // the argument's number from 0, then those of fields of tuples
	In     []evm.Address `json:"in,omitempty"`
	AtMost *uint256.Int  `json:"at_most,omitempty"`
}

// TokenLimit bounds what is given away of a token, in its smallest unit.
type TokenLimit struct {
	ChainID uint64       `json:"chain_id"`
	Token   evm.Address  `json:"token"`
	PerTx   *uint256.Int `json:"per_transaction,omitempty"`
	PerDay  *uint256.Int `json:"per_day,omitempty"` // in 24 hours
}

// ApprovalPolicy says when a human is asked.
type ApprovalPolicy struct {
	AboveNative        *uint256.Int `json:"require_above_native,omitempty"` // wei
	NewRecipients      bool         `json:"require_for_new_recipients,omitempty"`
	UnlimitedApprovals bool         `json:"require_for_unlimited_approvals,omitempty"`
	Chains             []string     `json:"require_for_chains,omitempty"`
}

// TypedRule lets typed data be signed (EIP-712). What the domain leaves out, the
// rule leaves out too.
type TypedRule struct {
	Name        string       `json:"name,omitempty"`
	ChainID     uint64       `json:"chain_id,omitempty"`
	Contract    *evm.Address `json:"contract,omitempty"`
	PrimaryType string       `json:"primary_type"`
	Unread      bool         `json:"unread,omitempty"` // also where nobody knows what the type allows, although other rules would have to
}

const (
	maxRules = 1000
	maxPath  = 12
)

// Guardrails sets the contract's guardrails: accounts and names of chains, decimal
// ETH. Empty ones bound nothing. Accounts are taken in any case, as the contract has
// them.
func (r *Rules) Guardrails(to, chains []string, maxValue, dailyLimit string) (err error) {
	r.Chains, r.To = chains, nil
	for _, s := range to {
		a, err := evm.ParseAddress(strings.ToLower(s))
		if err != nil {
			return err
		}
		r.To = append(r.To, a)
	}
	if r.MaxValue, err = limit(maxValue); err == nil {
		r.DailyLimit, err = limit(dailyLimit)
	}
	return err
}

func limit(eth string) (*uint256.Int, error) {
	if eth == "" {
		return nil, nil
	}
	wei, err := evm.ParseETH(eth)
	return &wei, err
}

// Known are the functions on a chain that the rules vouch for, by contract, as
// meaning.Read takes them.
func (r *Rules) Known(chain uint64) map[evm.Address][]abi.Function {
	out := map[evm.Address][]abi.Function{}
	for i := range r.Functions {
		if f := &r.Functions[i]; f.ChainID == chain {
			out[f.Contract] = append(out[f.Contract], f.Function)
		}
	}
	return out
}

// Check refuses rules that can't be held, or that say the same thing twice.
func (r *Rules) Check() error {
	if max(len(r.To), len(r.Functions), len(r.Tokens), len(r.Typed), len(r.Chains), len(r.Approval.Chains)) > maxRules {
		return invalid("There are at most 1,000 rules of a kind.")
	}
	if !bounded(r.MaxValue) || !bounded(r.DailyLimit) || !bounded(r.Approval.AboveNative) || !bounded(r.MaxFee) || r.MaxPerDay != nil && *r.MaxPerDay < 0 {
		return invalid("A limit is from 0 to 2^255-1.")
	}
	for i := range r.Functions {
		if err := r.Functions[i].check(); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for _, t := range r.Tokens {
		key := Asset(t.ChainID, t.Token)
		if t.ChainID == 0 || t.Token.IsZero() || seen[key] {
			return invalid("A limit of a token names its chain and its contract, and each token has one.")
		}
		seen[key] = true
		if t.PerTx == nil && t.PerDay == nil || !bounded(t.PerTx) || !bounded(t.PerDay) {
			return invalid("A limit of a token has per_transaction, per_day or both, from 0 to 2^255-1.")
		}
	}
	for _, t := range r.Typed {
		if t.PrimaryType == "" || len(t.PrimaryType) > 128 || len(t.Name) > 256 {
			return invalid("A rule about typed data names its primary type, and the domain's name if there is one.")
		}
	}
	return nil
}

func (f *FunctionRule) check() error {
	if f.ChainID == 0 || f.Function.Name == "" {
		return invalid("A rule about a function names the chain, the contract and the function.")
	}
	for _, a := range f.Args {
		kind, ok := kindAt(f.Function.Inputs, a.Path)
		isAmount := a.AtMost != nil
		if !ok || isAmount == (len(a.In) > 0) || isAmount && kind != abi.Uint || !isAmount && kind != abi.Address || !bounded(a.AtMost) || len(a.In) > maxRules {
			return invalid("A condition on an argument is a list of addresses for an address, or at_most for an unsigned number, and its path leads to one.")
		}
	}
	return nil
}

// kindAt is the kind of an argument, of a list that of its elements.
func kindAt(types []abi.Type, path []int) (abi.Kind, bool) {
	if len(path) == 0 || len(path) > maxPath || path[0] < 0 || path[0] >= len(types) {
		return 0, false
	}
	t := &types[path[0]]
	for t.Elem != nil {
		t = t.Elem
	}
	if len(path) == 1 {
		return t.Kind, true
	}
	return kindAt(t.Fields, path[1:])
}

// bounded leaves room for sums that are over every limit.
func bounded(n *uint256.Int) bool { return n == nil || n.BitLen() <= 255 }

func invalid(detail string) error { return fault.New(fault.Invalid, "invalid_guard_rules", detail) }
