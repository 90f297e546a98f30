package transaction

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// MaxListed is how many transactions a listing has.
const MaxListed = 100

// List returns an agent's newest transactions. To get their signed bytes too takes who may sign
// for it: whoever has them can send them.
func (s *Service) List(ctx context.Context, c *call.Call, agent string, signed bool) ([]Tx, error) {
	if err := s.sees(ctx, c, agent, policy.ListTransactions, signed); err != nil {
		return nil, err
	}
	return s.cfg.Store.Transactions(ctx, agent, MaxListed)
}

// Get returns one of an agent's transactions, and its signed bytes as List does.
func (s *Service) Get(ctx context.Context, c *call.Call, agent, id string, signed bool) (Tx, error) {
	if err := s.sees(ctx, c, agent, policy.ReadTransaction, signed); err != nil {
		return Tx{}, err
	}
	c.Touch("transaction", id)
	return s.cfg.Store.Transaction(ctx, agent, id)
}

func (s *Service) sees(ctx context.Context, c *call.Call, agent string, a policy.Action, signed bool) error {
	got, err := s.admit(ctx, c, agent, a)
	if err == nil && signed {
		err = c.OverAgent(policy.SignTransaction, agent, got.Creator, nil)
	}
	return err
}
