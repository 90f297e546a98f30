package transaction_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// restarts has a chain be started anew as the platform admin who is there.
func (b *bench) restarts() (ended int, err error) {
	b.t.Helper()
	all, err := b.DB.EVMChains(b.t.Context())
	b.must(err)
	for _, c := range all {
		if c.Name == "anvil" {
			_, ended, err = b.Chains.Restart(b.t.Context(), b.Call(b.Here(b.boss), policy.RestartChain), c.ID)
		}
	}
	return ended, err
}

// checks is what is said of the chain's one node.
func (b *bench) checks() string {
	b.t.Helper()
	all, err := b.DB.EVMChains(b.t.Context())
	b.must(err)
	for _, c := range all {
		if c.Name == "anvil" {
			_, nodes, err := b.Chains.Check(b.t.Context(), b.Call(b.boss, policy.CheckChain), c.ID)
			b.must(err)
			return nodes[0].Why
		}
	}
	return "there is no chain"
}

func TestAChainThatWasStartedAnewIsToldAndStartedAnew(t *testing.T) { startsAnew(t) }

func startsAnew(t *testing.T) {
	for name, nodes := range map[string]func() (old, young *evmnode.Node){
		"anvil": func() (_, _ *evmnode.Node) { return evmnode.Anvil(t), evmnode.Anvil(t) },
		"geth":  func() (_, _ *evmnode.Node) { return evmnode.Geth(t), evmnode.Geth(t) },
		"with the same first block": func() (_, _ *evmnode.Node) {
			return evmnode.Anvil(t, "--timestamp", "1700000000"), evmnode.Anvil(t, "--timestamp", "1700000000")
		},
	} {
		t.Run(name, func(t *testing.T) {
			old, young := nodes()
			b := openOn(t, old)
			done := b.mines(b.submit(pay("0.1"), transaction.Broadcast))
			if name == "with the same first block" {
				b.node.Mine(t, 12)
				b.look(1)
			}
			if why := b.checks(); why != "" {
				t.Errorf("the check says %q", why)
			}
			b.gate.on("eth_sendRawTransaction", away)
			waits := b.submit(pay("0.2"), transaction.Signed)
			b.gate.on("eth_sendRawTransaction", nil)
			sent := len(b.gate.bytesSent())

			b.move(young)
			b.Clock.Forward(time.Second)
			b.fund(b.from)
			_, _, err := b.try(pay("0.3"))
			b.refused("a submission", err, fault.Conflict, "chain_restarted")
			nonce := uint64(7)
			_, _, err = b.svc.Sign(t.Context(), b.Call(b.payer, policy.SignTransaction), b.payer.ID, pay("0.3", priced("100"), func(d *transaction.Draft) { d.Nonce = &nonce }))
			b.refused("one to hand out with a nonce", err, fault.Conflict, "chain_restarted")
			_, err = b.replace(waits.ID, cancel)
			b.refused("a cancel", err, fault.Conflict, "chain_restarted")
			if why := b.checks(); !strings.Contains(why, "started anew") {
				t.Errorf("the check says %q", why)
			}
			b.look(3)
			if got := b.stands(waits.ID, transaction.Signed, transaction.Waiting); got.ErrorCode != "chain_restarted" {
				t.Errorf("what waits says %q", got.Error)
			}
			if n := len(b.gate.bytesSent()); n != sent {
				t.Error("bytes of the old chain were sent on the new one")
			}

			ended, err := b.restarts()
			if b.must(err); ended != 1 {
				t.Errorf("%d were ended", ended)
			}
			if got := b.stands(waits.ID, transaction.Failed, transaction.Waiting); got.ErrorCode != "chain_restarted" || !got.NextAt.IsZero() {
				t.Errorf("it says %q", got.Error)
			}
			b.stands(done.ID, transaction.Broadcast, transaction.Success)
			first := b.submit(pay("0.3"), transaction.Broadcast)
			if first.Nonce != 0 {
				t.Errorf("the first nonce is %d", first.Nonce)
			}
			b.mines(first)
			b.got("0.3")
			if why := b.checks(); why != "" {
				t.Errorf("the check says %q", why)
			}
			if sent := b.gate.bytesSent()[quoted(waits.Raw)]; sent != 1 {
				t.Errorf("the old bytes were sent %d times", sent)
			}
		})
	}
}

// TestAMainNetIsNeverStartedAnew: nor is it asked for its first block.
func TestAMainNetIsNeverStartedAnew(t *testing.T) {
	b := open(t)
	b.Exec(`UPDATE chains SET is_testnet = 0, chain_id = 777 WHERE name = 'anvil'`)
	_, err := b.restarts()
	b.refused("a main net", err, fault.Unprocessable, "not_a_test_chain")
}
