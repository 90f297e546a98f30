package intents

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Mark is by what a chain is known again.
type Mark = node.Mark

// Marks keeps by what test chains are known again.
type Marks interface {
	ChainMark(ctx context.Context, number int64) (m Mark, known bool, err error)
	// KeepMark keeps the first mark of a chain, and of later ones with the same first block the highest.
	KeepMark(ctx context.Context, number int64, m Mark) error
	// RestartChain keeps another mark, forgets the counts of all accounts on the chain, and ends the
	// transactions that it had: so many of them had not come into a block.
	RestartChain(ctx context.Context, org string, number int64, m Mark, ev *audit.Event) (ended int, err error)
}

var errNotTest = fault.New(fault.Unprocessable, "not_a_test_chain", "Only chains of tests are started anew: those that are marked as a test net.")

// tests reports whether a chain may be started anew: main nets never are. 1337 and 31337 are
// what nodes for developers call their chain.
func (chain *Chain) tests() bool {
	return chain.Testnet || chain.ChainID == 1337 || chain.ChainID == 31337
}

// errRestarted refuses what would rest on the counts of a chain that is gone.
func errRestarted(chain string) error {
	return fault.New(fault.Conflict, "chain_restarted", "The chain "+chain+" is another than before: its first block, or one that was final, is another or gone. Nothing was signed. "+
		"If it was started anew, a platform admin has its counts start anew with: oneclaw chain restart "+chain)
}

// Continues refuses a test chain that was started anew since the server knows it.
func (s *Chains) Continues(ctx context.Context, chain *Chain, nodes *node.Client) error {
	if !chain.tests() || s.continued.lately(nodes, s.Nodes.Now()) {
		return nil
	}
	if err := s.continues(ctx, chain, nodes); err != nil {
		return err
	}
	s.continued.now(nodes, s.Nodes.Now())
	return nil
}

// lookup keeps when the nodes of each test chain last said that it is the one that it was.
type lookup struct {
	mu sync.Mutex
	at map[*node.Client]time.Time
}

// lookEvery is how long what the nodes said of a test chain is good: a node takes as long to start.
const lookEvery = time.Second

func (l *lookup) lately(nodes *node.Client, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.at[nodes]
	return ok && !now.Before(at) && now.Sub(at) < lookEvery
}

func (l *lookup) now(nodes *node.Client, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at == nil || len(l.at) >= maxChains {
		l.at = map[*node.Client]time.Time{}
	}
	l.at[nodes] = at
}

func (s *Chains) continues(ctx context.Context, chain *Chain, nodes *node.Client) error {
	m, known, err := s.Store.ChainMark(ctx, chain.ChainID)
	if err != nil {
		return err
	}
	if known {
		same, err := nodes.Continues(ctx, &m)
		if err == nil && !same {
			err = errRestarted(chain.Name)
		}
		if err != nil || m.Height > 0 {
			return err
		}
	}
	now, said, err := nodes.Marked(ctx)
	if err != nil || !said || known && now.Height == 0 {
		return err
	}
	return s.Store.KeepMark(ctx, chain.ChainID, now)
}

// Deep keeps the block of a receipt that has many on top, as one by which it is known again.
func (s *Chains) Deep(ctx context.Context, chain *Chain, in *node.Receipt) error {
	if !chain.tests() {
		return nil
	}
	m, known, err := s.Store.ChainMark(ctx, chain.ChainID)
	if err != nil || !known || m.Height >= in.Block {
		return err
	}
	m.Height, m.Hash = in.Block, in.BlockHash
	return s.Store.KeepMark(ctx, chain.ChainID, m)
}

// Restart has the counts of a test chain's accounts start anew, and ends what was signed for the
// chain as it was: those bytes are not sent on the new one. It returns how many of these there were.
func (s *Chains) Restart(ctx context.Context, c *call.Call, id string) (Chain, int, error) {
	c.Touch("chain", id)
	if err := c.Authorize(policy.RestartChain, c.Own()); err != nil {
		return Chain{}, 0, err
	}
	chain, err := s.withID(ctx, id)
	if err == nil && !chain.tests() {
		err = errNotTest
	}
	if err != nil {
		return Chain{}, 0, err
	}
	nodes, err := s.Nodes.Of(&chain)
	if err != nil {
		return Chain{}, 0, err
	}
	mark, said, err := nodes.Marked(ctx)
	if err == nil && !said {
		err = fault.New(fault.Unavailable, "node_unavailable", "The chain's nodes do not say what its first block is. Try again later.")
	}
	if err != nil {
		return Chain{}, 0, err
	}
	c.Event.Details.Outcome = audit.Success
	c.Event.Details.More = append(c.Event.Details.More, audit.Text("chain", chain.Name), audit.Text("number", strconv.FormatInt(chain.ChainID, 10)), audit.Text("genesis", mark.Genesis.String()))
	ended, err := s.Store.RestartChain(ctx, c.Who.Org, chain.ChainID, mark, c.Event)
	return chain, ended, err
}

func (s *Chains) withID(ctx context.Context, id string) (Chain, error) {
	all, err := s.Store.EVMChains(ctx)
	for i := range all {
		if all[i].ID == id {
			return all[i], err
		}
	}
	if err == nil {
		err = errNoChain
	}
	return Chain{}, err
}
