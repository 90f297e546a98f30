package intents

import (
	"slices"
	"strconv"
	"strings"
)

// Changed is one guardrail that a change made another.
type Changed struct{ Name, Text string }

// Changes says which guardrails a change made others: each from what to what.
func Changes(was, is *Guardrails) (out []Changed) {
	for _, f := range []struct {
		name    string
		was, is string
	}{{"tx_max_value_eth", was.MaxValueETH, is.MaxValueETH}, {"tx_daily_limit_eth", was.DailyLimitETH, is.DailyLimitETH}} {
		if f.was != f.is {
			out = append(out, Changed{f.name, orNone(f.was) + " to " + orNone(f.is)})
		}
	}
	for _, f := range []struct {
		name    string
		was, is []string
	}{{"tx_to_allowlist", was.ToAllowlist, is.ToAllowlist}, {"tx_allowed_chains", was.AllowedChains, is.AllowedChains}} {
		if !slices.Equal(f.was, f.is) {
			out = append(out, Changed{f.name, listed(f.was) + " to " + listed(f.is)})
		}
	}
	return append(out, was.Fields.changes(&is.Fields)...)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// maxNamed is how many entries of a list are named.
const maxNamed = 16

func listed(list []string) string {
	switch n := len(list); {
	case n == 0:
		return "any"
	case n > maxNamed:
		return strings.Join(list[:maxNamed], ",") + " and " + strconv.Itoa(n-maxNamed) + " more"
	}
	return strings.Join(list, ",")
}

// Copy sets the guardrail of a name to what it is elsewhere.
func (g *Guardrails) Copy(from *Guardrails, name string) {
	switch name {
	case "tx_to_allowlist":
		g.ToAllowlist = from.ToAllowlist
	case "tx_allowed_chains":
		g.AllowedChains = from.AllowedChains
	case "tx_max_value_eth":
		g.MaxValueETH = from.MaxValueETH
	case "tx_daily_limit_eth":
		g.DailyLimitETH = from.DailyLimitETH
	default:
		g.Fields.copy(&from.Fields, name)
	}
}
