package transaction

import (
	"context"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Chains finds chains and their nodes.
type Chains interface {
	// Node returns an enabled chain by its name or number, with the client of its nodes.
	// NotFound when there is none, and no_rpc when no node of it is set.
	Node(ctx context.Context, nameOrNumber string) (intents.Chain, *node.Client, error)
	// Named is Node for what needs no node.
	Named(ctx context.Context, nameOrNumber string) (intents.Chain, error)
	// Known returns a chain that may be disabled, by its number, with the client of its nodes.
	Known(ctx context.Context, number uint64) (intents.Chain, *node.Client, error)
	// Names returns all names that the chain of a number has or had.
	Names(ctx context.Context, number int64) (intents.Names, error)
	// Continues refuses a test chain that was started anew (chain_restarted).
	Continues(ctx context.Context, chain *intents.Chain, nodes *node.Client) error
	// Deep keeps the block of a receipt that has many on top, by which a test chain is known again.
	Deep(ctx context.Context, chain *intents.Chain, in *node.Receipt) error
	// Know refuses names and numbers of which one is, and was, no chain's.
	Know(ctx context.Context, namesOrNumbers []string) error
}

// prepared is all that is known of a transaction but its nonce.
type prepared struct {
	agent    Agent
	chain    intents.Chain
	names    intents.Names // all of the chain's
	node     *node.Client
	key      key
	tx       evm.Tx
	added    uint256.Int // wei that the chain takes beside gas times price
	meaning  meaning.Meaning
	rules    guard.Rules
	draft    parsed
	market   *uint256.Int // wei for each gas that nodes ask for; nil: they were not asked
	base     *uint256.Int // of it what the next block burns; nil: unknown, or the chain has none
	cancels  *uint256.Int // the price of what this stops; nil: it stops nothing
	wasCost  uint256.Int  // of the gas of what this replaces, at most
	signOnly bool         // it is handed out, not sent
	// simulated: a node ran it, and it passed.
	simulated bool
	digest    *evm.Hash // of a message; nil: that of tx is signed
	allowed   map[guard.Allowance]uint256.Int
}

// hash is what is signed.
func (p *prepared) hash() evm.Hash {
	if p.digest != nil {
		return *p.digest
	}
	return p.tx.SigningHash()
}

// cost is what gas may cost at most, in wei.
func (p *prepared) cost() (out uint256.Int) {
	out.Mul(p.price(), uint256.NewInt(p.tx.Gas))
	out.Add(&out, &p.added)
	return out
}

// price is what each gas may cost at most, in wei.
func (p *prepared) price() *uint256.Int {
	if p.tx.Type != 2 {
		return &p.tx.GasPrice
	}
	return &p.tx.FeeCap
}

var (
	errNotEnabled = fault.New(fault.Denied, "intents_not_enabled", "The Intents API is not enabled for this agent. Who manages it sets intents_api_enabled.").Because("intents_not_enabled")
	errInactive   = fault.New(fault.Denied, "agent_not_active", "This agent is not active.").Because("agent_inactive")
)

// admit finds the agent and asks whether the caller may do a for it.
func (s *Service) admit(ctx context.Context, c *call.Call, agent string, a policy.Action) (Agent, error) {
	got, err := s.cfg.Store.AgentForTransactions(ctx, c.Who.Org, agent)
	return got, c.OverAgent(a, agent, got.Creator, err)
}

// working is admit for what takes an agent that may have things signed.
func (s *Service) working(ctx context.Context, c *call.Call, agent string, a policy.Action) (Agent, error) {
	got, err := s.admit(ctx, c, agent, a)
	if err != nil {
		return got, err
	}
	return got, got.mayAct()
}

// mayAct says why nothing is signed for an agent, whoever asks.
func (a *Agent) mayAct() error {
	switch {
	case a.Frozen:
		return policy.ErrFrozen
	case !a.Active:
		return errInactive
	case !a.Intents:
		return errNotEnabled
	}
	return nil
}

// prepare finds chain and key, and what the transaction would do. Nothing is decided or
// reserved.
func (s *Service) prepare(ctx context.Context, c *call.Call, a Agent, d Draft) (p prepared, err error) {
	p.agent = a
	if p.draft, err = d.parse(); err != nil {
		return p, err
	}
	if p.rules, err = rulesOf(&a); err != nil {
		return p, err
	}
	if p.chain, p.node, err = s.cfg.Chains.Node(ctx, d.Chain); err != nil {
		return p, err
	}
	if p.names, err = s.cfg.Chains.Names(ctx, p.chain.ChainID); err != nil {
		return p, err
	}
	if p.key, err = s.keyFor(ctx, c, &a, &p.chain, d); err != nil {
		return p, err
	}
	p.decode()
	return p, nil
}

// decode makes the transaction, and reads what it would do.
func (p *prepared) decode() {
	p.tx = evm.Tx{Type: 2, ChainID: uint64(p.chain.ChainID), To: p.draft.to, Value: p.draft.value, Data: p.draft.data, Access: p.draft.access}
	p.meaning = meaning.Read(meaning.Call{
		ChainID: p.tx.ChainID, From: p.key.address, To: p.tx.To, Value: p.tx.Value, Data: p.tx.Data,
	}, p.rules.Known(p.tx.ChainID))
}

// early refuses what no state of the limits would allow, before a node is asked.
func (p *prepared) early() error {
	return refusal(guard.Decide(&p.rules, p.attempt(), &guard.Spent{Early: true}))
}

// fees sets type and prices.
func (p *prepared) fees(ctx context.Context) error {
	d := &p.draft
	profile := &p.node.Profile
	given := d.gasPrice != nil || d.maxFee != nil && d.tip != nil
	var fees node.Fees
	if !given || p.rules.AsksMarket() {
		var err error
		if fees, err = p.node.Fees(ctx); err != nil {
			return err
		}
		p.asked(&fees)
	}
	if d.gasPrice != nil {
		p.tx.Type, p.tx.GasPrice = 0, *d.gasPrice
		if len(d.access) > 0 {
			p.tx.Type = 1
		}
		return nil
	}
	if d.maxFee != nil && d.tip != nil {
		p.tx.FeeCap, p.tx.TipCap = *d.maxFee, *d.tip
		return nil
	}
	if fees.Legacy || profile.Legacy {
		if d.maxFee != nil || d.tip != nil {
			return invalid("invalid_fees", "This chain has no fees of type 2: send gas_price, or nothing.")
		}
		p.tx.Type, p.tx.GasPrice = 0, fees.GasPrice
		if len(d.access) > 0 {
			p.tx.Type = 1
		}
		return nil
	}
	p.tx.FeeCap, p.tx.TipCap = fees.FeeCap, fees.TipCap
	if d.tip != nil {
		// The cap grows with the tip that was asked for.
		if d.tip.Gt(&p.tx.TipCap) {
			var more uint256.Int
			more.Sub(d.tip, &p.tx.TipCap)
			p.tx.FeeCap.Add(&p.tx.FeeCap, &more)
		}
		p.tx.TipCap = *d.tip
	}
	if d.maxFee != nil {
		p.tx.FeeCap = *d.maxFee
		if p.tx.TipCap.Gt(&p.tx.FeeCap) {
			p.tx.TipCap = p.tx.FeeCap
		}
	}
	return nil
}

// asked keeps what nodes ask for each gas.
func (p *prepared) asked(f *node.Fees) {
	p.market, p.base = &f.Market, &f.BaseFee
	if f.Legacy {
		p.base = nil
	}
}

// offer is what each gas would cost in the next block, in wei (EIP-1559): a cap far above
// that costs nothing. It is what each gas costs at most where the base fee is not known, and
// of a cancel, each of which raises the cap of the one before.
func (p *prepared) offer() uint256.Int {
	most := *p.price()
	if p.tx.Type != 2 || p.base == nil || p.cancels != nil {
		return most
	}
	now, over := new(uint256.Int).AddOverflow(p.base, &p.tx.TipCap)
	if over || now.Gt(&most) {
		return most
	}
	return *now
}

// gas sets the limit, and what is paid beside it.
func (p *prepared) gas(ctx context.Context) error {
	profile := &p.node.Profile
	if want := p.draft.GasLimit; want != nil {
		p.tx.Gas = *want
		if err := profile.CheckGas(*want); err != nil {
			return err
		}
		if err := p.leastGas(); err != nil {
			return err
		}
	} else {
		estimate, err := p.node.EstimateGas(ctx, p.message())
		if err != nil {
			return p.wouldFail(ctx, err)
		}
		if p.tx.Gas, err = profile.GasLimit(estimate); err != nil {
			return err
		}
	}
	if err := p.bounds(ctx); err != nil {
		return err
	}
	raw, _ := p.tx.Encode(evm.Signature{}) // as long as the signed one
	added, err := p.node.AddedFee(ctx, raw, p.tx.Gas)
	p.added = added
	return err
}

// message is the transaction as nodes estimate and simulate it.
func (p *prepared) message() node.Message {
	return node.Message{From: p.key.address, To: p.tx.To, Value: p.tx.Value, Data: p.tx.Data, Access: p.tx.Access}
}

// attempt is the transaction as the guard sees it.
func (p *prepared) attempt() *guard.Attempt {
	return &guard.Attempt{
		Chain: p.chain.Name, Names: p.names.All, Shared: p.names.Shared, ChainID: p.tx.ChainID, From: p.key.address, To: p.tx.To, Value: p.tx.Value, Meaning: p.meaning, GasCost: p.cost(),
		Price: p.offer(), Market: p.market, Cancels: p.cancels, Allowed: p.allowed, Coin: p.chain.NativeCurrency,
	}
}
