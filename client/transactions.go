package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Transaction is what an agent had signed. Status is "pending", "signed", "broadcast",
// "failed", "simulation_failed" or "sign_only"; To is empty where a contract is made.
// SignedTx is there in the answer to its submission alone.
type Transaction struct {
	ID               string     `json:"id"`
	AgentID          string     `json:"agent_id"`
	Chain            string     `json:"chain"`
	ChainID          int64      `json:"chain_id"`
	To               string     `json:"to"`
	ValueWei         string     `json:"value_wei"`
	Status           string     `json:"status"`
	SignedTx         string     `json:"signed_tx,omitempty"`
	TxHash           string     `json:"tx_hash,omitempty"`
	ErrorMessage     string     `json:"error_message,omitempty"`
	CreatedAt        time.Time  `json:"created_at"`
	SignedAt         *time.Time `json:"signed_at,omitempty"`
	SimulationID     string     `json:"simulation_id,omitempty"`
	SimulationStatus string     `json:"simulation_status,omitempty"`
	Dashboard        string     `json:"tenderly_dashboard_url,omitempty"`
	MaxFee           string     `json:"max_fee_per_gas,omitempty"`          // wei
	MaxTip           string     `json:"max_priority_fee_per_gas,omitempty"` // wei
	// Of those that were asked for, what the chain made of it: waiting, success, reverted, replaced, not_sent or chain_restarted.
	ChainState string `json:"chain_state,omitempty"`
	Final      *bool  `json:"final,omitempty"`    // of these: nothing of it is looked at again
	Replaces   string `json:"replaces,omitempty"` // the first that has the same nonce
	Seen
}

// Seen is what holds a transaction up, or what it is for, of those that were asked for.
type Seen struct {
	// WaitsFor is a nonce below its own that no transaction of the account has: until one has it, this
	// one comes into no block.
	WaitsFor *uint64 `json:"waits_for_nonce,omitempty"`
	// Fills is the id of the transaction that waited for the nonce of this one, which the server made.
	Fills string `json:"fills,omitempty"`
}

// Call is what a transaction does: what a simulation needs of it too. Value is a
// decimal number of the chain's coin, Chain a name or number, Data 0x and digits.
// Without KeyPath it is the agent's own key, or keys/CHAIN-signer.
type Call struct {
	To       string  `json:"to,omitempty"`
	Value    string  `json:"value"`
	Chain    string  `json:"chain"`
	Data     string  `json:"data,omitempty"`
	KeyPath  string  `json:"signing_key_path,omitempty"`
	GasLimit *uint64 `json:"gas_limit,omitempty"`
}

// Submission is a transaction to sign. Prices are in wei; GasPrice makes it one of type
// 0. Of two submissions with the same ReplayKey within a day the second gives the
// transaction of the first. VaultID names the vault of the signing key where several
// have one.
type Submission struct {
	Call
	Nonce         *uint64 `json:"nonce,omitempty"`
	GasPrice      string  `json:"gas_price,omitempty"`
	MaxFee        string  `json:"max_fee_per_gas,omitempty"`
	MaxTip        string  `json:"max_priority_fee_per_gas,omitempty"`
	SimulateFirst bool    `json:"simulate_first,omitempty"`
	ReplayKey     string  `json:"-"`
	VaultID       string  `json:"-"`
}

func (s *Submission) header() map[string]Value {
	h := map[string]Value{}
	for name, text := range map[string]string{"Idempotency-Key": s.ReplayKey, "X-Vault-ID": s.VaultID} {
		if text != "" {
			h[name] = ValueOf(text)
		}
	}
	return h
}

// SubmitTransaction has a transaction signed for an agent, and sent. One that a simulation
// did not let pass has the status "simulation_failed", and was not signed. With a
// ReplayKey it is sent again after a failure that time may heal.
func (c *Client) SubmitTransaction(ctx context.Context, agent string, s Submission) (*Transaction, error) {
	p, err := route("agents", agent, "transactions")
	if err != nil {
		return nil, err
	}
	out := new(Transaction)
	return got(out, c.call(ctx, request{
		method: http.MethodPost, path: p, body: s, header: s.header(), repeatable: s.ReplayKey != "", also: notSimulated,
	}, out))
}

// notSimulated tells a transaction whose simulation failed from a problem (contract,
// section 7).
func notSimulated(status int, body []byte) bool {
	var t Transaction
	return status == http.StatusUnprocessableEntity && json.Unmarshal(body, &t) == nil && t.Status == "simulation_failed"
}

// SignedTransaction is a transaction that was signed and handed out.
type SignedTransaction struct {
	Transaction
	From  string `json:"from"`
	Nonce uint64 `json:"nonce"`
}

// SignTransaction has a transaction signed for an agent and does not send it. It counts
// against the agent's limits as if it were sent.
func (c *Client) SignTransaction(ctx context.Context, agent string, s Submission) (*SignedTransaction, error) {
	p, err := route("agents", agent, "transactions", "sign")
	if err != nil {
		return nil, err
	}
	out := new(SignedTransaction)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p, body: s, header: s.header(), repeatable: s.ReplayKey != ""}, out))
}

// Transactions lists an agent's newest transactions, the newest first.
func (c *Client) Transactions(ctx context.Context, agent string) ([]Transaction, error) {
	var out struct {
		Transactions []Transaction `json:"transactions"`
	}
	err := c.read(ctx, &out, "agents", agent, "transactions")
	return out.Transactions, err
}

// Transaction returns one transaction, with its signed bytes where signed is true.
func (c *Client) Transaction(ctx context.Context, agent, id string, signed bool) (*Transaction, error) {
	p, err := route("agents", agent, "transactions", id)
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	if signed {
		q.Set("include_signed_tx", "true")
	}
	out := new(Transaction)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: p, query: q, repeatable: true}, out))
}

// Receipt is what the chain made of a transaction. State is "waiting", "success",
// "reverted", "replaced", "not_sent" or "chain_restarted". What is Final changes no more.
type Receipt struct {
	TransactionID string     `json:"transaction_id"`
	TxHash        string     `json:"tx_hash"`
	State         string     `json:"state"`
	From          string     `json:"from"`
	Nonce         uint64     `json:"nonce"`
	Function      string     `json:"function"`
	BlockNumber   *uint64    `json:"block_number"`
	BlockHash     string     `json:"block_hash"`
	GasUsed       *uint64    `json:"gas_used"`
	GasPrice      string     `json:"effective_gas_price"` // wei
	MinedAt       *time.Time `json:"mined_at"`
	Final         bool       `json:"final"`
	Seen
}

// TransactionReceipt says what the chain made of a transaction so far.
func (c *Client) TransactionReceipt(ctx context.Context, agent, id string) (*Receipt, error) {
	out := new(Receipt)
	return got(out, c.read(ctx, out, "agents", agent, "transactions", id, "receipt"))
}

// Replacement takes the place of a transaction that waits. Without fees it pays what nodes
// take now, and at least an eighth more than before. Fees are in wei.
type Replacement struct {
	Mode    string `json:"mode"` // "speedup": the same again; "cancel": one that moves nothing
	MaxFee  string `json:"max_fee_per_gas,omitempty"`
	MaxTip  string `json:"max_priority_fee_per_gas,omitempty"`
	KeyPath string `json:"signing_key_path,omitempty"`
	VaultID string `json:"-"`
}

// ReplaceTransaction replaces a transaction that is in no block yet.
func (c *Client) ReplaceTransaction(ctx context.Context, agent, id string, r Replacement) (*Transaction, error) {
	p, err := route("agents", agent, "transactions", id, "replace")
	if err != nil {
		return nil, err
	}
	out := new(Transaction)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p, body: r, header: (&Submission{VaultID: r.VaultID}).header()}, out))
}
