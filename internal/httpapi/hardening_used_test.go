package httpapi_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// A value that looks like a reference is a text: it is sent as it is, in whatever place, and brings no other secret along.
func TestAReferenceInAValueIsAText(t *testing.T) {
	const trick = "{{secret:other}} oneclaw://main/other %7B%7Bsecret:other%7D%7D"
	s := openStreaming(t)
	host := []string{s.up.host()}
	s.keep("trick", trick, object{"hosts": host, "in": "header:X-Key"}, object{"hosts": host, "in": "query:key"}, object{"hosts": host, "in": "body:/token"}, object{"hosts": host, "in": "basic", "user": "ada"})
	s.keep("other", "0ther-s3cr3t-0123456789", object{"hosts": host, "in": "header:X-Key"}, object{"hosts": host, "in": "query:key"}, object{"hosts": host, "in": "body:/token"}, object{"hosts": host})
	const inJSON, inForm = `{"token":"{{secret:trick}}"}`, "token={{secret:trick}}"
	got := func(what string) {
		t.Helper()
		s.up.mu.Lock()
		defer s.up.mu.Unlock()
		last := len(s.up.got) - 1
		r, body := s.up.got[last], s.up.sent[last]
		_, password, _ := r.BasicAuth()
		form, _ := json.Marshal(trick)
		seen := strings.Join([]string{r.Header.Get("X-Key"), r.URL.Query().Get("key"), password, strings.NewReplacer("+", " ", "%7B", "{", "%7D", "}", "%3A", ":", "%2F", "/", "%25", "%").Replace(body), body}, "\n")
		if !strings.Contains(seen, trick) && !strings.Contains(body, string(form)) {
			t.Errorf("%s: the service got %s", what, seen)
		}
		if all := fmt.Sprint(r.URL, r.Header, body); strings.Contains(all, "0ther") {
			t.Errorf("%s: the service got the other secret: %s", what, all)
		}
	}
	for what, c := range map[string]struct {
		path, kind, body string
		header           [2]string
	}{
		"a header":    {header: [2]string{"X-Key", "{{secret:trick}}"}},
		"a password":  {header: [2]string{"Authorization", "Basic {{secret:trick}}"}},
		"a parameter": {path: "?key={{secret:trick}}"},
		"JSON":        {kind: "application/json", body: inJSON},
		"a form":      {kind: "application/x-www-form-urlencoded", body: inForm},
	} {
		headers := [][2]string{}
		if c.header[0] != "" {
			headers = append(headers, c.header)
		}
		if c.kind != "" {
			headers = append(headers, [2]string{"Content-Type", c.kind})
		}
		f, text, err := s.whole(object{"method": "POST", "url": s.up.URL + "/" + c.path, "headers": headers}, bytes.NewReader([]byte(c.body)))
		if err != nil || f.Status != http.StatusOK {
			t.Errorf("%s, as a stream: %v %d %s", what, err, f.StatusCode, text)
			continue
		}
		got(what + ", as a stream")
		one := object{}
		for _, h := range headers {
			one[h[0]] = h[1]
		}
		body := object{"method": "POST", "url": s.up.URL + "/", "headers": one}
		if c.path != "" {
			body["query"] = object{"key": "{{secret:trick}}"}
		}
		if c.body != "" {
			body["body"] = c.body
		}
		s.asks(body).want(200)
		got(what)
	}
}

// Where a human says no, nothing is sent, by none of the ways.
func TestADeniedUseSendsNothing(t *testing.T) {
	u := waitsForUses(t, 1)
	id := u.uses().want(403, "approval_required").str("approval_request_id")
	u.do("POST", "/v1/approvals/"+id+"/deny", u.ada.token, nil).want(200)
	u.uses().want(429, "approval_paused")
	s := &streaming{unseeing: u}
	line, err := json.Marshal(object{"method": "GET", "url": u.up.URL + "/", "headers": bearer("k")})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got := s.do("POST", "/v1/http-stream", u.agent.token, string(line)+"\n", func(r *http.Request) {
			r.Header.Set("Content-Type", "application/vnd.oneclaw.http-stream")
			r.Body = io.NopCloser(strings.NewReader(string(line) + "\n"))
		})
		if got.status != 429 && got.status != 403 {
			t.Errorf("a stream: %d %s", got.status, got.body)
		}
	}
	if u.up.calls() != 0 {
		t.Errorf("%d requests were sent", u.up.calls())
	}
}

// What was read of a binding and is sent back changes nothing: its credential is in no answer, so that no mask of it
// takes its place.
func TestABindingThatIsSentBackStaysAsItIs(t *testing.T) {
	x := openExecuting(t)
	made := x.bind(object{"guardrails": object{"allowed_paths": []string{"/v1/**"}}}).want(201)
	at := x.at("/bindings/" + made.str("id"))
	read := x.do("GET", at, x.ada.token, nil).want(200).json()
	x.do("PATCH", at, x.ada.token, object{"config": read["config"], "guardrails": read["guardrails"], "is_active": read["is_active"]}).want(200)
	if whole := x.do("PATCH", at, x.ada.token, read); whole.status != 200 && whole.status != 400 {
		t.Errorf("all that was read: %d %s", whole.status, whole.body)
	}
	x.runs(object{"path": "/a"}).want(200)
	if got := x.up.got[0].Header.Get("Authorization"); got != "Bearer "+hiddenValue {
		t.Errorf("the service got %q", got)
	}
	// The same for the bindings of a secret, whose setters stay.
	x.ada.put(x.vault, "k", hiddenValue)
	mia := x.ada.member("mia", "admin")
	list := "/v1/vaults/" + x.vault + "/secret-bindings/k"
	x.do("PUT", list, x.ada.token, object{"bindings": []object{{"hosts": []string{"a.example"}}, {"hosts": []string{"b.example"}, "in": "basic"}}}).want(200)
	before := x.do("GET", list, mia.token, nil).want(200)
	again := x.do("PUT", list, mia.token, object{"bindings": before.json()["bindings"]})
	if after := x.do("GET", list, mia.token, nil).want(200); again.status == 200 && fmt.Sprint(after.json()["bindings"]) != fmt.Sprint(before.json()["bindings"]) || again.status != 200 && again.status != 400 {
		t.Errorf("%d %s: %s\nand before %s", again.status, again.body, after.body, before.body)
	}
}

// Of lists that are written at once, filled in, and taken away with the key that wrote them, no entry of that key is left,
// and nothing is used by one.
func TestNoEntryOutlivesItsKeyInARace(t *testing.T) {
	a := openAsker(t)
	up := openUpstream(t)
	evil := up.host()
	for round := range 6 {
		path := "api-keys/race" + itoa(round)
		at := "/v1/vaults/" + a.vault + "/secret-bindings/" + path
		asked := a.asks(path).want(201).str("id")
		key := a.do("POST", "/v1/auth/api-keys", a.ada.token, object{"name": path}).want(201)
		replies := make([]reply, 6)
		kit.AtOnce(6, func(i int) error {
			switch i {
			case 0, 1:
				replies[i] = a.do("PUT", at, key.str("api_key"), object{"bindings": []object{{"hosts": []string{evil}}, {"hosts": []string{"common.example"}}}})
			case 2:
				replies[i] = a.do("PUT", at, a.ada.token, object{"bindings": []object{{"hosts": []string{"own.example"}}, {"hosts": []string{"common.example"}}}})
			case 3:
				replies[i] = a.fills(asked, a.ada.token, object{"value": hiddenValue, "bindings": []object{{"hosts": []string{"filled.example"}}}})
			case 4:
				replies[i] = a.do("DELETE", "/v1/auth/api-keys/"+key.str("key", "id"), a.ada.token, nil)
			default:
				replies[i] = a.do("POST", "/v1/http-request", a.agent.token, object{"method": "GET", "url": up.URL + "/" + itoa(round), "headers": object{"Authorization": "Bearer {{secret:" + path + "}}"}})
			}
			return nil
		})
		for i, r := range replies {
			if ok := map[int][]int{0: {200, 401, 403}, 1: {200, 401, 403}, 2: {200}, 3: {200}, 4: {204}, 5: {200, 403, 404}}[i]; !slices.Contains(ok, r.status) {
				t.Errorf("round %d: %d got %d %s", round, i, r.status, r.body)
			}
		}
		bound := string(a.do("GET", at, a.ada.token, nil).want(200).body)
		if strings.Contains(bound, evil) {
			t.Errorf("round %d: an entry of a key that is revoked is left: %s", round, bound)
		}
		before := up.calls()
		a.do("POST", "/v1/http-request", a.agent.token, object{"method": "GET", "url": up.URL + "/", "headers": object{"Authorization": "Bearer {{secret:" + path + "}}"}}).want(403, "no_binding")
		if up.calls() != before {
			t.Errorf("round %d: a request was sent", round)
		}
	}
}

// hmacOf is the signature of a body as RFC 2104 has it, with SHA-256, in hexadecimal.
func hmacOf(key, body string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(body))
	return hex.EncodeToString(h.Sum(nil))
}

// The name that a binding has is the one that the certificate has to be for, whatever address it leads to.
func TestAHostIsTheOneOfItsName(t *testing.T) {
	calls := 0
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { calls++ }))
	t.Cleanup(site.Close) // its certificate is for example.com
	_, port, _ := strings.Cut(strings.TrimPrefix(site.URL, "https://"), ":")
	s := openStreaming(t, func(s *setup) {
		s.Roots = x509.NewCertPool()
		s.Roots.AddCert(site.Certificate())
		s.Reached.Resolver = allHere{}
	})
	for name, refused := range map[string]bool{"example.com": false, "other.test": true, "example.com.other.test": true} {
		s.keep("k", hiddenValue, object{"hosts": []string{name + ":" + port}})
		before, url := calls, "https://"+name+":"+port+"/"
		got := s.asks(object{"method": "GET", "url": url, "headers": object{"Authorization": "Bearer {{secret:k}}"}})
		f, text, err := s.whole(object{"method": "GET", "url": url, "headers": bearer("k")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if refused && (!strings.Contains(string(got.want(422, "upstream_unreachable").body), "for another name") || f.StatusCode != 422 || !strings.Contains(text, "for another name") || calls != before) {
			t.Errorf("%s: %s\n%d %s", name, got.body, f.StatusCode, text)
		}
		if !refused && (got.status != 200 || f.Status != 200 || calls != before+2) {
			t.Errorf("%s: %d %s, %+v %s", name, got.status, got.body, f, text)
		}
	}
}
