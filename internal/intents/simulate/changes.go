package simulate

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
)

// log is an event of a contract.
type log struct {
	Address evm.Address `json:"address"`
	Topics  []evm.Hash  `json:"topics"`
	Data    node.Bytes  `json:"data"`
}

// coin is the contract that eth_simulateV1 lets log transfers of the chain's own coin.
var coin = evm.Address(bytes.Repeat([]byte{0xee}, 20))

// The events of ERC-20, ERC-721 and ERC-1155.
var (
	transfer       = evm.Keccak256([]byte("Transfer(address,address,uint256)"))
	approval       = evm.Keccak256([]byte("Approval(address,address,uint256)"))
	approvalForAll = evm.Keccak256([]byte("ApprovalForAll(address,address,bool)"))
	transferSingle = evm.Keccak256([]byte("TransferSingle(address,address,address,uint256,uint256)"))
	transferBatch  = evm.Keccak256([]byte("TransferBatch(address,address,address,uint256[],uint256[])"))
)

// maxChanges bounds what a transaction is told to change.
const maxChanges = 256

// changes reads logs. What a contract logs is its own word for what it did.
func changes(logs []log) []Change {
	sums := ledger{}
	var approvals []Change
	for _, l := range logs {
		if len(l.Topics) < 3 {
			continue
		}
		first, ok1 := word(l.Topics[1])
		second, ok2 := word(l.Topics[2])
		if !ok1 || !ok2 {
			continue
		}
		token := l.Address
		if token == coin {
			token = evm.Address{}
		}
		switch {
		case l.Topics[0] == transfer && len(l.Topics) == 3 && len(l.Data) == 32:
			sums.move(first, second, asset{token: token}, new(uint256.Int).SetBytes(l.Data))
		case l.Topics[0] == transfer && len(l.Topics) == 4:
			sums.move(first, second, asset{token, true, *new(uint256.Int).SetBytes(l.Topics[3][:])}, uint256.NewInt(1))
		case l.Topics[0] == transferSingle && len(l.Topics) == 4 && len(l.Data) == 64:
			if to, ok := word(l.Topics[3]); ok {
				sums.move(second, to, asset{token, true, *new(uint256.Int).SetBytes(l.Data[:32])}, new(uint256.Int).SetBytes(l.Data[32:]))
			}
		case l.Topics[0] == transferBatch && len(l.Topics) == 4:
			if to, ok := word(l.Topics[3]); ok {
				sums.batch(second, to, token, l.Data)
			}
		case l.Topics[0] == approval && len(l.Topics) == 3 && len(l.Data) == 32:
			approvals = append(approvals, Change{Account: first, Token: token, Spender: &second, Amount: *new(uint256.Int).SetBytes(l.Data)})
		case l.Topics[0] == approval && len(l.Topics) == 4:
			id := new(uint256.Int).SetBytes(l.Topics[3][:])
			approvals = append(approvals, Change{Account: first, Token: token, Spender: &second, TokenID: id, Amount: *uint256.NewInt(1)})
		case l.Topics[0] == approvalForAll && len(l.Topics) == 3 && len(l.Data) == 32:
			c := Change{Account: first, Token: token, Spender: &second}
			if !new(uint256.Int).SetBytes(l.Data).IsZero() {
				c.Amount.SetAllOne()
			}
			approvals = append(approvals, c)
		}
	}
	out := append(sums.changes(), approvals...)
	return out[:min(len(out), maxChanges)]
}

// asset is a token, or one of its ids.
type asset struct {
	token evm.Address
	ofID  bool
	id    uint256.Int
}

type holding struct {
	account evm.Address
	asset
}

// ledger sums what each account got and gave.
type ledger map[holding]*struct{ in, out uint256.Int }

func (l ledger) at(account evm.Address, a asset) *struct{ in, out uint256.Int } {
	h := holding{account, a}
	if l[h] == nil {
		l[h] = new(struct{ in, out uint256.Int })
	}
	return l[h]
}

// move moves an amount. The zero address stands for making and burning tokens, and has
// no balance of its own.
func (l ledger) move(from, to evm.Address, a asset, amount *uint256.Int) {
	none := !a.ofID && a.token.IsZero() // nobody makes coins
	if !from.IsZero() || none {
		sum := &l.at(from, a).out
		sum.Add(sum, amount)
	}
	if !to.IsZero() || none {
		sum := &l.at(to, a).in
		sum.Add(sum, amount)
	}
}

func (l ledger) batch(from, to, token evm.Address, data []byte) {
	numbers, err := abi.ParseType("uint256[]")
	if err != nil {
		return
	}
	lists, err := abi.Decode([]abi.Type{numbers, numbers}, data)
	if err != nil || len(lists[0].List) != len(lists[1].List) {
		return
	}
	for i := range lists[0].List {
		l.move(from, to, asset{token, true, lists[0].List[i].Word}, &lists[1].List[i].Word)
	}
}

func (l ledger) changes() []Change {
	var out []Change
	for h, sum := range l {
		c := Change{Account: h.account, Token: h.token, Less: sum.out.Gt(&sum.in)}
		if c.Less {
			c.Amount.Sub(&sum.out, &sum.in)
		} else {
			c.Amount.Sub(&sum.in, &sum.out)
		}
		if c.Amount.IsZero() {
			continue
		}
		if h.ofID {
			c.TokenID = &h.id
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Change) int {
		return cmp.Or(bytes.Compare(a.Token[:], b.Token[:]), cmp.Compare(number(a.Less), number(b.Less)), bytes.Compare(a.Account[:], b.Account[:]), compareID(a.TokenID, b.TokenID))
	})
	return out
}

// number puts those who give before those who get.
func number(less bool) int {
	if less {
		return 0
	}
	return 1
}

func compareID(a, b *uint256.Int) int {
	if a == nil || b == nil {
		return 0
	}
	return a.Cmp(b)
}

// frame is a call as the callTracer shows it.
type frame struct {
	Type    string       `json:"type"`
	From    *evm.Address `json:"from"`
	GasUsed *node.Uint64 `json:"gasUsed"`
	Output  node.Bytes   `json:"output"`
	Error   string       `json:"error"`
	Logs    []log        `json:"logs"`
	Calls   []frame      `json:"calls"`
}

// logs are those of a call and of the calls in it, but for those that were undone.
func (f *frame) logs(to []log, depth int) []log {
	if f.Error != "" || depth > 1024 {
		return to
	}
	to = append(to, f.Logs...)
	for i := range f.Calls {
		to = f.Calls[i].logs(to, depth+1)
	}
	return to
}

// balances is what the chain's own coin became, by the prestate tracer.
func balances(ctx context.Context, c *node.Client, tx *node.Message) ([]Change, error) {
	type account struct {
		Balance *node.Uint256 `json:"balance"`
	}
	var diff struct {
		Pre  map[evm.Address]account `json:"pre"`
		Post map[evm.Address]account `json:"post"`
	}
	err := c.Ask(ctx, &diff, byTrace, tx, "latest", map[string]any{"tracer": "prestateTracer", "tracerConfig": map[string]any{"diffMode": true}})
	if err != nil {
		return nil, err
	}
	if diff.Post == nil {
		return nil, errShape
	}
	var out []Change
	for at, post := range diff.Post {
		if post.Balance == nil {
			continue // it did not change
		}
		before := new(uint256.Int)
		if pre := diff.Pre[at]; pre.Balance != nil {
			before = &pre.Balance.Int
		}
		ch := Change{Account: at, Before: before, After: &post.Balance.Int, Less: post.Balance.Lt(before)}
		if ch.Less {
			ch.Amount.Sub(before, ch.After)
		} else {
			ch.Amount.Sub(ch.After, before)
		}
		if !ch.Amount.IsZero() {
			out = append(out, ch)
		}
	}
	slices.SortFunc(out, func(a, b Change) int {
		return cmp.Or(cmp.Compare(number(a.Less), number(b.Less)), bytes.Compare(a.Account[:], b.Account[:]))
	})
	return out[:min(len(out), maxChanges)], nil
}
