package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listener is a caller that keeps what it is told: answers that may hold a value
// apart from those that may not.
type listener struct {
	caller
	t       *testing.T
	c       *canaries
	answers int
}

// refused sends a request that must get a 4xx, and searches the answer.
func (l *listener) refused(method, path string, body any) {
	l.t.Helper()
	if r := l.searched(method, path, body); r.status < 400 || r.status > 499 {
		l.t.Errorf("%s %.80s: %d %.300s", method, path, r.status, r.body)
	}
}

// done sends a request that must succeed with an answer that holds no value.
func (l *listener) done(method, path string, body any) {
	l.t.Helper()
	if r := l.searched(method, path, body); r.status > 299 {
		l.t.Errorf("%s %.80s: %d %.300s", method, path, r.status, r.body)
	}
}

func (l *listener) searched(method, path string, body any) *reply {
	l.t.Helper()
	r := l.do(l.t, method, path, body)
	l.search(r)
	return r
}

func (l *listener) search(r *reply) {
	l.t.Helper()
	l.answers++
	l.c.absent("an answer's body", r.body)
	l.c.absent("an answer's header", fmt.Append(nil, r.header))
}

func TestNoValueTurnsUpWhereItDoesNotBelong(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.env = []string{"ONECLAW_LOG_LEVEL=debug", "ONECLAW_RATE_AUTH=off"}
	s := p.start()
	owner := s.login()
	vault, key := grant(t, owner, "app/**", "read", "write")
	agent := owner.exchange(t, key)
	userKey := text(t, owner.want(t, 201, "POST", "/v1/auth/api-keys", map[string]string{"name": "cli"}), "api_key")

	c := newCanaries(t)
	l := &listener{caller: owner, t: t, c: c}
	storedValues(t, l, agent, vault)
	toolValues(t, l, s, key)
	badBodies(l, vault)
	badCredentials(l, s.Email)
	badAddresses(l, vault)
	badHeaders(l, vault)
	badHTTP(l, strings.TrimPrefix(s.APIURL, "http://"))
	t.Logf("%d canaries, %d answers searched", len(c.sought), l.answers)

	// What is now sought was in use all the while.
	for name, credential := range map[string]string{
		"the owner's token": owner.token, "the agent's token": agent.token, "the agent's key": key, "a user's key": userKey,
	} {
		c.watch(name, credential)
		if _, random, isKey := strings.Cut(credential, "_"); isKey && len(random) == 43 {
			c.watch(name+" without prefix", random)
		} else {
			c.watch(name+"'s signature", credential[strings.LastIndex(credential, ".")+1:])
		}
	}
	l.done("GET", "/v1/audit/export", nil)
	l.done("GET", "/v1/audit/events?limit=1000", nil)
	l.done("GET", "/v1/vaults", nil)
	l.done("GET", vault+"/secrets", nil)
	l.done("GET", "/v1/agents", nil)
	l.done("GET", "/v1/auth/api-keys", nil)
	l.done("GET", "/v1/health", nil)
	l.done("GET", "/status", nil)
	owner.verified(t)

	mine := []string{"dev-owner.json", "dev-credentials.json"} // for this machine's user, and say so
	c.absent("the output", []byte(s.output()))
	c.watch("the owner's password", s.Password)
	c.watch("the first agent's key", s.AgentAPIKey)
	c.absentBelow(p.data, mine...)
	s.kill9() // with all that is in the write-ahead log
	c.absentBelow(p.data, mine...)
	s = p.start()
	owner.at(s).verified(t)
	s.stop()
	c.absentBelow(p.data, mine...)
	// The search did look where things are: paths are no secrets.
	b := must[[]byte](t)(os.ReadFile(filepath.Join(p.data, "oneclaw.db")))
	if !bytes.Contains(b, []byte("app/short")) {
		t.Error("the database does not hold a path that was written")
	}
	// Tests that log in beside the program hash for less.
	if !bytes.Contains(b, []byte("$argon2id$v=19$m=19456,t=2,p=1$")) || bytes.Count(b, []byte("$argon2id$")) != bytes.Count(b, []byte("$argon2id$v=19$m=19456,t=2,p=1$")) {
		t.Error("a password is hashed for another cost than it must be")
	}
}

// storedValues takes values through everything that can be done with a secret.
func storedValues(t *testing.T, l *listener, agent caller, vault string) {
	at := func(kind, path string) string { return vault + "/" + kind + "/" + path }
	for _, path := range []string{"app/word", "app/odd"} {
		make1 := l.c.word
		if path == "app/odd" {
			make1 = l.c.odd
		}
		first, second := make1("the first value of "+path), make1("the second value of "+path)
		l.done("PUT", at("secrets", path), map[string]string{"value": first, "type": "password"})
		l.done("PUT", at("secrets", path), map[string]string{"value": second})
		for _, who := range []caller{l.caller, agent} {
			if m := who.want(t, 200, "GET", at("secrets", path), nil); m["value"] != second {
				t.Errorf("%s is %q, want %q", path, m["value"], second)
			}
		}
		if m := l.want(t, 200, "GET", at("secret-versions", path)+"?version=1", nil); m["value"] != first {
			t.Errorf("version 1 of %s is %q, want %q", path, m["value"], first)
		}
		l.done("GET", at("secret-versions", path), nil)
		l.done("GET", vault+"/secrets?prefix=app/", nil)
		l.done("DELETE", at("secrets", path), nil)
		l.refused("GET", at("secrets", path), nil)
		l.done("POST", at("secret-restore", path), nil)
	}
	l.done("DELETE", at("secret-versions", "app/odd"), nil)
	l.done("PUT", at("secrets", "app/once"), map[string]any{"value": l.c.word("a value to be read once"), "max_access_count": 1})
	agent.want(t, 200, "GET", at("secrets", "app/once"), nil)
	l.refused("GET", at("secrets", "app/once"), nil)
	ends := time.Now().Add(time.Second)
	l.done("PUT", at("secrets", "app/short"), map[string]any{"value": l.c.word("a value that expires"), "expires_at": ends})
	eventually(t, "the expiry", func() bool { return time.Now().After(ends.Add(50 * time.Millisecond)) })
	l.refused("GET", at("secrets", "app/short"), nil)

	a := *l
	a.caller = agent
	a.refused("PUT", at("secrets", "private/key"), map[string]string{"value": l.c.word("a value that may not be written")})
	l.done("PUT", at("secrets", "private/key"), map[string]string{"value": l.c.word("a value that may not be read")})
	a.refused("GET", at("secrets", "private/key"), nil)
	a.refused("GET", at("secret-versions", "private/key")+"?version=1", nil)
	l.refused("PUT", "/v1/vaults/00000000-0000-4000-8000-000000000000/secrets/a", map[string]string{"value": l.c.word("a value for no vault")})
	l.refused("POST", at("secrets", "app/word"), map[string]string{"value": l.c.word("a value to rotate the other way")})
	l.refused("PATCH", at("secrets", "app/word"), map[string]string{"value": l.c.word("a value by a wrong verb")})
}

// toolValues uses the MCP tools over HTTP.
func toolValues(t *testing.T, l *listener, s *server, key string) {
	call := func(tool, arguments string) *reply {
		t.Helper()
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, tool, arguments)
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.MCPURL, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range map[string]string{"Authorization": "Bearer " + key, "Content-Type": "application/json", "Accept": "application/json, text/event-stream"} {
			r.Header.Set(k, v)
		}
		return must[*reply](t)(l.send(r))
	}
	value := l.c.word("a value written by a tool")
	l.search(call("put_secret", `{"path":"app/tool","value":"`+value+`"}`))
	if r := call("get_secret", `{"path":"app/tool"}`); !strings.Contains(string(r.body), value) {
		t.Errorf("get_secret: %d %s", r.status, r.body)
	}
	l.search(call("put_secret", `{"path":"../`+l.c.word("a tool's path")+`","value":"`+l.c.word("a tool's value beside a bad path")+`"}`))
	l.search(call("put_secret", `{"path":"app/tool","value":{"x":"`+l.c.word("a tool's value of a wrong type")+`"}}`))
	l.search(call("put_secret", `{"path":"app/tool","value":"v","`+l.c.word("a tool's unknown argument")+`":1}`))
	l.search(call(l.c.word("a tool that is not there"), `{}`))
	l.search(call("put_secret", `{"value":"`+l.c.word("a tool's broken JSON")))
}

// badBodies sends values in bodies that are refused, or that hold more than they
// should.
func badBodies(l *listener, vault string) {
	path := vault + "/secrets/app/bad"
	for way, body := range map[string]string{
		"a body cut off":            `{"value":"%s"`,
		"a trailing comma":          `{"value":"%s",}`,
		"more after the body":       `{"value":"x"} "%s"`,
		"no JSON at all":            `%s`,
		"a bare string":             `"%s"`,
		"a value in an object":      `{"value":{"x":"%s"}}`,
		"a value in a list":         `{"value":["%s"]}`,
		"a key":                     `{"%s":"x"}`,
		"a type":                    `{"value":"x","type":"%s"}`,
		"another type":              `{"value":"x","secret_type":"%s"}`,
		"a number":                  `{"value":"x","max_access_count":"%s"}`,
		"a time":                    `{"value":"x","expires_at":"%s"}`,
		"metadata":                  `{"value":"x","metadata":"%s"}`,
		"a rotation policy":         `{"value":"x","rotation_policy":"%s"}`,
		"a value that is there 2x":  `{"value":"%s","value":"x"}`,
		"a case twin of value":      `{"value":"x","Value":"%s","value":"y"}`,
		"a value with bad UTF-8":    "{\"value\":\"%s\xff\"}",
		"a value with half a pair":  `{"value":"%s\ud800"}`,
		"a value that has expired":  `{"value":"%s","expires_at":"2001-01-01T00:00:00Z"}`,
		"a value deep down":         strings.Repeat("[", 20_000) + `"%s"` + strings.Repeat("]", 20_000),
		"a value of a huge number":  `{"value":"%s","max_access_count":1e400}`,
		"a value with bad metadata": `{"value":"%s","metadata":[1]}`,
	} {
		l.refused("PUT", path, strings.Replace(body, "%s", l.c.word(way), 1))
	}
	l.refused("PUT", path, `{"value":"`+strings.Repeat(l.c.word("a value that is too long"), 1+(5<<20)/20)+`"}`)
	l.done("PUT", path, `{"value":"x","`+l.c.word("an unknown field")+`":1,"more":"`+l.c.word("an unknown field's value")+`"}`)
	for way, to := range map[string]string{"a policy": vault + "/policies", "an agent": "/v1/agents", "a vault": "/v1/vaults", "an API key": "/v1/auth/api-keys", "a profile": "/v1/auth/change-password"} {
		l.refused("POST", to, `{"name":["`+l.c.word("a wrong field of "+way)+`"]}`)
		l.refused("POST", to, `{"name":"`+l.c.word("a broken body of "+way))
	}
	l.refused("POST", vault+"/policies", `{"secret_path_pattern":"../`+l.c.word("a bad pattern")+`","principal_type":"agent","principal_id":"00000000-0000-4000-8000-000000000000","permissions":["read"]}`)
	l.refused("POST", vault+"/policies", `{"secret_path_pattern":"a","principal_type":"`+l.c.word("a bad principal type")+`","principal_id":"`+l.c.word("a bad principal")+`","permissions":["`+l.c.word("a bad permission")+`"]}`)
}

// badCredentials guesses.
func badCredentials(l *listener, email string) {
	anyone := *l
	anyone.caller = l.as("")
	for way, body := range map[string]string{
		"a wrong password":           `{"email":"` + email + `","password":"%s"}`,
		"a password of nobody":       `{"email":"nobody@example.com","password":"%s"}`,
		"an email of nobody":         `{"email":"%s@example.com","password":"x"}`,
		"an email that is none":      `{"email":"%s","password":"x"}`,
		"a password in an object":    `{"email":"a@example.com","password":{"x":"%s"}}`,
		"a login's unknown field":    `{"email":"a@example.com","password":"x","%s":1}`,
		"a password in broken JSON":  `{"email":"a@example.com","password":"%s"`,
		"a password at a wrong name": `{"email":"a@example.com","pass":"%s"}`,
	} {
		anyone.refused("POST", "/v1/auth/token", strings.Replace(body, "%s", l.c.word(way), 1))
	}
	for _, route := range []string{"agent-token", "api-key-token"} {
		anyone.refused("POST", "/v1/auth/"+route, `{"api_key":"`+l.c.word("a key at "+route)+`"}`)
		anyone.refused("POST", "/v1/auth/"+route, `{"api_key":"ocv_`+l.c.word("an agent's key at "+route)+`abcdefghijklmno"}`)
		anyone.refused("POST", "/v1/auth/"+route, `{"api_key":"1ck_`+l.c.word("a user's key at "+route)+`"}`)
		anyone.refused("POST", "/v1/auth/"+route, `{"api_key":["`+l.c.word("a key in a list at "+route)+`"]}`)
	}
	anyone.refused("POST", "/v1/auth/agent-token", `{"api_key":"ocv_x","agent_id":"`+l.c.word("an agent's id")+`"}`)
	anyone.refused("POST", "/v1/auth/refresh", `{"refresh_token":"`+l.c.word("a refresh token")+`"}`)
	anyone.refused("POST", "/v1/auth/verify-email", `{"token":"`+l.c.word("a mail's token")+`"}`)
	anyone.refused("POST", "/v1/auth/signup", `{"email":"new@example.com","password":"`+l.c.word("a weak password")+`"}`)
	anyone.done("POST", "/v1/auth/signup", `{"email":"second@example.com","password":"Qz7!`+l.c.word("a good password")+`"}`)
	l.refused("POST", "/v1/auth/change-password", `{"current_password":"`+l.c.word("a wrong old password")+`","new_password":"Qz7!`+l.c.word("a new password")+`"}`)
	for _, scheme := range []string{"", "ocv_", "1ck_", "eyJhbGciOiJFZERTQSJ9.", "eyJhbGciOiJub25lIn0.e30."} {
		guess := *l
		guess.caller = l.as(scheme + l.c.word("a bearer "+scheme))
		guess.refused("GET", "/v1/vaults", nil)
	}
}

// badAddresses sends values where a path or a query stands.
func badAddresses(l *listener, vault string) {
	for way, path := range map[string]string{
		"a route":             "/v1/%s",
		"a page":              "/%s",
		"a vault's id":        "/v1/vaults/%s",
		"a vault's secrets":   "/v1/vaults/%s/secrets/a",
		"an agent's id":       "/v1/agents/%s",
		"a key's id":          "/v1/auth/api-keys/%s",
		"a policy's id":       vault + "/policies/%s",
		"a path with dots":    vault + "/secrets/a/../%s",
		"a path with a space": vault + "/secrets/%s%%20x",
		"a path with a NUL":   vault + "/secrets/%s%%00",
		"a path encoded 2x":   vault + "/secrets/a%%252F%s",
		"a path of 10 KB":     vault + "/secrets/%s" + strings.Repeat("a", 10_000),
		"a version":           vault + "/secret-versions/app/word?version=%s",
		"a prefix":            vault + "/secrets?prefix=../%s",
		"a limit":             vault + "/secrets?limit=%s",
		"a cursor":            vault + "/secrets?cursor=%s!", // without it one in sixteen is a cursor
		"an audit's time":     "/v1/audit/events?from=%s",
		"an audit's limit":    "/v1/audit/events?limit=%s",
	} {
		l.refused("GET", strings.NewReplacer("%s", l.c.word(way), "%%", "%").Replace(path), nil)
	}
	l.done("GET", "/v1/vaults?token="+l.c.word("an unknown query"), nil)
	l.done("GET", "/v1/health?"+l.c.word("a query of health"), nil)
	l.done("GET", "/?"+l.c.word("a query of the page"), nil)
	l.done("GET", "/v1/audit/events?actor_id="+l.c.word("an audit's actor"), nil)
}

// badHeaders sends values in headers that nobody asked for.
func badHeaders(l *listener, vault string) {
	for _, header := range []string{"User-Agent", "Cookie", "X-Forwarded-For", "X-Real-Ip", "Forwarded", "Referer", "Origin", "X-Request-Id",
		"Idempotency-Key", "X-Api-Key", "X-Vault-ID", "Content-Type", "Accept", "Accept-Encoding", "If-None-Match", "X-Share-Passphrase", "Traceparent"} {
		r, err := http.NewRequestWithContext(l.t.Context(), "PUT", l.base+vault+"/secrets/app/header", strings.NewReader(`{"value":"x"}`))
		if err != nil {
			l.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+l.token)
		r.Header.Set(header, l.c.word("the header "+header))
		l.search(must[*reply](l.t)(l.send(r)))
	}
	for _, scheme := range []string{"Basic ", "", "Digest x=", "Bearer  "} {
		r, err := http.NewRequestWithContext(l.t.Context(), "GET", l.base+"/v1/vaults", nil)
		if err != nil {
			l.t.Fatal(err)
		}
		r.Header.Set("Authorization", scheme+l.c.word("the authorization "+scheme))
		l.search(must[*reply](l.t)(l.send(r)))
	}
}

// badHTTP sends what is no HTTP.
func badHTTP(l *listener, addr string) {
	for way, request := range map[string]string{
		"a request line":         "GET /%s HTTP/9.9\r\n\r\n",
		"a method":               "%s / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a method with a blank":  "G%s T / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a Host":                 "GET /v1/vaults HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
		"a bad Host":             "GET /v1/vaults HTTP/1.1\r\nHost: %s/ \"\r\n\r\n",
		"a header's bad name":    "GET / HTTP/1.1\r\nHost: localhost\r\n%s y: z\r\n\r\n",
		"a header's bad value":   "GET / HTTP/1.1\r\nHost: localhost\r\nX: %s\x01\r\n\r\n",
		"a length":               "POST /v1/auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: %s\r\n\r\n",
		"a transfer encoding":    "POST /v1/auth/token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: %s\r\n\r\n",
		"a chunk":                "POST /v1/auth/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n\r\n",
		"a URL that is not one":  "GET /%zz%s HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"TLS to a plain port":    "\x16\x03\x01\x00\x70%s\r\n\r\n",
		"headers that are large": "GET / HTTP/1.1\r\nHost: localhost\r\nX: %s" + strings.Repeat("x", 60_000) + "\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			l.t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			l.t.Fatal(err)
		}
		// What it makes of that, and whether it reads it to the end, is its own affair.
		_, _ = io.WriteString(conn, strings.Replace(request, "%s", l.c.word(way), 1))
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(conn)
		_ = conn.Close()
		l.answers++
		l.c.absent("the answer to "+way, answer)
	}
}
