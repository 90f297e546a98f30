package agent

import (
	"maps"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
)

// agentCaps are the fields of an agent that restrict it. Who manages the organisation may
// set one, and then only such a person lifts it again: the agent's own human may
// only make it tighter.
var agentCaps = slices.Concat(
	[]patch.Cap[Agent]{
		patch.NewCap("is_active", func(a *Agent) bool { return !a.Active }, func(was, is *Agent) bool { return is.Active && !was.Active }),
		patch.NewCap("expires_at", func(a *Agent) bool { return !a.ExpiresAt.IsZero() }, func(was, is *Agent) bool {
			return !was.ExpiresAt.IsZero() && (is.ExpiresAt.IsZero() || is.ExpiresAt.After(was.ExpiresAt))
		}),
		patch.NewCap("token_ttl_seconds", func(a *Agent) bool { return a.TokenTTL != 0 }, func(was, is *Agent) bool {
			return was.TokenTTL != 0 && (is.TokenTTL == 0 || is.TokenTTL > was.TokenTTL)
		}),
		patch.NewCap("scopes", func(a *Agent) bool { return len(a.Scopes) > 0 }, func(was, is *Agent) bool { return policy.Lifts(was.Scopes, is.Scopes) }),
		patch.ListCap("vault_ids", func(a *Agent) []string { return a.VaultIDs }),
	},
	patch.Within(func(a *Agent) *intents.Guardrails { return &a.Guardrails }, intents.Caps()...),
	[]patch.Cap[Agent]{
		switchCap("intents_api_enabled", func(a *Agent) bool { return a.Intents }),
		patch.NewCap("reveal", func(a *Agent) bool { return a.NoReveal }, func(was, is *Agent) bool { return was.NoReveal && !is.NoReveal }),
		switchCap("shroud_enabled", func(a *Agent) bool { return a.Shroud }),
	},
	patch.Within(func(a *Agent) *shroud.Config { return &a.ShroudConfig }, shroud.Cap()),
	patch.Within(func(a *Agent) *execution.Settings { return &a.Execution }, execution.Caps()...),
)

// switchCap is the cap of what gives something both ways: to sign or to see the keys, to call
// models or to call them with what is not looked at. Who manages the organisation decides
// it either way.
func switchCap(name string, on func(*Agent) bool) patch.Cap[Agent] {
	return patch.NewCap(name, func(*Agent) bool { return true }, func(was, is *Agent) bool { return on(is) != on(was) })
}

// hold keeps what a caller may do to the caps of an agent: who manages the
// organisation holds each that it touched and left restricted; others lift none
// that is held. The fields that were sent are touched, and is_active by
// deactivating.
func (a *Agent) hold(was *Agent, manages bool, touched []string) error {
	for _, c := range agentCaps {
		held := slices.Contains(a.Held, c.Name)
		bound := was.heldAt(c)
		if slices.Contains(touched, c.Name) && c.Lifts(was, a) {
			a.Widened, a.Lifted = true, a.Lifted || held && c.Lifts(bound, a)
		}
		switch {
		case manages && slices.Contains(touched, c.Name):
			a.Held = slices.DeleteFunc(slices.Clone(a.Held), func(s string) bool { return s == c.Name })
			a.HeldLimits.Copy(&a.Guardrails, c.Name)
			if c.Set(a) {
				a.Held = append(a.Held, c.Name)
			}
		case !manages && held && c.Lifts(bound, a):
			return fault.New(fault.Denied, "set_by_manager",
				"An owner or admin set "+c.Name+", and only an owner or admin loosens it. You may make it tighter.")
		}
	}
	return nil
}

// heldAt is the agent with a cap as it is held: of a limit of transactions that is what an owner
// or admin set, where that is known, and else what it is now.
func (a *Agent) heldAt(c patch.Cap[Agent]) *Agent {
	at := *a
	at.Guardrails.Copy(&a.HeldLimits, c.Name)
	if !c.Set(&at) {
		return a
	}
	return &at
}

// touched are the caps that a patch names.
func (p *Patch) touched() []string {
	names := p.Guardrails.Names()
	maps.Copy(names, map[string]bool{
		"is_active": p.Active.Set, "expires_at": p.ExpiresAt.Set, "token_ttl_seconds": p.TokenTTL.Set, "scopes": p.Scopes.Set,
		"vault_ids": p.VaultIDs.Set, "intents_api_enabled": p.Intents.Set, "shroud_enabled": p.Shroud.Set, "reveal": p.NoReveal.Set,
		"shroud_config": p.ShroudConfig.Set, "execution_intents_enabled": p.Executes.Set, "execution_guardrails": p.Bounds.Set,
	})
	maps.DeleteFunc(names, func(_ string, sent bool) bool { return !sent })
	return slices.Collect(maps.Keys(names))
}

// registered are the caps that registering an agent touches: all but the switches that it
// leaves off.
func (a *Agent) registered() (names []string) {
	off := map[string]bool{"intents_api_enabled": !a.Intents, "shroud_enabled": !a.Shroud, "execution_intents_enabled": !a.Execution.Enabled}
	for _, c := range agentCaps {
		if !off[c.Name] {
			names = append(names, c.Name)
		}
	}
	return names
}
