package rest_test

import (
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/rest"
)

// told remembers the buffer that it was encoded into.
type told struct {
	text string
	buf  *[]byte
}

func (s *told) Length() int { return len(s.text) + 2 }

func (s *told) AppendJSON(b []byte) []byte {
	b = append(append(append(b, '"'), s.text...), '"')
	*s.buf = b[:cap(b)]
	return b
}

// sender keeps a copy of what was sent, and may fail.
type sender struct {
	*httptest.ResponseRecorder
	fails error
}

func (s sender) Write(b []byte) (int, error) {
	if s.fails != nil {
		return 0, s.fails
	}
	return s.ResponseRecorder.Write(b)
}

type secretAnswer struct{ Body *told }

func TestNothingStaysInTheBuffersOfAnswers(t *testing.T) {
	op, _ := operation[struct{}, secretAnswer](document())
	for name, c := range map[string]struct {
		text  string
		fails error
	}{
		"short": {"s3cret", nil}, "long": {strings.Repeat("s3cret", 20_000), nil}, "short, to nobody": {"s3cret", io.ErrClosedPipe},
	} {
		var buf []byte
		w := sender{httptest.NewRecorder(), c.fails}
		if err := op.Answer(w, &secretAnswer{&told{c.text, &buf}}); !errors.Is(err, c.fails) {
			t.Errorf("%s: %v", name, err)
		}
		if c.fails == nil && w.Body.String() != `"`+c.text+`"` {
			t.Errorf("%s: sent was %.20q", name, w.Body)
		}
		if left := strings.Trim(string(buf), "\x00"); left != "" {
			t.Errorf("%s: %d bytes are left", name, len(left))
		}
	}
}

// pieces writes itself, and fails on the way.
type pieces struct{ err error }

func (p *pieces) WriteJSON(w io.Writer) error {
	_, _ = io.WriteString(w, "[1,")
	return p.err
}

type ended struct {
	Ended string `header:"X-Ended"`
}

func TestAnswersHaveStatusHeadersAndBody(t *testing.T) {
	send := func(answer func(w *httptest.ResponseRecorder) error) (*httptest.ResponseRecorder, error) {
		w := httptest.NewRecorder()
		err := answer(w)
		return w, err
	}
	none, _ := operation[struct{}, ended](document())
	if w, err := send(func(w *httptest.ResponseRecorder) error { return none.Answer(w, &ended{"keys=1"}) }); err != nil ||
		w.Code != 204 || w.Header().Get("X-Ended") != "keys=1" || w.Header().Get("Content-Type") != "" || w.Body.Len() > 0 {
		t.Errorf("without a body: %d %v %q %v", w.Code, w.Header(), w.Body, err)
	}
	type whole struct {
		ended
		Status int
		Body   map[string]string
	}
	full, about := operation[struct{}, whole](document())
	if w, err := send(func(w *httptest.ResponseRecorder) error {
		return full.Answer(w, &whole{Status: 503, Body: map[string]string{"a": "b\xff"}})
	}); err != nil || w.Code != 503 || w.Header()["X-Ended"] != nil || w.Header().Get("Content-Type") != rest.JSON || w.Body.String() != "{\"a\":\"b\ufffd\"}" {
		t.Errorf("with a body: %d %v %q %v", w.Code, w.Header(), w.Body, err)
	}
	if r := about.Responses["200"]; r == nil || r.Headers["X-Ended"] == nil || r.Content[rest.JSON].Schema.Type != rest.TypeObject {
		t.Errorf("described is %+v", r)
	}
	type lines struct {
		Type string `header:"Content-Type"`
		Body *pieces
	}
	cut := errors.New("cut")
	streamed, _ := operation[struct{}, lines](document())
	if w, err := send(func(w *httptest.ResponseRecorder) error {
		return streamed.Answer(w, &lines{"application/jsonl", &pieces{cut}})
	}); !errors.Is(err, cut) || w.Header().Get("Content-Type") != "application/jsonl" || w.Body.String() != "[1," {
		t.Errorf("in pieces: %v %q %v", w.Header(), w.Body, err)
	}
}
