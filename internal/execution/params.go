package execution

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
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

var errNoProbe = fault.New(fault.Denied, "path_not_allowed",
	"Nothing was asked: a test sends GET or HEAD to base_url, or to the first of allowed_paths that is one path, and the binding allows none of these.").Because("path_not_allowed")

// Probe is a request that shows whether the service takes the credential: one that the binding allows.
func (b *Binding) Probe() (Request, error) {
	if b.Config.BaseURL == "" {
		return Request{}, errNoBase
	}
	if b.Type == GraphQL {
		if !b.within(http.MethodPost, b.Config.BaseURL) {
			return Request{}, errNoGraph
		}
		return b.graphQL([]byte(`{"query":"{ __typename }"}`))
	}
	for _, address := range b.addresses() {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if b.within(method, address) {
				return Request{Method: method, URL: address, Headers: b.headers(nil)}, nil
			}
		}
	}
	return Request{}, errNoProbe
}

var errNoGraph = fault.New(fault.Denied, "path_not_allowed",
	"Nothing was asked: GraphQL is a POST to base_url, and allowed_paths or allowed_methods of the binding do not allow that.").Because("path_not_allowed")

// addresses are base_url, and those of the patterns of paths that are one path: any number of segments may be none.
func (b *Binding) addresses() []string {
	out := []string{b.Config.BaseURL}
	_, base, err := binding.ParseTarget(http.MethodGet, b.Config.BaseURL)
	if err != nil {
		return out
	}
	for _, p := range b.Rails.Paths {
		p = strings.TrimSuffix(p, "/**")
		if strings.Contains(p, "*") {
			continue
		}
		at := url.URL{Scheme: base.Scheme, Host: base.Host}
		out = append(out, at.String()+"/"+strings.TrimPrefix(p, "/"))
	}
	return out
}

// within reports whether the binding allows a request.
func (b *Binding) within(method, address string) bool {
	t, _, err := binding.ParseTarget(method, address)
	return err == nil && b.Allows(&Settings{}, &t) == nil
}

// readable reports whether a text can be sent as JSON.
func readable(s string) bool { return utf8.ValidString(s) }
