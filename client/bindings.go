package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Binding is one way to use a secret without seeing it: at which hosts, with which methods and
// paths, and in which place of a request.
type Binding struct {
	Hosts     []string `json:"hosts,omitempty"`      // names, *.names below one, or addresses; with a port where it is not 443
	Methods   []string `json:"methods,omitempty"`    // none: all
	Paths     []string `json:"paths,omitempty"`      // patterns such as /v1/**; none: all
	In        string   `json:"in,omitempty"`         // bearer (the default), basic, header:NAME, query:NAME, body:POINTER, sigv4, hmac, oauth2; ssh, sshsig
	User      string   `json:"user,omitempty"`       // of basic, where the secret is the password alone
	Region    string   `json:"region,omitempty"`     // of sigv4: one, several with commas, or none for all
	Service   string   `json:"service,omitempty"`    // of sigv4
	Header    string   `json:"header,omitempty"`     // of hmac: where the signature goes
	TokenURL  string   `json:"token_url,omitempty"`  // of oauth2: where access tokens come from
	Scope     string   `json:"scope,omitempty"`      // of oauth2
	TokenAuth string   `json:"token_auth,omitempty"` // of oauth2: basic or body

	// AnswerCredentials hands back what the other server gives as credentials of its own, in streams.
	AnswerCredentials bool `json:"answer_credentials,omitempty"`

	HostKeys   []string `json:"host_keys,omitempty"`  // of ssh: fingerprints of the hosts' keys
	Namespaces []string `json:"namespaces,omitempty"` // of sshsig: what is signed, such as git

	SetBy string `json:"set_by,omitempty"` // who set it, as the server says
}

// SecretBindings are where a secret may be used.
type SecretBindings struct {
	VaultID  string     `json:"vault_id"`
	Path     string     `json:"path"`
	Bindings []Binding  `json:"bindings"`
	SetAt    *time.Time `json:"set_at"`
	Warnings []string   `json:"warnings,omitempty"` // why the secret is not sent, though it is bound
}

// Bindings returns where a secret may be used without being seen.
func (c *Client) Bindings(ctx context.Context, vault, path string) (*SecretBindings, error) {
	p, err := under(path, "vaults", vault, "secret-bindings")
	if err != nil {
		return nil, err
	}
	out := new(SecretBindings)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: p, repeatable: true}, out))
}

// SetBindings replaces where a secret may be used; an empty list takes all of it away. An entry that
// is unchanged stays with who set it: SetBy of the list is not sent.
func (c *Client) SetBindings(ctx context.Context, vault, path string, list []Binding) (*SecretBindings, error) {
	p, err := under(path, "vaults", vault, "secret-bindings")
	if err != nil {
		return nil, err
	}
	out := new(SecretBindings)
	body := struct {
		Bindings []Binding `json:"bindings"`
	}{append([]Binding{}, list...)}
	for i := range body.Bindings {
		body.Bindings[i].SetBy = ""
	}
	return got(out, c.call(ctx, request{method: http.MethodPut, path: p, body: body, repeatable: true}, out))
}

// Code is a code of a second factor.
type Code struct {
	Code   string    `json:"code"`
	Period int       `json:"period_seconds"`
	Until  time.Time `json:"valid_until"` // when the next takes its place
}

// TOTP returns the code that a stored seed gives now. The seed stays at the server.
func (c *Client) TOTP(ctx context.Context, vault, path string) (*Code, error) {
	p, err := under(path, "vaults", vault, "totp")
	if err != nil {
		return nil, err
	}
	out := new(Code)
	return got(out, c.call(ctx, request{method: http.MethodPost, path: p, repeatable: true}, out))
}

// HTTPRequest is a request that the server sends with secrets in it: {{secret:PATH}} or
// oneclaw://VAULT/PATH stands where one goes.
type HTTPRequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Query   map[string]string `json:"query,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"` // a JSON string is sent as text, anything else as JSON
	VaultID string            `json:"vault_id,omitempty"`
}

// HTTPAnswer is what the other server answered, without any secret in it.
type HTTPAnswer struct {
	Status       int               `json:"status"`
	Headers      map[string]string `json:"headers"`
	Body         string            `json:"body"`
	BodyEncoding string            `json:"body_encoding,omitempty"` // base64 where the body is no text
	Truncated    bool              `json:"truncated,omitempty"`
	Redactions   int               `json:"redactions"`
}

// SendRequest has a request sent. It is never tried again: what it does at the other server
// would be done twice.
func (c *Client) SendRequest(ctx context.Context, r HTTPRequest) (*HTTPAnswer, error) {
	out := new(HTTPAnswer)
	return got(out, c.write(ctx, http.MethodPost, r, out, "http-request"))
}
