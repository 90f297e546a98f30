package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// reply is what came back.
type reply struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   []byte
}

// do sends one request. The target is taken as it is, as from the wire; a body
// is sent as it is when it is a string or bytes, and as JSON otherwise.
func (w *world) do(method, target, token string, body any, change ...func(*http.Request)) reply {
	w.t.Helper()
	r, ok := request(w.t, method, target, token, body, change...)
	if !ok {
		// net/http answers these itself, before any handler.
		return reply{t: w.t, what: method + " " + target, status: http.StatusBadRequest, header: http.Header{}}
	}
	return w.serve(r)
}

func (w *world) serve(r *http.Request) reply {
	w.t.Helper()
	rec := httptest.NewRecorder()
	var to http.ResponseWriter = rec
	if r.URL.Path == "/v1/audit/tail" { // it goes on until the reader hangs up
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		r, to = r.WithContext(ctx), &impatient{rec, cancel}
	}
	w.API.ServeHTTP(to, r)
	return reply{t: w.t, what: r.Method + " " + r.RequestURI, status: rec.Code, header: rec.Result().Header, body: rec.Body.Bytes()}
}

// impatient hangs up at the first piece of an answer that goes on.
type impatient struct {
	*httptest.ResponseRecorder
	hangUp func()
}

func (i *impatient) Flush() { i.hangUp() }

func request(t testing.TB, method, target, token string, body any, change ...func(*http.Request)) (*http.Request, bool) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\nHost: vault.test\r\n\r\n")))
	if err != nil {
		return nil, false
	}
	r = r.WithContext(t.Context())
	r.RemoteAddr = "192.0.2.7:4711"
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	switch b := body.(type) {
	case nil:
	case io.Reader:
		r.Body, r.ContentLength = io.NopCloser(b), -1
	default:
		raw := encode(t, b)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
		r.Header.Set("Content-Type", "application/json")
	}
	for _, f := range change {
		f(r)
	}
	return r, true
}

func encode(t testing.TB, body any) []byte {
	t.Helper()
	switch b := body.(type) {
	case string:
		return []byte(b)
	case []byte:
		return b
	}
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// from sets the address that a request comes from.
func from(addr string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = addr }
}

// header sets a header of a request.
func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

type object = map[string]any

// json decodes the body, numbers as they were written.
func (r reply) json() object {
	r.t.Helper()
	dec := json.NewDecoder(bytes.NewReader(r.body))
	dec.UseNumber()
	var o object
	if err := dec.Decode(&o); err != nil {
		r.t.Fatalf("%s: %d with a body that is no JSON object: %v: %.200s", r.what, r.status, err, r.body)
	}
	return o
}

// want checks the status, and of an error that it is a problem with the code. A test
// goes on with what it checks next, so that one failure does not hide the others: str,
// list and json end it where it needs what an answer has not got.
func (r reply) want(status int, code ...string) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Errorf("%s: got %d, want %d: %.400s", r.what, r.status, status, r.body)
		return r
	}
	if status == http.StatusNoContent && len(r.body) > 0 {
		r.t.Errorf("%s: 204 with a body: %.100s", r.what, r.body)
	}
	if strings.HasPrefix(r.what, http.MethodHead+" ") {
		if len(r.body) > 0 {
			r.t.Errorf("%s: %d with a body: %.100s", r.what, r.status, r.body)
		}
		return r // what GET would say
	}
	if status >= 400 {
		r.problem(code...)
	}
	return r
}

// problem checks the form that every error has.
func (r reply) problem(code ...string) {
	r.t.Helper()
	if ct := r.header.Get("Content-Type"); ct != "application/problem+json" {
		r.t.Errorf("%s: %d with content type %q", r.what, r.status, ct)
	}
	o := r.json()
	for k := range o {
		if !slices.Contains([]string{"type", "title", "status", "detail", "code", "fields", "approval_request_id"}, k) {
			r.t.Errorf("%s: unknown field %q in a problem", r.what, k)
		}
	}
	if o["type"] != "about:blank" && o["type"] != "resource_limit_exceeded" && o["type"] != "approval_required" && o["type"] != "payment_required" || o["title"] != http.StatusText(r.status) ||
		o["status"] != json.Number(itoa(r.status)) || o["detail"] == "" || o["code"] == "" {
		r.t.Errorf("%s: problem %s", r.what, r.body)
	}
	if len(code) > 0 && o["code"] != code[0] {
		r.t.Errorf("%s: got code %q, want %q", r.what, o["code"], code[0])
	}
	if r.header.Get("Cache-Control") != "no-store" || r.header.Get("X-Content-Type-Options") != "nosniff" {
		r.t.Errorf("%s: headers %v", r.what, r.header)
	}
	if (r.status == http.StatusUnauthorized) != (r.header.Get("WWW-Authenticate") == "Bearer") {
		r.t.Errorf("%s: %d with WWW-Authenticate %q", r.what, r.status, r.header.Get("WWW-Authenticate"))
	}
}

// fields checks that the object has exactly these fields: strict clients refuse
// one more, and others need each. It returns the object.
func fields(t *testing.T, what string, o object, names ...string) object {
	t.Helper()
	got := slices.Sorted(maps.Keys(o))
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("%s has the fields\n%v, want\n%v", what, got, names)
	}
	return o
}

// str returns a field that must be a string.
func (r reply) str(path ...string) string {
	r.t.Helper()
	var v any = r.json()
	for _, p := range path {
		o, _ := v.(object)
		v = o[p]
	}
	s, ok := v.(string)
	if !ok || s == "" {
		r.t.Fatalf("%s: no text %v in %.300s", r.what, path, r.body)
	}
	return s
}

// list returns a field that must be a list of objects, never null.
func (r reply) list(name string) []object {
	r.t.Helper()
	raw, ok := r.json()[name].([]any)
	if !ok {
		r.t.Fatalf("%s: no list %q in %.300s", r.what, name, r.body)
	}
	out := make([]object, len(raw))
	for i, v := range raw {
		out[i], _ = v.(object)
	}
	return out
}

// send writes raw bytes to a server and closes the way out.
func send(t *testing.T, server *httptest.Server, raw string) {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, c) // until the server answered
}
