package httpapi_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Whoever makes the head of a stream picks what is asked of a bound host, and nothing else. None
// of these is sent.
func TestWhatAHeadMayNotSay(t *testing.T) {
	s := openStreaming(t)
	other := openUpstream(t)
	s.keep("k", hiddenValue, object{"hosts": []string{s.up.host()}, "methods": []string{"GET", "POST"}, "paths": []string{"/v1/**"}})
	s.keep("q", hiddenValue, object{"hosts": []string{s.up.host()}, "in": "query:key"})
	with := func(more ...string) [][2]string {
		out := bearer("k")
		for i := 0; i < len(more); i += 2 {
			out = append(out, [2]string{more[i], more[i+1]})
		}
		return out
	}
	at := s.up.URL + "/v1/a"
	_, port, _ := strings.Cut(s.up.host(), ":")
	for name, c := range map[string]struct {
		head object
		code string
	}{
		"another host":                 {object{"method": "GET", "url": other.URL + "/v1/a", "headers": with()}, "no_binding"},
		"another spelling of it":       {object{"method": "GET", "url": "http://localhost:" + port + "/v1/a", "headers": with()}, "no_binding"},
		"the address as IPv6":          {object{"method": "GET", "url": "http://[::ffff:127.0.0.2]:" + port + "/v1/a", "headers": with()}, "no_binding"},
		"another port":                 {object{"method": "GET", "url": "http://127.0.0.1:1/v1/a", "headers": with()}, "no_binding"},
		"a user":                       {object{"method": "GET", "url": "http://" + s.up.host() + "@" + other.host() + "/v1/a", "headers": with()}, "invalid_url"},
		"a look-alike":                 {object{"method": "GET", "url": "http://аpi.example/v1/a", "headers": with()}, "invalid_url"},
		"a fragment":                   {object{"method": "GET", "url": at + "#x", "headers": with()}, "invalid_url"},
		"dots":                         {object{"method": "GET", "url": s.up.URL + "/v1/%2e%2e/a", "headers": with()}, "invalid_url"},
		"TRACE":                        {object{"method": "TRACE", "url": at, "headers": with()}, "invalid_method"},
		"CONNECT":                      {object{"method": "CONNECT", "url": at, "headers": with()}, "invalid_method"},
		"another method":               {object{"method": "PUT", "url": at, "headers": with()}, "no_binding"},
		"another Host":                 {object{"method": "GET", "url": at, "headers": with("Host", other.host())}, "invalid_header"},
		"another method in a header":   {object{"method": "GET", "url": at, "headers": with("X-HTTP-Method-Override", "PUT")}, "invalid_header"},
		"the same with _":              {object{"method": "GET", "url": at, "headers": with("X_HTTP_METHOD_OVERRIDE", "PUT")}, "invalid_header"},
		"h2c":                          {object{"method": "GET", "url": at, "headers": with("Connection", "Upgrade, HTTP2-Settings", "Upgrade", "h2c", "HTTP2-Settings", "AAM")}, "upgrade_refused"},
		"a WebSocket with POST":        {object{"method": "POST", "url": at, "headers": with("Upgrade", "websocket")}, "upgrade_refused"},
		"two lengths":                  {object{"method": "POST", "url": at, "headers": with("Content-Length", "1", "Content-Length", "2")}, "invalid_header"},
		"a length and chunks":          {object{"method": "POST", "url": at, "headers": with("Content-Length", "1", "Transfer-Encoding", "chunked")}, "invalid_header"},
		"a length with a sign":         {object{"method": "POST", "url": at, "headers": with("Content-Length", "+1")}, "invalid_header"},
		"chunks twice":                 {object{"method": "POST", "url": at, "headers": with("Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked")}, "invalid_header"},
		"other chunks":                 {object{"method": "POST", "url": at, "headers": with("Transfer-Encoding", "xchunked")}, "invalid_header"},
		"a line break":                 {object{"method": "GET", "url": at, "headers": with("X-A", "b\r\nX-C: d")}, "invalid_header"},
		"a folded line":                {object{"method": "GET", "url": at, "headers": with("X-A", "b\r\n c")}, "invalid_header"},
		"a blank in a name":            {object{"method": "GET", "url": at, "headers": with("X-A ", "b")}, "invalid_header"},
		"a reference in a cookie":      {object{"method": "GET", "url": at, "headers": with("Cookie", "a={{secret:k}}")}, "reference_not_allowed"},
		"in the user agent":            {object{"method": "GET", "url": at, "headers": with("User-Agent", "oneclaw://main/k")}, "reference_not_allowed"},
		"in a range":                   {object{"method": "GET", "url": at, "headers": with("Range", "{{secret:k}}")}, "reference_not_allowed"},
		"in a name":                    {object{"method": "GET", "url": at, "headers": with("{{secret:k}}", "x")}, "invalid_header"},
		"in a header of another kind":  {object{"method": "GET", "url": at, "headers": with("X-Key", "{{secret:k}}")}, "no_binding"},
		"in a header that is twice":    {object{"method": "GET", "url": at, "headers": with("Authorization", "Bearer x")}, "reference_not_allowed"},
		"twice in a value":             {object{"method": "GET", "url": at, "headers": [][2]string{{"Authorization", "{{secret:k}}{{secret:k}}"}}}, "reference_not_allowed"},
		"in the path":                  {object{"method": "GET", "url": s.up.URL + "/v1/%7B%7Bsecret:k%7D%7D", "headers": with()}, "reference_not_allowed"},
		"in the host":                  {object{"method": "GET", "url": "http://oneclaw://main/k/", "headers": with()}, "reference_not_allowed"},
		"in another parameter":         {object{"method": "GET", "url": at + "?other={{secret:q}}", "headers": [][2]string{}}, "no_binding"},
		"in a parameter that is twice": {object{"method": "GET", "url": at + "?key={{secret:q}}&key=1", "headers": [][2]string{}}, "reference_not_allowed"},
		"in a parameter's name":        {object{"method": "GET", "url": at + "?%7B%7Bsecret:q%7D%7D=1", "headers": [][2]string{}}, "reference_not_allowed"},
		"a header that is hop-by-hop":  {object{"method": "GET", "url": at, "headers": [][2]string{{"X-Key", "{{secret:k}}"}, {"Connection", "X-Key"}}}, "reference_not_allowed"},
		"a field that nobody knows":    {object{"method": "GET", "url": at, "headers": with(), "host": other.host()}, "invalid_head"},
		"no pairs":                     {object{"method": "GET", "url": at, "headers": object{"Authorization": "{{secret:k}}"}}, "invalid_head"},
		"more than a head":             {object{"method": "GET", "url": at, "headers": with("X-Long", strings.Repeat("x", 70_000))}, "invalid_head"},
	} {
		f, text, err := s.whole(c.head, nil)
		if err != nil || f.StatusCode < 400 || !strings.Contains(text, `"`+c.code+`"`) {
			t.Errorf("%s: %v %s", name, err, text)
		}
		if strings.Contains(text, "s3cr3t") {
			t.Errorf("%s: the answer has the value", name)
		}
	}
	if s.up.calls() != 0 || other.calls() != 0 {
		t.Errorf("%d and %d requests were sent", s.up.calls(), other.calls())
	}
}

// What a program sends as its own reaches the service, and what is its connection's does not.
func TestHeadersOfAStreamsRequest(t *testing.T) {
	s := openStreaming(t)
	s.keep("k", hiddenValue, object{"hosts": []string{s.up.host()}})
	f, _, err := s.whole(object{"method": "POST", "url": s.up.URL + "/a//b/%2F?x=%20y", "headers": [][2]string{}}, nil)
	if err != nil || f.StatusCode != http.StatusBadRequest {
		t.Errorf("empty segments: %v %+v", err, f)
	}
	f, text, err := s.whole(object{"method": "POST", "url": s.up.URL + "/a/b%2Fc?x=%20y&&z", "headers": append(bearer("k"),
		[2]string{"Cookie", "a=b"}, [2]string{"anthropic-version", "1"}, [2]string{"Accept", "text/*"}, [2]string{"Accept", "x/y"}, [2]string{"Range", "bytes=0-3"}, [2]string{"Accept-Encoding", "gzip, br"},
		[2]string{"Proxy-Authorization", "Basic eA=="}, [2]string{"Connection", "X-Hop, keep-alive"}, [2]string{"X-Hop", "1"}, [2]string{"TE", "trailers, deflate"}, [2]string{"Expect", "100-continue"},
		[2]string{"Host", s.up.host()}, [2]string{"Content-Length", "5"}, [2]string{"X-Forwarded-For", "1.2.3.4"}, [2]string{"Content-Type", "application/octet-stream"})}, strings.NewReader("hello"))
	if err != nil || f.Status != 200 || text != "ok" {
		t.Fatalf("%v %+v %s", err, f, text)
	}
	r := s.up.got[0]
	h := r.Header
	if h.Get("Cookie") != "a=b" || h.Get("Anthropic-Version") != "1" || len(h["Accept"]) != 2 || h.Get("Te") != "trailers" || r.ContentLength != 5 || s.up.sent[0] != "hello" || r.RequestURI != "/a/b%2Fc?x=%20y&&z" {
		t.Errorf("%s %d %v", r.RequestURI, r.ContentLength, h)
	}
	for _, name := range []string{"Range", "Proxy-Authorization", "X-Hop", "Expect", "X-Forwarded-For", "User-Agent"} {
		if h.Get(name) != "" {
			t.Errorf("%s was sent on", name)
		}
	}
	if h.Get("Accept-Encoding") != "identity" || len(r.TransferEncoding) > 0 {
		t.Errorf("%v %v", h, r.TransferEncoding)
	}
}

// Each place of a stream's request, and each way of signing.
func TestPlacesOfAStream(t *testing.T) {
	s := openStreaming(t)
	host := []string{s.up.host()}
	s.keep("git", "ghp_secret123", object{"hosts": host}, object{"hosts": host, "in": "basic"})
	s.keep("named", "password1", object{"hosts": host, "in": "basic", "user": "bob"})
	s.keep("query", "query value&1", object{"hosts": host, "in": "query:key"})
	s.keep("json", `json "value" 1`, object{"hosts": host, "in": "body:/auth/token"})
	s.keep("form", "form&value=1", object{"hosts": host, "in": "body:/token"})
	s.keep("hmac", "hmac-key-1", object{"hosts": host, "in": "hmac"})
	const key = `{"access_key_id":"AKIAEXAMPLE","secret_access_key":"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}`
	s.keep("aws", key, object{"hosts": host, "in": "sigv4", "region": "us-east-1,eu-west-1", "service": "s3"})
	s.keep("anywhere", key, object{"hosts": host, "in": "sigv4"})
	sum := sha256.Sum256([]byte("body"))
	hash := hex.EncodeToString(sum[:])
	aws := func(region string, more ...string) object {
		out := [][2]string{{"Authorization", "{{secret:aws}}"}, {"Content-Type", "text/plain"}}
		for i := 0; i < len(more); i += 2 {
			out = append(out, [2]string{more[i], more[i+1]})
		}
		return object{"headers": out, "aws": object{"region": region, "service": "s3"}}
	}
	signed := func(scope, payload string) func(r *http.Request, body string) bool {
		return func(r *http.Request, body string) bool {
			return strings.Contains(r.Header.Get("Authorization"), scope) && r.Header.Get("X-Amz-Content-Sha256") == payload && body == "body"
		}
	}
	kind := func(name, value, as string) [][2]string {
		out := [][2]string{{"Content-Type", as}}
		if name != "" {
			out = append(out, [2]string{name, value})
		}
		return out
	}
	for name, c := range map[string]struct {
		head object
		body string
		ok   func(r *http.Request, body string) bool
		code string
	}{
		"token": {object{"headers": kind("Authorization", "token {{secret:git}}", "text/plain")}, "body", func(r *http.Request, _ string) bool { return r.Header.Get("Authorization") == "token ghp_secret123" }, ""},
		"basic with a name": {object{"headers": kind("Authorization", "Basic x-access-token:{{secret:git}}", "text/plain")}, "body", func(r *http.Request, _ string) bool {
			n, p, _ := r.BasicAuth()
			return n == "x-access-token" && p == "ghp_secret123"
		}, ""},
		"basic with no name":   {object{"headers": kind("Authorization", "Basic :{{secret:git}}", "text/plain")}, "body", func(r *http.Request, _ string) bool { n, p, _ := r.BasicAuth(); return n == "" && p == "ghp_secret123" }, ""},
		"basic of the binding": {object{"headers": kind("Authorization", "Basic bob:{{secret:named}}", "text/plain")}, "body", func(r *http.Request, _ string) bool { n, p, _ := r.BasicAuth(); return n == "bob" && p == "password1" }, ""},
		"basic of another":     {object{"headers": kind("Authorization", "Basic eve:{{secret:named}}", "text/plain")}, "body", nil, "no_binding"},
		"query": {object{"url": "?a=1&key={{secret:query}}&b=2", "headers": kind("", "", "text/plain")}, "body", func(r *http.Request, _ string) bool {
			return r.URL.RawQuery == "a=1&b=2&key="+url.QueryEscape("query value&1")
		}, ""},
		"JSON": {object{"headers": kind("", "", "application/json")}, `{"auth":{"token":"{{secret:json}}"},"n":1.50}`, func(r *http.Request, body string) bool {
			return body == `{"auth":{"token":"json \"value\" 1"},"n":1.50}` && r.ContentLength == int64(len(body))
		}, ""},
		"JSON elsewhere": {object{"headers": kind("", "", "application/json")}, `{"token":"{{secret:json}}"}`, nil, "no_binding"},
		"a form":         {object{"headers": kind("", "", "application/x-www-form-urlencoded")}, "a=1&token=%7B%7Bsecret:form%7D%7D", func(_ *http.Request, body string) bool { return body == "a=1&token=form%26value%3D1" }, ""},
		"hmac": {object{"headers": kind("X-Signature", "{{secret:hmac}}", "text/plain")}, "body", func(r *http.Request, body string) bool {
			return r.Header.Get("X-Signature") == hmacOf("hmac-key-1", "body") && body == "body"
		}, ""},
		"sigv4 of a hash":      {aws("eu-west-1", "X-Amz-Content-Sha256", hash), "body", signed("/eu-west-1/s3/aws4_request", hash), ""},
		"sigv4 without one":    {aws("us-east-1"), "body", signed("/us-east-1/s3/aws4_request", hash), ""},
		"sigv4 unsigned":       {aws("us-east-1", "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), "body", signed("/us-east-1/", "UNSIGNED-PAYLOAD"), ""},
		"sigv4 with a trailer": {aws("us-east-1", "X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X-Amz-Trailer", "x-amz-checksum-crc32"), "body", signed("x-amz-trailer", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), ""},
		"sigv4 of a piece": {aws("us-east-1", "Range", "bytes=8-15", "If-Range", `"e"`), "body", func(r *http.Request, _ string) bool {
			return r.Header.Get("Range") == "bytes=8-15" && r.Header.Get("If-Range") == `"e"`
		}, ""},
		"a piece for a value that is sent": {object{"headers": append(kind("Authorization", "token {{secret:git}}", "text/plain"), [2]string{"Range", "bytes=8-15"})}, "body", func(r *http.Request, _ string) bool { return r.Header.Get("Range") == "" }, ""},
		"a piece for both":                 {object{"url": "?key={{secret:query}}", "headers": [][2]string{{"Authorization", "{{secret:aws}}"}, {"Range", "bytes=8-15"}, {"Content-Type", "text/plain"}}, "aws": object{"region": "us-east-1", "service": "s3"}}, "body", func(r *http.Request, _ string) bool { return r.Header.Get("Range") == "" && r.URL.Query().Has("key") }, ""},
		"sigv4 of chunks":                  {aws("us-east-1", "X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), "body", nil, "aws_chunks_signed"},
		"another region":                   {aws("cn-north-1"), "body", nil, "aws_scope_not_bound"},
		"any region":                       {object{"headers": kind("Authorization", "{{secret:anywhere}}", "text/plain"), "aws": object{"region": "cn-north-1", "service": "sts"}}, "body", signed("/cn-north-1/sts/", hash), ""},
		"no region":                        {object{"headers": kind("Authorization", "{{secret:anywhere}}", "text/plain")}, "body", nil, "aws_scope_not_bound"},
	} {
		query, _ := c.head["url"].(string)
		c.head["method"], c.head["url"] = "POST", s.up.URL+"/p"+query
		before := s.up.calls()
		f, text, err := s.whole(c.head, strings.NewReader(c.body))
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case c.code != "":
			if !strings.Contains(text, `"`+c.code+`"`) || s.up.calls() != before {
				t.Errorf("%s: %s", name, text)
			}
		case f.Status != 200 || s.up.calls() != before+1:
			t.Errorf("%s: %d %s", name, f.StatusCode, text)
		default:
			if r, body := s.up.got[before], s.up.sent[before]; !c.ok(r, body) {
				t.Errorf("%s: the service got %s %v %q", name, r.RequestURI, r.Header, body)
			}
		}
	}
}

// One caller has 64 streams at most, and each that ends leaves its place.
func TestStreamsOfACallerAreCounted(t *testing.T) {
	s := openStreaming(t)
	s.keep("k", hiddenValue, object{"hosts": []string{s.up.host()}})
	stop := make(chan struct{})
	s.up.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-stop
	})
	head := object{"method": "GET", "url": s.up.URL + "/", "headers": bearer("k")}
	var open []*flow
	for range 64 {
		f, err := s.streams(t.Context(), head, nil)
		if err != nil || f.Status != 200 {
			t.Fatalf("after %d: %v %+v", len(open), err, f)
		}
		open = append(open, f)
	}
	if f, text, err := s.whole(head, nil); err != nil || f.StatusCode != http.StatusTooManyRequests || !strings.Contains(text, "too_many_streams_open") {
		t.Errorf("one more: %v %s", err, text)
	}
	close(stop)
	for _, f := range open {
		if _, err := io.Copy(io.Discard, f.from); err != nil {
			t.Error(err)
		}
		_ = f.Body.Close()
	}
	if f, _, err := s.whole(head, nil); err != nil || f.Status != 200 {
		t.Errorf("after all have ended: %v %+v", err, f)
	}
}
