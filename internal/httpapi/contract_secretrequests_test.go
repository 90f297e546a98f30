package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// asker is an agent that may use what is in a vault, and lacks something there.
type asker struct {
	*session
	agent *robot
}

func openAsker(t *testing.T, change ...func(*setup)) *asker {
	s := openSession(t, append(change, rest.OneByOne)...)
	a := &asker{session: s}
	a.agent = s.ada.agent(object{"name": "asker", "reveal": "never"})
	s.ada.grant(s.vault, a.agent, "api-keys/**", nil, "use")
	return a
}

func (a *asker) asks(path string, change ...object) reply {
	a.t.Helper()
	body := object{"vault_id": a.vault, "path": path, "reason": "to charge cards"}
	for _, c := range change {
		for k, v := range c {
			body[k] = v
		}
	}
	return a.do("POST", "/v1/secret-requests", a.agent.token, body)
}

func wantedAt(id string) string { return "/v1/secret-requests/" + id }

func (a *asker) fills(id, token string, body object) reply {
	a.t.Helper()
	return a.do("POST", wantedAt(id)+"/fill", token, body)
}

func (a *asker) status(id string) string {
	a.t.Helper()
	return a.do("GET", wantedAt(id), a.agent.token, nil).want(200).str("status")
}

func TestAPersonGivesASecretThatAnAgentAskedFor(t *testing.T) {
	a := openAsker(t)
	up := openUpstream(t)
	asked := a.asks("api-keys/pay", object{"service": "stripe", "host": "API.Example.com"}).want(201)
	id := asked.str("id")
	if asked.str("status") != "waiting" || asked.str("url") != kit.PublicURL+"/requests/"+id || asked.str("host") != "api.example.com" || asked.str("service") != "stripe" ||
		asked.json()["may_use"] != true || asked.json()["may_read"] != false || asked.str("agent_name") != "asker" {
		t.Errorf("asked: %s", asked.body)
	}
	if again := a.asks("api-keys/pay", object{"reason": "other words"}).want(201); again.str("id") != id || again.str("reason") != "to charge cards" {
		t.Errorf("asked again: %s", again.body)
	}
	if out := a.asks("closed/pay").want(201); out.json()["may_use"] != false {
		t.Errorf("of a path without a policy: %s", out.body)
	}

	seen := a.do("GET", "/v1/secret-requests?status=waiting", a.ada.token, nil).want(200)
	if n := len(seen.json()["requests"].([]any)); n != 2 {
		t.Errorf("who may write sees %d: %s", n, seen.body)
	}
	for what, token := range map[string]string{"another agent": a.worker.token, "a member without a policy": a.ada.member("max", "member").token, "an admin without one": a.ada.member("adi", "admin").token, "another organisation": a.signup("bob").token} {
		a.do("GET", wantedAt(id), token, nil).want(404, "secret_request_not_found")
		if got := a.do("GET", "/v1/secret-requests", token, nil).want(200); strings.Contains(string(got.body), id) {
			t.Errorf("%s sees %s", what, got.body)
		}
		code := "secret_request_not_found"
		status := 404
		if what == "another agent" {
			status, code = 403, "access_denied"
		}
		a.fills(id, token, object{"value": "x"}).want(status, code)
	}
	a.fills(id, a.agent.token, object{"value": "x"}).want(403, "access_denied")
	a.do("POST", wantedAt(id)+"/decline", a.agent.token, nil).want(403, "access_denied")
	a.do("POST", wantedAt(id)+"/withdraw", a.ada.token, nil).want(403, "access_denied")

	var filled reply
	events := a.during(func() {
		filled = a.fills(id, a.ada.token, object{"value": hiddenValue, "type": "api_key", "bindings": []object{{"hosts": []string{up.host()}, "in": "bearer"}}}).want(200)
	})
	if filled.str("status") != "filled" || fmt.Sprint(filled.json()["version"]) != "1" || strings.Contains(string(filled.body), "s3cr3t") {
		t.Errorf("filled: %s", filled.body)
	}
	if len(events) != 1 || events[0].action != "secret.wanted_fill" {
		t.Fatalf("the log has %+v", events)
	}
	if text := events[0].details; !strings.Contains(text, `"path":"api-keys/pay"`) || !strings.Contains(text, `"version":1`) || !strings.Contains(text, id) || !strings.Contains(text, up.host()) || strings.Contains(text, "s3cr3t") {
		t.Errorf("the log says %s", text)
	}
	if a.status(id) != "filled" {
		t.Error("the agent does not learn of it")
	}
	a.do("POST", "/v1/http-request", a.agent.token, object{"method": "GET", "url": up.URL + "/", "headers": object{"Authorization": "Bearer {{secret:api-keys/pay}}"}}).want(200)
	if got := up.got[0].Header.Get("Authorization"); got != "Bearer "+hiddenValue {
		t.Errorf("the service got %q", got)
	}
	a.do("GET", secretAt(a.vault, "api-keys/pay"), a.agent.token, nil).want(403, "reveal_never")
	a.fills(id, a.ada.token, object{"value": "again"}).want(409, "secret_request_over")
}

func TestWhatIsThereIsReplacedOnlyWhenThePersonSaysSo(t *testing.T) {
	a := openAsker(t)
	a.ada.put(a.vault, "api-keys/there", "old")
	a.do("PUT", "/v1/vaults/"+a.vault+"/secret-bindings/api-keys/there", a.ada.token, object{"bindings": []object{{"hosts": []string{"a.example"}, "in": "basic"}}}).want(200)
	id := a.asks("api-keys/there").want(201).str("id")
	a.fills(id, a.ada.token, object{"value": "new", "bindings": []object{{"hosts": []string{"b.example"}}}}).want(409, "secret_exists")
	if got := a.do("GET", secretAt(a.vault, "api-keys/there"), a.ada.token, nil).want(200).str("value"); got != "old" {
		t.Errorf("the value is %q", got)
	}
	if got := a.fills(id, a.ada.token, object{"value": "new", "new_version": true, "bindings": []object{{"hosts": []string{"b.example"}}}}).want(200); fmt.Sprint(got.json()["version"]) != "2" {
		t.Errorf("got %s", got.body)
	}
	bound := a.do("GET", "/v1/vaults/"+a.vault+"/secret-bindings/api-keys/there", a.ada.token, nil).want(200)
	if text := string(bound.body); !strings.Contains(text, "a.example") || !strings.Contains(text, "b.example") {
		t.Errorf("bindings: %s", text)
	}
	// What was deleted is not there.
	a.ada.put(a.vault, "api-keys/gone", "old")
	a.do("DELETE", secretAt(a.vault, "api-keys/gone"), a.ada.token, nil).want(204)
	a.fills(a.asks("api-keys/gone").want(201).str("id"), a.ada.token, object{"value": "new"}).want(200)
}

// A person who may write and not say where secrets are used gives the value, and no more.
func TestABindingTakesTheRightToIt(t *testing.T) {
	a := openAsker(t)
	h := a.ada.member("max", "member")
	a.do("POST", "/v1/vaults/"+a.vault+"/policies", a.ada.token, object{"secret_path_pattern": "api-keys/**", "principal_type": "user", "principal_id": h.id, "permissions": []string{"write"}}).want(201)
	id := a.asks("api-keys/x").want(201).str("id")
	a.fills(id, h.token, object{"value": "v", "bindings": []object{{"hosts": []string{"a.example"}}}}).want(403, "access_denied")
	a.do("GET", secretAt(a.vault, "api-keys/x"), a.ada.token, nil).want(404)
	a.fills(id, h.token, object{"value": "v", "bindings": []object{{"hosts": []string{"*"}}}}).want(403)
	a.fills(id, h.token, object{"value": "v"}).want(200)
	other := a.asks("api-keys/y").want(201).str("id")
	a.fills(other, a.ada.token, object{"value": "v", "bindings": []object{{"hosts": []string{"*"}}}}).want(400, "invalid_bindings")
	if a.status(other) != "waiting" {
		t.Error("a fill that was refused answered the request")
	}
}

func TestARequestForASecretIsDeclinedOrWithdrawn(t *testing.T) {
	a := openAsker(t)
	id := a.asks("api-keys/no").want(201).str("id")
	got := a.do("POST", wantedAt(id)+"/decline", a.ada.token, object{"reason": "Ask Ben."}).want(200)
	if got.str("status") != "declined" || got.str("answer") != "Ask Ben." {
		t.Errorf("got %s", got.body)
	}
	if got := a.do("GET", wantedAt(id), a.agent.token, nil).want(200); got.str("answer") != "Ask Ben." {
		t.Errorf("the agent gets %s", got.body)
	}
	a.asks("api-keys/no").want(429, "secret_request_paused")
	a.asks("api-keys/other").want(201)
	a.Clock.Forward(time.Hour)
	a.renew()
	id = a.asks("api-keys/no").want(201).str("id")
	a.do("POST", wantedAt(id)+"/withdraw", a.agent.token, nil).want(200)
	a.do("POST", wantedAt(id)+"/withdraw", a.agent.token, nil).want(409, "secret_request_over")
	a.do("POST", wantedAt(id)+"/decline", a.ada.token, nil).want(409, "secret_request_over")
	id = a.asks("api-keys/no", object{"expires_in_seconds": 300}).want(201).str("id")
	a.Clock.Forward(5 * time.Minute)
	if a.status(id) != "expired" {
		t.Error("its time is not over")
	}
	a.fills(id, a.ada.token, object{"value": "x"}).want(409, "secret_request_over")
}

// renew logs in anew after the clock was moved.
func (a *asker) renew() {
	a.t.Helper()
	a.ada.token = a.ada.login()
	a.agent.token = a.do("POST", "/v1/auth/agent-token", "", object{"api_key": a.agent.key}).want(200).str("access_token")
}

func TestWhatAnAgentSaysOfARequestIsOnePlainLine(t *testing.T) {
	a := openAsker(t)
	for what, change := range map[string]object{
		"nothing":               {"reason": ""},
		"blanks":                {"reason": "  "},
		"two lines":             {"reason": "a\nb"},
		"an escape":             {"reason": "a\x1b[2Jb"},
		"a turned direction":    {"reason": "a\u202egnp.exe"},
		"an isolate":            {"reason": "a\u2066b"},
		"nothing to see":        {"reason": "a\u200bb"},
		"a line separator":      {"reason": "a\u2028b"},
		"a filler":              {"reason": "\u3164"},
		"an empty pattern":      {"reason": "a\u2800b"},
		"a variation":           {"reason": "a\ufe0fb"},
		"a pile of accents":     {"reason": "a" + strings.Repeat("\u0301", 5)},
		"too much":              {"reason": strings.Repeat("x", 501)},
		"too many bytes":        {"reason": strings.Repeat("ö", 251)},
		"an unknown service":    {"service": "evil"},
		"no host":               {"host": "http://a.example/x"},
		"every host":            {"host": "*"},
		"too short a time":      {"expires_in_seconds": 299},
		"too long a time":       {"expires_in_seconds": 604801},
		"a time that overflows": {"expires_in_seconds": int64(1) << 62},
		"no path":               {"path": "../x"},
	} {
		if r := a.asks("api-keys/x", change); r.status != 400 {
			t.Errorf("%s: got %d %s", what, r.status, r.body)
		}
	}
	a.asks("api-keys/x", object{"reason": `<b>&"{{secret:x}}" für 100 €`}).want(201)
	a.do("POST", "/v1/secret-requests", a.ada.token, object{"vault_id": a.vault, "path": "a", "reason": "b"}).want(403, "access_denied")
	a.do("POST", "/v1/secret-requests", a.agent.token, object{"vault_id": nobodysID, "path": "a", "reason": "b"}).want(404, "vault_not_found")
}

func TestRequestsForSecretsAreBounded(t *testing.T) {
	a := openAsker(t)
	for i := range 20 {
		a.asks("api-keys/" + itoa(i)).want(201)
	}
	a.asks("api-keys/one-more").want(429, "too_many_secret_requests")
	list := a.do("GET", "/v1/secret-requests?limit=200", a.agent.token, nil).want(200).json()["requests"].([]any)
	for n := range 2 {
		for i, r := range list {
			if n*20+i >= 40 {
				break
			}
			a.do("POST", wantedAt(r.(map[string]any)["id"].(string))+"/withdraw", a.agent.token, nil)
		}
		list = nil
		for i := range 20 {
			r := a.asks("more/" + itoa(n) + "-" + itoa(i)).want(201)
			list = append(list, map[string]any{"id": r.str("id")})
		}
	}
	for _, r := range list {
		a.do("POST", wantedAt(r.(map[string]any)["id"].(string))+"/withdraw", a.agent.token, nil).want(200)
	}
	a.asks("one/too-many-in-an-hour").want(429, "too_many_secret_requests")
}

// Those who may give it are told, all that waits in one mail; nobody else is.
func TestThoseWhoMayGiveASecretAreTold(t *testing.T) {
	a := openAsker(t)
	h := a.ada.member("max", "member")
	a.do("POST", "/v1/vaults/"+a.vault+"/policies", a.ada.token, object{"secret_path_pattern": "api-keys/**", "principal_type": "user", "principal_id": h.id, "permissions": []string{"write"}}).want(201)
	a.ada.member("rea", "admin")
	for i := range 3 {
		a.asks("api-keys/" + itoa(i)).want(201)
	}
	a.asks("else/x").want(201)
	if _, err := a.Wanted.Tell(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, l := range a.Mail.Letters(kit.Wants) {
		got[l.To] += len(l.Wanted.Requests)
	}
	if len(got) != 2 || got[a.ada.email] != 4 || got[h.email] != 3 {
		t.Errorf("told are %v", got)
	}
	if more, err := a.Wanted.Tell(t.Context()); more || err != nil {
		t.Errorf("told again: %v, %v", more, err)
	}
}

// Values of such a vault are encrypted by clients: nobody enters one on a page.
func TestNobodyIsAskedForASecretOfAVaultThatClientsEncrypt(t *testing.T) {
	a := openAsker(t)
	at := object{"vault_id": a.ada.vaultNamed("sealed")}
	id := a.asks("api-keys/x", at).want(201).str("id")
	a.do("POST", "/v1/vaults/"+at["vault_id"].(string)+"/cmek", a.ada.token, object{"fingerprint": strings.Repeat("ab", 32)}).want(200)
	a.asks("api-keys/y", at).want(409, "cmek_vault")
	a.fills(id, a.ada.token, object{"value": "x"}).want(409, "cmek_vault")
}
