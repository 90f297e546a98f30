package httpapi_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// sized says how long the body is.
func sized(n int) func(*http.Request) {
	return func(r *http.Request) { r.ContentLength = int64(n) }
}

func TestLargeBodiesShareABoundedPartOfMemory(t *testing.T) {
	w := open(t)
	w.api.WaitForBodies(time.Millisecond)
	ada := w.signup("ada")
	v := ada.vaultNamed("v")
	whole := w.api.LargeBodies()
	large := `{"value":"` + strings.Repeat("v", 5<<20-12) + `"}`
	const first = 64<<10 + 1
	var uploads []*io.PipeWriter
	var answers sync.WaitGroup
	upload := func(path string, want int, change ...func(*http.Request)) *io.PipeWriter {
		from, to := io.Pipe()
		uploads = append(uploads, to)
		r, _ := request(t, "PUT", secretAt(v, path), ada.token, io.Reader(from), change...)
		answers.Go(func() {
			if got := w.serve(r); got.status != want {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		})
		return to
	}
	for i := range 100 { // who sends nothing holds nothing
		upload(fmt.Sprintf("idle/%d", i), 400, sized(len(large)))
	}
	for i := range 12 {
		change := []func(*http.Request){sized(len(large))}
		if i%2 == 1 {
			change = nil // in chunks, of unknown length
		}
		// The byte past the first part is read once the upload has its share.
		if _, err := io.WriteString(upload(fmt.Sprintf("slow/%d", i), 201, change...), large[:first]); err != nil {
			t.Fatal(err)
		}
	}
	if free := w.api.LargeBodies(); free < 0 || free >= 5<<20 {
		t.Errorf("with 12 under way %d bytes are free", free)
	}
	for _, body := range []any{large, io.Reader(strings.NewReader(large))} {
		r := w.do("PUT", secretAt(v, "large"), ada.token, body).want(503, "server_busy")
		if r.header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	for _, body := range []any{`{"value":"x"}`, io.Reader(strings.NewReader(`{"value":"x"}`))} {
		w.do("PUT", secretAt(v, "small"), ada.token, body).want(201)
	}
	for i, to := range uploads {
		if i < 100 {
			to.CloseWithError(io.ErrUnexpectedEOF)
			continue
		}
		if _, err := io.WriteString(to, large[first:]); err != nil {
			t.Fatal(err)
		}
		to.Close()
	}
	answers.Wait()
	if free := w.api.LargeBodies(); free != whole {
		t.Errorf("%d bytes of %d came back", free, whole)
	}
	w.do("PUT", secretAt(v, "large"), ada.token, large).want(201)
}

func TestABodyThatIsLeftOutChangesNothing(t *testing.T) {
	s := openSession(t)
	for _, op := range s.operations() {
		for id, status := range emptyIsFine {
			if op.OperationID != id || status != 200 || id == "approve-approval" { // it decides
				continue
			}
			get := func() string {
				target := s.target(op)
				if id == "update-policy" {
					target = "/v1/vaults/" + s.vault + "/policies"
				}
				return string(s.do("GET", target, s.ada.token, nil).want(200).body)
			}
			before := get()
			s.do(op.method, s.target(op), s.ada.token, nil).want(200)
			s.do(op.method, s.target(op), s.ada.token, "").want(200)
			s.do(op.method, s.target(op), s.ada.token, io.Reader(strings.NewReader(""))).want(200)
			if after := get(); after != before {
				t.Errorf("%s: %s became %s", id, before, after)
			}
		}
	}
}
