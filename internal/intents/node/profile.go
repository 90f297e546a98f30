package node

import (
	"strconv"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Profile is what is particular about a chain.
type Profile struct {
	ChainID uint64
	Name    string // as the registry has it; it is in errors

	Legacy bool   // transactions of type 0 by eth_gasPrice, although the node may answer more
	MinTip uint64 // wei: less is refused, or waits for ever
	GasCap uint64 // of one transaction (EIP-7825 and its like); 0: none known

	// GasMargin is how many percent of an estimate are added to it.
	GasMargin uint64

	// Added says what is paid beside gas times price, and is in no estimate of gas.
	Added Added
}

// Added is a fee beside gas times price.
type Added uint8

// The fees that are added.
const (
	NothingAdded Added = iota // also where gas has the cost of L1 in it: Arbitrum, zkSync, Linea
	OPStack                   // L1 data and, since Isthmus, an operator's fee
	Scroll                    // L1 data
)

const gwei = 1_000_000_000

// capEIP7825 is the most gas of one transaction since Osaka: 2^24.
const capEIP7825 = 1 << 24

const defaultMargin = 20

// profiles are those of chains that differ from others. It never changes.
//
// Sources: EIP-7825, which Base adopts (docs.base.org, "Per-transaction gas maximum" since
// Azul); Arbitrum's 32,000,000 for the computation of one transaction since ArbOS 50 (nitro,
// InitialPerTxGasLimitV50), with room for the cost of L1; Polygon's (EIP-8123, "Motivation"); Polygon's 25 gwei floor of bor; the
// OP-stack's GasPriceOracle; ZKsync's pubdata in gas. Of chains that are not named with a cap
// none was found: there the node itself refuses what is too much.
var profiles = map[uint64]Profile{
	1:        {GasCap: capEIP7825},
	11155111: {GasCap: capEIP7825},
	10:       {Added: OPStack},
	8453:     {Added: OPStack, GasCap: capEIP7825},
	84532:    {Added: OPStack, GasCap: capEIP7825},
	42220:    {Added: OPStack},                  // Celo has been an OP-stack chain since March 2025
	5000:     {Added: OPStack},                  // Mantle: the operator's fee is above zero
	81457:    {Added: OPStack},                  // Blast: getOperatorFee reverts
	480:      {Added: OPStack},                  // World Chain
	7777777:  {Added: OPStack},                  // Zora
	534352:   {Added: Scroll},                   // has its own oracle
	42161:    {GasCap: 32 << 20, GasMargin: 30}, // the estimate moves with the price of L1
	137:      {MinTip: 25 * gwei, GasCap: 32_000_000},
	80002:    {MinTip: 25 * gwei}, // Polygon Amoy
	56:       {Legacy: true, MinTip: gwei / 20},
	324:      {GasMargin: 50}, // estimates have been too low for pubdata
}

// ProfileOf returns what is particular about the chain with the number, under the name
// that the registry gives it. A chain that is not known has no particulars.
func ProfileOf(chainID uint64, name string) Profile {
	p := profiles[chainID]
	p.ChainID, p.Name = chainID, name
	if p.GasMargin == 0 {
		p.GasMargin = defaultMargin
	}
	return p
}

// mostTip is the highest tip that counts as what the chain asks. Nodes suggest what was paid
// of late, which on a quiet chain is what one sender paid.
func (p *Profile) mostTip() *uint256.Int { return uint256.NewInt(max(p.MinTip, 2*gwei)) }

func (p *Profile) leastTip() *uint256.Int { return uint256.NewInt(max(p.MinTip, 1)) }

// GasLimit is the limit for a transaction that is estimated to take so much gas: with a
// margin, since the state moves on, and within the chain's cap.
func (p *Profile) GasLimit(estimate uint64) (uint64, error) {
	if err := p.CheckGas(estimate); err != nil {
		return 0, err
	}
	if estimate == 21_000 && p.GasMargin == defaultMargin {
		return estimate, nil // a plain transfer takes exactly this
	}
	margin := estimate/100*p.GasMargin + estimate%100*p.GasMargin/100
	limit := estimate + margin
	if limit < estimate { // more than 64 bits
		limit = estimate
	}
	if p.GasCap > 0 {
		limit = min(limit, p.GasCap)
	}
	return limit, nil
}

// CheckGas refuses more gas than the chain lets one transaction have.
func (p *Profile) CheckGas(gas uint64) error {
	if p.GasCap > 0 && gas > p.GasCap {
		return overCap(p.GasCap, "the chain lets one transaction have. Split it.")
	}
	return nil
}

func overCap(most uint64, whose string) error {
	return fault.New(fault.Unprocessable, "gas_over_cap", "The transaction takes more gas than the "+strconv.FormatUint(most, 10)+" that "+whose)
}

// SmallBlock is less gas than a block of any chain may have: a limit below it needs no Head.
const SmallBlock = 1_000_000

// Head is what the newest block says of the next ones.
type Head struct {
	GasLimit uint64       // of a block; 0: it says none
	BaseFee  *uint256.Int // wei for each gas; nil: it says none
}

// CheckGas refuses more gas than a block may have.
func (h *Head) CheckGas(gas uint64) error {
	if h.GasLimit > 0 && gas > h.GasLimit {
		return overCap(h.GasLimit, "a block of this chain may have.")
	}
	return nil
}

// Recovers is the divisor of the base fee of the newest block below which no offer is signed. The
// base fee falls by an eighth at most with each block, and in practice by a tenth in a day.
const Recovers = 100

// CheckPrice refuses a price for each gas, and a tip (nil: the transaction has none of its own),
// for which the chain's nodes take nothing, or which would not come into a block for long.
func (p *Profile) CheckPrice(h *Head, price, tip *uint256.Int) error {
	if h.BaseFee != nil {
		least := new(uint256.Int).Div(h.BaseFee, uint256.NewInt(Recovers))
		if least.IsZero() && !h.BaseFee.IsZero() {
			least.SetOne()
		}
		if price.Lt(least) {
			return fault.New(fault.Unprocessable, "fees_below_base", "The most that each gas may cost is less than a hundredth of the chain's base fee, "+h.BaseFee.Dec()+
				" wei: it would come into no block, and stop all that follows. At least "+least.Dec()+" wei would pass.")
		}
	}
	offered := tip
	if offered == nil {
		offered = price
	}
	if p.MinTip > 0 && offered.LtUint64(p.MinTip) {
		return fault.New(fault.Unprocessable, "tip_below_floor", "The nodes of this chain take nothing that offers them less than "+strconv.FormatUint(p.MinTip, 10)+" wei for each gas.")
	}
	return nil
}
