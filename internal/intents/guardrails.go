package intents

import (
	"math/big"
	"regexp"
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
}

// Check refuses guardrails that can't be held.
func (g *Guardrails) Check() error {
	switch {
	case len(g.ToAllowlist) > maxAddresses || !all(g.ToAllowlist, account):
		return invalid("invalid_tx_to_allowlist", "tx_to_allowlist must be at most 1,000 addresses: 0x and 40 hexadecimal digits.")
	case len(g.AllowedChains) > maxAllowed || !all(g.AllowedChains, chain):
		return invalid("invalid_tx_allowed_chains", "tx_allowed_chains must be at most 100 names of chains.")
	case g.MaxValueETH != "" && !amount.MatchString(g.MaxValueETH):
		return invalid("invalid_tx_max_value_eth", "tx_max_value_eth must be a decimal number of ETH in quotes, such as \"0.5\".")
	case g.DailyLimitETH != "" && !amount.MatchString(g.DailyLimitETH):
		return invalid("invalid_tx_daily_limit_eth", "tx_daily_limit_eth must be a decimal number of ETH in quotes, such as \"0.5\".")
	}
	return nil
}

func all(list []string, re *regexp.Regexp) bool {
	for _, s := range list {
		if !re.MatchString(s) {
			return false
		}
	}
	return true
}

// Raises reports whether a limit in ETH allows more than the one before it: empty is
// no limit.
func Raises(was, is string) bool {
	before, ok := new(big.Rat).SetString(was)
	now, good := new(big.Rat).SetString(is)
	return was != "" && (!ok || !good || now.Cmp(before) > 0)
}
