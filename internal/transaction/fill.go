package transaction

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

const (
	// fillAfter is how long a transaction waits behind a nonce that was given up before the server
	// fills the gap. Until then the next submission may.
	fillAfter = 2 * time.Minute
	// fillEvery is how rarely one nonce is filled where no node takes it. One at most comes into a block
	// and costs gas.
	fillEvery = time.Hour
)

// Gap is what is known of a nonce that transactions of an account wait for.
type Gap struct {
	Taken   bool      // one that is on its way has it
	GivenUp bool      // one had it, and does not any more: it was not only left out
	Last    time.Time // when the server filled it last; zero: never
}

// gap notes in t the nonce that it waits for, where no transaction has it, and fills it where it
// was given up. latest is the account's next nonce in a block.
func (s *Service) gap(ctx context.Context, nodes *node.Client, t *Tx, latest uint64) error {
	t.WaitsFor = nil
	if latest >= t.Nonce {
		return nil
	}
	g, err := s.cfg.Store.GapAt(ctx, t.ChainID, t.From, latest)
	if err != nil || g.Taken {
		return err
	}
	t.WaitsFor = &latest
	if now := s.cfg.Now(); !g.GivenUp || now.Sub(t.SignedAt) < fillAfter || now.Sub(g.Last) < fillEvery {
		return nil
	}
	switch filled, err := s.fill(ctx, nodes, t, latest); {
	case filled:
		t.WaitsFor = nil
	case err != nil && !stays(err):
		s.cfg.Log.Warn("a gap below a transaction is not filled", slog.String("transaction", t.ID), slog.String("error", err.Error()))
	}
	return nil
}

// stays reports whether a gap stays by a rule, or is filled by somebody else: nothing is wrong.
func stays(err error) bool {
	_, asks := err.(needs) //nolint:errorlint // decide returns it bare
	return asks || fault.Is(err, fault.Denied) || fault.Is(err, fault.Conflict) || fault.Is(err, fault.Unprocessable)
}

// fill has the account of t pay itself nothing with a nonce that was given up, so that t and what
// follows it can come into a block. It is decided like any transaction of the agent, but that no
// human is asked, and its key in the keystore signs: nobody is there for whom a key in a vault
// could be used.
func (s *Service) fill(ctx context.Context, nodes *node.Client, t *Tx, nonce uint64) (filled bool, err error) {
	p := prepared{node: nodes}
	if p.agent, err = s.cfg.Store.AgentForTransactions(ctx, t.Org, t.Agent); err != nil {
		return false, err
	}
	if err := p.agent.mayAct(); err != nil {
		return false, err
	}
	found := false
	if p.key.keystore, p.key.address, found, err = s.cfg.Keys.Active(ctx, t.Agent); err != nil || !found || p.key.address != t.From {
		return false, err
	}
	if p.rules, err = rulesOf(&p.agent); err != nil {
		return false, err
	}
	if p.chain, err = s.cfg.Chains.Named(ctx, strconv.FormatUint(t.ChainID, 10)); err != nil {
		return false, err
	}
	if p.names, err = s.cfg.Chains.Names(ctx, p.chain.ChainID); err != nil {
		return false, err
	}
	if p.draft, err = (Draft{To: t.From.String(), Value: "0", Chain: p.chain.Name}).parse(); err != nil {
		return false, err
	}
	p.decode()
	if err := p.early(); err != nil {
		return false, err
	}
	if err := p.fees(ctx); err != nil {
		return false, err
	}
	if err := p.gas(ctx); err != nil {
		return false, err
	}
	now := stamp.Of(s.cfg.Now())
	f := Tx{
		ID: ids.New(), Org: t.Org, Agent: t.Agent, Chain: p.chain.Name, ChainID: t.ChainID, From: t.From, To: p.tx.To, Fills: t.ID,
		MaxFee: p.tx.FeeCap, MaxTip: p.tx.TipCap, Status: Pending, CreatedAt: now, NextAt: stamp.Of(now.Add(signFor)),
	}
	if p.tx.Type != 2 {
		f.MaxFee = p.tx.GasPrice
	}
	attempt := p.attempt()
	r := &Reservation{
		Tx: &f, Counts: Counts{Latest: nonce, Pending: nonce}, Nonce: &nonce, Since: now.Add(-window), Recipients: guard.Recipients(attempt),
		Decide: func(now *Agent, spent *guard.Spent) ([]guard.Take, error) {
			f.Ruled = ruledBy(now)
			takes, err := decide(now, attempt, spent, false)
			return counted(takes), err
		},
	}
	c := s.own(&p, &f)
	if err := s.signFill(ctx, c, &p, r); err != nil {
		return false, err
	}
	s.first(ctx, nodes, &f)
	return true, nil
}

// own is the call of what the server does by itself for an agent.
func (s *Service) own(p *prepared, f *Tx) *call.Call {
	ev := &audit.Event{
		ID: ids.New(), Org: f.Org, At: f.CreatedAt, Action: string(policy.SubmitTransaction), ActorKind: string(policy.KindAnonymous),
		ResourceType: "transaction", ResourceID: f.ID,
	}
	ev.Details.More = append(s.decoded(p, f), audit.Text("fills", f.Fills))
	return &call.Call{Who: policy.Principal{Kind: policy.KindAnonymous, Org: f.Org}, Now: f.CreatedAt, Event: ev}
}

func (s *Service) signFill(ctx context.Context, c *call.Call, p *prepared, r *Reservation) error {
	err := s.sign(ctx, c, p, r, nil, func(sig evm.Signature) { r.Tx.Raw, r.Tx.Hash = p.tx.Encode(sig) })
	if err == nil {
		err = s.keep(ctx, c, r, Signed)
	}
	return err
}
