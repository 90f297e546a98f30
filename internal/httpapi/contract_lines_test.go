package httpapi_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// hiddenLines are values of several lines, and what of each is in no answer.
var hiddenLines = map[string]struct{ value, part string }{
	"a key":     {"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\nOF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n1RTwjmYSi9R/zpBn\n-----END PRIVATE KEY-----\n", "1RTwjmYSi9R"},
	"variables": {"USER=app\nPASSWORD=correct horse battery\nHOST=db.internal", "horse"},
	"JSON":      {"{\n  \"user\": \"app\",\n  \"pin\": 48151623,\n  \"list\": [1, 22, 333, 4444]\n}", "48151623"},
}

// flattenings are what servers write for a line break.
var flattenings = []string{"", " ", "\t", "|", ", ", "<br>", "<br />\n", ";", "\n\n", "\r\n\t", `\n`, `\\n`, `\n\n`, "%0A", "&#10;", `", "`, "  "}

// inPieces answers with a text that comes in pieces.
func inPieces(r *rand.Rand, text string) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		for left := text; left != ""; {
			n := min(len(left), 1+r.IntN(60))
			_, _ = io.WriteString(w, left[:n])
			w.(http.Flusher).Flush()
			left = left[n:]
		}
	}
}

// TestAValueOfLinesIsTakenOutOfAnyAnswer that has something else in place of its line breaks.
func TestAValueOfLinesIsTakenOutOfAnyAnswer(t *testing.T) {
	s, x, r := openStreaming(t), openExecuting(t), rand.New(rand.NewPCG(3, 4))
	for what, v := range hiddenLines {
		path := strings.ReplaceAll(what, " ", "-")
		s.keep(path, v.value, object{"hosts": []string{s.up.host()}, "in": "body:/token"})
		body := object{"token": "{{secret:" + path + "}}"}
		x.bind(object{"name": path, "credential": object{"type": "query", "name": "token", "value": v.value}}).want(201)
		for _, sep := range flattenings {
			text := strings.ReplaceAll(strings.TrimSpace(v.value), "\n", sep)
			s.up.say = inPieces(r, "before: "+text+" :after")
			got := s.asks(object{"method": "POST", "url": s.up.URL + "/", "body": body}).want(200)
			if got.str("body") != "before: [REDACTED:"+path+"] :after" || fmt.Sprint(got.json()["redactions"]) != "1" {
				t.Errorf("%s with %q: %s", what, sep, got.body)
			}
			f, whole, err := s.whole(object{"method": "POST", "url": s.up.URL + "/", "headers": [][2]string{{"Content-Type", "application/json"}}}, strings.NewReader(`{"token":"{{secret:`+path+`}}"}`))
			if err != nil || f.Status != 200 || whole != "before: "+strings.Repeat("*", len(text))+" :after" {
				t.Errorf("%s with %q, as a stream: %v %s", what, sep, err, whole)
			}
			x.up.say = inPieces(r, "before: "+text+" :after")
			ran := x.do("POST", x.at("/execute"), x.agent.token, object{"binding": path, "intent_type": "http", "params": object{"path": "/a"}}).want(200)
			if strings.Contains(string(ran.body), v.part) || !strings.Contains(string(ran.body), "before: ") || fmt.Sprint(ran.json()["redactions_applied"]) == "0" {
				t.Errorf("%s with %q, executed: %s", what, sep, ran.body)
			}
			if sep == "" || strings.ContainsAny(sep, "\n\r") {
				continue
			}
			s.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.Header().Set("X-Echo", text) }
			if got := s.asks(object{"method": "POST", "url": s.up.URL + "/", "body": body}).want(200); strings.Contains(string(got.body), v.part) {
				t.Errorf("%s with %q, in a header: %s", what, sep, got.body)
			}
		}
	}
	// A line of a key by itself, and what is a line of many files.
	line := strings.Split(hiddenLines["a key"].value, "\n")[2]
	s.up.say = inPieces(r, "-----BEGIN PRIVATE KEY----- then "+line+" and \"user\": \"app\",")
	got := s.asks(object{"method": "POST", "url": s.up.URL + "/", "body": object{"token": "{{secret:a-key}}"}}).want(200)
	if got.str("body") != "-----BEGIN PRIVATE KEY----- then [REDACTED:a-key] and \"user\": \"app\"," {
		t.Errorf("a line: %s", got.body)
	}
}
