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
	handle(a, op{
		method: http.MethodPost, path: one + "/try", id: "try-guard", tag: "Transactions",
		summary: "What the rules would say of a transaction; nothing is signed or reserved", action: policy.ReadGuard,
		errors: []int{http.StatusUnprocessableEntity},
	}, func(ctx context.Context, c *call.Call, in *submitTx) (*body[tryBody], error) {
		t, err := a.transactions.Try(ctx, c, in.AgentID, in.draft())
		return answer(tryBody{Allowed: t.Allowed, Denial: present(t.Denial), Rule: present(t.Rule), NeedsApproval: append([]string{}, t.NeedsApproval...), Effects: append([]string{}, t.Effects...), Function: present(t.Function)}, err)
	})
}

// tryBody is a verdict of the guard.
type tryBody struct {
	Allowed       bool     `json:"allowed" doc:"With the approvals that it needs, if any."`
	Rule          *string  `json:"rule" nullable:"true" doc:"The first that denies."`
	Denial        *string  `json:"denial" nullable:"true" doc:"Which limit, by how much, and what would pass."`
	NeedsApproval []string `json:"needs_approval" doc:"Why a human would be asked."`
	Function      *string  `json:"function" nullable:"true" doc:"What it calls, as decoded."`
	Effects       []string `json:"effects" doc:"What it would give away: kind, token, recipient, amount."`
}
