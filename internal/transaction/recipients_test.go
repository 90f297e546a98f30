package transaction_test

import (
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// TestARecipientIsKnownOnItsChain: who got a little on a test chain is nobody whom the agent pays for real.
func TestARecipientIsKnownOnItsChain(t *testing.T) { knownOnItsChain(t) }

func knownOnItsChain(t *testing.T) {
	b := open(t)
	const number = 31338
	other := evmnode.Anvil(t, "--chain-id", "31338")
	_, err := b.Chains.Create(t.Context(), b.Call(b.Boss("boss2"), policy.ManageChains), intents.Chain{
		Name: "other", DisplayName: "Other", ChainID: number, NativeCurrency: "ETH", Testnet: true, Enabled: true, RPCURL: other.URL,
	})
	b.must(err)
	thousand, err := uint256.FromHex("0x3635c9adc5dea00000")
	b.must(err)
	other.Fund(t, b.from, thousand)
	b.rules(`{"approval": {"require_for_new_recipients": true}}`)
	there := func(d *transaction.Draft) { d.Chain = "other" }

	_, _, err = b.try(pay("0.000001"))
	b.approve(err)
	b.submit(pay("0.000001"), transaction.Broadcast)
	b.look(1)
	b.payer = b.renewed()
	b.submit(pay("0.5"), transaction.Broadcast)
	_, _, err = b.try(pay("0.5", there))
	b.refused("on another chain", err, fault.Denied, "approval_required")
	if got, err := b.svc.Try(t.Context(), b.Call(b.payer, policy.ReadGuard), b.payer.ID, pay("0.5", there)); err != nil || len(got.NeedsApproval) != 1 {
		t.Errorf("a try on another chain: %v, %v", got.NeedsApproval, err)
	}
	b.approve(err)
	second := b.submit(pay("0.5", there), transaction.Broadcast)
	other.Mine(t, 1)
	b.look(1)
	b.stands(second.ID, transaction.Broadcast, transaction.Success)
	b.payer = b.renewed()
	b.submit(pay("0.6", there), transaction.Broadcast)

	// What was known before that was kept by chain is known on all.
	to := func(d *transaction.Draft) { d.To = stranger }
	b.Exec(`INSERT INTO recipients (agent_id, address, org_id) VALUES (?, ?, ?)`, b.payer.ID, stranger, b.payer.Org)
	b.submit(pay("0.1", to), transaction.Broadcast)
	b.submit(pay("0.1", to, there), transaction.Broadcast)
}

// TestARecipientThatGotNothingStaysNew: what waits, was cancelled, or failed makes nobody known.
func TestARecipientThatGotNothingStaysNew(t *testing.T) { staysNew(t) }

func staysNew(t *testing.T) {
	for name, end := range map[string]func(b *bench, tx transaction.Tx){
		"it waits": func(*bench, transaction.Tx) {},
		"cancelled": func(b *bench, tx transaction.Tx) {
			_, err := b.replace(tx.ID, cancel)
			b.must(err)
			b.deep()
			b.stands(tx.ID, transaction.Failed, transaction.Replaced)
		},
		"the nodes refuse it": nil,
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			b.rules(`{"approval": {"require_for_new_recipients": true}}`)
			_, _, err := b.try(pay("0.1"))
			b.approve(err)
			if end == nil {
				b.gate.on("eth_sendRawTransaction", refuses("intrinsic gas too low", false))
				b.submit(pay("0.1"), transaction.Failed)
				b.gate.on("eth_sendRawTransaction", nil)
			} else {
				end(b, b.waiting(pay("0.1")))
			}
			b.payer = b.renewed()
			_, _, err = b.try(pay("0.2"))
			b.refused(name, err, fault.Denied, "approval_required")
		})
	}
	t.Run("once a replacement is in a block", func(t *testing.T) {
		b := open(t)
		b.rules(`{"approval": {"require_for_new_recipients": true}}`)
		_, _, err := b.try(pay("0.1"))
		b.approve(err)
		tx := b.waiting(pay("0.1"))
		faster, err := b.replace(tx.ID, speedup)
		b.must(err)
		b.deep()
		b.stands(faster.ID, transaction.Broadcast, transaction.Success)
		b.payer = b.renewed()
		b.submit(pay("0.2"), transaction.Broadcast)
	})
}
