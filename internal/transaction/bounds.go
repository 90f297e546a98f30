package transaction

import (
	"context"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
)

// bounds refuses, before anything is signed, gas and prices of which it is known that the chain's
// nodes take none: a transaction that they refuse is reserved, signed and in the log for nothing.
func (p *prepared) bounds(ctx context.Context) error {
	d := &p.draft
	priced := d.gasPrice != nil || d.maxFee != nil || d.tip != nil
	elsewhere := p.signOnly && d.Nonce != nil // it needs no node
	head := node.Head{BaseFee: p.base}
	if !elsewhere && (p.tx.Gas > node.SmallBlock || priced && p.base == nil) {
		var err error
		if head, err = p.node.Head(ctx); err != nil {
			return err
		}
	}
	if d.GasLimit == nil && head.GasLimit > 0 { // the margin on top of an estimate may be too much
		p.tx.Gas = min(p.tx.Gas, head.GasLimit)
	}
	if err := head.CheckGas(p.tx.Gas); err != nil || !priced {
		return err
	}
	return p.checkPrice(&head)
}

func (p *prepared) checkPrice(h *node.Head) error {
	if p.tx.Type != 2 {
		return p.node.Profile.CheckPrice(h, &p.tx.GasPrice, nil)
	}
	return p.node.Profile.CheckPrice(h, &p.tx.FeeCap, &p.tx.TipCap)
}

// What a transaction takes before any code runs (the Yellow Paper, EIP-2028, 2930 and 3860).
const (
	gasTx, gasCreation                 = 21_000, 32_000
	gasZero, gasByte, gasInitWord      = 4, 16, 2
	gasAccessAccount, gasAccessStorage = 2_400, 1_900
)

// zksync counts gas in another way.
const zksync = 324

// leastGas refuses less gas than the transaction takes before any code runs.
func (p *prepared) leastGas() error {
	least := uint64(gasTx)
	if p.tx.To == nil {
		least += gasCreation + gasInitWord*uint64((len(p.tx.Data)+31)/32)
	}
	for _, b := range p.tx.Data {
		if b == 0 {
			least += gasZero
		} else {
			least += gasByte
		}
	}
	for i := range p.tx.Access {
		least += gasAccessAccount + gasAccessStorage*uint64(len(p.tx.Access[i].Keys))
	}
	if p.tx.Gas >= least || p.tx.ChainID == zksync {
		return nil
	}
	return fault.New(fault.Unprocessable, "gas_below_least", "gas_limit is less than the "+strconv.FormatUint(least, 10)+" that this transaction takes before it does anything.")
}
