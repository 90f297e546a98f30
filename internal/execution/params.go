package execution

import (
	"maps"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Request is what an execution asks of a service over HTTP, before the credential is in it.
type Request struct {
	Method, URL    string
	Headers, Query map[string]string
	Body           []byte
	JSON           bool
}

var (
	errParams = fault.New(fault.Invalid, "invalid_params",
		"params of http are method, path (or url), query, headers and body; of graphql query, variables and operation_name; of postgres query and params. headers and query are objects of texts.")
	errIntent = fault.New(fault.Invalid, "intent_type_not_supported", "intent_type is http, graphql or postgres, and that of the binding.")
	errMode   = fault.New(fault.Invalid, "execution_mode_not_supported", "execution_mode is vault: this server has no other.")
	errNoBase = fault.New(fault.Invalid, "no_base_url", "The binding has no base_url, so params need url.")
)

// Intent is the type of a binding that an intent_type means.
func Intent(word string) (string, error) {
	switch word {
	case HTTP, "http_request":
		return HTTP, nil
	case GraphQL, "graphql_query":
		return GraphQL, nil
	case Postgres, "postgres_query":
		return Postgres, nil
	}
	return "", errIntent
}

// CheckMode refuses an execution_mode that is not the server's.
func CheckMode(mode string) error {
	if mode != "" && mode != "vault" {
		return errMode
	}
	return nil
}

// Request reads the params of an execution of an intent.
func (b *Binding) Request(intent string, params []byte) (Request, error) {
	if intent != b.Type {
		return Request{}, errIntent
	}
	if b.Type == GraphQL {
		return b.graphQL(params)
	}
	return b.http(params)
}

// ProbeStatement is Probe for a database.
func (b *Binding) ProbeStatement() (Statement, error) {
	st, err := b.Statement(Postgres, []byte(`{"query":"SELECT 1"}`))
	st.Write = false
	return st, err
}

type httpParams struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	URL     string            `json:"url"`
	Query   map[string]string `json:"query"`
	Headers map[string]string `json:"headers"`
	Body    jsontext.Value    `json:"body"`
}

func (b *Binding) http(params []byte) (r Request, err error) {
	var p httpParams
	if v := jsontext.Value(params); v.Kind() != '{' || json.Unmarshal(params, &p, json.RejectUnknownMembers(true)) != nil || p.Path != "" && p.URL != "" {
		return r, errParams
	}
	r = Request{Method: strings.ToUpper(p.Method), URL: p.URL, Query: p.Query, Headers: b.headers(p.Headers)}
	if r.Method == "" {
		r.Method = "GET"
	}
	if r.URL == "" {
		if r.URL, err = b.below(p.Path); err != nil {
			return r, err
		}
	}
	switch p.Body.Kind() {
	case 0, 'n':
	case '"':
		var text string
		if json.Unmarshal(p.Body, &text) != nil {
			return r, errParams
		}
		r.Body = []byte(text)
	default:
		r.Body, r.JSON = p.Body, true
	}
	return r, nil
}

// below is an address below base_url. Whatever the path begins with, the host stays that of base_url.
func (b *Binding) below(path string) (string, error) {
	if b.Config.BaseURL == "" {
		return "", errNoBase
	}
	base := strings.TrimRight(b.Config.BaseURL, "/")
	switch {
	case path == "" || path == "/":
		return b.Config.BaseURL, nil
	case strings.HasPrefix(path, "?"):
		return base + path, nil
	}
	return base + "/" + strings.TrimPrefix(path, "/"), nil
}

// headers are those of a request with those of the binding, which hold where both have one.
func (b *Binding) headers(sent map[string]string) map[string]string {
	out := make(map[string]string, len(sent)+len(b.Config.Headers))
	fixed := map[string]bool{}
	for name := range b.Config.Headers {
		fixed[http.CanonicalHeaderKey(name)] = true
	}
	for name, value := range sent {
		if !fixed[http.CanonicalHeaderKey(name)] {
			out[name] = value
		}
	}
	maps.Copy(out, b.Config.Headers)
	return out
}

// Probe is a request that shows whether the service takes the credential.
func (b *Binding) Probe() (Request, error) {
	if b.Type == GraphQL {
		return b.graphQL([]byte(`{"query":"{ __typename }"}`))
	}
	r := Request{Method: "GET", URL: b.Config.BaseURL, Headers: b.headers(nil)}
	if r.URL == "" {
		return r, errNoBase
	}
	return r, nil
}

// readable reports whether a text can be sent as JSON.
func readable(s string) bool { return utf8.ValidString(s) }
