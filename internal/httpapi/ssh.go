package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// sshKeyBody is the public half of a key.
type sshKeyBody struct {
	PublicKey string `json:"public_key" doc:"As SSH sends it, in base64."`
}

type signSSH struct {
	secretPath
	Body struct {
		Data      string `json:"data" maxLength:"24576" doc:"What is to be signed, in base64: a login (RFC 4252, section 7) or a signature of a file (SSHSIG)."`
		Algorithm string `json:"algorithm,omitempty" enum:"rsa-sha2-256,rsa-sha2-512,ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521" doc:"Of RSA keys; others sign in one way."`
		HostKey   string `json:"host_key,omitempty" maxLength:"16384" doc:"Of a login: the server's host key, in base64 (session-bind@openssh.com)."`
		HostSig   string `json:"host_signature,omitempty" maxLength:"16384" doc:"Of a login: the host key's signature of the session's id, in base64."`
	}
}

type sshSignatureBody struct {
	Signature string `json:"signature" doc:"As SSH sends it, in base64."`
}

var errNoBase64 = fault.New(fault.Invalid, "invalid_base64", "data, host_key and host_signature are base64 (RFC 4648, section 4).")

func (in *signSSH) request() (r broker.SSHRequest, err error) {
	r.Algorithm = in.Body.Algorithm
	for _, f := range []struct {
		from string
		to   *[]byte
	}{{in.Body.Data, &r.Data}, {in.Body.HostKey, &r.HostKey}, {in.Body.HostSig, &r.HostSignature}} {
		if *f.to, err = base64.StdEncoding.Strict().DecodeString(f.from); err != nil {
			return r, errNoBase64
		}
	}
	return r, nil
}

func (a *API) registerSSH() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/vaults/{vault_id}/ssh-keys/{path}", id: "get-ssh-key", tag: "Use without seeing",
		summary: "The public half of a stored SSH key", action: policy.UseSecret, errors: []int{http.StatusConflict, http.StatusGone},
	}, func(ctx context.Context, c *call.Call, in *secretPath) (*body[sshKeyBody], error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		public, err := a.broker.SSHPublic(ctx, c, in.VaultID, p)
		return answer(sshKeyBody{base64.StdEncoding.EncodeToString(public)}, err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/vaults/{vault_id}/ssh-sign/{path}", id: "ssh-sign", tag: "Use without seeing",
		summary: "Sign an SSH login, or a file, with a stored key that is bound to it; the key is shown to nobody", action: policy.UseSecret,
		errors: []int{http.StatusConflict, http.StatusGone},
	}, func(ctx context.Context, c *call.Call, in *signSSH) (*body[sshSignatureBody], error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		r, err := in.request()
		if err != nil {
			return nil, err
		}
		signature, err := a.broker.SignSSH(ctx, c, in.VaultID, p, &r)
		return answer(sshSignatureBody{base64.StdEncoding.EncodeToString(signature)}, err)
	})
}
