package transaction

import (
	"context"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Balance is what an account has of a chain's own coin.
type Balance struct {
	Chain, Currency string
	Address         evm.Address
	Wei             uint256.Int
}

// Balance asks a chain what the account of an agent's key in the keystore has.
func (s *Service) Balance(ctx context.Context, c *call.Call, agent, chain string) (Balance, error) {
	a, err := s.admit(ctx, c, agent, policy.ReadBalance)
	if err != nil {
		return Balance{}, err
	}
	_, address, found, err := s.cfg.Keys.Active(ctx, a.ID)
	if err == nil && !found {
		err = errNoKey
	}
	if err != nil {
		return Balance{}, err
	}
	of, nodes, err := s.cfg.Chains.Node(ctx, chain)
	if err != nil {
		return Balance{}, err
	}
	wei, err := nodes.Balance(ctx, address)
	return Balance{Chain: of.Name, Currency: of.NativeCurrency, Address: address, Wei: wei}, err
}
