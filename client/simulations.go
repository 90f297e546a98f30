package client

import (
	"context"
	"net/http"
	"time"
)

// Simulation is what a node says that a transaction would do. Status is "success",
// "reverted" or "error".
type Simulation struct {
	ID             string          `json:"simulation_id"`
	Status         string          `json:"status"`
	GasUsed        uint64          `json:"gas_used"`
	GasEstimateUSD string          `json:"gas_estimate_usd,omitempty"`
	BalanceChanges []BalanceChange `json:"balance_changes"`
	Error          string          `json:"error,omitempty"`
	ErrorCode      string          `json:"error_code,omitempty"`
	Human          string          `json:"error_human_readable,omitempty"`
	RevertReason   string          `json:"revert_reason,omitempty"`
	Dashboard      string          `json:"tenderly_dashboard_url,omitempty"`
	SimulatedAt    time.Time       `json:"simulated_at"`
}

// BalanceChange is what somebody would gain, lose or, where Spender is set, let another
// take. Token is empty for the chain's own coin. A token's symbol is its own word.
type BalanceChange struct {
	Address     string `json:"address"`
	Token       string `json:"token,omitempty"`
	TokenSymbol string `json:"token_symbol,omitempty"`
	Before      string `json:"before,omitempty"`
	After       string `json:"after,omitempty"`
	Change      string `json:"change,omitempty"`
	Spender     string `json:"spender,omitempty"`
	TokenID     string `json:"token_id,omitempty"`
}

// SimulateTransaction has a node run a call in the name of an agent. Nothing is signed.
// vault names the vault of the signing key, where several have one; it may be empty.
func (c *Client) SimulateTransaction(ctx context.Context, agent, vault string, q Call) (*Simulation, error) {
	p, err := route("agents", agent, "transactions", "simulate")
	if err != nil {
		return nil, err
	}
	out := new(Simulation)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p, body: q, header: (&Submission{VaultID: vault}).header(), repeatable: true}, out))
}

// SimulateBundle has a node run up to 32 calls one after the other, on one state.
func (c *Client) SimulateBundle(ctx context.Context, agent, vault string, all []Call) ([]Simulation, error) {
	p, err := route("agents", agent, "transactions", "simulate-bundle")
	if err != nil {
		return nil, err
	}
	var out struct {
		Simulations []Simulation `json:"simulations"`
	}
	body := map[string][]Call{"transactions": all}
	err = c.call(ctx, request{method: http.MethodPost, path: p, body: body, header: (&Submission{VaultID: vault}).header(), repeatable: true}, &out)
	return out.Simulations, err
}
