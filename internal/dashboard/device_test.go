package dashboard_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard"
)

const annsLogin = `{"email":"ann@example.com","password":"Quite-8-Good-Words"}`

// ann is a server with one user, and her token.
func ann(t *testing.T) (s live, cfg config.Config, token string) {
	t.Helper()
	s, cfg = server(t, func(c *config.Config) { c.Signup, c.RateAuth = true, config.Rate{} })
	return s, cfg, field(t, s.URL+"/v1/auth/signup", "", annsLogin, "access_token")
}

// call sends JSON and returns the status and what came back.
func request(t *testing.T, method, url, token, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if len(b) > 0 {
		if err := json.Unmarshal(b, &out); err != nil {
			t.Fatalf("%s %s: %v", method, url, err)
		}
	}
	return res.StatusCode, out
}

func field(t *testing.T, url, token, body, name string) string {
	t.Helper()
	status, o := request(t, "POST", url, token, body)
	v, _ := o[name].(string)
	if status >= 300 || v == "" {
		t.Fatalf("%s: %d %v", url, status, o)
	}
	return v
}

// press submits a form of a page.
func press(t *testing.T, page string, form url.Values) (int, string) {
	t.Helper()
	res, body := do(t, "POST", page, "application/x-www-form-urlencoded", form.Encode())
	if strings.Contains(body, "eyJ") || strings.Contains(body, "Quite-8") {
		t.Errorf("the page holds a credential: %s", body)
	}
	return res.StatusCode, body
}

func newDevice(t *testing.T, s live) (code, shown string) {
	t.Helper()
	_, o := request(t, "POST", s.URL+"/v1/auth/device/code", "", `{"client_id":"cli"}`)
	return o["device_code"].(string), o["user_code"].(string)
}

func poll(t *testing.T, s live, code string) map[string]any {
	t.Helper()
	status, o := request(t, "POST", s.URL+"/v1/auth/device/token", "",
		`{"device_code":"`+code+`","grant_type":"urn:ietf:params:oauth:grant-type:device_code"}`)
	if status != 200 {
		t.Fatalf("poll: %d %v", status, o)
	}
	return o
}

func TestAHumanLetsADeviceInOnThePage(t *testing.T) {
	s, _, _ := ann(t)
	page := s.URL + "/cli/verify"
	if res, body := do(t, "GET", page, "", ""); res.StatusCode != 200 || !strings.Contains(body, `name="code"`) {
		t.Errorf("without a code: %d %s", res.StatusCode, body)
	}
	code, shown := newDevice(t, s)
	res, body := do(t, "GET", page+"?code="+strings.ToLower(shown), "", "")
	csp := res.Header.Get("Content-Security-Policy")
	for _, want := range []string{shown, "cli", "127.0.0.1", time.Now().UTC().Format("2006-01-02"), `type="password"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %s", want)
		}
	}
	if res.StatusCode != 200 || strings.Contains(body, "<script") || strings.Contains(body, code) ||
		!strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "form-action 'self'") {
		t.Errorf("%d, %s, %s", res.StatusCode, csp, body)
	}
	form := url.Values{"code": {shown}, "email": {"ann@example.com"}, "password": {"wrong"}, "decision": {"approve"}}
	if status, body := press(t, page, form); status != 401 || !strings.Contains(body, "did not work") || !strings.Contains(body, "ann@example.com") {
		t.Errorf("a wrong password: %d %s", status, body)
	}
	form.Set("password", "Quite-8-Good-Words")
	if status, body := press(t, page, form); status != 200 || !strings.Contains(body, "logged in") {
		t.Fatalf("approve: %d %s", status, body)
	}
	o := poll(t, s, code)
	token, _ := o["access_token"].(string)
	if o["email"] != "ann@example.com" || token == "" {
		t.Fatalf("the device got %v", o)
	}
	if status, me := request(t, "GET", s.URL+"/v1/auth/me", token, ""); status != 200 || me["email"] != "ann@example.com" {
		t.Errorf("with the token: %d %v", status, me)
	}
	if status, _ := press(t, page, form); status != 400 {
		t.Errorf("approved twice: %d", status)
	}
	// The login that the page made is over: of what the log has, it ended with a revocation.
	_, log := request(t, "GET", s.URL+"/v1/audit/events?limit=20&action=auth.revoke", token, "")
	if events, _ := log["events"].([]any); len(events) < 1 {
		t.Errorf("the page's login was not revoked: %v", log)
	}

	code, shown = newDevice(t, s)
	form.Set("code", shown)
	form.Set("decision", "deny")
	if status, body := press(t, page, form); status != 200 || !strings.Contains(body, "refused") {
		t.Errorf("deny: %d %s", status, body)
	}
	if o := poll(t, s, code); o["error"] != "access_denied" {
		t.Errorf("the device got %v", o)
	}
}

func TestThePagesRefuseWhatTheyDoNotKnow(t *testing.T) {
	s, _, _ := ann(t)
	const attack = `"><script>alert(1)</script>`
	for _, p := range []string{"/cli/verify?code=", "/cli/verify?code=BCDF-GHJK&x=", "/agents/enroll?token=", "/agents/enroll?token=x&y="} {
		if res, body := do(t, "GET", s.URL+p+url.QueryEscape(attack), "", ""); res.StatusCode != 404 || strings.Contains(body, "alert(1") {
			t.Errorf("%s: %d %s", p, res.StatusCode, body)
		}
	}
	_, shown := newDevice(t, s)
	for name, form := range map[string]url.Values{
		"no decision": {"code": {shown}}, "another decision": {"code": {shown}, "decision": {attack}}, "no code": {"decision": {"approve"}},
		"markup as code": {"code": {attack}, "decision": {"approve"}}, "a large form": {"code": {strings.Repeat("x", maxForm)}},
	} {
		if status, body := press(t, s.URL+"/cli/verify", form); status != 400 || strings.Contains(body, "alert(1") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if status, body := press(t, s.URL+"/cli/verify", url.Values{"code": {shown}, "email": {attack}, "password": {"x"}, "decision": {"approve"}}); status != 401 || strings.Contains(body, "<script") {
		t.Errorf("markup as address: %d %s", status, body)
	}
	for _, p := range []string{"/cli/verify", "/agents/enroll"} {
		if res, _ := do(t, "DELETE", s.URL+p, "", ""); res.StatusCode != 405 {
			t.Errorf("%s by another verb: %d", p, res.StatusCode)
		}
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+p, strings.NewReader("code="+shown))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != 403 {
			t.Errorf("%s from another site: %d", p, res.StatusCode)
		}
	}
}

// factors is an API that asks for a second factor.
type factors struct {
	t    *testing.T
	seen []string
}

func (f *factors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	f.seen = append(f.seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(body))
	switch r.URL.Path {
	case "/v1/auth/token":
		_, _ = w.Write([]byte(`{"access_token":"","mfa_required":true,"mfa_token":"challenge","expires_in":300}`))
	case "/v1/auth/mfa/verify":
		if !strings.Contains(string(body), "123456") {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"detail":"The code is wrong."}`))
			return
		}
		_, _ = w.Write([]byte(`{"access_token":"the-login","token_type":"Bearer","expires_in":900}`))
	default:
		_, _ = w.Write([]byte(`{}`))
	}
}

func TestThePageAsksForTheSecondFactor(t *testing.T) {
	api := &factors{t: t}
	p := dashboard.New(dashboard.Config{API: api, Device: func(context.Context, string) (account.Device, error) {
		return account.Device{ClientID: "cli", Status: account.DevicePending, CreatedAt: time.Now()}, nil
	}})
	s := httptest.NewServer(p.At("/cli/verify"))
	defer s.Close()
	form := url.Values{"code": {"BCDF-GHJK"}, "email": {"ann@example.com"}, "password": {"Quite-8-Good-Words"}, "decision": {"approve"}}
	status, body := press(t, s.URL, form)
	if status != 200 || !strings.Contains(body, `name="mfa_code"`) || !strings.Contains(body, `value="challenge"`) || strings.Contains(body, `type="password"`) ||
		!strings.Contains(body, `name="decision" value="approve"`) {
		t.Fatalf("%d %s", status, body)
	}
	form = url.Values{"code": {"BCDF-GHJK"}, "mfa_token": {"challenge"}, "mfa_code": {"000000"}, "decision": {"approve"}}
	if status, body := press(t, s.URL, form); status != 401 || !strings.Contains(body, "The code is wrong.") || !strings.Contains(body, `value="challenge"`) {
		t.Fatalf("a wrong code: %d %s", status, body)
	}
	form.Set("mfa_code", " 123456 ")
	if status, body := press(t, s.URL, form); status != 200 || !strings.Contains(body, "logged in") || strings.Contains(body, "the-login") {
		t.Fatalf("%d %s", status, body)
	}
	last := api.seen[len(api.seen)-2:]
	if !strings.HasPrefix(last[0], "POST /v1/auth/device/approve Bearer the-login") || !strings.HasPrefix(last[1], "DELETE /v1/auth/token Bearer the-login") {
		t.Errorf("the API was asked %q", last)
	}
}

func TestAHumanTakesAnAgentInOnThePage(t *testing.T) {
	s, cfg, token := ann(t)
	vault := field(t, s.URL+"/v1/vaults", token, `{"name":"main"}`, "id")
	request(t, "PUT", s.URL+"/v1/vaults/"+vault+"/secrets/api-keys/one", token, `{"value":"v"}`)
	field(t, s.URL+"/v1/agents/enroll", "", `{"name":"<b>build.bot</b> http://evil.example/x","human_email":"ann@example.com","description":"<script>alert(1)</script>"}`, "message")
	key, link := enrollMail(t, filepath.Join(cfg.Data, "outbox"))
	page := s.URL + "/agents/enroll"
	var res *http.Response
	var body string
	for range 1000 { // the mail leaves before what it links to is stored
		if res, body = do(t, "GET", page+"?token="+link, "", ""); res.StatusCode != 404 {
			break
		}
	}
	if res.StatusCode != 200 || strings.Contains(body, "<script") || strings.Contains(body, "<b>") || !strings.Contains(body, "&lt;b&gt;build.bot") || !strings.Contains(body, key[:12]) || strings.Contains(body, key) {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	if status, _ := request(t, "GET", s.URL+"/v1/agents/me", key, ""); status != 401 {
		t.Errorf("before: %d", status)
	}
	form := url.Values{"token": {link}, "email": {"ann@example.com"}, "password": {"wrong"}, "decision": {"accept"}, "vault": {"main"}, "pattern": {"api-keys/*"}}
	if status, body := press(t, page, form); status != 401 || !strings.Contains(body, `value="api-keys/*"`) {
		t.Errorf("a wrong password: %d %s", status, body)
	}
	form.Set("password", "Quite-8-Good-Words")
	form.Set("vault", "other")
	if status, body := press(t, page, form); status != 400 || !strings.Contains(body, "no vault of that name") {
		t.Errorf("no such vault: %d %s", status, body)
	}
	form.Set("vault", "main")
	if status, body := press(t, page, form); status != 200 || !strings.Contains(body, "is yours") {
		t.Fatalf("accept: %d %s", status, body)
	}
	if status, o := request(t, "GET", s.URL+"/v1/vaults/"+vault+"/secrets/api-keys/one", key, ""); status != 200 || o["value"] != "v" {
		t.Errorf("with the key: %d %v", status, o)
	}
	if status, _ := request(t, "PUT", s.URL+"/v1/vaults/"+vault+"/secrets/api-keys/one", key, `{"value":"w"}`); status != 403 {
		t.Errorf("writing: %d", status)
	}
	if status, body := press(t, page, form); status != 404 || !strings.Contains(body, "This link is not good any more") {
		t.Errorf("accepted twice: %d", status)
	}
	if res, body := do(t, "GET", page+"?token="+link, "", ""); res.StatusCode != 404 || !strings.Contains(body, "If you took the agent in, it is yours") {
		t.Errorf("the link afterwards: %d %s", res.StatusCode, body)
	}
}

// enrollMail waits for the mail and returns the key and the link's token.
func enrollMail(t *testing.T, outbox string) (key, link string) {
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
			text := strings.ReplaceAll(strings.ReplaceAll(string(b), "=\r\n", ""), "=3D", "=")
			if strings.Contains(text, "evil.example") || strings.Contains(text, "build.bot") || strings.Contains(text, "<b>") {
				t.Errorf("the mail shows a stranger's text as it is: %s", text)
			}
			k := regexp.MustCompile(`ocv_[A-Za-z0-9_-]{43}`).FindString(text)
			l := regexp.MustCompile(`/agents/enroll\?token=([A-Za-z0-9_-]{43})`).FindStringSubmatch(text)
			if k != "" && l != nil {
				return k, l[1]
			}
		}
		<-tick.C
	}
	t.Fatal("no mail came")
	return "", ""
}
