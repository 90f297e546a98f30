package agent

import (
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// agentCap is a field of an agent that restricts it. Who manages the organisation may
// set it, and then only such a person lifts it again: the agent's own human may
// only make it tighter.
type agentCap struct {
	name string
	// set reports whether the field restricts the agent.
	set func(a *Agent) bool
	// lifts reports whether is allows what was did not.
	lifts func(was, is *Agent) bool
}

var agentCaps = []agentCap{
	{"is_active", func(a *Agent) bool { return !a.Active }, func(was, is *Agent) bool { return is.Active && !was.Active }},
	{"expires_at", func(a *Agent) bool { return !a.ExpiresAt.IsZero() }, func(was, is *Agent) bool {
		return !was.ExpiresAt.IsZero() && (is.ExpiresAt.IsZero() || is.ExpiresAt.After(was.ExpiresAt))
	}},
	{"token_ttl_seconds", func(a *Agent) bool { return a.TokenTTL != 0 }, func(was, is *Agent) bool {
		return was.TokenTTL != 0 && (is.TokenTTL == 0 || is.TokenTTL > was.TokenTTL)
	}},
	{"scopes", func(a *Agent) bool { return len(a.Scopes) > 0 }, func(was, is *Agent) bool { return policy.Lifts(was.Scopes, is.Scopes) }},
	listCap("vault_ids", func(a *Agent) []string { return a.VaultIDs }),
	listCap("tx_to_allowlist", func(a *Agent) []string { return lowerAll(a.ToAllowlist) }),
	listCap("tx_allowed_chains", func(a *Agent) []string { return lowerAll(a.AllowedChains) }),
	amountCap("tx_max_value_eth", func(a *Agent) string { return a.MaxValueETH }),
	amountCap("tx_daily_limit_eth", func(a *Agent) string { return a.DailyLimitETH }),
	// Both ways of an Intents agent give something: to sign, or to see the keys.
	{"intents_api_enabled", func(a *Agent) bool { return a.Intents }, func(was, is *Agent) bool { return is.Intents != was.Intents }},
	{"shroud_enabled", func(a *Agent) bool { return a.Shroud }, func(was, is *Agent) bool { return was.Shroud && !is.Shroud }},
	{"shroud_config", func(a *Agent) bool { return a.ShroudConfig != nil }, func(was, is *Agent) bool {
		return was.ShroudConfig != nil && string(is.ShroudConfig) != string(was.ShroudConfig)
	}},
}

func listCap(name string, of func(*Agent) []string) agentCap {
	return agentCap{name, func(a *Agent) bool { return len(of(a)) > 0 }, func(was, is *Agent) bool {
		before, now := of(was), of(is)
		return len(before) > 0 && (len(now) == 0 || slices.ContainsFunc(now, func(s string) bool { return !slices.Contains(before, s) }))
	}}
}

func amountCap(name string, of func(*Agent) string) agentCap {
	return agentCap{name, func(a *Agent) bool { return of(a) != "" }, func(was, is *Agent) bool {
		return intents.Raises(of(was), of(is))
	}}
}

// hold keeps what a caller may do to the caps of an agent: who manages the
// organisation holds each that it touched and left restricted; others lift none
// that is held. The fields that were sent are touched, and is_active by
// deactivating.
func (a *Agent) hold(was *Agent, manages bool, touched []string) error {
	for _, c := range agentCaps {
		held := slices.Contains(a.Held, c.name)
		if slices.Contains(touched, c.name) && c.lifts(was, a) {
			a.Widened, a.Lifted = true, a.Lifted || held
		}
		switch {
		case manages && slices.Contains(touched, c.name):
			a.Held = slices.DeleteFunc(slices.Clone(a.Held), func(s string) bool { return s == c.name })
			if c.set(a) {
				a.Held = append(a.Held, c.name)
			}
		case !manages && held && c.lifts(was, a):
			return fault.New(fault.Denied, "set_by_manager",
				"An owner or admin set "+c.name+", and only an owner or admin loosens it. You may make it tighter.")
		}
	}
	return nil
}

// touched are the caps that a patch names.
func (p *Patch) touched() []string {
	var names []string
	for name, set := range map[string]bool{
		"is_active": p.Active.Set, "expires_at": p.ExpiresAt.Set, "token_ttl_seconds": p.TokenTTL.Set, "scopes": p.Scopes.Set,
		"vault_ids": p.VaultIDs.Set, "tx_to_allowlist": p.ToAllowlist.Set, "tx_allowed_chains": p.AllowedChains.Set,
		"tx_max_value_eth": p.MaxValueETH.Set, "tx_daily_limit_eth": p.DailyLimETH.Set, "intents_api_enabled": p.Intents.Set,
		"shroud_enabled": p.Shroud.Set, "shroud_config": p.ShroudConfig.Set,
	} {
		if set {
			names = append(names, name)
		}
	}
	return names
}

// everyCap is what registering an agent touches.
func everyCap() []string {
	names := make([]string, len(agentCaps))
	for i, c := range agentCaps {
		names[i] = c.name
	}
	return names
}
