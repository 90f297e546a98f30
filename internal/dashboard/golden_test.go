package dashboard_test

import (
	"context"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
)

var update = flag.Bool("update", false, "write the golden files")

// canned is an API that answers a method and path with a status and a body, and
// all else with 200 and {}.
type canned map[string]string

func (c canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, body, _ := strings.Cut(c[r.Method+" "+r.URL.Path], " ")
	status, err := strconv.Atoi(text)
	if err != nil {
		status, body = http.StatusOK, "{}"
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// golden asks for a page and compares status, headers and body with a file.
func golden(t *testing.T, p *dashboard.Pages, name, method, target string, form url.Values, cookie *http.Cookie) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	p.At(r.URL.Path).ServeHTTP(w, r)
	var headers strings.Builder
	if err := w.Result().Header.Write(&headers); err != nil {
		t.Fatal(err)
	}
	got := strconv.Itoa(w.Code) + "\n" + strings.ReplaceAll(headers.String(), "\r\n", "\n") + "\n" + w.Body.String()
	file := filepath.Join("testdata", "pages", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// TestEveryPageIsAsItWas: every page in every state, byte for byte.
func TestEveryPageIsAsItWas(t *testing.T) {
	const token, detail = `to"ken`, "The <b>detail</b>."
	at := time.Date(2026, 11, 23, 12, 13, 14, 0, time.UTC)
	escaped := url.QueryEscape(token)
	filled := func(more ...string) url.Values {
		v := url.Values{"code": {"BCDF-GHJK"}, "token": {token}, "email": {"ann@example.com"}, "password": {"Quite-8-Good-Words"}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	refused := canned{
		"POST /v1/auth/token":                `401 {"detail":"` + detail + `"}`,
		"GET /v1/auth/device/code/BCDF-GHJK": `404 {"detail":"` + detail + `"}`,
		"POST /v1/auth/verify-email":         `400 {"detail":"` + detail + `"}`,
		"POST /v1/auth/signup":               `403 {"detail":"` + detail + `"}`,
		"POST /v1/auth/reset-password":       `400 {"detail":"` + detail + `"}`,
	}
	failing := canned{
		"POST /v1/auth/token":                   `200 {"access_token":"the-login"}`,
		"POST /v1/auth/device/approve":          `409 {"detail":"` + detail + `"}`,
		"POST /v1/agents/enrollments/e1/accept": `409 {"detail":"` + detail + `"}`,
		"POST /v1/auth/verify-email":            `500 not JSON`,
		"POST /v1/auth/signup":                  `500 not JSON`,
	}
	signed := canned{
		"POST /v1/auth/token":          `200 {"access_token":"the-login"}`,
		"GET /v1/vaults":               `200 {"vaults":[{"id":"v1","name":"main"}]}`,
		"POST /v1/auth/signup":         `200 {"access_token":"the-login"}`,
		"POST /v1/auth/reset-password": `204 `,
	}
	const share, value = "/share/11111111-0000-4000-8000-000000000001", `"path":"a/b","value":"the <i>value</i>\nof two lines"`
	access := "POST /v1/shares/11111111-0000-4000-8000-000000000001/access"
	shared := canned{"POST /v1/auth/token": `200 {"access_token":"the-login"}`, access: `200 {` + value + `,"access_count":1,"max_access_count":3}`}
	sharedOnce := canned{access: `200 {` + value + `,"access_count":1,"max_access_count":1}`}
	refusedShare := canned{
		"POST /v1/auth/token": `200 {"access_token":"the-login"}`, access: `401 {"detail":"` + detail + `"}`,
		"POST /v1/shares/11111111-0000-4000-8000-000000000001/accept": `403 {"detail":"` + detail + `"}`,
	}
	second := canned{"POST /v1/auth/token": `200 {"mfa_required":true,"mfa_token":"chal\"lenge"}`}

	for name, s := range map[string]dashboard.State{
		"status-serving":  {Connected: true, Version: "1.2.3", Database: "sqlite", Keystore: "soft"},
		"status-degraded": {Connected: true, Reason: "log_full", Version: "1.2.3", Database: "postgres", Keystore: "pkcs11"},
		"status-keystore": {Reason: "keystore_unavailable", Version: "1.2.3", Database: "sqlite", Keystore: "pkcs11"},
	} {
		golden(t, dashboard.New(dashboard.Config{State: func(context.Context) dashboard.State { return s }}), name, "GET", "/status", nil, nil)
	}
	for _, c := range []struct {
		name, method, target string
		api                  canned
		form                 url.Values
	}{
		{"status-verb", "POST", "/status", nil, nil},
		{"verify-form", "GET", "/verify-email?token=" + escaped, nil, nil},
		{"verify-done", "POST", "/verify-email", nil, filled()},
		{"verify-problem", "POST", "/verify-email", refused, filled()},
		{"verify-fault", "POST", "/verify-email", failing, filled()},
		{"verify-verb", "DELETE", "/verify-email", nil, nil},
		{"invite-form", "GET", "/invite?token=" + escaped, nil, nil},
		{"invite-done", "POST", "/invite", signed, filled()},
		{"invite-problem", "POST", "/invite", refused, filled()},
		{"invite-fault", "POST", "/invite", failing, filled()},
		{"invite-incomplete", "POST", "/invite", signed, filled("token", "")},
		{"invite-verb", "DELETE", "/invite", nil, nil},
		{"reset-form", "GET", "/reset-password?token=" + escaped, nil, nil},
		{"reset-empty", "GET", "/reset-password", nil, nil},
		{"reset-done", "POST", "/reset-password", signed, filled("again", "Quite-8-Good-Words")},
		{"reset-problem", "POST", "/reset-password", refused, filled("again", "Quite-8-Good-Words")},
		{"reset-differ", "POST", "/reset-password", signed, filled("again", "x")},
		{"reset-verb", "DELETE", "/reset-password", nil, nil},
		{"share-form", "GET", share + "?proof=" + escaped, nil, nil},
		{"share-signin", "GET", share + "?signin=1", nil, nil},
		{"share-shown", "POST", share, shared, url.Values{"proof": {token}}},
		{"share-last", "POST", share, sharedOnce, url.Values{"proof": {token}, "passphrase": {"open sesame"}}},
		{"share-named", "POST", share, shared, url.Values{"email": {"ann@example.com"}, "password": {"Quite-8-Good-Words"}}},
		{"share-stranger", "POST", share, refusedShare, url.Values{"proof": {token}}},
		{"share-gone", "POST", share, canned{access: `410 {"detail":"` + detail + `"}`}, url.Values{"proof": {token}}},
		{"share-unknown", "POST", share, canned{access: `404 {"detail":"` + detail + `"}`}, url.Values{"proof": {token}}},
		{"share-password", "POST", share, refused, filled()},
		{"share-second", "POST", share, second, filled()},
		{"share-not-accepted", "POST", share, refusedShare, url.Values{"email": {"ann@example.com"}, "password": {"x"}}},
		{"share-verb", "DELETE", share, nil, nil},
	} {
		golden(t, dashboard.New(dashboard.Config{API: c.api}), c.name, c.method, c.target, c.form, nil)
	}

	waits := account.Device{ClientID: "cli <x>", Status: account.DevicePending, Address: "192.0.2.1", CreatedAt: at}
	unknown, expired, approved := waits, waits, waits
	unknown.Address, expired.Status, approved.Status = "", account.DeviceExpired, account.DeviceApproved
	missing := fault.New(fault.NotFound, "not_found", "It is not there.")
	for _, c := range []struct {
		name, method, target string
		api                  canned
		device               account.Device
		err                  error
		form                 url.Values
	}{
		{"cli-empty", "GET", "/cli/verify", nil, waits, nil, nil},
		{"cli-device", "GET", "/cli/verify?code=bcdfghjk", nil, waits, nil, nil},
		{"cli-unknown-address", "GET", "/cli/verify?code=bcdfghjk", nil, unknown, nil, nil},
		{"cli-refused", "GET", "/cli/verify?code=BCDF-GHJK", refused, waits, nil, nil},
		{"cli-missing", "GET", "/cli/verify?code=BCDF-GHJK", nil, waits, missing, nil},
		{"cli-expired", "GET", "/cli/verify?code=BCDF-GHJK", nil, expired, nil, nil},
		{"cli-approved", "GET", "/cli/verify?code=BCDF-GHJK", nil, approved, nil, nil},
		{"cli-password", "POST", "/cli/verify", refused, waits, nil, filled("decision", "approve")},
		{"cli-second", "POST", "/cli/verify", second, waits, nil, filled("decision", "approve")},
		{"cli-second-deny", "POST", "/cli/verify", second, waits, nil, filled("decision", "deny")},
		{"cli-done", "POST", "/cli/verify", signed, waits, nil, filled("decision", "approve")},
		{"cli-denied", "POST", "/cli/verify", signed, waits, nil, filled("decision", "deny")},
		{"cli-conflict", "POST", "/cli/verify", failing, waits, nil, filled("decision", "approve")},
		{"cli-form", "POST", "/cli/verify", signed, waits, nil, filled("decision", "x")},
		{"cli-verb", "DELETE", "/cli/verify", signed, waits, nil, nil},
	} {
		golden(t, dashboard.New(dashboard.Config{API: c.api, Device: func(context.Context, string) (account.Device, error) {
			return c.device, c.err
		}}), c.name, c.method, c.target, c.form, nil)
	}

	asks := agent.Enrollment{ID: "e1", Name: "<b>bot</b>", Description: "builds", Address: "192.0.2.1", KeyPrefix: "ocv_abcdefgh", CreatedAt: at}
	bare := asks
	bare.Description, bare.Address = "", ""
	for _, c := range []struct {
		name, method, target string
		api                  canned
		asks                 agent.Enrollment
		err                  error
		form                 url.Values
	}{
		{"enroll-form", "GET", "/agents/enroll?token=" + escaped, nil, asks, nil, nil},
		{"enroll-bare", "GET", "/agents/enroll?token=x", nil, bare, nil, nil},
		{"enroll-missing", "GET", "/agents/enroll?token=x", nil, asks, missing, nil},
		{"enroll-password", "POST", "/agents/enroll", refused, asks, nil, filled("decision", "accept", "vault", "main", "pattern", "a/*", "write", "yes")},
		{"enroll-second", "POST", "/agents/enroll", second, asks, nil, filled("decision", "accept", "vault", "main", "pattern", "a/*", "write", "yes")},
		{"enroll-second-reject", "POST", "/agents/enroll", second, asks, nil, filled("decision", "reject")},
		{"enroll-done", "POST", "/agents/enroll", signed, asks, nil, filled("decision", "accept", "vault", "main", "pattern", "a/*")},
		{"enroll-rejected", "POST", "/agents/enroll", signed, asks, nil, filled("decision", "reject")},
		{"enroll-no-vault", "POST", "/agents/enroll", signed, asks, nil, filled("decision", "accept", "vault", "other", "pattern", "a/*", "write", "yes")},
		{"enroll-conflict", "POST", "/agents/enroll", failing, asks, nil, filled("decision", "accept")},
		{"enroll-decision", "POST", "/agents/enroll", signed, asks, nil, filled("decision", "x")},
		{"enroll-verb", "DELETE", "/agents/enroll", signed, asks, nil, nil},
	} {
		golden(t, dashboard.New(dashboard.Config{API: c.api, Enrollment: func(context.Context, string) (agent.Enrollment, error) {
			return c.asks, c.err
		}}), c.name, c.method, c.target, c.form, nil)
	}
}

// TestEveryPageOfSecretsThatAgentsLackIsAsItWas is the same for those.
func TestEveryPageOfSecretsThatAgentsLackIsAsItWas(t *testing.T) {
	const at = "/requests/11111111-0000-4000-8000-000000000001"
	now := time.Date(2026, 11, 23, 12, 13, 14, 0, time.UTC)
	asked := wanted.Request{ID: at[len("/requests/"):], Path: "api-keys/pay", Agent: "a1", AgentName: "<b>bot</b>", VaultName: "main & more", Reason: `<script>alert("x")</script> https://evil.example`,
		Service: "stripe", Host: "api.example.com", Status: wanted.Waiting, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	is := func(change func(*wanted.Request)) wanted.Request {
		r := asked
		change(&r)
		return r
	}
	login := canned{"POST /v1/auth/token": `200 {"access_token":"the-login"}`, "POST /v1/secret-requests/" + asked.ID + "/fill": `200 {"version":1}`}
	second := canned{"POST /v1/auth/token": `200 {"mfa_required":true,"mfa_token":"chal"}`, "POST /v1/auth/mfa/verify": `200 {"access_token":"the-login"}`, "POST /v1/secret-requests/" + asked.ID + "/fill": `200 {"version":1}`}
	there := canned{"POST /v1/auth/token": `200 {"access_token":"the-login"}`, "POST /v1/secret-requests/" + asked.ID + "/fill": `409 {"detail":"There is a <b>secret</b>."}`}
	refused := canned{"POST /v1/auth/token": `401 {"detail":"The <b>detail</b>."}`}
	form := func(more ...string) url.Values {
		v := url.Values{"value": {"the-value-7"}, "email": {"ann@example.com"}, "password": {"Quite-8-Good-Words"}, "decision": {"fill"}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	for _, c := range []struct {
		name, method string
		api          canned
		asked        wanted.Request
		err          error
		form         url.Values
	}{
		{"wanted-form", "GET", nil, asked, nil, nil},
		{"wanted-bare", "GET", nil, is(func(r *wanted.Request) { r.Service, r.Host = "", "" }), nil, nil},
		{"wanted-filled", "GET", nil, is(func(r *wanted.Request) { r.Status = wanted.Filled }), nil, nil},
		{"wanted-expired", "GET", nil, is(func(r *wanted.Request) { r.ExpiresAt = now }), nil, nil},
		{"wanted-ended", "GET", nil, is(func(r *wanted.Request) { r.Stale = true }), nil, nil},
		{"wanted-missing", "GET", nil, asked, wanted.ErrNone, nil},
		{"wanted-done", "POST", login, asked, nil, form()},
		{"wanted-declined", "POST", login, asked, nil, form("decision", "decline", "value", "")},
		{"wanted-empty", "POST", login, asked, nil, form("value", "")},
		{"wanted-password", "POST", refused, asked, nil, form("bind_service", "yes")},
		{"wanted-second", "POST", second, asked, nil, form()},
		{"wanted-second-done", "POST", second, asked, nil, form("mfa_code", "123456")},
		{"wanted-there", "POST", there, asked, nil, form("bind_host", "yes", "host", "b.example", "in", "basic")},
		{"wanted-too-late", "POST", login, is(func(r *wanted.Request) { r.Status = wanted.Withdrawn }), nil, form()},
		{"wanted-verb", "DELETE", nil, asked, nil, nil},
	} {
		p := dashboard.New(dashboard.Config{API: c.api, Now: func() time.Time { return now }, Wanted: func(context.Context, string) (wanted.Request, error) { return c.asked, c.err }})
		golden(t, p, c.name, c.method, at, c.form, nil)
		if text, err := os.ReadFile(filepath.Join("testdata", "pages", c.name+".golden")); err != nil || strings.Contains(string(text), "the-value-7") || strings.Contains(string(text), "Quite-8") || strings.Contains(string(text), "alert(\"x") {
			t.Errorf("%s: the page holds what was entered, or markup of the agent's: %v", c.name, err)
		}
	}
}

// TestEveryPageOfMailsIsAsItWas is the same for the mails of dev.
func TestEveryPageOfMailsIsAsItWas(t *testing.T) {
	const base = "http://127.0.0.1:8210"
	outbox, err := mail.NewOutbox(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	key := func(p *dashboard.Pages) *http.Cookie {
		_, value, _ := strings.Cut(p.MailsURL(), "?key=")
		return &http.Cookie{Name: "oneclaw_dev_mail", Value: value}
	}
	p := dashboard.New(dashboard.Config{Dev: true, Outbox: outbox, PublicURL: base})
	golden(t, p, "mail-locked", "GET", "/dev/mail", nil, nil)
	golden(t, p, "mail-empty", "GET", "/dev/mail", nil, key(p))
	for i, subject := range []string{"The first", "Über <b>the second</b>"} {
		if err := outbox.Send(t.Context(), mail.Message{
			ID: "m" + strings.Repeat("i", i+1), Date: time.Date(2026, 11, 23, 12, i, 0, 0, time.UTC), From: "oneclaw@example.com", To: "you@example.com",
			Subject: subject, Text: "Go to\n\n" + base + "/verify-email?token=abc=\n\nor https://elsewhere.example/x <script>\n", HTML: "<p>html</p>",
		}); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, p, "mail-list", "GET", "/dev/mail", nil, key(p))
	golden(t, p, "mail-one", "GET", "/dev/mail/20261123T120100.000000Z-mii.eml", nil, key(p))
	golden(t, p, "mail-missing", "GET", "/dev/mail/x", nil, key(p))
	golden(t, p, "mail-verb", "POST", "/dev/mail", nil, key(p))
	elsewhere := dashboard.New(dashboard.Config{Dev: true, PublicURL: base})
	golden(t, elsewhere, "mail-server", "GET", "/dev/mail", nil, key(elsewhere))
	if p := dashboard.New(dashboard.Config{}); p.At("/dev/mail") != nil || p.MailsURL() != "" {
		t.Error("mails are shown outside of dev")
	}
}
