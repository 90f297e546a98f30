package guard

import (
	"fmt"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// reads reports whether a rule must know what is in calldata.
func (r *Rules) reads() bool { return len(r.To) > 0 || len(r.Functions) > 0 || r.rulesTokens() }

// reach asks whom an attempt calls and gives something.
func (r *Rules) reach(a *Attempt) *Denial {
	m := &a.Meaning
	if len(m.Unknown) > 0 && r.reads() && (a.Typed == nil || len(m.Calls) > 0) {
		return deny("undecodable", "What the call does at "+m.Unknown[0].String()+" can't be read, and this agent's rules would have to. A rule in functions for the function would let it pass.")
	}
	if len(r.To) > 0 {
		if a.To != nil && *a.To != a.From && !slices.Contains(r.To, *a.To) {
			return r.stranger(a.To)
		}
		for i := range m.Calls {
			if to := m.Calls[i].To; to != nil && *to != a.From && !slices.Contains(r.To, *to) {
				return r.stranger(to)
			}
		}
		for i := range m.Effects {
			e := &m.Effects[i]
			creation := e.Kind == meaning.NativeValue && e.To.IsZero() && m.Creates
			if !creation && e.To != a.From && !slices.Contains(r.To, e.To) && (e.Kind != meaning.NativeValue || !e.Amount.IsZero()) {
				return r.stranger(&e.To)
			}
		}
	}
	if len(r.Functions) > 0 {
		for i := range m.Calls {
			if len(m.Calls[i].Data) > 0 && m.Calls[i].To != nil && !r.mayCall(&m.Calls[i], &m.Functions[i]) {
				return deny("functions", "No rule of this agent lets it call this function of "+m.Calls[i].To.String()+" with these arguments. "+r.whatPasses(&m.Functions[i]))
			}
		}
	}
	return nil
}

func (r *Rules) stranger(a *evm.Address) *Denial {
	return deny("tx_to_allowlist", fmt.Sprintf("%s is not among the %d addresses in tx_to_allowlist. Only those, as recipients and as spenders, would pass.", a, len(r.To)))
}

func (r *Rules) mayCall(c *meaning.Call, in *meaning.Invocation) bool {
	for i := range r.Functions {
		f := &r.Functions[i]
		if f.Function.Selector == in.Selector && f.ChainID == c.ChainID && f.Contract == *c.To && in.Function != "" && f.holds(in.Args) {
			return true
		}
	}
	return false
}

func (f *FunctionRule) holds(args []abi.Value) bool {
	for i := range f.Args {
		if !f.Args[i].holds(args, f.Args[i].Path) {
			return false
		}
	}
	return true
}

func (c *ArgRule) holds(args []abi.Value, path []int) bool {
	return len(path) > 0 && path[0] < len(args) && c.each(&args[path[0]], path[1:])
}

// each holds for every element of lists on the way.
func (c *ArgRule) each(v *abi.Value, path []int) bool {
	switch {
	case v.Kind == abi.List || v.Kind == abi.Array:
		for i := range v.List {
			if !c.each(&v.List[i], path) {
				return false
			}
		}
		return true
	case len(path) > 0:
		return v.Kind == abi.Tuple && c.holds(v.List, path)
	case c.AtMost != nil:
		return v.Kind == abi.Uint && !v.Word.Gt(c.AtMost)
	}
	return v.Kind == abi.Address && slices.Contains(c.In, v.Address())
}
