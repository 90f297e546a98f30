package transaction_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// anvil is the bench's chain.
func (b *bench) anvil() intents.Chain {
	b.t.Helper()
	all, err := b.DB.EVMChains(b.t.Context())
	b.must(err)
	for _, c := range all {
		if c.Name == "anvil" {
			return c
		}
	}
	b.t.Fatal("there is no chain")
	return intents.Chain{}
}

// TestAPersonCancelsOnADisabledChain: to disable it stops agents, and not who stops what they sent.
func TestAPersonCancelsOnADisabledChain(t *testing.T) {
	b := open(t, limited("1"))
	tx := b.waiting(pay("0.5"))
	_, err := b.Chains.Update(t.Context(), b.Call(b.boss, policy.ManageChains), b.anvil().ID, func(c *intents.Chain) { c.Enabled = false })
	b.must(err)
	_, err = b.ownerReplaces(tx.ID, speedup)
	b.refused("faster", err, fault.NotFound, "chain_not_found")
	_, _, err = b.try(pay("0.1"))
	b.refused("another", err, fault.NotFound, "chain_not_found")
	b.gate.on("eth_sendRawTransaction", away)
	stop, err := b.ownerReplaces(tx.ID, cancel)
	b.must(err)
	b.gate.on("eth_sendRawTransaction", nil)
	b.look(1)
	b.deep()
	b.stands(stop.ID, transaction.Broadcast, transaction.Success)
	b.got("0")
}

// TestARemovedChainSaysHowToCancelOnIt: the answer is not that of a name that nobody knows.
func TestARemovedChainSaysHowToCancelOnIt(t *testing.T) {
	b := open(t)
	tx := b.waiting(pay("0.5"))
	b.must(b.Chains.Remove(t.Context(), b.Call(b.Here(b.boss), policy.ManageChains), b.anvil().ID))
	_, err := b.ownerReplaces(tx.ID, cancel)
	b.refused("a cancel", err, fault.NotFound, "chain_not_found")
	if said, ok := errors.AsType[*fault.Error](err); !ok || !strings.Contains(said.Detail, "removed") {
		t.Errorf("it says %v", err)
	}
}
