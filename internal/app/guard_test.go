package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
)

// server is a whole app behind its routes, on SQLite and the software keystore.
func server(t *testing.T, change func(*config.Config)) *httptest.Server {
	t.Helper()
	cfg, err := config.Read(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Data, cfg.Dev = t.TempDir(), true
	change(&cfg)
	a, err := New(t.Context(), cfg, &listen.Listeners{At: listen.Addresses{API: "http://127.0.0.1:1"}, Files: &listen.Files{}}, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(a.routes([]string{"127.0.0.1"}))
	t.Cleanup(func() {
		s.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestOtherWebPagesGetNothing(t *testing.T) {
	s := server(t, func(c *config.Config) { c.Signup = true })
	for name, tc := range map[string]struct {
		host, origin, site string
		status             int
	}{
		"a client":                        {"", "", "", 200},
		"a name of this machine":          {"localhost:8210", "", "", 200},
		"a name that points here":         {"evil.example", "", "", 403},
		"a page of another origin":        {"", "https://evil.example", "cross-site", 403},
		"an old browser's page":           {"", "https://evil.example", "", 403},
		"a page of this very server":      {"", s.URL, "same-origin", 200},
		"a page that has no origin to it": {"", "null", "cross-site", 403},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/v1/auth/signup",
			strings.NewReader(`{"email":"`+strings.ReplaceAll(name, " ", "-")+`@example.com","password":"Quite-8-Good-Words"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "text/plain")
		if r.Host = tc.host; tc.host == "" {
			r.Host = strings.TrimPrefix(s.URL, "http://")
		}
		for k, v := range map[string]string{"Origin": tc.origin, "Sec-Fetch-Site": tc.site} {
			if v != "" {
				r.Header.Set(k, v)
			}
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != tc.status {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, tc.status)
		}
	}
}

func TestNodesThatTheOperatorNamesMayBePrivate(t *testing.T) {
	cfg, err := config.Read([]string{`ONECLAW_CHAIN_RPC={"base":["http://127.0.0.1:8545/x","https://10.0.0.7:9545"]}`}, "")
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := outbound(cfg, cfg.ChainRPC.Named()...)
	if err != nil {
		t.Fatal(err)
	}
	others, err := outbound(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for url, may := range map[string]bool{
		"http://127.0.0.1:8545/x": true, "https://10.0.0.7:9545": true, "http://127.0.0.1:8546": false, "https://10.0.0.7": false,
	} {
		if err := nodes.Reach(t.Context(), url); (err == nil) != may {
			t.Errorf("nodes at %s: %v", url, err)
		}
		if err := others.Reach(t.Context(), url); err == nil {
			t.Errorf("a webhook may call %s", url)
		}
	}
}
