// Package rest makes operations of a REST API out of Go types: what a function takes says
// what a request may hold, and what it returns says what the answer holds.
//
// Its promise: what the function gets was checked against its schema and has one meaning;
// what is described in OpenAPI is what is checked and sent; an error says what the schema
// says, and never what was sent but for the name of a field that is refused. A body is read where it lies: it is copied only into the
// value that it is decoded to.
package rest

import (
	"net/http"
	"net/url"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Of huma only its data is used: the types of OpenAPI and the generator of schemas.
type (
	// OpenAPI is a document.
	OpenAPI = huma.OpenAPI
	// Description is an operation in it.
	Description = huma.Operation
	// Schema says what a value is.
	Schema = huma.Schema
	// Registry makes schemas of types.
	Registry = huma.Registry
	// SecurityScheme says how callers say who they are.
	SecurityScheme = huma.SecurityScheme
)

// Types of schemas.
const (
	TypeObject = huma.TypeObject
	TypeString = huma.TypeString
)

// Types of content.
const (
	JSON        = "application/json"
	ProblemJSON = "application/problem+json"
)

// Operation is an operation from I to O. In I a field with the tag path, query or header is a
// parameter, Body is the body as JSON, and RawBody the body as it came. In O, Status is the
// status, Body the body as JSON, and any other field a header.
type Operation[I, O any] struct {
	params []param
	body   *bodyPlan // nil: it takes none
	out    answerPlan
	doc    *Document
}

// New adds an operation to the document. It panics when a type can't be described or holds
// what nothing here checks.
func New[I, O any](d *Document, about *Description) *Operation[I, O] {
	in, out := reflect.TypeFor[I](), reflect.TypeFor[O]()
	o := &Operation[I, O]{doc: d, params: d.describeParams(about, in), body: d.describeBody(about, in), out: d.describeAnswer(about, out)}
	d.describeErrors(about, len(o.params) > 0 || o.body != nil)
	d.OpenAPI.AddOperation(about)
	return o
}

// TakesBody reports whether the operation reads a body.
func (o *Operation[I, O]) TakesBody() bool { return o.body != nil }

// Decode returns what a request holds, whose query was parsed and whose body was read. The error
// is an *Invalid or a *strictjson.Error. A RawBody is the body itself.
func (o *Operation[I, O]) Decode(r *http.Request, query url.Values, body []byte) (*I, error) {
	in := new(I)
	v := reflect.ValueOf(in).Elem()
	var bad Invalid
	for i := range o.params {
		p := &o.params[i]
		if p.once && len(r.Header.Values(p.name)) > 1 {
			bad.Fields = append(bad.Fields, Field{"header." + p.name, "sent more than once"})
			continue
		}
		p.read(v.FieldByIndex(p.at), p.value(r, query), &bad.Fields)
	}
	if o.body != nil {
		if err := o.body.read(v.FieldByIndex(o.body.at), body, &bad); err != nil {
			return nil, err
		}
	}
	if bad.NoBody || len(bad.Fields) > 0 {
		bad.Fields = bad.Fields[:min(len(bad.Fields), maxFields)]
		return nil, &bad
	}
	return in, nil
}

// maxFields bounds what one error names.
const maxFields = 16

// Field says what is wrong with one field of a request.
type Field struct{ Field, Message string }

// Invalid is a request that does not fit its operation. It holds what the schema says.
type Invalid struct {
	Fields []Field
	NoBody bool // the operation needs one
}

// Error implements error.
func (*Invalid) Error() string { return "the request does not fit its operation" }
