package transaction

import (
	"context"
	"errors"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
)

// maxAllowances bounds what a chain is asked for one transaction.
const maxAllowances = 16

// allowances asks the chain what those may take already whose allowance is raised, as far as the
// rules want to know it. What the chain does not say, or nobody asks it, counts as all.
func (p *prepared) allowances(ctx context.Context) error {
	raised := p.rules.Raises(&p.meaning)
	if len(raised) == 0 {
		return nil
	}
	p.allowed = map[guard.Allowance]uint256.Int{}
	for i, of := range raised {
		var has uint256.Int
		has.SetAllOne()
		if i < maxAllowances && !of.Token.IsZero() {
			token := of.Token
			out, err := p.node.Call(ctx, node.Message{To: &token, Data: allowanceOf(p.key.address, of.Spender)})
			if _, said := errors.AsType[*node.Error](err); err != nil && !said {
				return err
			}
			if err == nil && len(out) == 32 {
				has.SetBytes(out)
			}
		}
		p.allowed[of] = has
	}
	return nil
}

// allowanceOf is the calldata of allowance(address,address) of ERC-20.
func allowanceOf(owner, spender evm.Address) []byte {
	selector := evm.Keccak256([]byte("allowance(address,address)"))
	out := append(selector[:4:4], make([]byte, 64)...)
	copy(out[4+12:], owner[:])
	copy(out[4+32+12:], spender[:])
	return out
}
