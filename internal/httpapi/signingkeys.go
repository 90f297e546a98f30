package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/signingkey"
)

// signingKeyBody is a signing key in the words of newer clients (contract, later.md).
type signingKeyBody struct {
	ID         string     `json:"id" format:"uuid"`
	AgentID    string     `json:"agent_id" format:"uuid"`
	Chain      string     `json:"chain" enum:"ethereum" doc:"The account is good on every EVM chain."`
	Curve      string     `json:"curve" enum:"secp256k1"`
	PublicKey  string     `json:"public_key" doc:"65 bytes, uncompressed (SEC 1)."`
	Address    string     `json:"address"`
	KeyVersion int64      `json:"key_version"`
	IsActive   bool       `json:"is_active"`
	CreatedAt  time.Time  `json:"created_at"`
	RotatedAt  *time.Time `json:"rotated_at,omitempty" nullable:"true"`
}

func signingKeyOf(k *signingkey.Key) signingKeyBody {
	return signingKeyBody{
		ID: k.ID, AgentID: k.Agent, Chain: k.Chain, Curve: "secp256k1", PublicKey: k.PublicKey, Address: k.Address.String(), KeyVersion: k.Version,
		IsActive: k.Active, CreatedAt: k.CreatedAt, RotatedAt: pointer(k.RotatedAt),
	}
}

var errBase64 = fault.New(fault.Invalid, "invalid_private_key", "private_key is 32 bytes in base64.")

// fromBase64 decodes a secret. Wipe both.
func fromBase64(text secret.Bytes) (secret.Bytes, error) {
	raw := make([]byte, base64.StdEncoding.DecodedLen(text.Len()))
	n, err := base64.StdEncoding.Decode(raw, text.Reveal())
	out := secret.New(raw[:n])
	if err != nil {
		out.Wipe()
		return secret.Bytes{}, errBase64
	}
	return out, nil
}

type signingKeyList struct {
	Keys []signingKeyBody `json:"keys"`
}

type signingKeyPath struct {
	agentPath
	Chain string `path:"chain"`
}

func (a *API) registerEVMKeys() {
	const all, one = "/v1/agents/{agent_id}/signing-keys", "/v1/agents/{agent_id}/signing-keys/{chain}"
	handle(a, op{
		method: http.MethodPost, path: all, id: "create-signing-key", tag: "Transactions", status: http.StatusCreated,
		summary: "Make a key in the keystore that signs for an agent and never leaves it", action: policy.CreateSigningKey, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *struct {
		agentPath
		Body struct {
			Chain string `json:"chain" enum:"ethereum"`
		}
	}) (*body[signingKeyBody], error) {
		k, err := a.signingKeys.Create(ctx, c, in.AgentID, in.Body.Chain)
		return answer(signingKeyOf(&k), err)
	})
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-signing-keys", tag: "Transactions",
		summary: "List an agent's keys in the keystore, the newest first", action: policy.ListSigningKeys,
	}, func(ctx context.Context, c *call.Call, in *agentPath) (*body[signingKeyList], error) {
		keys, err := a.signingKeys.List(ctx, c, in.AgentID)
		out := signingKeyList{Keys: []signingKeyBody{}}
		for i := range keys {
			out.Keys = append(out.Keys, signingKeyOf(&keys[i]))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/import", id: "import-signing-key", tag: "Transactions", status: http.StatusCreated,
		summary: "Put a key that was made elsewhere into the keystore", action: policy.CreateSigningKey, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *struct {
		signingKeyPath
		Body struct {
			PrivateKey secretValue `json:"private_key" doc:"32 bytes."`
			Format     *string     `json:"format,omitempty" nullable:"true" enum:"hex,base64" doc:"hex when absent."`
		}
	}) (*body[signingKeyBody], error) {
		value := in.Body.PrivateKey.Bytes
		defer value.Wipe()
		if deref(in.Body.Format) == "base64" {
			raw, err := fromBase64(value)
			if err != nil {
				return nil, err
			}
			defer raw.Wipe()
			value = raw
		}
		k, err := a.signingKeys.Import(ctx, c, in.AgentID, in.Chain, value)
		return answer(signingKeyOf(&k), err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/rotate", id: "rotate-signing-key", tag: "Transactions", bodyOptional: true,
		summary: "Give an agent another key and account, or one of before again; the old key stays in the keystore", action: policy.RotateSigningKey,
	}, func(ctx context.Context, c *call.Call, in *struct {
		signingKeyPath
		Body struct {
			Version *int64 `json:"key_version,omitempty" nullable:"true" minimum:"1" doc:"A version of before, to be used again."`
		}
	}) (*body[signingKeyBody], error) {
		k, err := a.signingKeys.Rotate(ctx, c, in.AgentID, in.Chain, deref(in.Body.Version))
		return answer(signingKeyOf(&k), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: one, id: "delete-signing-key", tag: "Transactions",
		summary: "Take an agent's key out of use; it stays in the keystore, with its account", action: policy.DeleteSigningKey,
	}, func(ctx context.Context, c *call.Call, in *signingKeyPath) (*empty, error) {
		return &empty{}, a.signingKeys.Stop(ctx, c, in.AgentID, in.Chain)
	})
	handle(a, op{
		method: http.MethodGet, path: one + "/balance", id: "get-signing-key-balance", tag: "Transactions",
		summary: "What the account of an agent's key has on a chain", action: policy.ReadBalance, errors: []int{http.StatusUnprocessableEntity},
	}, func(ctx context.Context, c *call.Call, in *signingKeyPath) (*body[accountBalance], error) {
		b, err := a.transactions.Balance(ctx, c, in.AgentID, in.Chain)
		return answer(accountBalance{
			Chain: b.Chain, Address: b.Address.String(), Wei: b.Wei.Dec(), Display: evm.FormatETH(&b.Wei) + " " + b.Currency, Tokens: []struct{}{},
		}, err)
	})
}

// accountBalance is a balance in the words of newer clients (contract, later.md). Tokens are not
// looked for.
type accountBalance struct {
	Chain   string     `json:"chain"`
	Address string     `json:"address"`
	Wei     string     `json:"balance_wei"`
	Display string     `json:"balance_display"`
	Tokens  []struct{} `json:"tokens" doc:"Always empty: tokens are not looked for."`
}
