package transaction

import (
	"context"
	"errors"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/intents/simulate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// simulateFirst has a node run the transaction. One that it does not let pass is stored as
// SimulationFailed, and stops there: also where nobody knows how it would have gone.
func (s *Service) simulateFirst(ctx, asking context.Context, c *call.Call, p *prepared, t *Tx) (stops bool, err error) {
	results, err := s.cfg.Simulator.Run(asking, p.node, []node.Message{p.message()}, nil)
	if err != nil {
		return true, err
	}
	r := &results[0]
	t.Simulation = Simulated{ID: r.ID, Status: string(r.Status), DashboardURL: r.Dashboard}
	if r.Status == simulate.Success {
		return false, nil
	}
	t.Status, t.ErrorCode, t.Error, t.NextAt, t.ReplayKey = SimulationFailed, r.ErrorCode, bounded(r.Human), time.Time{}, ""
	c.Touch("transaction", t.ID)
	c.Event.Details.Outcome, c.Event.Details.Reason = audit.Failed, "simulation_failed"
	return true, s.cfg.Store.AddFailedTransaction(ctx, t, c.Event)
}

// bounded keeps what a contract says of a failure short.
func bounded(text string) string {
	const most = 500
	if len(text) > most {
		return text[:most]
	}
	return text
}

// wouldFail is the fault of gas that a node does not estimate: where the transaction would
// be reverted, with why.
func (p *prepared) wouldFail(ctx context.Context, err error) error {
	said, ok := errors.AsType[*node.Error](err)
	if !ok {
		return err
	}
	results, runErr := simulate.Simulator{}.Run(ctx, p.node, []node.Message{p.message()}, nil)
	if runErr != nil || results[0].Status == simulate.Success {
		return fault.Wrap(err, fault.Unprocessable, "gas_not_estimated", "The chain's nodes do not estimate the gas of this transaction. Set gas_limit, or simulate it.")
	}
	if code := results[0].ErrorCode; !said.Reverted() && (code == "simulation_failed" || code == "node_unavailable") {
		return err // the nodes have run it nowhere
	}
	return fault.Wrap(err, fault.Unprocessable, "would_revert", "The chain's nodes would not let this transaction pass, so it was not signed. Simulate it to see why.")
}

// Simulation is what a node says that a transaction would do.
type Simulation struct {
	simulate.Result
	At time.Time
}

// Simulate has a node run transactions for an agent, one after the other on one state.
// Nothing is signed, and the guard is not asked.
func (s *Service) Simulate(ctx context.Context, c *call.Call, agent string, drafts []Draft) ([]Simulation, error) {
	a, err := s.working(ctx, c, agent, policy.SimulateTransaction)
	if err != nil {
		return nil, err
	}
	if len(drafts) == 0 || len(drafts) > simulate.MaxBundle {
		return nil, invalid("invalid_bundle", "A bundle has 1 to 32 transactions.")
	}
	var nodes *node.Client
	coin := ""
	messages := make([]node.Message, len(drafts))
	for i, d := range drafts {
		p, err := s.prepare(ctx, c, a, d)
		if err != nil {
			return nil, err
		}
		if nodes != nil && nodes != p.node {
			return nil, invalid("invalid_bundle", "The transactions of a bundle are of one chain.")
		}
		nodes, coin, messages[i] = p.node, p.chain.NativeCurrency, p.message()
		if d.GasLimit != nil {
			messages[i].Gas = *d.GasLimit
		}
	}
	c.Touch("agent", agent)
	results, err := s.cfg.Simulator.Run(ctx, nodes, messages, nil)
	out := make([]Simulation, len(results))
	for i, r := range results {
		for j := range r.Changes {
			if ch := &r.Changes[j]; ch.Token.IsZero() {
				ch.Symbol = coin
			}
		}
		out[i] = Simulation{r, stamp.Of(s.cfg.Now())}
	}
	return out, err
}
