package intents

import (
	"math/big"
	"regexp"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/patch"
)

// Bounds of guardrails.
const (
	maxAddresses = 1000
	maxAllowed   = 100
)

var (
	account = regexp.MustCompile(`^0x[0-9a-fA-F]{40}$`)
	amount  = regexp.MustCompile(`^[0-9]{1,30}(\.[0-9]{1,18})?$`)
	chain   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
)

// Guardrails bound the transactions that an agent may have signed. Empty fields
// bound nothing.
type Guardrails struct {
	ToAllowlist                []string // accounts
	AllowedChains              []string // by name
	MaxValueETH, DailyLimitETH string   // decimal
	Fields
}

// Check refuses guardrails that can't be held.
func (g *Guardrails) Check() error {
	switch {
	case len(g.ToAllowlist) > maxAddresses || !all(g.ToAllowlist, account):
		return invalid("invalid_tx_to_allowlist", "tx_to_allowlist must be at most 1,000 addresses: 0x and 40 hexadecimal digits.")
	case len(g.AllowedChains) > maxAllowed || !all(g.AllowedChains, chain):
		return invalid("invalid_tx_allowed_chains", "tx_allowed_chains must be at most 100 names of chains.")
	case g.MaxValueETH != "" && !amount.MatchString(g.MaxValueETH):
		return invalid("invalid_tx_max_value_eth", "tx_max_value_eth must be a decimal number of the chain's coin in quotes, such as \"0.5\".")
	case g.DailyLimitETH != "" && !amount.MatchString(g.DailyLimitETH):
		return invalid("invalid_tx_daily_limit_eth", "tx_daily_limit_eth must be a decimal number of the chain's coin in quotes, such as \"0.5\".")
	}
	return g.check()
}

func all(list []string, re *regexp.Regexp) bool {
	for _, s := range list {
		if !re.MatchString(s) {
			return false
		}
	}
	return true
}

// Caps are the guardrails, for whoever holds that they are not loosened.
func Caps() []patch.Cap[Guardrails] {
	return append([]patch.Cap[Guardrails]{
		patch.ListCap("tx_to_allowlist", func(g *Guardrails) []string { return g.ToAllowlist }),
		patch.ListCap("tx_allowed_chains", func(g *Guardrails) []string { return g.AllowedChains }),
		amountCap("tx_max_value_eth", func(g *Guardrails) string { return g.MaxValueETH }),
		amountCap("tx_daily_limit_eth", func(g *Guardrails) string { return g.DailyLimitETH }),
	}, Fields{}.caps()...)
}

// Loosens reports whether guardrails allow what those before them did not.
func Loosens(was, is *Guardrails) bool {
	return slices.ContainsFunc(Caps(), func(c patch.Cap[Guardrails]) bool { return c.Lifts(was, is) })
}

func amountCap(name string, of func(*Guardrails) string) patch.Cap[Guardrails] {
	return patch.NewCap(name, func(g *Guardrails) bool { return of(g) != "" }, func(was, is *Guardrails) bool { return raises(of(was), of(is)) })
}

// raises reports whether a limit in ETH allows more than the one before it: empty is
// no limit.
func raises(was, is string) bool {
	before, ok := new(big.Rat).SetString(was)
	now, good := new(big.Rat).SetString(is)
	return was != "" && (!ok || !good || now.Cmp(before) > 0)
}

// Patch is what changes in guardrails. Null lifts one.
type Patch struct {
	ToAllowlist, AllowedChains patch.Field[[]string]
	MaxValueETH, DailyLimitETH patch.Field[string]
	FieldsPatch
}

// Apply changes g, which Check then looks at as a whole.
func (p *Patch) Apply(g *Guardrails) error {
	p.MaxValueETH.Clear(&g.MaxValueETH)
	p.DailyLimitETH.Clear(&g.DailyLimitETH)
	p.apply(&g.Fields)
	if err := patch.List("tx_to_allowlist", &g.ToAllowlist, p.ToAllowlist); err != nil {
		return err
	}
	return patch.List("tx_allowed_chains", &g.AllowedChains, p.AllowedChains)
}

// Names says which guardrails were sent.
func (p *Patch) Names() map[string]bool {
	return p.names(map[string]bool{
		"tx_to_allowlist": p.ToAllowlist.Set, "tx_allowed_chains": p.AllowedChains.Set,
		"tx_max_value_eth": p.MaxValueETH.Set, "tx_daily_limit_eth": p.DailyLimitETH.Set,
	})
}
