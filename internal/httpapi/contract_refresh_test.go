package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// rotates has the issuer take a refresh token once, and give another with each access token. A used one ends all, as
// servers do that take it for a theft.
type rotates struct {
	mu      sync.Mutex
	current string
	n       int
	reused  int
	hook    func(n int) // between the answer that is decided and its way back
}

func (k *tokens) rotates(first string) *rotates {
	r := &rotates{current: first}
	k.from.says(func(w http.ResponseWriter, n int) {
		sent := k.from.call(n - 1).form.Get("refresh_token")
		r.mu.Lock()
		if sent != r.current {
			r.reused++
			r.mu.Unlock()
			w.WriteHeader(400)
			return
		}
		r.n++
		r.current = fmt.Sprintf("r3fresh-token-next-%d", r.n)
		next, hook, number := r.current, r.hook, r.n
		r.mu.Unlock()
		if hook != nil {
			hook(number)
		}
		gives(w, object{"access_token": minted(number), "refresh_token": next, "expires_in": 100})
	})
	return r
}

func (r *rotates) between(hook func(n int)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hook = hook
}

// is makes a refresh token the one that the issuer takes, as when somebody signs in there.
func (r *rotates) is(token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = token
}

func (r *rotates) counts(t *testing.T, given, reused int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n != given || r.reused != reused {
		t.Errorf("%d tokens were given, not %d, and %d times a used one was sent, not %d", r.n, given, r.reused, reused)
	}
}

func (k *tokens) versions(path string) []object {
	k.t.Helper()
	return k.do("GET", "/v1/vaults/"+k.vault+"/secret-versions/"+path, k.ada.token, nil).want(200).list("versions")
}

const refreshFirst = "r3fresh-token-one"

// What an issuer gives in the place of a refresh token is the secret's next version, of the binding.
func TestARefreshTokenThatItsIssuerReplacesIsStored(t *testing.T) {
	k := openTokens(t)
	k.keep("crm", strings.Replace(refreshValue, `"client_id"`, ` "kept" : [1, "ü"], "client_id"`, 1), k.bound())
	r := k.rotates(refreshFirst)
	for n := 1; n <= 3; n++ {
		for range 2 {
			k.ask("crm").want(200)
			if k.sent() != "Bearer "+minted(n) {
				t.Errorf("the host got %q, not token %d", k.sent(), n)
			}
		}
		k.Clock.Forward(2 * time.Minute)
	}
	r.counts(t, 3, 0)
	want := strings.Replace(strings.Replace(refreshValue, `"client_id"`, ` "kept" : [1, "ü"], "client_id"`, 1), refreshFirst, "r3fresh-token-next-3", 1)
	got := k.do("GET", secretAt(k.vault, "crm"), k.ada.token, nil).want(200)
	if got.str("value") != want || fmt.Sprint(got.json()["version"]) != "4" || !strings.HasPrefix(got.str("created_by"), "binding:") {
		t.Errorf("the secret is %s", got.body)
	}
	if all := k.versions("crm"); len(all) != 4 {
		t.Errorf("there are %d versions", len(all))
	}
	written := 0
	for _, e := range k.Events(k.ada.org) {
		text := string(e.DetailsJSON)
		if e.Action == "secret.write" && strings.Contains(text, `"how":"refresh"`) {
			written++
			if e.ActorID != k.ada.id || !strings.Contains(text, `"binding":"`+strings.TrimPrefix(got.str("created_by"), "binding:")+`"`) {
				t.Errorf("the log has %s", text)
			}
		}
		if strings.Contains(text, "r3fresh") {
			t.Errorf("the log has %s", text)
		}
	}
	if written != 3 {
		t.Errorf("the log has %d new versions", written)
	}
	// A token that the host does not take is minted anew, with the newest refresh token.
	k.ask("crm").want(200)
	k.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(401) }
	k.ask("crm").want(200)
	k.up.say = func(http.ResponseWriter, *http.Request, []byte) {}
	k.ask("crm").want(200)
	r.counts(t, 5, 0)
	// A version of a person has a token of its own at once.
	r.is("r3fresh-token-of-ada")
	k.ada.put(k.vault, "crm", strings.Replace(refreshValue, refreshFirst, "r3fresh-token-of-ada", 1))
	k.ask("crm").want(200)
	r.counts(t, 6, 0)
}

// However many ask at once, at two nodes, no refresh token is sent twice, and all are answered.
func TestTwoNodesReplaceARefreshTokenOnce(t *testing.T) {
	k := openTokens(t)
	k.keep("crm", refreshValue, k.bound())
	r := k.rotates(refreshFirst)
	other := k.OtherNode()
	body, err := json.Marshal(object{"method": "GET", "url": k.up.URL + "/", "headers": object{"Authorization": "Bearer {{secret:crm}}"}})
	if err != nil {
		t.Fatal(err)
	}
	for round := 1; round <= 3; round++ {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				api := http.Handler(k.API)
				if i%2 == 1 {
					api = other.API
				}
				req := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/http-request", bytes.NewReader(body))
				req.Header.Set("Authorization", "Bearer "+k.agent.token)
				req.Header.Set("Content-Type", "application/json")
				rec := httptest.NewRecorder()
				api.ServeHTTP(rec, req)
				if rec.Code != 200 {
					t.Errorf("%d %s", rec.Code, rec.Body)
				}
			})
		}
		all.Wait()
		r.mu.Lock()
		if r.n > 2*round || r.reused != 0 {
			t.Errorf("round %d: %d tokens were given, and %d used ones sent", round, r.n, r.reused)
		}
		r.mu.Unlock()
		k.Clock.Forward(2 * time.Minute)
	}
}

// Who set the binding must still be able to write the secret; where not, no refresh token is lost once it is known that
// the issuer replaces them.
func TestARefreshTokenIsStoredByTheRightOfWhoSetItsBinding(t *testing.T) {
	k := openTokens(t)
	k.ada.put(k.vault, "crm", refreshValue)
	mia := k.ada.member("mia", "admin")
	k.do("PUT", "/v1/vaults/"+k.vault+"/secret-bindings/crm", mia.token, object{"bindings": []object{k.bound()}}).want(200)
	r := k.rotates(refreshFirst)
	for range 2 {
		k.ask("crm").want(422, "refresh_token_rotated")
	}
	r.counts(t, 1, 0) // what was used up is not sent again
	if k.up.calls() != 0 || len(k.versions("crm")) != 1 {
		t.Errorf("%d requests were sent, and there are %d versions", k.up.calls(), len(k.versions("crm")))
	}
	grant := func() string {
		return k.do("POST", "/v1/vaults/"+k.vault+"/policies", k.ada.token, object{
			"principal_type": "user", "principal_id": mia.id, "secret_path_pattern": "crm", "permissions": []string{"write"},
		}).want(201).str("id")
	}
	id := grant()
	r.is("r3fresh-token-two")
	k.ada.put(k.vault, "crm", strings.Replace(refreshValue, refreshFirst, "r3fresh-token-two", 1))
	k.ask("crm").want(200)
	r.counts(t, 2, 0)
	k.Clock.Forward(2 * time.Minute)
	k.do("DELETE", "/v1/vaults/"+k.vault+"/policies/"+id, k.ada.token, nil).want(204)
	for range 2 {
		k.ask("crm").want(422, "refresh_token_not_kept")
	}
	r.counts(t, 2, 0)
	grant()
	k.ask("crm").want(200)
	r.counts(t, 3, 0)
	// A right that ends while the issuer answers keeps nothing.
	k.Clock.Forward(2 * time.Minute)
	r.between(func(int) {
		k.do("PUT", "/v1/vaults/"+k.vault+"/secret-bindings/crm", k.ada.token, object{"bindings": []object{}}).want(200)
	})
	k.ask("crm").want(422, "refresh_token_rotated")
	if len(k.versions("crm")) != 4 {
		t.Errorf("there are %d versions", len(k.versions("crm")))
	}
}

// What becomes of the secret while its issuer answers.
func TestASecretThatChangesWhileItsRefreshTokenIsReplaced(t *testing.T) {
	for name, c := range map[string]struct {
		do       func(k *tokens)
		status   int
		code     string
		versions int
	}{
		"disabled": {func(k *tokens) {
			k.do("POST", "/v1/vaults/"+k.vault+"/secret-version-disable/crm/1", k.ada.token, nil).want(204)
		}, 422, "refresh_token_rotated", 1},
		"deleted": {func(k *tokens) { k.do("DELETE", secretAt(k.vault, "crm"), k.ada.token, nil).want(204) }, 422, "refresh_token_rotated", 1},
		"written": {func(k *tokens) {
			k.ada.put(k.vault, "crm", strings.Replace(refreshValue, refreshFirst, "r3fresh-token-of-ada", 1))
		}, 200, "", 3},
	} {
		t.Run(name, func(t *testing.T) {
			k := openTokens(t)
			k.keep("crm", refreshValue, k.bound())
			r := k.rotates(refreshFirst)
			r.between(func(n int) {
				if n == 1 {
					c.do(k)
					r.is("r3fresh-token-of-ada")
				}
			})
			if got := k.ask("crm"); got.status != c.status || c.code != "" && got.str("code") != c.code && !strings.Contains(string(got.body), c.code) {
				t.Errorf("got %d %s", got.status, got.body)
			}
			if all := k.versions("crm"); len(all) != c.versions {
				t.Errorf("there are %d versions", len(all))
			}
			if sent := k.up.calls(); sent != map[int]int{200: 1, 422: 0}[c.status] {
				t.Errorf("%d requests were sent", sent)
			}
		})
	}
}

// A limited secret has no more uses for its new version than it had.
func TestUsesThatAreLeftGoWithARefreshToken(t *testing.T) {
	k := openTokens(t)
	k.keep("crm", refreshValue, k.bound())
	k.do("PUT", secretAt(k.vault, "crm"), k.ada.token, object{"type": "generic", "value": refreshValue, "max_access_count": 3}).want(201)
	r := k.rotates(refreshFirst)
	for range 3 {
		k.ask("crm").want(200)
		k.Clock.Forward(2 * time.Minute)
	}
	k.ask("crm").want(410)
	r.counts(t, 3, 0)
}

// Where the new one can't be stored nothing is sent, and the used one is not sent again.
func TestARefreshTokenOnAFullDisk(t *testing.T) {
	k := openTokens(t)
	k.keep("crm", refreshValue, k.bound())
	r := k.rotates(refreshFirst)
	lift := k.refuse("INSERT ON secret_versions")
	k.ask("crm").want(422, "refresh_token_rotated")
	lift()
	k.ask("crm").want(422, "refresh_token_rotated")
	r.counts(t, 1, 0)
	if k.up.calls() != 0 || len(k.versions("crm")) != 1 {
		t.Errorf("%d requests were sent", k.up.calls())
	}
	if text := k.Log.String(); strings.Contains(text, "r3fresh") {
		t.Errorf("the server's log has %s", text)
	}
}

// A node that died with a refresh token leaves it to another, after a while.
func TestARefreshTokenThatADeadNodeHolds(t *testing.T) {
	k := openTokens(t)
	k.keep("crm", refreshValue, k.bound())
	r := k.rotates(refreshFirst)
	until := k.Clock.Now().Add(20 * time.Second).UnixMicro()
	if _, err := k.SQL.ExecContext(t.Context(), `INSERT INTO refreshes (vault_id, path, org_id, version, root, holder, held_until) VALUES ($1, 'crm', $2, 0, 0, 'a dead node', $3)`, k.vault, k.ada.org, until); err != nil {
		t.Fatal(err)
	}
	done := make(chan reply, 1)
	go func() { done <- k.ask("crm") }()
	for opened := false; !opened; {
		for _, e := range k.Events(k.ada.org) {
			opened = opened || e.Action == "secret.use"
		}
	}
	r.counts(t, 0, 0)
	k.Clock.Forward(21 * time.Second)
	(<-done).want(200)
	r.counts(t, 1, 0)
}

// Executions mint as requests do: with a credential of their own, and with one of a vault.
func TestExecutionsWithTokens(t *testing.T) {
	for name, source := range map[string]object{
		"of its own": {"credential": json.RawMessage(refreshValue)},
		"of a vault": {"credential_source": object{"type": "vault_ref", "path": "crm"}},
	} {
		t.Run(name, func(t *testing.T) {
			x := openExecuting(t)
			k := &tokens{from: openTokenServer(t), streaming: &streaming{unseeing: &unseeing{session: x.session}}}
			r := k.rotates(refreshFirst)
			x.ada.put(x.vault, "crm", refreshValue)
			if from, ok := source["credential_source"].(object); ok {
				from["vault_id"] = x.vault
			}
			body := object{"name": "pay", "binding_type": "http", "config": object{"base_url": x.up.URL, "auth_type": "oauth2", "token_url": k.from.URL + "/token", "scope": "a b"}}
			for f, v := range source {
				body[f] = v
			}
			made := x.do("POST", x.at("/bindings"), x.ada.token, body).want(201)
			if strings.Contains(string(made.body), "r3fresh") {
				t.Errorf("the binding is %s", made.body)
			}
			x.up.say = func(w http.ResponseWriter, got *http.Request, _ []byte) {
				_, _ = fmt.Fprintf(w, "%s %s %s %s", got.Header.Get("Authorization"), refreshFirst, clientSecret, r.now())
			}
			for n := 1; n <= 3; n++ {
				for again := range 2 {
					got := x.runs(object{"path": "/a"}).want(200)
					if x.up.got[len(x.up.got)-1].Header.Get("Authorization") != "Bearer "+minted(n) || strings.Contains(string(got.body), "acc3ss") || strings.Contains(string(got.body), "cl1ent") || strings.Contains(string(got.body), "r3fresh-token-next") || n == 1 && again == 0 && strings.Contains(string(got.body), "r3fresh") {
						t.Errorf("the service got %v, and the agent %s", x.up.got[len(x.up.got)-1].Header, got.body)
					}
				}
				x.Clock.Forward(2 * time.Minute)
			}
			r.counts(t, 3, 0)
			if a := k.from.call(0); a.form.Get("scope") != "a b" || !a.basic {
				t.Errorf("the issuer was asked with %v", a)
			}
			sent := x.up.calls()
			k.from.says(func(w http.ResponseWriter, _ int) { w.WriteHeader(500) })
			if got := x.runs(object{"path": "/a"}).want(200); got.str("status") != "error" || x.up.calls() != sent {
				t.Errorf("without a token: %s", got.body)
			}
			if e := x.do("GET", x.at("/executions?limit=1"), x.ada.token, nil).want(200).list("events")[0]; e["error_message"] != "token_not_minted" {
				t.Errorf("the list has %v", e)
			}
			x.runs(object{"path": "/a", "headers": object{"Authorization": "mine"}}).want(400, "credential_place_taken")
		})
	}
	x := openExecuting(t)
	for name, body := range map[string]object{
		"no token_url":      {"config": object{"base_url": x.up.URL, "auth_type": "oauth2"}, "credential": json.RawMessage(refreshValue)},
		"a text":            {"config": object{"base_url": x.up.URL, "auth_type": "oauth2", "token_url": x.up.URL}, "credential": "sk-12345678"},
		"no grant":          {"config": object{"base_url": x.up.URL, "auth_type": "oauth2", "token_url": x.up.URL}, "credential": object{"client_id": "a"}},
		"another auth_type": {"config": object{"base_url": x.up.URL, "auth_type": "bearer", "token_url": x.up.URL}},
	} {
		if got := x.bind(body); got.status != 400 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// Executions of before a start were cut off.
func TestExecutionsOfBeforeAStartWereInterrupted(t *testing.T) {
	x := openExecuting(t)
	x.bind(nil).want(201)
	for range 2 {
		x.runs(object{"path": "/a"}).want(200)
		x.Clock.Forward(time.Second)
	}
	if _, err := x.SQL.ExecContext(t.Context(), `UPDATE executions SET status = 'running'`); err != nil {
		t.Fatal(err)
	}
	x.Executor.Recover(t.Context()) // which is not alone: others may execute these
	states := func() (out string) {
		for _, e := range x.do("GET", x.at("/executions"), x.ada.token, nil).want(200).list("events") {
			out += fmt.Sprint(e["status"], " ", e["error_message"], " ")
		}
		return out
	}
	if got := states(); got != "running <nil> running <nil> " {
		t.Errorf("they are %s", got)
	}
	x.Clock.Forward(time.Minute)
	x.OtherNode().Executor.Recover(t.Context())
	if n := x.rows(`SELECT COUNT(*) FROM executions WHERE status = 'error' AND error = 'interrupted'`); n != 2 {
		t.Errorf("%d were ended, and they are %s", n, states())
	}
}

// now is the refresh token that the issuer takes.
func (r *rotates) now() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// What an issuer gives in the place of a refresh token is taken out of the answer to the very request that it was given for.
func TestANewRefreshTokenIsInNoAnswer(t *testing.T) {
	k := openTokens(t)
	k.keep("crm", refreshValue, k.bound())
	r := k.rotates(refreshFirst)
	k.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("X-Said", r.now())
		_, _ = io.WriteString(w, "next is "+r.now())
	}
	for range 2 {
		if got := k.ask("crm").want(200); strings.Contains(string(got.body), "r3fresh") || !strings.Contains(got.str("body"), "next is [REDACTED:crm]") {
			t.Errorf("a request got %s", got.body)
		}
	}
	k.Clock.Forward(2 * time.Minute)
	for range 2 {
		f, text, err := k.whole(object{"method": "GET", "url": k.up.URL + "/", "headers": bearer("crm")}, nil)
		if err != nil || !strings.Contains(text, "next is ***") || strings.Contains(text+fmt.Sprint(f.Headers), "r3fresh") {
			t.Errorf("a stream got %v %q %v", f, text, err)
		}
	}
	r.counts(t, 2, 0)
	// One that nobody asked for is stored nowhere, and shown nowhere either.
	k.keep("plain", clientValue, k.bound())
	k.from.says(func(w http.ResponseWriter, n int) {
		gives(w, object{"access_token": minted(n), "refresh_token": "r3fresh-token-unasked"})
	})
	k.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		_, _ = io.WriteString(w, "r3fresh-token-unasked")
	}
	for range 2 {
		if got := k.ask("plain").want(200); strings.Contains(string(got.body), "r3fresh") {
			t.Errorf("a request got %s", got.body)
		}
	}
	if n := len(k.versions("plain")); n != 1 {
		t.Errorf("there are %d versions", n)
	}
}
