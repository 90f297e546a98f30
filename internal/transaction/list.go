package transaction

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// MaxListed is how many transactions a listing has.
const MaxListed = 100

// List returns an agent's newest transactions.
func (s *Service) List(ctx context.Context, c *call.Call, agent string) ([]Tx, error) {
	if _, err := s.admit(ctx, c, agent, policy.ListTransactions); err != nil {
		return nil, err
	}
	return s.cfg.Store.Transactions(ctx, agent, MaxListed)
}

// Get returns one of an agent's transactions.
func (s *Service) Get(ctx context.Context, c *call.Call, agent, id string) (Tx, error) {
	if _, err := s.admit(ctx, c, agent, policy.ReadTransaction); err != nil {
		return Tx{}, err
	}
	c.Touch("transaction", id)
	return s.cfg.Store.Transaction(ctx, agent, id)
}
