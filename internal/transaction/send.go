package transaction

import (
	"context"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

const (
	// sendFor is how long one node has a signed transaction to itself.
	sendFor = 20 * time.Second
	// lookEvery is how often the chain is asked about one that was sent, at first.
	lookEvery = 2 * time.Second
	// slowest is how rarely it is asked in the end.
	slowest = 15 * time.Second
)

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

// send sends what waits: while nothing may be signed for the agent it waits on.
func (s *Service) send(ctx context.Context, nodes *node.Client, t *Tx) {
	if !s.mayLeave(ctx, t) {
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

// mayLeave reports whether the bytes of a transaction may go to a node now.
func (s *Service) mayLeave(ctx context.Context, t *Tx) bool {
	a, err := s.cfg.Store.AgentForTransactions(ctx, t.Org, t.Agent)
	return err == nil && (t.ByHuman || a.mayAct() == nil)
}

// offer hands the signed bytes to the chain's nodes and stores what came of it. Bytes of
// which nobody knows whether they arrived are sent again later: the same ones.
func (s *Service) offer(ctx context.Context, nodes *node.Client, t *Tx) {
	was, now := t.NextAt, stamp.Of(s.cfg.Now())
	sent := nodes.Send(ctx, t.Raw)
	freeNonce := false
	switch sent.Outcome {
	case node.Accepted, node.Known:
		t.Status, t.NextAt, t.Attempts, t.ErrorCode, t.Error = Broadcast, now.Add(lookEvery), 0, "", ""
	case node.Unknown:
		t.Attempts++
		t.NextAt = now.Add(pause(t.Attempts))
	default:
		if outbid, err := s.outbid(ctx, t); err != nil || outbid { // what has its nonce, at a higher price, may come into a block, and so may it
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

// pause is how long to wait after so many attempts.
func pause(attempts int) time.Duration {
	return min(lookEvery<<min(attempts, 10), slowest)
}

// anew is how the same is submitted again: the node may have the bytes, so that its key of a
// request stands for this transaction as long as it is remembered.
const anew = "submit it again, under another Idempotency-Key if it had one."

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
