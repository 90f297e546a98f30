package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	clientSecret = "cl1ent+s3cret/of-a-service"
	clientValue  = `{"client_id":"service id","client_secret":"` + clientSecret + `","token_uri":"ignored"}`
	refreshValue = `{"client_id":"service id","client_secret":"` + clientSecret + `","refresh_token":"r3fresh-token-one"}`
)

// tokenServer is an authorization server, which notes what it was asked.
type tokenServer struct {
	*httptest.Server
	mu    sync.Mutex
	asked []asked
	say   func(w http.ResponseWriter, n int)
}

type asked struct {
	user, password string
	basic          bool
	form           url.Values
}

func openTokenServer(t testing.TB) *tokenServer {
	i := &tokenServer{say: func(w http.ResponseWriter, n int) { gives(w, object{"access_token": minted(n), "expires_in": 100}) }}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		a := asked{form: form}
		a.user, a.password, a.basic = r.BasicAuth()
		i.mu.Lock()
		i.asked = append(i.asked, a)
		n, say := len(i.asked), i.say
		i.mu.Unlock()
		say(w, n)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *tokenServer) calls() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.asked)
}

// call is what it was asked after so many others.
func (i *tokenServer) call(n int) asked {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[n]
}

func (i *tokenServer) says(say func(w http.ResponseWriter, n int)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.say = say
}

func minted(n int) string { return fmt.Sprintf("acc3ss.token-%04d", n) }

func gives(w http.ResponseWriter, body object) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_ = json.NewEncoder(w).Encode(body)
}

// tokens is an agent whose requests go with tokens of an issuer.
type tokens struct {
	*streaming
	from *tokenServer
}

func openTokens(t *testing.T, change ...func(*setup)) *tokens {
	return &tokens{openStreaming(t, change...), openTokenServer(t)}
}

func (k *tokens) bound(more ...object) object {
	b := object{"hosts": []string{k.up.host()}, "in": "oauth2", "token_url": k.from.URL + "/token?tenant=1"}
	for _, m := range more {
		for name, v := range m {
			b[name] = v
		}
	}
	return b
}

func (k *tokens) ask(path string) reply {
	k.t.Helper()
	return k.asks(object{"method": "GET", "url": k.up.URL + "/", "headers": object{"Authorization": "Bearer {{secret:" + path + "}}"}})
}

// sent is the credential of the last request that the host got.
func (k *tokens) sent() string {
	k.up.mu.Lock()
	defer k.up.mu.Unlock()
	return k.up.got[len(k.up.got)-1].Header.Get("Authorization")
}

func TestATokenGoesToTheHostAndTheSecretToItsIssuer(t *testing.T) {
	k := openTokens(t)
	k.up.say = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		token := r.Header.Get("Authorization")
		_, _ = fmt.Fprintf(w, "%s %s %s r3fresh-token-one", token, base64.StdEncoding.EncodeToString([]byte(token)), clientSecret)
	}
	public := `{"client_id":"service id","refresh_token":"r3fresh-token-one"}`
	form := func(pairs ...string) string {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	for name, c := range map[string]struct {
		value string
		more  object
		basic bool
		form  string
	}{
		"client credentials":      {clientValue, nil, true, form("grant_type", "client_credentials")},
		"with a scope":            {clientValue, object{"scope": "read write", "token_auth": "basic"}, true, form("grant_type", "client_credentials", "scope", "read write")},
		"in the body":             {clientValue, object{"token_auth": "body"}, false, form("grant_type", "client_credentials", "client_id", "service id", "client_secret", clientSecret)},
		"a refresh token":         {refreshValue, nil, true, form("grant_type", "refresh_token", "refresh_token", "r3fresh-token-one")},
		"of a client in the open": {public, nil, false, form("grant_type", "refresh_token", "refresh_token", "r3fresh-token-one", "client_id", "service id")},
	} {
		path := "crm/" + strings.ReplaceAll(name, " ", "-")
		k.keep(path, c.value, k.bound(c.more))
		before := k.from.calls()
		for range 2 { // the second has the same token
			got := k.ask(path).want(200)
			body := got.str("body")
			for _, hidden := range []string{"acc3ss", "r3fresh", "YWNjM3Nz"} {
				if strings.Contains(body, hidden) && !(hidden == "r3fresh" && c.value == clientValue) {
					t.Errorf("%s: the answer has %s: %s", name, hidden, body)
				}
			}
			if c.value != public && strings.Contains(body, "cl1ent") {
				t.Errorf("%s: the answer has the client's secret: %s", name, body)
			}
			if k.sent() != "Bearer "+minted(before+1) {
				t.Errorf("%s: the host got %q", name, k.sent())
			}
		}
		a := k.from.call(before)
		if k.from.calls() != before+1 || a.basic != c.basic || a.form.Encode() != c.form {
			t.Errorf("%s: asked %d times, for %+v", name, k.from.calls()-before, a)
		}
		if c.basic && (a.user != "service+id" || a.password != url.QueryEscape(clientSecret)) {
			t.Errorf("%s: as %q with %q", name, a.user, a.password)
		}
	}
	// A stream has its tokens from the same place.
	before := k.from.calls()
	f, text, err := k.whole(object{"method": "GET", "url": k.up.URL + "/", "headers": bearer("crm/client-credentials")}, nil)
	if err != nil || f.Status != 200 || !strings.HasPrefix(text, "Bearer *****") || strings.Contains(text, "acc3ss") || strings.Contains(text, "cl1ent") || k.from.calls() != before {
		t.Errorf("a stream: %v %s", err, text)
	}
	k.up.mu.Lock()
	got := k.up.got
	k.up.mu.Unlock()
	for _, r := range got {
		if all := fmt.Sprint(r.URL, r.Header); strings.Contains(all, "cl1ent") || strings.Contains(all, "r3fresh") {
			t.Errorf("the host got the secret: %s", all)
		}
	}
	events := ""
	for _, e := range k.Events(k.ada.org) {
		events += string(e.DetailsJSON)
	}
	if !strings.Contains(events, `"token_host":"`+strings.TrimPrefix(k.from.URL, "http://")+`"`) || strings.Contains(events, "acc3ss") || strings.Contains(events, "cl1ent") {
		t.Error("the log does not say where the secret went, or has it")
	}
	// The issuer is no host of the binding.
	k.asks(object{"method": "GET", "url": k.from.URL + "/token", "headers": object{"Authorization": "Bearer {{secret:crm/client-credentials}}"}}).want(403, "no_binding")
	k.keep("crm/none", "a value that is no grant", k.bound())
	k.ask("crm/none").want(409, "value_not_usable")
}

// All wait for one token: none is asked for while another one is.
func TestATokenIsMintedOnceForAll(t *testing.T) {
	k := openTokens(t)
	k.keep("crm", clientValue, k.bound())
	const all = 50
	uses := func() (n int) {
		for _, e := range k.Events(k.ada.org) {
			if e.Action == "secret.use" {
				n++
			}
		}
		return n
	}
	k.from.says(func(w http.ResponseWriter, n int) {
		for end := time.Now().Add(10 * time.Second); uses() < all && time.Now().Before(end); {
			time.Sleep(time.Millisecond) // until each of them is about to ask
		}
		gives(w, object{"access_token": minted(n), "expires_in": 100})
	})
	var done sync.WaitGroup
	for range all {
		done.Go(func() {
			f, text, err := k.whole(object{"method": "GET", "url": k.up.URL + "/", "headers": bearer("crm")}, nil)
			if err != nil || f.Status != 200 || text != "ok" {
				t.Errorf("%v: %s", err, text)
			}
		})
	}
	done.Wait()
	if k.from.calls() != 1 || k.up.calls() != all || k.sent() != "Bearer "+minted(1) {
		t.Errorf("%d tokens for %d requests", k.from.calls(), k.up.calls())
	}
}

func TestATokenEnds(t *testing.T) {
	k := openTokens(t)
	k.keep("crm", clientValue, k.bound())
	want := func(what string, n int) {
		t.Helper()
		k.ask("crm").want(200)
		if k.from.calls() != n || k.sent() != "Bearer "+minted(n) {
			t.Errorf("%s: %d tokens, and the host got %q", what, k.from.calls(), k.sent())
		}
	}
	want("the first", 1)
	k.Clock.Forward(89 * time.Second)
	want("before its end", 1)
	k.Clock.Forward(time.Second)
	want("a tenth of its time before its end", 2)
	k.ada.put(k.vault, "crm", strings.Replace(clientValue, "service id", "other id", 1))
	want("of a new version", 3)
	k.do("PUT", "/v1/vaults/"+k.vault+"/secret-bindings/crm", k.ada.token, object{"bindings": []object{k.bound(object{"scope": "more"})}}).want(200)
	want("of another binding", 4)
	k.from.says(func(w http.ResponseWriter, n int) { gives(w, object{"access_token": minted(n), "expires_in": "600"}) })
	k.up.say = func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(401) }
	want("which the host does not take", 4) // the answer is handed back, and nothing is sent again
	k.up.say = func(http.ResponseWriter, *http.Request, []byte) {}
	want("after that", 5)
	k.Clock.Forward(9*time.Minute - time.Second)
	want("a minute before its end", 5)
	k.from.says(func(w http.ResponseWriter, n int) { gives(w, object{"access_token": minted(n)}) })
	k.Clock.Forward(time.Second)
	want("of no said end", 6)
	k.Clock.Forward(5*time.Minute - time.Second)
	want("within five minutes", 6)
	k.from.says(func(w http.ResponseWriter, n int) { gives(w, object{"access_token": minted(n), "expires_in": 0}) })
	k.Clock.Forward(time.Second)
	want("that ends at once", 7)
	want("that ends at once, again", 8)
}

// Without a token nothing is sent, and nobody is told what the issuer said.
func TestAFailedMintSendsNothing(t *testing.T) {
	k := openTokens(t)
	other := openTokenServer(t)
	k.keep("crm", clientValue, k.bound())
	plain := func(kind, text string) func(http.ResponseWriter, int) {
		return func(w http.ResponseWriter, _ int) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, text)
		}
	}
	status := func(code int) func(http.ResponseWriter, int) {
		return func(w http.ResponseWriter, _ int) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, `{"error":"leaked `+clientSecret+`","access_token":"acc3ss.token-0000"}`)
		}
	}
	good := `{"access_token":"acc3ss.token-0000","expires_in":100`
	n := 0
	for name, say := range map[string]func(http.ResponseWriter, int){
		"refused": status(400), "not let in": status(401), "broken": status(500), "created": status(201),
		"a redirect": func(w http.ResponseWriter, _ int) { w.Header().Set("Location", other.URL); w.WriteHeader(307) },
		"too long":   plain("application/json", good+`,"x":"`+strings.Repeat("x", 64<<10)+`"}`),
		"no JSON":    plain("application/json", "access_token=acc3ss.token-0000"), "a form": plain("application/x-www-form-urlencoded", good+"}"),
		"no token": plain("application/json", `{"expires_in":100}`), "a short one": plain("application/json", `{"access_token":"1234567"}`),
		"a line break":   plain("application/json", `{"access_token":"acc3ss.token\r\nX-Evil: 1"}`),
		"a blank":        plain("application/json", `{"access_token":"acc3ss token"}`),
		"another scheme": plain("application/json", good+`,"token_type":"mac"}`),
		"breaks off":     func(http.ResponseWriter, int) { panic(http.ErrAbortHandler) },
	} {
		k.from.says(say)
		n++
		r := k.ask("crm").want(422, "token_not_minted")
		if all := string(r.body); strings.Contains(all, "acc3ss") || strings.Contains(all, "cl1ent") || strings.Contains(all, "leaked") || k.from.calls() != n {
			t.Errorf("%s: asked %d times: %s", name, k.from.calls(), all)
		}
		f, text, err := k.whole(object{"method": "GET", "url": k.up.URL + "/", "headers": bearer("crm")}, nil)
		if n++; err != nil || f.StatusCode != 422 || !strings.Contains(text, "token_not_minted") {
			t.Errorf("%s: a stream: %v %s", name, err, text)
		}
	}
	if k.up.calls() != 0 || other.calls() != 0 {
		t.Fatalf("%d requests were sent, %d redirects followed", k.up.calls(), other.calls())
	}
	k.from.says(func(w http.ResponseWriter, n int) {
		gives(w, object{"access_token": minted(n), "token_type": "Bearer"})
	})
	k.ask("crm").want(200) // the failure is not kept
	failed := 0
	for _, e := range k.Events(k.ada.org) {
		if e.Action == "secret.used" && strings.Contains(string(e.DetailsJSON), "token_not_minted") {
			failed++
		}
	}
	if failed != n {
		t.Errorf("the log has %d of %d failures", failed, n)
	}
}

// A right that ends while a token is asked for sends nothing.
func TestARightThatEndsWhileATokenIsMinted(t *testing.T) {
	k := openTokens(t)
	k.keep("crm", clientValue, k.bound())
	k.from.says(func(w http.ResponseWriter, n int) {
		k.do("PUT", "/v1/vaults/"+k.vault+"/secret-bindings/crm", k.ada.token, object{"bindings": []object{}}).want(200)
		gives(w, object{"access_token": minted(n), "expires_in": 100})
	})
	k.ask("crm").want(403, "right_ended")
	if k.up.calls() != 0 {
		t.Error("the request was sent")
	}
	k.ask("crm").want(403, "no_binding")
	if k.from.calls() != 1 {
		t.Error("a token was asked for without a binding")
	}
}

// The same secret and binding in two organisations have a token each.
func TestOrganisationsShareNoToken(t *testing.T) {
	k := openTokens(t)
	k.keep("crm", clientValue, k.bound())
	bob := k.signup("bob")
	vault := bob.vaultNamed("main")
	bob.put(vault, "crm", clientValue)
	k.do("PUT", "/v1/vaults/"+vault+"/secret-bindings/crm", bob.token, object{"bindings": []object{k.bound()}}).want(200)
	agent := bob.agent(nil)
	bob.grant(vault, agent, "**", nil, "use")
	second := bob.agent(nil)
	bob.grant(vault, second, "**", nil, "use")
	ask := func(token string, n int) {
		t.Helper()
		k.do("POST", "/v1/http-request", token, object{"method": "GET", "url": k.up.URL + "/", "headers": object{"Authorization": "{{secret:crm}}"}}).want(200)
		if k.sent() != "Bearer "+minted(n) {
			t.Errorf("the host got %q, not token %d", k.sent(), n)
		}
	}
	ask(k.agent.token, 1)
	ask(agent.token, 2)
	ask(second.token, 2) // two agents of one organisation share
	ask(k.agent.token, 1)
}
