package transaction

import (
	"context"
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/node"
	"github.com/oneclaw-dev/oneclaw/internal/intents/simulate"
)

var errFailsNow = fault.New(fault.Denied, "guardrail_require_simulation", "This agent's transactions are signed only after a simulation that succeeds, and this one would fail by now. Cancel it.").Because("guard:require_simulation")

// ruledBy marks the rules and limits of an agent: it is another once one of them changes.
func ruledBy(a *Agent) string {
	text, err := json.Marshal(struct {
		Rules  []byte
		Limits *intents.Guardrails
	}{a.Rules, &a.Guardrails})
	if err != nil {
		return "" // of which nothing is known
	}
	return evm.Keccak256(text).String()
}

// faster decides on a speed-up. While the rules are those under which the first was signed a human is
// not asked again, whether one was asked then or not. Under others one is asked where they ask.
func faster(now *Agent, old *Tx, attempt *guard.Attempt, spent *guard.Spent, p *prepared, approved bool) ([]guard.Take, error) {
	rules, err := rulesOf(now)
	if err != nil {
		return nil, err
	}
	if rules.RequireSimulation && !p.simulated {
		return nil, errMustSim
	}
	same := old.Ruled != "" && old.Ruled == ruledBy(now)
	takes, err := ruled(now, attempt, spent, approved || same)
	if err == nil && !approved {
		err = dearer(now, attempt, &p.wasCost)
	}
	return takes, err
}

// passes has a node run a speed-up where the rules have each transaction simulated first.
func (s *Service) passes(ctx context.Context, p *prepared) error {
	if !p.rules.RequireSimulation {
		return nil
	}
	results, err := s.cfg.Simulator.Run(ctx, p.node, []node.Message{p.message()}, nil)
	if err != nil {
		return err
	}
	if p.simulated = results[0].Status == simulate.Success; !p.simulated {
		return errFailsNow
	}
	return nil
}
