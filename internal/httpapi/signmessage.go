package httpapi

import (
	"context"
	"encoding/hex"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// signRequest is the body of sign in the words of newer clients (contract, later.md).
type signRequest struct {
	agentPath
	VaultID string `header:"X-Vault-ID"`
	Body    struct {
		txNames
		Kind          string      `json:"intent_type" enum:"personal_sign,typed_data,transaction,eip712_digest"`
		Chain         string      `json:"chain"`
		KeyPath       *string     `json:"signing_key_path,omitempty" nullable:"true"`
		Message       *string     `json:"message,omitempty" nullable:"true" doc:"Of personal_sign: a text, or 0x and digits for bytes."`
		TypedData     *jsonObject `json:"typed_data,omitempty" nullable:"true" doc:"Of typed_data: EIP-712, with types, domain, primaryType and message."`
		To            *string     `json:"to,omitempty" nullable:"true"`
		Value         *string     `json:"value,omitempty" nullable:"true"`
		Data          *string     `json:"data,omitempty" nullable:"true"`
		Nonce         *uint64     `json:"nonce,omitempty" nullable:"true"`
		GasLimit      *uint64     `json:"gas_limit,omitempty" nullable:"true"`
		GasPrice      *string     `json:"gas_price,omitempty" nullable:"true"`
		MaxFee        *string     `json:"max_fee_per_gas,omitempty" nullable:"true"`
		MaxTip        *string     `json:"max_priority_fee_per_gas,omitempty" nullable:"true"`
		Access        accessList  `json:"access_list,omitempty" nullable:"true" maxItems:"256"`
		SimulateFirst *bool       `json:"simulate_first,omitempty" nullable:"true"`
	}
}

// signAnswer is its answer.
type signAnswer struct {
	Kind      string  `json:"intent_type"`
	Chain     string  `json:"chain"`
	From      string  `json:"from"`
	Signature string  `json:"signature" doc:"65 bytes: r, s, and 27 or 28. Of a transaction empty: it is in signed_tx."`
	SignedTx  *string `json:"signed_tx,omitempty" nullable:"true"`
	TxHash    *string `json:"tx_hash,omitempty" nullable:"true"`
	Message   *string `json:"message_hash,omitempty" nullable:"true"`
	TypedHash *string `json:"typed_data_hash,omitempty" nullable:"true"`
}

func (a *API) registerSignMessage() {
	handle(a, op{
		method: http.MethodPost, path: "/v1/agents/{agent_id}/sign", id: "sign-message", tag: "Transactions",
		summary: "Sign a text, typed data or a transaction within the agent's guard", action: policy.SignMessage,
		errors: []int{http.StatusConflict, http.StatusUnprocessableEntity},
	}, func(ctx context.Context, c *call.Call, in *signRequest) (*body[signAnswer], error) {
		b := &in.Body
		if b.Kind == "transaction" {
			d := transaction.Draft{
				To: deref(b.To), Value: deref(b.Value), Chain: b.Chain, Data: deref(b.Data), KeyPath: deref(b.KeyPath), Vault: in.VaultID,
				Nonce: b.Nonce, GasLimit: b.GasLimit, GasPrice: deref(b.GasPrice), MaxFee: deref(b.MaxFee), MaxTip: deref(b.MaxTip),
				AccessList: b.Access.draft(), SimulateFirst: deref(b.SimulateFirst),
			}
			c.Event.Action = string(policy.SignTransaction)
			t, _, err := a.transactions.Sign(ctx, c, in.AgentID, d)
			if err == nil && t.Status == transaction.SimulationFailed {
				err = fault.New(fault.Unprocessable, "would_revert", "A simulation of this transaction failed, so it was not signed. Simulate it to see why.")
			}
			if err != nil {
				return nil, err
			}
			out := txOf(&t, true)
			return answer(signAnswer{Kind: b.Kind, Chain: t.Chain, From: t.From.String(), SignedTx: out.SignedTx, TxHash: out.TxHash}, nil)
		}
		m := transaction.Message{Chain: b.Chain, KeyPath: deref(b.KeyPath), Vault: in.VaultID, Digest: b.Kind == "eip712_digest"}
		if b.Kind == "typed_data" {
			m.Typed = deref(b.TypedData)
		} else {
			m.Text = deref(b.Message)
		}
		s, err := a.transactions.SignMessage(ctx, c, in.AgentID, m)
		if err != nil {
			return nil, err
		}
		bytes := s.Signature.Bytes()
		out := signAnswer{Kind: b.Kind, Chain: s.Chain, From: s.From.String(), Signature: "0x" + hex.EncodeToString(bytes[:])}
		if b.Kind == "typed_data" {
			out.TypedHash = present(s.Hash.String())
		} else {
			out.Message = present(s.Hash.String())
		}
		return answer(out, nil)
	})
}
