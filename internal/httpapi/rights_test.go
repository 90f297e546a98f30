package httpapi_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// actor is somebody who has a right, and what ends it.
type actor struct {
	token string
	id    string
	email string // of a person
	ends  func()
}

// ending is a way in which a right ends. After most of them nothing is left of what
// somebody may do. Where loses is set, it names the writes that an actor of this kind
// is refused afterwards, and that get as far as the database: the others are no matter
// of this right. It is written down so that none is lost unseen.
type ending struct {
	begin func(s *session, n int) actor // makes somebody anew
	loses []string
	both  bool // on PostgreSQL, too: together these reach every operation
}

var endings = map[string]ending{
	"an owner who is removed": {both: true, begin: func(s *session, n int) actor {
		h := s.ada.member("rolf"+itoa(n), "owner")
		return actor{token: h.token, id: h.id, email: h.email, ends: func() { s.do("DELETE", "/v1/org/members/"+h.id, s.ada.token, nil).want(204) }}
	}},
	"an owner whose account is deleted": {begin: func(s *session, n int) actor {
		h := s.ada.member("rolf"+itoa(n), "owner")
		boss := s.signup("boss" + itoa(n))
		s.exec(`UPDATE users SET platform_admin = 1 WHERE id = ?`, boss.id)
		boss.token = boss.login()
		return actor{token: h.token, id: h.id, email: h.email, ends: func() { s.do("DELETE", "/v1/admin/users/"+h.id, boss.token, nil).want(204) }}
	}},
	"a token that is revoked": {both: true, begin: func(s *session, _ int) actor {
		token := s.ada.login()
		return actor{token: token, id: s.ada.id, email: s.ada.email, ends: func() { s.do("DELETE", "/v1/auth/token", token, nil).want(204) }}
	}},
	"an API key that is revoked": {begin: func(s *session, n int) actor {
		r := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k" + itoa(n)}).want(201)
		return actor{token: r.str("api_key"), id: s.ada.id, ends: func() { s.do("DELETE", "/v1/auth/api-keys/"+r.str("key", "id"), s.ada.token, nil).want(204) }}
	}},
	"an agent that is deactivated": {both: true, begin: func(s *session, n int) actor {
		a := s.ada.agent(object{"name": "a" + itoa(n)})
		s.ada.grant(s.vault, a, "**", nil, "read", "write", "delete")
		return actor{token: a.token, id: a.id, ends: func() { s.do("PATCH", "/v1/agents/"+a.id, s.ada.token, object{"is_active": false}).want(200) }}
	}},
	"an agent whose key is rotated": {begin: func(s *session, n int) actor {
		a := s.ada.agent(object{"name": "a" + itoa(n)})
		s.ada.grant(s.vault, a, "**", nil, "read", "write", "delete")
		return actor{token: a.key, id: a.id, ends: func() { s.do("POST", "/v1/agents/"+a.id+"/rotate-key", s.ada.token, object{}).want(200) }}
	}},
	"a platform admin whose token is revoked": {both: true, begin: func(s *session, n int) actor {
		h := s.signup("boss" + itoa(n))
		s.exec(`UPDATE users SET platform_admin = 1 WHERE id = ?`, h.id)
		h.token = h.login()
		return actor{token: h.token, id: h.id, email: h.email, ends: func() { s.do("DELETE", "/v1/auth/token", h.token, nil).want(204) }}
	}},
	"an admin who becomes a member": {loses: []string{
		"approve-approval", "create-ip-rule", "create-policy", "deactivate-agent", "decide-approval", "delete-approval-webhook",
		"delete-ip-rule", "delete-policy", "delete-share", "delete-vault", "deny-approval", "disable-cmek", "enable-cmek",
		"invite-member", "purge-secret", "reject-enrollment", "rekey-vault", "remove-member", "resend-invitation", "restore-secret",
		"revoke-api-key", "revoke-invitation", "revoke-share", "rotate-agent-identity-keys", "rotate-agent-key", "rotate-cmek",
		"set-approval-webhook", "set-overage-method", "update-agent", "update-member", "update-policy", "withdraw-approval",
	}, begin: func(s *session, n int) actor {
		h := s.ada.member("rolf"+itoa(n), "admin")
		return actor{token: h.token, id: h.id, email: h.email, ends: func() {
			s.do("PATCH", "/v1/org/members/"+h.id, s.ada.token, object{"role": "member"}).want(200)
		}}
	}},
	"a member whose policy is withdrawn": {loses: []string{
		"create-share", "create-share-by-path", "delete-secret", "put-secret", "reject-enrollment", "revoke-api-key",
	}, begin: func(s *session, n int) actor {
		h := s.ada.member("rolf"+itoa(n), "member")
		return actor{token: h.token, id: h.id, email: h.email, ends: s.granted("user", h.id)}
	}},
	"an agent whose policy is withdrawn": {loses: []string{
		"create-share", "create-share-by-path", "delete-secret", "put-secret",
	}, begin: func(s *session, n int) actor {
		a := s.ada.agent(object{"name": "a" + itoa(n)})
		return actor{token: a.token, id: a.id, ends: s.granted("agent", a.id)}
	}},
}

// granted gives somebody the session's vault, and returns what takes it away.
func (s *session) granted(kind, id string) (ends func()) {
	s.t.Helper()
	at := "/v1/vaults/" + s.vault + "/policies"
	r := s.do("POST", at, s.ada.token, object{
		"secret_path_pattern": "**", "principal_type": kind, "principal_id": id, "permissions": []string{"read", "write", "delete"},
	}).want(201)
	return func() { s.do("DELETE", at+"/"+r.str("id"), s.ada.token, nil).want(204) }
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
	for engine, on := range map[string]func(*setup){"sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(engine, func(t *testing.T) {
			reached := map[string]bool{}
			var all []operation
			for name, way := range endings {
				if engine == "postgres" && !way.both {
					continue
				}
				t.Run(name, func(t *testing.T) {
					s := openSession(t, oneByOne, stripeAt(newStripe(t).URL), on)
					s.ids()
					all = s.operations()
					slices.SortStableFunc(all, func(a, b operation) int { return destroys(a) - destroys(b) })
					lost := []string{}
					for n, op := range all {
						if op.writes() && s.raced(op, way, n) {
							reached[op.OperationID] = true
							lost = append(lost, op.OperationID)
						}
					}
					if slices.Sort(lost); way.loses != nil && !slices.Equal(lost, slices.Sorted(slices.Values(way.loses))) {
						t.Errorf("writes that this right was asked for: %q, want %q", lost, way.loses)
					}
				})
			}
			for _, op := range all {
				if op.writes() && !reached[op.OperationID] && !slices.Contains(nothingWritten, op.OperationID) {
					t.Errorf("%s was not reached: give it a body that it takes", op)
				}
			}
		})
	}
}

// raced asks for a write, ends the right to it right before the write, and checks
// that nothing comes of it. It reports whether the write got that far.
func (s *session) raced(op operation, way ending, n int) (reached bool) {
	s.clock.forward(10 * time.Minute) // shares and guesses are limited by time
	s.ada.token = s.ada.login()
	if way.loses != nil {
		// Somebody whose right has ended already, and who may do this nevertheless?
		twin := way.begin(s, n+10_000)
		target, body, change := s.goodFor(op, twin)
		twin.ends()
		if r := s.do(op.method, target, twin.token, body, change...); r.status != 401 && r.status != 403 && r.status != 404 {
			return false
		}
	}
	who := way.begin(s, n)
	target, body, change := s.goodFor(op, who)
	var before string
	f := func() {
		who.ends()
		reached = true
		before = s.dump(kept...)
	}
	s.between.Store(&f)
	r := s.do(op.method, target, who.token, body, change...)
	s.between.Store(nil)
	if !reached {
		return false
	}
	if r.status < 400 || r.status >= 500 {
		s.t.Errorf("%s: got %d %.200s", op, r.status, r.body)
	}
	if after := s.dump(kept...); after != before {
		s.t.Errorf("%s left something:\n%s", op, difference(before, after))
	}
	return true
}

// goodFor is a request that leads to a write.
func (s *session) goodFor(op operation, who actor) (target string, body object, change []func(*http.Request)) {
	target, body = s.target(op), s.goodBodies()[op.OperationID]
	if prepare := prepared[op.OperationID]; prepare != nil {
		return prepare(s, who, target)
	}
	return target, body, nil
}

// nothingWritten are operations that write nothing but their event on behalf of who
// sends them: a token is no row and is good as long as its agent is, what is paid is
// Stripe's, and secrets are not rotated by POST.
var nothingWritten = []string{"issue-agent-token", "top-up-credits", "open-billing-portal", "subscribe", "rotate-secret"}

// prepared leads to a write where goodBodies alone does not.
var prepared = map[string]func(s *session, e actor, target string) (string, object, []func(*http.Request)){
	"approve-device-login": waitingDevice,
	"deny-device-login":    waitingDevice,
	"mfa-verify-setup": func(s *session, e actor, target string) (string, object, []func(*http.Request)) {
		r := s.do("POST", "/v1/auth/mfa/setup", e.token, nil)
		if r.status != 200 {
			return target, nil, nil
		}
		return target, object{"code": s.code(r.str("secret"))}, nil
	},
	"mfa-disable": func(s *session, e actor, target string) (string, object, []func(*http.Request)) {
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
	"delete-me": func(_ *session, _ actor, target string) (string, object, []func(*http.Request)) {
		return target, farewell, nil
	},
	"accept-invitation": func(s *session, e actor, target string) (string, object, []func(*http.Request)) {
		if e.email == "" {
			return target, nil, nil
		}
		bob := s.signup("bob" + strings.ReplaceAll(e.id, "-", "") + itoa(len(s.heads())))
		s.do("POST", "/v1/org/invite", bob.token, object{"email": e.email}).want(200)
		return target, object{"token": s.mail.token(e.email)}, nil
	},
	"accept-share":  sharedWith,
	"decline-share": sharedWith,
	"disable-cmek": func(s *session, _ actor, _ string) (string, object, []func(*http.Request)) {
		return "/v1/vaults/" + sealed(s) + "/cmek", nil, nil
	},
	"rotate-cmek": func(s *session, _ actor, _ string) (string, object, []func(*http.Request)) {
		old, next := newClientKey('a'), newClientKey('b')
		return "/v1/vaults/" + sealed(s) + "/cmek-rotate", object{"new_fingerprint": next.fingerprint()},
			[]func(*http.Request){header("x-cmek-old-key", old.base64()), header("X-CMEK-New-Key", next.base64())}
	},
}

func waitingDevice(s *session, _ actor, target string) (string, object, []func(*http.Request)) {
	return target, object{"user_code": s.device().shown}, nil
}

// sealed is a vault with a key of the client's.
func sealed(s *session) string {
	id := s.ada.vaultNamed("sealed" + itoa(len(s.rows("vaults"))))
	s.do("POST", "/v1/vaults/"+id+"/cmek", s.ada.token, object{"fingerprint": newClientKey('a').fingerprint()}).want(200)
	s.ada.put(id, "ts", newClientKey('a').typescript("x"))
	return id
}

func sharedWith(s *session, e actor, target string) (string, object, []func(*http.Request)) {
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
