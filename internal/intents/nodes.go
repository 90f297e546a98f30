package intents

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Nodes finds a chain with a client of its nodes: those of the operator's settings, then
// the one that platform admins set.
type Nodes struct {
	Store    ChainStore
	Settings map[string][]string // by the chain's name
	HTTP     *http.Client        // of netguard
	Now      func() time.Time

	mu      sync.Mutex
	clients map[string]opened // by the chain's id
}

// opened is a client, and what it was made of.
type opened struct {
	made   Chain
	client *node.Client
}

// Open implements transaction.Chains.
func (n *Nodes) Open(ctx context.Context, nameOrNumber string) (Chain, *node.Client, error) {
	all, err := n.Store.EVMChains(ctx)
	if err != nil {
		return Chain{}, nil, err
	}
	i := slices.IndexFunc(all, func(c Chain) bool {
		return c.Enabled && (c.Name == nameOrNumber || strconv.FormatInt(c.ChainID, 10) == nameOrNumber)
	})
	if i < 0 {
		return Chain{}, nil, errNoChain
	}
	client, err := n.client(&all[i])
	return all[i], client, err
}

// client keeps one client for a chain as long as the chain stays as it is: it knows which
// nodes are well.
func (n *Nodes) client(c *Chain) (*node.Client, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if known, ok := n.clients[c.ID]; ok && known.made == *c {
		return known.client, nil
	}
	var urls []secret.Bytes
	for _, u := range n.Settings[c.Name] {
		urls = append(urls, secret.FromString(u))
	}
	if c.RPCURL != "" {
		urls = append(urls, secret.FromString(c.RPCURL))
	}
	client, err := node.New(node.Config{HTTP: n.HTTP, Profile: node.ProfileOf(uint64(c.ChainID), c.Name), URLs: urls, Now: n.Now})
	if err != nil {
		return nil, err
	}
	if n.clients == nil {
		n.clients = map[string]opened{}
	}
	n.clients[c.ID] = opened{*c, client}
	return client, nil
}
