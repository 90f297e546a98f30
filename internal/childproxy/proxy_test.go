package childproxy_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy"
)

// bodyOf is the text of an answer that must come.
func bodyOf(t testing.TB, res *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPlaceholdersAreReplacedWhereTheBindingSays(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden,
		client.Binding{Hosts: []string{"api.test"}, In: "bearer"}, client.Binding{Hosts: []string{"api.test"}, In: "basic"}, client.Binding{Hosts: []string{"key.test"}, In: "header:X-Api-Key"},
		client.Binding{Hosts: []string{"query.test"}, In: "query:key"}, client.Binding{Hosts: []string{"body.test"}, In: "body:/token"}, client.Binding{Hosts: []string{"plain.test:80"}})
	s.keep("json", `{"one":"`+hidden+`"}`, client.Binding{Hosts: []string{"api.test"}, In: "bearer"})
	r := s.start(map[string]string{"TOKEN": "k", "FIELD": "json#one"}, byToken)
	token, field := r.vars["TOKEN"], r.vars["FIELD"]
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s|%s|%s|%s|%d", r.Header.Get("Authorization"), r.Header.Get("X-Api-Key"), r.URL.RawQuery, b, r.ContentLength)
	})
	stars := strings.Repeat("*", len(hidden))
	pair := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, c := range map[string]struct {
		url, header, value, kind, body string
		want                           func(answer string) bool
	}{
		"bearer":         {url: "https://api.test/", header: "Authorization", value: "Bearer " + token, want: func(a string) bool { return a == "Bearer "+stars+"||||0" }},
		"token":          {url: "https://api.test/", header: "Authorization", value: "token " + token, want: func(a string) bool { return strings.HasSuffix(a, stars+"||||0") }},
		"a field":        {url: "https://api.test/", header: "Authorization", value: "Bearer " + field, want: func(a string) bool { return a == "Bearer "+stars+"||||0" }},
		"a password":     {url: "https://api.test/", header: "Authorization", value: pair("user:" + token), want: func(a string) bool { return strings.HasPrefix(a, "Basic ") && strings.Contains(a, "**") }},
		"a user":         {url: "https://api.test/", header: "Authorization", value: pair(token + ":"), want: func(a string) bool { return strings.HasPrefix(a, "Basic ") && strings.Contains(a, "**") }},
		"a header":       {url: "https://key.test/", header: "X-Api-Key", value: token, want: func(a string) bool { return a == "|"+stars+"|||0" }},
		"a parameter":    {url: "https://query.test/?a=%2f&key=" + token + "&b", want: func(a string) bool { return strings.Contains(a, "key="+stars) && strings.Contains(a, "a=%2f") }},
		"JSON":           {url: "https://body.test/", kind: "application/json", body: `{"a":[1, 2],"token":"` + token + `"}`, want: func(a string) bool { return strings.Contains(a, `{"a":[1, 2],"token":"`+stars+`"}`) }},
		"a form":         {url: "https://body.test/", kind: "application/x-www-form-urlencoded", body: "a=1&token=" + token, want: func(a string) bool { return strings.Contains(a, "token="+stars) }},
		"without TLS":    {url: "http://plain.test/", header: "Authorization", value: "Bearer " + token, want: func(a string) bool { return a == "Bearer "+stars+"||||0" }},
		"none":           {url: "https://api.test/?q=%2F//", header: "Authorization", value: "Bearer own", want: func(a string) bool { return a == "Bearer own||q=%2F//||0" }},
		"none in a body": {url: "https://api.test/", kind: "text/plain", body: strings.Repeat("x", 100000), want: func(a string) bool { return strings.HasSuffix(a, "x|100000") }},
	} {
		t.Run(name, func(t *testing.T) {
			method := http.MethodGet
			if c.body != "" {
				method = http.MethodPost
			}
			q, err := http.NewRequestWithContext(t.Context(), method, c.url, strings.NewReader(c.body))
			must(t, err)
			if c.header != "" {
				q.Header.Set(c.header, c.value)
			}
			if c.kind != "" {
				q.Header.Set("Content-Type", c.kind)
			}
			res, err := r.client().Do(q)
			if got := bodyOf(t, res, err); !c.want(got) || strings.Contains(got, hidden) {
				t.Errorf("got %d %q", res.StatusCode, got)
			}
		})
	}
}

func TestAPlaceholderThatIsNotReplacedIsNotSent(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test", "plain.test:80"}, Paths: []string{"/v1/**"}})
	s.keep("other", "another-s3cr3t-of-another-host", client.Binding{Hosts: []string{"other.test"}})
	r := s.start(map[string]string{"TOKEN": "k", "OTHER": "other"}, byToken)
	token := r.vars["TOKEN"]
	mark := token[20:] // a part of it that has the mark
	var sent sync.Map
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		sent.Store(string(b), true)
	})
	auth := func(v string) func(*http.Request) { return func(q *http.Request) { q.Header.Set("Authorization", v) } }
	in := func(name, v string) func(*http.Request) {
		return func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+token); q.Header.Set(name, v) }
	}
	for name, c := range map[string]struct {
		method, url, body string
		set               func(*http.Request)
		status            int
		code              string
	}{
		"a secret of another host":     {url: "https://api.test/v1/", set: auth("Bearer " + r.vars["OTHER"]), status: 403, code: "placeholder_not_for_host"},
		"an unbound host in the clear": {url: "http://evil.test/", set: auth("Bearer " + token), status: 403, code: "placeholder_not_for_host"},
		"a path that is not bound":     {url: "https://api.test/v2/", set: auth("Bearer " + token), status: 403, code: "no_binding"},
		"another place":                {url: "https://api.test/v1/", set: func(q *http.Request) { q.Header.Set("X-Key", token) }, status: 403, code: "no_binding"},
		"a cookie":                     {url: "https://api.test/v1/", set: in("Cookie", "a="+token), status: 400, code: "placeholder_misplaced"},
		"a referer":                    {url: "https://api.test/v1/", set: in("Referer", "https://a/"+token), status: 400, code: "placeholder_misplaced"},
		"an origin":                    {url: "https://api.test/v1/", set: in("Origin", "https://"+token), status: 400, code: "placeholder_misplaced"},
		"a user agent":                 {url: "https://api.test/v1/", set: in("User-Agent", token), status: 400, code: "placeholder_misplaced"},
		"a forwarding header":          {url: "https://api.test/v1/", set: in("X-Forwarded-For", token), status: 400, code: "placeholder_misplaced"},
		"the path":                     {url: "https://api.test/v1/" + token, set: auth("x"), status: 400, code: "placeholder_misplaced"},
		"the name of a parameter":      {url: "https://api.test/v1/?" + token + "=1", set: auth("x"), status: 400, code: "placeholder_misplaced"},
		"base64 in a parameter":        {url: "https://api.test/v1/?a=" + base64.RawURLEncoding.EncodeToString([]byte("x"+token)), set: auth("x"), status: 400, code: "placeholder_misplaced"},
		"escapes in the path":          {url: "https://api.test/v1/%25" + fmt.Sprintf("%x", mark[:1]) + mark[1:] + "?" + token, set: auth("x"), status: 400, code: "placeholder_misplaced"},
		"hex in a header":              {url: "https://api.test/v1/", set: in("X-Trace", fmt.Sprintf("%x", token)), status: 400, code: "placeholder_misplaced"},
		"a part of one":                {url: "https://api.test/v1/", set: auth("Bearer x" + mark), status: 400, code: "placeholder_misplaced"},
		"twice":                        {url: "https://api.test/v1/", set: in("X-Key", token), status: 400, code: "placeholder_twice"},
		"twice in one value":           {url: "https://api.test/v1/", set: auth("Bearer " + token + token), status: 400, code: "placeholder_twice"},
		"a body that no binding names": {method: "POST", url: "https://api.test/v1/", body: "a" + token, set: auth("x"), status: 400, code: "placeholder_misplaced"},
		"a body beside a header":       {method: "POST", url: "https://api.test/v1/", body: "a" + token, set: auth("Bearer " + token), status: 400, code: "placeholder_misplaced"},
		"base64 in a body":             {method: "POST", url: "https://api.test/v1/", body: base64.StdEncoding.EncodeToString([]byte("ab" + token)), set: auth("x"), status: 400, code: "placeholder_misplaced"},
		"a body in the clear":          {method: "POST", url: "http://evil.test/", body: token, set: auth("x"), status: 400, code: "placeholder_misplaced"},
		"TRACE":                        {method: "TRACE", url: "https://api.test/v1/", set: auth("Bearer " + token), status: 405, code: "proxy_method"},
		"dots":                         {url: "https://api.test/v1/../v2/", set: auth("Bearer " + token), status: 400, code: "invalid_url"},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := http.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
			must(t, err)
			c.set(q)
			res, err := r.client().Do(q)
			got := bodyOf(t, res, err)
			if res.StatusCode != c.status || !strings.Contains(got, c.code) || !strings.HasPrefix(got, "oneclaw proxy: ") {
				t.Errorf("got %d %q", res.StatusCode, got)
			}
			for _, q := range s.site.seen() {
				if strings.Contains(fmt.Sprint(q.URL, q.Header), mark) {
					t.Errorf("the service got %v %v", q.URL, q.Header)
				}
			}
			sent.Range(func(body, _ any) bool {
				if strings.Contains(body.(string), mark) {
					t.Errorf("the service got %v", body)
				}
				return true
			})
		})
	}
}

// A binding that is taken away ends what goes on in an open tunnel with the next request.
func TestBindingsAreAskedForEachRequest(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
	s.site.says(bearer)
	r := s.start(map[string]string{"TOKEN": "k"}, byToken)
	dialed := 0
	c := r.client(func(tr *http.Transport) {
		tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			dialed++
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	})
	ask := func() (int, string) {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.test/", http.NoBody)
		must(t, err)
		q.Header.Set("Authorization", "Bearer "+r.vars["TOKEN"])
		res, err := c.Do(q)
		return res.StatusCode, bodyOf(t, res, err)
	}
	if status, text := ask(); status != 200 {
		t.Fatalf("got %d %s", status, text)
	}
	s.bind("k")
	if status, text := ask(); status != 403 {
		t.Errorf("unbound: got %d %s", status, text)
	}
	s.bind("k", client.Binding{Hosts: []string{"api.test"}})
	if status, text := ask(); status != 200 {
		t.Errorf("bound again: got %d %s", status, text)
	}
	if dialed != 1 {
		t.Errorf("there were %d tunnels", dialed)
	}
}

func TestOtherHostsAreReachedOrDenied(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
	open := s.start(map[string]string{"TOKEN": "k"})
	if out := open.sh(`curl -fsS https://free.test/ http://free.test/`); out != "okok" {
		t.Errorf("got %q", out)
	}
	shut := s.start(map[string]string{"TOKEN": "k"}, func(c *childproxy.Config) { c.DenyUnbound = true })
	for _, url := range []string{"https://free.test/", "http://free.test/"} {
		if out := shut.sh(`curl -sS -o /dev/null -w '%{http_connect}%{http_code}' ` + url + ` 2>/dev/null || true`); !strings.Contains(out, "403") {
			t.Errorf("%s: got %q", url, out)
		}
	}
	if out := shut.sh(`curl -fsS https://api.test/`); out != "ok" {
		t.Errorf("a bound host: got %q", out)
	}
	// What is not bound sees the certificate of its own authority.
	if out := open.sh(`curl -fsS -o /dev/null -w '%{ssl_verify_result}' --cacert ca.pem https://free.test/`); out != "0" {
		t.Errorf("got %q", out)
	}
}

func TestOnlyProgramsOfTheRunAreLetIn(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
	s.site.says(bearer)
	r := s.start(map[string]string{"TOKEN": "k"})
	script := `curl -sS -w '%{http_connect} %{http_code}' -H "Authorization: Bearer $TOKEN" https://api.test/ 2>/dev/null || true`
	if out := r.sh(script); !strings.Contains(out, "200 200") {
		t.Errorf("a program of the run: got %q", out)
	}
	// One that left its parent is still one of the run.
	if out := r.sh(`(setsid bash -c '` + strings.ReplaceAll(script, "'", `'\''`) + `' > left 2>&1; touch done) & disown; while [ ! -e done ]; do read -t 0.05 < <(:) || true; done; cat left`); !strings.Contains(out, "200 200") {
		t.Errorf("an orphan: got %q", out)
	}
	// This process is not below itself, so it is another one of the same user.
	c, err := net.Dial("tcp", r.URL().Host)
	must(t, err)
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if text := bodyOf(t, res, err); res.StatusCode != 403 || !strings.Contains(text, "proxy_not_yours") {
		t.Errorf("a stranger: got %d %q", res.StatusCode, text)
	}
	if os.Getuid() != 0 {
		t.Fatal("this part of the test needs root, to become another user")
	}
	// Another user, though below this process.
	if out := r.sh(`setpriv --reuid 65534 --regid 65534 --clear-groups env -u CURL_CA_BUNDLE -u SSL_CERT_FILE curl -skS -w '%{http_connect}' https://api.test/ 2>/dev/null || true`); !strings.Contains(out, "403") {
		t.Errorf("another user: got %q", out)
	}
}

// Where programs show a token, those that have it are let in, also on the connection where they
// were asked for it.
func TestTheTokenLetsIn(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
	s.site.says(bearer)
	r := s.start(map[string]string{"TOKEN": "k"}, byToken)
	for _, how := range []string{"", "--proxy-anyauth"} {
		if out := r.sh(`curl -fsS ` + how + ` -H "Authorization: Bearer $TOKEN" https://api.test/`); !strings.HasPrefix(out, "welcome") {
			t.Errorf("%q: got %q", how, out)
		}
	}
	wrong := strings.Replace(r.URL().String(), "oneclaw:", "oneclaw:x", 1)
	for _, proxy := range []string{wrong, "http://" + r.URL().Host} {
		if out := r.sh(`curl -sS -o /dev/null -w '%{http_connect}' -x ` + proxy + ` https://api.test/ 2>/dev/null || true`); out != "407" {
			t.Errorf("%s: got %q", proxy, out)
		}
	}
	var netErr net.Error
	if _, err := r.client().Get("https://127.0.0.1:" + strings.Split(r.URL().Host, ":")[1] + "/"); err == nil || errors.As(err, &netErr) && netErr.Timeout() {
		t.Errorf("the proxy spoke with itself: %v", err)
	}
}

// A proxy that the parent has is used for what goes to hosts without a secret.
func TestTheProxyOfTheParentIsUsed(t *testing.T) {
	s := openStage(t)
	s.keep("k", hidden, client.Binding{Hosts: []string{"api.test"}})
	var mu sync.Mutex
	var asked []string
	parent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization"))
		mu.Unlock()
		there, err := s.site.connect(r.Context(), 443)
		c, _, err2 := http.NewResponseController(w).Hijack()
		if err != nil || err2 != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(there, c); _ = there.Close() }()
		_, _ = io.Copy(c, there)
		_ = c.Close()
	}))
	defer parent.Close()
	via, err := url.Parse(parent.URL)
	must(t, err)
	via.User = url.UserPassword("ada", "word")
	r := s.start(map[string]string{"TOKEN": "k"}, func(c *childproxy.Config) {
		c.Direct.Proxy, c.Direct.DialContext = http.ProxyURL(via), nil
	})
	if out := r.sh(`curl -fsS https://free.test/; curl -fsS https://api.test/`); out != "okok" {
		t.Errorf("got %q", out)
	}
	mu.Lock()
	defer mu.Unlock()
	const want = "CONNECT free.test:443 Basic YWRhOndvcmQ= CONNECT api.test:443 Basic YWRhOndvcmQ="
	if got := strings.Join(asked, " "); got != want {
		t.Errorf("the parent's proxy was asked %s", got)
	}
}
