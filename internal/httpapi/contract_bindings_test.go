package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

const hiddenValue = `s3cr3t/With+"quotes"&more=42`

// upstream is a service that demands a credential, and notes what came.
type upstream struct {
	*httptest.Server
	mu   sync.Mutex
	got  []*http.Request
	sent []string // bodies
	say  func(w http.ResponseWriter, r *http.Request, body []byte)
}

func openUpstream(t testing.TB) *upstream {
	u := &upstream{say: func(w http.ResponseWriter, _ *http.Request, _ []byte) { _, _ = io.WriteString(w, "ok") }}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		u.mu.Lock()
		u.got, u.sent = append(u.got, r), append(u.sent, string(body))
		u.mu.Unlock()
		u.say(w, r, body)
	}))
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) host() string { return strings.TrimPrefix(u.URL, "http://") }

func (u *upstream) calls() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.got)
}

// unseeing is an agent that may use everything of a vault and is shown nothing.
type unseeing struct {
	*session
	agent *robot
	up    *upstream
}

func openUnseeing(t *testing.T, change ...func(*setup)) *unseeing {
	s := openSession(t, append(change, rest.OneByOne)...)
	u := &unseeing{session: s, up: openUpstream(t)}
	u.agent = s.ada.agent(object{"name": "unseeing", "reveal": "never"})
	s.ada.grant(s.vault, u.agent, "**", nil, "use")
	return u
}

// keep stores a secret with its bindings.
func (u *unseeing) keep(path, value string, bindings ...object) {
	u.t.Helper()
	u.ada.put(u.vault, path, value)
	u.do("PUT", "/v1/vaults/"+u.vault+"/secret-bindings/"+path, u.ada.token, object{"bindings": append([]object{}, bindings...)}).want(200)
}

func (u *unseeing) asks(body object) reply {
	u.t.Helper()
	return u.do("POST", "/v1/http-request", u.agent.token, body)
}

func TestASecretIsUsedWithoutBeingSeen(t *testing.T) {
	u := openUnseeing(t)
	u.keep("api-keys/pay", hiddenValue, object{"hosts": []string{u.up.host()}, "methods": []string{"GET", "POST"}, "paths": []string{"/v1/**"}, "in": "bearer"})
	got := u.asks(object{"method": "GET", "url": u.up.URL + "/v1/balance?x=1", "headers": object{"Authorization": "Bearer {{secret:api-keys/pay}}", "X-Extra": "kept"}}).want(200)
	if fmt.Sprint(got.json()["status"]) != "200" || got.str("body") != "ok" || fmt.Sprint(got.json()["redactions"]) != "0" {
		t.Errorf("got %s", got.body)
	}
	r := u.up.got[0]
	if r.Header.Get("Authorization") != "Bearer "+hiddenValue || r.Header.Get("X-Extra") != "kept" || r.URL.String() != "/v1/balance?x=1" {
		t.Errorf("the service got %v %v", r.URL, r.Header)
	}
	// The same by a reference that names the vault, by id and by name.
	for _, vault := range []string{u.vault, "main"} {
		u.asks(object{"method": "GET", "url": u.up.URL + "/v1/x", "headers": object{"Authorization": "Bearer oneclaw://" + vault + "/api-keys/pay"}}).want(200)
	}
	var uses, ends int
	for _, e := range u.Events(u.ada.org) {
		switch e.Action {
		case "secret.use":
			uses++
			if text := string(e.DetailsJSON); !strings.Contains(text, `"method":"GET"`) || !strings.Contains(text, `"path_template":"/v1/**"`) || !strings.Contains(text, u.up.host()) || strings.Contains(text, "balance") {
				t.Errorf("the log has %s", text)
			}
		case "secret.used":
			ends++
		}
		if text := string(e.DetailsJSON); strings.Contains(text, "s3cr3t") {
			t.Errorf("the log has the value: %s", text)
		}
	}
	if uses != 3 || ends != 3 {
		t.Errorf("the log has %d uses and what came of %d", uses, ends)
	}
}

// No binding, no use: each request differs in one thing from what the binding says.
func TestWhatNoBindingAllowsIsNotSent(t *testing.T) {
	u := openUnseeing(t)
	other := openUpstream(t)
	u.keep("api-keys/pay", hiddenValue, object{"hosts": []string{u.up.host()}, "methods": []string{"GET"}, "paths": []string{"/v1/**"}, "in": "bearer"})
	u.ada.put(u.vault, "unbound", hiddenValue)
	bearer := object{"Authorization": "Bearer {{secret:api-keys/pay}}"}
	_, port, _ := strings.Cut(u.up.host(), ":")
	for name, c := range map[string]struct {
		body object
		code string
	}{
		"another host":              {object{"method": "GET", "url": other.URL + "/v1/a", "headers": bearer}, "no_binding"},
		"another spelling of it":    {object{"method": "GET", "url": "http://localhost:" + port + "/v1/a", "headers": bearer}, "no_binding"},
		"a name with a user":        {object{"method": "GET", "url": "http://" + u.up.host() + "@" + other.host() + "/v1/a", "headers": bearer}, "invalid_url"},
		"a number for an address":   {object{"method": "GET", "url": "http://2130706433:" + port + "/v1/a", "headers": bearer}, "invalid_url"},
		"another method":            {object{"method": "POST", "url": u.up.URL + "/v1/a", "headers": bearer}, "no_binding"},
		"TRACE":                     {object{"method": "TRACE", "url": u.up.URL + "/v1/a", "headers": bearer}, "invalid_method"},
		"another path":              {object{"method": "GET", "url": u.up.URL + "/v2/a", "headers": bearer}, "no_binding"},
		"dots":                      {object{"method": "GET", "url": u.up.URL + "/v1/../v2/a", "headers": bearer}, "invalid_url"},
		"escaped dots":              {object{"method": "GET", "url": u.up.URL + "/v1/%2e%2e/v2/a", "headers": bearer}, "invalid_url"},
		"dots behind an escape":     {object{"method": "GET", "url": u.up.URL + "/v1/..%2fv2", "headers": bearer}, "invalid_url"},
		"another header":            {object{"method": "GET", "url": u.up.URL + "/v1/a", "headers": object{"X-Key": "{{secret:api-keys/pay}}"}}, "no_binding"},
		"more beside it":            {object{"method": "GET", "url": u.up.URL + "/v1/a", "headers": object{"Authorization": "Bearer x{{secret:api-keys/pay}}"}}, "no_binding"},
		"a cookie":                  {object{"method": "GET", "url": u.up.URL + "/v1/a", "headers": object{"Cookie": "a={{secret:api-keys/pay}}"}}, "invalid_header"},
		"the host header":           {object{"method": "GET", "url": u.up.URL + "/v1/a", "headers": object{"Host": other.host(), "Authorization": bearer["Authorization"]}}, "invalid_header"},
		"a line break":              {object{"method": "GET", "url": u.up.URL + "/v1/a", "headers": object{"Authorization": "Bearer {{secret:api-keys/pay}}\r\nX: y"}}, "invalid_header"},
		"the url":                   {object{"method": "GET", "url": u.up.URL + "/v1/{{secret:api-keys/pay}}", "headers": object{}}, "reference_not_allowed"},
		"the query of the url":      {object{"method": "GET", "url": u.up.URL + "/v1/a?k=%7B%7Bsecret:api-keys/pay%7D%7D", "headers": object{}}, "reference_not_allowed"},
		"the query":                 {object{"method": "GET", "url": u.up.URL + "/v1/a", "query": object{"k": "{{secret:api-keys/pay}}"}}, "no_binding"},
		"the body":                  {object{"method": "GET", "url": u.up.URL + "/v1/a", "body": object{"k": "{{secret:api-keys/pay}}"}}, "invalid_body"},
		"twice in one value":        {object{"method": "GET", "url": u.up.URL + "/v1/a", "headers": object{"Authorization": "{{secret:api-keys/pay}}{{secret:api-keys/pay}}"}}, "reference_not_allowed"},
		"a secret without bindings": {object{"method": "GET", "url": u.up.URL + "/v1/a", "headers": object{"Authorization": "Bearer {{secret:unbound}}"}}, "no_binding"},
		"no secret":                 {object{"method": "GET", "url": u.up.URL + "/v1/a", "headers": object{"Authorization": "Bearer {{secret:none}}"}}, "secret_not_found"},
		"no reference":              {object{"method": "GET", "url": u.up.URL + "/v1/a"}, "no_reference"},
	} {
		r := u.asks(c.body)
		if r.status < 400 || !strings.Contains(string(r.body), `"`+c.code+`"`) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if strings.Contains(string(r.body), "s3cr3t") {
			t.Errorf("%s: the answer has the value", name)
		}
	}
	if u.up.calls() != 0 || other.calls() != 0 {
		t.Errorf("%d and %d requests were sent", u.up.calls(), other.calls())
	}
}

// Whatever the other server makes of the secret, it is in no answer.
func TestWhatTheOtherServerSaysIsRedacted(t *testing.T) {
	u := openUnseeing(t)
	u.keep("k", hiddenValue, object{"hosts": []string{u.up.host()}})
	quoted, _ := json.Marshal(hiddenValue)
	for name, text := range map[string]string{
		"as it is": hiddenValue, "base64": base64.StdEncoding.EncodeToString([]byte("x" + hiddenValue + "y")), "base64url": base64.RawURLEncoding.EncodeToString([]byte(hiddenValue)),
		"hex": hex.EncodeToString([]byte(hiddenValue)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(hiddenValue))), "escaped for a URL": url.QueryEscape(hiddenValue), "JSON": string(quoted),
	} {
		for _, how := range []string{"body", "gzip", "br", "zstd", "header", "pieces", "error"} {
			u.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				w.Header().Set("Set-Cookie", "session=other")
				switch how {
				case "header":
					w.Header().Set("X-Echo", strings.ReplaceAll(text, "\n", " "))
				case "gzip", "br", "zstd":
					w.Header().Set("Content-Encoding", how)
					_, _ = w.Write(encoded(how, "before "+text+" after"))
				case "pieces":
					for i := range len(text) {
						_, _ = io.WriteString(w, text[i:i+1])
						w.(http.Flusher).Flush()
					}
				case "error":
					w.WriteHeader(500)
					fallthrough
				default:
					_, _ = fmt.Fprintf(w, "before %s after", text)
				}
			}
			got := u.asks(object{"method": "GET", "url": u.up.URL + "/", "headers": object{"Authorization": "{{secret:k}}"}}).want(200)
			all := string(got.body)
			if strings.Contains(all, text) || strings.Contains(all, "s3cr3t") || !strings.Contains(all, "[REDACTED:k]") || fmt.Sprint(got.json()["redactions"]) != "1" || strings.Contains(all, "session=other") {
				t.Errorf("%s in %s: %s", name, how, all)
			}
		}
	}
	for _, name := range []string{"br", "zstd", "gzip, br", "compress", "dcb"} { // those that are known say what is not so
		u.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Content-Encoding", name)
			_, _ = io.WriteString(w, hiddenValue)
		}
		u.asks(object{"method": "GET", "url": u.up.URL + "/", "headers": object{"Authorization": "{{secret:k}}"}}).want(422, "answer_not_readable")
	}
}

// encoded is a text in an encoding of HTTP.
func encoded(how, text string) []byte {
	var b bytes.Buffer
	var z io.WriteCloser
	switch how {
	case "gzip":
		z = gzip.NewWriter(&b)
	case "br":
		z = brotli.NewWriter(&b)
	case "zstd":
		z, _ = zstd.NewWriter(&b)
	}
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.Bytes()
}

func TestARedirectIsHandedBackAndNotFollowed(t *testing.T) {
	u := openUnseeing(t)
	other := openUpstream(t)
	u.keep("k", hiddenValue, object{"hosts": []string{u.up.host()}})
	u.up.say = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		http.Redirect(w, r, other.URL+"/?k="+url.QueryEscape(hiddenValue), http.StatusFound)
	}
	got := u.asks(object{"method": "GET", "url": u.up.URL + "/", "headers": object{"Authorization": "{{secret:k}}"}}).want(200)
	if fmt.Sprint(got.json()["status"]) != "302" || strings.Contains(string(got.body), "s3cr3t") || other.calls() != 0 {
		t.Errorf("%d requests went on: %s", other.calls(), got.body)
	}
}

// Each place of a request, and each way of signing.
func TestPlacesOfARequest(t *testing.T) {
	u := openUnseeing(t)
	host := []string{u.up.host()}
	u.keep("basic", "user:password1", object{"hosts": host, "in": "basic"})
	u.keep("named", "password1", object{"hosts": host, "in": "basic", "user": "bob"})
	u.keep("bare", "sk_live_12345", object{"hosts": host, "in": "basic"})
	u.keep("header", "header-value-1\n", object{"hosts": host, "in": "header:x-api-key"})
	u.keep("query", "query value&1", object{"hosts": host, "in": "query:key"})
	u.keep("json", `json "value" 1`, object{"hosts": host, "in": "body:/auth/token"})
	u.keep("form", "form&value=1", object{"hosts": host, "in": "body:/token"})
	u.keep("hmac", "hmac-key-1", object{"hosts": host, "in": "hmac"})
	u.keep("aws", `{"access_key_id":"AKIAEXAMPLE","secret_access_key":"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}`, object{"hosts": host, "in": "sigv4", "region": "us-east-1", "service": "s3"})
	u.keep("object", `{"user":"x","token":"field-value-1"}`, object{"hosts": host})
	for name, c := range map[string]struct {
		body object
		ok   func(r *http.Request, body string) bool
	}{
		"basic": {object{"headers": object{"Authorization": "Basic {{secret:basic}}"}}, func(r *http.Request, _ string) bool {
			n, p, ok := r.BasicAuth()
			return ok && n == "user" && p == "password1"
		}},
		"basic with a user": {object{"headers": object{"Authorization": "{{secret:named}}"}}, func(r *http.Request, _ string) bool {
			n, p, _ := r.BasicAuth()
			return n == "bob" && p == "password1"
		}},
		"basic of a key": {object{"headers": object{"Authorization": "{{secret:bare}}"}}, func(r *http.Request, _ string) bool {
			n, p, _ := r.BasicAuth()
			return n == "sk_live_12345" && p == ""
		}},
		"header": {object{"headers": object{"X-API-Key": "v1 {{secret:header}}"}}, func(r *http.Request, _ string) bool { return r.Header.Get("X-Api-Key") == "v1 header-value-1" }},
		"query":  {object{"query": object{"key": "{{secret:query}}", "b": "2"}}, func(r *http.Request, _ string) bool { return r.URL.RawQuery == "b=2&key=query+value%261" }},
		"JSON": {object{"method": "POST", "body": object{"n": 1, "auth": object{"token": "{{secret:json}}"}}}, func(r *http.Request, b string) bool {
			return r.Header.Get("Content-Type") == "application/json" && strings.Contains(b, `"token":"json \"value\" 1"`) && strings.Contains(b, `"n":1`)
		}},
		"form": {object{"method": "POST", "headers": object{"Content-Type": "application/x-www-form-urlencoded"}, "body": "a=1&token={{secret:form}}"}, func(_ *http.Request, b string) bool { return b == "a=1&token=form%26value%3D1" }},
		"hmac": {object{"method": "POST", "headers": object{"X-Signature": "{{secret:hmac}}"}, "body": "the body"}, func(r *http.Request, _ string) bool {
			return r.Header.Get("X-Signature") == hmacOf("hmac-key-1", "the body")
		}},
		"sigv4": {object{"headers": object{"Authorization": "{{secret:aws}}"}}, func(r *http.Request, _ string) bool {
			return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
		}},
		"a field": {object{"headers": object{"Authorization": "Bearer {{secret:object#token}}"}}, func(r *http.Request, _ string) bool {
			return r.Header.Get("Authorization") == "Bearer field-value-1"
		}},
	} {
		before := u.up.calls()
		body := object{"method": "GET", "url": u.up.URL + "/"}
		for k, v := range c.body {
			body[k] = v
		}
		u.asks(body).want(200)
		if u.up.calls() != before+1 || !c.ok(u.up.got[before], u.up.sent[before]) {
			t.Errorf("%s: the service got %v %v %s", name, u.up.got[before].URL, u.up.got[before].Header, u.up.sent[before])
		}
	}
	u.do("PUT", secretAt(u.vault, "ssh"), u.ada.token, object{"value": "an ssh key of some kind", "type": "ssh_key"})
	u.do("PUT", "/v1/vaults/"+u.vault+"/secret-bindings/ssh", u.ada.token, object{"bindings": []object{{"hosts": host}}}).want(200)
	u.asks(object{"method": "GET", "url": u.up.URL + "/", "headers": object{"Authorization": "{{secret:ssh}}"}}).want(403, "private_key_not_sent")
	u.keep("short", " 12\n34567 ", object{"hosts": host})
	u.asks(object{"method": "GET", "url": u.up.URL + "/", "headers": object{"Authorization": "{{secret:short}}"}}).want(409, "value_too_short")
}

// Whoever binds a value that is too short to be sent hears of it at once, and an agent does not.
func TestAShortValueIsToldWhereItIsBound(t *testing.T) {
	u := openUnseeing(t)
	for name, c := range map[string]struct {
		value string
		bound bool
		told  bool
	}{
		"seven bytes":        {"1234567", true, true},
		"eight bytes":        {"12345678", true, false},
		"nothing is bound":   {"1234567", false, false},
		"there is no secret": {"", true, false},
		"a usual one":        {"a-value-of-usual-length", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := strings.ReplaceAll(name, " ", "-")
			if c.value != "" {
				u.ada.put(u.vault, path, c.value)
			}
			at, list := "/v1/vaults/"+u.vault+"/secret-bindings/"+path, []object{}
			if c.bound {
				list = append(list, object{"hosts": []string{u.up.host()}})
			}
			for of, got := range map[string]reply{"set": u.do("PUT", at, u.ada.token, object{"bindings": list}).want(200), "read": u.do("GET", at, u.ada.token, nil).want(200)} {
				if list, _ := got.json()["warnings"].([]any); (len(list) == 1) != c.told {
					t.Errorf("%s, the answer is %s", of, got.body)
				}
			}
			if got := u.do("GET", at, u.agent.token, nil).want(200); strings.Contains(string(got.body), "warnings") {
				t.Errorf("the agent is told %s", got.body)
			}
			if c.told {
				u.ada.put(u.vault, path, "a-value-of-usual-length")
				if got := u.do("GET", at, u.ada.token, nil).want(200); strings.Contains(string(got.body), "warnings") {
					t.Errorf("with a longer value the answer is %s", got.body)
				}
			}
		})
	}
}

// Values that a caller made so that they overlap with another, answers that are cut, parts of
// values, and bounds that others read in another way.
func TestWhatACallerMakesOfTheAnswerIsRedacted(t *testing.T) {
	u := openUnseeing(t)
	host := []string{u.up.host()}
	const value = "sk_live_51HqTOPxyzABCDEF"
	u.keep("k", value, object{"hosts": host, "in": "header:X-Token"})
	u.keep("own", "X-Token: s", object{"hosts": host, "in": "header:X-W"})
	u.keep("pair", "alice:s3cretPassw0rd!", object{"hosts": host, "in": "basic"})
	u.keep("json", `{"user":"alice","password":"hunter2hunter2","deep":["another-part-1"]}`, object{"hosts": host})
	ask := func(path string, headers object) reply {
		return u.asks(object{"method": "GET", "url": u.up.URL + path, "headers": headers})
	}
	for name, c := range map[string]struct {
		say     string
		headers object
		not     string
	}{
		"a value that overlaps":      {"X-Token: " + value, object{"X-Token": "{{secret:k}}", "X-W": "{{secret:own}}"}, "k_live"},
		"the password of a pair":     {"hello s3cretPassw0rd!", object{"Authorization": "{{secret:pair}}"}, "s3cretPassw0rd"},
		"a field of an object":       {"hello hunter2hunter2", object{"Authorization": "{{secret:json}}"}, "hunter2"},
		"another field":              {"hello another-part-1", object{"Authorization": "Bearer {{secret:json#password}}"}, "another-part-1"},
		"a value round the cut":      {strings.Repeat("x", 1<<20-5) + value, object{"X-Token": "{{secret:k}}"}, "sk_li"},
		"values up to the cut":       {strings.Repeat(value+".", 1<<16), object{"X-Token": "{{secret:k}}"}, "sk_live"},
		"what hides a longer answer": {strings.Repeat(value, 45000)[:1<<20+200], object{"X-Token": "{{secret:k}}"}, "sk_l"},
	} {
		u.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) { _, _ = io.WriteString(w, c.say) }
		got := ask("/", c.headers).want(200)
		if body := got.str("body"); strings.Contains(body, c.not) || !strings.Contains(body, "[REDACTED:") {
			t.Errorf("%s: %.100s ... %.60s", name, body, body[max(0, len(body)-60):])
		}
	}
	u.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("X-"+value, "1")
		w.Header().Set("Content-Encoding", "deflate")
		z := zlib.NewWriter(w)
		_, _ = io.WriteString(z, value)
		_ = z.Close()
	}
	if got := ask("/", object{"X-Token": "{{secret:k}}"}).want(200); strings.Contains(strings.ToLower(string(got.body)), "sk_live") {
		t.Errorf("a header's name, and zlib: %s", got.body)
	}
	u.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Add("Content-Encoding", "identity")
		w.Header().Add("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, value)
	}
	ask("/", object{"X-Token": "{{secret:k}}"}).want(422, "answer_not_readable")
	before := u.up.calls()
	for _, name := range []string{"Range", "If-Range", "X-HTTP-Method-Override", "X-Original-URL", "X_Forwarded_Host", "Transfer_Encoding"} {
		ask("/", object{"X-Token": "{{secret:k}}", name: "bytes=0-4"}).want(400, "invalid_header")
	}
	for _, path := range []string{"/v1/%252e%252e/v2", "/v1/..%20/v2", "/v1/%c0%ae%c0%ae/x"} {
		ask(path, object{"X-Token": "{{secret:k}}"}).want(400, "invalid_url")
	}
	u.keep("body", "body-value-1", object{"hosts": host, "in": "body:/token"})
	for name, kind := range map[string]string{"a form": "application/x-www-form-urlencoded", "text": "text/html"} {
		r := u.asks(object{"method": "POST", "url": u.up.URL + "/", "headers": object{"Content-Type": kind}, "body": object{"token": "x&comment={{secret:body}}&z="}})
		if r.status < 400 {
			t.Errorf("JSON sent as %s: %d", name, r.status)
		}
	}
	u.asks(object{"method": "POST", "url": u.up.URL + "/", "headers": object{"Content-Type": "application/json"}, "body": `{"token":"{{secret:body}}"}{"token":"{{secret:body}}"}`}).want(400)
	if u.up.calls() != before {
		t.Errorf("%d requests were sent", u.up.calls()-before)
	}
	for _, b := range []object{{"hosts": host, "method": []string{"GET"}}, {"hosts": host, "path": []string{"/v1/**"}}} {
		u.do("PUT", "/v1/vaults/"+u.vault+"/secret-bindings/k", u.ada.token, object{"bindings": []object{b}}).want(400)
	}
	u.do("PUT", "/v1/vaults/"+u.vault+"/secret-bindings/k", u.ada.token, object{"bindings": nil}).want(400)
}

// A right that ends while the other server answers shows nothing more.
func TestARightThatEndsDuringARequestShowsNothing(t *testing.T) {
	for name, end := range map[string]func(u *unseeing){
		"the binding": func(u *unseeing) {
			u.do("PUT", "/v1/vaults/"+u.vault+"/secret-bindings/k", u.ada.token, object{"bindings": []object{}}).want(200)
		},
		"the agent, frozen":  func(u *unseeing) { u.do("POST", "/v1/org/freeze", u.ada.token, nil) },
		"the agent, stopped": func(u *unseeing) { u.do("DELETE", "/v1/agents/"+u.agent.id, u.ada.token, nil) },
		"its token":          func(u *unseeing) { u.do("DELETE", "/v1/auth/token", u.agent.token, nil).want(204) },
		"the secret":         func(u *unseeing) { u.do("DELETE", secretAt(u.vault, "k"), u.ada.token, nil).want(204) },
		"its time": func(u *unseeing) {
			u.do("PUT", secretAt(u.vault, "k"), u.ada.token, object{"type": "api_key", "value": "n3w-" + hiddenValue, "expires_at": u.Clock.Now().Add(time.Minute)}).want(201)
			u.Clock.Forward(2 * time.Minute)
		},
	} {
		u := openUnseeing(t)
		u.keep("k", hiddenValue, object{"hosts": []string{u.up.host()}})
		u.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			end(u)
			_, _ = io.WriteString(w, "the balance")
		}
		r := u.asks(object{"method": "GET", "url": u.up.URL + "/", "headers": object{"Authorization": "{{secret:k}}"}})
		if r.status != 403 || !strings.Contains(string(r.body), "is not known") || strings.Contains(string(r.body), "the balance") || u.up.calls() != 1 {
			t.Errorf("%s: %d after %d requests: %s", name, r.status, u.up.calls(), r.body)
		}
	}
}

// An agent with reveal never is shown a value by no route that could: each action that hands
// one out refuses it, whatever policy it has.
func TestAnAgentThatUsesIsShownNothing(t *testing.T) {
	u := openUnseeing(t)
	u.keep("k", hiddenValue, object{"hosts": []string{u.up.host()}})
	u.ada.grant(u.vault, u.agent, "**", nil, "read", "write")
	u.ada.setVar(u.vault, "TOKEN", hiddenValue, "", "")
	secretID := u.ada.secretID(u.vault, "k")
	share := u.ada.shares(secretID, object{"recipient_type": "agent", "recipient_id": u.agent.id}).str("id")
	link := u.ada.shares(secretID, object{"recipient_type": "anyone_with_link"}).str("id")
	u.do("POST", "/v1/shares/"+share+"/accept", u.agent.token, nil)
	for _, token := range []string{u.agent.token, u.agent.key} {
		for path, method := range map[string]string{
			secretAt(u.vault, "k"): "GET", secretAt(u.vault, "k") + "?reason=x": "GET",
			"/v1/vaults/" + u.vault + "/secret-versions/k?version=1": "GET", "/v1/vaults/" + u.vault + "/secret-version/k/1": "GET",
			"/v1/vaults/" + u.vault + "/env-vars/TOKEN": "GET", "/v1/vaults/" + u.vault + "/env-vars/resolve": "GET",
			"/v1/share/" + share: "GET", "/v1/share/" + link: "GET",
		} {
			r := u.do(method, path, token, nil)
			if r.status != 403 || strings.Contains(string(r.body), "s3cr3t") {
				t.Errorf("%s %s: %d %s", method, path, r.status, r.body)
			}
		}
		u.do("POST", "/v1/secrets/"+secretID+"/share", token, object{"recipient_type": "anyone_with_link"}).want(404)
	}
	if r := u.do("GET", secretAt(u.vault, "k"), u.agent.token, nil); !strings.Contains(string(r.body), "http_request") {
		t.Errorf("a refusal says how to use it instead: %s", r.body)
	}
	u.asks(object{"method": "GET", "url": u.up.URL + "/", "headers": object{"Authorization": "{{secret:k}}"}}).want(200)
}

// What a manager set stays, and to lift it takes a person.
func TestRevealIsLiftedByAPerson(t *testing.T) {
	u := openUnseeing(t)
	if got := u.do("GET", "/v1/agents/"+u.agent.id, u.ada.token, nil).want(200); got.str("reveal") != "never" {
		t.Errorf("got %s", got.body)
	}
	mia := u.ada.member("mia", "member")
	own := mia.agent(nil)
	u.do("PATCH", "/v1/agents/"+own.id, u.ada.token, object{"reveal": "never"}).want(200)
	u.do("PATCH", "/v1/agents/"+own.id, mia.token, object{"reveal": "allow"}).want(403, "set_by_manager")
	key := u.do("POST", "/v1/auth/api-keys", u.ada.token, object{"name": "k"}).want(201).str("api_key")
	u.do("PATCH", "/v1/agents/"+u.agent.id, key, object{"reveal": "allow"}).want(403, "person_required")
	u.do("PATCH", "/v1/agents/"+u.agent.id, u.ada.token, object{"reveal": "sometimes"}).want(400)
	u.do("PATCH", "/v1/agents/"+u.agent.id, u.ada.token, object{"reveal": "allow"}).want(200)
	u.do("GET", secretAt(u.vault, "a/b"), u.agent.token, nil).want(403, "access_denied") // "use" alone reads nothing
	u.ada.grant(u.vault, u.agent, "a/*", nil, "read")
	u.do("GET", secretAt(u.vault, "a/b"), u.agent.token, nil).want(200)
}

// Who may bind, and what ends a binding.
func TestBindingsEndWithTheirRights(t *testing.T) {
	u := openUnseeing(t)
	at := "/v1/vaults/" + u.vault + "/secret-bindings/k"
	bound := object{"bindings": []object{{"hosts": []string{u.up.host()}}}}
	u.keep("k", hiddenValue)
	u.do("PUT", at, u.agent.token, bound).want(403)
	mia := u.ada.member("mia", "member")
	u.do("PUT", at, mia.token, bound).want(403)
	u.do("GET", at, u.agent.token, nil).want(200)
	uses := func() int {
		return u.asks(object{"method": "GET", "url": u.up.URL + "/", "headers": object{"Authorization": "{{secret:k}}"}}).status
	}
	key := u.do("POST", "/v1/auth/api-keys", u.ada.token, object{"name": "k"}).want(201)
	u.do("PUT", at, key.str("api_key"), bound).want(200)
	if got := uses(); got != 200 {
		t.Errorf("a bound secret: %d", got)
	}
	u.do("DELETE", "/v1/auth/api-keys/"+key.str("key", "id"), u.ada.token, nil).want(204)
	if got := uses(); got != 403 {
		t.Errorf("after the key that bound it was revoked: %d", got)
	}
	u.do("PUT", at, u.ada.token, bound).want(200)
	u.do("POST", "/v1/org/freeze", u.ada.token, nil)
	if got := uses(); got != 403 {
		t.Errorf("frozen: %d", got)
	}
	u.do("POST", "/v1/org/unfreeze", u.ada.token, nil).want(204)
	u.do("PUT", at, u.ada.token, object{"bindings": []object{}}).want(200)
	if got := uses(); got != 403 {
		t.Errorf("after the bindings were taken away: %d", got)
	}
	for name, b := range map[string]object{
		"no hosts": {"hosts": []string{}}, "a scheme": {"hosts": []string{"https://a.example"}}, "a path": {"hosts": []string{"a.example/x"}}, "all hosts": {"hosts": []string{"*"}},
		"a whole domain": {"hosts": []string{"*.com"}}, "other letters": {"hosts": []string{"аpi.stripe.com"}}, "TRACE": {"hosts": []string{"a.example"}, "methods": []string{"TRACE"}},
		"a cookie": {"hosts": []string{"a.example"}, "in": "header:Cookie"}, "the host": {"hosts": []string{"a.example"}, "in": "header:host"}, "no place": {"hosts": []string{"a.example"}, "in": "everywhere"},
		"dots": {"hosts": []string{"a.example"}, "paths": []string{"/a/../b"}}, "a region of nothing": {"hosts": []string{"a.example"}, "region": "x"}, "a region that is none": {"hosts": []string{"a.example"}, "in": "sigv4", "region": "us-east-1,*"},
	} {
		if r := u.do("PUT", at, u.ada.token, object{"bindings": []object{b}}); r.status != 400 {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

// TestWhatWasSentIsNotSaidToBeRefused: an answer that nobody can read comes after the request, which may have
// been done.
func TestWhatWasSentIsNotSaidToBeRefused(t *testing.T) {
	u := openUnseeing(t)
	calls := 0
	switched := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"))
	}))
	t.Cleanup(switched.Close)
	u.keep("api-keys/pay", hiddenValue, object{"hosts": []string{strings.TrimPrefix(switched.URL, "http://")}, "in": "bearer"})
	got := u.asks(object{"method": "POST", "url": switched.URL + "/charge", "headers": object{"Authorization": "Bearer {{secret:api-keys/pay}}"}}).want(422, "upstream_failed")
	if !strings.Contains(string(got.body), "is not known") || calls != 1 {
		t.Errorf("%d calls, %s", calls, got.body)
	}
}

// TestWhatWasNotSentMayBeTriedAgain: whoever asks is told why, and that nothing was done.
func TestWhatWasNotSentMayBeTriedAgain(t *testing.T) {
	u := openUnseeing(t)
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tls.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, of := range map[string]struct{ url, says string }{
		"nobody there":             {gone.URL, "refuses connections"},
		"a certificate of nobody":  {tls.URL, "SSL_CERT_FILE"},
		"no TLS":                   {"https://" + u.up.host(), "no TLS"},
		"a name that nobody knows": {"https://nobody.invalid", "no address"},
	} {
		host := strings.TrimPrefix(strings.TrimPrefix(of.url, "https://"), "http://")
		u.keep("api-keys/pay", hiddenValue, object{"hosts": []string{host}, "in": "bearer"})
		got := u.asks(object{"method": "GET", "url": of.url + "/", "headers": object{"Authorization": "Bearer {{secret:api-keys/pay}}"}}).want(422, "upstream_unreachable")
		if text := string(got.body); !strings.Contains(text, of.says) || !strings.Contains(text, "Nothing was sent") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
