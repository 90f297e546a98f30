package transaction

import (
	"context"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Replacement says how a transaction that waits is replaced by another with its nonce.
type Replacement struct {
	Cancel         bool   // by one that moves nothing; else by the same with higher fees
	MaxFee, MaxTip string // wei, decimal; empty: what nodes take now, and at least an eighth more than before
	KeyPath, Vault string // of the key, where it is not the agent's own or keys/CHAIN-signer
}

var (
	errLowFees  = invalid("fees_too_low", "Nodes replace a transaction only for fees of which both are more than a tenth higher. Leave them out, or raise both.")
	errWrongKey = fault.New(fault.Conflict, "signing_key_changed", "The key at this path is of another account than the transaction's. Name its signing_key_path.")
)

// Replace signs and sends a transaction with the nonce of one that waits. It is decided like
// any other, but counts only what it would spend beyond the one that it replaces: one of
// the two comes into a block.
func (s *Service) Replace(ctx context.Context, c *call.Call, agent, id string, how Replacement) (Tx, error) {
	a, err := s.working(ctx, c, agent, policy.ReplaceTransaction)
	if err != nil {
		return Tx{}, err
	}
	c.Touch("transaction", id)
	old, err := s.cfg.Store.Transaction(ctx, agent, id)
	if err != nil {
		return Tx{}, err
	}
	if old.Status != Broadcast && old.Status != Signed || old.Receipt.Fate != Waiting {
		return Tx{}, ErrMined
	}
	p, err := s.replacing(ctx, c, a, &old, how)
	if err != nil {
		return Tx{}, err
	}
	t := Tx{
		ID: ids.New(), Org: a.Org, Agent: a.ID, Chain: old.Chain, ChainID: old.ChainID, From: old.From, To: p.tx.To, Value: p.tx.Value,
		MaxFee: p.tx.FeeCap, MaxTip: p.tx.TipCap, Function: p.meaning.Function, Status: Pending, Replaces: old.Replaces,
		CreatedAt: stamp.Of(c.Now), NextAt: stamp.Of(c.Now.Add(signFor)),
	}
	if t.Replaces == "" {
		t.Replaces = old.ID
	}
	if p.tx.Type != 2 {
		t.MaxFee = p.tx.GasPrice
	}
	r := &Reservation{Tx: &t, Replaces: &old, Since: c.Now.Add(-window), Decide: func(now *Agent, spent *guard.Spent) ([]guard.Take, error) {
		return replaces(now, p.attempt(), spent, &old, c.Now)
	}}
	c.Event.Details.More = s.decoded(&p, &t)
	if err := s.sign(ctx, c, &p, r, func(sig evm.Signature) { t.Raw, t.Hash = p.tx.Encode(sig) }); err != nil {
		return Tx{}, err
	}
	if err := s.keep(ctx, c, r, Signed); err != nil {
		return Tx{}, err
	}
	s.send(context.WithoutCancel(ctx), p.node, &t)
	return t, nil
}

// replaces decides about a replacement, and returns what it takes beyond the one before.
// What a human approved is not asked again.
func replaces(now *Agent, a *guard.Attempt, spent *guard.Spent, old *Tx, at time.Time) ([]guard.Take, error) {
	if err := now.mayAct(); err != nil {
		return nil, err
	}
	rules, err := rulesOf(now)
	if err != nil {
		return nil, err
	}
	had := map[string]uint256.Int{}
	for _, take := range old.Takes {
		had[take.Asset] = take.Amount
		if old.CreatedAt.After(at.Add(-window)) {
			spent.Remove(take.Asset, &take.Amount)
		}
	}
	spent.Count = max(0, spent.Count-1)
	v := guard.Decide(&rules, a, spent)
	if err := refusal(v); err != nil {
		return nil, err
	}
	for i := range v.Takes {
		before := had[v.Takes[i].Asset]
		if _, under := v.Takes[i].Amount.SubOverflow(&v.Takes[i].Amount, &before); under {
			v.Takes[i].Amount.Clear()
		}
	}
	return v.Takes, nil
}

// replacing prepares what replaces old.
func (s *Service) replacing(ctx context.Context, c *call.Call, a Agent, old *Tx, how Replacement) (p prepared, err error) {
	p.agent = a
	if p.rules, err = rulesOf(&a); err != nil {
		return p, err
	}
	if p.tx, _, err = evm.ParseTx(old.Raw); err != nil {
		return p, fault.Wrap(err, fault.Internal, "transaction_damaged", "")
	}
	if p.chain, p.node, err = s.cfg.Chains.Node(ctx, old.Chain); err != nil {
		return p, err
	}
	if p.key, err = s.keyFor(ctx, c, &a, &p.chain, Draft{KeyPath: how.KeyPath, Vault: how.Vault}); err != nil {
		return p, err
	}
	if p.key.address != old.From {
		return p, errWrongKey
	}
	was := p.tx
	if how.Cancel {
		p.tx.To, p.tx.Value, p.tx.Data, p.tx.Access, p.tx.Gas = &old.From, uint256.Int{}, nil, nil, 21000
	}
	p.meaning = meaning.Read(meaning.Call{ChainID: p.tx.ChainID, From: old.From, To: p.tx.To, Value: p.tx.Value, Data: p.tx.Data}, p.rules.Known(p.tx.ChainID))
	if p.draft, err = (Draft{To: old.From.String(), Value: "0", Chain: old.Chain, MaxFee: how.MaxFee, MaxTip: how.MaxTip}).parse(); err != nil {
		return p, err
	}
	fees, err := p.node.Fees(ctx)
	if err != nil {
		return p, err
	}
	if was.Type != 2 {
		return p, raise(&p.tx.GasPrice, p.draft.maxFee, &was.GasPrice, &fees.GasPrice)
	}
	if err := raise(&p.tx.TipCap, p.draft.tip, &was.TipCap, &fees.TipCap); err != nil {
		return p, err
	}
	if err := raise(&p.tx.FeeCap, p.draft.maxFee, &was.FeeCap, &fees.FeeCap); err != nil {
		return p, err
	}
	if p.tx.TipCap.Gt(&p.tx.FeeCap) {
		p.tx.FeeCap = p.tx.TipCap
	}
	return p, nil
}

// raise sets a fee to what was asked for, or to what nodes take now and at least an eighth
// more than it was. What was asked for must be more than a tenth above.
func raise(fee, asked, was, now *uint256.Int) error {
	var least uint256.Int
	least.Div(was, uint256.NewInt(10))
	least.Add(&least, was)
	least.AddUint64(&least, 1)
	if asked != nil {
		if asked.Lt(&least) {
			return errLowFees
		}
		*fee = *asked
		return nil
	}
	fee.Rsh(was, 3)
	fee.Add(fee, was)
	fee.AddUint64(fee, 1)
	if now.Gt(fee) {
		*fee = *now
	}
	return nil
}

// replacedByAnother reports whether what t counts is to be given back, since another
// transaction has its nonce: not where that one is the same with other fees, which counts
// only what it spends beyond t.
func (s *Service) replacedByAnother(ctx context.Context, t *Tx) (giveBack bool, err error) {
	instead, found, err := s.cfg.Store.MinedInstead(ctx, t)
	if err != nil || !found {
		return err == nil, err
	}
	moves := instead.Function != "" || !instead.Value.IsZero() || instead.To == nil || *instead.To != instead.From
	return !moves, nil
}
