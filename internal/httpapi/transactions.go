package httpapi

import (
	"context"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// TxBody is Tx of the contract, section 7.
type TxBody struct {
	ID                string     `json:"id" format:"uuid"`
	AgentID           string     `json:"agent_id" format:"uuid"`
	Chain             string     `json:"chain"`
	ChainID           int64      `json:"chain_id"`
	To                string     `json:"to" doc:"Empty where it creates a contract."`
	ValueWei          string     `json:"value_wei"`
	Status            string     `json:"status" enum:"pending,signed,broadcast,failed,simulation_failed,sign_only"`
	SignedTx          *string    `json:"signed_tx,omitempty" nullable:"true" doc:"In the answer to POST, and where include_signed_tx asks for it."`
	TxHash            *string    `json:"tx_hash,omitempty" nullable:"true"`
	ErrorMessage      *string    `json:"error_message,omitempty" nullable:"true"`
	CreatedAt         time.Time  `json:"created_at"`
	SignedAt          *time.Time `json:"signed_at,omitempty" nullable:"true"`
	SimulationID      *string    `json:"simulation_id,omitempty" nullable:"true"`
	SimulationStatus  *string    `json:"simulation_status,omitempty" nullable:"true"`
	TenderlyDashboard *string    `json:"tenderly_dashboard_url,omitempty" nullable:"true"`
	MaxFee            *string    `json:"max_fee_per_gas,omitempty" nullable:"true" doc:"In wei."`
	MaxTip            *string    `json:"max_priority_fee_per_gas,omitempty" nullable:"true" doc:"In wei."`
	ChainState        string     `json:"chain_state,omitempty" enum:"waiting,success,reverted,replaced,not_sent,chain_restarted" doc:"What the chain made of it so far, as the receipt says. In the answers to GET."`
	Final             *bool      `json:"final,omitempty" doc:"Nothing of this is looked at again. In the answers to GET."`
	Replaces          *string    `json:"replaces,omitempty" nullable:"true" format:"uuid" doc:"The first transaction that has the same nonce: of the two, and of all that replace it, one gets into a block."`
	TxSeen
}

// TxSeen is what holds a transaction up, or what it is for, in the answers to GET. The name is exported
// for the schema: see SecretMeta.
type TxSeen struct {
	WaitsFor *uint64 `json:"waits_for_nonce,omitempty" nullable:"true" doc:"A nonce below its own that no transaction of the account has: until one has it, this one comes into no block."`
	Fills    *string `json:"fills,omitempty" nullable:"true" doc:"The id of the transaction that waited for the nonce of this one. The server made this one, and it moves nothing."`
}

func seenOf(t *transaction.Tx) TxSeen { return TxSeen{t.WaitsFor, present(t.Fills)} }

// seenTxOf is a transaction with what the chain made of it.
func seenTxOf(t *transaction.Tx, signed bool) TxBody {
	b := txOf(t, signed)
	fate := fateOf(t)
	b.ChainState, b.Final = fate.State, &fate.Final
	b.TxSeen = seenOf(t)
	return b
}

func txOf(t *transaction.Tx, signed bool) TxBody {
	b := TxBody{
		ID: t.ID, AgentID: t.Agent, Chain: t.Chain, ChainID: int64(t.ChainID), ValueWei: t.Value.Dec(), Status: string(t.Status),
		ErrorMessage: present(t.Error), CreatedAt: t.CreatedAt, SignedAt: pointer(t.SignedAt), SimulationID: present(t.Simulation.ID),
		SimulationStatus: present(t.Simulation.Status), TenderlyDashboard: present(t.Simulation.DashboardURL), Replaces: present(t.Replaces),
	}
	if t.To != nil {
		b.To = t.To.String()
	}
	if t.Hash != (evm.Hash{}) {
		b.TxHash = present(t.Hash.String())
	}
	if signed && t.Offered && len(t.Raw) > 0 { // else it can still be discarded
		b.SignedTx = present("0x" + hex.EncodeToString(t.Raw))
	}
	if !t.MaxTip.IsZero() {
		b.MaxFee, b.MaxTip = present(t.MaxFee.Dec()), present(t.MaxTip.Dec())
	}
	return b
}

// signedBody is what transactions/sign answers (contract, later.md).
type signedBody struct {
	TxBody
	From  string `json:"from"`
	Nonce uint64 `json:"nonce"`
}

type signedAnswer struct {
	Status int
	Body   signedBody
}

// fateBody is what the chain made of a transaction.
type fateBody struct {
	TransactionID string     `json:"transaction_id" format:"uuid"`
	TxHash        *string    `json:"tx_hash" nullable:"true"`
	State         string     `json:"state" enum:"waiting,success,reverted,replaced,not_sent,chain_restarted"`
	From          string     `json:"from"`
	Nonce         uint64     `json:"nonce"`
	Function      *string    `json:"function" nullable:"true" doc:"What it calls, as decoded."`
	BlockNumber   *uint64    `json:"block_number" nullable:"true"`
	BlockHash     *string    `json:"block_hash" nullable:"true"`
	GasUsed       *uint64    `json:"gas_used" nullable:"true"`
	GasPrice      *string    `json:"effective_gas_price" nullable:"true" doc:"In wei."`
	MinedAt       *time.Time `json:"mined_at" nullable:"true" doc:"When it was first seen in this block."`
	Final         bool       `json:"final" doc:"Nothing of this is looked at again."`
	TxSeen
}

func fateOf(t *transaction.Tx) fateBody {
	b := fateBody{TransactionID: t.ID, State: string(t.Receipt.Fate), From: t.From.String(), Nonce: t.Nonce, Function: present(t.Function), Final: t.NextAt.IsZero(), TxSeen: seenOf(t)}
	if t.Hash != (evm.Hash{}) {
		b.TxHash = present(t.Hash.String())
	}
	if b.State == "" {
		b.State = "waiting"
		if t.Status == transaction.Failed || t.Status == transaction.SimulationFailed {
			b.State = "not_sent"
		}
	}
	if t.ErrorCode == "chain_restarted" {
		b.State = t.ErrorCode
	}
	if r := t.Receipt; r.BlockHash != (evm.Hash{}) {
		b.BlockNumber, b.BlockHash, b.GasUsed, b.GasPrice, b.MinedAt = &r.Block, present(r.BlockHash.String()), &r.GasUsed, present(r.GasPrice.Dec()), pointer(r.At)
	}
	return b
}

// TxFields are those of TxSubmit that a simulation has too. The name is exported for the schema:
// see SecretMeta.
type TxFields struct {
	txNames
	To       string     `json:"to,omitempty" doc:"0x and 40 digits. Empty creates a contract, where the agent's guard allows it."`
	Value    string     `json:"value" doc:"A decimal number of the chain's coin, such as 0.05."`
	Chain    string     `json:"chain" doc:"Name or number of the chain."`
	Data     *string    `json:"data,omitempty" nullable:"true" doc:"0x and hexadecimal digits."`
	KeyPath  *string    `json:"signing_key_path,omitempty" nullable:"true" doc:"Below keys/, wallets/ or agents/ID/keys/. Left out: the agent's own key, or keys/CHAIN-signer."`
	GasLimit *uint64    `json:"gas_limit,omitempty" nullable:"true"`
	Access   accessList `json:"access_list,omitempty" nullable:"true" maxItems:"256" doc:"Accounts and their storage that are named beforehand (EIP-2930)."`
}

func (f *TxFields) draft() transaction.Draft {
	return transaction.Draft{To: f.To, Value: f.Value, Chain: f.Chain, Data: deref(f.Data), KeyPath: deref(f.KeyPath), GasLimit: f.GasLimit, AccessList: f.Access.draft()}
}

// accessList is an access list as nodes write it.
type accessList []struct {
	Address string   `json:"address" doc:"0x and 40 digits."`
	Keys    []string `json:"storageKeys" maxItems:"256" doc:"Each 0x and 64 digits."`
}

func (l accessList) draft() []transaction.Access {
	out := make([]transaction.Access, len(l))
	for i := range l {
		out[i] = transaction.Access(l[i])
	}
	return out
}

type submitTx struct {
	agentPath
	ReplayKey string `header:"Idempotency-Key" doc:"The same key with the same body gives the same transaction for 24 hours."`
	VaultID   string `header:"X-Vault-ID" doc:"The vault of the signing key, where several have one at the path."`
	Body      struct {
		TxFields
		Nonce         *uint64 `json:"nonce,omitempty" nullable:"true"`
		GasPrice      *string `json:"gas_price,omitempty" nullable:"true" doc:"In wei; makes it a transaction of type 0."`
		MaxFee        *string `json:"max_fee_per_gas,omitempty" nullable:"true" doc:"In wei."`
		MaxTip        *string `json:"max_priority_fee_per_gas,omitempty" nullable:"true" doc:"In wei."`
		SimulateFirst *bool   `json:"simulate_first,omitempty" nullable:"true" doc:"Sign only what a simulation lets pass."`
	}
}

func (in *submitTx) draft() transaction.Draft {
	b := &in.Body
	d := b.draft()
	d.Nonce, d.GasPrice, d.MaxFee, d.MaxTip, d.SimulateFirst = b.Nonce, deref(b.GasPrice), deref(b.MaxFee), deref(b.MaxTip), deref(b.SimulateFirst)
	d.ReplayKey, d.Vault = in.ReplayKey, in.VaultID
	return d
}

type txAnswer struct {
	Status int
	Body   TxBody
}

type txList struct {
	Transactions []TxBody `json:"transactions"`
}

// includeSigned asks for the signed bytes.
type includeSigned struct {
	Include string `query:"include_signed_tx" doc:"true or 1: with the signed bytes, for who may sign for the agent."`
}

func (i *includeSigned) asked() bool { return i.Include == "true" || i.Include == "1" }

type txPath struct {
	agentPath
	TransactionID string `path:"transaction_id"`
}

func (a *API) registerTransactions() {
	const all, one = "/v1/agents/{agent_id}/transactions", "/v1/agents/{agent_id}/transactions/{transaction_id}"
	handle(a, op{
		method: http.MethodPost, path: all, id: "submit-transaction", tag: "Transactions", status: http.StatusCreated,
		summary: "Sign a transaction within the agent's guard, and send it", action: policy.SubmitTransaction,
		errors: []int{http.StatusConflict, http.StatusUnprocessableEntity},
	}, func(ctx context.Context, c *call.Call, in *submitTx) (*txAnswer, error) {
		t, replayed, err := a.transactions.Submit(ctx, c, in.AgentID, in.draft())
		if t.Status == transaction.SimulationFailed {
			return &txAnswer{http.StatusUnprocessableEntity, txOf(&t, false)}, nil
		}
		if err != nil {
			return nil, err
		}
		out := &txAnswer{http.StatusCreated, txOf(&t, true)}
		if replayed {
			out.Status = http.StatusOK
		}
		return out, nil
	})
	handle(a, op{
		method: http.MethodPost, path: all + "/sign", id: "sign-transaction", tag: "Transactions",
		summary: "Sign a transaction within the agent's guard, and hand it out: it counts as if it were sent", action: policy.SignTransaction,
		errors: []int{http.StatusConflict, http.StatusUnprocessableEntity},
	}, func(ctx context.Context, c *call.Call, in *submitTx) (*signedAnswer, error) {
		t, _, err := a.transactions.Sign(ctx, c, in.AgentID, in.draft())
		if err != nil {
			return nil, err
		}
		out := &signedAnswer{http.StatusOK, signedBody{TxBody: txOf(&t, true), From: t.From.String(), Nonce: t.Nonce}}
		if t.Status == transaction.SimulationFailed {
			out.Status = http.StatusUnprocessableEntity
		}
		return out, nil
	})
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-transactions", tag: "Transactions",
		summary: "List an agent's newest transactions", action: policy.ListTransactions,
	}, func(ctx context.Context, c *call.Call, in *struct {
		agentPath
		includeSigned
	}) (*body[txList], error) {
		list, err := a.transactions.List(ctx, c, in.AgentID, in.asked())
		out := txList{Transactions: []TxBody{}}
		for i := range list {
			out.Transactions = append(out.Transactions, seenTxOf(&list[i], in.asked()))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodGet, path: one, id: "get-transaction", tag: "Transactions",
		summary: "Get a transaction", action: policy.ReadTransaction,
	}, func(ctx context.Context, c *call.Call, in *struct {
		txPath
		includeSigned
	}) (*body[TxBody], error) {
		t, err := a.transactions.Get(ctx, c, in.AgentID, in.TransactionID, in.asked())
		return answer(seenTxOf(&t, in.asked()), err)
	})
	handle(a, op{
		method: http.MethodGet, path: one + "/receipt", id: "get-transaction-receipt", tag: "Transactions",
		summary: "What the chain made of a transaction", action: policy.ReadTransaction,
	}, func(ctx context.Context, c *call.Call, in *txPath) (*body[fateBody], error) {
		t, err := a.transactions.Get(ctx, c, in.AgentID, in.TransactionID, false)
		return answer(fateOf(&t), err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/replace", id: "replace-transaction", tag: "Transactions", status: http.StatusCreated,
		summary: "Replace a transaction that waits: by itself with higher fees, or by one that moves nothing. One that was never sent is discarded (200)", action: policy.ReplaceTransaction,
		errors: []int{http.StatusConflict, http.StatusUnprocessableEntity},
	}, func(ctx context.Context, c *call.Call, in *replaceTx) (*txAnswer, error) {
		b := &in.Body
		t, err := a.transactions.Replace(ctx, c, in.AgentID, in.TransactionID, transaction.Replacement{
			Cancel: b.Mode == "cancel", MaxFee: deref(b.MaxFee), MaxTip: deref(b.MaxTip), KeyPath: deref(b.KeyPath), Vault: in.VaultID,
		})
		if err != nil {
			return nil, err
		}
		out := &txAnswer{http.StatusCreated, txOf(&t, true)}
		if t.ID == in.TransactionID { // discarded: nothing came in its place
			out.Status = http.StatusOK
		}
		return out, nil
	})
}

type replaceTx struct {
	txPath
	VaultID string `header:"X-Vault-ID"`
	Body    struct {
		Mode    string  `json:"mode" enum:"speedup,cancel"`
		MaxFee  *string `json:"max_fee_per_gas,omitempty" nullable:"true" doc:"In wei. Left out: what nodes take now, and at least an eighth more than before."`
		MaxTip  *string `json:"max_priority_fee_per_gas,omitempty" nullable:"true" doc:"In wei."`
		KeyPath *string `json:"signing_key_path,omitempty" nullable:"true"`
	}
}
