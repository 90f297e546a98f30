package httpapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/authenticator"
	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// challenge is what the server asks an authenticator with.
type challenge struct {
	token   string
	options []byte
}

func (w *world) asks(path, bearer string) challenge {
	w.t.Helper()
	r := w.do("POST", path, bearer, nil).want(200)
	return challenge{r.str("token"), r.options()}
}

// options are what the server asks an authenticator with.
func (r reply) options() []byte {
	r.t.Helper()
	text, err := json.Marshal(r.json()["options"])
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

func (w *world) asksLogin() challenge {
	w.t.Helper()
	return w.asks("/v1/auth/passkey-login/begin", "")
}

// passkey gives a user a passkey, and returns its id and the authenticator.
func (h *human) passkey(name string) (string, *authenticator.Key) {
	h.t.Helper()
	k := authenticator.New(h.t, kit.PublicURL)
	a := h.asks("/v1/auth/passkeys/begin", h.token)
	made := h.do("POST", "/v1/auth/passkeys", h.token, object{"token": a.token, "name": name, "credential": k.Make(a.options)}).want(201)
	return made.str("id"), k
}

// enter signs in with an authenticator.
func (w *world) enter(k *authenticator.Key) reply {
	w.t.Helper()
	a := w.asksLogin()
	return w.do("POST", "/v1/auth/passkey-login", "", object{"token": a.token, "credential": k.Sign(a.options)})
}

func TestPasskeys(t *testing.T) {
	for name, engine := range map[string]func(*setup){"sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(name, func(t *testing.T) {
			w := open(t, engine)
			w.run("are added, listed, renamed and sign in", func(t *testing.T) {
				ada := w.signup("ada")
				id, k := ada.passkey("laptop")
				r := w.enter(k).want(200)
				fields(t, "passkey-login", r.json(), "access_token", "token_type", "expires_in")
				token := r.str("access_token")
				w.do("PATCH", "/v1/auth/passkeys/"+id, token, object{"name": " phone "}).want(204)
				list := w.do("GET", "/v1/auth/passkeys", token, nil).want(200).json()["passkeys"].([]any)
				p := fields(t, "a passkey", list[0].(object), "id", "name", "aaguid", "transports", "synced", "backed_up", "created_at", "last_used_at")
				if len(list) != 1 || p["id"] != id || p["name"] != "phone" || p["last_used_at"] == nil || p["transports"].([]any)[0] != "internal" {
					t.Errorf("listed: %v", list)
				}
				if s := w.sessions(token); !slices.ContainsFunc(s, func(s object) bool { return s["kind"] == "passkey" && s["current"] == true }) {
					t.Errorf("sessions: %v", s)
				}
				// A login with a passkey has a person in it.
				ada.token = token
				ada.passkey("another")
			})
			w.run("are both factors", func(t *testing.T) {
				bea := w.signup("bea")
				_, k := bea.passkey("key")
				key := w.do("POST", "/v1/auth/mfa/setup", bea.token, nil).want(200).str("secret")
				w.do("POST", "/v1/auth/mfa/verify-setup", bea.token, object{"code": w.code(key)}).want(200)
				if token := w.enter(k).want(200).str("access_token"); token == "" {
					t.Error("a code is asked for")
				}
				k.Absent = true
				w.enter(k).want(401, "unauthenticated")
			})
			w.run("take no answer twice, late or from elsewhere", func(t *testing.T) {
				cat, dan := w.signup("cat"), w.signup("dan")
				_, k := cat.passkey("key")
				_, other := dan.passkey("key")
				login := func(a challenge, answer json.RawMessage) reply {
					return w.do("POST", "/v1/auth/passkey-login", "", object{"token": a.token, "credential": answer})
				}
				a := w.asksLogin()
				answer := k.Sign(a.options)
				login(a, answer).want(200)
				login(a, answer).want(401, "unauthenticated")
				b := w.asksLogin()
				login(b, answer).want(401, "unauthenticated")            // of another challenge
				login(b, k.Sign(b.options)).want(401, "unauthenticated") // which that has used up
				w.enter(k).want(200)                                     // what was wrong is forgotten
				login(challenge{"pkc_x", nil}, answer).want(401, "unauthenticated")
				late := w.asksLogin()
				w.Clock.Forward(5*time.Minute + time.Second)
				login(late, k.Sign(late.options)).want(401, "unauthenticated")
				w.enter(k).want(200)
				w.enter(k).want(200)
				for _, change := range []func(*authenticator.Key){
					func(k *authenticator.Key) { k.Origin = "https://evil.test" },
					func(k *authenticator.Key) { k.Origin = "http://vault.test" },
					func(k *authenticator.Key) { k.RPID = "evil.test" },
					func(k *authenticator.Key) { k.User = other.User },
					func(k *authenticator.Key) { k.ID = other.ID },
					func(k *authenticator.Key) { k.ID = []byte("of nobody") },
					func(k *authenticator.Key) { k.Absent = true },
				} {
					bad := k.Copy()
					change(bad)
					w.enter(bad).want(401, "unauthenticated")
					w.enter(k).want(200)
				}
				// The challenge of who adds one is for that alone, and for its login.
				cat.token, dan.token = cat.login(), dan.login()
				mine := w.asks("/v1/auth/passkeys/begin", cat.token)
				login(mine, k.Sign(mine.options)).want(401, "unauthenticated")
				fresh := authenticator.New(t, kit.PublicURL)
				add := func(bearer string, a challenge, answer json.RawMessage) reply {
					return w.do("POST", "/v1/auth/passkeys", bearer, object{"token": a.token, "name": "x", "credential": answer})
				}
				mine = w.asks("/v1/auth/passkeys/begin", cat.token)
				add(dan.token, mine, fresh.Make(mine.options)).want(400, "invalid_passkey")
				mine = w.asks("/v1/auth/passkeys/begin", cat.token)
				add(cat.login(), mine, fresh.Make(mine.options)).want(400, "invalid_passkey")
				anyone := w.asksLogin()
				add(cat.token, anyone, fresh.Make(mine.options)).want(400, "invalid_passkey")
				fresh.Origin = "https://evil.test"
				mine = w.asks("/v1/auth/passkeys/begin", cat.token)
				add(cat.token, mine, fresh.Make(mine.options)).want(400, "invalid_passkey")
				fresh.Origin = kit.PublicURL
				mine = w.asks("/v1/auth/passkeys/begin", cat.token)
				answer = fresh.Make(mine.options)
				add(cat.token, mine, answer).want(201)
				add(cat.token, mine, answer).want(400, "invalid_passkey")
				again := w.asks("/v1/auth/passkeys/begin", dan.token)
				add(dan.token, again, fresh.Make(again.options)).want(409, "passkey_exists")
			})
			w.run("are refused when their count goes back", func(t *testing.T) {
				eve := w.signup("eve")
				_, k := eve.passkey("key")
				k.Counts, k.Count = true, 4
				w.enter(k).want(200)
				copied := k.Copy()
				w.enter(k).want(200)
				w.enter(copied).want(401, "unauthenticated")
				if e := w.Last(eve.org); e.Action != "auth.failure" || !strings.Contains(string(e.DetailsJSON), "passkey_copied") {
					t.Errorf("recorded: %+v", *e.Row)
				}
				if all := w.notices(); !strings.Contains(all[len(all)-1], eve.email+": A passkey of your account was refused") {
					t.Errorf("mailed: %v", all)
				}
			})
			w.run("end their logins", func(t *testing.T) {
				fay := w.signup("fay")
				id, k := fay.passkey("key")
				token := w.enter(k).want(200).str("access_token")
				made := w.do("POST", "/v1/auth/api-keys", token, object{"name": "of the passkey"}).want(201).json()["key"].(object)["id"].(string)
				if r := w.do("DELETE", "/v1/auth/passkeys/"+id+"?keep=true", fay.token, nil).want(204); r.header.Get("X-Ended") != "sessions=1" {
					t.Errorf("ended: %q", r.header.Get("X-Ended"))
				}
				w.do("GET", "/v1/auth/me", token, nil).want(401)
				w.enter(k).want(401, "unauthenticated")
				live := func() bool {
					for _, k := range w.do("GET", "/v1/auth/api-keys", fay.token, nil).want(200).json()["keys"].([]any) {
						if k.(object)["id"] == made {
							return k.(object)["is_active"].(bool)
						}
					}
					return false
				}
				if !live() {
					t.Error("what was to be kept has ended")
				}
				w.do("DELETE", "/v1/auth/passkeys/"+id, fay.token, nil).want(204)
				if live() {
					t.Error("what the logins made has not ended")
				}
				w.do("DELETE", "/v1/auth/passkeys/"+id, fay.token, nil).want(404)
			})
			w.run("end with the login that added them", func(t *testing.T) {
				gus := w.signup("gus")
				theft := gus.login()
				thief := *gus
				thief.token = theft
				_, k := thief.passkey("of a thief")
				inside := w.enter(k).want(200).str("access_token")
				if r := w.do("DELETE", "/v1/auth/sessions/"+w.sessionOf(theft), gus.token, nil).want(204); !strings.Contains(r.header.Get("X-Ended"), "passkeys=1") {
					t.Errorf("ended: %q", r.header.Get("X-Ended"))
				}
				w.do("GET", "/v1/auth/me", inside, nil).want(401)
				w.enter(k).want(401, "unauthenticated")
			})
			w.run("of others are nobody's business", func(t *testing.T) {
				hal, ida := w.signup("hal"), w.signup("ida")
				id, _ := hal.passkey("key")
				w.do("PATCH", "/v1/auth/passkeys/"+id, ida.token, object{"name": "x"}).want(404)
				w.do("DELETE", "/v1/auth/passkeys/"+id, ida.token, nil).want(404)
				if list := w.do("GET", "/v1/auth/passkeys", ida.token, nil).want(200).json()["passkeys"].([]any); len(list) != 0 {
					t.Errorf("ida sees %v", list)
				}
			})
			w.run("leave a way in, and go with their user", func(t *testing.T) {
				jan := w.signup("jan")
				id, k := jan.passkey("key")
				w.Exec(`UPDATE users SET password_hash = '' WHERE id = ?`, jan.id)
				w.do("DELETE", "/v1/auth/passkeys/"+id, jan.token, nil).want(409, "last_way_in")
				token := w.enter(k).want(200).str("access_token")
				w.do("DELETE", "/v1/auth/me", token, object{"confirmation": account.Confirmation}).want(204)
				w.enter(k).want(401, "unauthenticated")
			})
			w.run("are known to all nodes", func(t *testing.T) {
				kim := w.signup("kim")
				_, k := kim.passkey("key")
				other := &world{World: w.OtherNode(), t: t, between: w.between}
				a := w.asksLogin()
				answer := object{"token": a.token, "credential": k.Sign(a.options)}
				other.do("POST", "/v1/auth/passkey-login", "", answer).want(200)
				w.do("POST", "/v1/auth/passkey-login", "", answer).want(401)
			})
		})
	}
}

func TestPasskeysNeedAName(t *testing.T) {
	for public, code := range map[string]string{
		"http://127.0.0.1:8080": "", "http://localhost:8080": "", "https://vault.example.com": "",
		"http://192.0.2.1:8080": "passkeys_need_a_name", "https://192.0.2.1": "passkeys_need_a_name", "http://vault.example.com": "passkeys_need_https",
	} {
		w := open(t, func(s *setup) { humans(s, func(c *account.Config) { c.PublicURL = public }) })
		r := w.do("POST", "/v1/auth/passkey-login/begin", "", nil)
		if code == "" {
			r.want(200)
		} else {
			r.want(http.StatusNotImplemented, code)
		}
	}
}
