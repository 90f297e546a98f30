package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// Without a log nothing is served: no value, no token, no listing, no write.
func TestWithoutALogNothingLeaves(t *testing.T) {
	s := openSession(t, rest.OneByOne)
	s.ids()
	s.ada.put(s.vault, "a/limited", "value-in-the-vault")
	s.do("PUT", secretAt(s.vault, "a/once"), s.ada.token, object{"value": "value-in-the-vault", "max_access_count": 1}).want(201)
	tables := []string{"vaults", "secrets", "secret_versions", "policies", "agents", "user_keys", "users", "memberships", "revoked_tokens", "invitations", "ip_rules"}
	before := map[string]string{}
	for _, table := range tables {
		before[table] = s.without(identityKeys, table)
	}
	s.Exec(`ALTER TABLE audit_events RENAME TO audit_gone`)
	bodies := s.goodBodies()
	bodies["login"] = object{"email": s.ada.email, "password": password}
	bodies["signup"] = object{"email": "bob@example.com", "password": password}
	bodies["accept-invitation"] = object{"token": s.invitation("ivy@example.com")}
	bodies["create-vault"] = object{"name": "another"}
	bodies["change-password"] = object{"current_password": password, "new_password": "Wind-farm5-at-night"}
	for _, op := range s.operations() {
		target, token := s.target(op), s.ada.token
		if op.OperationID == "get-agent-self" {
			token = s.worker.token
		}
		r := s.do(op.method, target, token, bodies[op.OperationID])
		if op.path == "/v1/health" { // while nothing can be recorded, nobody is healthy
			if got := r.json(); r.status != http.StatusServiceUnavailable || got["status"] != "degraded" || got["reason"] != "log_not_written" {
				t.Errorf("health: %d %s", r.status, r.body)
			}
			continue
		}
		if !strings.HasPrefix(op.path, "/v1/") || strings.HasPrefix(op.path, "/v1/health") {
			r.want(http.StatusOK)
			continue
		}
		if r.status != http.StatusServiceUnavailable {
			t.Errorf("%s: got %d: %.300s", op, r.status, r.body)
			continue
		}
		r.problem()
		for what, text := range map[string]string{"a value": "value", "a token": "eyJ", "a key": "ocv_", "a user's key": "1ck_", "a path": "a/b", "a vault": s.vault} {
			if strings.Contains(string(r.body), text) {
				t.Errorf("%s: %s left without a record: %s", op, what, r.body)
			}
		}
	}
	for _, path := range []string{"a/b", "a/limited", "a/once"} {
		for _, token := range []string{s.ada.token, s.worker.token, s.worker.key} {
			s.do("GET", secretAt(s.vault, path), token, nil).want(503)
		}
	}
	s.do("GET", secretAt(s.vault, "a/b"), "", nil).want(503) // a refusal is a record too
	s.do("GET", secretAt(s.vault, "c"), s.worker.token, nil).want(503)
	s.do("GET", "/v1/nope", "", nil).want(503)
	s.do("PATCH", "/v1/vaults", "", nil).want(503)
	for _, table := range tables {
		if s.without(identityKeys, table) != before[table] {
			t.Errorf("%s: something was written without a record", table)
		}
	}
	s.Exec(`ALTER TABLE audit_gone RENAME TO audit_events`)
	s.do("GET", secretAt(s.vault, "a/once"), s.worker.token, nil).want(200) // the read was not spent
	s.do("GET", "/v1/auth/me", s.ada.token, nil).want(200)
	if report := s.do("GET", "/v1/audit/verify", s.ada.token, nil).want(200).json(); report["ok"] != true {
		t.Errorf("the chain does not verify: %v", report)
	}
}

// identityKeys are the paths of agents' own keys. They go into the safe before
// the write whose event records them: when that fails, keys that nobody uses
// stay behind.
const identityKeys = "/private_key"

// without is the content of a table but for the rows that hold a text.
func (w *world) without(text, table string) string {
	w.t.Helper()
	lines := strings.Split(w.dump(table), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, text) }), "\n")
}

// The same when only the gate's own record fails, after the handler ran.
func TestAnAnswerWaitsForItsRecord(t *testing.T) {
	broken := false
	s := openSession(t, func(c *setup) {
		c.Events = func(w *kit.World) gate.Events {
			return failingEvents{w.DB, func(*audit.Event) bool { return broken }}
		}
	})
	broken = true
	for _, target := range []string{"/v1/vaults", "/v1/vaults/" + s.vault + "/secrets", "/v1/agents", "/v1/auth/me", "/v1/auth/api-keys", "/v1/audit/events", "/v1/audit/export", "/v1/openapi.json"} {
		r := s.do("GET", target, s.ada.token, nil).want(503, "audit_unavailable")
		if strings.Contains(string(r.body), s.vault) || r.header.Get("Content-Length") != "" {
			t.Errorf("%s: %v %s", target, r.header, r.body)
		}
	}
	s.do("GET", "/v1/health", "", nil).want(200)
	broken = false
	s.do("GET", "/v1/vaults", s.ada.token, nil).want(200)
}

// sick is a server whose parts are away.
type sick struct{ database, keystore bool }

func (h *sick) Ready(context.Context) error {
	if h.database {
		return errors.New("the database is at 10.0.0.1 with the password " + canary)
	}
	return nil
}

func (h *sick) Keystore(context.Context) (string, bool) { return "soft", !h.keystore }

func TestHealthTellsTheTruth(t *testing.T) {
	h := &sick{}
	w := open(t, func(s *setup) { s.Health = h })
	for _, c := range []struct {
		sick        sick
		health, hsm int
	}{{sick{}, 200, 200}, {sick{database: true}, 503, 200}, {sick{keystore: true}, 503, 503}, {sick{true, true}, 503, 503}, {sick{}, 200, 200}} {
		*h = c.sick
		for target, status := range map[string]int{"/v1/health": c.health, "/v1/health/hsm": c.hsm} {
			r := w.do("GET", target, "", nil)
			if r.status != status || strings.Contains(string(r.body), canary) || strings.Contains(string(r.body), "10.0.0.1") {
				t.Errorf("%+v: %s got %d %s", c.sick, target, r.status, r.body)
			}
			if (r.json()["status"] == "degraded") != (status == 503) {
				t.Errorf("%+v: %s", c.sick, r.body)
			}
		}
	}
}
