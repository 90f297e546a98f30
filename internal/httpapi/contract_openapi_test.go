package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files again")

// golden compares with a file, or writes it.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run go generate ./internal/httpapi", err)
	}
	if !bytes.Equal(got, want) {
		line := 0
		a, b := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
		for line < len(a) && line < len(b) && a[line] == b[line] {
			line++
		}
		t.Errorf("%s is not what the code says from line %d on: run go generate ./internal/httpapi and read the difference", file, line+1)
	}
}

func TestOpenAPIDocument(t *testing.T) {
	w := open(t)
	r := w.do("GET", "/v1/openapi.json", "", nil).want(200)
	if r.header.Get("Content-Type") != "application/json" {
		t.Errorf("content type %q", r.header.Get("Content-Type"))
	}
	if other := w.do("GET", "/openapi.json", "", nil).want(200); !bytes.Equal(other.body, r.body) {
		t.Error("/openapi.json is another document")
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, r.body, "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	golden(t, "../../docs/openapi.json", pretty.Bytes())
	var doc document
	if err := json.Unmarshal(r.body, &doc); err != nil {
		t.Fatal(err)
	}
	doc.check(t, r.json())
}

// document is the part of an OpenAPI document that is checked.
type document struct {
	OpenAPI string
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]struct {
		OperationID string
		Parameters  []struct {
			Name, In string
			Required bool
			Schema   map[string]any
		}
		RequestBody *struct {
			Content map[string]struct{ Schema map[string]any }
		}
		Responses map[string]struct {
			Description string
			Content     map[string]struct{ Schema map[string]any }
		}
		Security []map[string][]string
	}
	Components struct {
		Schemas         map[string]map[string]any
		SecuritySchemes map[string]map[string]any
	}
}

var pathParam = regexp.MustCompile(`\{([^}]*)\}`)

// headers are those beside X-Cmek-... that operations read.
var headers = []string{"X-Share-Passphrase", "Stripe-Signature", "Idempotency-Key", "X-Vault-ID"}

// check holds the rules of OpenAPI 3.1 that a generator can break.
func (d *document) check(t *testing.T, raw object) {
	t.Helper()
	if !strings.HasPrefix(d.OpenAPI, "3.1.") || d.Info.Title == "" || d.Info.Version == "" {
		t.Errorf("openapi %q, info %+v", d.OpenAPI, d.Info)
	}
	for path, item := range d.Paths {
		var names []string
		for _, m := range pathParam.FindAllStringSubmatch(path, -1) {
			names = append(names, m[1])
		}
		if !strings.HasPrefix(path, "/") || strings.Contains(path, "...") || strings.Contains(path, "*") {
			t.Errorf("path %q", path)
		}
		for method, op := range item {
			var declared []string
			for _, p := range op.Parameters {
				if p.In == "path" {
					declared = append(declared, p.Name)
				}
				if p.In == "path" && !p.Required || len(p.Schema) == 0 || p.In == "header" && !strings.HasPrefix(p.Name, "X-Cmek-") && !slices.Contains(headers, p.Name) {
					t.Errorf("%s %s: parameter %+v", method, path, p)
				}
			}
			slices.Sort(names)
			slices.Sort(declared)
			if !slices.Equal(names, declared) {
				t.Errorf("%s %s has the parameters %v, declares %v", method, path, names, declared)
			}
			if len(op.Responses) == 0 {
				t.Errorf("%s %s has no response", method, path)
			}
			for status, res := range op.Responses {
				if res.Description == "" || (status[0] == '4' || status[0] == '5') && res.Content["application/problem+json"].Schema == nil && res.Content["application/json"].Schema == nil {
					t.Errorf("%s %s: response %s: %+v", method, path, status, res)
				}
			}
			for _, s := range op.Security {
				for name := range s {
					if d.Components.SecuritySchemes[name] == nil {
						t.Errorf("%s %s: no security scheme %q", method, path, name)
					}
				}
			}
		}
	}
	refs(raw, func(ref string) {
		name, ok := strings.CutPrefix(ref, "#/components/schemas/")
		if !ok || d.Components.Schemas[name] == nil {
			t.Errorf("dangling reference %q", ref)
		}
	})
	for name, s := range d.Components.Schemas {
		if s["nullable"] != nil {
			t.Errorf("%s: nullable is 3.0", name)
		}
		props, _ := s["properties"].(map[string]any)
		required, _ := s["required"].([]any)
		for _, r := range required {
			if props[fmt.Sprint(r)] == nil {
				t.Errorf("%s requires %v, which it does not have", name, r)
			}
		}
	}
}

// refs visits every $ref.
func refs(v any, visit func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, child := range v {
			if ref, ok := child.(string); ok && k == "$ref" {
				visit(ref)
			}
			refs(child, visit)
		}
	case []any:
		for _, child := range v {
			refs(child, visit)
		}
	}
}

// The document says what is answered: every field of a reply is in its schema.
func TestRepliesAreAsTheDocumentSays(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("main")
	ada.put(v, "a", "x")
	a := ada.agent(nil)
	ada.grant(v, a, "a", nil, "read")
	w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "k"}).want(201)
	var doc document
	if err := json.Unmarshal(w.do("GET", "/v1/openapi.json", "", nil).want(200).body, &doc); err != nil {
		t.Fatal(err)
	}
	for path, target := range map[string]string{
		"/v1/vaults": "/v1/vaults", "/v1/vaults/{vault_id}": "/v1/vaults/" + v, "/v1/vaults/{vault_id}/secrets": "/v1/vaults/" + v + "/secrets",
		"/v1/vaults/{vault_id}/secrets/{path}": secretAt(v, "a"), "/v1/vaults/{vault_id}/policies": "/v1/vaults/" + v + "/policies",
		"/v1/agents": "/v1/agents", "/v1/agents/{agent_id}": "/v1/agents/" + a.id, "/v1/auth/me": "/v1/auth/me",
		"/v1/auth/api-keys": "/v1/auth/api-keys", "/v1/audit/events": "/v1/audit/events", "/v1/health": "/v1/health",
	} {
		got := w.do("GET", target, ada.token, nil).want(200).json()
		schema := doc.Paths[path]["get"].Responses["200"].Content["application/json"].Schema
		if schema == nil {
			t.Errorf("%s: no schema", path)
			continue
		}
		doc.covers(t, path, schema, got)
	}
}

// covers checks that what was sent has the fields that the schema names, no
// more, and all that it requires.
func (d *document) covers(t *testing.T, where string, schema map[string]any, v any) {
	t.Helper()
	if ref, ok := schema["$ref"].(string); ok {
		schema = d.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
	}
	switch v := v.(type) {
	case map[string]any:
		props, ok := schema["properties"].(map[string]any)
		if !ok {
			return // free-form
		}
		for k, child := range v {
			s, ok := props[k].(map[string]any)
			if !ok {
				t.Errorf("%s.%s is not in the document", where, k)
				continue
			}
			d.covers(t, where+"."+k, s, child)
		}
		required, _ := schema["required"].([]any)
		for _, r := range required {
			if _, ok := v[r.(string)]; !ok {
				t.Errorf("%s.%v is required by the document and was not sent", where, r)
			}
		}
	case []any:
		items, ok := schema["items"].(map[string]any)
		if !ok {
			t.Errorf("%s is a list", where)
			return
		}
		for _, child := range v {
			d.covers(t, where+"[]", items, child)
		}
	}
}
