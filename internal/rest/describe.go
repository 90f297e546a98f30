package rest

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// Document describes operations in OpenAPI.
type Document struct {
	OpenAPI *OpenAPI
	refused *Schema   // the body of errors
	buffers sync.Pool // of answers
}

// NewDocument returns a document without operations. Errors are answered with the type refused.
func NewDocument(title, version string, refused reflect.Type) *Document {
	cfg := huma.DefaultConfig(title, version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", "", nil
	cfg.AllowAdditionalPropertiesByDefault = true // clients of later versions send more fields
	d := &Document{OpenAPI: huma.NewAPI(cfg, nil).OpenAPI(), buffers: sync.Pool{New: func() any { return new([]byte) }}}
	d.refused = d.registry().Schema(refused, true, "")
	return d
}

func (d *Document) registry() Registry { return d.OpenAPI.Components.Schemas }

// hint names the schema of a field whose type has no name.
func hint(parent reflect.Type, field, otherwise string) string {
	if parent.Name() != "" {
		return parent.Name() + field
	}
	return otherwise
}

// fields are the exported fields of t and of what it embeds, each with its index.
func fields(t reflect.Type, at []int) []reflect.StructField {
	var out []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		f.Index = append(at[:len(at):len(at)], i)
		switch {
		case f.Anonymous:
			out = append(out, fields(f.Type, f.Index)...)
		case f.IsExported():
			out = append(out, f)
		}
	}
	return out
}

func (d *Document) describeParams(about *Description, t reflect.Type) []param {
	var out []param
	for _, f := range fields(t, nil) {
		if f.Name == "Body" || f.Name == "RawBody" {
			continue
		}
		s := huma.SchemaFromField(d.registry(), f, "")
		p := paramOf(&f, f.Index, *s)
		if p == nil {
			panic(fmt.Sprintf("rest: %s.%s is no part of a request", t, f.Name))
		}
		out = append(out, *p)
		if f.Tag.Get("hidden") == "true" {
			continue
		}
		shown := &huma.Param{Name: p.name, Description: s.Description, In: p.in, Required: p.in == "path", Schema: s}
		if p.in == "query" {
			shown.Explode = new(bool)
		}
		about.Parameters = append(about.Parameters, shown)
	}
	return out
}

// Bytes describes an operation whose body and answer are bytes of one type, and which reads and writes
// them itself.
func Bytes(d *Document, about *Description, mediaType string) {
	content := func() map[string]*huma.MediaType {
		return map[string]*huma.MediaType{mediaType: {Schema: &Schema{Type: TypeString, Format: "binary"}}}
	}
	about.RequestBody = &huma.RequestBody{Required: true, Content: content()}
	about.Responses = map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK), Content: content()}}
	d.describeErrors(about, true)
	d.OpenAPI.AddOperation(about)
}

// Events describes an operation without a body whose answer is a stream of server-sent events, and which
// reads the named parts of its query, all texts that may be left out, and writes the answer itself.
func Events(d *Document, about *Description, query ...string) {
	for _, name := range query {
		about.Parameters = append(about.Parameters, &huma.Param{Name: name, In: "query", Schema: &Schema{Type: TypeString}})
	}
	about.Responses = map[string]*huma.Response{"200": {
		Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &Schema{Type: TypeString}}},
	}}
	d.describeErrors(about, true)
	d.OpenAPI.AddOperation(about)
}

func (d *Document) describeBody(about *Description, t reflect.Type) *bodyPlan {
	if f, ok := t.FieldByName("RawBody"); ok {
		about.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			JSON: {Schema: &Schema{Type: TypeString, Format: "binary"}},
		}}
		return &bodyPlan{at: f.Index}
	}
	f, ok := t.FieldByName("Body")
	if !ok {
		return nil
	}
	hides(f.Type)
	s := huma.SchemaFromField(d.registry(), f, hint(t, f.Name, about.OperationID+"Request"))
	about.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{JSON: {Schema: s}}}
	shape := shapeOf(d.registry(), s)
	shape.refuse(f.Type)
	return &bodyPlan{at: f.Index, shape: shape}
}

func (d *Document) describeAnswer(about *Description, t reflect.Type) answerPlan {
	p := answerPlan{status: about.DefaultStatus}
	if f, ok := t.FieldByName("Status"); ok {
		p.statusAt = f.Index
	}
	response := &huma.Response{}
	if f, ok := t.FieldByName("Body"); ok {
		p.bodyAt, p.bodyIsHeld = f.Index, f.Type.Kind() == reflect.Pointer
		hides(f.Type)
		s := huma.SchemaFromField(d.registry(), f, hint(t, f.Name, about.OperationID+"Response"))
		response.Content = map[string]*huma.MediaType{JSON: {Schema: s}}
	}
	if p.status == 0 && p.bodyAt != nil {
		p.status = http.StatusOK
	} else if p.status == 0 {
		p.status = http.StatusNoContent
	}
	for _, f := range fields(t, nil) {
		if f.Name == "Status" || f.Name == "Body" {
			continue
		}
		if f.Type.Kind() != reflect.String {
			panic(fmt.Sprintf("rest: the header %s.%s is a %s", t, f.Name, f.Type))
		}
		name := f.Tag.Get("header")
		p.headers = append(p.headers, headerAt{name, f.Index})
		if response.Headers == nil {
			response.Headers = map[string]*huma.Header{}
		}
		response.Headers[name] = &huma.Header{Schema: huma.SchemaFromField(d.registry(), f, "")}
	}
	response.Description = http.StatusText(p.status)
	about.Responses = map[string]*huma.Response{strconv.Itoa(p.status): response}
	return p
}

// describeErrors lists what may be answered instead.
func (d *Document) describeErrors(about *Description, checked bool) {
	if checked {
		about.Errors = append(about.Errors, http.StatusUnprocessableEntity)
	}
	about.Errors = append(about.Errors, http.StatusInternalServerError)
	for _, status := range about.Errors {
		about.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status), Content: map[string]*huma.MediaType{ProblemJSON: {Schema: d.refused}},
		}
	}
}

// hides panics where a body embeds a type whose name is not exported: the schema would not have
// its fields, and so nothing would check what is sent in them.
func hides(t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.Anonymous {
			continue
		}
		if of := f.Type; !f.IsExported() && of.Kind() == reflect.Struct && of.NumField() > 0 {
			panic("rest: " + t.String() + " embeds " + of.String() + ", which is not exported")
		}
		hides(f.Type)
	}
}
