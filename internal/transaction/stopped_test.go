package transaction_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// ownerReplaces is replace, asked for by the owner.
func (b *bench) ownerReplaces(id string, how transaction.Replacement) (transaction.Tx, error) {
	c := b.Call(b.owner, policy.ReplaceTransaction)
	return b.svc.Replace(b.based(c), c, b.payer.ID, id, how)
}

// stopping are the ways that stop an agent while it is there.
func stopping() map[string]way {
	out := map[string]way{}
	for name, w := range ways {
		if w.stops {
			out[name] = w
		}
	}
	return out
}

// TestAnOwnerCancelsForAnAgentThatIsStopped: to stop an agent must not let what it sent go on.
func TestAnOwnerCancelsForAnAgentThatIsStopped(t *testing.T) { cancelsStopped(t) }

func cancelsStopped(t *testing.T) {
	for name, w := range stopping() {
		t.Run(name, func(t *testing.T) {
			b := open(t, limited("1"))
			tx := b.waiting(pay("0.5"))
			w.ready(b)()
			if _, err := b.ownerReplaces(tx.ID, speedup); !fault.Is(err, fault.Denied) {
				t.Errorf("it is paid faster: %v", err)
			}
			stop, err := b.ownerReplaces(tx.ID, cancel)
			b.must(err)
			if stop.Status != transaction.Broadcast {
				t.Errorf("the cancel is %s", stop.Status)
			}
			b.deep()
			b.got("0")
			b.counts("0")
		})
	}
}

// TestWhatWasNeverSentIsDiscarded: its part of the limits and its nonce come back, and nothing of it leaves.
func TestWhatWasNeverSentIsDiscarded(t *testing.T) { discards(t) }

func discards(t *testing.T) {
	b := open(t, limited("1"))
	b.at(func(b *bench, end func()) { b.stored = &between{Store: b.DB, kept: end} }, ways["the agent is frozen"].ready(b))
	tx := b.submit(pay("0.5", replayKey("a")), transaction.Signed)
	if tx.Offered {
		t.Error("it counts as sent")
	}
	b.look(1)
	gone, err := b.ownerReplaces(tx.ID, cancel)
	if b.must(err); gone.ID != tx.ID || gone.Status != transaction.Failed || gone.ErrorCode != "discarded" {
		t.Errorf("got %s %q of %s", gone.Status, gone.ErrorCode, gone.ID)
	}
	b.counts("0")
	_, err = b.ownerReplaces(tx.ID, cancel)
	b.refused("twice", err, fault.Conflict, "transaction_over")
	b.must(b.Freezes.UnfreezeAgent(t.Context(), b.Call(b.Here(b.owner), policy.UnfreezeAgent), b.payer.ID))
	b.payer = b.renewed()
	b.look(3)
	if n := len(b.gate.bytesSent()); n != 0 {
		t.Error("it was sent")
	}
	if n := b.count(`SELECT COUNT(*) FROM transactions WHERE length(raw) > 0`); n != 0 {
		t.Error("its bytes are kept")
	}
	if next := b.submit(pay("0.1"), transaction.Broadcast); next.Nonce != tx.Nonce {
		t.Errorf("the next nonce is %d", next.Nonce)
	}
	b.got("0.1")
}

// TestWhatMayBeOutIsNotDiscarded: a node that did not answer may have the bytes.
func TestWhatMayBeOutIsNotDiscarded(t *testing.T) {
	b := open(t, limited("1"))
	b.gate.on("eth_sendRawTransaction", away)
	tx := b.submit(pay("0.5"), transaction.Signed)
	stop, err := b.ownerReplaces(tx.ID, cancel)
	if b.must(err); stop.ID == tx.ID || stop.Nonce != tx.Nonce {
		t.Errorf("got %s with the nonce %d", stop.ID, stop.Nonce)
	}
	b.counts("0.5")
}

// TestWhatIsOnItsWayIsNotDiscarded: the watcher may be about to send it.
func TestWhatIsOnItsWayIsNotDiscarded(t *testing.T) {
	b := open(t, limited("1"))
	b.at(func(b *bench, end func()) { b.stored = &between{Store: b.DB, kept: end} }, ways["the agent is frozen"].ready(b))
	tx := b.submit(pay("0.5"), transaction.Signed)
	b.must(b.Freezes.UnfreezeAgent(t.Context(), b.Call(b.Here(b.owner), policy.UnfreezeAgent), b.payer.ID))
	late := b.stands(tx.ID, transaction.Signed, transaction.Waiting)
	b.look(1)
	err := b.DB.DiscardTransaction(t.Context(), &late, func(*transaction.Agent) error { return nil }, nil)
	b.refused("once it was sent", err, fault.Conflict, "transaction_moving")
	b.got("0.5")
	b.counts("0.5")
}

func TestAnAgentDoesNotOutbidAPersonsCancel(t *testing.T) { outbids(t) }

func outbids(t *testing.T) {
	b := open(t, limited("1"))
	tx := b.waiting(pay("0.5"))
	stop, err := b.ownerReplaces(tx.ID, cancel)
	b.must(err)
	for what, id := range map[string]string{"the first": tx.ID, "the cancel": stop.ID} {
		for _, how := range []transaction.Replacement{speedup, cancel} {
			_, err := b.replace(id, how)
			b.refused(what, err, fault.Denied, "cancelled_by_human")
		}
	}
	nonce := tx.Nonce
	_, _, err = b.try(pay("0.5", func(d *transaction.Draft) { d.Nonce = &nonce }))
	b.refused("with its nonce", err, fault.Conflict, "nonce_used")
	_, err = b.ownerReplaces(stop.ID, cancel) // a person may
	b.must(err)
	b.deep()
	b.got("0")
}
