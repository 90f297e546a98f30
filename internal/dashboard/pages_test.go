package dashboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/app"
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
)

// live is a whole server on a port of its own, on SQLite and the software keystore.
type live struct{ URL string }

func server(t *testing.T, change func(*config.Config)) (live, config.Config) {
	t.Helper()
	cfg, err := config.Read(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Data, cfg.Dev, cfg.Listen, cfg.ShroudListen = t.TempDir(), true, "127.0.0.1:0", "127.0.0.1:0"
	change(&cfg)
	l, err := listen.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), cfg, l, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended, up := make(chan error, 1), make(chan struct{})
	go func() { ended <- a.Serve(ctx, l, nil, func() error { close(up); return nil }) }()
	<-up
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
		if err := errors.Join(<-ended, a.Close()); err != nil {
			t.Error(err)
		}
	})
	return live{l.At.API}, cfg
}

// maxForm bounds the body of a form.
const maxForm = 4 << 10

func do(t *testing.T, method, url, contentType, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func TestTheLinkOfAConfirmationMailLeadsToAButtonThatConfirms(t *testing.T) {
	s, cfg := server(t, func(c *config.Config) {
		c.Signup, c.VerifyEmail, c.RateAuth = true, true, config.Rate{}
	})
	const login = `{"email":"ann@example.com","password":"Quite-8-Good-Words"}`
	if res, body := do(t, "POST", s.URL+"/v1/auth/signup", "application/json", login); res.StatusCode != 200 {
		t.Fatalf("sign-up: %d %s", res.StatusCode, body)
	}
	if res, _ := do(t, "POST", s.URL+"/v1/auth/token", "application/json", login); res.StatusCode != 403 {
		t.Fatalf("log in before confirming: %d", res.StatusCode)
	}
	token := mailedToken(t, filepath.Join(cfg.Data, "outbox"))
	page := s.URL + "/verify-email?token=" + token

	res, body := do(t, "GET", page, "", "")
	if res.StatusCode != 200 || !strings.Contains(body, token) || !strings.Contains(res.Header.Get("Content-Security-Policy"), "form-action 'self'") {
		t.Fatalf("the page: %d %s", res.StatusCode, body)
	}
	if res, _ := do(t, "POST", s.URL+"/v1/auth/token", "application/json", login); res.StatusCode != 403 {
		t.Fatalf("opening the link confirmed the address: %d", res.StatusCode)
	}
	form := url.Values{"token": {token}}.Encode()
	if res, body := do(t, "POST", s.URL+"/verify-email", "application/x-www-form-urlencoded", form); res.StatusCode != 200 || !strings.Contains(body, "confirmed") || strings.Contains(body, "eyJ") {
		t.Fatalf("the button: %d %s", res.StatusCode, body)
	}
	if res, _ := do(t, "POST", s.URL+"/v1/auth/token", "application/json", login); res.StatusCode != 200 {
		t.Fatalf("log in after confirming: %d", res.StatusCode)
	}
	if res, body := do(t, "POST", s.URL+"/verify-email", "application/x-www-form-urlencoded", form); res.StatusCode != 400 || !strings.Contains(body, "did not work") {
		t.Fatalf("the button twice: %d %s", res.StatusCode, body)
	}
}

// mailedToken waits for the mail in the outbox and returns the token in it.
func mailedToken(t *testing.T, outbox string) string {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		files, err := filepath.Glob(filepath.Join(outbox, "*.eml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			// The token stands alone on a line of the text part.
			if m := regexp.MustCompile(`(?m)^\s*([A-Za-z0-9_-]{43})\s*$`).FindSubmatch(b); m != nil {
				return string(m[1])
			}
		}
		<-tick.C
	}
	t.Fatal("no mail came")
	return ""
}

func TestThePagesEchoNothingAsMarkup(t *testing.T) {
	s, _ := server(t, func(*config.Config) {})
	const attack = `"><script>alert(1)</script>`
	_, body := do(t, "GET", s.URL+"/verify-email?token="+url.QueryEscape(attack), "", "")
	if strings.Contains(body, "<script") {
		t.Errorf("the token is markup: %s", body)
	}
	res, body := do(t, "POST", s.URL+"/verify-email", "application/x-www-form-urlencoded", "token="+url.QueryEscape(attack))
	if res.StatusCode != 400 || strings.Contains(body, "script") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if res, _ := do(t, "POST", s.URL+"/verify-email", "application/x-www-form-urlencoded", "token="+strings.Repeat("x", maxForm)); res.StatusCode != 400 {
		t.Errorf("a large form: %d", res.StatusCode)
	}
	if res, _ := do(t, "DELETE", s.URL+"/verify-email", "", ""); res.StatusCode != 405 {
		t.Errorf("another verb: %d", res.StatusCode)
	}
}

func TestTheStatusPageSaysHowTheServerIs(t *testing.T) {
	s, _ := server(t, func(*config.Config) {})
	res, body := do(t, "GET", s.URL+"/status", "", "")
	if res.StatusCode != 200 || !strings.Contains(body, "serving") || !strings.Contains(body, "sqlite") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	var health struct{ Status string }
	if _, body := do(t, "GET", s.URL+"/v1/health", "", ""); json.Unmarshal([]byte(body), &health) != nil || health.Status != "healthy" {
		t.Errorf("health: %s", body)
	}
}

func TestThePagesKnowTheCallerBehindAProxy(t *testing.T) {
	s, _ := server(t, func(c *config.Config) { c.TrustedProxies = config.Networks{netip.MustParsePrefix("127.0.0.1/32")} })
	press := func(caller string) int {
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/verify-email", strings.NewReader("token=x"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", caller)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	limited := 0
	for range 20 {
		if press("198.51.100.1") == 429 {
			limited++
		}
	}
	if limited == 0 {
		t.Error("nothing was limited")
	}
	if got := press("198.51.100.2"); got != 400 {
		t.Errorf("another caller of the same proxy: %d", got)
	}
}
