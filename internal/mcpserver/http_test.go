package mcpserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func serverFor(t testing.TB, a *contractAPI) *mcp.Server {
	t.Helper()
	c, err := client.New(a.URL, client.WithAgentKey(agentKey))
	if err != nil {
		t.Fatal(err)
	}
	s, err := mcpserver.New(mcpserver.Config{Client: c, Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// overHTTP serves /mcp in front of a, called in process.
func overHTTP(t *testing.T, a *contractAPI) (*httptest.Server, *world.Clock) {
	t.Helper()
	ck := world.NewClock()
	s := httptest.NewUnstartedServer(mcpserver.Handler(mcpserver.HTTPConfig{
		NewClient: mcpserver.InProcessClients(a, "1", nil), Version: "1", Hosts: []string{"vault.example:443"}, Now: ck.Now,
	}))
	s.Config.ErrorLog = log.New(noPanic{t}, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s, ck
}

// noPanic fails a test when the HTTP server reports a panic, which a client sees
// only as a connection that ended.
type noPanic struct{ t *testing.T }

func (n noPanic) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "panic") {
		n.t.Errorf("%s", b)
	}
	return len(b), nil
}

// withHeaders adds headers to every request of an MCP client.
type withHeaders map[string]string

func (h withHeaders) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for k, v := range h {
		r.Header.Set(k, v)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func dialHTTP(ctx context.Context, url string, h withHeaders) (*mcp.ClientSession, error) {
	return mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: url, HTTPClient: &http.Client{Transport: h}, MaxRetries: -1}, nil)
}

func TestToolsOverHTTP(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	a.addVault(vaultTwo, "two")
	s, _ := overHTTP(t, a)
	cs, err := dialHTTP(t.Context(), s.URL, withHeaders{"Authorization": "Bearer " + agentKey, "X-Forwarded-For": "198.51.100.7"})
	if err != nil {
		t.Fatal(err)
	}
	defer cs.Close()
	for _, step := range [][3]string{
		{"get_secret", `{"path":"db/password"}`, `{"path":"db/password","type":"password","version":1,"value":"hunter2"}`},
		{"get_secret", `{"path":"none"}`, `error: No secret found at path 'none'.`},
		{"put_secret", `{"path":"n","value":"v"}`, `Secret stored at 'n' (version 1, type: api_key).`},
	} {
		if got := call(t.Context(), t, cs, step[0], step[1]); got != step[2] {
			t.Errorf("%s: %s", step[0], got)
		}
	}
	if slices.Contains(a.requests, "POST /v1/auth/agent-token") {
		t.Error("a key was exchanged")
	}
	if i := slices.IndexFunc(a.addresses, func(s string) bool { return s != "198.51.100.7" }); i >= 0 {
		t.Errorf("the API saw %s for %s", a.addresses[i], a.requests[i])
	}
	for _, named := range []string{vaultTwo, "two", vaultTwo[:9]} {
		two, err := dialHTTP(t.Context(), s.URL, withHeaders{"Authorization": "bearer " + agentKey, "X-Vault-ID": named})
		if err != nil {
			t.Fatal(err)
		}
		if got := call(t.Context(), t, two, "list_secrets", `{}`); got != "No secrets found in this vault." {
			t.Errorf("X-Vault-ID %s is not used: %s", named, got)
		}
		_ = two.Close()
	}
}

const (
	pingBody = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	callBody = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_secret","arguments":{"path":"db/password"}}}`
)

// post sends one message and returns status, headers and body.
func post(t *testing.T, url, method, body string, h withHeaders) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("MCP-Protocol-Version", "2025-06-18")
	if host := h["Host"]; host != "" {
		r.Host = host
	}
	for k, v := range h {
		r.Header[http.CanonicalHeaderKey(k)] = strings.Split(v, "\n") // one header a line
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

func TestGate(t *testing.T) {
	good := "Bearer " + agentKey
	for name, c := range map[string]struct {
		method string
		h      withHeaders
		want   int
	}{
		"a good key":                        {"POST", withHeaders{"Authorization": good}, 200},
		"no credential":                     {"POST", nil, 401},
		"no credential, for a stream":       {"GET", nil, 401},
		"another scheme":                    {"POST", withHeaders{"Authorization": "Basic " + agentKey}, 401},
		"an empty credential":               {"POST", withHeaders{"Authorization": "Bearer "}, 401},
		"a wrong key":                       {"POST", withHeaders{"Authorization": "Bearer ocv_" + canary}, 401},
		"a human's key":                     {"POST", withHeaders{"Authorization": "Bearer 1ck_good"}, 401},
		"a human's token":                   {"POST", withHeaders{"Authorization": "Bearer human"}, 403},
		"a credential with odd characters":  {"POST", withHeaders{"Authorization": "Bearer a b" + canary}, 401},
		"a credential of 9 KB":              {"POST", withHeaders{"Authorization": "Bearer " + strings.Repeat("a", 9<<10)}, 401},
		"a vault that it can reach":         {"POST", withHeaders{"Authorization": good, "X-Vault-ID": vaultOne}, 200},
		"a vault that is not there":         {"POST", withHeaders{"Authorization": good, "X-Vault-ID": vaultTwo}, 404},
		"two vaults":                        {"POST", withHeaders{"Authorization": good, "X-Vault-ID": vaultOne + "\n" + vaultTwo}, 400},
		"a vault id that is none":           {"POST", withHeaders{"Authorization": good, "X-Vault-ID": canary}, 400},
		"a stream":                          {"GET", withHeaders{"Authorization": good}, 405},
		"the end of a session":              {"DELETE", withHeaders{"Authorization": good}, 405},
		"a session id means nothing":        {"POST", withHeaders{"Authorization": good, "Mcp-Session-Id": canary}, 200},
		"a name that points here":           {"POST", withHeaders{"Authorization": good, "Host": canary + ".example"}, 403},
		"localhost":                         {"POST", withHeaders{"Authorization": good, "Host": "localhost:8210"}, 200},
		"our public name, through a proxy":  {"POST", withHeaders{"Authorization": good, "Host": "Vault.example"}, 200},
		"a web page of another origin":      {"POST", withHeaders{"Authorization": good, "Origin": "https://" + canary + ".example"}, 403},
		"a web page, as the browser has it": {"POST", withHeaders{"Authorization": good, "Sec-Fetch-Site": "cross-site"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			a := newContractAPI(t)
			seeded(a)
			a.direct, a.humans = append(a.direct, "human", "1ck_good"), []string{"human"}
			s, _ := overHTTP(t, a)
			status, h, body := post(t, s.URL, c.method, pingBody, c.h)
			if status != c.want {
				t.Fatalf("%d %s", status, body)
			}
			if strings.Contains(body, canary) || h.Get("Cache-Control") != "no-store" || !json.Valid([]byte(body)) {
				t.Errorf("%v %s", h, body)
			}
			if (status == 401) != (h.Get("WWW-Authenticate") != "") || (status == 405) != (h.Get("Allow") == "POST") {
				t.Errorf("headers: %v", h)
			}
		})
	}
}

func TestTheAPIIsAskedAboutACredentialOnceAMinute(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	s, ck := overHTTP(t, a)
	asked := func() (n int) {
		for _, r := range a.requests {
			if r == "GET /v1/agents/me" {
				n++
			}
		}
		return n
	}
	good := withHeaders{"Authorization": "Bearer " + agentKey}
	for range 5 {
		post(t, s.URL, "POST", pingBody, good)
	}
	if asked() != 1 {
		t.Errorf("asked %d times", asked())
	}
	ck.Forward(time.Minute)
	post(t, s.URL, "POST", pingBody, good)
	if asked() != 2 {
		t.Errorf("asked %d times after a minute", asked())
	}
}

func TestARevokedCredentialIsDeadAtOnce(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	s, _ := overHTTP(t, a)
	good := withHeaders{"Authorization": "Bearer " + agentKey}
	if _, _, body := post(t, s.URL, "POST", callBody, good); !strings.Contains(body, "hunter2") {
		t.Fatal(body)
	}
	a.mu.Lock()
	a.direct = nil
	a.mu.Unlock()
	if status, _, body := post(t, s.URL, "POST", callBody, good); status != 200 || !strings.Contains(body, `"isError":true`) || strings.Contains(body, "hunter2") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body := post(t, s.URL, "POST", pingBody, good); status != 401 {
		t.Errorf("%d %s", status, body)
	}
}

func TestOneCredentialsVaultIsNotAnothers(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	a.addVault(vaultTwo, "two")
	a.direct = append(a.direct, "other")
	s, _ := overHTTP(t, a)
	post(t, s.URL, "POST", callBody, withHeaders{"Authorization": "Bearer " + agentKey, "X-Vault-ID": vaultTwo})
	_, _, body := post(t, s.URL, "POST", callBody, withHeaders{"Authorization": "Bearer other"})
	if !strings.Contains(body, "hunter2") {
		t.Errorf("%s", body)
	}
}

func TestWhenTheAPIIsDownHTTPSaysSo(t *testing.T) {
	a := newContractAPI(t)
	for status, want := range map[int]int{500: 503, 429: 429} {
		a.refuse["GET agents/me"] = fakeProblem{status: status, detail: "d", after: "60"}
		s, _ := overHTTP(t, a)
		got, h, body := post(t, s.URL, "POST", pingBody, withHeaders{"Authorization": "Bearer " + agentKey})
		if got != want || (want == 429) != (h.Get("Retry-After") == "60") {
			t.Errorf("%d: %d %v %s", status, got, h, body)
		}
	}
}

// TestManyCredentials fills what is remembered and goes on working: -race watches.
func TestManyCredentials(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	for i := range 1100 {
		a.direct = append(a.direct, fmt.Sprint("agent-", i))
	}
	s, ck := overHTTP(t, a)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := g; i < 1100; i += 4 {
				ck.Forward(time.Millisecond)
				if status, _, body := post(t, s.URL, "POST", pingBody, withHeaders{"Authorization": fmt.Sprint("Bearer agent-", i)}); status != 200 {
					t.Errorf("%d %s", status, body)
				}
			}
		})
	}
	wg.Wait()
	asks := func(agent string) bool {
		before := len(a.requests)
		ck.Forward(time.Millisecond)
		post(t, s.URL, "POST", pingBody, withHeaders{"Authorization": "Bearer " + agent})
		return len(a.requests) != before
	}
	if asks("agent-1099") {
		t.Error("a credential used just now was forgotten")
	}
	// About the eldest that is still known: using it makes it the youngest.
	eldest := ""
	for i := 0; eldest == "" && i < 1100; i++ {
		if id := fmt.Sprint("agent-", 90+i); !asks(id) {
			eldest = id
		}
	}
	for i := range 40 {
		if !asks(fmt.Sprint("agent-", i)) {
			t.Errorf("agent-%d was used long ago and kept beyond the bound", i)
		}
	}
	if asks(eldest) {
		t.Error("one used a moment ago made room before those that were not")
	}
}

func TestBadMessagesOverHTTP(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	s, _ := overHTTP(t, a)
	for name, body := range map[string]string{
		"not JSON":           canary,
		"nothing":            "",
		"not a message":      `{"` + canary + `":1}`,
		"an id of no shape":  `{"jsonrpc":"2.0","id":{"` + canary + `":1},"method":"ping"}`,
		"very deep":          strings.Repeat("[", 100000),
		"deep arguments":     `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_secret","arguments":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + `}}`,
		"a batch of twins":   `[` + pingBody + `,` + pingBody + `]`,
		"an empty batch":     `[]`,
		"another tool":       `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + canary + `"}}`,
		"another resource":   `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"vault://` + canary + `"}}`,
		"a name of no shape": `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":{"` + canary + `":1}}}`,
		"no parameters":      `{"jsonrpc":"2.0","id":1,"method":"tools/call"}`,
		"more than it takes": `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"` + strings.Repeat(canary, 800000) + `"}}`,
		"a reply":            `{"jsonrpc":"2.0","id":1,"result":{"` + canary + `":1}}`,
		"a strange cursor":   `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"` + canary + `"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			status, _, got := post(t, s.URL, "POST", body, withHeaders{"Authorization": "Bearer " + agentKey})
			if status >= 500 || strings.Contains(got, canary) {
				t.Errorf("%d %.300s", status, got)
			}
		})
	}
	if status, _, body := post(t, s.URL, "POST", pingBody, withHeaders{"Authorization": "Bearer " + agentKey}); status != 200 {
		t.Errorf("afterwards: %d %s", status, body)
	}
}

// TestRemoteListenersTakeAnyName: only a loopback listener has a line to draw.
func TestRemoteListenersTakeAnyName(t *testing.T) {
	a := newContractAPI(t)
	h := mcpserver.Handler(mcpserver.HTTPConfig{NewClient: mcpserver.InProcessClients(a, "1", nil), Version: "1"})
	r := httptest.NewRequest(http.MethodPost, "http://vault.example/mcp", strings.NewReader(pingBody))
	r = r.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443})))
	r.Header.Set("Authorization", "Bearer "+agentKey)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// JSON-RPC 2.0 section 4.1: a notification is never answered with an error. Clients of
// later versions of the protocol send some that are not known here.
func TestANotificationThatIsNotKnownIsDropped(t *testing.T) {
	a := newContractAPI(t)
	seeded(a)
	s, _ := overHTTP(t, a)
	good := withHeaders{"Authorization": "Bearer " + agentKey}
	for body, want := range map[string]int{
		`{"jsonrpc":"2.0","method":"notifications/later"}`:                 http.StatusAccepted,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`:           http.StatusAccepted,
		`{"jsonrpc":"2.0","method":"tools/later"}`:                         http.StatusBadRequest,
		`{"jsonrpc":"2.0","method":"notifications/later","method":"ping"}`: http.StatusBadRequest,
	} {
		if status, _, text := post(t, s.URL, "POST", body, good); status != want {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if status, _, text := post(t, s.URL, "POST", `{"jsonrpc":"2.0","method":"notifications/later"}`, withHeaders{"Authorization": "Bearer ocv_wrong"}); status != http.StatusUnauthorized {
		t.Errorf("with a wrong key: %d %s", status, text)
	}
}

// TestHealth: what probes of the contract's HTTP mode ask for.
func TestHealth(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		well   bool
		status int
		body   string
	}{
		"well":       {"GET", true, 200, "✓ Ok"},
		"not well":   {"GET", false, 503, "Degraded: see /v1/health"},
		"other verb": {"POST", true, 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			mcpserver.Health(func(context.Context) bool { return c.well }).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, "/health", nil))
			if w.Code != c.status || w.Body.String() != c.body {
				t.Errorf("%d %q", w.Code, w.Body)
			}
		})
	}
}
