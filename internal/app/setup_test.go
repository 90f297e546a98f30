package app

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestTheFirstOwnerIsMadeOnAPageByWhoReadsTheLog(t *testing.T) {
	cfg, err := config.Read(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Data, cfg.Dev, cfg.Signup, cfg.RateAuth = t.TempDir(), true, false, config.Rate{}
	var log world.Log
	a, err := New(t.Context(), cfg, &listen.Listeners{At: listen.Addresses{API: "http://127.0.0.1:1"}, Files: &listen.Files{}}, "test", slog.New(slog.NewTextHandler(&log, nil)))
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
	if err := a.ensureOwner(t.Context(), s.URL); err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`code=([A-Z0-9-]+)`).FindStringSubmatch(log.String())
	if code == nil || !strings.Contains(log.String(), s.URL+"/setup") {
		t.Fatalf("the log says %q", log.String())
	}
	const pw = "Quite-8-Good-Words"
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(method, path string, form url.Values) (status int, to, cookie, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		res, err := browser.Do(r)
		if err != nil {
			t.Error(err)
			return 0, "", "", ""
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		return res.StatusCode, res.Header.Get("Location"), res.Header.Get("Set-Cookie"), string(b)
	}
	fill := func(code, email, password string) url.Values {
		return url.Values{"code": {code}, "email": {email}, "name": {"<b>Ann"}, "password": {password}}
	}

	if status, to, _, _ := ask("GET", "/", nil); status != http.StatusSeeOther || to != "/setup" {
		t.Errorf("the first page: %d %q", status, to)
	}
	if status, _, _, body := ask("GET", "/setup", nil); status != http.StatusOK || strings.Contains(body, code[1]) {
		t.Errorf("the page: %d\n%s", status, body)
	}
	for name, f := range map[string]url.Values{
		"no code": fill("", "ann@example.com", pw), "another code": fill(strings.Repeat("A", 26), "ann@example.com", pw), "a weak password": fill(code[1], "ann@example.com", "short"),
		"no address": fill(code[1], "ann", pw),
	} {
		status, _, cookie, body := ask("POST", "/setup", f)
		if status < 400 || status >= 500 || strings.Contains(cookie, "oneclaw-1=") {
			t.Errorf("%s: %d %q", name, status, cookie)
		}
		if strings.Contains(body, pw) || strings.Contains(body, "<b>Ann") {
			t.Errorf("%s: the page repeats what was filled in:\n%s", name, body)
		}
		// The code goes back to who typed it, and to nobody else: it has 26 characters.
		if shown := strings.Contains(body, code[1]); shown != (f.Get("code") == code[1]) {
			t.Errorf("%s: the code is shown: %v\n%s", name, shown, body)
		}
	}

	// Of two at once one becomes the owner.
	var wait sync.WaitGroup
	led := make([]string, 2)
	for i := range led {
		wait.Go(func() {
			typed := []string{code[1], " " + strings.ToLower(strings.ReplaceAll(code[1], "-", " "))}[i]
			_, led[i], _, _ = ask("POST", "/setup", fill(typed, []string{"ann@example.com", "eve@example.com"}[i], pw))
		})
	}
	wait.Wait()
	if !(led[0] == "/" && led[1] == "/login") && !(led[1] == "/" && led[0] == "/login") {
		t.Errorf("two at once are led to %q", led)
	}
	if n, err := a.db.AccountByEmail(t.Context(), []string{"ann@example.com", "eve@example.com"}[strings.Count(led[0], "login")]); err != nil || !n.PlatformAdmin || !n.EmailVerified {
		t.Errorf("the owner is %+v, %v", n, err)
	}

	// Then the page is gone, and the code is good for nothing.
	if status, to, _, _ := ask("GET", "/setup", nil); status != http.StatusSeeOther || to != "/" {
		t.Errorf("the page afterwards: %d %q", status, to)
	}
	if status, to, cookie, _ := ask("POST", "/setup", fill(code[1], "mallory@example.com", pw)); status != http.StatusSeeOther || to != "/login" || strings.Contains(cookie, "oneclaw-1=") {
		t.Errorf("the code again: %d %q %q", status, to, cookie)
	}
	if status, to, _, _ := ask("GET", "/", nil); to != "/login" {
		t.Errorf("the first page afterwards: %d %q", status, to)
	}
	before := log.String()
	if err := a.ensureOwner(t.Context(), s.URL); err != nil || log.String() != before {
		t.Errorf("the next start says %q, %v", strings.TrimPrefix(log.String(), before), err)
	}
}
