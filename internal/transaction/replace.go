package transaction

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Replacement says how a transaction that waits is replaced by another with its nonce.
type Replacement struct {
	Cancel         bool   // by one that moves nothing; else by the same with higher fees
	MaxFee, MaxTip string // wei, decimal; empty: what nodes take now, and at least an eighth more than before
	KeyPath, Vault string // of the key, where it is not the agent's own or keys/CHAIN-signer
}

var (
	errLowFees  = invalid("fees_too_low", "Nodes replace a transaction only for fees of which both are more than a tenth higher. Leave them out, or raise both.")
	errDearer   = fault.New(fault.Denied, "guardrail_require_above_native", "With these fees it would pay more than this agent may without a human's approval. Offer less, or cancel it.").Because("guard:require_above_native")
	errDisabled = fault.New(fault.NotFound, "chain_not_found", "The chain of this transaction is disabled: it can only be cancelled there.")
	errNoTip    = invalid("invalid_fees", "This transaction has one price of gas: raise it with max_fee_per_gas alone.")
	errWrongKey = fault.New(fault.Conflict, "signing_key_changed", "The key at this path is of another account than the transaction's: name its signing_key_path. Where the key was replaced since, a person cancels with the one that signed.")
)

// Replace signs and sends a transaction with the nonce of one that waits, or discards one that is
// to be cancelled and was never sent. It is decided like
// any other, but what a human approved under the rules of now is not asked again, and it counts
// only what it would spend beyond those that it replaces: one of them comes into a block.
func (s *Service) Replace(ctx context.Context, c *call.Call, agent, id string, how Replacement) (Tx, error) {
	a, err := s.admit(ctx, c, agent, policy.ReplaceTransaction)
	may := func(now *Agent) error { return mayReplace(now, c, &how) }
	if err == nil {
		err = may(&a)
	}
	if err != nil {
		return Tx{}, err
	}
	c.Touch("transaction", id)
	old, err := s.cfg.Store.Transaction(ctx, agent, id)
	if err != nil {
		return Tx{}, err
	}
	if !old.replaceable(&how) {
		return Tx{}, ErrMined
	}
	if old.ByHuman && c.Who.Kind != policy.KindUser {
		return Tx{}, ErrStopped
	}
	if how.Cancel && old.Status == Signed && !old.Offered {
		return s.discard(ctx, c, old, may)
	}
	asking, stop := context.WithTimeout(ctx, prepareFor)
	defer stop()
	p, err := s.replacing(asking, c, a, &old, how)
	if err != nil {
		return Tx{}, slow(asking, err)
	}
	asked := strings.Join([]string{"replace", old.ID, strconv.FormatBool(how.Cancel), how.MaxFee, how.MaxTip}, " ")
	approved := ""
	if !how.Cancel {
		if approved, err = s.approved(ctx, c, &a, &p.key, p.place(asked)); err != nil {
			return Tx{}, err
		}
		if err := s.passes(asking, &p); err != nil {
			return Tx{}, slow(asking, err)
		}
	}
	t := Tx{
		ID: ids.New(), Org: a.Org, Agent: a.ID, Chain: old.Chain, ChainID: old.ChainID, From: old.From, To: p.tx.To, Value: p.tx.Value,
		MaxFee: p.tx.FeeCap, MaxTip: p.tx.TipCap, Function: p.meaning.Function, Status: Pending, Replaces: old.Replaces, ByHuman: how.Cancel && c.Who.Kind == policy.KindUser,
		CreatedAt: stamp.Of(c.Now), NextAt: stamp.Of(c.Now.Add(signFor)),
	}
	if t.Replaces == "" {
		t.Replaces = old.ID
	}
	if p.tx.Type != 2 {
		t.MaxFee = p.tx.GasPrice
	}
	attempt := p.attempt()
	r := &Reservation{Tx: &t, Replaces: &old, Human: c.Who.Kind == policy.KindUser, Approval: approved, Since: c.Now.Add(-window), Recipients: guard.Recipients(attempt)}
	r.Decide = func(now *Agent, spent *guard.Spent) ([]guard.Take, error) {
		if err := may(now); err != nil {
			return nil, err
		}
		t.Ruled = ruledBy(now)
		if how.Cancel {
			takes, err := ruled(now, attempt, spent, true)
			return counted(takes), err
		}
		takes, err := faster(now, &old, attempt, spent, &p, approved != "")
		return counted(takes), err
	}
	c.Event.Details.More = s.decoded(&p, &t)
	what := &vault.Signing{Path: p.place(asked), Words: cut("In place of the transaction " + old.ID + ": " + p.words())}
	if err := s.sign(ctx, c, &p, r, what, func(sig evm.Signature) { t.Raw, t.Hash = p.tx.Encode(sig) }); err != nil {
		return Tx{}, s.ask(ctx, c, &a, &p.key, p.place(asked), what.Words, err)
	}
	if err := s.keep(ctx, c, r, Signed); err != nil {
		return Tx{}, err
	}
	s.first(context.WithoutCancel(ctx), p.node, &t)
	return t, nil
}

// mayReplace says why nothing is replaced for an agent. An owner or admin cancels also for one that
// is stopped: it lowers what can be lost.
func mayReplace(now *Agent, c *call.Call, how *Replacement) error {
	if how.Cancel && c.Who.Manages() {
		return nil
	}
	return now.mayAct()
}

// outbid reports whether a transaction was replaced, at a higher price, by what may come into a
// block in its place.
func (s *Service) outbid(ctx context.Context, t *Tx) (bool, error) {
	family, err := s.cfg.Store.Family(ctx, t)
	return slices.ContainsFunc(family, func(m Tx) bool { return m.ID != t.ID && m.Offered && m.Status == Broadcast && m.MaxFee.Gt(&t.MaxFee) }), err
}

// replacedText says of a transaction that will never be what is in a block in its place.
func (s *Service) replacedText(ctx context.Context, nodes *node.Client, t *Tx) string {
	const never = " This one will never be."
	family, err := s.cfg.Store.Family(ctx, t)
	for i := range family {
		if m := &family[i]; err == nil && m.ID != t.ID && m.Offered {
			if _, found, err := nodes.Receipt(ctx, m.Hash); err == nil && found {
				return "In its place the transaction " + m.ID + " is in a block." + never
			}
		}
	}
	return "Another transaction with its nonce is in a block." + never
}

// discard ends a transaction that was signed and has been nowhere: it needs no other in its place.
func (s *Service) discard(ctx context.Context, c *call.Call, t Tx, may func(*Agent) error) (Tx, error) {
	t.Status, t.ErrorCode, t.Error, t.NextAt = Failed, "discarded", "It was discarded before it was sent. No node has had it.", time.Time{}
	t.Raw, t.Hash = nil, evm.Hash{}
	c.Event.Details.More = []audit.Field{audit.Text("agent_id", t.Agent), audit.Text("chain", t.Chain), audit.Text("discarded", "true")}
	c.Event.Details.Outcome = audit.Success
	return t, s.refused(c, s.cfg.Store.DiscardTransaction(ctx, &t, may, c.Event))
}

// replaceable reports whether t waits for a block. What was handed out can only be cancelled: whoever
// has it may send it at any time, until something else has its nonce.
func (t *Tx) replaceable(how *Replacement) bool {
	waits := t.Status == Broadcast || t.Status == Signed || t.Status == SignOnly && how.Cancel
	return waits && t.Receipt.Fate == Waiting
}

// dearer refuses what no human was asked about when it cost less: with the fees of now one would be.
func dearer(now *Agent, attempt *guard.Attempt, wasCost *uint256.Int) error {
	rules, err := rulesOf(now)
	if err != nil {
		return err
	}
	before := *attempt
	before.GasCost = *wasCost
	if rules.AsksAmount(attempt) && !rules.AsksAmount(&before) {
		return errDearer
	}
	return nil
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
	p.wasCost = p.cost()
	if p.chain, p.node, err = s.cfg.Chains.Known(ctx, old.ChainID); err != nil {
		return p, err
	}
	if !p.chain.Enabled && !how.Cancel {
		return p, errDisabled
	}
	if p.names, err = s.cfg.Chains.Names(ctx, p.chain.ChainID); err != nil {
		return p, err
	}
	if how.Cancel && c.Who.Kind == policy.KindUser {
		p.key, err = s.keyThatSigned(ctx, c, old, &how)
	} else {
		p.key, err = s.keyFor(ctx, c, &a, &p.chain, Draft{KeyPath: how.KeyPath, Vault: how.Vault})
	}
	if err != nil {
		return p, err
	}
	if p.key.address != old.From {
		return p, errWrongKey
	}
	if how.Cancel {
		p.tx.To, p.tx.Value, p.tx.Data, p.tx.Access, p.tx.Gas = &old.From, uint256.Int{}, nil, nil, 21000
	}
	p.meaning = meaning.Read(meaning.Call{ChainID: p.tx.ChainID, From: old.From, To: p.tx.To, Value: p.tx.Value, Data: p.tx.Data}, p.rules.Known(p.tx.ChainID))
	if p.draft, err = (Draft{To: old.From.String(), Value: "0", Chain: old.Chain, MaxFee: how.MaxFee, MaxTip: how.MaxTip}).parse(); err != nil {
		return p, err
	}
	if err := s.cfg.Chains.Continues(ctx, &p.chain, p.node); err != nil {
		return p, err
	}
	latest, err := p.node.LatestNonce(ctx, old.From)
	if err != nil {
		return p, err
	}
	if latest > old.Nonce { // the watcher has not seen it yet
		return p, ErrMined
	}
	return p, s.raiseFees(ctx, &p, old, how.Cancel)
}

// raiseFees sets fees for which nodes take a transaction instead of all that have its nonce.
func (s *Service) raiseFees(ctx context.Context, p *prepared, old *Tx, cancels bool) error {
	family, err := s.cfg.Store.Family(ctx, old)
	if err != nil {
		return err
	}
	var wasFee, wasTip, paid uint256.Int // paid: of those that move something
	for i := range family {
		if m := &family[i]; m.ID == old.ID || m.Status == Signed || m.Status == Broadcast || m.Status == SignOnly {
			wasFee, wasTip = *most(&wasFee, &m.MaxFee), *most(&wasTip, &m.MaxTip)
			if !m.Cancels() {
				paid = *most(&paid, &m.MaxFee)
			}
		}
	}
	fees, err := p.node.Fees(ctx)
	if err != nil {
		return err
	}
	p.asked(&fees)
	if cancels {
		p.cancels = &paid
	}
	asked, tip := p.draft.maxFee, p.draft.tip
	if p.tx.Type != 2 {
		if tip != nil {
			return errNoTip
		}
		if err := raise(&p.tx.GasPrice, asked, &wasFee, &fees.GasPrice); err != nil || asked == nil {
			return err
		}
		return p.checkPrice(&node.Head{BaseFee: p.base})
	}
	if err := raise(&p.tx.TipCap, tip, &wasTip, &fees.TipCap); err != nil {
		return err
	}
	if err := raise(&p.tx.FeeCap, asked, &wasFee, &fees.FeeCap); err != nil {
		return err
	}
	switch {
	case !p.tx.TipCap.Gt(&p.tx.FeeCap):
	case asked == nil:
		p.tx.FeeCap = p.tx.TipCap
	default: // the caller's most holds for both
		if err := raise(&p.tx.TipCap, asked, &wasTip, asked); err != nil {
			return err
		}
	}
	if asked == nil && tip == nil {
		return nil
	}
	return p.checkPrice(&node.Head{BaseFee: p.base})
}

func most(a, b *uint256.Int) *uint256.Int {
	if a.Gt(b) {
		return a
	}
	return b
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
