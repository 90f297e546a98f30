package dashboard_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
)

func TestTheLinkOfAnInvitationLeadsToAFormThatJoins(t *testing.T) {
	s, cfg := server(t, func(c *config.Config) { c.Signup, c.RateAuth = true, config.Rate{} })
	const owner = `{"email":"ann@example.com","password":"Quite-8-Good-Words"}`
	_, body := do(t, "POST", s.URL+"/v1/auth/signup", "application/json", owner)
	var ann struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &ann); err != nil || ann.Token == "" {
		t.Fatal(err, body)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/v1/org/invite", strings.NewReader(`{"email":"bob@example.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+ann.Token)
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(err, res)
	}
	_ = res.Body.Close()
	token := mailedToken(t, filepath.Join(cfg.Data, "outbox"))

	res, body = do(t, "GET", s.URL+"/invite?token="+token, "", "")
	if res.StatusCode != 200 || !strings.Contains(body, token) || !strings.Contains(res.Header.Get("Content-Security-Policy"), "form-action 'self'") {
		t.Fatalf("the page: %d %s", res.StatusCode, body)
	}
	form := func(token, mail, password string) (int, string) {
		t.Helper()
		res, body := do(t, "POST", s.URL+"/invite", "application/x-www-form-urlencoded",
			url.Values{"token": {token}, "email": {mail}, "password": {password}, "display_name": {"Bob"}}.Encode())
		return res.StatusCode, body
	}
	const good = "Quite-8-Good-Words"
	for name, c := range map[string]struct {
		token, mail, password string
		status                int
	}{
		"no token":        {"", "bob@example.com", good, 400},
		"a wrong token":   {"x", "bob@example.com", good, 400},
		"another address": {token, "eve@example.com", good, 403},
		"a weak password": {token, "bob@example.com", "x", 400},
		"markup":          {`"><script>`, "bob@example.com", good, 400},
	} {
		if status, body := form(c.token, c.mail, c.password); status != c.status || !strings.Contains(body, "did not work") || strings.Contains(body, "<script") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, body := form(token, "bob@example.com", good); status != 200 || !strings.Contains(body, "member now") || strings.Contains(body, "eyJ") {
		t.Fatalf("the form: %d %s", status, body)
	}
	if status, _ := form(token, "bob@example.com", good); status != 400 {
		t.Errorf("the form twice: %d", status)
	}
	if res, body := do(t, "POST", s.URL+"/v1/auth/token", "application/json", `{"email":"bob@example.com","password":"`+good+`"}`); res.StatusCode != 200 {
		t.Errorf("the log in: %d %s", res.StatusCode, body)
	}
}
