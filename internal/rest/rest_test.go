package rest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/rest"
	"github.com/oneclaw-dev/oneclaw/internal/strictjson"
)

// refused stands for the body of errors.
type refused struct {
	Code string `json:"code"`
}

func document() *rest.Document { return rest.NewDocument("test", "1", reflect.TypeFor[refused]()) }

// operation makes an operation, with what describes it.
func operation[I, O any](d *rest.Document) (*rest.Operation[I, O], *rest.Description) {
	about := &rest.Description{Method: http.MethodPost, Path: "/x/{id}", OperationID: "try", Errors: []int{http.StatusBadRequest}}
	return rest.New[I, O](d, about), about
}

type where struct {
	ID string `path:"id" maxLength:"4"`
}

type asked struct {
	where
	Limit int       `query:"limit" minimum:"1" maximum:"9" default:"5"`
	Since time.Time `query:"since"`
	After uint64    `query:"after"`
	All   bool      `query:"all"`
	Kind  string    `query:"kind" enum:"a,b"`
	Key   string    `header:"X-Key" hidden:"true"`
}

// said is what is wrong with a request, in one line.
func said(err error) string {
	if bad, ok := errors.AsType[*rest.Invalid](err); ok {
		all := make([]string, len(bad.Fields))
		for i, f := range bad.Fields {
			all[i] = f.Field + ": " + f.Message
		}
		if bad.NoBody {
			all = append(all, "no body")
		}
		return strings.Join(all, "; ")
	}
	return fmt.Sprint(err)
}

func TestParametersAreReadByType(t *testing.T) {
	op, about := operation[asked, struct{}](document())
	read := func(id, query string) (*asked, error) {
		r := httptest.NewRequest(http.MethodPost, "/x?"+query, nil)
		r.SetPathValue("id", id)
		r.Header.Set("X-Key", "k")
		return op.Decode(r, r.URL.Query(), nil)
	}
	in, err := read("7", "since=2026-01-02T03:04:05.5Z&after=18446744073709551615&all=true&kind=b&kind=z&more=1")
	if err != nil {
		t.Fatal(said(err))
	}
	want := asked{
		where: where{ID: "7"}, Limit: 5, Since: time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC), After: 1<<64 - 1, All: true, Kind: "b", Key: "k",
	}
	if *in != want {
		t.Errorf("got %+v", in)
	}
	for query, want := range map[string]string{
		"limit=0": "query.limit: expected number >= 1", "limit=10": "query.limit: expected number <= 9", "limit=1e1": "query.limit: not acceptable",
		"since=now": "query.since: not acceptable", "after=-1": "query.after: not acceptable", "after=02": "query.after: not acceptable", "all=yes": "query.all: not acceptable",
		"kind=c&limit=x": `query.limit: not acceptable; query.kind: expected value to be one of "a, b"`,
	} {
		if _, err := read("7", query); said(err) != want {
			t.Errorf("%s: %s, want %s", query, said(err), want)
		}
	}
	for id, want := range map[string]string{"": "path.id: required path parameter is missing", "12345": "path.id: expected length <= 4"} {
		if _, err := read(id, ""); said(err) != want {
			t.Errorf("id %q: %s, want %s", id, said(err), want)
		}
	}
	var shown []string
	for _, p := range about.Parameters {
		shown = append(shown, p.In+" "+p.Name)
	}
	if got := strings.Join(shown, ", "); got != "path id, query limit, query since, query after, query all, query kind" {
		t.Errorf("described are %s", got)
	}
}

type raw struct {
	Signature string `header:"X-Signature"`
	RawBody   []byte
}

func TestARawBodyIsTheBodyItself(t *testing.T) {
	op, _ := operation[raw, struct{}](document())
	body := []byte(" {not json")
	in, err := op.Decode(httptest.NewRequest(http.MethodPost, "/x", nil), nil, body)
	if err != nil || &in.RawBody[0] != &body[0] {
		t.Errorf("got %q, %v", in.RawBody, err)
	}
	if _, err := op.Decode(httptest.NewRequest(http.MethodPost, "/x", nil), nil, nil); said(err) != "no body" {
		t.Errorf("of no body is said %s", said(err))
	}
}

// Of two programs one may read the first of two headers, and one the second.
func TestAHeaderThatIsAnInputIsSentOnce(t *testing.T) {
	op, _ := operation[struct {
		Key  string `header:"Idempotency-Key"`
		Kind string `header:"Accept" hidden:"true"` // a list (RFC 9110)
	}, struct{}](document())
	for _, values := range [][]string{{"a", "b"}, {"a", "a"}, {"", "b"}, {"a", ""}} {
		r := httptest.NewRequest(http.MethodPost, "/x", nil)
		r.Header["Idempotency-Key"] = values
		if _, err := op.Decode(r, nil, nil); said(err) != "header.Idempotency-Key: sent more than once" {
			t.Errorf("of %q is said %s", values, said(err))
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/x", nil)
	r.Header["Idempotency-Key"], r.Header["Accept"] = []string{"a"}, []string{"a", "b"}
	if in, err := op.Decode(r, nil, nil); err != nil || in.Key != "a" {
		t.Errorf("got %q, %v", in.Key, err)
	}
}

// The description of a type that nothing here can keep is refused when it is registered.
func TestWhatIsNotCheckedIsNotDescribed(t *testing.T) {
	for name, register := range map[string]func(*rest.Document){
		"a pattern": func(d *rest.Document) {
			operation[struct {
				Body struct {
					A string `json:"a" pattern:"^x"`
				}
			}, struct{}](d)
		},
		"unique items": func(d *rest.Document) {
			operation[struct {
				Body struct {
					A []string `json:"a" uniqueItems:"true"`
				}
			}, struct{}](d)
		},
		"a default in a body": func(d *rest.Document) {
			operation[struct {
				Body struct {
					A string `json:"a" default:"x"`
				}
			}, struct{}](d)
		},
		"a map": func(d *rest.Document) {
			operation[struct {
				Body struct {
					A map[string]int `json:"a"`
				}
			}, struct{}](d)
		},
		"a format": func(d *rest.Document) {
			operation[struct {
				Body struct {
					A string `json:"a" format:"email"`
				}
			}, struct{}](d)
		},
		"a list as a parameter": func(d *rest.Document) {
			operation[struct {
				A []string `query:"a"`
			}, struct{}](d)
		},
		"a field that is no parameter": func(d *rest.Document) { operation[struct{ A string }, struct{}](d) },
		"a number as a header": func(d *rest.Document) {
			operation[struct{}, struct {
				A int `header:"X-A"`
			}](d)
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it is registered")
				}
			}()
			register(document())
		})
	}
}

// What makes a body no JSON, or one that two parsers read in two ways, comes before what does not fit.
func TestWhatIsNoJSONIsSaidFirst(t *testing.T) {
	op, _ := operation[struct {
		Body struct {
			At  time.Time `json:"at"`
			Any any       `json:"any,omitempty"`
		}
	}, struct{}](document())
	read := func(body string) error {
		_, err := op.Decode(httptest.NewRequest(http.MethodPost, "/x", nil), nil, []byte(body))
		return err
	}
	for body, want := range map[string]error{
		`{"at":"2026-01-02T03:04:05Z","more":[{}],"any":1}`: nil,
		`{"at":"2026-01-02T03:04:05Z","more":1e400}`:        strictjson.ErrNotJSON,
		`{"at":7,"more":1e400}`:                             strictjson.ErrNotJSON,
		`{"at":7,"more":1e400,"x":{"a":1,"a":2}}`:           strictjson.ErrDuplicate,
		`{"at":7,"AT":1}`:                                   strictjson.ErrTwin,
		`{"at":7}{}`:                                        strictjson.ErrNotJSON,
	} {
		if err := read(body); !errors.Is(err, want) {
			t.Errorf("%s: %s", body, said(err))
		}
	}
	err := read(`{"at":"2026-01-02T03:04:05,5Z"}`) // fits, and is no time to the decoder
	if bad, _ := errors.AsType[*rest.Invalid](err); bad == nil || len(bad.Fields) != 1 || bad.Fields[0].Field != "body.at" {
		t.Errorf("a time that is none: %s", said(err))
	}
}
