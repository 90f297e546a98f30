package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// sessions returns what a token's owner sees, newest first.
func (w *world) sessions(token string) []object {
	w.t.Helper()
	var out []object
	for _, s := range w.do("GET", "/v1/auth/sessions", token, nil).want(200).json()["sessions"].([]any) {
		out = append(out, s.(object))
	}
	return out
}

// sessionOf is the id of the session that a token is of.
func (w *world) sessionOf(token string) string {
	w.t.Helper()
	for _, s := range w.sessions(token) {
		if s["current"] == true {
			return s["id"].(string)
		}
	}
	w.t.Fatal("the token is of no session")
	return ""
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	w := open(t, rest.OneByOne)
	ada, bob := w.signup("ada"), w.signup("bob")
	w.Clock.Forward(time.Second)
	laptop := w.do("POST", "/v1/auth/token", "", object{"email": ada.email, "password": password},
		header("User-Agent", "laptop/1 \x01é")).want(200).str("access_token")
	w.Clock.Forward(time.Second)
	device := ada.letIn()
	w.Exec(`UPDATE sessions SET seen_at = created_at WHERE client LIKE 'laptop%'`)
	all := w.sessions(laptop)
	if len(all) != 4 { // sign-up, laptop, the login that let the device in, the device
		t.Fatalf("sessions %v", all)
	}
	d := fields(t, "a session", all[0], "id", "kind", "client", "address", "org_id", "created_at", "expires_at", "current")
	if d["kind"] != "device" || d["client"] != "cli" || d["address"] != "192.0.2.7" || d["current"] != false || d["org_id"] != ada.org {
		t.Errorf("the device is %v", d)
	}
	var mine object
	for _, s := range all {
		if s["current"] == true {
			mine = s
		}
	}
	if mine["kind"] != "password" || mine["client"] != "laptop/1 " || mine["last_seen_at"] == nil {
		t.Errorf("the laptop is %v", mine)
	}

	// Nobody else sees or ends them, and a stored login ends itself alone.
	id, _ := d["id"].(string)
	own, _ := mine["id"].(string)
	w.do("DELETE", "/v1/auth/sessions/"+id, bob.login(), nil).want(404, "session_not_found")
	w.do("DELETE", "/v1/auth/sessions/"+own, device, nil).want(403, "person_required")
	w.do("DELETE", "/v1/auth/sessions", device, nil).want(403, "person_required")
	w.do("GET", "/v1/auth/me", laptop, nil).want(200)
	events := w.during(func() { w.do("DELETE", "/v1/auth/sessions/"+id, laptop, nil).want(204) })
	if len(events) != 1 || events[0].action != "auth.session_end" {
		t.Errorf("events %+v", events)
	}
	w.do("GET", "/v1/auth/me", device, nil).want(401)
	w.do("DELETE", "/v1/auth/sessions/"+id, laptop, nil).want(404, "session_not_found")
	again := ada.letIn()
	w.do("DELETE", "/v1/auth/sessions/"+w.sessionOf(again), again, nil).want(204)
	w.do("GET", "/v1/auth/me", again, nil).want(401)

	// Everywhere.
	other, keep := ada.letIn(), ada.login()
	made := func(life time.Duration) string {
		return w.do("POST", "/v1/auth/api-keys", keep, object{"name": "k", "expires_at": w.Clock.Now().Add(life)}).want(201).str("api_key")
	}
	stored, lasting := made(24*time.Hour), made(30*24*time.Hour)
	w.do("DELETE", "/v1/auth/sessions?keep_current=true", keep, nil).want(204)
	for _, token := range []string{laptop, ada.token, other, stored} {
		w.do("GET", "/v1/auth/me", token, nil).want(401)
	}
	w.do("GET", "/v1/auth/me", lasting, nil).want(200)
	if left := w.sessions(keep); len(left) != 1 || left[0]["current"] != true {
		t.Errorf("left are %v", left)
	}
	w.do("DELETE", "/v1/auth/sessions", keep, nil).want(204)
	w.do("GET", "/v1/auth/me", keep, nil).want(401)
	w.do("GET", "/v1/auth/me", bob.token, nil).want(200)
	w.do("GET", "/v1/auth/me", ada.login(), nil).want(200)
}

// What was made of a login by switching ends with it, and the other way round.
func TestALogoutEndsWhatWasDerived(t *testing.T) {
	w := open(t)
	ada, bob := w.signup("ada"), w.signup("bob")
	home := ada.org
	ada.joins(bob, "member")
	for name, end := range map[string]func(first, second string) reply{
		"the login":   func(first, _ string) reply { return w.do("DELETE", "/v1/auth/token", first, nil) },
		"the derived": func(_, second string) reply { return w.do("DELETE", "/v1/auth/token", second, nil) },
		"everywhere":  func(string, string) reply { return w.do("DELETE", "/v1/auth/sessions", ada.login(), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			first := ada.login()
			second := w.do("POST", "/v1/auth/switch-org", first, object{"org_id": bob.org}).want(200).str("access_token")
			third := w.do("POST", "/v1/auth/switch-org", second, object{"org_id": home}).want(200).str("access_token")
			for _, token := range []string{first, second, third} {
				w.do("GET", "/v1/auth/me", token, nil).want(200)
			}
			end(first, second).want(204)
			for _, token := range []string{first, second, third} {
				w.do("GET", "/v1/auth/me", token, nil).want(401)
			}
		})
	}
}

// A new password ends the others' sessions, and tokens of the own for other
// organisations; a reset mail that waits in a mailbox dies, too.
func TestANewPasswordEndsSessionsAndResetMails(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	device, other, mine := ada.letIn(), ada.login(), ada.login()
	derived := w.do("POST", "/v1/auth/switch-org", mine, object{"org_id": ada.org}).want(200).str("access_token")
	reset := func() string {
		w.do("POST", "/v1/auth/forgot-password", "", object{"email": ada.email}).want(200)
		w.Accounts.Wait()
		return w.reset(ada.email)
	}
	mailed := reset()
	const next = "Other-8-Good-Words"
	w.do("POST", "/v1/auth/change-password", mine, object{"current_password": password, "new_password": next}).want(204)
	for _, token := range []string{device, other, derived, ada.token} {
		w.do("GET", "/v1/auth/me", token, nil).want(401)
	}
	if left := w.sessions(mine); len(left) != 1 {
		t.Errorf("left are %v", left)
	}
	w.do("POST", "/v1/auth/reset-password", "", object{"token": mailed, "new_password": password}).want(400, "invalid_token")
	w.do("POST", "/v1/auth/change-password", mine, object{"current_password": next, "new_password": password}).want(204)
	mailed = reset()
	ada.token = ada.login()
	ada.secondFactor()
	w.do("POST", "/v1/auth/reset-password", "", object{"token": mailed, "new_password": next}).want(400, "invalid_token")
}

// Somebody who was removed and comes back brings no old token back to life.
func TestTokensOfBeforeAMembership(t *testing.T) {
	w := open(t)
	ada, bob := w.signup("ada"), w.signup("bob")
	ada.joins(bob, "member")
	old := w.do("POST", "/v1/auth/switch-org", ada.login(), object{"org_id": bob.org}).want(200).str("access_token")
	w.do("DELETE", "/v1/org/members/"+ada.id, bob.login(), nil).want(204)
	w.do("GET", "/v1/auth/me", old, nil).want(401)
	w.Clock.Forward(10 * time.Second)
	ada.token, bob.token = ada.login(), bob.login()
	ada.joins(bob, "member")
	w.do("GET", "/v1/auth/me", old, nil).want(401)
	now := w.do("POST", "/v1/auth/switch-org", ada.login(), object{"org_id": bob.org}).want(200).str("access_token")
	w.do("GET", "/v1/auth/me", now, nil).want(200)
}

// Whoever was removed and comes back at once, on a clock that may stand still, has none of
// the tokens of before, of any kind. Those of other organisations, and of after, work.
func TestTokensOfBeforeAMembershipHaveNoGrace(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Microsecond, time.Second} {
		t.Run(pause.String(), func(t *testing.T) {
			w := open(t)
			ada, bob := w.signup("ada"), w.signup("bob")
			home := ada.token
			ada.joins(bob, "admin")
			d := w.device()
			w.do("POST", "/v1/auth/device/approve", ada.token, object{"user_code": d.shown}).want(200)
			key := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "k"}).want(201).str("api_key")
			bot := ada.agent(object{"name": "bot"})
			old := map[string]string{
				"switched":         ada.token,
				"a login":          ada.login(),
				"a device":         d.poll().want(200).str("access_token"),
				"a key":            key,
				"a key exchanged":  w.do("POST", "/v1/auth/api-key-token", "", object{"api_key": key}).want(200).str("access_token"),
				"an agent's":       bot.token,
				"an agent's taken": w.do("POST", "/v1/agents/"+bot.id+"/token", ada.token, nil).want(200).str("token"),
			}
			w.do("DELETE", "/v1/org/members/"+ada.id, bob.login(), nil).want(204)
			w.Clock.Forward(pause)
			ada.token = home
			ada.joins(bob, "member")
			for what, token := range old {
				if r := w.do("GET", "/v1/vaults", token, nil); r.status != 401 {
					t.Errorf("%s: got %d", what, r.status)
				}
			}
			for what, token := range map[string]string{"switched": ada.token, "a login": ada.login(), "of home": home} {
				if r := w.do("GET", "/v1/vaults", token, nil); r.status != 200 {
					t.Errorf("%s of after: got %d", what, r.status)
				}
			}
			again := w.device()
			w.do("POST", "/v1/auth/device/approve", ada.token, object{"user_code": again.shown}).want(200)
			w.do("GET", "/v1/vaults", again.poll().want(200).str("access_token"), nil).want(200)
		})
	}
}

// A token of a session that is not there is nobody's: of an older version, say.
func TestATokenOfNoSession(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	w.Exec(`DELETE FROM sessions`)
	w.do("DELETE", "/v1/auth/token", ada.login(), nil).want(http.StatusNoContent) // what is cached is looked up again
	w.do("GET", "/v1/auth/me", ada.token, nil).want(401)
}

// The day's key that a program keeps as its login is a login like others: it is listed
// with where it came from, can be ended by its id from each organisation, and says what it made.
func TestAKeyThatIsAStoredLoginIsASession(t *testing.T) {
	s := openSession(t)
	day := object{"name": "oneclaw login", "expires_at": s.Clock.Now().Add(24 * time.Hour)}
	k := s.do("POST", "/v1/auth/api-keys", s.ada.login(), day).want(201)
	key, id := k.str("api_key"), k.str("key", "id")
	long := s.do("POST", "/v1/auth/api-keys", s.ada.login(), object{"name": "long", "expires_at": s.Clock.Now().Add(48 * time.Hour)}).want(201).str("key", "id")
	s.Clock.Forward(time.Hour) // its login has expired
	listed := func(token, query string) (found object) {
		for _, o := range s.do("GET", "/v1/auth/sessions"+query, token, nil).want(200).list("sessions") {
			if o["id"] == long {
				t.Errorf("a key for two days is a login: %v", o)
			}
			if o["id"] == id {
				found = o
			}
		}
		return found
	}
	jwt := s.do("POST", "/v1/auth/api-key-token", "", object{"api_key": key}).want(200).str("access_token")
	for _, token := range []string{key, jwt} {
		if o := listed(token, ""); o["kind"] != "key" || o["current"] != true || o["address"] == "" || o["expires_at"] == nil {
			t.Errorf("listed as %v", o)
		}
	}
	if o := listed(s.ada.login(), ""); o["current"] != false {
		t.Errorf("of another login: %v", o)
	}
	bot := (&human{world: s.world, token: key}).agent(object{"name": "bot"})
	if l := s.do("GET", "/v1/auth/sessions/"+id+"/made", s.ada.login(), nil).want(200).list("made"); len(l) != 1 || l[0]["id"] != bot.id {
		t.Errorf("made: %v", l)
	}
	eve := s.signup("eve")
	s.do("DELETE", "/v1/auth/sessions/"+id, eve.login(), nil).want(404, "session_not_found")
	s.do("GET", "/v1/auth/sessions/"+id+"/made", eve.login(), nil).want(404, "session_not_found")
	s.do("DELETE", "/v1/auth/sessions/"+long, s.ada.login(), nil).want(404, "session_not_found")

	s.ada.token, eve.token = s.ada.login(), eve.login()
	s.ada.joins(eve, "member")
	s.Clock.Forward(time.Hour)
	away := &human{world: s.world, token: s.ada.login()}
	if got := s.do("DELETE", "/v1/auth/sessions/"+id, away.switched(eve.org), nil).want(204).header.Get("X-Ended"); got != "agents=1" {
		t.Errorf("X-Ended: %q", got)
	}
	s.do("GET", "/v1/auth/me", key, nil).want(401)
	s.do("GET", "/v1/agents/me", bot.token, nil).want(401)
	if listed(away.token, "") != nil || listed(away.token, "?ended=true")["ended_at"] == nil {
		t.Error("the ended login is not among those that have ended")
	}
}
