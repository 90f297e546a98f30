package execution

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

type graphQLParams struct {
	Query     string         `json:"query"`
	Variables jsontext.Value `json:"variables"`
	Operation string         `json:"operation_name"`
	Camel     string         `json:"operationName"`
}

// maxTokens bounds a document: a service takes far less.
const maxTokens = 20_000

var (
	errDocument     = fault.New(fault.Invalid, "invalid_graphql", "query is no GraphQL document of at most 20,000 tokens, and variables is an object.")
	errSubscription = fault.New(fault.Invalid, "subscription_not_supported", "A subscription is answered over a stream, which executions have not.")
)

// graphQL is a document as it is posted. A binding that is read-only takes queries alone: every
// operation of the document is looked at, whichever of them is named.
func (b *Binding) graphQL(params []byte) (r Request, err error) {
	var p graphQLParams
	if v := jsontext.Value(params); v.Kind() != '{' || json.Unmarshal(params, &p, json.RejectUnknownMembers(true)) != nil ||
		p.Operation != "" && p.Camel != "" || !readable(p.Query) {
		return r, errParams
	}
	if k := p.Variables.Kind(); k != 0 && k != 'n' && k != '{' {
		return r, errDocument
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: p.Query}, maxTokens)
	if err != nil || len(doc.Operations) == 0 {
		return r, errDocument // the parser's own words repeat the document
	}
	for _, op := range doc.Operations {
		switch {
		case op.Operation == ast.Subscription:
			return r, errSubscription
		case b.readOnly() && op.Operation != ast.Query:
			return r, errReadOnly
		}
	}
	body := struct {
		Query     string         `json:"query"`
		Variables jsontext.Value `json:"variables,omitzero"`
		Operation string         `json:"operationName,omitempty"`
	}{p.Query, p.Variables, p.Operation + p.Camel}
	if p.Variables.Kind() == 'n' {
		body.Variables = nil
	}
	r = Request{Method: "POST", URL: b.Config.BaseURL, Headers: b.headers(nil), JSON: true}
	r.Body, err = json.Marshal(body)
	return r, err
}
