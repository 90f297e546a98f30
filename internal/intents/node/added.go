package node

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Where the contracts are that know what a chain adds (predeploys of the OP-stack and
// of Scroll), and their functions.
var (
	opOracle     = evm.Address{0: 0x42, 19: 0x0f}
	scrollOracle = evm.Address{0: 0x53, 19: 0x02}

	getL1Fee       = evm.Keccak256([]byte("getL1Fee(bytes)"))
	getOperatorFee = evm.Keccak256([]byte("getOperatorFee(uint256)"))
)

// AddedFee is what the chain takes beside gas times price for a transaction, in wei: it
// counts in limits and in what the account must have. raw is the signed transaction, or
// one of its size.
func (c *Client) AddedFee(ctx context.Context, raw []byte, gas uint64) (uint256.Int, error) {
	switch c.Profile.Added {
	case OPStack:
		fee, err := c.oracle(ctx, opOracle, packBytes(getL1Fee, raw))
		if err != nil {
			return uint256.Int{}, err
		}
		var arg [32]byte
		binary.BigEndian.PutUint64(arg[24:], gas)
		operator, err := c.oracle(ctx, opOracle, append(getOperatorFee[:4:4], arg[:]...))
		if said, ok := errors.AsType[*Error](err); ok && said.Reverted() || errors.Is(err, errNoNumber) {
			return fee, nil // a chain without that fee
		}
		if err != nil {
			return uint256.Int{}, err
		}
		return sum(&fee, &operator)
	case Scroll:
		return c.oracle(ctx, scrollOracle, packBytes(getL1Fee, raw))
	case NothingAdded:
	}
	return uint256.Int{}, nil
}

var errNoNumber = fault.New(fault.Unavailable, "fees_unknown", "The chain's contract for fees answers with no number. Try again later.")

func (c *Client) oracle(ctx context.Context, at evm.Address, input []byte) (uint256.Int, error) {
	out, err := c.Call(ctx, Message{To: &at, Data: input})
	if err != nil {
		return uint256.Int{}, err
	}
	if len(out) != 32 {
		return uint256.Int{}, errNoNumber
	}
	return *new(uint256.Int).SetBytes(out), nil
}

func sum(a, b *uint256.Int) (uint256.Int, error) {
	total, over := new(uint256.Int).AddOverflow(a, b)
	if over {
		return uint256.Int{}, errNoNumber
	}
	return *total, nil
}

// packBytes is the calldata of a function with one argument of type bytes.
func packBytes(function evm.Hash, b []byte) []byte {
	out := make([]byte, 4+64, 4+64+len(b)+31)
	copy(out, function[:4])
	out[4+31] = 32
	binary.BigEndian.PutUint64(out[4+56:], uint64(len(b)))
	out = append(out, b...)
	return append(out, make([]byte, (32-len(b)%32)%32)...)
}
