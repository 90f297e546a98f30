package client

import (
	"context"
	"encoding/json"
	"net/http"
)

// SignatureRequest is a text or typed data to sign. Kind is "personal_sign", with Message: a
// text, or 0x and digits for bytes (EIP-191); or "typed_data", with TypedData (EIP-712).
type SignatureRequest struct {
	Kind      string          `json:"intent_type"`
	Chain     string          `json:"chain"`
	KeyPath   string          `json:"signing_key_path,omitempty"`
	Message   string          `json:"message,omitempty"`
	TypedData json.RawMessage `json:"typed_data,omitempty"`
	VaultID   string          `json:"-"`
}

// Signature is what was signed. Signature has 65 bytes in hexadecimal: r, s, and 27 or 28.
type Signature struct {
	Kind      string `json:"intent_type"`
	Chain     string `json:"chain"`
	From      string `json:"from"`
	Signature string `json:"signature"`
	Message   string `json:"message_hash,omitempty"`
	TypedHash string `json:"typed_data_hash,omitempty"`
}

// SignMessage has a text or typed data signed for an agent, within its guard.
func (c *Client) SignMessage(ctx context.Context, agent string, s SignatureRequest) (*Signature, error) {
	p, err := route("agents", agent, "sign")
	if err != nil {
		return nil, err
	}
	out := new(Signature)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p, body: s, header: (&Submission{VaultID: s.VaultID}).header()}, out))
}
