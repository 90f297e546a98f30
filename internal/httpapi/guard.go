package httpapi

import (
	"context"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// guardBody is what bounds an agent's transactions beside the contract's tx_ fields.
type guardBody struct {
	AgentID  string     `json:"agent_id" format:"uuid"`
	Rules    jsonObject `json:"rules"`
	Words    []string   `json:"words" doc:"All rules in force in plain sentences, the tx_ fields of the agent among them."`
	Held     bool       `json:"held" doc:"An owner or admin set the rules: only such a person changes them."`
	Revision int64      `json:"revision"`
}

func guardOf(g *transaction.Guard) guardBody {
	return guardBody{AgentID: g.Agent, Rules: g.JSON, Words: g.Words, Held: g.Held, Revision: g.Revision}
}

type setGuard struct {
	agentPath
	Body struct {
		Rules jsonObject `json:"rules" doc:"See docs/transactions.md. A field that is not known is refused."`
	}
}

func (a *API) registerGuard() {
	const one = "/v1/agents/{agent_id}/guard"
	handle(a, op{
		method: http.MethodGet, path: one, id: "get-guard", tag: "Transactions",
		summary: "The rules of an agent's transactions and signatures", action: policy.ReadGuard,
	}, func(ctx context.Context, c *call.Call, in *agentPath) (*body[guardBody], error) {
		g, err := a.transactions.Guard(ctx, c, in.AgentID)
		return answer(guardOf(&g), err)
	})
	handle(a, op{
		method: http.MethodPut, path: one, id: "set-guard", tag: "Transactions",
		summary: "Replace the rules of an agent beside its tx_ fields", action: policy.UpdateGuard,
	}, func(ctx context.Context, c *call.Call, in *setGuard) (*body[guardBody], error) {
		g, err := a.transactions.SetGuard(ctx, c, in.AgentID, in.Body.Rules)
		return answer(guardOf(&g), err)
	})
}
