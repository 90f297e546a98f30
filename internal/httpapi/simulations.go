package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/intents/simulate"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// simBody is Sim of the contract, section 7.
type simBody struct {
	SimulationID   string       `json:"simulation_id" format:"uuid"`
	Status         string       `json:"status" enum:"success,reverted,error"`
	GasUsed        uint64       `json:"gas_used"`
	BalanceChanges []changeBody `json:"balance_changes"`
	Error          *string      `json:"error,omitempty" nullable:"true"`
	ErrorCode      *string      `json:"error_code,omitempty" nullable:"true"`
	Human          *string      `json:"error_human_readable,omitempty" nullable:"true"`
	RevertReason   *string      `json:"revert_reason,omitempty" nullable:"true" doc:"The contract's own words."`
	SimulatedAt    time.Time    `json:"simulated_at"`
}

// changeBody is BalanceChange of the contract.
type changeBody struct {
	Address     string  `json:"address"`
	Token       *string `json:"token,omitempty" nullable:"true" doc:"null: the chain's own coin."`
	TokenSymbol *string `json:"token_symbol,omitempty" nullable:"true" doc:"As the token names itself: it may lie."`
	Before      *string `json:"before,omitempty" nullable:"true"`
	After       *string `json:"after,omitempty" nullable:"true"`
	Change      *string `json:"change,omitempty" nullable:"true" doc:"With its sign; of an approval what may be taken."`
	Spender     *string `json:"spender,omitempty" nullable:"true" doc:"Who may take it: it is an approval."`
	TokenID     *string `json:"token_id,omitempty" nullable:"true"`
}

func changeOf(c *simulate.Change) changeBody {
	b := changeBody{Address: c.Account.String(), TokenSymbol: present(c.Symbol)}
	if !c.Token.IsZero() {
		b.Token = present(c.Token.String())
	}

	amount := c.Amount.Dec()
	if c.Decimals >= 0 {
		amount = evm.FormatUnits(&c.Amount, c.Decimals)
	}
	if c.Less {
		amount = "-" + amount
	}
	b.Change = &amount
	if c.Spender != nil {
		b.Spender = present(c.Spender.String())
	}
	if c.TokenID != nil {
		b.TokenID = present(c.TokenID.Dec())
	}
	if c.Before != nil && c.After != nil {
		b.Before, b.After = present(evm.FormatETH(c.Before)), present(evm.FormatETH(c.After))
	}
	return b
}

func simOf(s *transaction.Simulation) simBody {
	b := simBody{
		SimulationID: s.ID, Status: string(s.Status), GasUsed: s.GasUsed, BalanceChanges: []changeBody{}, Error: present(s.Error), ErrorCode: present(s.ErrorCode),
		Human: present(s.Human), RevertReason: present(s.RevertReason), SimulatedAt: s.At,
	}
	for i := range s.Changes {
		b.BalanceChanges = append(b.BalanceChanges, changeOf(&s.Changes[i]))
	}
	return b
}

type simulateTx struct {
	agentPath
	VaultID string `header:"X-Vault-ID"`
	Body    TxFields
}

type simulateBundle struct {
	agentPath
	VaultID string `header:"X-Vault-ID"`
	Body    struct {
		Transactions []TxFields `json:"transactions" minItems:"1" maxItems:"32"`
	}
}

type simList struct {
	Simulations []simBody `json:"simulations"`
}

func (a *API) registerSimulations() {
	const all = "/v1/agents/{agent_id}/transactions"
	handle(a, op{
		method: http.MethodPost, path: all + "/simulate", id: "simulate-transaction", tag: "Transactions",
		summary: "Have a node run a transaction without sending it", action: policy.SimulateTransaction, errors: []int{http.StatusUnprocessableEntity},
	}, func(ctx context.Context, c *call.Call, in *simulateTx) (*body[simBody], error) {
		d := in.Body.draft()
		d.Vault = in.VaultID
		out, err := a.transactions.Simulate(ctx, c, in.AgentID, []transaction.Draft{d})
		if err != nil {
			return nil, err
		}
		return answer(simOf(&out[0]), nil)
	})
	handle(a, op{
		method: http.MethodPost, path: all + "/simulate-bundle", id: "simulate-bundle", tag: "Transactions",
		summary: "Have a node run transactions one after the other on one state", action: policy.SimulateTransaction, errors: []int{http.StatusUnprocessableEntity},
	}, func(ctx context.Context, c *call.Call, in *simulateBundle) (*body[simList], error) {
		drafts := make([]transaction.Draft, len(in.Body.Transactions))
		for i := range drafts {
			drafts[i] = in.Body.Transactions[i].draft()
			drafts[i].Vault = in.VaultID
		}
		out, err := a.transactions.Simulate(ctx, c, in.AgentID, drafts)
		list := simList{Simulations: []simBody{}}
		for i := range out {
			list.Simulations = append(list.Simulations, simOf(&out[i]))
		}
		return answer(list, err)
	})
}
