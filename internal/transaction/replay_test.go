package transaction_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
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
	b.gate.on("eth_getTransactionCount", nil)
	b.gate.on(`eth_getTransactionCount "pending"`, says(`"0xffff"`))
	_, _, err := b.try(pay("0.1"))
	b.refused("too high", err, fault.Unavailable, "node_nonce")
	b.gate.on(`eth_getTransactionCount "pending"`, nil)
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

func TestWhatIsSubmittedAgainIsOneTransaction(t *testing.T) { submittedAgain(t) }

// submittedAgain has a node refuse a payment that the account can't make, and accept it once the
// account is funded: the bytes are the same, and the chain takes them once.
func submittedAgain(t *testing.T) {
	b := open(t, limited("3000")) // a refused one counts until the chain can't take it any more
	d := pay("1500", gas(21000), replayKey("a"), func(d *transaction.Draft) { d.GasPrice = "2000000000" })
	first := b.submit(d, transaction.Failed)
	if first.ErrorCode != "insufficient_funds" {
		t.Fatalf("refused for %s", first.ErrorCode)
	}
	rich, err := evm.ParseETH("2000")
	b.must(err)
	b.node.Fund(t, b.from, &rich)
	d.ReplayKey = "b"
	again := b.submit(d, transaction.Broadcast)
	if again.Hash != first.Hash {
		t.Fatal("other bytes were signed")
	}
	b.look(1)
	b.stands(again.ID, transaction.Broadcast, transaction.Success)
	old := b.stands(first.ID, transaction.Failed, transaction.Replaced)
	if old.Hash != (evm.Hash{}) || len(old.Raw) > 0 || old.ErrorCode != "submitted_again" || !strings.Contains(old.Error, again.ID) {
		t.Errorf("the refused one has the hash %s, %d bytes and %s: %s", old.Hash, len(old.Raw), old.ErrorCode, old.Error)
	}
	d.ReplayKey = "a"
	if got, replayed, err := b.try(d); err != nil || !replayed || got.ID != first.ID || !strings.Contains(got.Error, again.ID) {
		t.Errorf("its key gives %s, %q, replayed %v, %v", got.ID, got.Error, replayed, err)
	}
	if n := b.count(`SELECT COUNT(*) FROM transactions WHERE hash <> ''`); n != 1 || b.spent() != "1500" {
		t.Errorf("%d have a hash, %s is counted", n, b.spent())
	}
	b.got("1500")
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
