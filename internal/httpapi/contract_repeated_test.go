package httpapi_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A host that has names of headers and trailers from a value tells no agent so, whatever letters are capitals, and also where
// the value is stored with the line break of a file.
func TestNoHeaderHasAValueAsItsName(t *testing.T) {
	s := openStreaming(t)
	const value = "Tok_aBcDeF-0123456789"
	s.keep("k", value, object{"hosts": []string{s.up.host()}})
	s.keep("line", value+"\n", object{"hosts": []string{s.up.host()}})
	s.up.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i, name := range []string{value, strings.ToUpper(value), "X-" + strings.ToLower(value) + "-Z", "Fine"} {
			w.Header()[name] = []string{fmt.Sprint(i)} // as it is
			w.Header()[http.TrailerPrefix+name] = []string{fmt.Sprint(i)}
		}
		_, _ = io.WriteString(w, "ok")
	})
	for _, path := range []string{"k", "line"} {
		f, text, err := s.whole(object{"method": "GET", "url": s.up.URL + "/", "headers": bearer(path)}, nil)
		if err != nil || text != "ok" || f.header("Fine") != "3" {
			t.Fatalf("%q %v %+v", text, err, f)
		}
		if got := f.Trailer.Get("Oneclaw-Trailers"); got != `[["Fine","3"]]` {
			t.Errorf("%s: the trailers are %s", path, got)
		}
		if got := fmt.Sprint(f.Headers); strings.Contains(strings.ToLower(got), "tok_") {
			t.Errorf("%s: the headers are %s", path, got)
		}
		one := s.asks(object{"method": "GET", "url": s.up.URL + "/", "headers": object{"Authorization": "Bearer {{secret:" + path + "}}"}}).want(200)
		if got := strings.ToLower(string(one.body)); strings.Contains(got, "tok_") || !strings.Contains(got, `"fine":"3"`) {
			t.Errorf("%s: http-request has %s", path, got)
		}
	}
}

// The signature of a body is good for every request with it, so a host that repeats it shows it to nobody.
func TestASignatureOfABodyIsNotShown(t *testing.T) {
	s := openStreaming(t)
	s.keep("hmac", "hmac-key-1", object{"hosts": []string{s.up.host()}, "in": "hmac"})
	sent := ""
	s.up.say = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		sent = r.Header.Get("X-Signature")
		w.Header().Set("X-Signature", sent)
		_, _ = io.WriteString(w, "signed "+strings.ToUpper(sent))
	}
	got := s.asks(object{"method": "POST", "url": s.up.URL + "/", "headers": object{"X-Signature": "{{secret:hmac}}"}, "body": "the body"}).want(200)
	if text := strings.ToLower(string(got.body)); len(sent) != 64 || strings.Contains(text, sent) || !strings.Contains(text, "signed [redacted:hmac]") {
		t.Errorf("%q was sent: %s", sent, got.body)
	}
	f, text, err := s.whole(object{"method": "POST", "url": s.up.URL + "/", "headers": [][2]string{{"X-Signature", "{{secret:hmac}}"}, {"Content-Type", "text/plain"}}}, strings.NewReader("the body"))
	if stars := strings.Repeat("*", 64); err != nil || text != "signed "+stars || f.header("X-Signature") != stars {
		t.Errorf("%v: %q %v", err, text, f)
	}
}
