package transaction

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/loop"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

const (
	// perLook bounds what is taken of a chain at a time, and lookFor how long its nodes may
	// take for it: those of other chains are looked at after it.
	perLook = 50
	lookFor = 10 * time.Second
	// confirmations is how many blocks on top of its own a receipt is looked at again: a
	// reorganisation may take it back.
	confirmations = 12
)

// Run watches over what was reserved, signed and sent, on every node of the server, until
// ctx ends.
func (s *Service) Run(ctx context.Context) {
	loop.Every(ctx, time.Second, s.Look)
}

// Look takes what is due, and moves each on: chain by chain, so that the nodes of one
// keep no other waiting.
func (s *Service) Look(ctx context.Context) {
	due, err := s.cfg.Store.DueTransactions(ctx, s.cfg.Now(), perLook)
	if err != nil {
		s.warn(ctx, err)
		return
	}
	chains := map[string][]*Tx{}
	for i := range due {
		chains[due[i].Chain] = append(chains[due[i].Chain], &due[i])
	}
	var all sync.WaitGroup
	for _, of := range chains {
		all.Go(func() {
			round, stop := context.WithTimeout(ctx, lookFor)
			defer stop()
			on := s.on(round, of[0].ChainID)
			for _, t := range of {
				if round.Err() != nil {
					return // the rest is due still
				}
				if err := s.look(round, &on, t); err != nil {
					s.warn(ctx, err)
					return
				}
			}
		})
	}
	all.Wait()
}

func (s *Service) warn(ctx context.Context, err error) {
	if ctx.Err() == nil {
		s.cfg.Log.Warn("transactions are looked at later", slog.String("error", err.Error()))
	}
}

// chain is a chain as one round of the watcher finds it.
type chain struct {
	intents.Chain
	nodes *node.Client // nil: it has none, or they do not answer
	anew  bool         // it was started anew: nothing is sent, and nothing asked of transactions
}

func (s *Service) on(ctx context.Context, number uint64) (on chain) {
	of, nodes, err := s.cfg.Chains.Known(ctx, number)
	if err == nil {
		err = s.cfg.Chains.Continues(ctx, &of, nodes)
	}
	if err == nil {
		return chain{Chain: of, nodes: nodes}
	}
	return chain{Chain: of, anew: fault.CodeOf(err) == restarted}
}

// restarted is the code of a chain that was started anew.
const restarted = "chain_restarted"

// anew notes that a transaction waits for the one chain that is gone.
func (t *Tx) anew(is bool) {
	switch {
	case t.Status != Signed && t.Status != Broadcast:
	case is:
		t.ErrorCode, t.Error = restarted, "The chain is another than before, so that this is not sent: was it started anew? A platform admin has its counts start anew with oneclaw chain restart, which ends this."
	case t.ErrorCode == restarted:
		t.ErrorCode, t.Error = "", ""
	}
}

// look takes one transaction for itself and moves it on.
func (s *Service) look(ctx context.Context, on *chain, t *Tx) error {
	was, now := t.NextAt, stamp.Of(s.cfg.Now())
	if t.Status == Pending || t.Status == Unsigned { // its signature never came, so nobody has it
		t.ErrorCode, t.Error = "not_signed", "The server ended before it was signed. Nothing was sent."
		return s.cfg.Store.GiveBack(ctx, t, "", nil)
	}
	t.NextAt = now.Add(sendFor)
	mine, err := s.cfg.Store.MoveTransaction(ctx, t, was, false, false)
	if err != nil || !mine {
		return err
	}
	t.anew(on.anew)
	if on.nodes == nil || !on.Enabled && !t.ByHuman { // it is looked at again; a person's cancel goes on
		return s.later(ctx, t)
	}
	if t.Status == Signed && (!t.Offered || s.mayLeave(ctx, t)) { // else a node may have it all the same
		s.send(ctx, on.nodes, t)
		return nil
	}
	return s.follow(ctx, on, t)
}

func (s *Service) later(ctx context.Context, t *Tx) error {
	was := t.NextAt
	t.Attempts++
	t.NextAt = stamp.Of(s.cfg.Now().Add(pause(t.Attempts)))
	_, err := s.cfg.Store.MoveTransaction(ctx, t, was, false, false)
	return err
}

// follow asks the chain what became of a transaction that was sent.
func (s *Service) follow(ctx context.Context, on *chain, t *Tx) error {
	nodes := on.nodes
	r, found, err := nodes.Receipt(ctx, t.Hash)
	if err != nil {
		return s.later(ctx, t)
	}
	if found {
		return s.mined(ctx, on, t, &r)
	}
	latest, err := nodes.LatestNonce(ctx, t.From)
	if err != nil {
		return s.later(ctx, t)
	}
	was := t.NextAt
	t.WaitsFor = nil
	t.Receipt = Receipt{} // also of one that a reorganisation took back
	if t.Status == Failed && t.ErrorCode == "reverted" {
		t.Status, t.ErrorCode, t.Error = Broadcast, "", ""
	}
	if latest > t.Nonce {
		// The nonce is in a block, and not with this one. A reorganisation may take it back, and
		// the receipt may have come in between, or one node of several lag behind.
		deep, err := s.usedDeep(ctx, nodes, t)
		if err == nil && deep {
			r, found, err = nodes.Receipt(ctx, t.Hash)
		}
		if err != nil || !deep {
			return s.later(ctx, t)
		}
		if found {
			return s.mined(ctx, on, t, &r)
		}
		t.Status, t.NextAt, t.Receipt.Fate = Failed, time.Time{}, Replaced
		t.ErrorCode, t.Error = "replaced", s.replacedText(ctx, nodes, t)
		_, err = s.cfg.Store.MoveTransaction(ctx, t, was, true, false)
		return err
	}
	if t.Status == Failed || t.Status == SignOnly { // somebody has its bytes: they could still be taken
		if s.cfg.Now().Sub(t.SignedAt) < window {
			return s.later(ctx, t)
		}
		t.NextAt = time.Time{}
		_, err := s.cfg.Store.MoveTransaction(ctx, t, was, false, false)
		return err
	}
	if err := s.gap(ctx, nodes, t, latest); err != nil {
		return s.later(ctx, t)
	}
	if _, known, err := nodes.Transaction(ctx, t.Hash); err == nil && !known {
		if outbid, err := s.outbid(ctx, t); err != nil || outbid {
			return s.later(ctx, t) // nodes have that in its place
		}
		s.send(ctx, nodes, t) // dropped from the pools: the same bytes again
		return nil
	}
	return s.later(ctx, t)
}

// usedDeep reports whether the nonce was used in a block that has confirmations on top.
func (s *Service) usedDeep(ctx context.Context, nodes *node.Client, t *Tx) (bool, error) {
	height, err := nodes.BlockNumber(ctx)
	if err != nil || height < confirmations {
		return false, err
	}
	used, err := nodes.NonceAt(ctx, t.From, height-confirmations)
	return used > t.Nonce, err
}

// mined notes a receipt, and looks again until it is deep enough.
func (s *Service) mined(ctx context.Context, on *chain, t *Tx, r *node.Receipt) error {
	was, now := t.NextAt, stamp.Of(s.cfg.Now())
	height, err := on.nodes.BlockNumber(ctx)
	if err != nil {
		return s.later(ctx, t)
	}
	seen := t.Receipt.At
	if seen.IsZero() || t.Receipt.BlockHash != r.BlockHash {
		seen = now
	}
	t.Receipt = Receipt{Fate: Success, Block: r.Block, BlockHash: r.BlockHash, GasUsed: r.GasUsed, GasPrice: r.GasPrice, At: seen}
	t.Status, t.ErrorCode, t.Error, t.WaitsFor = Broadcast, "", "", nil
	if !r.Succeeded {
		t.Receipt.Fate, t.Status = Reverted, Failed
		t.ErrorCode, t.Error = "reverted", "The chain reverted it: nothing but gas was spent."
	}
	if height >= r.Block+confirmations {
		t.NextAt = time.Time{}
		if err := s.cfg.Chains.Deep(ctx, &on.Chain, r); err != nil {
			s.warn(ctx, err)
		}
	} else {
		t.Attempts = min(t.Attempts+1, 4)
		t.NextAt = now.Add(pause(t.Attempts))
	}
	_, err = s.cfg.Store.MoveTransaction(ctx, t, was, false, false)
	return err
}
