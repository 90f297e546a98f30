package httpapi_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/png"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// codeAt is what an authenticator shows.
func (w *world) codeAt(key string, at time.Time) string {
	w.t.Helper()
	code, err := totp.GenerateCodeCustom(key, at, totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// code is the code of now, in a time step that was not seen yet.
func (w *world) code(key string) string {
	w.Clock.Forward(30 * time.Second)
	return w.codeAt(key, w.Clock.Now())
}

// secondFactor turns the second factor on.
func (h *human) secondFactor() (key string, recovery []string) {
	h.t.Helper()
	key = h.do("POST", "/v1/auth/mfa/setup", h.token, nil).want(200).str("secret")
	list := h.do("POST", "/v1/auth/mfa/verify-setup", h.token, object{"code": h.code(key)}).want(200).json()["recovery_codes"].([]any)
	for _, c := range list {
		recovery = append(recovery, c.(string))
	}
	return key, recovery
}

// challenge logs in as far as the second factor.
func (h *human) challenge() string {
	h.t.Helper()
	r := h.do("POST", "/v1/auth/token", "", object{"email": h.email, "password": password}).want(200)
	o := r.json()
	if len(o) != 5 || o["token_type"] != "Bearer" || o["expires_in"] != float64(300) && fmt.Sprint(o["expires_in"]) != "300" || o["access_token"] != "" || o["mfa_required"] != true {
		h.t.Errorf("a challenge is %v", o)
	}
	return r.str("mfa_token")
}

func TestSecondFactor(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	other := ada.login()
	a := ada.agent(nil)
	status := func(token string) any {
		return fields(t, "mfa/status", w.do("GET", "/v1/auth/mfa/status", token, nil).want(200).json(), "enabled")["enabled"]
	}
	if status(ada.token) != false {
		t.Error("it is on already")
	}
	w.do("POST", "/v1/auth/mfa/verify-setup", ada.token, object{"code": "123456"}).want(400, "mfa_not_set_up")
	w.do("DELETE", "/v1/auth/mfa", ada.token, object{"code": "123456"}).want(400, "mfa_not_enabled")
	r := w.do("POST", "/v1/auth/mfa/setup", ada.token, nil).want(200)
	fields(t, "mfa/setup", r.json(), "otpauth_uri", "secret", "qr_code")
	u, err := url.Parse(r.str("otpauth_uri"))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Query().Get("secret") != r.str("secret") || u.Query().Get("period") != "30" ||
		u.Query().Get("digits") != "6" || u.Query().Get("algorithm") != "SHA1" || !strings.Contains(u.Path, ada.email) {
		t.Errorf("otpauth_uri %v", u)
	}
	data, ok := strings.CutPrefix(r.str("qr_code"), "data:image/png;base64,")
	raw, err := base64.StdEncoding.DecodeString(data)
	if !ok || err != nil {
		t.Fatalf("qr_code: %v", err)
	}
	if _, err := png.Decode(bytes.NewReader(raw)); err != nil {
		t.Errorf("qr_code: %v", err)
	}
	// Nothing is on before a code was seen, and the newest key counts.
	key := w.do("POST", "/v1/auth/mfa/setup", ada.token, nil).want(200).str("secret")
	w.do("POST", "/v1/auth/mfa/verify-setup", ada.token, object{"code": w.codeAt(r.str("secret"), w.Clock.Now())}).want(400, "wrong_code")
	w.do("GET", "/v1/auth/me", ada.login(), nil).want(200)
	codes := w.do("POST", "/v1/auth/mfa/verify-setup", ada.token, object{"code": w.code(key)}).want(200)
	if list := fields(t, "mfa/verify-setup", codes.json(), "recovery_codes")["recovery_codes"].([]any); len(list) != 8 {
		t.Errorf("recovery codes: %v", list)
	}
	w.do("GET", "/v1/auth/me", other, nil).want(401)
	if me := w.do("GET", "/v1/auth/me", ada.token, nil).want(200).json(); status(ada.token) != true || me["totp_enabled"] != true {
		t.Errorf("profile %v", me)
	}
	w.do("POST", "/v1/auth/mfa/setup", ada.token, nil).want(400, "mfa_already_enabled")
	w.do("POST", "/v1/auth/mfa/verify-setup", ada.token, object{"code": w.code(key)}).want(400, "mfa_already_enabled")
	for _, op := range [][2]string{{"GET", "status"}, {"POST", "setup"}, {"POST", "verify-setup"}} {
		w.do(op[0], "/v1/auth/mfa/"+op[1], a.token, object{"code": "123456"}).want(403)
		w.do(op[0], "/v1/auth/mfa/"+op[1], "", object{"code": "123456"}).want(401)
	}
	if len(w.notices()) != 1 {
		t.Errorf("notices %v", w.notices())
	}

	w.do("DELETE", "/v1/auth/mfa", ada.token, nil).want(400, "proof_required")
	w.do("DELETE", "/v1/auth/mfa", ada.token, object{"code": "000000"}).want(400, "wrong_code")
	w.do("DELETE", "/v1/auth/mfa", ada.token, object{"code": "AAAA-AAAA-AAAA-AAAA"}).want(400, "wrong_code")
	// The password alone is what it guards against.
	w.do("DELETE", "/v1/auth/mfa", ada.token, object{"password": password}).want(400, "proof_required")
	w.do("DELETE", "/v1/auth/mfa", a.token, object{"password": password}).want(403)
	w.do("DELETE", "/v1/auth/mfa", ada.token, object{"code": w.code(key)}).want(204)
	ada.token = ada.login()
	for name, proof := range map[string]func(key string, codes []string) object{
		"a code":          func(key string, _ []string) object { return object{"code": w.code(key)} },
		"a recovery code": func(_ string, codes []string) object { return object{"code": codes[7]} },
	} {
		t.Run(name, func(t *testing.T) {
			key, codes := ada.secondFactor()
			w.do("DELETE", "/v1/auth/mfa", ada.token, proof(key, codes)).want(204)
			w.do("GET", "/v1/auth/me", ada.login(), nil).want(200)
		})
	}
}

// Whoever has a key could otherwise lock its owner out for good: not even a new
// password by mail turns a second factor off.
func TestAKeyTurnsNoSecondFactorOn(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	key := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "k"}).want(201).str("api_key")
	words := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "k", "scopes": []string{"auth:*"}}).want(201).str("api_key")
	exchanged := w.do("POST", "/v1/auth/api-key-token", "", object{"api_key": key}).want(200).str("access_token")
	totp := w.do("POST", "/v1/auth/mfa/setup", ada.token, nil).want(200).str("secret")
	for what, bearer := range map[string]string{"a key": key, "a key with a word": words, "a key's token": exchanged} {
		r := w.do("POST", "/v1/auth/mfa/setup", bearer, nil)
		r.what += " by " + what
		r.want(403, "person_required")
		r = w.do("POST", "/v1/auth/mfa/verify-setup", bearer, object{"code": w.code(totp)})
		r.what += " by " + what
		r.want(403, "person_required")
	}
	w.do("POST", "/v1/auth/mfa/verify-setup", ada.token, object{"code": w.code(totp)}).want(200)
}

func TestALoginWithASecondFactor(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	key, recovery := ada.secondFactor()
	verify := func(token, code string) reply {
		return w.do("POST", "/v1/auth/mfa/verify", "", object{"mfa_token": token, "code": code})
	}
	mfa := ada.challenge()
	w.do("GET", "/v1/auth/me", mfa, nil).want(401)
	w.do("POST", "/v1/auth/api-key-token", "", object{"api_key": mfa}).want(401)
	code := w.code(key)
	r := verify(mfa, code[:3]+" "+code[3:]).want(200)
	number(t, fields(t, "TokenResponse", r.json(), tokenFields...), "expires_in", 900)
	w.do("GET", "/v1/auth/me", r.str("access_token"), nil).want(200)

	wrong := verify("mfa_x", code).want(401, "unauthenticated")
	for name, try := range map[string]func() reply{
		"a challenge that is spent": func() reply { return verify(mfa, w.code(key)) },
		"a code that was used": func() reply {
			c := w.code(key)
			verify(ada.challenge(), c).want(200)
			return verify(ada.challenge(), c)
		},
		"the same code spelt differently": func() reply {
			c := w.code(key)
			verify(ada.challenge(), c).want(200)
			var wide strings.Builder
			for _, d := range c {
				wide.WriteRune(d - '0' + '０')
			}
			return verify(ada.challenge(), wide.String())
		},
		"an older code than the last": func() reply {
			old := w.code(key)
			w.Clock.Forward(30 * time.Second)
			verify(ada.challenge(), w.codeAt(key, w.Clock.Now())).want(200)
			return verify(ada.challenge(), old)
		},
		"a code of two minutes ago": func() reply {
			old := w.code(key)
			w.Clock.Forward(2 * time.Minute)
			return verify(ada.challenge(), old)
		},
		"an unknown recovery code": func() reply { return verify(ada.challenge(), "AAAA-AAAA-AAAA-AAAA") },
		"an empty code":            func() reply { return verify(ada.challenge(), "") },
		"a huge code":              func() reply { return verify(ada.challenge(), strings.Repeat("1", 10_000)) },
		"a recovery code twice": func() reply {
			verify(ada.challenge(), strings.ToLower(strings.ReplaceAll(recovery[0], "-", " "))).want(200)
			return verify(ada.challenge(), recovery[0])
		},
		"a challenge that has ended": func() reply {
			m := ada.challenge()
			w.Clock.Forward(5 * time.Minute)
			return verify(m, w.code(key))
		},
		"a challenge of before the password changed": func() reply {
			token := verify(ada.challenge(), w.code(key)).want(200).str("access_token")
			m := ada.challenge()
			w.do("POST", "/v1/auth/change-password", token, object{"current_password": password, "new_password": "Wind-farm5-at-night"}).want(204)
			w.do("POST", "/v1/auth/change-password", token, object{"current_password": "Wind-farm5-at-night", "new_password": password}).want(204)
			return verify(m, w.code(key))
		},
		"the sixth code for one challenge": func() reply {
			m := ada.challenge()
			for range 5 {
				verify(m, "000000").want(401)
				w.Clock.Forward(20 * time.Second)
			}
			w.Clock.Forward(time.Minute)
			return verify(m, w.code(key))
		},
	} {
		w.Clock.Forward(2 * time.Hour) // earlier failures are forgotten
		w.run(name, func(t *testing.T) {
			r := try().want(401, "unauthenticated")
			if string(r.body) != string(wrong.body) {
				t.Errorf("it can be told from others: %s", r.body)
			}
		})
	}
	w.do("POST", "/v1/auth/mfa/verify", "", object{"code": "123456"}).want(400)
	w.do("POST", "/v1/auth/mfa/verify", "", object{"mfa_token": mfa}).want(400)
}

// A code that many submit at once is good for one of them.
func TestACodeIsAcceptedOnce(t *testing.T) {
	for name, pick := range map[string]func(w *world, key string, recovery []string) string{
		"of an authenticator": func(w *world, key string, _ []string) string { return w.code(key) },
		"for recovery":        func(_ *world, _ string, recovery []string) string { return recovery[3] },
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			ada := w.signup("ada")
			key, recovery := ada.secondFactor()
			var tokens []string
			for range 100 {
				tokens = append(tokens, ada.challenge())
			}
			code := pick(w, key, recovery)
			var wait sync.WaitGroup
			var won, other atomic.Int64
			for i, token := range tokens {
				spelt := code
				if i%2 == 1 {
					spelt = " " + code[:3] + "-" + code[3:] + "\u200b"
				}
				wait.Go(func() {
					switch r := w.do("POST", "/v1/auth/mfa/verify", "", object{"mfa_token": token, "code": spelt}); r.status {
					case 200:
						won.Add(1)
					case 401, 429:
					default:
						other.Add(1)
					}
				})
			}
			wait.Wait()
			if won.Load() != 1 || other.Load() != 0 {
				t.Errorf("%d got in, %d got another answer", won.Load(), other.Load())
			}
		})
	}
}

// Attempts are counted before they are looked at, so those made at once can't
// outrun the count; and nobody learns from it who has an account.
func TestLoginsAreSlowedDown(t *testing.T) {
	w := open(t)
	w.signup("ada")
	login := func(mail, pw, ip string) reply {
		return w.do("POST", "/v1/auth/token", "", object{"email": mail, "password": pw}, from(ip+":1"))
	}
	for i := range 8 {
		known, unknown := login("ada@example.com", "x", "192.0.2.1"), login("bob@example.com", "x", "192.0.2.2")
		want := 401
		if i >= 5 {
			want = 429
		}
		if known.status != want || unknown.status != want || string(known.body) != string(unknown.body) ||
			fmt.Sprint(known.header) != fmt.Sprint(unknown.header) {
			t.Errorf("try %d: %d %v %s and %d %v %s", i, known.status, known.header, known.body, unknown.status, unknown.header, unknown.body)
		}
	}
	// The right password must wait too, from there; elsewhere it is at once good.
	if r := login("ada@example.com", password, "192.0.2.1").want(429, "too_many_attempts"); r.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	login("ada@example.com", password, "192.0.2.9").want(200)
	waited := time.Duration(0)
	for range 12 { // doubling, up to 15 minutes
		w.Clock.Forward(15 * time.Minute)
		login("ada@example.com", "x", "192.0.2.1").want(401)
		r := login("ada@example.com", "x", "192.0.2.1").want(429)
		s, err := time.ParseDuration(r.header.Get("Retry-After") + "s")
		if err != nil || s > 15*time.Minute || s < waited {
			t.Errorf("Retry-After %v after %v", r.header.Get("Retry-After"), waited)
		}
		waited = s
	}
	if waited != 15*time.Minute {
		t.Errorf("it grew to %v only", waited)
	}
	w.Clock.Forward(waited)
	login("ada@example.com", password, "192.0.2.1").want(200)
	login("ada@example.com", "x", "192.0.2.1").want(401) // counting anew

	var wait sync.WaitGroup
	var looked atomic.Int64
	for range 60 {
		wait.Go(func() {
			if login("eve@example.com", "x", "192.0.2.7").status == 401 {
				looked.Add(1)
			}
		})
	}
	wait.Wait()
	if looked.Load() != 5 {
		t.Errorf("%d of 60 attempts at once were looked at", looked.Load())
	}
}

// Attempts from many networks make others wait, and never the network that the
// account's owner logs in from.
func TestAnOwnerIsNotLockedOut(t *testing.T) {
	w := open(t)
	w.signup("ada")
	login := func(pw, ip string) reply {
		return w.do("POST", "/v1/auth/token", "", object{"email": "ada@example.com", "password": pw}, from(ip+":1"))
	}
	login(password, "192.0.2.9").want(200)
	for i := range 50 {
		login("x", fmt.Sprintf("198.51.100.%d", i)).want(401)
	}
	login("x", "198.51.100.200").want(429)
	login(password, "198.51.100.201").want(429)
	login(password, "192.0.2.9").want(200)
}

// A new password by mail works at once, as the refusal says, also from a network
// that no attempt came from before.
func TestANewPasswordByMailWorksDuringAttemptsOfOthers(t *testing.T) {
	w := open(t)
	w.signup("ada")
	login := func(pw, ip string) reply {
		return w.do("POST", "/v1/auth/token", "", object{"email": "ada@example.com", "password": pw}, from(ip+":1"))
	}
	for i := range 50 {
		login("x", fmt.Sprintf("198.51.100.%d", i)).want(401)
	}
	login(password, "192.0.2.9").want(429)
	w.do("POST", "/v1/auth/forgot-password", "", object{"email": "ada@example.com"}).want(200)
	w.Accounts.Wait()
	w.do("POST", "/v1/auth/reset-password", "", object{"token": w.reset("ada@example.com"), "new_password": nextPassword}, from("192.0.2.10:1")).want(204)
	login(nextPassword, "192.0.2.10").want(200)
}

// Who logs in to an account of their own between attempts at others' has those counted
// all the same: a right password takes back no count but its own.
func TestAGoodLoginForgivesNoAttemptsAtOtherAccounts(t *testing.T) {
	w := open(t)
	w.signup("eve")
	login := func(mail, pw string) int {
		return w.do("POST", "/v1/auth/token", "", object{"email": mail, "password": pw}, from("192.0.2.9:1")).status
	}
	if got := login("eve@example.com", password); got != 200 {
		t.Fatal(got)
	}
	looked := 0
	for i := range 150 {
		if login(fmt.Sprintf("victim%d@example.com", i), "x") == 401 {
			looked++
		}
		if got := login("eve@example.com", password); got != 200 {
			t.Fatalf("login %d: %d", i, got)
		}
	}
	if looked != 100 {
		t.Errorf("%d of 150 attempts from one network were looked at, want 100", looked)
	}
}

// A login changes no counter that others can see: it would say that there is an
// account.
func TestALoginDoesNotChangeHowLongOthersWait(t *testing.T) {
	w := open(t)
	w.signup("ada")
	login := func(mail, pw, ip string) reply {
		return w.do("POST", "/v1/auth/token", "", object{"email": mail, "password": pw}, from(ip+":1"))
	}
	login("ada@example.com", password, "192.0.2.9").want(200)
	for _, mail := range []string{"ada@example.com", "nobody@example.com"} {
		for i := range 50 {
			login(mail, "x", fmt.Sprintf("198.51.100.%d", i)).want(401)
		}
	}
	login("ada@example.com", password, "192.0.2.9").want(200)
	known, unknown := login("ada@example.com", "x", "203.0.113.1"), login("nobody@example.com", "x", "203.0.113.2")
	if known.status != 429 || unknown.status != 429 || string(known.body) != string(unknown.body) {
		t.Errorf("%d %s and %d %s", known.status, known.body, unknown.status, unknown.body)
	}
	// From a network that is new to the account too, once it waited.
	w.Clock.Forward(time.Minute)
	login("ada@example.com", password, "192.0.2.10").want(200)
	login("nobody@example.com", "x", "203.0.113.3").want(401)
	login("ada@example.com", "x", "203.0.113.4").want(401)
	known, unknown = login("ada@example.com", "x", "203.0.113.5"), login("nobody@example.com", "x", "203.0.113.6")
	if known.status != 429 || unknown.status != 429 {
		t.Errorf("after the owner's login %d, for nobody %d", known.status, unknown.status)
	}
}

const nextPassword = "Wind-farm5-at-night"

func TestForgottenPasswords(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	w.do("PATCH", "/v1/auth/me", ada.token, object{"display_name": "Ada Lovelace-Byron"}).want(200)
	forgot := func(mail string) reply {
		r := w.do("POST", "/v1/auth/forgot-password", "", object{"email": mail}).want(200)
		w.Accounts.Wait()
		return r
	}
	known := forgot(" ADA@example.com")
	fields(t, "forgot-password", known.json(), "message")
	token := w.reset("ada@example.com")
	w.run("the answer does not tell who has an account", func(t *testing.T) {
		for _, mail := range []string{"nobody@example.com", "no address", ""} {
			if r := forgot(mail); string(r.body) != string(known.body) || fmt.Sprint(r.header) != fmt.Sprint(known.header) {
				t.Errorf("%q can be told from an account: %v %s", mail, r.header, r.body)
			}
		}
		if sent := w.Mail.Letters(kit.Reset); len(sent) != 1 || sent[0].To != "ada@example.com" || w.asked() != 4 {
			t.Errorf("mails %v, %d asked for", sent, w.asked())
		}
	})
	w.do("POST", "/v1/auth/forgot-password", "", object{}).want(400)

	reset := func(token, pw string) reply {
		return w.do("POST", "/v1/auth/reset-password", "", object{"token": token, "new_password": pw})
	}
	w.run("tokens and passwords that are refused", func(t *testing.T) {
		reset("x", nextPassword).want(400, "invalid_token")
		reset(token, "short").want(400, "weak_password")
		reset(token, "Lovelace-byron1").want(400, "weak_password")
		reset(token, "Pa$$w0rd-Dragon-99").want(400, "common_password")
		w.do("POST", "/v1/auth/verify-email", "", object{"token": token}).want(400, "invalid_token")
		w.do("POST", "/v1/auth/reset-password", "", object{"token": token}).want(400)
	})
	forgot("ada@example.com")
	second := w.reset("ada@example.com")
	if r := reset(token, nextPassword).want(204); len(r.body) != 0 {
		t.Errorf("a reset answers %s", r.body)
	}
	reset(token, nextPassword).want(400, "invalid_token")
	reset(second, nextPassword).want(400, "invalid_token")
	w.do("GET", "/v1/auth/me", ada.token, nil).want(401)
	w.do("POST", "/v1/auth/token", "", object{"email": ada.email, "password": password}).want(401)
	in := w.do("POST", "/v1/auth/token", "", object{"email": ada.email, "password": nextPassword}).want(200).str("access_token")
	if me := w.do("GET", "/v1/auth/me", in, nil).want(200).json(); me["email_verified"] != true {
		t.Errorf("profile %v", me)
	}
	if len(w.notices()) != 1 {
		t.Errorf("notices %v", w.notices())
	}
	w.run("mails to one address are limited", func(t *testing.T) {
		// The answer stays the same.
		w.Clock.Forward(3 * time.Hour)
		before := w.asked()
		for range 20 {
			forgot("ada@example.com")
		}
		if n := w.asked() - before; n != 3 {
			t.Errorf("%d mails at once", n)
		}
		late := w.reset("ada@example.com")
		w.Clock.Forward(time.Hour)
		reset(late, password).want(400, "invalid_token")
	})
}

func TestAResetLeavesTheSecondFactor(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	w.Exec(`UPDATE users SET email_verified = 1 WHERE id = ?`, ada.id)
	key, _ := ada.secondFactor()
	for range 5 {
		w.do("POST", "/v1/auth/token", "", object{"email": ada.email, "password": "x"}).want(401)
	}
	w.do("POST", "/v1/auth/token", "", object{"email": ada.email, "password": password}).want(429)
	w.do("POST", "/v1/auth/forgot-password", "", object{"email": ada.email}).want(200)
	w.Accounts.Wait()
	w.do("POST", "/v1/auth/reset-password", "", object{"token": w.reset(ada.email), "new_password": nextPassword}).want(204)
	// A reset lets the owner in at once, through the second factor.
	r := w.do("POST", "/v1/auth/token", "", object{"email": ada.email, "password": nextPassword}).want(200)
	if r.json()["access_token"] != "" {
		t.Error("a reset took the second factor away")
	}
	w.do("POST", "/v1/auth/mfa/verify", "", object{"mfa_token": r.str("mfa_token"), "code": w.code(key)}).want(200)
}

func TestAResetTokenIsSpentOnce(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	var tokens []string
	for range 2 {
		w.do("POST", "/v1/auth/forgot-password", "", object{"email": ada.email}).want(200)
		w.Accounts.Wait()
		tokens = append(tokens, w.reset(ada.email))
	}
	var wait sync.WaitGroup
	var won, other atomic.Int64
	for i := range 100 {
		wait.Go(func() {
			switch w.do("POST", "/v1/auth/reset-password", "", object{"token": tokens[i%2], "new_password": fmt.Sprintf("%s-%dx", nextPassword, i)}).status {
			case 204:
				won.Add(1)
			case 400:
			default:
				other.Add(1)
			}
		})
	}
	wait.Wait()
	if won.Load() != 1 || other.Load() != 0 {
		t.Errorf("%d resets, %d other answers", won.Load(), other.Load())
	}
}

func TestCommonPasswordsAreRefused(t *testing.T) {
	w := open(t)
	for _, p := range []string{
		"Password-2029!", "P@ssw0rd!P@ssw0rd!", "Welcome.2024.!", "Qwertyuiop-19!", "Summer2024!Winter", "L0vely-Princess7", "Letmein-letmein1", "Liverpool!1992!", "ADMINistrator-0!",
	} {
		w.do("POST", "/v1/auth/signup", "", object{"email": "eve@example.com", "password": p}).want(400, "common_password")
	}
	for _, p := range []string{"Grace.hopper-7", "Grace.hopper@example.com1"} {
		w.do("POST", "/v1/auth/signup", "", object{"email": "grace.hopper@example.com", "password": p}).want(400, "weak_password")
	}
	for i, p := range []string{password, nextPassword, "xK7-pq2Zv9!tmR", "Quiet-otter-Spoons4"} {
		w.do("POST", "/v1/auth/signup", "", object{"email": fmt.Sprintf("ok%d@example.com", i), "password": p}).want(200)
	}
}
