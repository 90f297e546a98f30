package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Chain is an EVM chain. RPCURL and WSURL are empty to those who may not see them.
type Chain struct {
	ID             string    `json:"id"`
	Name           string    `json:"name"`
	DisplayName    string    `json:"display_name"`
	ChainID        int64     `json:"chain_id"`
	RPCURL         string    `json:"rpc_url"`
	WSURL          string    `json:"ws_url"`
	ExplorerURL    string    `json:"explorer_url"`
	NativeCurrency string    `json:"native_currency"`
	IsTestnet      bool      `json:"is_testnet"`
	IsEnabled      bool      `json:"is_enabled"`
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
	NodeSet        bool      `json:"node_set"` // the server has a node of it, also where RPCURL is not shown
}

// ChainChange is a chain to add, or what to change of one: what is nil stays as it
// is, or as the server makes it. A new chain needs Name, DisplayName and ChainID.
type ChainChange struct {
	Name           *string `json:"name,omitempty"`
	DisplayName    *string `json:"display_name,omitempty"`
	ChainID        *int64  `json:"chain_id,omitempty"`
	RPCURL         *string `json:"rpc_url,omitempty"`
	WSURL          *string `json:"ws_url,omitempty"`
	ExplorerURL    *string `json:"explorer_url,omitempty"`
	NativeCurrency *string `json:"native_currency,omitempty"`
	IsTestnet      *bool   `json:"is_testnet,omitempty"`
	IsEnabled      *bool   `json:"is_enabled,omitempty"`
}

// Chains lists the chains that agents can use. It needs no credential.
func (c *Client) Chains(ctx context.Context) ([]Chain, error) { return c.chains(ctx, true, "chains") }

// Chain returns a chain by its name or number. It needs no credential.
func (c *Client) Chain(ctx context.Context, nameOrNumber string) (*Chain, error) {
	p, err := route("chains", nameOrNumber)
	if err != nil {
		return nil, err
	}
	out := new(Chain)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: p, query: nodeState(), public: true, repeatable: true}, out))
}

// AllChains lists all chains whole, also those that are not enabled. It takes a
// platform admin, as all that follows.
func (c *Client) AllChains(ctx context.Context) ([]Chain, error) {
	return c.chains(ctx, false, "admin", "chains")
}

// CreateChain adds a chain.
func (c *Client) CreateChain(ctx context.Context, n ChainChange) (*Chain, error) {
	out := new(Chain)
	return got(out, c.write(ctx, http.MethodPost, n, out, "admin", "chains"))
}

// UpdateChain changes the chain with the id.
func (c *Client) UpdateChain(ctx context.Context, id string, u ChainChange) (*Chain, error) {
	out := new(Chain)
	return got(out, c.write(ctx, http.MethodPut, u, out, "admin", "chains", id))
}

// DeleteChain removes the chain with the id.
func (c *Client) DeleteChain(ctx context.Context, id string) error {
	return c.remove(ctx, "admin", "chains", id)
}

// NodeCheck is what one node of a chain says of itself.
type NodeCheck struct {
	Node      int    `json:"node"`
	OK        bool   `json:"ok"`
	Error     string `json:"error"`
	Block     uint64 `json:"block"`
	Simulates string `json:"simulates"`
}

// ChainCheck is what the nodes of a chain say of themselves.
type ChainCheck struct {
	Chain   string      `json:"chain"`
	ChainID int64       `json:"chain_id"`
	Nodes   []NodeCheck `json:"nodes"`
}

// CheckChain has the server ask each node of the chain with the id how it is.
func (c *Client) CheckChain(ctx context.Context, id string) (*ChainCheck, error) {
	p, err := route("admin", "chains", id, "check")
	if err != nil {
		return nil, err
	}
	out := new(ChainCheck)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p, repeatable: true}, out))
}

// ChainRestart is what a new start of a chain ended.
type ChainRestart struct {
	Chain   string `json:"chain"`
	ChainID int64  `json:"chain_id"`
	Ended   int    `json:"ended"` // transactions that had not come into a block
}

// RestartChain has the counts of a test chain that was started anew start anew. It takes a person.
func (c *Client) RestartChain(ctx context.Context, id string) (*ChainRestart, error) {
	p, err := route("admin", "chains", id, "restart")
	if err != nil {
		return nil, err
	}
	out := new(ChainRestart)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p}, out))
}

func (c *Client) chains(ctx context.Context, public bool, parts ...string) ([]Chain, error) {
	p, err := route(parts...)
	if err != nil {
		return nil, err
	}
	var out struct {
		Chains []Chain `json:"chains"`
	}
	err = c.call(ctx, request{method: http.MethodGet, path: p, query: nodeState(), public: public, repeatable: true}, &out)
	return out.Chains, err
}

// nodeState asks for node_set.
func nodeState() url.Values { return url.Values{"node_state": {"true"}} }
