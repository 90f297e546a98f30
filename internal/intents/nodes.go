package intents

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Nodes keeps a client for each chain that has nodes. The URLs of the settings come
// first, then the chain's rpc_url. It is safe for concurrent use.
type Nodes struct {
	HTTP *http.Client              // of netguard
	Set  map[string][]secret.Bytes // ONECLAW_CHAIN_RPC, by the chain's name
	Now  func() time.Time

	mu   sync.Mutex
	made map[string]madeClient // by the chain's id: at most one for each
}

type madeClient struct {
	of     [sha256.Size]byte // what it was made of
	client *node.Client
}

// Of returns the client of a chain, which must have come whole from the store. Without
// a URL it is the fault no_rpc. A client is made anew when the chain changed.
func (n *Nodes) Of(chain *Chain) (*node.Client, error) {
	urls := append([]secret.Bytes{}, n.Set[chain.Name]...)
	if chain.RPCURL != "" {
		urls = append(urls, secret.FromString(chain.RPCURL))
	}
	of := digest(chain, urls)
	n.mu.Lock()
	defer n.mu.Unlock()
	if m, ok := n.made[chain.ID]; ok && m.of == of {
		return m.client, nil
	}
	client, err := node.New(node.Config{HTTP: n.HTTP, Profile: node.ProfileOf(uint64(chain.ChainID), chain.Name), URLs: urls, Now: n.Now})
	if err != nil {
		return nil, err
	}
	if n.made == nil || len(n.made) >= maxChains { // chains that are gone leave theirs
		n.made = map[string]madeClient{}
	}
	n.made[chain.ID] = madeClient{of, client}
	return client, nil
}

func digest(chain *Chain, urls []secret.Bytes) (out [sha256.Size]byte) {
	h := sha256.New()
	put := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	put([]byte(chain.Name))
	put(binary.BigEndian.AppendUint64(nil, uint64(chain.ChainID)))
	for _, u := range urls {
		put(u.Reveal())
	}
	h.Sum(out[:0])
	return out
}

// Node returns an enabled chain, named by name or number, with the client of its nodes.
func (s *Chains) Node(ctx context.Context, nameOrNumber string) (Chain, *node.Client, error) {
	c, err := s.Named(ctx, nameOrNumber)
	if err != nil {
		return Chain{}, nil, err
	}
	client, err := s.Nodes.Of(&c)
	return c, client, err
}

// Named returns an enabled chain by its name or number. Nodes of it need not be set.
func (s *Chains) Named(ctx context.Context, nameOrNumber string) (Chain, error) {
	number, err := strconv.ParseInt(nameOrNumber, 10, 64)
	if err != nil {
		number = 0 // no chain's
	}
	chain, found, err := s.Store.EVMChain(ctx, nameOrNumber, number)
	if err == nil && (!found || !chain.Enabled || !chain.is(nameOrNumber)) {
		return Chain{}, errNoChain
	}
	return chain, err
}

// Known is Node for what stops something: a chain that is disabled counts, too. Of one that was
// removed it says who brings it back.
func (s *Chains) Known(ctx context.Context, number uint64) (Chain, *node.Client, error) {
	chain, found, err := s.Store.EVMChain(ctx, "", int64(number))
	if err == nil && !found {
		err = errChainGone
	}
	if err != nil {
		return Chain{}, nil, err
	}
	client, err := s.Nodes.Of(&chain)
	return chain, client, err
}

// Checked is what one node says of itself when it is asked.
type Checked = node.Checked

// Check asks each node of a chain how it is: whether it answers and is of the chain,
// how high it is, and what it can simulate.
func (s *Chains) Check(ctx context.Context, c *call.Call, id string) (Chain, []Checked, error) {
	c.Touch("chain", id)
	if err := c.Authorize(policy.CheckChain, c.Own()); err != nil {
		return Chain{}, nil, err
	}
	chain, err := s.withID(ctx, id)
	if err != nil {
		return Chain{}, nil, err
	}
	client, err := s.Nodes.Of(&chain)
	if err != nil {
		return Chain{}, nil, err
	}
	var mark *node.Mark
	if chain.tests() {
		m, known, err := s.Store.ChainMark(ctx, chain.ChainID)
		if err != nil {
			return Chain{}, nil, err
		}
		if known {
			mark = &m
		}
	}
	return chain, client.Check(ctx, mark), nil
}
