package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/broker/relay"
)

// streaming is an agent that sees nothing, at a real server.
type streaming struct {
	*unseeing
	srv *httptest.Server
}

func openStreaming(t *testing.T, change ...func(*setup)) *streaming {
	u := openUnseeing(t, change...)
	s := &streaming{u, httptest.NewServer(u.API)}
	t.Cleanup(s.srv.Close)
	return s
}

// flow is a stream that was answered.
type flow struct {
	*http.Response
	from    *bufio.Reader
	Status  int         `json:"status"`
	Headers [][2]string `json:"headers"`
}

// header is the first value of a header of the answer.
func (f *flow) header(name string) string {
	for _, h := range f.Headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

// streams sends the head and a body, and reads the head of the answer where it is 200.
func (s *streaming) streams(ctx context.Context, head object, body io.Reader) (*flow, error) {
	s.t.Helper()
	line, err := json.Marshal(head)
	if err != nil {
		s.t.Fatal(err)
	}
	if body == nil {
		body = http.NoBody
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.srv.URL+"/v1/http-stream", io.MultiReader(bytes.NewReader(append(line, '\n')), body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.agent.token)
	r.Header.Set("Content-Type", relay.MediaType)
	res, err := s.srv.Client().Do(r)
	if err != nil {
		return nil, err
	}
	f := &flow{Response: res, from: bufio.NewReader(res.Body)}
	if res.StatusCode != http.StatusOK {
		return f, nil
	}
	answered, err := f.from.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	return f, json.Unmarshal(answered, f)
}

// whole is a stream to its end.
func (s *streaming) whole(head object, body io.Reader) (*flow, string, error) {
	s.t.Helper()
	f, err := s.streams(s.t.Context(), head, body)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = f.Body.Close() }()
	text, err := io.ReadAll(f.from)
	return f, string(text), err
}

func bearer(path string) [][2]string {
	return [][2]string{{"Authorization", "Bearer {{secret:" + path + "}}"}}
}

func TestAStreamIsPassedOnBothWays(t *testing.T) {
	s := openStreaming(t)
	s.keep("k", hiddenValue, object{"hosts": []string{s.up.host()}})
	s.up.say = func(w http.ResponseWriter, r *http.Request, body []byte) {
		w.Header().Set("X-Got", r.Header.Get("X-Own"))
		w.Header().Set("Trailer", "X-After")
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, "%s says %s", body, r.Header.Get("Authorization"))
		w.Header().Set("X-After", "sum of "+hiddenValue)
	}
	const size = 9 << 20
	f, text, err := s.whole(object{"method": "POST", "url": s.up.URL + "/a?b=1", "headers": append(bearer("k"), [2]string{"X-Own", "mine"}, [2]string{"Content-Type", "text/plain"})},
		io.LimitReader(ones{}, size))
	if err != nil || f.Status != http.StatusCreated || f.header("X-Got") != "mine" {
		t.Fatalf("%v: %+v", err, f)
	}
	if want := strings.Repeat("1", size) + " says Bearer " + strings.Repeat("*", len(hiddenValue)); text != want {
		t.Errorf("got %d bytes which end in %q", len(text), text[max(0, len(text)-80):])
	}
	if got, want := f.Trailer.Get("Oneclaw-Trailers"), `[["X-After","sum of `+strings.Repeat("*", len(hiddenValue))+`"]]`; got != want {
		t.Errorf("the trailers are %q", got)
	}
	if r := s.up.got[0]; r.Header.Get("Authorization") != "Bearer "+hiddenValue || r.URL.String() != "/a?b=1" {
		t.Errorf("the service got %v %v", r.URL, r.Header)
	}
	if f, text, err := s.whole(object{"method": "GET", "url": s.up.URL + "/a", "headers": [][2]string{}}, nil); err != nil || f.StatusCode != http.StatusBadRequest || !strings.Contains(text, "no_reference") {
		t.Errorf("without a reference: %v %s", err, text)
	}
}

// ones is endless text.
type ones struct{}

func (ones) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '1'
	}
	return len(b), nil
}
