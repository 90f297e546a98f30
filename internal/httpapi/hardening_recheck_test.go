package httpapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// late is a body that comes after something else has happened.
type late struct {
	io.Reader
	before func()
}

func (l *late) Read(p []byte) (int, error) {
	if l.before != nil {
		l.before()
		l.before = nil
	}
	return l.Reader.Read(p)
}

func TestACredentialThatEndsWhileTheBodyComesIsNoGood(t *testing.T) {
	for name, test := range map[string]func(w *world, ada *human, a *robot, key, keyID string) (token string, ends func()){
		"an agent that is deactivated": func(w *world, ada *human, a *robot, _, _ string) (string, func()) {
			return a.token, func() { w.do("DELETE", "/v1/agents/"+a.id, ada.token, nil).want(204) }
		},
		"a key that is revoked": func(w *world, ada *human, _ *robot, key, keyID string) (string, func()) {
			return key, func() { w.do("DELETE", "/v1/auth/api-keys/"+keyID, ada.token, nil).want(204) }
		},
		"a token that is revoked": func(w *world, ada *human, _ *robot, _, _ string) (string, func()) {
			return ada.token, func() { w.do("DELETE", "/v1/auth/token", ada.token, nil).want(204) }
		},
		"a key that expires": func(w *world, _ *human, _ *robot, key, _ string) (string, func()) {
			return key, func() { w.Clock.Forward(20 * time.Minute) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t, rest.OneByOne)
			ada := w.signup("ada")
			v := ada.vaultNamed("v")
			a := ada.agent(nil)
			ada.grant(v, a, "**", nil, "write")
			made := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "x", "expires_at": w.Clock.Now().Add(10 * time.Minute)}).want(201)
			token, ends := test(w, ada, a, made.str("api_key"), made.str("key", "id"))
			r := w.do("PUT", secretAt(v, "db/pw"), token, &late{strings.NewReader(`{"value":"x"}`), ends})
			r.want(401)
			var last event
			for _, e := range w.events() {
				if e.action == "auth.failure" {
					last = e
				}
			}
			if last.org != ada.org || last.detail("outcome") != "denied" || last.actor == "" {
				t.Errorf("the refusal left %v", last)
			}
			w.do("GET", secretAt(v, "db/pw"), ada.login(), nil).want(404)
		})
	}
}

func TestTheTimeOfARequestIsTakenAfterItsBody(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("v")
	a := ada.agent(nil)
	ada.grant(v, a, "**", object{"expires_at": w.Clock.Now().Add(10 * time.Second)}, "write")
	w.do("PUT", secretAt(v, "k"), a.token, &late{strings.NewReader(`{"value":"x"}`), func() { w.Clock.Forward(20 * time.Second) }}).want(403)
}

func TestACappedKeyReadsItsOwnersEventsOnly(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("v")
	a := ada.agent(nil)
	ada.grant(v, a, "**", nil, "write")
	w.do("PUT", secretAt(v, "hr/salaries"), a.token, `{"value":"x"}`).want(201)
	capped := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "capped", "scopes": []string{"prod/**"}}).want(201).str("api_key")
	words := w.do("POST", "/v1/auth/api-keys", ada.token, object{"name": "words", "scopes": []string{"audit:read"}}).want(201).str("api_key")
	w.do("PUT", secretAt(v, "hr/own"), ada.token, `{"value":"x"}`).want(201)
	w.do("PUT", secretAt(v, "prod/own"), ada.token, `{"value":"x"}`).want(201)
	others := func(token, target string) (n int) {
		t.Helper()
		r := w.do("GET", target, token, nil).want(200)
		var list []object
		if strings.HasPrefix(string(r.body), "[") {
			if err := json.Unmarshal(r.body, &list); err != nil {
				t.Fatal(err)
			}
		} else {
			list = r.list("events")
		}
		if len(list) == 0 {
			t.Errorf("%s shows nothing", target)
		}
		for _, e := range list {
			if e["actor_id"] != ada.id {
				n++
			}
		}
		return n
	}
	for _, target := range []string{"/v1/audit/events?limit=1000", "/v1/audit?limit=1000"} {
		if n := others(capped, target); n != 0 {
			t.Errorf("a capped key is shown %d events of others at %s", n, target)
		}
		// Its owner's events elsewhere are as far off as the secrets there.
		r := w.do("GET", target, capped, nil).want(200)
		if bytes.Contains(r.body, []byte("hr/own")) || !bytes.Contains(r.body, []byte("prod/own")) {
			t.Errorf("a key for prod/** is shown %s", r.body)
		}
		if r = w.do("GET", strings.Replace(target, "1000", "1&action=secret.write", 1), capped, nil).want(200); !bytes.Contains(r.body, []byte("prod/own")) {
			t.Errorf("the first page of a capped key is %s", r.body)
		}
		if others(words, target) == 0 {
			t.Errorf("a key without a cap is shown none of others at %s", target)
		}
	}
}

func TestTheZeroTimeIsInThePast(t *testing.T) {
	s := openSession(t)
	good := s.goodBodies()
	for _, op := range s.operations() {
		if good[op.OperationID] == nil {
			continue
		}
		for _, zero := range []string{"0001-01-01T00:00:00Z", "0001-01-01T01:00:00+01:00"} {
			body := object{}
			for k, v := range good[op.OperationID] {
				body[k] = v
			}
			switch op.OperationID {
			case "put-secret", "create-policy", "update-policy", "create-api-key", "create-agent", "update-agent":
				body["expires_at"] = zero
				s.do(op.method, s.target(op), s.ada.token, body).want(400, "expires_in_the_past")
			}
		}
	}
}

func TestKeysInAnotherCaseAreOtherKeys(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("v")
	w.do("PUT", secretAt(v, "k"), ada.token, `{"Value":"b"}`).want(400, "invalid_request")
	w.do("PUT", secretAt(v, "k"), ada.token, `{"value":"a","Type":7,"unknown":true}`).want(201)
	w.do("POST", "/v1/vaults", ada.token, `{"NAME":"b"}`).want(400, "invalid_request")
}

func TestRotationIsRefusedAndOtherPostsAreNotTaken(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("v")
	for _, path := range []string{"a/rotate", "a%2Frotate", "a/b/rotate"} {
		w.do("POST", secretAt(v, path), ada.token, nil).want(400, "rotation_not_implemented")
	}
	for _, path := range []string{"a", "a/b", "rotate", "a/rotated"} {
		r := w.do("POST", secretAt(v, path), ada.token, nil).want(405, "method_not_allowed")
		if got := r.header.Get("Allow"); got != "DELETE, GET, PUT" {
			t.Errorf("%s: Allow is %q", path, got)
		}
	}
}

func TestALimitOfEventsAboveTheLargestIsTheLargest(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	for range 1001 {
		w.do("GET", "/v1/auth/me", ada.token, nil).want(200)
	}
	if n := len(w.do("GET", "/v1/audit/events?limit=5000", ada.token, nil).want(200).list("events")); n != 1000 {
		t.Errorf("%d events", n)
	}
}
