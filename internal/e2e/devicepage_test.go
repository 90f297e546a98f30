package e2e_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// Who has a second factor is asked for it on the page that lets a device in.
func TestADeviceIsLetInWithTheSecondFactor(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.env = append(p.env, "ONECLAW_RATE_AUTH=off")
	s := p.start()
	owner := s.login()
	seed := text(t, owner.want(t, http.StatusOK, "POST", "/v1/auth/mfa/setup", nil), "secret")
	now := time.Now()
	owner.want(t, http.StatusOK, "POST", "/v1/auth/mfa/verify-setup", map[string]string{"code": must[string](t)(totp.GenerateCode(seed, now))})

	device := plain(t, s.APIURL).want(t, http.StatusOK, "POST", "/v1/auth/device/code", map[string]string{"client_id": "cli"})
	page := func(form url.Values) string {
		t.Helper()
		form.Set("code", text(t, device, "user_code"))
		form.Set("decision", "approve")
		r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, s.APIURL+"/cli/verify", strings.NewReader(form.Encode())))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp := must[*http.Response](t)(new(http.Client).Do(r))
		defer resp.Body.Close()
		return string(must[[]byte](t)(io.ReadAll(resp.Body)))
	}
	poll := func() map[string]any {
		t.Helper()
		return plain(t, s.APIURL).want(t, http.StatusOK, "POST", "/v1/auth/device/token", map[string]string{
			"device_code": text(t, device, "device_code"), "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
		})
	}
	asked := page(url.Values{"email": {s.Email}, "password": {s.Password}})
	challenge := regexp.MustCompile(`name="mfa_token" value="([^"]+)"`).FindStringSubmatch(asked)
	if challenge == nil {
		t.Fatalf("the page does not ask for the code: %s", asked)
	}
	if r := poll(); r["error"] != "authorization_pending" {
		t.Errorf("before the code: %v", r)
	}
	done := page(url.Values{"mfa_token": {challenge[1]}, "mfa_code": {must[string](t)(totp.GenerateCode(seed, now.Add(30*time.Second)))}})
	if !strings.Contains(done, "logged in") {
		t.Fatalf("the page says %s", done)
	}
	var token map[string]any
	eventually(t, "the device's token", func() bool { // asking too soon is told to slow down
		token = poll()
		return token["access_token"] != nil
	})
	owner.as(text(t, token, "access_token")).want(t, http.StatusOK, "GET", "/v1/auth/me", nil)
}
