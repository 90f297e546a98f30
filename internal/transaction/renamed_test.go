package transaction_test

import (
	"slices"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// on pays on a chain of another name.
func on(chain string) func(*transaction.Draft) {
	return func(d *transaction.Draft) { d.Chain = chain }
}

// chains are the calls of a platform admin about chains.
type chains struct {
	b  *bench
	by policy.Principal
}

func (c chains) call() *call.Call { return c.b.Call(c.by, policy.ManageChains) }

func (c chains) find(name string) intents.Chain {
	c.b.t.Helper()
	all, err := c.b.Chains.All(c.b.t.Context(), c.b.Call(c.by, policy.ListAllChains))
	c.b.must(err)
	i := slices.IndexFunc(all, func(x intents.Chain) bool { return x.Name == name })
	if i < 0 {
		c.b.t.Fatalf("no chain %q", name)
	}
	return all[i]
}

func (c chains) change(name string, change func(*intents.Chain)) {
	c.b.t.Helper()
	_, err := c.b.Chains.Update(c.b.t.Context(), c.call(), c.find(name).ID, change)
	c.b.must(err)
}

func (c chains) rename(was, is string) {
	c.b.t.Helper()
	c.change(was, func(chain *intents.Chain) { chain.Name = is })
}

// readd removes a chain and adds it under another name.
func (c chains) readd(was, is string) {
	c.b.t.Helper()
	chain := c.find(was)
	c.b.must(c.b.Chains.Remove(c.b.t.Context(), c.call(), chain.ID))
	chain.Name = is
	_, err := c.b.Chains.Create(c.b.t.Context(), c.call(), chain)
	c.b.must(err)
}

// TestARuleHoldsOnAChainOfAnotherName: whoever manages chains must not take what has a human asked.
func TestARuleHoldsOnAChainOfAnotherName(t *testing.T) {
	b := open(t)
	admin := chains{b, b.Boss("renamer")}
	above := func(on string) intents.FieldsPatch {
		return intents.FieldsPatch{Approval: patch.Value(intents.ApprovalPolicy{AboveNative: map[string]string{on: "0.001"}})}
	}
	all := func(on string) intents.FieldsPatch {
		return intents.FieldsPatch{Approval: patch.Value(intents.ApprovalPolicy{Chains: []string{on}})}
	}
	none := intents.FieldsPatch{Approval: patch.Null[intents.ApprovalPolicy]()}
	asked := func(what, chain string) {
		t.Helper()
		_, _, err := b.try(pay("0.1", on(chain)))
		b.refused(what, err, fault.Denied, "approval_required")
	}
	b.field(above("anvil"))
	asked("before", "anvil")
	admin.rename("anvil", "anvilx")
	asked("an amount, renamed", "anvilx")
	asked("an amount, by number", "31337")
	b.field(all("ANVILX"))
	admin.readd("anvilx", "anvily")
	asked("all on it, added again", "anvily")
	b.field(none)
	b.rules(`{"approval": {"require_for_chains": ["anvily"]}}`)
	asked("a rule", "anvily")
	admin.readd("anvily", "anvilz")
	asked("a rule, added again", "anvilz")
	b.rules(`{"approval": {"require_for_chains": ["31337"]}}`)
	admin.rename("anvilz", "anvil")
	asked("a rule that names the number", "anvil")
	b.rules(`{}`)
	b.field(above("31337"))
	asked("an amount on the number", "anvil")
	b.field(none)
	if _, _, err := b.try(pay("0.1")); err != nil {
		t.Errorf("nothing asks: %v", err)
	}
}

// TestAnotherChainDoesNotGetAnAllowedName: an agent that may use one chain does not get another
// by a change of names, and keeps its own.
func TestAnotherChainDoesNotGetAnAllowedName(t *testing.T) {
	b := open(t)
	admin := chains{b, b.Boss("renamer")}
	allow := func(names ...string) {
		t.Helper()
		_, err := b.Agents.UpdateAgent(t.Context(), b.Call(b.Here(b.owner), policy.UpdateAgent), b.payer.ID, agent.Patch{Guardrails: intents.Patch{AllowedChains: patch.Value(names)}})
		b.must(err)
	}
	allow("anvil")
	admin.rename("anvil", "moved")
	if _, _, err := b.try(pay("0.1", on("moved"))); err != nil {
		t.Errorf("its chain under another name: %v", err)
	}
	allow("sepolia")
	_, _, err := b.try(pay("0.1", on("moved")))
	b.refused("a chain that is not allowed", err, fault.Denied, "guardrail_tx_allowed_chains")
	admin.rename("sepolia", "was-sepolia")
	admin.rename("moved", "sepolia")
	_, _, err = b.try(pay("0.1", on("sepolia")))
	b.refused("a chain that got the name of another", err, fault.Denied, "guardrail_tx_allowed_chains")
	allow("31337")
	if _, _, err := b.try(pay("0.1", on("sepolia"))); err != nil {
		t.Errorf("a chain that is allowed by number: %v", err)
	}
}

// TestALimitNamesAChainThatIsThere: a rule about a chain that nobody knows would bound nothing,
// without a word.
func TestALimitNamesAChainThatIsThere(t *testing.T) {
	b := open(t)
	update := func(p intents.Patch) error {
		_, err := b.Agents.UpdateAgent(t.Context(), b.Call(b.Here(b.owner), policy.UpdateAgent), b.payer.ID, agent.Patch{Guardrails: p})
		return err
	}
	approval := func(p intents.ApprovalPolicy) intents.Patch {
		return intents.Patch{FieldsPatch: intents.FieldsPatch{Approval: patch.Value(p)}}
	}
	for _, name := range []string{"anvil", "Base", "31337", "8453"} {
		for what, p := range map[string]intents.Patch{
			"allowed": {AllowedChains: patch.Value([]string{name})}, "asked": approval(intents.ApprovalPolicy{Chains: []string{name}}),
			"above": approval(intents.ApprovalPolicy{AboveNative: map[string]string{name: "1"}}),
		} {
			if err := update(p); err != nil {
				t.Errorf("%s %s: %v", what, name, err)
			}
		}
		b.rules(`{"approval": {"require_for_chains": ["` + name + `"]}}`)
	}
	for _, name := range []string{"anvill", "31338", "0"} {
		b.refused("allowed "+name, update(intents.Patch{AllowedChains: patch.Value([]string{"anvil", name})}), fault.Invalid, "unknown_chain")
		b.refused("asked "+name, update(approval(intents.ApprovalPolicy{Chains: []string{name}})), fault.Invalid, "unknown_chain")
		b.refused("above "+name, update(approval(intents.ApprovalPolicy{AboveNative: map[string]string{name: "1"}})), fault.Invalid, "unknown_chain")
		_, err := b.svc.SetGuard(t.Context(), b.Call(b.Here(b.owner), policy.UpdateGuard), b.payer.ID, []byte(`{"approval": {"require_for_chains": ["`+name+`"]}}`))
		b.refused("a rule for "+name, err, fault.Invalid, "unknown_chain")
	}
}
