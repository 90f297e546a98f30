package client

import (
	"context"
	"net/http"
)

// SSHRequest is what a stored SSH key is asked to sign. HostKey and HostSignature are what the
// client of a login was told by its server (session-bind@openssh.com).
type SSHRequest struct {
	Data          []byte `json:"data"`
	Algorithm     string `json:"algorithm,omitempty"` // of RSA keys: rsa-sha2-256 or rsa-sha2-512
	HostKey       []byte `json:"host_key,omitempty"`
	HostSignature []byte `json:"host_signature,omitempty"`
}

// SSHKey returns the public half of a stored SSH key, as SSH sends it.
func (c *Client) SSHKey(ctx context.Context, vault, path string) ([]byte, error) {
	p, err := under(path, "vaults", vault, "ssh-keys")
	if err != nil {
		return nil, err
	}
	var out struct {
		PublicKey []byte `json:"public_key"`
	}
	err = c.call(ctx, request{method: http.MethodGet, path: p, repeatable: true}, &out)
	return out.PublicKey, err
}

// SignSSH has a stored SSH key sign, and returns the signature as SSH sends it.
func (c *Client) SignSSH(ctx context.Context, vault, path string, r SSHRequest) ([]byte, error) {
	p, err := under(path, "vaults", vault, "ssh-sign")
	if err != nil {
		return nil, err
	}
	var out struct {
		Signature []byte `json:"signature"`
	}
	err = c.call(ctx, request{method: http.MethodPost, path: p, body: r, repeatable: true}, &out)
	return out.Signature, err
}
