package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// chainBody is Chain of the contract, section 8.
type chainBody struct {
	ID             string    `json:"id" format:"uuid"`
	Name           string    `json:"name"`
	DisplayName    string    `json:"display_name"`
	ChainID        int64     `json:"chain_id"`
	RPCURL         *string   `json:"rpc_url" nullable:"true" doc:"To strangers only where it can't hold a key."`
	WSURL          *string   `json:"ws_url" nullable:"true" doc:"To strangers only where it can't hold a key."`
	ExplorerURL    *string   `json:"explorer_url" nullable:"true"`
	NativeCurrency string    `json:"native_currency"`
	Testnet        bool      `json:"is_testnet"`
	Enabled        bool      `json:"is_enabled"`
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
	NodeSet        *bool     `json:"node_set,omitempty" doc:"With node_state=true. Whether the server has a node of it, by rpc_url or its settings. Without one nothing is sent to it."`
}

func chainOf(c *intents.Chain) chainBody {
	return chainBody{
		ID: c.ID, Name: c.Name, DisplayName: c.DisplayName, ChainID: c.ChainID, RPCURL: present(c.RPCURL), WSURL: present(c.WSURL),
		ExplorerURL: present(c.ExplorerURL), NativeCurrency: c.NativeCurrency, Testnet: c.Testnet, Enabled: c.Enabled,
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

type chainList struct {
	Chains []chainBody `json:"chains"`
}

// nodeState asks for what clients that refuse unknown fields would not take.
type nodeState struct {
	NodeState bool `query:"node_state" doc:"Adds node_set."`
}

func (n nodeState) of(c *intents.Chain) chainBody {
	out := chainOf(c)
	if n.NodeState {
		out.NodeSet = &c.NodeSet
	}
	return out
}

func (n nodeState) ofAll(all []intents.Chain, err error) (*body[chainList], error) {
	if err != nil {
		return nil, err
	}
	out := &body[chainList]{chainList{Chains: make([]chainBody, 0, len(all))}}
	for i := range all {
		out.Body.Chains = append(out.Body.Chains, n.of(&all[i]))
	}
	return out, nil
}

// ChainFields are what a chain has beside its names and number.
type ChainFields struct {
	RPCURL         *string `json:"rpc_url,omitempty" nullable:"true" doc:"https; http to this machine only."`
	WSURL          *string `json:"ws_url,omitempty" nullable:"true" doc:"wss; ws to this machine only."`
	ExplorerURL    *string `json:"explorer_url,omitempty" nullable:"true"`
	NativeCurrency *string `json:"native_currency,omitempty" nullable:"true" doc:"ETH when absent."`
	Testnet        *bool   `json:"is_testnet,omitempty" nullable:"true"`
	Enabled        *bool   `json:"is_enabled,omitempty" nullable:"true" doc:"true when absent."`
}

func (f *ChainFields) set(c *intents.Chain) {
	put(&c.RPCURL, f.RPCURL)
	put(&c.WSURL, f.WSURL)
	put(&c.ExplorerURL, f.ExplorerURL)
	put(&c.NativeCurrency, f.NativeCurrency)
	put(&c.Testnet, f.Testnet)
	put(&c.Enabled, f.Enabled)
}

// put replaces a value by one that was sent.
func put[T any](at, sent *T) {
	if sent != nil {
		*at = *sent
	}
}

type createChain struct {
	Body struct {
		Name        string `json:"name"`
		DisplayName string `json:"display_name"`
		ChainID     int64  `json:"chain_id"`
		ChainFields
	}
}

type chainPath struct {
	ID string `path:"chain_entry_id"`
}

type updateChain struct {
	chainPath
	Body struct {
		Name        *string `json:"name,omitempty" nullable:"true"`
		DisplayName *string `json:"display_name,omitempty" nullable:"true"`
		ChainID     *int64  `json:"chain_id,omitempty" nullable:"true"`
		ChainFields
	}
}

func (a *API) registerChains() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/chains", id: "list-chains", tag: "Chains",
		summary: "List the chains that agents can use", action: policy.ListChains,
	}, func(ctx context.Context, c *call.Call, in *nodeState) (*body[chainList], error) {
		return in.ofAll(a.chains.Public(ctx, c))
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/chains/{chain}", id: "get-chain", tag: "Chains",
		summary: "Get a chain by its name or number", errors: []int{http.StatusNotFound}, action: policy.ListChains,
	}, func(ctx context.Context, c *call.Call, in *struct {
		Chain string `path:"chain"`
		nodeState
	}) (*body[chainBody], error) {
		chain, err := a.chains.Find(ctx, c, in.Chain)
		return answer(in.of(&chain), err)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/admin/chains", id: "list-all-chains", tag: "Admin",
		summary: "List all chains, also those that are not enabled", action: policy.ListAllChains,
	}, func(ctx context.Context, c *call.Call, in *nodeState) (*body[chainList], error) {
		return in.ofAll(a.chains.All(ctx, c))
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/admin/chains", id: "create-chain", tag: "Admin",
		summary: "Add a chain", errors: []int{http.StatusConflict}, action: policy.ManageChains, status: http.StatusCreated,
	}, func(ctx context.Context, c *call.Call, in *createChain) (*body[chainBody], error) {
		chain := intents.Chain{Name: in.Body.Name, DisplayName: in.Body.DisplayName, ChainID: in.Body.ChainID, NativeCurrency: "ETH", Enabled: true}
		in.Body.set(&chain)
		chain, err := a.chains.Create(ctx, c, chain)
		return answer(chainOf(&chain), err)
	})
	handle(a, op{
		method: http.MethodPut, path: "/v1/admin/chains/{chain_entry_id}", id: "update-chain", tag: "Admin",
		summary: "Change a chain; what is absent stays", errors: []int{http.StatusConflict}, action: policy.ManageChains,
	}, func(ctx context.Context, c *call.Call, in *updateChain) (*body[chainBody], error) {
		chain, err := a.chains.Update(ctx, c, in.ID, func(chain *intents.Chain) {
			put(&chain.Name, in.Body.Name)
			put(&chain.DisplayName, in.Body.DisplayName)
			put(&chain.ChainID, in.Body.ChainID)
			in.Body.set(chain)
		})
		return answer(chainOf(&chain), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: "/v1/admin/chains/{chain_entry_id}", id: "delete-chain", tag: "Admin",
		summary: "Remove a chain", action: policy.ManageChains,
	}, func(ctx context.Context, c *call.Call, in *chainPath) (*empty, error) {
		return &empty{}, a.chains.Remove(ctx, c, in.ID)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/admin/chains/{chain_entry_id}/check", id: "check-chain", tag: "Admin",
		summary: "Ask the nodes of a chain how they are", errors: []int{http.StatusUnprocessableEntity}, action: policy.CheckChain,
	}, func(ctx context.Context, c *call.Call, in *chainPath) (*body[chainCheck], error) {
		chain, nodes, err := a.chains.Check(ctx, c, in.ID)
		return answer(checkOf(&chain, nodes), err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/admin/chains/{chain_entry_id}/restart", id: "restart-chain", tag: "Admin",
		summary: "Have the counts of a test chain that was started anew start anew, and end what was signed for it", errors: []int{http.StatusUnprocessableEntity}, action: policy.RestartChain,
	}, func(ctx context.Context, c *call.Call, in *chainPath) (*body[chainRestart], error) {
		chain, ended, err := a.chains.Restart(ctx, c, in.ID)
		return answer(chainRestart{chain.Name, chain.ChainID, ended}, err)
	})
}

// chainRestart is what a new start of a chain ended.
type chainRestart struct {
	Chain   string `json:"chain"`
	ChainID int64  `json:"chain_id"`
	Ended   int    `json:"ended" doc:"How many transactions had not come into a block of the chain as it was. They are failed, and never sent again."`
}

// chainCheck is what the nodes of a chain say of themselves.
type chainCheck struct {
	Chain   string      `json:"chain"`
	ChainID int64       `json:"chain_id"`
	Nodes   []nodeCheck `json:"nodes" doc:"In the order in which they are asked: those of ONECLAW_CHAIN_RPC, then rpc_url."`
}

type nodeCheck struct {
	Node      int     `json:"node" doc:"Its place, from 1. URLs may hold keys, and are not shown."`
	OK        bool    `json:"ok" doc:"It answers, and is of this chain."`
	Error     *string `json:"error" nullable:"true" doc:"Why it is not ok."`
	Block     *uint64 `json:"block" nullable:"true" doc:"The height of its chain."`
	Simulates string  `json:"simulates" enum:"eth_simulateV1,debug_traceCall,eth_call" doc:"The best way in which it can simulate a transaction."`
}

func checkOf(chain *intents.Chain, nodes []intents.Checked) chainCheck {
	out := chainCheck{Chain: chain.Name, ChainID: chain.ChainID, Nodes: []nodeCheck{}}
	for _, n := range nodes {
		check := nodeCheck{Node: n.Node, OK: n.Why == "", Error: present(n.Why), Simulates: "eth_call"}
		if check.OK {
			check.Block = &n.Block
		}
		switch {
		case n.Simulates:
			check.Simulates = "eth_simulateV1"
		case n.TracesDiff:
			check.Simulates = "debug_traceCall"
		}
		out.Nodes = append(out.Nodes, check)
	}
	return out
}
