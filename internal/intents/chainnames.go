package intents

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Names are those that the chain of a number has or had. Rules name chains, and a chain gets
// another name by a click: what has a human asked holds under each.
type Names struct {
	All    []string
	Shared []string // of these: another number has or had it too, so nothing is allowed by it
}

// ErrUnknownChain is of a limit that would bound nothing.
var ErrUnknownChain = invalid("unknown_chain", "A limit names a chain that this server does not know. Take its name, or its number in quotes, as GET /v1/chains has it.")

// NewChains are the names and numbers of chains that guardrails name, and those before them
// did not.
func (g *Guardrails) NewChains(was *Guardrails) []string {
	had, out := was.chains(), g.chains()
	maps.DeleteFunc(out, func(name string, _ bool) bool { return had[name] })
	return slices.Sorted(maps.Keys(out))
}

func (g *Guardrails) chains() map[string]bool {
	out := map[string]bool{}
	for _, name := range slices.Concat(g.AllowedChains, g.Approval.Chains, slices.Collect(maps.Keys(g.Approval.AboveNative))) {
		out[strings.ToLower(name)] = true
	}
	return out
}

// NamedChains knows chains by name and number.
type NamedChains interface {
	// KnowsChain reports whether a chain has or had a name, or a number.
	KnowsChain(ctx context.Context, name string, number int64) (bool, error)
}

// KnowChains refuses names and numbers of which one is, and was, no chain's.
func KnowChains(ctx context.Context, store NamedChains, namesOrNumbers []string) error {
	for _, name := range namesOrNumbers {
		known, err := store.KnowsChain(ctx, strings.ToLower(name), number(name))
		if err == nil && !known {
			err = ErrUnknownChain
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// number is the number that a rule names a chain by; 0, which no chain has, for a name.
func number(nameOrNumber string) int64 {
	n, err := strconv.ParseInt(nameOrNumber, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != nameOrNumber {
		return 0
	}
	return n
}

// Names returns all names that the chain of a number has or had.
func (s *Chains) Names(ctx context.Context, number int64) (Names, error) {
	return s.Store.ChainNames(ctx, number)
}

// Know is KnowChains of all chains.
func (s *Chains) Know(ctx context.Context, namesOrNumbers []string) error {
	return KnowChains(ctx, s.Store, namesOrNumbers)
}
