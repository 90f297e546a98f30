package transaction_test

import (
	"context"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// promptly submits as a caller that waits ten seconds and no longer.
func (b *bench) promptly(d transaction.Draft) (transaction.Tx, error) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer stop()
	tx, _, err := b.svc.Submit(ctx, b.Call(b.payer, policy.SubmitTransaction), b.payer.ID, d)
	if ctx.Err() != nil {
		b.t.Error("the caller had to wait for more than ten seconds")
	}
	return tx, err
}

// before puts a node before the others of the chain.
func (b *bench) before() *gateway {
	first := newGateway(b.t, b.node)
	b.Chains.Nodes.Set = map[string][]secret.Bytes{"anvil": {secret.FromString(first.url)}}
	return first
}

func TestANodeThatHangsIsLeftForTheNext(t *testing.T) {
	for _, question := range []string{"*", "eth_chainId", "eth_estimateGas", "eth_getTransactionCount", "eth_sendRawTransaction"} {
		t.Run(question, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			b.before().hang(question, true)
			tx, err := b.promptly(pay("0.5"))
			b.must(err)
			if tx.Status != transaction.Broadcast {
				t.Errorf("it is %s", tx.Status)
			}
			b.got("0.5")
		})
	}
}

func TestWhereAllNodesHangTheAnswerIsTrueAndPrompt(t *testing.T) {
	t.Run("before it is signed", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		b.before().hang("*", true)
		b.gate.hang("*", true)
		_, err := b.promptly(pay("0.5"))
		b.refused("all", err, fault.Unavailable, "node_unavailable")
		if n := b.count(`SELECT COUNT(*) FROM transactions`); n != 0 {
			t.Errorf("%d are stored", n)
		}
	})
	t.Run("when it is sent", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		other := b.before()
		other.hang("eth_sendRawTransaction", true)
		b.gate.hang("eth_sendRawTransaction", true)
		tx, err := b.promptly(pay("0.5"))
		b.must(err)
		if tx.Status != transaction.Signed {
			t.Errorf("it is %s, though no node took it", tx.Status)
		}
		other.hang("eth_sendRawTransaction", false)
		b.gate.hang("eth_sendRawTransaction", false)
		b.look(2)
		b.stands(tx.ID, transaction.Broadcast, transaction.Success)
		b.got("0.5")
	})
}
