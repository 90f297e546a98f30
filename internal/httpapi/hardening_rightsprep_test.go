package httpapi_test

import (
	"net/http"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/authenticator"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// stage is a session with those who end rights in it.
type stage struct {
	*session
	node      *evmnode.Node // nil until chain is asked for it
	boss, bob *human        // who runs the server; the owner of another organisation
	at        time.Time     // of their tokens
	names     int
}

func openStage(s *session) *stage {
	s.ids()
	return &stage{session: s, boss: s.boss(), bob: s.signup("bob"), at: s.Clock.Now()}
}

// goOn lets some time pass, since shares and attempts are limited by it. It reports
// whether tokens were made anew, which live for a quarter of an hour.
func (s *stage) goOn() bool {
	s.t.Helper()
	s.Clock.Forward(15 * time.Second)
	if s.Clock.Now().Sub(s.at) < 8*time.Minute {
		return false
	}
	s.at = s.Clock.Now()
	for _, h := range []*human{s.ada, s.boss, s.bob} {
		h.token = h.login()
	}
	return true
}

// unique is part of a name that nothing has yet.
func (s *stage) unique() string {
	s.names++
	return itoa(s.names)
}

// lead is a request that leads to a write.
type lead struct {
	target string
	body   object
	change []func(*http.Request)
}

// leadTo is the request for an operation.
func (s *stage) leadTo(op operation, who actor) lead {
	s.t.Helper()
	l := lead{target: s.target(op), body: s.goodBodies()[op.OperationID]}
	if prepare := prepared[op.OperationID]; prepare != nil {
		prepare(s, who, &l)
	}
	return l
}

// prepared leads to a write where goodBodies alone does not.
var prepared = map[string]func(s *stage, who actor, l *lead){
	"approve-device-login": waitingDevice,
	"deny-device-login":    waitingDevice,
	"mfa-verify-setup": func(s *stage, who actor, l *lead) {
		if r := s.do("POST", "/v1/auth/mfa/setup", who.token, nil); r.status == 200 {
			l.body = object{"code": s.code(r.str("secret"))}
		}
	},
	"mfa-disable": func(s *stage, who actor, l *lead) {
		r := s.do("POST", "/v1/auth/mfa/setup", who.token, nil)
		if r.status != 200 {
			return
		}
		key := r.str("secret")
		s.do("POST", "/v1/auth/mfa/verify-setup", who.token, object{"code": s.code(key)}).want(200)
		l.body = object{"code": s.code(key)}
	},
	"add-passkey": func(s *stage, who actor, l *lead) {
		if r := s.do("POST", "/v1/auth/passkeys/begin", who.token, nil); r.status == 200 {
			l.body = object{"token": r.str("token"), "name": "x", "credential": authenticator.New(s.t, kit.PublicURL).Make(r.options())}
		}
	},
	"rename-passkey": ofPasskey,
	"remove-passkey": ofPasskey,
	"change-password": func(_ *stage, _ actor, l *lead) {
		l.body = object{"current_password": password, "new_password": password + "2"}
	},
	"delete-me": func(_ *stage, _ actor, l *lead) { l.body = farewell },
	"end-session": func(s *stage, who actor, l *lead) {
		if who.email != "" {
			token := s.do("POST", "/v1/auth/token", "", object{"email": who.email, "password": password}).want(200).str("access_token")
			l.target = "/v1/auth/sessions/" + s.sessionOf(token)
		}
	},
	"revoke-api-key": func(s *stage, who actor, l *lead) {
		if r := s.do("POST", "/v1/auth/api-keys", who.token, object{"name": "own"}); r.status == 201 {
			l.target = "/v1/auth/api-keys/" + r.str("key", "id")
		}
	},
	"accept-enrollment": enrolled,
	"reject-enrollment": enrolled,
	"accept-invitation": func(s *stage, who actor, l *lead) {
		if who.email != "" {
			s.do("POST", "/v1/org/invite", s.bob.token, object{"email": who.email}).want(200)
			l.body = object{"token": s.invitation(who.email)}
		}
	},
	"accept-share":  sharedWith,
	"decline-share": sharedWith,
	"deny-approval": func(s *stage, _ actor, l *lead) {
		l.target = "/v1/approvals/" + s.approvalOf("ids/denied"+s.unique()) + "/deny"
	},
	"withdraw-secret-request": wantedSecret("withdraw"), "fill-secret-request": wantedSecret("fill"), "decline-secret-request": wantedSecret("decline"),
	"create-vault": func(s *stage, _ actor, l *lead) { l.body = object{"name": "new" + s.unique()} },
	"rekey-vault": func(s *stage, _ actor, l *lead) {
		l.target = "/v1/vaults/" + s.ada.vaultNamed("old"+s.unique()) + "/rekey"
	},
	"restore-secret": func(s *stage, _ actor, l *lead) {
		path := "gone/" + s.unique()
		s.ada.put(s.vault, path, "x")
		s.do("DELETE", secretAt(s.vault, path), s.ada.token, nil).want(204)
		l.target = "/v1/vaults/" + s.vault + "/secret-restore/" + path
	},
	"disable-secret-version": func(s *stage, _ actor, l *lead) {
		path := "old/" + s.unique()
		s.ada.put(s.vault, path, "x")
		l.target = "/v1/vaults/" + s.vault + "/secret-version-disable/" + path + "/1"
	},
	"update-chain":  chain,
	"restart-chain": restarted,
	"delete-chain":  chain,
	"unfreeze-agent": func(s *stage, who actor, l *lead) {
		if who.email == "" {
			return
		}
		l.target = "/v1/agents/" + s.ada.agent(object{"name": "frozen" + s.unique()}).id
		s.do("POST", l.target+"/freeze", s.ada.token, nil).want(200)
		l.target += "/unfreeze"
	},
	// The last of all: the agents of the stage are frozen with their organisation.
	"unfreeze-org": func(s *stage, _ actor, _ *lead) { s.do("POST", "/v1/org/freeze", s.ada.token, nil).want(200) },
	"revoke-router-key": func(s *stage, _ actor, l *lead) {
		l.target = "/v1/agents/" + s.worker.id + "/router-keys/" + s.routerKey(s.worker.id, s.ada.token).str("key", "id")
	},
	"create-agent-binding": func(s *stage, _ actor, l *lead) {
		l.body = s.goodBodies()["create-agent-binding"]
		l.body["name"] = "new" + s.unique()
	},
	"update-agent-binding":            ofBinding,
	"delete-agent-binding":            ofBinding,
	"rotate-agent-binding-credential": ofBinding,
	"create-signing-key":              ofNewAgent,
	"import-signing-key":              ofNewAgent,
	"rotate-signing-key":              ofSigner,
	"delete-signing-key":              ofSigner,
	"replace-transaction": func(s *stage, who actor, l *lead) {
		s.signs(s.worker.id)
		id := s.do("POST", "/v1/agents/"+s.worker.id+"/transactions", s.ada.token, payment("own")).want(201).str("id")
		l.target = "/v1/agents/" + s.worker.id + "/transactions/" + id + "/replace"
	},
	"sign-message": func(s *stage, who actor, l *lead) {
		agent := s.worker.id
		if who.email == "" && who.id != s.ada.id {
			agent = who.id
			l.target = strings.Replace(l.target, s.worker.id, agent, 1)
		}
		s.signs(agent)
		s.do("PUT", "/v1/agents/"+agent+"/guard", s.ada.token, object{"rules": object{"allow_text": true}}).want(200)
	},
	"submit-transaction": func(s *stage, who actor, l *lead) {
		agent := s.worker.id
		if who.email == "" && who.id != s.ada.id {
			agent = who.id
			l.target = strings.Replace(l.target, s.worker.id, agent, 1)
		}
		s.signs(agent)
		l.body = payment("own")
	},
	"sign-transaction": func(s *stage, who actor, l *lead) {
		l.body = payment("own")
		if who.email != "" || who.id == s.ada.id {
			s.signs(s.worker.id)
			return
		}
		l.target = strings.Replace(l.target, s.worker.id, who.id, 1)
		s.signsWithVault(who, strings.TrimSuffix(l.target, "/sign"))
		l.body["signing_key_path"] = "keys/own-signer"
	},
	"enable-cmek": func(s *stage, _ actor, l *lead) {
		l.target = "/v1/vaults/" + s.ada.vaultNamed("open"+s.unique()) + "/cmek"
	},
	"disable-cmek": func(s *stage, _ actor, l *lead) { l.target = "/v1/vaults/" + sealed(s) + "/cmek" },
	"rotate-cmek": func(s *stage, _ actor, l *lead) {
		old, next := newClientKey('a'), newClientKey('b')
		l.target, l.body = "/v1/vaults/"+sealed(s)+"/cmek-rotate", object{"new_fingerprint": next.fingerprint()}
		l.change = []func(*http.Request){header("x-cmek-old-key", old.base64()), header("X-CMEK-New-Key", next.base64())}
	},
}

// ofBinding is about a binding of its own.
func ofBinding(s *stage, who actor, l *lead) {
	body := s.goodBodies()["create-agent-binding"]
	body["name"] = "old" + s.unique()
	id := s.do("POST", "/v1/agents/"+s.worker.id+"/bindings", s.ada.token, body).want(201).str("id")
	l.target = strings.Replace(l.target, s.ids()["binding_id"], id, 1)
}

// ofNewAgent is about an agent without a key.
func ofNewAgent(s *stage, _ actor, l *lead) {
	l.target = strings.Replace(l.target, s.worker.id, s.ada.agent(object{"name": "signer" + s.unique()}).id, 1)
}

// ofSigner is about an agent with a key.
func ofSigner(s *stage, who actor, l *lead) {
	ofNewAgent(s, who, l)
	at, _, _ := strings.Cut(l.target, "/ethereum")
	s.do("POST", at, s.ada.token, object{"chain": "ethereum"}).want(201)
}

func waitingDevice(s *stage, _ actor, l *lead) { l.body = object{"user_code": s.device().shown} }

// enrolled has an enrolment wait for whoever is asked: one in ten minutes.
func enrolled(s *stage, who actor, l *lead) {
	if who.email == "" {
		return
	}
	s.enroll("newcomer", who.email)
	list := s.do("GET", "/v1/agents/enrollments", who.token, nil).want(200).list("enrollments")
	l.target = "/v1/agents/enrollments/" + list[0]["id"].(string) + l.target[strings.LastIndex(l.target, "/"):]
}

// sealed is a vault with a key of the client's.
func sealed(s *stage) string {
	id := s.ada.vaultNamed("sealed" + s.unique())
	s.do("POST", "/v1/vaults/"+id+"/cmek", s.ada.token, object{"fingerprint": newClientKey('a').fingerprint()}).want(200)
	s.ada.put(id, "ts", newClientKey('a').typescript("x"))
	return id
}

func chain(s *stage, _ actor, l *lead) {
	body := object{"name": "chain" + s.unique(), "display_name": "X", "chain_id": 7000 + s.names}
	l.target = "/v1/admin/chains/" + s.do("POST", "/v1/admin/chains", s.boss.token, body).want(201).str("id")
}

// restarted names the one chain that has a node.
func restarted(s *stage, _ actor, l *lead) {
	s.ownChain()
	l.target = "/v1/admin/chains/" + s.do("GET", "/v1/chains/own", "", nil).want(200).str("id") + "/restart"
}

func sharedWith(s *stage, who actor, l *lead) {
	if who.email == "" {
		return
	}
	id := s.ada.shares(s.ada.secretID(s.vault, "a/b"), object{"recipient_type": "user", "recipient_id": who.id}).str("id")
	l.target = "/v1/shares/" + id + l.target[strings.LastIndex(l.target, "/"):]
}

// wantedSecret leads to the answer of a request for a secret, of the caller where it is an agent.
func wantedSecret(verb string) func(s *stage, who actor, l *lead) {
	return func(s *stage, who actor, l *lead) {
		token := s.worker.token
		if verb == "withdraw" {
			token = who.token
		}
		r := s.do("POST", "/v1/secret-requests", token, object{"vault_id": s.vault, "path": "a/wanted" + s.unique(), "reason": "x"})
		if r.status == 201 {
			l.target = "/v1/secret-requests/" + r.str("id") + "/" + verb
		}
	}
}

// ofPasskey leads to a passkey of who asks.
func ofPasskey(s *stage, who actor, l *lead) {
	r := s.do("POST", "/v1/auth/passkeys/begin", who.token, nil)
	if r.status != 200 {
		return
	}
	made := s.do("POST", "/v1/auth/passkeys", who.token, object{
		"token": r.str("token"), "name": "x", "credential": authenticator.New(s.t, kit.PublicURL).Make(r.options()),
	}).want(201)
	l.target = "/v1/auth/passkeys/" + made.str("id")
}
