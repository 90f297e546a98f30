package httpapi_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// device is a program that waits to be let in.
type device struct {
	*world
	code, shown string
}

func (w *world) device() *device {
	w.t.Helper()
	r := w.do("POST", "/v1/auth/device/code", "", object{"client_id": "cli"}).want(200)
	return &device{world: w, code: r.str("device_code"), shown: r.str("user_code")}
}

// poll asks for the token, once the interval is over.
func (d *device) poll() reply {
	d.t.Helper()
	d.Clock.Forward(5 * time.Second)
	return d.ask()
}

func (d *device) ask() reply {
	d.t.Helper()
	return d.do("POST", "/v1/auth/device/token", "", object{"device_code": d.code, "grant_type": deviceGrant}).want(200)
}

// refused checks that the answer is that word and nothing else.
func (d *device) refused(r reply, word string) {
	d.t.Helper()
	if got := string(r.body); got != `{"error":"`+word+`"}` {
		d.t.Errorf("got %s, want %s", got, word)
	}
}

func TestDeviceLogin(t *testing.T) {
	w := open(t, rest.OneByOne)
	ada := w.signup("ada")
	r := w.do("POST", "/v1/auth/device/code", "", object{"client_id": "cli", "email": nil}).want(200)
	o := fields(t, "the codes", r.json(), "device_code", "user_code", "verification_uri", "verification_uri_complete", "expires_in", "interval")
	number(t, o, "expires_in", 600)
	number(t, o, "interval", 5)
	d := &device{world: w, code: r.str("device_code"), shown: r.str("user_code")}
	if o["verification_uri"] != "https://vault.test/cli/verify" || o["verification_uri_complete"] != "https://vault.test/cli/verify?code="+d.shown {
		t.Errorf("the page is %v, %v", o["verification_uri"], o["verification_uri_complete"])
	}
	if len(d.shown) != 9 || d.shown[4] != '-' || strings.Trim(d.shown, "BCDFGHJKLMNPQRSTVWXZ-") != "" || len(d.code) != 43 {
		t.Errorf("codes %q, %q", d.shown, d.code)
	}
	d.refused(d.ask(), "authorization_pending")
	for _, spelling := range []string{d.shown, strings.ToLower(d.shown), strings.ReplaceAll(d.shown, "-", ""), "%20" + strings.ReplaceAll(d.shown, "-", "%20")} {
		state := fields(t, "the state", w.do("GET", "/v1/auth/device/code/"+spelling, "", nil).want(200).json(), "user_code", "status", "client_id", "expires_at")
		if state["user_code"] != d.shown || state["status"] != "pending" || state["client_id"] != "cli" || state["expires_at"] != "2026-11-23T12:10:00.5Z" {
			t.Errorf("state %v", state)
		}
	}
	fields(t, "the approval", w.do("POST", "/v1/auth/device/approve", ada.token, object{"user_code": strings.ToLower(d.shown)}).want(200).json(), "message")
	var got reply
	events := w.during(func() { got = d.poll() })
	if len(events) != 1 || events[0].action != "auth.success" || events[0].actor != ada.id || events[0].org != ada.org {
		t.Errorf("the exchange left %v", events)
	}
	token := fields(t, "the token", got.json(), "access_token", "token_type", "expires_in", "email", "user_id", "org_id")
	number(t, token, "expires_in", 86400)
	if token["token_type"] != "Bearer" || token["email"] != ada.email || token["user_id"] != ada.id || token["org_id"] != ada.org {
		t.Errorf("token %v", token)
	}
	w.Clock.Forward(23 * time.Hour)
	w.do("GET", "/v1/auth/me", got.str("access_token"), nil).want(200)
	w.Clock.Forward(time.Hour)
	w.do("GET", "/v1/auth/me", got.str("access_token"), nil).want(401)
}

func TestADevicesTokenIsHandedOutOnce(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	d := w.device()
	w.do("POST", "/v1/auth/device/approve", ada.token, object{"user_code": d.shown}).want(200)
	var tokens atomic.Int64
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if strings.Contains(string(d.ask().body), "access_token") {
				tokens.Add(1)
			}
		})
	}
	all.Wait()
	if n := tokens.Load(); n != 1 {
		t.Errorf("%d tokens were handed out", n)
	}
	d.refused(d.poll(), "expired_token")
	w.do("POST", "/v1/auth/device/approve", ada.token, object{"user_code": d.shown}).want(400, "user_code_decided")
}

func TestRefusalsOfADevice(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	decide := func(d *device, verb string, status int, code string) {
		t.Helper()
		r := w.do("POST", "/v1/auth/device/"+verb, ada.token, object{"user_code": d.shown})
		if code == "" {
			r.want(status)
		} else {
			r.want(status, code)
		}
	}
	d := w.device()
	d.refused(d.ask(), "authorization_pending")
	d.refused(d.ask(), "slow_down")
	w.Clock.Forward(3 * time.Second)
	d.refused(d.ask(), "slow_down")
	w.Clock.Forward(time.Second)
	d.refused(d.ask(), "authorization_pending")
	decide(d, "deny", 200, "")
	d.refused(d.poll(), "access_denied")
	decide(d, "approve", 400, "user_code_decided")

	late := w.device()
	w.Clock.Forward(10 * time.Minute)
	ada.token = ada.login()
	late.refused(late.poll(), "expired_token")
	decide(late, "approve", 400, "user_code_expired")
	decide(late, "deny", 400, "user_code_expired")
	if s := w.do("GET", "/v1/auth/device/code/"+late.shown, "", nil).want(200).str("status"); s != "expired" {
		t.Errorf("status %s", s)
	}

	slow := w.device() // approved in time, asked for too late
	decide(slow, "approve", 200, "")
	w.Clock.Forward(10 * time.Minute)
	ada.token = ada.login()
	slow.refused(slow.poll(), "expired_token")

	nobody := &device{world: w, code: strings.Repeat("A", 43), shown: "BCDF-GHJK"}
	nobody.refused(nobody.poll(), "expired_token")
	for _, code := range []string{"BCDF-GHJK", "x", "AEIO-UAEI", "BCDF-GHJ", strings.Repeat("B", 70), "BCDF-GHJ\u212a"} {
		nobody.shown = code
		decide(nobody, "approve", 404, "user_code_not_found")
		decide(nobody, "deny", 404, "user_code_not_found")
	}
	w.do("POST", "/v1/auth/device/token", "", object{"device_code": d.code, "grant_type": "password"}).want(400, "unsupported_grant_type")
	w.do("POST", "/v1/auth/device/token", "", object{"grant_type": deviceGrant}).want(400, "invalid_request")
	for _, client := range []string{"", "<b>", "a\nb", strings.Repeat("a", 65), "\u202ecli"} {
		w.do("POST", "/v1/auth/device/code", "", object{"client_id": client}).want(400, "invalid_client_id")
	}
}

// What is capped must not make what is not, and what a human may an agent can't.
func TestNoKeyAndNoAgentLetsADeviceIn(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	d := w.device()
	key := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "k"}).want(201).str("api_key")
	capped := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "k", "scopes": []string{"prod/**"}}).want(201).str("api_key")
	exchanged := w.do("POST", "/v1/auth/api-key-token", "", object{"api_key": key}).want(200).str("access_token")
	a := ada.agent(nil)
	for _, verb := range []string{"approve", "deny"} {
		for what, token := range map[string]string{"a key": key, "a capped key": capped, "a key's token": exchanged, "an agent": a.token, "an agent's key": a.key} {
			r := w.do("POST", "/v1/auth/device/"+verb, token, object{"user_code": d.shown})
			r.what += " by " + what
			r.want(403)
		}
		w.do("POST", "/v1/auth/device/"+verb, "", object{"user_code": d.shown}).want(401)
	}
	d.refused(d.poll(), "authorization_pending")
}

func TestADevicesTokenEndsWithItsApproversPassword(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	let := func() *device {
		d := w.device()
		w.do("POST", "/v1/auth/device/approve", ada.token, object{"user_code": d.shown}).want(200)
		return d
	}
	in := let().poll().str("access_token")
	w.do("GET", "/v1/auth/me", in, nil).want(200)
	open := let()
	w.do("POST", "/v1/auth/change-password", ada.token, object{"current_password": password, "new_password": "Wind-farm5-at-night"}).want(204)
	w.do("GET", "/v1/auth/me", in, nil).want(401)
	open.refused(open.poll(), "access_denied")
	d := let() // by the login that outlived the change
	last := d.poll().str("access_token")
	w.do("DELETE", "/v1/auth/token", last, nil).want(204)
	w.do("GET", "/v1/auth/me", last, nil).want(401)

	gone := let()
	w.Exec(`DELETE FROM memberships WHERE user_id = ?`, ada.id)
	gone.refused(gone.poll(), "access_denied")
}

func TestCodesThatWaitAreBounded(t *testing.T) {
	w := open(t)
	for range 20 {
		w.device()
	}
	r := w.do("POST", "/v1/auth/device/code", "", object{"client_id": "cli"}).want(429, "too_many_device_codes")
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.do("POST", "/v1/auth/device/code", "", object{"client_id": "cli"}, from("192.0.2.8:1")).want(200)
	w.Clock.Forward(10 * time.Minute)
	w.device()
	w.Clock.Forward(2 * time.Hour)
	w.device()
	if rows := w.rows("device_codes"); len(rows) != 1 {
		t.Errorf("%d codes are kept", len(rows))
	}
}

func TestAttemptsAtDeviceCodesAreLimited(t *testing.T) {
	w := open(t, func(s *setup) { s.Limits = ratelimit.Limits{Auth: ratelimit.Rate{PerSecond: 1, Burst: 3}} })
	ada := w.signup("ada")
	w.Clock.Forward(time.Minute)
	for what, try := range map[string]func() reply{
		"looks": func() reply { return w.do("GET", "/v1/auth/device/code/BCDF-GHJK", "", nil) },
		"approvals": func() reply {
			return w.do("POST", "/v1/auth/device/approve", ada.token, object{"user_code": "BCDF-GHJK"})
		},
		"denials": func() reply { return w.do("POST", "/v1/auth/device/deny", ada.token, object{"user_code": "BCDF-GHJK"}) },
		"polls": func() reply {
			return w.do("POST", "/v1/auth/device/token", "", object{"device_code": "x", "grant_type": deviceGrant})
		},
	} {
		for range 3 {
			if r := try(); r.status == 429 {
				t.Errorf("%s: limited too early", what)
			}
		}
		try().want(429, "rate_limited")
		w.Clock.Forward(time.Minute)
	}
	d := w.device()
	w.Clock.Forward(time.Minute)
	d.refused(d.ask(), "authorization_pending")
	for range 10 {
		d.refused(d.ask(), "slow_down") // the right code is no attempt
	}
}

// The database alone lets nobody in.
func TestDeviceCodesAreNotInTheDatabase(t *testing.T) {
	w := open(t)
	d := w.device()
	for _, line := range w.rows("device_codes") {
		if strings.Contains(line, d.code) || strings.Contains(line, strings.ReplaceAll(d.shown, "-", "")) || strings.Contains(line, d.shown) {
			t.Errorf("a code is stored: %s", line)
		}
	}
}

// What a device has is worth less than the login that let it in: it can't let in
// others, and so stay for ever.
func TestADeviceLetsNoDeviceIn(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	first, second := w.device(), w.device()
	w.do("POST", "/v1/auth/device/approve", ada.token, object{"user_code": first.shown}).want(200)
	token := first.poll().str("access_token")
	w.do("GET", "/v1/auth/me", token, nil).want(200)
	for _, verb := range []string{"approve", "deny"} {
		w.do("POST", "/v1/auth/device/"+verb, token, object{"user_code": second.shown}).want(403, "person_required")
	}
	w.do("POST", "/v1/auth/switch-org", token, object{"org_id": ada.org}).want(403, "not_with_a_key")
	second.refused(second.poll(), "authorization_pending")
}
