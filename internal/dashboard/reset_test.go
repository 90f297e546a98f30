package dashboard_test

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
)

func TestTheLinkOfAMailForANewPasswordLeadsToAFormThatSetsIt(t *testing.T) {
	s, cfg := server(t, func(c *config.Config) { c.Signup, c.VerifyEmail, c.RateAuth = true, false, config.Rate{} })
	const old, good = "Quite-8-Good-Words", "Other-8-Good-Words"
	if res, body := do(t, "POST", s.URL+"/v1/auth/signup", "application/json", `{"email":"ann@example.com","password":"`+old+`"}`); res.StatusCode != 200 {
		t.Fatal(res.StatusCode, body)
	}
	if res, body := do(t, "POST", s.URL+"/v1/auth/forgot-password", "application/json", `{"email":"ann@example.com"}`); res.StatusCode != 200 {
		t.Fatal(res.StatusCode, body)
	}
	token := mailedToken(t, filepath.Join(cfg.Data, "outbox"))
	login := func(password string) int {
		res, _ := do(t, "POST", s.URL+"/v1/auth/token", "application/json", `{"email":"ann@example.com","password":"`+password+`"}`)
		return res.StatusCode
	}
	// Opening it, as mail scanners do, changes nothing.
	for range 2 {
		res, body := do(t, "GET", s.URL+"/reset-password?token="+token, "", "")
		h := res.Header
		if res.StatusCode != 200 || !strings.Contains(body, token) || !strings.Contains(h.Get("Content-Security-Policy"), "form-action 'self'") ||
			h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Fatalf("the page: %d %v %s", res.StatusCode, h, body)
		}
	}
	form := func(token, one, two string) (int, string) {
		t.Helper()
		res, body := do(t, "POST", s.URL+"/reset-password", "application/x-www-form-urlencoded",
			url.Values{"token": {token}, "password": {one}, "again": {two}}.Encode())
		return res.StatusCode, body
	}
	for name, c := range map[string][3]string{
		"no token":        {"", good, good},
		"a wrong token":   {"x", good, good},
		"markup":          {`"><script>`, good, good},
		"two that differ": {token, good, good + "x"},
		"a weak password": {token, "x", "x"},
		"no password":     {token, "", ""},
	} {
		if status, body := form(c[0], c[1], c[2]); status != 400 || !strings.Contains(body, "did not work") || strings.Contains(body, "<script") || strings.Contains(body, good) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if got := login(old); got != 200 {
		t.Errorf("the old password: got %d", got)
	}
	if status, body := form(token, good, good); status != 200 || !strings.Contains(body, "Your password is set") {
		t.Fatalf("%d %s", status, body)
	}
	if was, is := login(old), login(good); was != 401 || is != 200 {
		t.Errorf("the old password got %d, the new one %d", was, is)
	}
	if status, _ := form(token, old, old); status != 400 {
		t.Errorf("the token worked twice: %d", status)
	}
	if res, _ := do(t, "PUT", s.URL+"/reset-password", "", ""); res.StatusCode != 405 {
		t.Errorf("PUT: %d", res.StatusCode)
	}
}
