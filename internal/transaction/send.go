package transaction

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

const (
	// prepareFor and offerFor are how long the nodes may take of a submission, together: whoever waits
	// for it hears within ten seconds how it stands. What is offered and not taken then is sent again.
	prepareFor = 6 * time.Second
	offerFor   = 3500 * time.Millisecond
	// sendFor is how long one node has a signed transaction to itself.
	sendFor = 20 * time.Second
	// lookEvery is how often the chain is asked about one that was sent, at first.
	lookEvery = 2 * time.Second
	// slowest is how rarely it is asked in the end.
	slowest = 15 * time.Second
)

var errSlow = fault.New(fault.Unavailable, "node_unavailable", "The chain's nodes take too long to answer, so nothing was signed. Try again later.")

// slow is what is told where the time of the nodes is over.
func slow(asking context.Context, err error) error {
	if err != nil && errors.Is(asking.Err(), context.DeadlineExceeded) {
		return errSlow
	}
	return err
}

// first is send for what was just signed. What has to wait was offered to nobody.
func (s *Service) first(ctx context.Context, nodes *node.Client, t *Tx) {
	if t.Offered = s.mayLeave(ctx, t); !t.Offered {
		if err := s.later(ctx, t); err != nil {
			s.warn(ctx, err)
		}
		return
	}
	s.offer(ctx, nodes, t)
}

// keyDeleted is the error code of what is not sent since its key was deleted.
const keyDeleted = "signing_key_deleted"

// send sends what waits: while nothing may be signed for the agent it waits on.
func (s *Service) send(ctx context.Context, nodes *node.Client, t *Tx) {
	if !s.mayLeave(ctx, t) {
		if t.ErrorCode == keyDeleted && !t.Offered {
			s.giveUp(ctx, t)
			return
		}
		if err := s.later(ctx, t); err != nil {
			s.warn(ctx, err)
		}
		return
	}
	if !t.Offered { // from now on it may be out
		t.Offered = true
		if mine, err := s.cfg.Store.MoveTransaction(ctx, t, t.NextAt, false, false); err != nil || !mine {
			return // it is due again
		}
	}
	s.offer(ctx, nodes, t)
}

// mayLeave reports whether the bytes of a transaction may go to a node now. Where its key was
// deleted t says so.
func (s *Service) mayLeave(ctx context.Context, t *Tx) bool {
	a, err := s.cfg.Store.AgentForTransactions(ctx, t.Org, t.Agent)
	if err != nil || t.ByHuman {
		return err == nil
	}
	deleted, err := s.cfg.Store.KeyDeleted(ctx, t)
	switch {
	case err != nil:
		return false
	case deleted:
		t.ErrorCode, t.Error = keyDeleted, s.deletedText(ctx, t)
		return false
	case t.ErrorCode == keyDeleted:
		t.ErrorCode, t.Error = "", ""
	}
	return a.mayAct() == nil
}

// deletedText says what can be done about what a deleted key signed: one in the keystore still signs
// a cancel, and of one in a vault nothing is left.
func (s *Service) deletedText(ctx context.Context, t *Tx) string {
	const stopped = "The key that signed it was deleted, so that it is not sent any more. A node may have it"
	if _, found, err := s.cfg.Keys.ByAddress(ctx, t.Agent, t.From); err != nil || found {
		return stopped + ": to be sure that it is not paid, cancel it."
	}
	return stopped + ", and no key is left to cancel it with: it may be paid until another transaction has its nonce. Move what the account has with a key that is kept elsewhere, if there is one."
}

// giveUp ends what was signed by a key that is deleted, and was sent to nobody.
func (s *Service) giveUp(ctx context.Context, t *Tx) {
	t.Status, t.NextAt = Failed, time.Time{}
	t.Error = "The key that signed it was deleted before it was sent. No node has had it."
	t.Raw, t.Hash = nil, evm.Hash{}
	if err := s.cfg.Store.DiscardTransaction(ctx, t, func(*Agent) error { return nil }, nil); err != nil {
		s.warn(ctx, err)
	}
}

// offer hands the signed bytes to the chain's nodes and stores what came of it. Bytes of
// which nobody knows whether they arrived are sent again later: the same ones.
func (s *Service) offer(ctx context.Context, nodes *node.Client, t *Tx) {
	was, now := t.NextAt, stamp.Of(s.cfg.Now())
	sent := sendIn(ctx, nodes, t.Raw)
	freeNonce := false
	switch sent.Outcome {
	case node.Accepted, node.Known:
		t.Status, t.NextAt, t.Attempts, t.ErrorCode, t.Error = Broadcast, now.Add(lookEvery), 0, "", ""
	case node.Unknown:
		t.Attempts++
		t.NextAt = now.Add(pause(t.Attempts))
	default:
		outbid, err := s.outbid(ctx, t)
		if err != nil { // it stays what it was
			t.Attempts++
			t.NextAt = now.Add(pause(t.Attempts))
			break
		}
		if outbid { // what has its nonce, at a higher price, may come into a block, and so may it
			t.Status = Broadcast
			t.Attempts++
			t.NextAt = now.Add(pause(t.Attempts))
			break
		}
		// A node that says so has the bytes, and may lie: their part of the limits is given
		// back once another transaction has the nonce, or a day is over.
		freeNonce = sent.Outcome != node.NonceTooLow
		t.Attempts = 0
		t.Status, t.NextAt, t.ErrorCode = Failed, now.Add(lookEvery), sent.Outcome.String()
		t.Error = refusedText(sent.Outcome)
	}
	if _, err := s.cfg.Store.MoveTransaction(ctx, t, was, false, freeNonce); err != nil {
		s.cfg.Log.Error("what became of a transaction is looked up later", slog.String("transaction", t.ID), slog.String("error", err.Error()))
	}
}

// sendIn gives bytes to the nodes, which have offerFor for it.
func sendIn(ctx context.Context, nodes *node.Client, raw []byte) node.Sent {
	ctx, stop := context.WithTimeout(ctx, offerFor)
	defer stop()
	return nodes.Send(ctx, raw)
}

// pause is how long to wait after so many attempts.
func pause(attempts int) time.Duration {
	return min(lookEvery<<min(attempts, 10), slowest)
}

// anew is how the same is submitted again: the node may have the bytes, so that its key of a
// request stands for this transaction as long as it is remembered.
const anew = "submit it again, under another Idempotency-Key if it had one."

// SubmittedAgain says of a transaction that no node took which later one has the same bytes.
func SubmittedAgain(later string) (code, text string) {
	return "submitted_again", "The same was submitted again, and has the same bytes: see the transaction " + later + "."
}

// refusedText says what to do about a transaction that no node takes. What the node says
// itself is not repeated.
func refusedText(o node.Outcome) string {
	switch o {
	case node.NonceTooLow:
		return "The chain has another transaction with this nonce. To have it done, " + anew
	case node.Underpriced:
		return "The fees are too low for the chain's nodes. Leave them out, or raise them, and " + anew
	case node.InsufficientFunds:
		return "The account can't pay for value and gas. Fund it and " + anew
	default:
		return "The chain's nodes refused it as it is."
	}
}
