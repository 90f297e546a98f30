package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/rest"
)

// bindingBody is one way to use a secret.
type bindingBody struct {
	Hosts     []string `json:"hosts,omitempty" maxItems:"20" doc:"1 to 20 of them, but of sshsig none. Names (api.stripe.com), names below one (*.example.com) or addresses, with a port where it is not 443."`
	Methods   []string `json:"methods,omitempty" doc:"GET (and with it HEAD), HEAD, POST, PUT, PATCH, DELETE, OPTIONS; none: all of them."`
	Paths     []string `json:"paths,omitempty" maxItems:"20" doc:"Patterns such as /v1/**: * is any run of characters within a segment, ** any number of segments; none: every path."`
	In        string   `json:"in,omitempty" doc:"bearer (the default), basic, header:NAME, query:NAME, body:POINTER, sigv4, hmac or oauth2; ssh or sshsig of an SSH key, which signs at the server."`
	User      string   `json:"user,omitempty" doc:"Of basic: the user name, where the secret is the password alone. Of ssh: the user name at the hosts; none: every one."`
	Region    string   `json:"region,omitempty" doc:"Of sigv4: one, several with commas, or none for every one that a request names."`
	Service   string   `json:"service,omitempty" doc:"Of sigv4, as region."`
	Header    string   `json:"header,omitempty" doc:"Of hmac: where the signature goes; X-Signature where it is left out."`
	TokenURL  string   `json:"token_url,omitempty" doc:"Of oauth2: where the authorization server gives access tokens. The secret goes there, and what it gives to the hosts."`
	Scope     string   `json:"scope,omitempty" doc:"Of oauth2: what is asked for, with blanks."`
	TokenAuth string   `json:"token_auth,omitempty" doc:"Of oauth2: how the client's secret is shown at token_url, basic (the default) or body."`

	Credentials bool     `json:"answer_credentials,omitzero" doc:"The caller gets the credentials that the other server gives, such as Set-Cookie. Only streams have them."`
	HostKeys    []string `json:"host_keys,omitempty" maxItems:"20" doc:"Of ssh: the fingerprints (SHA256:...) of the host keys of these hosts."`
	Namespaces  []string `json:"namespaces,omitempty" maxItems:"20" doc:"Of sshsig: what is signed, such as git."`
	SetBy       string   `json:"set_by,omitempty" maxLength:"64" doc:"Who set this entry. What a request says here is not read: an entry that is unchanged stays with who set it, another is the caller's."`
}

// Refuses implements rest.Refuser: a bound that is misspelt would be none.
func (bindingBody) Refuses(_, plain string) string {
	for _, word := range []string{"host", "method", "verb", "path", "url", "place", "where", "scheme", "port", "domain", "allow", "expire", "token"} {
		if strings.Contains(plain, word) {
			return "is no field of a binding: those are hosts, methods, paths, in, user, region, service, header, token_url, scope, token_auth, answer_credentials, host_keys and namespaces"
		}
	}
	return ""
}

func bindingOf(b *binding.Binding) bindingBody {
	return bindingBody{Hosts: b.Hosts, Methods: b.Methods, Paths: b.Paths, In: string(b.In), User: b.User, Region: b.Region, Service: b.Service, Header: b.Header, TokenURL: b.TokenURL, Scope: b.Scope, TokenAuth: b.TokenAuth, Credentials: b.Credentials, HostKeys: b.HostKeys, Namespaces: b.Namespaces}
}

func (b *bindingBody) binding() binding.Binding {
	return binding.Binding{Hosts: b.Hosts, Methods: b.Methods, Paths: b.Paths, In: binding.Place(b.In), User: b.User, Region: b.Region, Service: b.Service, Header: b.Header, TokenURL: b.TokenURL, Scope: b.Scope, TokenAuth: b.TokenAuth, Credentials: b.Credentials, HostKeys: b.HostKeys, Namespaces: b.Namespaces}
}

// bindingsBody is where a secret may be used.
type bindingsBody struct {
	VaultID  string        `json:"vault_id" format:"uuid"`
	Path     string        `json:"path"`
	Bindings []bindingBody `json:"bindings"`
	SetAt    *time.Time    `json:"set_at" nullable:"true"`
	Warnings []string      `json:"warnings,omitempty" doc:"To people: why the secret as it is now is not sent, though it is bound."`
}

const shortWarning = "The secret has fewer than 8 bytes, so it is not sent: it could not be told from other text in an answer. Store a longer one."

func bindingsOf(vaultID, path string, b *broker.Bound) bindingsBody {
	out := bindingsBody{VaultID: vaultID, Path: path, Bindings: []bindingBody{}, SetAt: pointer(b.At)}
	for i := range b.List {
		one := bindingOf(&b.List[i])
		if i < len(b.Setters) {
			one.SetBy = b.Setters[i]
		}
		out.Bindings = append(out.Bindings, one)
	}
	if b.Short {
		out.Warnings = []string{shortWarning}
	}
	return out
}

type setBindings struct {
	secretPath
	Body struct {
		Bindings []bindingBody `json:"bindings" maxItems:"20" doc:"They take the place of all before; none: the secret may be used nowhere."`
	}
}

// anyJSON is a JSON value of any kind that is kept as it was sent.
type anyJSON jsontext.Value

// Schema implements huma.SchemaProvider.
func (anyJSON) Schema(rest.Registry) *rest.Schema { return &rest.Schema{} }

// UnmarshalJSON implements json.Unmarshaler.
func (v *anyJSON) UnmarshalJSON(b []byte) error {
	*v = append((*v)[:0], b...)
	return nil
}

type sendRequest struct {
	Body struct {
		Method  string     `json:"method" doc:"GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS."`
		URL     string     `json:"url" maxLength:"8192" doc:"Where the request goes, without any reference to a secret."`
		Headers jsonObject `json:"headers,omitempty" doc:"Texts by name, with {{secret:PATH}} or oneclaw://VAULT/PATH where a secret goes."`
		Query   jsonObject `json:"query,omitempty" doc:"Texts by name: parameters beside those of url; references stand here."`
		Body    anyJSON    `json:"body,omitempty" doc:"A text is sent as it is, anything else as JSON."`
		VaultID string     `json:"vault_id,omitempty" maxLength:"255" doc:"The vault of references that name none, by id or name; left out: the one that has the path for the caller."`
	}
}

var errNoList = fault.New(fault.Invalid, "invalid_bindings", "bindings is a list; an empty one takes all of them away.")

var errNotTexts = fault.New(fault.Invalid, "invalid_request", "headers and query are objects whose values are texts.")

func (in *sendRequest) request() (broker.Request, error) {
	b := &in.Body
	r := broker.Request{Method: b.Method, URL: b.URL, Vault: b.VaultID}
	for _, f := range []struct {
		from jsonObject
		to   *map[string]string
	}{{b.Headers, &r.Headers}, {b.Query, &r.Query}} {
		if len(f.from) > 0 && json.Unmarshal(f.from, f.to) != nil {
			return r, errNotTexts
		}
	}
	switch raw := jsontext.Value(b.Body); {
	case len(raw) == 0 || raw.Kind() == 'n':
	case raw.Kind() == '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return r, err
		}
		r.Body = []byte(text)
	default:
		r.Body, r.JSON = raw, true
	}
	return r, nil
}

// answeredBody is what the other server answered, without any secret in it.
type answeredBody struct {
	Status     int               `json:"status" doc:"The other server's HTTP status."`
	Headers    map[string]string `json:"headers" doc:"Those that hold credentials of the other server, such as Set-Cookie, are left out."`
	Body       string            `json:"body"`
	Encoding   string            `json:"body_encoding,omitempty" doc:"base64 where the body is no text."`
	Truncated  bool              `json:"truncated,omitzero" doc:"The answer is longer than the 1 MiB that is handed back."`
	Redactions int               `json:"redactions" doc:"How many times a secret stood in the answer."`
}

func answeredOf(a *broker.Answer) answeredBody {
	out := answeredBody{Status: a.Status, Headers: a.Header, Body: string(a.Body), Truncated: a.Truncated, Redactions: a.Redactions}
	if !utf8.Valid(a.Body) {
		out.Body, out.Encoding = base64.StdEncoding.EncodeToString(a.Body), "base64"
	}
	return out
}

func (a *API) registerBindings() {
	const one = "/v1/vaults/{vault_id}/secret-bindings/{path}"
	handle(a, op{
		method: http.MethodGet, path: one, id: "get-secret-bindings", tag: "Use without seeing",
		summary: "Where a secret may be used without being seen", action: policy.ReadBindings,
	}, func(ctx context.Context, c *call.Call, in *secretPath) (*body[bindingsBody], error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		b, err := a.broker.Bindings(ctx, c, in.VaultID, p)
		return answer(bindingsOf(in.VaultID, p.String(), &b), err)
	})
	handle(a, op{
		method: http.MethodPut, path: one, id: "set-secret-bindings", tag: "Use without seeing",
		summary: "Say where a secret may be used without being seen", action: policy.SetBindings,
	}, func(ctx context.Context, c *call.Call, in *setBindings) (*body[bindingsBody], error) {
		p, err := in.parse()
		if err != nil {
			return nil, err
		}
		if in.Body.Bindings == nil {
			return nil, errNoList
		}
		list := make([]binding.Binding, len(in.Body.Bindings))
		for i := range list {
			list[i] = in.Body.Bindings[i].binding()
		}
		b, err := a.broker.SetBindings(ctx, c, in.VaultID, p, list)
		return answer(bindingsOf(in.VaultID, p.String(), &b), err)
	})
	handle(a, op{
		method: http.MethodPost, path: "/v1/http-request", id: "http-request", tag: "Use without seeing",
		summary: "Have a request sent with secrets in it, to hosts that they are bound to; the answer shows none of them", action: policy.SendRequest,
		errors: []int{http.StatusUnprocessableEntity, http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *sendRequest) (*body[answeredBody], error) {
		r, err := in.request()
		if err != nil {
			return nil, err
		}
		got, err := a.broker.HTTP(ctx, c, &r)
		return answer(answeredOf(&got), err)
	})
}
