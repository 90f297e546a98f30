package httpapi_test

import (
	"slices"
	"testing"
	"time"
)

// A list of scopes without a pattern caps no path: to drop the last pattern and keep a
// word lifts the cap as much as an empty list.
func TestAScopeThatIsNoPatternCapsNoPaths(t *testing.T) {
	s := openSession(t)
	bob := s.ada.member("bob", "member")
	s.ada.token = s.ada.login()
	for _, list := range [][]string{{"secret:read", "prod/**"}, {"*", "prod/**"}} {
		bot := bob.agent(object{"name": list[0]})
		at := "/v1/agents/" + bot.id
		s.do("PATCH", at, s.ada.token, object{"scopes": list}).want(200)
		s.do("PATCH", at, bob.token, object{"scopes": list[:1]}).want(403, "set_by_manager")
		k := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k"}).want(201)
		s.do("PATCH", at, k.str("api_key"), object{"scopes": list[:1]}).want(200)
		if got := s.do("DELETE", "/v1/auth/api-keys/"+k.str("key", "id"), s.ada.token, nil).want(204).header.Get("X-Ended"); got != "agents=1" {
			t.Errorf("%v: X-Ended: %q", list, got)
		}
	}
	k := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "worded", "scopes": []string{"**", "api_key:write"}, "expires_at": s.Clock.Now().Add(time.Hour)}).want(201)
	for _, more := range [][]string{{"**"}, {"*"}, {"secret:read"}} {
		s.do("POST", "/v1/auth/api-keys", k.str("api_key"), object{"name": "more", "scopes": more, "expires_at": s.Clock.Now().Add(time.Minute)}).want(403, "beyond_own_key")
	}
}

// What a token that an admin took of another's agent let do more ends when the admin may
// take it no more.
func TestWhatATakenTokenLetDoMoreEndsWithTheRightToTakeIt(t *testing.T) {
	s := openSession(t)
	bob := s.ada.member("bob", "admin")
	s.ada.token = s.ada.login()
	theirs, own := s.ada.agent(object{"name": "ada's"}), bob.agent(object{"name": "bob's"})
	for _, name := range []string{"demoted", "removed"} {
		end := func() { s.do("PATCH", "/v1/org/members/"+bob.id, s.ada.login(), object{"role": "member"}).want(200) }
		if name == "removed" {
			end = func() { s.do("DELETE", "/v1/org/members/"+bob.id, s.ada.login(), nil).want(204) }
		}
		t.Run(name, func(t *testing.T) {
			s.do("PATCH", "/v1/org/members/"+bob.id, s.ada.login(), object{"role": "admin"}).want(200)
			bob.token = bob.login()
			v := s.do("POST", "/v1/vaults", theirs.token, object{"name": name}).want(201).str("id")
			id := s.ada.grant(v, own, "**", nil, "write")
			token := s.do("POST", "/v1/agents/"+theirs.id+"/token", bob.token, nil).want(200).str("token")
			s.do("PUT", "/v1/vaults/"+v+"/policies/"+id, token, object{"permissions": []string{"read", "write"}}).want(200)
			end()
			if l := s.do("GET", "/v1/vaults/"+v+"/policies", s.ada.login(), nil).want(200).list("policies"); len(l) != 0 {
				t.Errorf("left: %v", l)
			}
		})
	}
}

// A removed member reads nothing that was shared with its address.
func TestAShareToAMembersAddressEndsWithTheMembership(t *testing.T) {
	s := openSession(t)
	bob := s.ada.member("bob", "member")
	s.ada.token = s.ada.login()
	var ids []string
	for range 2 {
		ids = append(ids, s.do("POST", "/v1/secrets/"+s.secret+"/share", s.ada.token, object{"recipient_type": "external_email", "recipient_email": bob.email}).want(201).str("id"))
	}
	s.do("GET", "/v1/share/"+ids[0], bob.token, nil).want(200)
	if got := s.do("DELETE", "/v1/org/members/"+bob.id, s.ada.login(), nil).want(204).header.Get("X-Ended"); got != "shares=2" {
		t.Errorf("X-Ended: %q", got)
	}
	for _, id := range ids {
		if r := s.do("GET", "/v1/share/"+id, bob.login(), nil); r.status == 200 {
			t.Errorf("the share %s goes on", id)
		}
	}
}

// A policy that asks an agent for approvals of deletions keeps it, in the vault that it
// made, from what destroys without one.
func TestAnAgentDestroysNothingThatNeedsAnApproval(t *testing.T) {
	s := openSession(t)
	s.ada.token = s.ada.login()
	bot := s.ada.agent(object{"name": "maker"})
	v := s.do("POST", "/v1/vaults", bot.token, object{"name": "own"}).want(201).str("id")
	(&human{world: s.world, token: bot.token}).put(v, "g/x", "value")
	(&human{world: s.world, token: bot.token}).put(v, "free", "value")
	s.ada.grant(v, bot, "g/*", asks(true), "read", "write", "delete")
	s.do("DELETE", "/v1/vaults/"+v+"/secret-versions/g/x", bot.token, nil).want(403)
	s.do("POST", "/v1/vaults/"+v+"/secret-restore/g/x", bot.token, nil).want(403)
	s.do("DELETE", "/v1/vaults/"+v, bot.token, nil).want(403)
	s.do("DELETE", "/v1/vaults/"+v+"/secret-versions/free", bot.token, nil).want(204)
	s.do("DELETE", "/v1/vaults/"+v, s.ada.token, nil).want(204)
}

// What a policy asks a human for approvals of, a stored login or a key of theirs does not
// destroy round it, nor an admin's.
func TestOnlyAPersonDestroysWhatNeedsAnApproval(t *testing.T) {
	s := openSession(t)
	s.ada.token = s.ada.login()
	cat := s.ada.member("cat", "admin")
	s.ada.put(s.vault, "g/x", "value")
	s.ada.put(s.vault, "g/y", "value")
	s.do("DELETE", "/v1/vaults/"+s.vault+"/secrets/g/y", s.ada.token, nil).want(204)
	for _, h := range []*human{s.ada, cat} {
		s.do("POST", "/v1/vaults/"+s.vault+"/policies", s.ada.token, object{"secret_path_pattern": "g/*", "principal_type": "user", "principal_id": h.id,
			"permissions": []string{"read", "write", "delete"}, "conditions": asks(true)["conditions"]}).want(201)
		key := s.do("POST", "/v1/auth/api-keys", h.login(), object{"name": "k"}).want(201).str("api_key")
		for _, token := range []string{key, h.letIn()} {
			s.do("DELETE", "/v1/vaults/"+s.vault+"/secret-versions/g/x", token, nil).want(403, "person_required")
			s.do("POST", "/v1/vaults/"+s.vault+"/secret-restore/g/y", token, nil).want(403, "person_required")
			s.do("DELETE", "/v1/vaults/"+s.vault, token, nil).want(403, "person_required")
		}
	}
	s.do("POST", "/v1/vaults/"+s.vault+"/secret-restore/g/y", cat.login(), nil).want(200)
	s.do("DELETE", "/v1/vaults/"+s.vault+"/secret-versions/g/x", s.ada.login(), nil).want(204)
	s.do("DELETE", "/v1/vaults/"+s.vault, s.ada.login(), nil).want(204)
}

// A key revokes itself and the keys that it made, and no flood of those hides the login.
func TestAKeyNeitherEndsNorHidesItsOwnersLogins(t *testing.T) {
	s := openSession(t)
	s.ada.token = s.ada.login()
	day := func(token string) reply {
		return s.do("POST", "/v1/auth/api-keys", token, object{"name": "k", "expires_at": s.Clock.Now().Add(time.Hour)}).want(201)
	}
	stolen, others := day(s.ada.token), day(s.ada.token).str("key", "id")
	for _, at := range []string{"/v1/auth/api-keys/", "/v1/auth/sessions/"} {
		s.do("DELETE", at+others, stolen.str("api_key"), nil).want(403, "person_required")
	}
	made := ""
	for range 201 {
		made = day(stolen.str("api_key")).str("key", "id")
	}
	s.do("DELETE", "/v1/auth/api-keys/"+made, stolen.str("api_key"), nil).want(204)
	mine := s.sessionOf(s.ada.token)
	if l := s.do("GET", "/v1/auth/sessions", s.ada.token, nil).want(200).list("sessions"); !slices.ContainsFunc(l, func(o object) bool { return o["id"] == mine }) {
		t.Errorf("the login is not among %d", len(l))
	}
	s.do("DELETE", "/v1/auth/api-keys/"+stolen.str("key", "id"), stolen.str("api_key"), nil).want(204)
}

// An invitation that a stolen key prolonged ends with it, and an address that it let in
// is named.
func TestWhatAStolenKeyProlongedOrLetInIsEndedOrNamed(t *testing.T) {
	s := openSession(t)
	s.ada.token = s.ada.login()
	s.do("POST", "/v1/org/invite", s.ada.token, object{"email": "late@example.com", "role": "member"}).want(200)
	id := s.do("GET", "/v1/org/invitations", s.ada.token, nil).want(200).list("invitations")[0]["id"].(string)
	s.Clock.Forward(2 * time.Minute)
	s.ada.token = s.ada.login()
	k := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k"}).want(201)
	s.do("POST", "/v1/org/invitations/"+id+"/resend", k.str("api_key"), nil).want(200)
	s.do("POST", "/v1/security/ip-rules", k.str("api_key"), object{"rule_type": "allow", "cidr": "0.0.0.0/0"}).want(201)
	r := s.do("DELETE", "/v1/auth/api-keys/"+k.str("key", "id"), s.ada.token, nil).want(204)
	if ended, stays := r.header.Get("X-Ended"), r.header.Get("X-Stays"); ended != "invitations=1" || stays != "ip_rules=1" {
		t.Errorf("X-Ended: %q, X-Stays: %q", ended, stays)
	}
	if l := s.do("GET", "/v1/org/invitations", s.ada.token, nil).want(200).list("invitations"); len(l) != 0 {
		t.Errorf("invitations: %v", l)
	}
}

// A credential with an end gives no agent a key without one, nor starts it.
func TestAShortCredentialLetsNoAgentGoOn(t *testing.T) {
	s := openSession(t)
	s.ada.token = s.ada.login()
	bot := s.ada.agent(object{"name": "lasting"})
	short := s.ada.agent(object{"name": "short", "expires_at": s.Clock.Now().Add(time.Minute)})
	k := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k", "expires_at": s.Clock.Now().Add(time.Hour)}).want(201).str("api_key")
	s.do("POST", "/v1/agents/"+bot.id+"/rotate-key", k, nil).want(403, "person_required")
	s.do("POST", "/v1/agents/"+short.id+"/rotate-key", k, nil).want(200)
	s.do("DELETE", "/v1/agents/"+bot.id, k, nil).want(204) // to stop one is always possible
	s.do("PATCH", "/v1/agents/"+bot.id, k, object{"is_active": true}).want(403, "person_required")
	s.do("PATCH", "/v1/agents/"+bot.id, s.ada.token, object{"is_active": true}).want(200)
	endless := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "endless"}).want(201).str("api_key")
	s.do("POST", "/v1/agents/"+bot.id+"/rotate-key", endless, nil).want(200)
}
