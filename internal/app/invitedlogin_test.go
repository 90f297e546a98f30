package app

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/idp"
)

// Strangers may not sign up; whom an organisation invited comes in through the
// identity provider, for as long as the invitation is good.
func TestAnInvitedUserLogsInThroughTheProviderWithSignUpOff(t *testing.T) {
	p := idp.Start(t)
	cfg, err := config.Read(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Data, cfg.Dev, cfg.RateAuth = t.TempDir(), true, config.Rate{}
	cfg.OIDCIssuer, cfg.OIDCClientID = p.Issuer, p.ClientID
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
	const pw = "Quite-8-Good-Words"
	if _, err := a.accounts.EnsureOwner(t.Context(), "ann@example.com", secret.FromString(pw)); err != nil {
		t.Fatal(err)
	}
	post := func(path, token, body string) (int, map[string]any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+path, strings.NewReader(body))
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
		var o map[string]any
		if err := json.NewDecoder(res.Body).Decode(&o); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, o
	}
	_, ann := post("/v1/auth/token", "", `{"email":"ann@example.com","password":"`+pw+`"}`)
	login := func(user string) (int, map[string]any) {
		t.Helper()
		return post("/v1/auth/google", "", `{"id_token":"`+p.IDToken(t, user, "n")+`","nonce":"n"}`)
	}
	if status, o := login(idp.First); status != 403 || o["code"] != "signup_closed" {
		t.Fatalf("before the invitation: %d %v", status, o["code"])
	}
	if status, o := post("/v1/org/invite", ann["access_token"].(string), `{"email":"Test-User@Example.com"}`); status != 200 {
		t.Fatalf("the invitation: %d %v", status, o)
	}
	if status, o := login(idp.Second); status != 403 || o["code"] != "signup_closed" {
		t.Errorf("somebody else: %d %v", status, o["code"])
	}
	status, o := login(idp.First)
	if status != 200 {
		t.Fatalf("the invited: %d %v", status, o)
	}
	// The account is there; the invitation still takes its token.
	if status, o := post("/v1/org/invitations/accept", o["access_token"].(string), `{"token":"x"}`); status != 400 || o["code"] != "invalid_token" {
		t.Errorf("a wrong token: %d %v", status, o)
	}
}
