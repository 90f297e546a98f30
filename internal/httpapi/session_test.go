package httpapi_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
)

// session is a world with one of each thing.
type session struct {
	*world
	ada           *human
	worker        *robot
	vault, policy string
	key           string // id of an API key
	job           string // id of a rekey that waits
	secret, share string // id of the version of a/b, and of its share with the worker
	known         map[string]string
}

func openSession(t testing.TB, change ...func(*setup)) *session {
	t.Helper()
	w := open(t, change...)
	s := &session{world: w, ada: w.signup("ada")}
	s.vault = s.ada.vaultNamed("main")
	s.job = w.do("POST", "/v1/vaults/"+s.vault+"/rekey", s.ada.token, nil).want(202).str("id")
	s.ada.put(s.vault, "a/b", "value")
	s.worker = s.ada.agent(nil)
	s.policy = s.ada.grant(s.vault, s.worker, "a/*", nil, "read")
	s.key = w.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k"}).want(201).str("key", "id")
	s.secret = s.ada.secretID(s.vault, "a/b")
	s.share = s.ada.shares(s.secret, object{"recipient_type": "agent", "recipient_id": s.worker.id}).str("id")
	return s
}

// ids are those of one of each thing in the session, by the name that paths
// give them. A new parameter needs an id here.
func (s *session) ids() map[string]string {
	s.t.Helper()
	if s.known == nil {
		mia := s.ada.member("mia", "member")
		s.do("POST", "/v1/org/invite", s.ada.token, object{"email": "ivy@example.com"}).want(200)
		s.known = map[string]string{
			"vault_id": s.vault, "agent_id": s.worker.id, "policy_id": s.policy, "key_id": s.key, "job_id": s.job, "secret_id": s.secret, "share_id": s.share, "path": "a/b",
			"user_id":        mia.id,
			"account_id":     s.signup("leo").id,
			"org_id":         s.ada.org,
			"invitation_id":  s.do("GET", "/v1/org/invitations", s.ada.token, nil).want(200).list("invitations")[0]["id"].(string),
			"rule_id":        s.ada.ipRule(object{"rule_type": "deny", "cidr": "198.51.100.66"}),
			"approval_id":    s.approvalOf("ids/gated"),
			"request_id":     s.do("POST", "/v1/secret-requests", s.worker.token, object{"vault_id": s.vault, "path": "ids/wanted", "reason": "x"}).want(201).str("id"),
			"enrollment_id":  s.enrollmentOf(s.ada),
			"session_id":     s.sessionOf(s.ada.login()),
			"env_key":        s.do("POST", "/v1/vaults/"+s.vault+"/env-vars", s.ada.token, s.goodBodies()["set-env-var"]).want(201).str("key"),
			"transaction_id": s.stoppedTransaction(),
			"router_key_id":  s.do("POST", "/v1/agents/"+s.worker.id+"/router-keys", s.ada.token, object{"name": "kept"}).want(201).str("key", "id"),
			"binding_id":     s.do("POST", "/v1/agents/"+s.worker.id+"/bindings", s.ada.token, s.goodBodies()["create-agent-binding"]).want(201).str("id"),
			"activity_id":    s.KeepFlagged(s.Who(s.worker.token), flagged.Excerpt{Threat: "command_injection", Text: "rm -rf /"}),
			"passkey_id":     passkeyOf(s.ada),
			"webhook_id":     s.do("POST", "/v1/webhooks", s.ada.token, s.goodBodies()["create-webhook"]).want(201).str("id"),
		}
	}
	out := map[string]string{}
	for k, v := range s.known {
		out[k] = v
	}
	return out
}

// passkeyOf is the id of a new passkey.
func passkeyOf(h *human) string {
	id, _ := h.passkey("kept")
	return id
}

// approvalOf has an agent of ada's ask for a read of a path that needs one.
func (s *session) approvalOf(path string) string {
	s.t.Helper()
	asker := s.ada.agent(object{"name": "asker"})
	s.ada.put(s.vault, path, "gated")
	s.ada.grant(s.vault, asker, path, asks(true), "read")
	return s.do("GET", secretAt(s.vault, path), asker.key, nil).want(403, "approval_required").str("approval_request_id")
}

// enrollmentOf is an enrolment that waits for somebody.
func (s *session) enrollmentOf(h *human) string {
	s.t.Helper()
	s.enroll("newcomer", h.email)
	return h.waiting()[0]["id"].(string)
}

// nobodys are ids that nothing has, for the same names.
func nobodys() map[string]string {
	out := map[string]string{"path": "a/b", "version": "1", "env_key": "NAME"}
	for _, name := range idNames {
		out[name] = nobodysID
	}
	return out
}

// idNames are the ids that paths hold.
var idNames = []string{"vault_id", "agent_id", "policy_id", "key_id", "user_id", "invitation_id", "rule_id", "job_id", "secret_id", "share_id", "org_id", "approval_id", "request_id", "enrollment_id", "account_id", "session_id", "webhook_id", "transaction_id", "router_key_id", "activity_id", "binding_id", "passkey_id"}

// member invites somebody who has no account, and who accepts.
func (h *human) member(name, role string) *human {
	h.t.Helper()
	email := name + "@example.com"
	h.do("POST", "/v1/org/invite", h.token, object{"email": email, "role": role}).want(200)
	r := h.do("POST", "/v1/auth/signup", "", object{"email": email, "password": password, "invite_token": h.invitation(email)}).want(200)
	m := &human{world: h.world, email: email, token: r.str("access_token")}
	me := h.do("GET", "/v1/auth/me", m.token, nil).want(200)
	m.id, m.org = me.str("id"), me.str("org_id")
	return m
}

// joins makes somebody who has an account a member, with a token for it.
func (h *human) joins(to *human, role string) {
	h.t.Helper()
	to.do("POST", "/v1/org/invite", to.token, object{"email": h.email, "role": role}).want(200)
	h.do("POST", "/v1/org/invitations/accept", h.token, object{"token": h.invitation(h.email)}).want(200)
	h.org, h.token = to.org, h.switched(to.org)
}

// switched returns a token for another organisation.
func (h *human) switched(org string) string {
	h.t.Helper()
	return h.do("POST", "/v1/auth/switch-org", h.token, object{"org_id": org}).want(200).str("access_token")
}

// ipRule makes a rule and returns its id.
func (h *human) ipRule(body object) string {
	h.t.Helper()
	return h.do("POST", "/v1/security/ip-rules", h.token, body).want(201).str("id")
}

// firstOwner makes the owner of a server where nobody signs up.
func (w *world) firstOwner() *human {
	w.t.Helper()
	const email = "ada@example.com"
	if _, err := w.Accounts.EnsureOwner(w.t.Context(), email, secret.FromString(password)); err != nil {
		w.t.Fatal(err)
	}
	h := &human{world: w, email: email}
	h.token = h.login()
	me := w.do("GET", "/v1/auth/me", h.token, nil).want(200)
	h.id, h.org = me.str("id"), me.str("org_id")
	return h
}

// moves is joins: logins lead to the other organisation from then on.
func (h *human) moves(to *human, role string) {
	h.t.Helper()
	h.joins(to, role)
}
