package rest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/rest"
	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

// TestMain has huma's validation tell keys by their case, as the check does.
func TestMain(m *testing.M) {
	huma.ValidateStrictCasing = true
	os.Exit(m.Run())
}

type object map[string]any

func (object) Schema(rest.Registry) *rest.Schema {
	return &rest.Schema{Type: rest.TypeObject, Nullable: true, AdditionalProperties: true}
}

type inner struct {
	Zeta  string   `json:"zeta" minLength:"2"`
	Alpha *int     `json:"alpha,omitempty" maximum:"1000000"`
	Names []string `json:"names" enum:"a,b"`
}

// everything has a field for each thing that a schema of a body can ask.
type everything struct {
	Body struct {
		Name     string      `json:"name" minLength:"1" maxLength:"5"`
		Kind     *string     `json:"kind,omitempty" nullable:"true" enum:"one,two,thr\"ee"`
		Count    int64       `json:"count" minimum:"-1.5" maximum:"10"`
		Size     *uint64     `json:"size,omitempty" nullable:"true"`
		Ratio    float64     `json:"ratio,omitempty" minimum:"0"`
		On       bool        `json:"on"`
		Off      *bool       `json:"off"`
		At       time.Time   `json:"at,omitempty"`
		List     []string    `json:"list,omitempty" minItems:"1" maxItems:"3" maxLength:"2"`
		Lists    [][]int     `json:"lists,omitempty"`
		Inner    inner       `json:"inner"`
		Inners   []inner     `json:"inners,omitempty"`
		Metadata object      `json:"metadata,omitempty"`
		Any      interface{} `json:"any,omitempty"`
	}
}

var bodies = []string{
	`{}`, `null`, `[]`, `[{}]`, `7`, `"x"`, `true`, ``, `{`, `{"name":}`, `{} {}`,
	`{"name":"héllö","count":3,"on":true,"off":null,"inner":{"zeta":"zz","names":["a"]}}`,
	`{"name":"\u0068\ud83d\ude00\n\"","kind":"thr\"ee","count":-1,"on":false,"off":true,"at":"2026-01-02T03:04:05.6+01:00","list":["é\u00e9"],"inner":{"zeta":"zz","names":null}}`,
	`{"name":"\u0068\ud83d\ude00\n\"xx","kind":"thr\u0022ee","count":-1.25,"on":0,"off":"","at":"soon","list":[],"inner":{}}`,
	`{"name":null,"kind":"four","count":1e1,"size":-1,"ratio":-0.1,"on":null,"list":["abc",1,null,"a","b"],"lists":[[1],2,[3.5,"x"]],"inner":[]}`,
	`{"n\u0061me":"x","Name":"y","inner":{"alpha":1e7,"zeta":"z","names":["c",7]},"inners":[{"zeta":""},{},null,{"names":{}}],"metadata":[]}`,
	`{"inners":[` + strings.Repeat(`{},`, 12) + `{}],"inner":null,"any":{"a":[null]},"metadata":{"a":{"b":1}},"more":{"name":[]}}`,
	`{"count":11,"count2":1e400}`, `{"a":1,"A":2}`, `{"a":{"b":1,"b":2}}`, `{"a":"\ud800"}`, `{"name":"x"}` + "\x00",
	`{"a":` + strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40) + `}`, "{\"name\":\"\xff\"}", `{"on":true,"on":false}`, `{"at":"2026-01-02T03:04:05,6Z"}`,
	`{"size":99999999999999999999,"ratio":1e-400,"count":0.5}`,
}

// The check finds what huma's validation finds in the decoded body, in the same order.
func FuzzCheckAgainstHuma(f *testing.F) {
	d := document()
	op, about := operation[everything, struct{}](d)
	schema := about.RequestBody.Content[rest.JSON].Schema
	for _, body := range bodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		want, wantErr := byHuma(d, schema, body)
		_, err := op.Decode(httptest.NewRequest(http.MethodPost, "/x", nil), nil, slices.Clone(body))
		bad, _ := errors.AsType[*rest.Invalid](err)
		switch {
		case len(body) == 0:
			if bad == nil || !bad.NoBody {
				t.Errorf("of no body is said %v", err)
			}
		case wantErr != nil:
			if !errors.Is(err, wantErr) {
				t.Errorf("%s: %s, want %v", body, said(err), wantErr)
			}
		case len(want) > 0:
			if bad == nil || !slices.Equal(bad.Fields, want[:min(len(want), 16)]) {
				t.Errorf("%s:\ngot  %s\nwant %v", body, said(err), want)
			}
		case err != nil && !errors.Is(err, strictjson.ErrNotJSON): // which the Go type may be, with a time or number that it does not hold
			t.Errorf("%s: %s, and huma finds nothing", body, said(err))
		}
	})
}

// byHuma decodes a body and has huma validate what came out.
func byHuma(d *rest.Document, schema *rest.Schema, body []byte) ([]rest.Field, error) {
	if err := strictjson.Check(body, 32); err != nil {
		return nil, err
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return nil, strictjson.ErrNotJSON
	}
	at, found := huma.NewPathBuffer(nil, 0), &huma.ValidateResult{}
	at.Push("body")
	huma.Validate(d.OpenAPI.Components.Schemas, schema, at, huma.ModeWriteToServer, v, found)
	var out []rest.Field
	for _, err := range found.Errors {
		detail, _ := errors.AsType[*huma.ErrorDetail](err)
		place := outermost.FindString(detail.Location)
		switch m := missing.FindStringSubmatch(detail.Message); {
		case m == nil:
			out = append(out, rest.Field{Field: place, Message: detail.Message})
		case place == "body":
			out = append(out, rest.Field{Field: "body." + m[1], Message: "is required"})
		default:
			out = append(out, rest.Field{Field: place, Message: m[1] + " is required in it"})
		}
	}
	return out, nil
}

var (
	outermost = regexp.MustCompile(`^body(\.[a-z]+)?`)
	missing   = regexp.MustCompile(`^expected required property ([a-z]+) to be present$`)
)

// A long list of what is wrong is not kept.
func TestFewFindingsAreKept(t *testing.T) {
	op, _ := operation[everything, struct{}](document())
	body := []byte(`{"lists":[[` + strings.Repeat(`"x",`, 40_000) + `1]]}`)
	spent := testing.AllocsPerRun(1, func() {
		_, err := op.Decode(httptest.NewRequest(http.MethodPost, "/x", nil), nil, body)
		if bad, _ := errors.AsType[*rest.Invalid](err); bad == nil || len(bad.Fields) != 16 {
			t.Error(said(err))
		}
	})
	if spent > 1000 {
		t.Errorf("%v allocations", spent)
	}
}
