package node

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// ChainID asks a node for the number of its chain. Every node is asked it before its
// first answer is used, so it is the profile's, or an error.
func (c *Client) ChainID(ctx context.Context) (uint64, error) {
	var id Uint64
	err := c.ask(ctx, &id, "eth_chainId")
	return uint64(id), err
}

// BlockNumber is the height of the chain.
func (c *Client) BlockNumber(ctx context.Context) (uint64, error) {
	var n Uint64
	err := c.ask(ctx, &n, "eth_blockNumber")
	return uint64(n), err
}

// few is by how many transactions of an account two nodes may differ: one lags behind.
const few = 4

// PendingNonce counts the account's transactions, with those that wait in the node's
// pool. It may lag behind what was sent: whoever sends takes the larger of it and their own.
func (c *Client) PendingNonce(ctx context.Context, of evm.Address) (uint64, error) {
	return c.nonce(ctx, of, "pending")
}

// LatestNonce counts the account's transactions that are in blocks.
func (c *Client) LatestNonce(ctx context.Context, of evm.Address) (uint64, error) {
	return c.nonce(ctx, of, "latest")
}

// Alone reports whether the chain has one node, and none beside it to ask.
func (c *Client) Alone() bool { return len(c.nodes) < 2 }

// Confirms reports whether two nodes count the account's transactions in blocks as n, give or
// take a few.
func (c *Client) Confirms(ctx context.Context, of evm.Address, n uint64) bool {
	agree := 0
	for _, one := range c.order(c.now()) {
		var got Uint64
		if err := one.call(ctx, c.now, &got, "eth_getTransactionCount", []any{of, "latest"}); err == nil && max(uint64(got), n)-min(uint64(got), n) <= few {
			agree++
		}
	}
	return agree > 1
}

// NonceAt counts the account's transactions up to a block. Nodes know it of the newest 128
// or so.
func (c *Client) NonceAt(ctx context.Context, of evm.Address, block uint64) (uint64, error) {
	return c.nonce(ctx, of, Number(block))
}

func (c *Client) nonce(ctx context.Context, of evm.Address, at string) (uint64, error) {
	var n Uint64
	err := c.ask(ctx, &n, "eth_getTransactionCount", of, at)
	return uint64(n), err
}

// Balance is what the account has of the chain's own coin, in wei.
func (c *Client) Balance(ctx context.Context, of evm.Address) (uint256.Int, error) {
	var q Uint256
	err := c.ask(ctx, &q, "eth_getBalance", of, "latest")
	return q.Int, err
}

// Head asks for the newest block. What it does not say is not known.
func (c *Client) Head(ctx context.Context) (Head, error) {
	var w struct {
		Limit *Uint64  `json:"gasLimit"`
		Base  *Uint256 `json:"baseFeePerGas"`
	}
	found, err := c.find(ctx, &w, "eth_getBlockByNumber", "latest", false)
	if err == nil && !found {
		err = errOther
	}
	if err != nil {
		return Head{}, err
	}
	var h Head
	if w.Limit != nil {
		h.GasLimit = uint64(*w.Limit)
	}
	if w.Base != nil {
		h.BaseFee = &w.Base.Int
	}
	return h, nil
}

// BlockGasLimit is the gas that the newest block may have.
func (c *Client) BlockGasLimit(ctx context.Context) (uint64, error) {
	h, err := c.Head(ctx)
	if err == nil && h.GasLimit == 0 {
		err = errOther
	}
	return h.GasLimit, err
}

// Message is a call of a contract, or a transaction that is not sent.
type Message struct {
	From  evm.Address
	To    *evm.Address // nil: creates a contract
	Value uint256.Int
	Data  []byte
	Gas   uint64 // 0: the node's own
	// Access is what it names beforehand (EIP-2930): it costs gas.
	Access []evm.AccessTuple
}

// MarshalJSON implements json.Marshaler.
func (m Message) MarshalJSON() ([]byte, error) {
	fields := map[string]any{"from": m.From}
	if m.To != nil {
		fields["to"] = m.To
	}
	if !m.Value.IsZero() {
		fields["value"] = Quantity(&m.Value)
	}
	if len(m.Data) > 0 {
		fields["data"], fields["input"] = Hex(m.Data), Hex(m.Data)
	}
	if m.Gas > 0 {
		fields["gas"] = Number(m.Gas)
	}
	if len(m.Access) > 0 {
		list := make([]any, len(m.Access))
		for i, a := range m.Access {
			list[i] = map[string]any{"address": a.Address, "storageKeys": append([]evm.Hash{}, a.Keys...)}
		}
		fields["accessList"] = list
	}
	return json.Marshal(fields)
}

// Call runs a call on the newest block and returns what it returns. A revert is an
// *Error with the data.
func (c *Client) Call(ctx context.Context, m Message) ([]byte, error) {
	var out Bytes
	err := c.ask(ctx, &out, "eth_call", m, "latest")
	return out, err
}

// EstimateGas is the gas that the node thinks the transaction takes. It is asked with
// the cap of the chain, since some nodes try more than a transaction may have.
func (c *Client) EstimateGas(ctx context.Context, m Message) (uint64, error) {
	if m.Gas == 0 {
		m.Gas = c.Profile.GasCap
	}
	var n Uint64
	if err := c.ask(ctx, &n, "eth_estimateGas", m); err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, fault.New(fault.Unavailable, "node_unavailable", "The node estimates no gas at all. Give gas_limit, or try again later.")
	}
	return uint64(n), nil
}

// Receipt is what became of a transaction that is in a block.
type Receipt struct {
	Hash      evm.Hash
	Block     uint64
	BlockHash evm.Hash
	Succeeded bool
	GasUsed   uint64
	GasPrice  uint256.Int  // wei that each gas cost
	L1Fee     uint256.Int  // wei beside it, on OP-stack chains
	Contract  *evm.Address // that it created
}

type wireReceipt struct {
	Hash      *evm.Hash    `json:"transactionHash"`
	Block     *Uint64      `json:"blockNumber"`
	BlockHash *evm.Hash    `json:"blockHash"`
	Status    *Uint64      `json:"status"`
	GasUsed   *Uint64      `json:"gasUsed"`
	GasPrice  *Uint256     `json:"effectiveGasPrice"`
	L1Fee     *Uint256     `json:"l1Fee"`
	Contract  *evm.Address `json:"contractAddress"`
}

// errOther is an answer about something else than what was asked for.
var errOther = fault.New(fault.Unavailable, "node_unavailable", "The node's answer is not about what was asked for. Try again later.")

// Receipt returns the receipt of a transaction, and false when it is in no block.
func (c *Client) Receipt(ctx context.Context, hash evm.Hash) (Receipt, bool, error) {
	var w wireReceipt
	if found, err := c.find(ctx, &w, "eth_getTransactionReceipt", hash); err != nil || !found {
		return Receipt{}, false, err
	}
	if w.Hash == nil || *w.Hash != hash || w.Status == nil || *w.Status > 1 || w.GasUsed == nil {
		return Receipt{}, false, errOther
	}
	if w.Block == nil || w.BlockHash == nil {
		return Receipt{}, false, nil // a preview of a block that is not there yet
	}
	r := Receipt{Hash: hash, Block: uint64(*w.Block), BlockHash: *w.BlockHash, Succeeded: *w.Status == 1, GasUsed: uint64(*w.GasUsed), Contract: w.Contract}
	if w.GasPrice != nil {
		r.GasPrice = w.GasPrice.Int
	}
	if w.L1Fee != nil {
		r.L1Fee = w.L1Fee.Int
	}
	return r, true, nil
}

// Transaction is a transaction that a node knows.
type Transaction struct {
	Hash  evm.Hash
	From  evm.Address
	Nonce uint64
	Block *uint64 // nil: it waits in the pool
}

type wireTransaction struct {
	Hash  *evm.Hash    `json:"hash"`
	From  *evm.Address `json:"from"`
	Nonce *Uint64      `json:"nonce"`
	Block *Uint64      `json:"blockNumber"`
}

// Transaction returns a transaction, and false when no node that answers knows it.
func (c *Client) Transaction(ctx context.Context, hash evm.Hash) (Transaction, bool, error) {
	var w wireTransaction
	if found, err := c.find(ctx, &w, "eth_getTransactionByHash", hash); err != nil || !found {
		return Transaction{}, false, err
	}
	if w.Hash == nil || *w.Hash != hash || w.From == nil || w.Nonce == nil {
		return Transaction{}, false, errOther
	}
	return Transaction{Hash: hash, From: *w.From, Nonce: uint64(*w.Nonce), Block: (*uint64)(w.Block)}, true, nil
}

// BlockHash returns the hash of the block at a height, and false when there is none.
// Whoever keeps it finds out later whether the chain was reorganised.
func (c *Client) BlockHash(ctx context.Context, height uint64) (evm.Hash, bool, error) {
	var w struct {
		Number *Uint64   `json:"number"`
		Hash   *evm.Hash `json:"hash"`
	}
	if found, err := c.find(ctx, &w, "eth_getBlockByNumber", Number(height), false); err != nil || !found {
		return evm.Hash{}, false, err
	}
	if w.Hash == nil || w.Number == nil || uint64(*w.Number) != height {
		return evm.Hash{}, false, errOther
	}
	return *w.Hash, true, nil
}

// find asks for what may not be there. A node may lag behind: when one knows nothing
// of it, the next is asked.
func (c *Client) find(ctx context.Context, into any, method string, params ...any) (bool, error) {
	var failed []error
	absent := false
	for _, n := range c.order(c.now()) {
		var raw json.RawMessage
		err := n.call(ctx, c.now, &raw, method, params)
		if err == nil && isNull(raw) {
			absent = true
			continue
		}
		if err == nil && json.Unmarshal(raw, into) == nil {
			return true, nil
		}
		if err == nil {
			err = n.failed(malformed, true)
			n.note(err, c.now())
		}
		if said, ok := errors.AsType[*Error](err); ok && said.final() {
			return false, said
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	if absent {
		return false, nil
	}
	return false, together(failed)
}
