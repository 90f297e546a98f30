package app

import (
	"bufio"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/llmstub"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// over has the rig's Shroud call an upstream over TLS that h answers, with HTTP/2, and listen anew.
func (r *shroudRig) over(h http.Handler, quiet time.Duration) *httptest.Server {
	r.t.Helper()
	up := httptest.NewUnstartedServer(h)
	up.EnableHTTP2 = true
	up.StartTLS()
	r.t.Cleanup(up.Close)
	r.t.Cleanup(up.CloseClientConnections)
	roots := x509.NewCertPool()
	roots.AddCert(up.Certificate())
	allow, err := netguard.ParseAllow("127.0.0.0/8")
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.a.cfg.ShroudUpstreams.UnmarshalText(fmt.Appendf(nil, `{"openai":%q}`, up.URL)); err != nil {
		r.t.Fatal(err)
	}
	guard := netguard.New(netguard.Config{Allow: allow, RootCAs: roots})
	models, err := r.a.shroudOver(nil, guard.Transport(netguard.Options{Idle: 8, Open: 64, MaxBody: 1 << 20}), quiet)
	if err != nil {
		r.t.Fatal(err)
	}
	srv := httptest.NewServer(models)
	r.t.Cleanup(srv.Close)
	r.url = srv.URL
	return up
}

// TestAProviderIsCalledOverPooledHTTP2: many calls, also at once, whole and as streams, go over one connection, without
// what is of the caller's own.
func TestAProviderIsCalledOverPooledHTTP2(t *testing.T) {
	const atOnce = 8
	r := shroud(t)
	r.stub.Answer(llmstub.Says(llmstub.Said(llmstub.Text, "Hello ", "there")))
	var mu sync.Mutex
	peers, protocols, came := map[string]int{}, map[string]int{}, 0
	all := make(chan struct{}) // closed when so many are there at once
	r.over(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		peers[req.RemoteAddr]++
		protocols[req.Proto]++
		if came++; came == 1+atOnce {
			close(all)
		}
		first := came == 1
		mu.Unlock()
		if !first {
			select {
			case <-all:
			case <-req.Context().Done():
				return
			}
		}
		w.Header().Set("Keep-Alive", "timeout=5")
		w.Header().Set("Proxy-Authenticate", "Basic")
		r.stub.ServeHTTP(w, req)
	}), quiet)
	call := func(i int) error {
		h := r.usual()
		h["Connection"], h["X-Hop"], h["Te"], h["Keep-Alive"], h["Upgrade"], h["Proxy-Authorization"] = []string{"X-Hop"}, []string{"1"}, []string{"trailers"}, []string{"timeout=5"}, []string{"h2c"}, []string{"Basic x"}
		body := hello
		if i%2 == 1 {
			body = strings.Replace(hello, "{", `{"stream":true,`, 1)
		}
		got := r.send("POST", chat, body, h)
		if got.status != 200 || got.err != nil || !strings.Contains(got.body, "there") || got.header.Get("Keep-Alive") != "" || got.header.Get("Proxy-Authenticate") != "" {
			t.Errorf("call %d: %d %v %v %s", i, got.status, got.err, got.header, got.body)
		}
		return nil
	}
	_ = call(0)
	world.AtOnce(atOnce, func(i int) error { return call(i + 1) })
	if len(peers) != 1 || protocols["HTTP/2.0"] != 1+atOnce || len(protocols) != 1 {
		t.Errorf("connections: %v; %v", peers, protocols)
	}
	for _, got := range r.stub.Requests() {
		for _, name := range []string{"Connection", "X-Hop", "Te", "Keep-Alive", "Upgrade", "Proxy-Authorization", "X-Shroud-Agent-Key"} {
			if got.Header.Get(name) != "" {
				t.Errorf("the provider got %s: %q", name, got.Header[name])
			}
		}
	}
}

// TestCommentsKeepAStreamAlive: those of a provider whose model thinks reach the caller as they come, and where it says
// nothing at all the caller gets our own. Both wait for the caller to have read one: nothing is held back.
func TestCommentsKeepAStreamAlive(t *testing.T) {
	r := shroud(t)
	heard := make(chan struct{})
	step := func(req *http.Request) bool {
		select {
		case <-heard:
			return true
		case <-req.Context().Done():
			return false
		}
	}
	r.over(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		say := func(text string) {
			_, _ = io.WriteString(w, text)
			_ = http.NewResponseController(w).Flush()
		}
		say("")
		if !step(req) { // it has read one of ours
			return
		}
		for range 3 {
			if say(": PROCESSING\n\n"); !step(req) {
				return
			}
		}
		say(`data: {"id":"x","choices":[{"index":0,"delta":{"content":"thought through"}}]}` + "\n\n")
		say(`data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n")
	}), time.Millisecond)
	req, err := http.NewRequestWithContext(t.Context(), "POST", r.url+chat, strings.NewReader(strings.Replace(hello, "{", `{"stream":true,`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = r.usual()
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	ours, theirs, text := 0, 0, ""
	for in := bufio.NewScanner(res.Body); in.Scan(); {
		switch line := in.Text(); {
		case line == ": waiting":
			if ours++; ours == 1 {
				heard <- struct{}{}
			}
		case line == ": PROCESSING":
			theirs++
			heard <- struct{}{}
		default:
			text += line
		}
	}
	if res.StatusCode != 200 || ours == 0 || theirs != 3 || !strings.Contains(text, "thought through") || !strings.HasSuffix(text, "data: [DONE]") || strings.Contains(text, "error") {
		t.Errorf("%d: %d of ours, %d of theirs, %s", res.StatusCode, ours, theirs, text)
	}
}
