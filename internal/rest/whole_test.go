package rest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/rest"
)

type wholes struct {
	Body struct {
		Count int64   `json:"count"`
		Size  *uint64 `json:"size,omitempty" nullable:"true"`
		Lists [][]int `json:"lists,omitempty"`
	}
}

// A whole number is one however it is written, and what is none is told by its field.
func TestWholeNumbersAreTakenHoweverTheyAreWritten(t *testing.T) {
	op, _ := operation[wholes, struct{}](document())
	decode := func(body string) (*wholes, error) {
		got, err := op.Decode(httptest.NewRequest(http.MethodPost, "/x", nil), nil, []byte(body))
		return got, err
	}
	got, err := decode(`{"count":-1.0,"size":1e2,"lists":[[1.50e1,2],[9007199254740991]]}`)
	if err != nil || got.Body.Count != -1 || *got.Body.Size != 100 || got.Body.Lists[0][0] != 15 || got.Body.Lists[1][0] != 9007199254740991 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = decode(`{"count":9223372036854775807,"size":18446744073709551615}`); err != nil || got.Body.Count != 1<<63-1 || *got.Body.Size != 1<<64-1 {
		t.Errorf("the largest: %+v, %v", got, err)
	}
	if got, err = decode(`{"count":1,"size":null}`); err != nil || got.Body.Size != nil {
		t.Errorf("null: %+v, %v", got, err)
	}
	for body, message := range map[string]string{`{"count":1.5}`: "expected integer", `{"count":15e-1}`: "expected integer", `{"count":"1"}`: "expected integer", `{"count":1,"size":-1}`: "expected number >= 0"} {
		_, err := decode(body)
		if bad, _ := errors.AsType[*rest.Invalid](err); bad == nil || len(bad.Fields) != 1 || bad.Fields[0].Message != message || !strings.HasPrefix(bad.Fields[0].Field, "body.") {
			t.Errorf("%s: %s", body, said(err))
		}
	}
	for _, body := range []string{`{"count":1e19}`, `{"count":99999999999999999999}`, `{"count":1e300}`} {
		_, err := decode(body)
		if bad, _ := errors.AsType[*rest.Invalid](err); bad == nil || len(bad.Fields) != 1 || bad.Fields[0].Field != "body.count" {
			t.Errorf("%s: %s", body, said(err))
		}
	}
}
