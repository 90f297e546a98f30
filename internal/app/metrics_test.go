package app

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/prom"
)

// served has the rig's server serve on ports of its own until the test ends.
func (r *shroudRig) served(metrics string) listen.Addresses {
	r.t.Helper()
	l, err := listen.Open(r.t.Context(), config.Config{Listen: "127.0.0.1:0", ShroudListen: "127.0.0.1:0", MetricsListen: metrics}, r.a.log)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- r.a.Serve(ctx, l, nil, func() error { close(ready); return nil }) }()
	<-ready
	r.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
	})
	r.url = l.At.Shroud
	return l.At
}

// at asks one of the server's addresses, and returns status and body.
func (r *shroudRig) at(method, url, token, body string, header ...string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// TestMetricsCountWhatWasDone through all surfaces of a server that serves, and name nobody.
func TestMetricsCountWhatWasDone(t *testing.T) {
	r := shroudWith(t, "", nil, func(c *config.Config) { c.MetricsListen = "127.0.0.1:0" })
	at := r.served("127.0.0.1:0")
	agent := "/v1/agents/" + r.agent
	r.rest("PUT", "/v1/vaults/"+r.vault+"/secrets/db/main", r.owner, `{"type":"password","value":"correct-horse-battery"}`)
	r.rest("PATCH", agent, r.owner, `{"intents_api_enabled":true}`)
	r.rest("POST", agent+"/signing-keys", r.owner, `{"chain":"ethereum"}`)
	r.rest("PUT", agent+"/guard", r.owner, `{"rules":{"allow_text":true}}`)

	reply := llmstub.Says(llmstub.Said(llmstub.Text, "Hello, ann@example.org"))
	reply.Usage = llmstub.Usage{Input: 100, Output: 7}
	r.stub.Answer(reply)
	ask := func(words, provider string, status int) {
		t.Helper()
		if got := r.send("POST", chat, r.says(words), r.usual("X-Shroud-Provider", provider)); got.status != status {
			t.Errorf("%s: %d %s", words, got.status, got.body)
		}
	}
	ask("It is correct-horse-battery.", "openai", 200)
	ask("Hello", "local", 200)
	ask(attack, "openai", 403)
	ask("Hello", "nobody", 502)
	r.refused("no key", 401, r.send("POST", chat, hello, r.usual("X-Shroud-Agent-Key", "")))
	for _, c := range []struct {
		method, path, token, body string
		status                    int
	}{
		{"GET", "/v1/vaults", r.owner, "", 200}, {"GET", "/v1/vaults", "", "", 401}, {"GET", "/v1/nothing/correct-horse-battery", r.owner, "", 404},
		{"POST", agent + "/sign", r.key, `{"intent_type":"personal_sign","chain":"base","message":"hello"}`, 200},
		{"GET", "/login", "", "", 200}, {"POST", "/mcp", "", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, 401},
		{"POST", "/mcp", r.key, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, 200},
	} {
		if status, body := r.at(c.method, at.API+c.path, c.token, c.body); status != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, body)
		}
	}
	status, text := r.at("GET", at.Metrics+"/metrics", "", "")
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	got := prom.Read(t, text)
	for series, want := range map[string]float64{
		`oneclaw_requests_total{surface="rest",class="2xx"}`: 2, `oneclaw_requests_total{surface="rest",class="4xx"}`: 2, `oneclaw_denied_total{surface="rest"}`: 1,
		`oneclaw_requests_total{surface="mcp",class="2xx"}`: 1, `oneclaw_requests_total{surface="mcp",class="4xx"}`: 1, `oneclaw_denied_total{surface="mcp"}`: 1,
		`oneclaw_requests_total{surface="pages",class="2xx"}`: 1, `oneclaw_signatures_total{kind="message"}`: 1,
		`oneclaw_requests_total{surface="shroud",class="2xx"}`: 2, `oneclaw_requests_total{surface="shroud",class="4xx"}`: 2, `oneclaw_requests_total{surface="shroud",class="5xx"}`: 1,
		`oneclaw_denied_total{surface="shroud"}`:                      2,
		`shroud_requests_total{outcome="redacted",provider="openai"}`: 1, `shroud_requests_total{outcome="blocked",provider="openai"}`: 1,
		`shroud_requests_total{outcome="failed",provider="other"}`:                 1,
		`shroud_threats_detected_total{kind="command_injection",action="blocked"}`: 1, `shroud_threats_detected_total{kind="pii",action="redacted"}`: 2,
		`shroud_redactions_total{kind="secret"}`: 1, `shroud_redactions_total{kind="pii"}`: 2,
		`shroud_tokens_total{kind="input"}`: 200, `shroud_tokens_total{kind="output"}`: 14, `shroud_request_duration_seconds_count`: 4,
	} {
		if got[series] != want {
			t.Errorf("%s is %g, want %g", series, got[series], want)
		}
	}
	for _, secret := range []string{"correct-horse", "db/main", r.agent, r.key, r.vault, providerKey, "ann@", "caller", "local", "nobody", "gpt-5", "rm -rf", "/v1", "base"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the metrics: %s", secret, text)
		}
	}
	// It is a port of its own, which serves nothing else, and no page of another name.
	if status, _ := r.at("GET", at.API+"/metrics", r.owner, ""); status != 404 {
		t.Errorf("on the API: %d", status)
	}
	if status, body := r.at("GET", at.Metrics+"/v1/vaults", r.owner, ""); status != 404 {
		t.Errorf("the API on its port: %d %s", status, body)
	}
	if status, body := r.at("GET", at.Metrics+"/metrics", "", "", "Host", "evil.example"); status < 400 || strings.Contains(body, "oneclaw_requests_total") {
		t.Errorf("by another name: %d %s", status, body)
	}
}

// TestMetricsAreOffUnlessTheOperatorSaysSo: no port is opened, and nothing is counted.
func TestMetricsAreOffUnlessTheOperatorSaysSo(t *testing.T) {
	r := shroud(t)
	at := r.served("")
	if at.Metrics != "" || r.a.meters != nil {
		t.Errorf("%+v, %v", at, r.a.meters)
	}
	if got := r.send("POST", chat, hello, r.usual()); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	for what, env := range map[string][]string{
		"another machine": {"ONECLAW_METRICS_LISTEN=0.0.0.0:9464"}, "all addresses": {"ONECLAW_METRICS_LISTEN=:9464"}, "no port": {"ONECLAW_METRICS_LISTEN=127.0.0.1"},
	} {
		cfg, err := config.Read(env, "")
		if err == nil {
			err = cfg.Check()
		}
		if err == nil || !strings.Contains(err.Error(), "ONECLAW_METRICS_LISTEN") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestAStreamIsCountedAndPassesAsItIs through what counts answers.
func TestAStreamIsCountedAndPassesAsItIs(t *testing.T) {
	m := newMeters()
	h := m.count(func(*http.Request) string { return "shroud" }, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "one") // its reader is this test
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		if _, ok := w.(http.Flusher); !ok {
			t.Error("it can't be flushed")
		}
		panic(http.ErrAbortHandler)
	}))
	srv := httptest.NewServer(h)
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if b, err := io.ReadAll(res.Body); string(b) != "one" || err == nil {
		t.Errorf("%q, %v: it broke off", b, err)
	}
	srv.Close() // waits for the handler
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if got := prom.Read(t, w.Body.String()); got[`oneclaw_requests_total{surface="shroud",class="2xx"}`] != 1 {
		t.Errorf("%v", got)
	}
}
