package httpapi_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// personal is a request that takes a person.
type personal struct {
	action       policy.Action
	method, path string
	body         object
	only         bool // the action takes a person only when it is done like this
}

func (p *personal) sent() any {
	if p.body == nil {
		return nil
	}
	return p.body
}

// personals are all of them. ada owns the organisation and the worker, bob is a member, cat an admin.
func personals(bob, cat *human, worker string) map[string]personal {
	mfa, org := "/v1/auth/mfa", "/v1/org/members/"
	const bnb = "/v1/admin/chains/c4a10000-0000-4000-8000-000000000008" // it is there from the start
	return map[string]personal{
		"set up a second factor":   {action: policy.EnableMFA, method: "POST", path: mfa + "/setup"},
		"turn a second factor on":  {action: policy.EnableMFA, method: "POST", path: mfa + "/verify-setup", body: object{"code": "123456"}},
		"turn a second factor off": {action: policy.DisableMFA, method: "DELETE", path: mfa, body: object{"code": "123456"}},
		"ask for a passkey":        {action: policy.AddPasskey, method: "POST", path: "/v1/auth/passkeys/begin"},
		"add a passkey":            {action: policy.AddPasskey, method: "POST", path: "/v1/auth/passkeys", body: object{"token": "pkc_x", "name": "x", "credential": object{}}},
		"remove a passkey":         {action: policy.RemovePasskey, method: "DELETE", path: "/v1/auth/passkeys/" + nobodysID},
		"let a device in":          {action: policy.ApproveDevice, method: "POST", path: "/v1/auth/device/approve", body: object{"user_code": "BCDF-GHJK"}},
		"refuse a device":          {action: policy.DenyDevice, method: "POST", path: "/v1/auth/device/deny", body: object{"user_code": "BCDF-GHJK"}},
		"delete the account":       {action: policy.DeleteUser, method: "DELETE", path: "/v1/auth/me", body: object{"confirmation": "no"}},
		"delete another account":   {action: policy.DeleteAnyUser, method: "DELETE", path: "/v1/admin/users/" + nobodysID},
		"accept an invitation":     {action: policy.AcceptInvitation, method: "POST", path: "/v1/org/invitations/accept", body: object{"token": "x"}},
		"approve a use":            {action: policy.GrantApproval, method: "POST", path: "/v1/approvals/" + nobodysID + "/approve"},
		"deny a use":               {action: policy.DenyApproval, method: "POST", path: "/v1/approvals/" + nobodysID + "/deny"},
		"decide on a use":          {action: policy.GrantApproval, method: "POST", path: "/v1/approvals/" + nobodysID + "/decide", body: object{"decision": "approved"}},
		"read a flagged text":      {action: policy.ReadFlagged, method: "GET", path: "/v1/shroud/activity/" + nobodysID + "/text"},
		"unfreeze all agents":      {action: policy.UnfreezeOrg, method: "POST", path: "/v1/org/unfreeze"},
		"unfreeze an agent":        {action: policy.UnfreezeAgent, method: "POST", path: "/v1/agents/" + worker + "/unfreeze"},
		"stop using a signing key": {action: policy.DeleteSigningKey, method: "DELETE", path: "/v1/agents/" + worker + "/signing-keys/ethereum"},

		"promote to admin":     {action: policy.UpdateMember, method: "PATCH", path: org + bob.id, body: object{"role": "admin"}, only: true},
		"promote to owner":     {action: policy.UpdateMember, method: "PATCH", path: org + bob.id, body: object{"role": "owner"}, only: true},
		"demote an admin":      {action: policy.UpdateMember, method: "PATCH", path: org + cat.id, body: object{"role": "member"}, only: true},
		"remove an admin":      {action: policy.RemoveMember, method: "DELETE", path: org + cat.id, only: true},
		"invite an admin":      {action: policy.InviteMember, method: "POST", path: "/v1/org/invite", body: object{"email": "x@example.com", "role": "admin"}, only: true},
		"invite an owner":      {action: policy.InviteMember, method: "POST", path: "/v1/org/invite", body: object{"email": "y@example.com", "role": "owner"}, only: true},
		"an endless key":       {action: policy.CreateAPIKey, method: "POST", path: "/v1/auth/api-keys", body: object{"name": "k"}, only: true},
		"start a chain anew":   {action: policy.RestartChain, method: "POST", path: bnb + "/restart"},
		"add a chain":          {action: policy.ManageChains, method: "POST", path: "/v1/admin/chains", body: object{"name": "x", "display_name": "X", "chain_id": 7}, only: true},
		"a chain's node":       {action: policy.ManageChains, method: "PUT", path: bnb, body: object{"rpc_url": "https://rpc.example.com"}, only: true},
		"a chain's number":     {action: policy.ManageChains, method: "PUT", path: bnb, body: object{"chain_id": 7777}, only: true},
		"a chain's name":       {action: policy.ManageChains, method: "PUT", path: bnb, body: object{"name": "y"}, only: true},
		"whether it is a test": {action: policy.ManageChains, method: "PUT", path: bnb, body: object{"is_testnet": true}, only: true},
		"where payments go":    {action: policy.UpdateSettings, method: "PUT", path: "/v1/admin/x402", body: object{"pay_to": "0x" + strings.Repeat("ab", 20)}, only: true},
		"who confirms them":    {action: policy.UpdateSettings, method: "PUT", path: "/v1/admin/settings/x402.facilitator_url", body: object{"value": "https://facilitator.example.com"}, only: true},
		"a key for ten years":  {action: policy.CreateAPIKey, method: "POST", path: "/v1/auth/api-keys", body: object{"name": "k", "expires_at": "2036-01-01T00:00:00Z"}, only: true},
	}
}

// letIn logs a device in as h and returns its token.
func (h *human) letIn() string {
	h.t.Helper()
	d := h.device()
	h.do("POST", "/v1/auth/device/approve", h.login(), object{"user_code": d.shown}).want(200)
	return d.poll().str("access_token")
}

func TestWhatTakesAPerson(t *testing.T) {
	s := openSession(t)
	s.Exec(`UPDATE users SET platform_admin = 1 WHERE id = ?`, s.ada.id)
	bob, cat := s.ada.member("bob", "member"), s.ada.member("cat", "admin")
	old := s.ada.login()
	device := s.ada.letIn()
	key := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k"}).want(201).str("api_key")
	s.Clock.Forward(policy.PersonFor)
	exchanged := s.do("POST", "/v1/auth/api-key-token", "", object{"api_key": key}).want(200).str("access_token")
	nobody := map[string]string{
		"a device": device, "an API key": key, "a key's token": exchanged, "an old login": old,
		"the token of another organisation, of an old login": s.do("POST", "/v1/auth/switch-org", old, object{"org_id": s.ada.org}).want(200).str("access_token"),
	}
	for _, token := range nobody {
		s.do("GET", "/v1/auth/me", token, nil).want(200) // it is good otherwise
	}
	declared := map[policy.Action]bool{}
	all := personals(bob, cat, s.worker.id)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := all[name]
		rule, _ := policy.RuleFor(p.action)
		if rule.Person == p.only {
			t.Errorf("%s: the table of actions says person %v", name, rule.Person)
		}
		declared[p.action] = true
		for what, token := range nobody {
			r := s.do(p.method, p.path, token, p.sent())
			r.what = name + " with " + what
			r.want(403, "person_required")
		}
		r := s.do(p.method, p.path, s.worker.exchange(), p.sent())
		r.what = name + " as an agent"
		r.want(403)
	}
	for a, rule := range policy.Rules() {
		if rule.Person && !declared[a] {
			t.Errorf("%s takes a person and is not tried here", a)
		}
	}
}

func TestAPersonWhoHasJustSignedIn(t *testing.T) {
	s := openSession(t)
	s.Exec(`UPDATE users SET platform_admin = 1 WHERE id = ?`, s.ada.id)
	bob, cat := s.ada.member("bob", "member"), s.ada.member("cat", "admin")
	all := personals(bob, cat, s.worker.id)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := all[name]
		s.Clock.Forward(time.Minute)
		token := s.ada.login()
		s.Clock.Forward(policy.PersonFor - time.Second)
		if r := s.do(p.method, p.path, token, p.sent()); r.status == 403 {
			t.Errorf("%s: got %s", name, r.body)
		}
	}
}

// What a program with the stored login of a device can't do to its owner.
func TestAStoredDeviceLoginIsNoPerson(t *testing.T) {
	g := openGated(t, true)
	stored := g.ada.letIn()
	id := g.asked("gated/one")
	g.approve(id, stored).want(403, "person_required")
	g.read("gated/one").want(403, "approval_required")
	g.do("POST", "/v1/auth/api-keys", stored, object{"name": "for ever"}).want(403, "person_required")
	g.do("POST", "/v1/auth/api-keys", stored, object{"name": "longer", "expires_at": g.Clock.Now().Add(25 * time.Hour)}).want(403, "person_required")
	g.do("POST", "/v1/auth/api-keys", stored, object{"name": "shorter", "expires_at": g.Clock.Now().Add(23 * time.Hour)}).want(201)
	g.do("POST", "/v1/auth/mfa/setup", stored, nil).want(403, "person_required")
	g.do("DELETE", "/v1/auth/me", stored, farewell).want(403, "person_required")
	g.do("GET", "/v1/auth/me", stored, nil).want(200)
	g.approve(id, g.ada.login()).want(200)
}

// What a short credential makes ends no later than it does.
func TestWhatAShortCredentialMakesEndsWithIt(t *testing.T) {
	s := openSession(t)
	end := s.Clock.Now().Add(time.Hour).UTC().Truncate(time.Second)
	key := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k", "expires_at": end}).want(201).str("api_key")
	exchanged := s.do("POST", "/v1/auth/api-key-token", "", object{"api_key": key}).want(200).str("access_token")
	until := func(r reply, at ...string) {
		t.Helper()
		got, err := time.Parse(time.RFC3339, r.str(at...))
		if err != nil || !got.Equal(end) {
			t.Errorf("%s ends %v, want %v", r.what, got, end)
		}
	}
	for _, token := range []string{key, exchanged} {
		r := s.do("POST", "/v1/agents", token, object{"name": "short"}).want(201)
		until(r, "agent", "expires_at")
		id := "/v1/agents/" + r.str("agent", "id")
		s.do("PATCH", id, token, object{"expires_at": nil}).want(403, "person_required")
		s.do("PATCH", id, token, object{"expires_at": end.Add(time.Hour)}).want(403, "person_required")
		s.do("PATCH", id, token, object{"name": "shorter"}).want(200)
		s.do("PATCH", id, s.ada.login(), object{"expires_at": nil}).want(200)
		until(s.do("POST", "/v1/secrets/"+s.secret+"/share", token, object{"recipient_type": "anyone_with_link", "expires_at": end.Add(time.Hour)}).want(201), "expires_at")
		lent := s.do("POST", "/v1/agents/"+s.worker.id+"/token", token, nil).want(200).str("token")
		until(s.do("POST", "/v1/secrets/"+s.secret+"/share", lent, object{"recipient_type": "anyone_with_link", "expires_at": end.Add(time.Hour)}).want(201), "expires_at")
		s.do("DELETE", "/v1/auth/token", s.ada.login(), nil).want(204) // what is cached is looked up again
		until(s.do("POST", "/v1/secrets/"+s.secret+"/share", lent, object{"recipient_type": "anyone_with_link", "expires_at": end.Add(time.Hour)}).want(201), "expires_at")
		s.do("POST", "/v1/auth/api-keys", token, object{"name": "k2", "expires_at": end.Add(time.Second)}).want(403, "person_required")
	}
	all := "/v1/vaults/" + s.vault + "/policies"
	grant := func(path string, ends any) object {
		return object{"secret_path_pattern": path, "principal_type": "agent", "principal_id": s.worker.id, "permissions": []string{"read"}, "expires_at": ends}
	}
	lasting := all + "/" + s.do("POST", all, s.ada.login(), grant("lasting", nil)).want(201).str("id")
	for i, token := range []string{key, exchanged} {
		until(s.do("POST", all, token, grant(fmt.Sprint("never/", i), nil)).want(201), "expires_at")
		r := s.do("POST", all, token, grant(fmt.Sprint("later/", i), end.Add(time.Hour))).want(201)
		until(r, "expires_at")
		mine := all + "/" + r.str("id")
		s.do("PUT", mine, token, object{"expires_at": nil}).want(403, "person_required")
		s.do("PUT", mine, token, object{"expires_at": end.Add(time.Hour)}).want(403, "person_required")
		s.do("PUT", mine, token, object{"permissions": []string{"read", "write"}}).want(200)
		s.do("PUT", lasting, token, object{"permissions": []string{"read", "write"}}).want(403, "person_required")
		s.do("PUT", lasting, token, object{"permissions": []string{"read"}}).want(200)
		s.do("POST", all, token, grant(fmt.Sprint("sooner/", i), end.Add(-time.Minute))).want(201)
	}
	hook := object{"url": "https://hooks.example.com/x"}
	for _, token := range []string{key, exchanged} {
		s.do("PUT", "/v1/org/approval-webhook", token, hook).want(403, "person_required")
	}
	s.do("PUT", "/v1/org/approval-webhook", s.ada.login(), hook).want(200)
	events := object{"url": "https://hooks.example.com/x", "events": []string{"secret.write"}}
	told := "/v1/webhooks/" + s.do("POST", "/v1/webhooks", s.ada.login(), events).want(201).str("id")
	for _, token := range []string{key, exchanged} {
		s.do("POST", "/v1/webhooks", token, events).want(403, "person_required")
		for _, more := range []object{{"url": "https://hooks.example.com/y"}, {"events": []string{"*"}}, {"is_active": true}} {
			s.do("PATCH", told, token, more).want(403, "person_required")
		}
		// Nobody is asked for a password for what can't be.
		s.do("PATCH", told, token, object{"events": []string{"nothing.*"}}).want(400, "invalid_webhook_events")
		s.do("POST", "/v1/webhooks", token, object{"url": "https://hooks.example.com/x", "events": []string{"nothing.*"}}).want(400, "invalid_webhook_events")
		s.do("PUT", "/v1/org/approval-webhook", token, object{"url": "gopher://x"}).want(400)
		s.do("POST", "/v1/auth/api-keys", token, object{"name": "k", "scopes": []string{"bogus:read"}}).want(400, "invalid_scope")
		s.do("POST", "/v1/security/ip-rules", token, object{"cidr": "here", "rule_type": "deny"}).want(400)
		s.do("PATCH", told, token, object{"is_active": false, "description": "stopped"}).want(200)
	}
	s.do("PATCH", told, s.ada.login(), object{"is_active": true}).want(200)
	const rules = "/v1/security/ip-rules"
	allow := object{"rule_type": "allow", "cidr": "0.0.0.0/0"}
	made := rules + "/" + s.do("POST", rules, s.ada.login(), allow).want(201).str("id")
	for _, token := range []string{key, exchanged} {
		s.do("POST", rules, token, allow).want(403, "person_required")
		s.do("DELETE", made, token, nil).want(403, "person_required")
	}
	s.do("DELETE", made, s.ada.login(), nil).want(204)
	lent := s.do("POST", "/v1/agents/"+s.worker.id+"/token", key, nil).want(200).str("token")
	own := s.do("POST", "/v1/vaults", lent, object{"name": "the agent's"}).want(201).str("id")
	until(s.do("POST", "/v1/vaults/"+own+"/policies", lent, grant("x", nil)).want(201), "expires_at")
	if r := s.do("POST", "/v1/vaults/"+own+"/policies", s.worker.token, grant("y", nil)).want(201); r.json()["expires_at"] != nil {
		t.Errorf("the agent's own policy ends: %s", r.body)
	}
	if r := s.do("POST", all, s.ada.login(), grant("z", nil)).want(201); r.json()["expires_at"] != nil {
		t.Errorf("a person's policy ends: %s", r.body)
	}
	if r := s.do("POST", "/v1/agents", s.ada.login(), object{"name": "lasting"}).want(201); r.json()["agent"].(object)["expires_at"] != nil {
		t.Errorf("a person's agent ends: %s", r.body)
	}
}
