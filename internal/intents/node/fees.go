package node

import (
	"context"
	"errors"
	"slices"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Fees are what a transaction offers for each gas, in wei.
type Fees struct {
	Legacy   bool        // the chain has no base fee, or takes no type 2: GasPrice counts
	GasPrice uint256.Int // of types 0 and 1
	BaseFee  uint256.Int // of the next block
	TipCap   uint256.Int // max_priority_fee_per_gas
	FeeCap   uint256.Int // max_fee_per_gas: twice the base fee and the tip
	Market   uint256.Int // FeeCap or GasPrice, but for what one sender alone can lift
}

// maxPerGas is more than any chain asks for one gas (10^18 wei): a node that names more
// is broken, or wants the account's balance.
var maxPerGas = *uint256.NewInt(1e18)

var errFees = fault.New(fault.Unavailable, "fees_unknown", "The nodes of this chain name no fees that could be right. Give the fees of the transaction, or try again later.")

// Fees asks what a transaction of now should offer. A type 2 transaction may pay the fee
// cap; it stays valid while the base fee doubles.
func (c *Client) Fees(ctx context.Context) (Fees, error) {
	if c.Profile.Legacy {
		return c.legacyFees(ctx)
	}
	base, rewards, err := c.history(ctx)
	if err != nil {
		return Fees{}, err
	}
	if base == nil {
		return c.legacyFees(ctx)
	}
	f := Fees{BaseFee: *base}
	if len(rewards) > 0 {
		f.TipCap = rewards[len(rewards)/2] // they are sorted
	} else if f.TipCap, err = c.suggestedTip(ctx); err != nil {
		return Fees{}, err
	}
	f.TipCap = *larger(&f.TipCap, c.Profile.leastTip())
	if f.TipCap.Gt(&maxPerGas) || f.BaseFee.Gt(&maxPerGas) {
		return Fees{}, errFees
	}
	f.FeeCap.Lsh(&f.BaseFee, 1)
	f.FeeCap.Add(&f.FeeCap, &f.TipCap)
	f.GasPrice = f.FeeCap
	f.Market.Lsh(&f.BaseFee, 1)
	f.Market.Add(&f.Market, smaller(&f.TipCap, c.Profile.mostTip()))
	return f, nil
}

func larger(a, b *uint256.Int) *uint256.Int {
	if a.Lt(b) {
		return b
	}
	return a
}

func smaller(a, b *uint256.Int) *uint256.Int {
	if a.Lt(b) {
		return a
	}
	return b
}

func (c *Client) legacyFees(ctx context.Context) (Fees, error) {
	var price Uint256
	if err := c.ask(ctx, &price, "eth_gasPrice"); err != nil {
		return Fees{}, err
	}
	f := Fees{Legacy: true, GasPrice: *larger(&price.Int, c.Profile.leastTip())}
	if f.GasPrice.Gt(&maxPerGas) {
		return Fees{}, errFees
	}
	f.Market = f.GasPrice
	if c.Profile.MinTip > 0 { // else nothing is known of the chain's prices but what it says
		f.Market = *smaller(&f.Market, c.Profile.mostTip())
	}
	return f, nil
}

// historyBlocks are looked at for what was paid; the median of each block's medians is
// offered.
const historyBlocks = 10

// history returns the base fee of the next block, and the tips above zero of the latest
// blocks, sorted. base is nil when the chain has no base fee.
func (c *Client) history(ctx context.Context) (base *uint256.Int, rewards []uint256.Int, err error) {
	var h struct {
		Base    []Uint256   `json:"baseFeePerGas"`
		Rewards [][]Uint256 `json:"reward"` // null, empty or all zeros where blocks are empty
	}
	err = c.ask(ctx, &h, "eth_feeHistory", Number(historyBlocks), "latest", []int{50})
	if said, ok := errors.AsType[*Error](err); errors.Is(err, ErrUnsupported) || ok && said.Code == -32602 {
		return c.latestBase(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(h.Base) == 0 {
		return c.latestBase(ctx)
	}
	for _, block := range h.Rewards {
		if len(block) > 0 && !block[0].IsZero() {
			rewards = append(rewards, block[0].Int)
		}
	}
	slices.SortFunc(rewards, func(a, b uint256.Int) int { return a.Cmp(&b) })
	return &h.Base[len(h.Base)-1].Int, rewards, nil
}

// latestBase is the base fee of the newest block, for nodes without a history of fees.
func (c *Client) latestBase(ctx context.Context) (*uint256.Int, []uint256.Int, error) {
	var block struct {
		Base *Uint256 `json:"baseFeePerGas"`
	}
	found, err := c.find(ctx, &block, "eth_getBlockByNumber", "latest", false)
	if err != nil || !found || block.Base == nil {
		return nil, nil, err
	}
	return &block.Base.Int, nil, nil
}

// suggestedTip is what the node would tip; zero when it has no opinion.
func (c *Client) suggestedTip(ctx context.Context) (uint256.Int, error) {
	var tip Uint256
	err := c.ask(ctx, &tip, "eth_maxPriorityFeePerGas")
	if _, said := errors.AsType[*Error](err); said || errors.Is(err, ErrUnsupported) {
		return uint256.Int{}, nil
	}
	return tip.Int, err
}
