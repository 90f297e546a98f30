package transaction

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/simulate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

const (
	// replayFor is how long a key of a request is remembered (contract, section 7).
	replayFor = 24 * time.Hour
	// signFor is how long a reservation waits for its signature before it is given back.
	signFor = time.Minute
	// window is the time that limits of a day look back.
	window = 24 * time.Hour
)

var (
	errReplayBody = fault.New(fault.Unprocessable, "idempotency_key_reused", "This Idempotency-Key was sent with another request. Use a new one.")
	errMustSim    = fault.New(fault.Denied, "guardrail_require_simulation", "This agent's transactions are signed only after a simulation that succeeds, and none could be run.").Because("guard:require_simulation")
)

// Submit signs a transaction for an agent and sends it. With a key of a request that was
// used within a day for the same, the transaction of then is returned, and replayed is true.
// One whose simulation failed is SimulationFailed, and was not
// signed.
func (s *Service) Submit(ctx context.Context, c *call.Call, agent string, d Draft) (t Tx, replayed bool, err error) {
	return s.make(ctx, c, agent, d, policy.SubmitTransaction)
}

// Sign signs a transaction and hands it out: it counts as if it were sent.
func (s *Service) Sign(ctx context.Context, c *call.Call, agent string, d Draft) (t Tx, replayed bool, err error) {
	return s.make(ctx, c, agent, d, policy.SignTransaction)
}

func (s *Service) make(ctx context.Context, c *call.Call, agent string, d Draft, action policy.Action) (Tx, bool, error) {
	a, err := s.working(ctx, c, agent, action)
	if err != nil {
		return Tx{}, false, err
	}
	if err := checkReplayKey(d.ReplayKey); err != nil {
		return Tx{}, false, err
	}
	read, err := d.parse()
	if err != nil {
		return Tx{}, false, err
	}
	key, asked := hashed(d.ReplayKey), read.asked(agent, string(action))
	if t, found, err := s.replayed(ctx, agent, key, asked, c.Now); found || err != nil {
		return t, found, err
	}
	asking, stop := context.WithTimeout(ctx, prepareFor)
	defer stop()
	p, err := s.prepare(asking, c, a, d)
	p.signOnly = action == policy.SignTransaction
	if err != nil {
		return Tx{}, false, slow(asking, err)
	}
	t := Tx{
		ID: ids.New(), Org: a.Org, Agent: a.ID, Chain: p.chain.Name, ChainID: p.tx.ChainID, From: p.key.address, To: p.tx.To,
		Value: p.tx.Value, Function: p.meaning.Function, Status: Pending,
		ReplayKey: key, ReplayBody: asked, CreatedAt: stamp.Of(c.Now),
	}
	c.Event.Details.More = s.decoded(&p, &t)
	if err := p.early(); err != nil {
		return Tx{}, false, err
	}
	if err := s.cfg.Chains.Continues(asking, &p.chain, p.node); err != nil { // of test chains alone a node is asked
		return Tx{}, false, slow(asking, err)
	}
	if d.SimulateFirst || p.rules.RequireSimulation {
		if stops, err := s.simulateFirst(ctx, asking, c, &p, &t); stops || err != nil {
			return t, false, slow(asking, err)
		}
	}
	if err := p.fees(asking); err != nil {
		return Tx{}, false, slow(asking, err)
	}
	if err := p.gas(asking); err != nil {
		return Tx{}, false, slow(asking, err)
	}
	if err := p.allowances(asking); err != nil {
		return Tx{}, false, slow(asking, err)
	}
	t.MaxFee, t.MaxTip = p.tx.FeeCap, p.tx.TipCap
	if p.tx.Type != 2 {
		t.MaxFee = p.tx.GasPrice
	}
	r, err := s.reservation(asking, c, &p, &t)
	if err != nil {
		return Tx{}, false, slow(asking, err)
	}
	c.Touch("transaction", t.ID)
	what := &vault.Signing{Path: p.place(asked), Words: cut(p.words())}
	err = s.sign(ctx, c, &p, r, what, func(sig evm.Signature) {
		t.Raw, t.Hash = p.tx.Encode(sig)
	})
	if errors.Is(err, ErrReplayed) {
		t, found, err := s.replayed(ctx, agent, key, asked, c.Now)
		if err == nil && !found {
			err = ErrReplayed
		}
		return t, found, err
	}
	if err != nil {
		return Tx{}, false, s.ask(ctx, c, &a, &p.key, p.place(asked), p.words(), err)
	}
	signed := Signed
	if p.signOnly {
		signed = SignOnly
	}
	if err := s.keep(ctx, c, r, signed); err != nil {
		return Tx{}, false, err
	}
	if t.Status == Signed {
		s.first(context.WithoutCancel(ctx), p.node, &t)
	}
	return t, false, nil
}

// replayed finds what was made of the same request before.
func (s *Service) replayed(ctx context.Context, agent, key, asked string, now time.Time) (Tx, bool, error) {
	if key == "" {
		return Tx{}, false, nil
	}
	t, found, err := s.cfg.Store.ReplayedTransaction(ctx, agent, key, now.Add(-replayFor))
	switch {
	case err != nil || !found:
		return Tx{}, false, err
	case t.ReplayBody != asked:
		return Tx{}, false, errReplayBody
	case t.Status == Pending:
		return Tx{}, false, ErrReplayed
	}
	return t, true, nil
}

// reservation is what the store is asked for, with the decision that it makes.
func (s *Service) reservation(ctx context.Context, c *call.Call, p *prepared, t *Tx) (*Reservation, error) {
	approved, err := s.approved(ctx, c, &p.agent, &p.key, p.place(t.ReplayBody))
	if err != nil {
		return nil, err
	}
	counts := Counts{Unasked: true}
	if p.draft.Nonce == nil || !p.signOnly { // who sends it elsewhere, with a nonce of its own, needs no node
		if counts, err = s.counts(ctx, p); err != nil {
			return nil, err
		}
	}
	attempt := p.attempt()
	t.NextAt = stamp.Of(s.cfg.Now().Add(signFor)) // the nodes may have taken long
	return &Reservation{
		Tx: t, Approval: approved, Counts: counts, Nonce: p.draft.Nonce, Since: c.Now.Add(-window), Recipients: guard.Recipients(attempt),
		Decide: func(now *Agent, spent *guard.Spent) ([]guard.Take, error) {
			rules, err := rulesOf(now)
			if err == nil && rules.RequireSimulation && t.Simulation.Status != string(simulate.Success) {
				err = errMustSim
			}
			if err != nil {
				return nil, err
			}
			t.Ruled = ruledBy(now)
			takes, err := decide(now, attempt, spent, approved != "")
			return counted(takes), err
		},
	}, nil
}

// counts asks the nodes about the account. Where the answer is far ahead of what is known here
// another node is asked too.
func (s *Service) counts(ctx context.Context, p *prepared) (n Counts, err error) {
	var both sync.WaitGroup
	var other error
	both.Go(func() { n.Pending, other = p.node.PendingNonce(ctx, p.key.address) })
	n.Latest, err = p.node.LatestNonce(ctx, p.key.address)
	if both.Wait(); err == nil {
		err = other
	}
	if err != nil {
		return n, err
	}
	next, err := s.cfg.Store.NextOf(ctx, p.tx.ChainID, p.key.address)
	if err == nil && Jumps(next, n.Latest) {
		n.Alone = p.node.Alone()
		n.Agreed = !n.Alone && p.node.Confirms(ctx, p.key.address, n.Latest)
	}
	return n, err
}

// Counted is the asset of which each transaction takes one.
const Counted = "transactions"

func counted(takes []guard.Take) []guard.Take {
	return append(takes, guard.Take{Asset: Counted, Amount: *uint256.NewInt(1)})
}

// decide asks the guard about an attempt, with the agent as it is in the transaction.
func decide(now *Agent, a *guard.Attempt, spent *guard.Spent, approved bool) ([]guard.Take, error) {
	if err := now.mayAct(); err != nil {
		return nil, err
	}
	return ruled(now, a, spent, approved)
}

// ruled is decide for who may act also while the agent may not.
func ruled(now *Agent, a *guard.Attempt, spent *guard.Spent, approved bool) ([]guard.Take, error) {
	rules, err := rulesOf(now)
	if err != nil {
		return nil, err
	}
	v := guard.Decide(&rules, a, spent)
	if err := refusal(v); err != nil {
		return nil, err
	}
	if len(v.NeedsApproval) > 0 && !approved {
		return nil, needs{v.NeedsApproval}
	}
	return v.Takes, nil
}

// sign reserves what r asks for, with the call's event, and then has the key sign. The
// key of a vault goes through the one door to a plaintext: an approval that its policy asks
// for is of what is signed, and of nothing else.
func (s *Service) sign(ctx context.Context, c *call.Call, p *prepared, r *Reservation, what *vault.Signing, done func(evm.Signature)) error {
	c.Event.Details.Outcome = audit.Success
	reserve := func(ctx context.Context, ev *audit.Event) error {
		err := s.cfg.Store.ReserveTransaction(ctx, r, ev)
		p.tx.Nonce = r.Tx.Nonce
		return err
	}
	if p.key.keystore != "" {
		if err := reserve(ctx, c.Event); err != nil {
			return s.refused(c, err)
		}
		sig, err := s.cfg.Keys.SignHash(context.WithoutCancel(ctx), p.key.keystore, p.hash(), p.key.address)
		if err != nil {
			return s.giveBack(ctx, c, r, err)
		}
		done(sig)
		return nil
	}
	at := p.key.at
	at.Signs = what
	at.Record = func(ctx context.Context, t vault.Taking, ev *audit.Event) error {
		r.Taking = &t
		return reserve(ctx, ev)
	}
	err := s.cfg.Vault.Use(ctx, c, at, p.key.does, func(got *vault.Secret) error {
		signs, err := evm.ParseKey(got.Value.Reveal())
		if err != nil {
			return s.giveBack(ctx, c, r, errNotAKey)
		}
		defer signs.Wipe()
		if signs.Address() != p.key.address {
			return s.giveBack(ctx, c, r, errOtherKey)
		}
		sig, err := signs.Sign(p.hash())
		if err != nil {
			return s.giveBack(ctx, c, r, err)
		}
		done(sig)
		return nil
	})
	return s.refused(c, err)
}

// refused notes in the event why nothing was reserved.
func (s *Service) refused(c *call.Call, err error) error {
	if err != nil && !c.Event.Committed {
		c.Event.Details.Outcome = ""
		if why := fault.ReasonOf(err); why != "" {
			c.Event.Details.Reason = why
		}
	}
	return err
}

// keep stores what was signed, as long as all stands still that it was decided on: only then
// may it leave. Whoever hung up meanwhile.
func (s *Service) keep(ctx context.Context, c *call.Call, r *Reservation, signed Status) error {
	t, after, kind := r.Tx, call.Again(context.WithoutCancel(ctx)), "transaction"
	var err error
	if t.Status == Unsigned {
		kind = "message"
		err = s.cfg.Store.SignedMessage(after, t)
	} else {
		t.Status, t.SignedAt = signed, stamp.Of(s.cfg.Now())
		t.NextAt, t.Offered = stamp.Of(t.SignedAt.Add(sendFor)), true
		err = s.cfg.Store.SignedTransaction(after, t, s.signingEvent(c, t, audit.Success))
	}
	if errors.Is(err, call.ErrMoved) || errors.Is(err, ErrOver) {
		return s.giveBack(ctx, c, r, ErrOver)
	}
	if err == nil && s.cfg.Signed != nil {
		s.cfg.Signed(kind)
	}
	return err // unless it is stored, it is given back in time
}

// giveBack gives back what was reserved and could not be signed.
func (s *Service) giveBack(ctx context.Context, c *call.Call, r *Reservation, why error) error {
	t := r.Tx
	t.ErrorCode, t.Error = "not_signed", "It could not be signed. Nothing was sent."
	ev := s.signingEvent(c, t, audit.Failed)
	ev.Details.Reason = t.ErrorCode
	if err := s.cfg.Store.GiveBack(context.WithoutCancel(ctx), t, r.Approval, ev); err != nil {
		s.cfg.Log.Error("a reservation is given back later", slog.String("transaction", t.ID), slog.String("error", err.Error()))
	}
	return why
}

// decoded says in the event what the transaction does.
func (s *Service) decoded(p *prepared, t *Tx) []audit.Field {
	to := ""
	if t.To != nil {
		to = t.To.String()
	}
	out := []audit.Field{
		audit.Text("agent_id", t.Agent), audit.Text("chain", t.Chain), audit.Text("from", t.From.String()), audit.Text("to", to),
		audit.Text("value_wei", t.Value.Dec()), audit.Text("function", t.Function),
	}
	return append(out, moves(&p.meaning)...)
}

// signingEvent is the event of what came of a signature: what was decided has one of its own.
func (s *Service) signingEvent(c *call.Call, t *Tx, outcome string) *audit.Event {
	ev := *c.Event
	ev.ID, ev.Committed, ev.Seq, ev.PrevID = ids.New(), false, 0, ""
	ev.Details.Outcome = outcome
	if t.Status == Unsigned {
		return &ev
	}
	ev.Action, ev.ResourceType, ev.ResourceID = string(policy.SignTransaction), "transaction", t.ID // of a replacement c's is what it replaces
	ev.Details.More = append(slices.Clone(ev.Details.More), audit.Text("nonce", number(&t.Nonce)))
	if outcome == audit.Success {
		ev.Details.More = append(ev.Details.More, audit.Text("tx_hash", t.Hash.String()))
	}
	return &ev
}
