package transaction_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// TestASpeedUpAsksWhatTheRulesAskNow: what was signed before a rule was set is not paid faster past it.
func TestASpeedUpAsksWhatTheRulesAskNow(t *testing.T) { asksNow(t) }

func asksNow(t *testing.T) {
	for name, rules := range map[string]string{
		"above an amount": `{"approval": {"require_above_native": "100000000000000000"}}`,
		"on the chain":    `{"approval": {"require_for_chains": ["anvil"]}}`,
		"new recipients":  `{"approval": {"require_for_new_recipients": true}}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			tx := b.waiting(pay("0.5"))
			b.rules(rules)
			_, err := b.replace(tx.ID, speedup)
			b.refused("faster", err, fault.Denied, "approval_required")
			b.has(b.told(err), "In place of the transaction "+tx.ID)
			b.approve(err)
			faster, err := b.replace(tx.ID, speedup)
			b.must(err)
			again, err := b.replace(faster.ID, speedup) // under the same rules
			b.must(err)
			b.rules(strings.Replace(rules, "{", `{"allow_text": true, `, 1)) // what was approved under others is not approved
			_, err = b.replace(again.ID, speedup)
			b.refused("under other rules", err, fault.Denied, "approval_required")
			stop, err := b.replace(again.ID, cancel)
			b.must(err)
			b.deep()
			b.stands(stop.ID, transaction.Broadcast, transaction.Success)
		})
	}
}

// TestASpeedUpIsSimulatedWhereTheRulesSaySo: also one whose rule came after it was signed.
func TestASpeedUpIsSimulatedWhereTheRulesSaySo(t *testing.T) {
	b := open(t)
	tx := b.waiting(pay("0.5"))
	b.rules(`{"require_simulation": true}`)
	for _, method := range []string{"eth_simulateV1", "debug_traceCall", "eth_call", "eth_estimateGas"} {
		b.gate.on(method, refuses("execution reverted", false))
	}
	_, err := b.replace(tx.ID, speedup)
	b.refused("one that fails", err, fault.Denied, "guardrail_require_simulation")
	for _, method := range []string{"eth_simulateV1", "debug_traceCall", "eth_call", "eth_estimateGas"} {
		b.gate.on(method, nil)
	}
	faster, err := b.replace(tx.ID, speedup)
	b.must(err)
	b.deep()
	b.stands(faster.ID, transaction.Broadcast, transaction.Success)
}

// TestAPersonCancelsWhatWasHandedOut: somebody may send it at any time, until its nonce is used.
func TestAPersonCancelsWhatWasHandedOut(t *testing.T) { cancelsHandedOut(t) }

func cancelsHandedOut(t *testing.T) {
	for name, change := range map[string]func(*bench){
		"at once":             func(*bench) {},
		"frozen":              func(b *bench) { ways["the agent is frozen"].ready(b)() },
		"its key was deleted": (*bench).deleteKey,
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, limited("1"))
			tx, _, err := b.svc.Sign(t.Context(), b.Call(b.payer, policy.SignTransaction), b.payer.ID, pay("0.5"))
			b.must(err)
			change(b)
			_, err = b.ownerReplaces(tx.ID, speedup)
			if err == nil {
				t.Error("it is sent with higher fees")
			}
			stop, err := b.ownerReplaces(tx.ID, cancel)
			b.must(err)
			if stop.Nonce != tx.Nonce || stop.Status != transaction.Broadcast {
				t.Errorf("the cancel is %s with the nonce %d, want %d", stop.Status, stop.Nonce, tx.Nonce)
			}
			b.deep()
			b.stands(stop.ID, transaction.Broadcast, transaction.Success)
			b.stands(tx.ID, transaction.Failed, transaction.Replaced)
			b.got("0")
			b.counts("0")
			_, err = b.ownerReplaces(tx.ID, cancel)
			b.refused("twice", err, fault.Conflict, "transaction_over")
		})
	}
}
