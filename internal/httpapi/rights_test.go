package httpapi_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// ending is a way in which a right ends, and somebody who has it.
type ending struct {
	token string
	id    string // of the actor
	email string // of a person
	ends  func()
}

// endings make somebody anew whose right then ends, each in another way.
var endings = map[string]func(s *session, n int) ending{
	"an owner who is removed": func(s *session, n int) ending {
		h := s.ada.member("rolf"+itoa(n), "owner")
		return ending{token: h.token, id: h.id, email: h.email, ends: func() { s.do("DELETE", "/v1/org/members/"+h.id, s.ada.token, nil).want(204) }}
	},
	"a token that is revoked": func(s *session, _ int) ending {
		token := s.ada.login()
		return ending{token: token, id: s.ada.id, email: s.ada.email, ends: func() { s.do("DELETE", "/v1/auth/token", token, nil).want(204) }}
	},
	"an API key that is revoked": func(s *session, n int) ending {
		r := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k" + itoa(n)}).want(201)
		return ending{token: r.str("api_key"), id: s.ada.id, ends: func() { s.do("DELETE", "/v1/auth/api-keys/"+r.str("key", "id"), s.ada.token, nil).want(204) }}
	},
	"an agent that is deactivated": func(s *session, n int) ending {
		a := s.ada.agent(object{"name": "a" + itoa(n)})
		s.ada.grant(s.vault, a, "**", nil, "read", "write", "delete")
		return ending{token: a.token, id: a.id, ends: func() { s.do("PATCH", "/v1/agents/"+a.id, s.ada.token, object{"is_active": false}).want(200) }}
	},
	"a platform admin whose token is revoked": func(s *session, n int) ending {
		h := s.signup("boss" + itoa(n))
		s.exec(`UPDATE users SET platform_admin = 1 WHERE id = ?`, h.id)
		h.token = h.login()
		return ending{token: h.token, id: h.id, email: h.email, ends: func() { s.do("DELETE", "/v1/auth/token", h.token, nil).want(204) }}
	},
}

// kept are the tables that a write without its right must leave as they were.
var kept = []string{
	"users", "orgs", "memberships", "invitations", "user_keys", "agents", "vaults", "secrets", "secret_versions", "policies", "shares", "approvals",
	"approval_webhooks", "ip_rules", "vault_jobs", "device_codes", "enrollments", "mail_tokens", "user_totp", "recovery_codes", "mfa_challenges",
	"billing_accounts", "credit_lots", "credit_ledger", "admin_settings", "chains", "doomed_keys", "stripe_customers", "revoked_tokens",
}

func (o operation) writes() bool { return o.method != http.MethodGet && !o.action.Public() }

// Whatever right ends between the decision about a write and its commit: the write
// is refused and leaves nothing. An operation that never gets that far for anybody
// fails, unless it is in nothingWritten.
func TestNoWriteOutlivesItsRight(t *testing.T) {
	reached := map[string]bool{}
	var all []operation
	for name, begin := range endings {
		t.Run(name, func(t *testing.T) {
			s := openSession(t, oneByOne, stripeAt(newStripe(t).URL))
			s.ids()
			all = s.operations()
			slices.SortStableFunc(all, func(a, b operation) int { return destroys(a) - destroys(b) })
			for n, op := range all {
				if !op.writes() {
					continue
				}
				body := s.goodBodies()[op.OperationID]
				s.clock.forward(10 * time.Minute) // shares and guesses are limited by time
				s.ada.token = s.ada.login()
				e := begin(s, n)
				target := s.target(op)
				var change []func(*http.Request)
				if prepare := prepared[op.OperationID]; prepare != nil {
					target, body, change = prepare(s, e, target)
				}
				var before string
				ended := false
				f := func() {
					e.ends()
					ended = true
					before = s.dump(kept...)
				}
				s.between.Store(&f)
				r := s.do(op.method, target, e.token, body, change...)
				s.between.Store(nil)
				if !ended {
					continue
				}
				reached[op.OperationID] = true
				if r.status < 400 || r.status >= 500 {
					t.Errorf("%s: got %d %.200s", op, r.status, r.body)
				}
				if after := s.dump(kept...); after != before {
					t.Errorf("%s left something:\n%s", op, difference(before, after))
				}
			}
		})
	}
	for _, op := range all {
		if op.writes() && !reached[op.OperationID] && !slices.Contains(nothingWritten, op.OperationID) {
			t.Errorf("%s was not reached: give it a body that it takes", op)
		}
	}
}

// nothingWritten are operations that write nothing but their event on behalf of who
// sends them: a token is no row and is good as long as its agent is, what is paid is
// Stripe's, and secrets are not rotated by POST. Turning the second factor off takes a
// code of the actor's, which this table can't make yet.
var nothingWritten = []string{"mfa-disable", "issue-agent-token", "top-up-credits", "open-billing-portal", "subscribe", "rotate-secret"}

// prepared leads to a write where goodBodies alone does not.
var prepared = map[string]func(s *session, e ending, target string) (string, object, []func(*http.Request)){
	"approve-device-login": waitingDevice,
	"deny-device-login":    waitingDevice,
	"mfa-verify-setup": func(s *session, e ending, target string) (string, object, []func(*http.Request)) {
		r := s.do("POST", "/v1/auth/mfa/setup", e.token, nil)
		if r.status != 200 {
			return target, nil, nil
		}
		return target, object{"code": s.code(r.str("secret"))}, nil
	},
	"mfa-disable": func(s *session, e ending, target string) (string, object, []func(*http.Request)) {
		if e.email == s.ada.email { // who logs in without one
			return target, nil, nil
		}
		r := s.do("POST", "/v1/auth/mfa/setup", e.token, nil)
		if r.status != 200 {
			return target, nil, nil
		}
		s.do("POST", "/v1/auth/mfa/verify-setup", e.token, object{"code": s.code(r.str("secret"))}).want(200)
		return target, object{"password": password}, nil
	},
	"delete-me": func(_ *session, _ ending, target string) (string, object, []func(*http.Request)) {
		return target, farewell, nil
	},
	"accept-invitation": func(s *session, e ending, target string) (string, object, []func(*http.Request)) {
		if e.email == "" {
			return target, nil, nil
		}
		bob := s.signup("bob" + strings.ReplaceAll(e.id, "-", "") + itoa(len(s.heads())))
		s.do("POST", "/v1/org/invite", bob.token, object{"email": e.email}).want(200)
		return target, object{"token": s.mail.token(e.email)}, nil
	},
	"accept-share":  sharedWith,
	"decline-share": sharedWith,
	"disable-cmek": func(s *session, _ ending, _ string) (string, object, []func(*http.Request)) {
		return "/v1/vaults/" + sealed(s) + "/cmek", nil, nil
	},
	"rotate-cmek": func(s *session, _ ending, _ string) (string, object, []func(*http.Request)) {
		old, next := newClientKey('a'), newClientKey('b')
		return "/v1/vaults/" + sealed(s) + "/cmek-rotate", object{"new_fingerprint": next.fingerprint()},
			[]func(*http.Request){header("x-cmek-old-key", old.base64()), header("X-CMEK-New-Key", next.base64())}
	},
}

func waitingDevice(s *session, _ ending, target string) (string, object, []func(*http.Request)) {
	return target, object{"user_code": s.device().shown}, nil
}

// sealed is a vault with a key of the client's.
func sealed(s *session) string {
	id := s.ada.vaultNamed("sealed" + itoa(len(s.rows("vaults"))))
	s.do("POST", "/v1/vaults/"+id+"/cmek", s.ada.token, object{"fingerprint": newClientKey('a').fingerprint()}).want(200)
	s.ada.put(id, "ts", newClientKey('a').typescript("x"))
	return id
}

func sharedWith(s *session, e ending, target string) (string, object, []func(*http.Request)) {
	if !strings.HasPrefix(e.email, "rolf") { // another member
		return target, nil, nil
	}
	id := s.ada.shares(s.ada.secretID(s.vault, "a/b"), object{"recipient_type": "user", "recipient_id": e.id}).str("id")
	return "/v1/shares/" + id + target[strings.LastIndex(target, "/"):], nil, nil
}

func difference(before, after string) string {
	was, is := map[string]bool{}, map[string]bool{}
	for l := range strings.Lines(before) {
		was[strings.TrimSpace(l)] = true
	}
	for l := range strings.Lines(after) {
		is[strings.TrimSpace(l)] = true
	}
	var out []string
	for _, l := range slices.Sorted(maps.Keys(is)) {
		if !was[l] {
			out = append(out, "+ "+l)
		}
	}
	for _, l := range slices.Sorted(maps.Keys(was)) {
		if !is[l] {
			out = append(out, "- "+l)
		}
	}
	return strings.Join(out, "\n")
}
