package httpapi_test

import (
	"net/http"
	"strings"
)

// actor is somebody who has a right, and what ends it.
type actor struct {
	token string
	id    string
	email string // of a person
	ends  func()
}

// ending is a way in which a right ends.
type ending struct {
	name  string
	begin func(s *stage, n int) actor // makes somebody anew
	// stays are operations that somebody may do afterwards, too, by the reason.
	stays map[string][]string
	// every says that on each database one operation in so many is raced, since all
	// together would take minutes: which one moves with the way and the database.
	every int
	of    func(operation) bool // nil: all that write
}

// endings are such that each operation is raced on each database. The first three
// ways together do that but for what is an agent's, or for those who run the server.
var endings = []ending{
	{name: "an owner who is removed", every: 3, begin: func(s *stage, n int) actor {
		h := s.ada.member("rolf"+itoa(n), "owner")
		return s.person(h, h.token, func() { s.do("DELETE", "/v1/org/members/"+h.id, s.ada.token, nil).want(204) })
	}},
	{name: "an owner whose token is revoked", every: 3, begin: func(s *stage, n int) actor {
		h := s.ada.member("rolf"+itoa(n), "owner")
		return s.person(h, h.token, func() { s.do("DELETE", "/v1/auth/token", h.token, nil).want(204) })
	}},
	{name: "an owner whose session is ended", every: 3, begin: func(s *stage, n int) actor {
		h := s.ada.member("rolf"+itoa(n), "owner")
		at := "/v1/auth/sessions/" + s.sessionOf(h.token)
		return s.person(h, h.token, func() { s.do("DELETE", at, h.token, nil).want(204) })
	}},
	{name: "an owner whose account is deleted", every: 3, begin: func(s *stage, n int) actor {
		h := s.ada.member("rolf"+itoa(n), "owner")
		return s.person(h, h.token, func() { s.do("DELETE", "/v1/admin/users/"+h.id, s.boss.token, nil).want(204) })
	}},
	{name: "an API key that is revoked", every: 3, begin: func(s *stage, n int) actor {
		r := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k" + itoa(n)}).want(201)
		at := "/v1/auth/api-keys/" + r.str("key", "id")
		return actor{token: r.str("api_key"), id: s.ada.id, ends: func() { s.do("DELETE", at, s.ada.token, nil).want(204) }}
	}},
	{name: "an agent that is deactivated", every: 2, begin: func(s *stage, n int) actor {
		a := s.ada.agent(object{"name": "a" + itoa(n)})
		s.ada.grant(s.vault, a, "**", nil, "read", "write", "delete")
		return actor{token: a.token, id: a.id, ends: func() { s.do("PATCH", "/v1/agents/"+a.id, s.ada.token, object{"is_active": false}).want(200) }}
	}},
	{name: "an agent whose key is rotated", every: 2, begin: func(s *stage, n int) actor {
		a := s.ada.agent(object{"name": "a" + itoa(n)})
		s.ada.grant(s.vault, a, "**", nil, "read", "write", "delete")
		return actor{token: a.key, id: a.id, ends: func() { s.do("POST", "/v1/agents/"+a.id+"/rotate-key", s.ada.token, object{}).want(200) }}
	}},
	{name: "a platform admin whose token is revoked", every: 1, of: operation.ofPlatform, begin: func(s *stage, n int) actor {
		token := s.boss.login()
		return s.person(s.boss, token, func() { s.do("DELETE", "/v1/auth/token", token, nil).want(204) })
	}},
	{name: "an admin who becomes a member", every: 2, begin: func(s *stage, n int) actor {
		h := s.ada.member("rolf"+itoa(n), "admin")
		return s.person(h, h.token, func() {
			s.do("PATCH", "/v1/org/members/"+h.id, s.ada.token, object{"role": "member"}).want(200)
		})
	}, stays: ofMembers},
	{name: "a member whose policy is withdrawn", every: 2, begin: func(s *stage, n int) actor {
		h := s.ada.member("rolf"+itoa(n), "member")
		return s.person(h, h.token, s.granted("user", h.id))
	}, stays: ofMembers},
	{name: "an agent whose policy is withdrawn", every: 1, begin: func(s *stage, n int) actor {
		a := s.ada.agent(object{"name": "a" + itoa(n)})
		return actor{token: a.token, id: a.id, ends: s.granted("agent", a.id)}
	}, stays: ofAgents},
}

// ofMembers are the writes that take no more than to be a member, by the reason.
var ofMembers = map[string][]string{
	"it is their own login": {
		"change-password", "end-session", "end-sessions", "mfa-disable", "mfa-setup", "mfa-verify-setup", "revoke-token", "switch-org",
		"begin-passkey", "add-passkey", "rename-passkey", "remove-passkey",
		"approve-device-login", "deny-device-login",
	},
	"it is their own account":               {"delete-me", "update-me", "accept-invitation"},
	"it is their own key":                   {"create-api-key", "revoke-api-key"},
	"a share was made for them":             {"accept-share", "decline-share"},
	"an agent asked for them":               {"reject-enrollment"},
	"any member makes agents and vaults":    {"create-agent", "create-vault"},
	"who asks for an approval has no right": {"request-approval", "request-approval-alias"},
}

// ofAgents are the same for agents.
var ofAgents = map[string][]string{
	"who lacks a secret has no right to it": {"request-secret", "withdraw-secret-request"},
	"it is their own token":                 {"revoke-token"},
	"any agent makes vaults":                {"create-vault"},
	"it is its own key of the keystore":     {"submit-transaction", "sign-message"},
	"who asks for an approval has no right": {"request-approval", "request-approval-alias"},
}

func (s *stage) person(h *human, token string, ends func()) actor {
	return actor{token: token, id: h.id, email: h.email, ends: ends}
}

// granted gives somebody the session's vault, and returns what takes it away.
func (s *stage) granted(kind, id string) (ends func()) {
	s.t.Helper()
	at := "/v1/vaults/" + s.vault + "/policies"
	r := s.do("POST", at, s.ada.token, object{
		"secret_path_pattern": "**", "principal_type": kind, "principal_id": id, "permissions": []string{"read", "write", "delete"},
	}).want(201)
	return func() { s.do("DELETE", at+"/"+r.str("id"), s.ada.token, nil).want(204) }
}

func (o operation) writes() bool { return o.method != http.MethodGet && !o.action.Public() }

func (o operation) ofPlatform() bool { return strings.HasPrefix(o.path, "/v1/admin/") }
