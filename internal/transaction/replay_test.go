package transaction_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

func TestAKeyOfARequestGivesTheSameTransactionForADay(t *testing.T) {
	b := open(t, limited("1"))
	_, _, err := b.try(pay("1.1", replayKey("a")))
	b.refused("over the limit", err, fault.Denied, "guardrail_tx_daily_limit_eth")
	first := b.submit(pay("0.5", replayKey("a")), transaction.Broadcast) // the refused one left it free
	again, replayed, err := b.try(pay("0.5", replayKey("a")))
	if err != nil || !replayed || again.ID != first.ID {
		t.Errorf("got %s, replayed %v, %v", again.ID, replayed, err)
	}
	_, _, err = b.try(pay("0.4", replayKey("a")))
	b.refused("another body", err, fault.Unprocessable, "idempotency_key_reused")
	b.Clock.Forward(24*time.Hour + time.Minute)
	b.payer = b.renewed()
	b.submit(pay("0.4", replayKey("a")), transaction.Broadcast)
	b.got("0.9")
}

func TestAKeyOfARequestThatIsUnderWay(t *testing.T) {
	b := open(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	b.seen = signer{Keys: b.keys, sign: func() error {
		arrived <- struct{}{}
		<-release
		return nil
	}}
	b.svc = b.service(b.World)
	done := make(chan error)
	go func() {
		_, _, err := b.try(pay("0.5", replayKey("a")))
		done <- err
	}()
	<-arrived
	_, _, err := b.try(pay("0.5", replayKey("a")))
	b.refused("in flight", err, fault.Conflict, "idempotency_key_in_use")
	close(release)
	b.must(<-done)
	if _, replayed, err := b.try(pay("0.5", replayKey("a"))); err != nil || !replayed {
		t.Errorf("afterwards: replayed %v, %v", replayed, err)
	}
	b.got("0.5")
}

// signer does something before a key of the keystore signs.
type signer struct {
	transaction.Keys
	sign func() error
}

func (s signer) SignHash(ctx context.Context, id string, h evm.Hash, by evm.Address) (evm.Signature, error) {
	if err := s.sign(); err != nil {
		return evm.Signature{}, err
	}
	return s.Keys.SignHash(ctx, id, h, by)
}

func TestWhatCouldNotBeSignedGivesAllBack(t *testing.T) {
	b := open(t, limited("0.5"))
	b.seen = signer{Keys: b.keys, sign: func() error { return errors.New("the token is gone") }}
	b.svc = b.service(b.World)
	if _, _, err := b.try(pay("0.5", replayKey("a"))); err == nil {
		t.Fatal("it was signed")
	}
	if got := b.spent(); got != "0" {
		t.Errorf("%s is counted", got)
	}
	b.seen = b.keys
	b.svc = b.service(b.World)
	if tx := b.submit(pay("0.5", replayKey("a")), transaction.Broadcast); tx.Nonce != 0 {
		t.Errorf("the nonce is %d", tx.Nonce)
	}
}

func TestAFreezeDuringASubmissionStopsIt(t *testing.T) {
	b := open(t)
	b.gate.on("eth_getTransactionCount", func(w http.ResponseWriter, pass func() []byte) {
		b.gate.on("eth_getTransactionCount", nil)
		_, err := b.Freezes.FreezeAgent(t.Context(), b.Call(b.owner, policy.FreezeAgent), b.payer.ID)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(pass())
	})
	_, _, err := b.try(pay("0.5"))
	b.refused("frozen", err, fault.Unavailable, "rights_changed") // the gate decides anew, and refuses
	if n := b.count(`SELECT COUNT(*) FROM transactions`); n != 0 {
		t.Errorf("%d transactions are stored", n)
	}
	b.got("0")
}

func TestAFreezeWhileTheKeySignsLeavesNothingToSend(t *testing.T) {
	b := open(t, limited("1"))
	b.seen = signer{Keys: b.keys, sign: func() error {
		_, err := b.Freezes.FreezeOrg(t.Context(), b.Call(b.owner, policy.FreezeOrg))
		return err
	}}
	b.svc = b.service(b.World)
	if _, _, err := b.try(pay("0.5")); err == nil {
		t.Error("a frozen agent pays")
	}
	b.look(1)
	if n := b.count(`SELECT COUNT(*) FROM transactions WHERE status = 'failed' AND error_code = 'not_signed' AND hash = ''`); n != 1 || b.spent() != "0" {
		t.Errorf("%d were given up, %s is counted", n, b.spent())
	}
	b.got("0")
}

func TestWhatIsSignedAndNotSentWaitsWhileItsAgentIsFrozen(t *testing.T) {
	b := open(t)
	b.gate.on("eth_sendRawTransaction", away)
	tx := b.submit(pay("0.5"), transaction.Signed)
	_, err := b.Freezes.FreezeAgent(t.Context(), b.Call(b.owner, policy.FreezeAgent), b.payer.ID)
	b.must(err)
	b.gate.on("eth_sendRawTransaction", nil)
	b.look(2)
	b.got("0")
	b.must(b.Freezes.UnfreezeAgent(t.Context(), b.Call(b.Here(b.owner), policy.UnfreezeAgent), b.payer.ID))
	b.look(2)
	b.payer = b.renewed()
	b.stands(tx.ID, transaction.Broadcast, transaction.Success)
	b.got("0.5")
}

func TestWhatNobodyKnowsToHaveArrivedIsSentAgain(t *testing.T) {
	for name, node := range map[string]answer{"never heard of": away, "heard of, without an answer": cutOff, "unreadable": says(`"0x12"`)} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			b.gate.on("eth_sendRawTransaction", node)
			b.gate.on("eth_getTransactionByHash", away)
			tx := b.submit(pay("0.5"), transaction.Signed)
			b.gate.on("eth_sendRawTransaction", nil)
			b.gate.on("eth_getTransactionByHash", nil)
			b.look(2)
			b.stands(tx.ID, transaction.Broadcast, transaction.Success)
			b.got("0.5")
			if sent := b.gate.bytesSent(); len(sent) != 1 {
				t.Errorf("%d kinds of bytes were sent", len(sent))
			}
		})
	}
}

func TestWithoutANodeNothingIsReserved(t *testing.T) {
	b := open(t, limited("1"))
	b.gate.on("*", away)
	_, _, err := b.try(pay("0.5"))
	b.refused("node down", err, fault.Unavailable, "node_unavailable")
	if n := b.count(`SELECT COUNT(*) FROM transactions`); n != 0 || b.spent() != "0" {
		t.Errorf("%d are stored", n)
	}
	b.gate.on("*", nil)
	b.submit(pay("0.5"), transaction.Broadcast)
}

func TestANodeThatLiesAboutTheNonce(t *testing.T) {
	b := open(t)
	b.submit(pay("0.1"), transaction.Broadcast)
	b.gate.on("eth_getTransactionCount", says(`"0x0"`))
	if tx := b.submit(pay("0.1"), transaction.Broadcast); tx.Nonce != 1 {
		t.Errorf("too low: the nonce is %d", tx.Nonce)
	}
	asked := 0
	b.gate.on("eth_getTransactionCount", func(w http.ResponseWriter, pass func() []byte) {
		if asked++; asked%2 == 1 { // pending is asked first
			says(`"0xffff"`)(w, pass)
			return
		}
		_, _ = w.Write(pass())
	})
	_, _, err := b.try(pay("0.1"))
	b.refused("too high", err, fault.Unavailable, "node_nonce")
	b.gate.on("eth_getTransactionCount", nil)
	if tx := b.submit(pay("0.1"), transaction.Broadcast); tx.Nonce != 2 {
		t.Errorf("afterwards the nonce is %d", tx.Nonce)
	}
}

func TestNoncesThatAreAskedFor(t *testing.T) {
	b := open(t)
	ask := func(n uint64) func(*transaction.Draft) { return func(d *transaction.Draft) { d.Nonce = &n } }
	late := b.submit(pay("0.1", ask(3)), transaction.Broadcast)
	for _, want := range []uint64{0, 1, 2, 4} {
		if tx := b.submit(pay("0.1"), transaction.Broadcast); tx.Nonce != want {
			t.Errorf("the nonce is %d, want %d", tx.Nonce, want)
		}
	}
	_, _, err := b.try(pay("0.1", ask(3)))
	b.refused("used", err, fault.Conflict, "nonce_used")
	_, _, err = b.try(pay("0.1", ask(3000)))
	b.refused("far ahead", err, fault.Invalid, "invalid_nonce")
	b.look(1)
	b.stands(late.ID, transaction.Broadcast, transaction.Success)
	b.got("0.5")
}

// failing is a store whose next write of what was signed is lost.
type failing struct {
	transaction.Store
	after bool // it is stored, and nobody hears of it
}

func (f failing) SignedTransaction(ctx context.Context, t *transaction.Tx, ev *audit.Event) error {
	if f.after {
		if err := f.Store.SignedTransaction(ctx, t, ev); err != nil {
			return err
		}
	}
	return errors.New("the database is gone")
}

func TestADatabaseThatIsLostAroundTheSignature(t *testing.T) {
	for name, stored := range map[string]bool{"before it is stored": false, "after it is stored": true} {
		t.Run(name, func(t *testing.T) {
			b := open(t, limited("1"))
			b.stored = failing{b.DB, stored}
			b.svc = b.service(b.World)
			if _, _, err := b.try(pay("0.5")); err == nil {
				t.Fatal("no error")
			}
			b.stored = b.DB
			b.svc = b.service(b.World)
			b.look(2)
			if want := map[bool]string{false: "0", true: "0.5"}[stored]; b.spent() != want {
				t.Errorf("%s is counted, want %s", b.spent(), want)
			} else {
				b.got(want)
			}
		})
	}
}
