package httpapi_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
)

// Section 10 of the contract, and what stands beside it.

func TestMembersAreListedToAllWhoBelong(t *testing.T) {
	s := openSession(t)
	s.Clock.Forward(time.Second)
	bob := s.ada.member("bob", "")
	robot := bob.agent(nil)
	for who, token := range map[string]string{"an owner": s.ada.token, "a member": bob.token, "an agent": robot.token} {
		l := s.do("GET", "/v1/org/members", token, nil).want(200).list("members")
		if len(l) != 2 || l[0]["email"] != s.ada.email || l[0]["role"] != "owner" || l[1]["email"] != bob.email || l[1]["role"] != "member" {
			t.Errorf("%s sees %v", who, l)
		}
		for _, m := range l {
			fields(t, "a member", m, "id", "email", "display_name", "role", "auth_method", "created_at")
		}
	}
}

func TestAnInvitationIsMailedAndAcceptedOnce(t *testing.T) {
	w := open(t, noSignup)
	ada := w.firstOwner()
	r := w.do("POST", "/v1/org/invite", ada.token, object{"email": " Bob@Example.com ", "role": "admin"}).want(200)
	if o := fields(t, "the answer", r.json(), "message", "email"); o["email"] != "bob@example.com" {
		t.Errorf("got %v", o)
	}
	w.do("POST", "/v1/org/invite", ada.token, object{"email": "BOB@example.com"}).want(409, "already_invited")
	w.do("POST", "/v1/org/invite", ada.token, object{"email": ada.email}).want(409, "already_member")
	w.do("POST", "/v1/org/invite", ada.token, object{"email": "no address"}).want(400, "invalid_email")
	w.do("POST", "/v1/org/invite", ada.token, object{"email": "x@example.com\r\nBcc: y@example.com"}).want(400, "invalid_email")
	w.do("POST", "/v1/org/invite", ada.token, object{"email": "zoe@example.com", "role": "king"}).want(400, "invalid_role")
	pending := w.do("GET", "/v1/org/invitations", ada.token, nil).want(200).list("invitations")
	if len(pending) != 1 || pending[0]["role"] != "admin" || pending[0]["is_expired"] != false {
		t.Fatalf("pending: %v", pending)
	}
	fields(t, "an invitation", pending[0], "id", "email", "role", "invited_by", "created_at", "expires_at", "is_expired")
	token := w.invitation("bob@example.com")
	signup := func(email, token string) reply {
		return w.do("POST", "/v1/auth/signup", "", object{"email": email, "password": password, "invite_token": token})
	}
	w.do("POST", "/v1/auth/signup", "", object{"email": "bob@example.com", "password": password}).want(403, "signup_closed")
	signup("bob@example.com", "x").want(400, "invalid_token")
	signup("eve@example.com", token).want(403, "other_address")
	// The mail that was sent again makes the old one worthless.
	again := "/v1/org/invitations/" + pending[0]["id"].(string) + "/resend"
	w.do("POST", again, ada.token, nil).want(200)
	signup("bob@example.com", token).want(400, "invalid_token")
	token = w.invitation("bob@example.com")
	me := w.do("GET", "/v1/auth/me", signup("bob@example.com", token).want(200).str("access_token"), nil).want(200).json()
	if me["role"] != "admin" || me["org_id"] != ada.org || me["email_verified"] != true {
		t.Errorf("the new member is %v", me)
	}
	signup("bob@example.com", token).want(400, "invalid_token")
	w.do("POST", again, ada.token, nil).want(404)
	w.do("POST", "/v1/auth/token", "", object{"email": "bob@example.com", "password": password}).want(200)
}

func TestInvitationsEnd(t *testing.T) {
	s := openSession(t)
	bob := s.signup("bob")
	accept := func(token string) reply {
		return s.do("POST", "/v1/org/invitations/accept", bob.token, object{"token": token})
	}
	invite := func() (id, token string) {
		t.Helper()
		s.do("POST", "/v1/org/invite", s.ada.token, object{"email": bob.email}).want(200)
		l := s.do("GET", "/v1/org/invitations", s.ada.token, nil).want(200).list("invitations")
		return l[len(l)-1]["id"].(string), s.invitation(bob.email)
	}
	id, token := invite()
	s.do("DELETE", "/v1/org/invitations/"+id, s.ada.token, nil).want(204)
	s.do("DELETE", "/v1/org/invitations/"+id, s.ada.token, nil).want(404)
	accept(token).want(400, "invalid_token")

	_, token = invite()
	s.Clock.Forward(7*24*time.Hour + time.Second)
	s.ada.token, bob.token = s.ada.login(), bob.login()
	accept(token).want(400, "invalid_token")
	_, token = invite() // the old one is in nobody's way

	// An invitation is worth what its sender's role is worth.
	eve := s.ada.member("eve", "admin")
	s.do("POST", "/v1/org/invite", eve.token, object{"email": "zoe@example.com", "role": "admin"}).want(200)
	s.do("PATCH", "/v1/org/members/"+eve.id, s.ada.token, object{"role": "member"}).want(200)
	s.do("POST", "/v1/auth/signup", "", object{"email": "zoe@example.com", "password": password, "invite_token": s.invitation("zoe@example.com")}).want(400, "invalid_token")

	s.do("POST", "/v1/org/invitations/accept", s.signup("mallory").token, object{"token": token}).want(403, "other_address")
	s.do("POST", "/v1/org/invitations/accept", s.worker.key, object{"token": token}).want(403)
	key := s.do("POST", "/v1/auth/api-keys", bob.token, object{"name": "k"}).want(201).str("api_key")
	s.do("POST", "/v1/org/invitations/accept", key, object{"token": token}).want(403, "person_required")

	var mu sync.Mutex
	won := 0
	var all sync.WaitGroup
	for range 16 {
		r, _ := request(t, "POST", "/v1/org/invitations/accept", bob.token, object{"token": token})
		all.Go(func() {
			got := s.serve(r)
			mu.Lock()
			defer mu.Unlock()
			if got.status == 200 {
				won++
			} else if got.status != 400 {
				t.Errorf("got %d %s", got.status, got.body)
			}
		})
	}
	all.Wait()
	if won != 1 {
		t.Errorf("%d accepted", won)
	}
}

// Whether an address has an account elsewhere can't be told by inviting it.
func TestAnInvitationDoesNotTellWhoHasAnAccount(t *testing.T) {
	s := openSession(t)
	s.signup("bob")
	var got [2]reply
	for i, email := range []string{"bob@example.com", "nob@example.com"} {
		got[i] = s.do("POST", "/v1/org/invite", s.ada.token, object{"email": email}).want(200)
		got[i].body = []byte(strings.ReplaceAll(string(got[i].body), email, "X"))
	}
	if string(got[0].body) != string(got[1].body) {
		t.Errorf("%s\n%s", got[0].body, got[1].body)
	}
}

func TestAnAccountThatThereIsJoinsThroughTheInvitation(t *testing.T) {
	s := openSession(t)
	bob := s.signup("bob")
	s.Clock.Forward(time.Second)
	s.do("POST", "/v1/org/invite", s.ada.token, object{"email": bob.email}).want(200)
	r := s.do("POST", "/v1/auth/signup", "", object{"email": bob.email, "password": password, "invite_token": s.invitation(bob.email)}).want(200)
	fields(t, "the answer", r.json(), "message", "email") // no token: there is a second factor, perhaps
	if me := s.do("GET", "/v1/auth/me", bob.login(), nil).want(200).json(); me["org_id"] != bob.org {
		t.Errorf("logs in to %v, home is %s", me["org_id"], bob.org)
	}
	l := s.do("GET", "/v1/auth/orgs", bob.token, nil).want(200).list("orgs")
	if len(l) != 2 || l[0]["is_current"] != true || l[1]["id"] != s.ada.org || l[1]["role"] != "member" {
		t.Errorf("belongs to %v", l)
	}
	fields(t, "an organisation", l[0], "id", "name", "role", "is_current", "joined_at")
	there := s.do("POST", "/v1/auth/switch-org", bob.token, object{"org_id": s.ada.org}).want(200)
	fields(t, "a token", there.json(), "access_token", "token_type", "expires_in")
	if c := claims(there.str("access_token")); c["org"] != s.ada.org {
		t.Errorf("the token is for %v", c["org"])
	}
	if me := s.do("GET", "/v1/auth/me", there.str("access_token"), nil).want(200).json(); me["org_id"] != s.ada.org || me["role"] != "member" {
		t.Errorf("is %v", me)
	}
	if me := s.do("GET", "/v1/auth/me", bob.login(), nil).want(200).json(); me["org_id"] != s.ada.org {
		t.Error("the last organisation is not the next login's")
	}
	key := s.do("POST", "/v1/auth/api-keys", bob.token, object{"name": "k"}).want(201).str("api_key")
	s.do("POST", "/v1/auth/switch-org", key, object{"org_id": s.ada.org}).want(403, "not_with_a_key")
	s.do("GET", "/v1/auth/orgs", key, nil).want(403, "not_with_a_key")
	s.do("POST", "/v1/auth/switch-org", s.worker.token, object{"org_id": s.ada.org}).want(403)
	mine := s.do("POST", "/v1/auth/switch-org", s.ada.token, object{"org_id": bob.org}).want(404, "org_not_found")
	none := s.do("POST", "/v1/auth/switch-org", s.ada.token, object{"org_id": nobodysID}).want(404)
	if string(mine.body) != string(none.body) {
		t.Errorf("%s %s", mine.body, none.body)
	}
}

// Whoever made an account with another's address must not get into the
// organisation that invites that address, by its owner following the link.
func TestAnInvitationGivesNothingToWhoMadeTheAccountBefore(t *testing.T) {
	s := openSession(t)
	squatting := s.signup("bob") // by somebody else, with a password that Bob does not know
	s.do("POST", "/v1/org/invite", s.ada.token, object{"email": "bob@example.com", "role": "admin"}).want(200)
	invitation := s.invitation("bob@example.com")
	join := func(password string) reply {
		return s.do("POST", "/v1/auth/signup", "", object{"email": "bob@example.com", "password": password, "invite_token": invitation})
	}
	for range 5 {
		join(nextPassword).want(403, "account_not_confirmed")
	}
	join(nextPassword).want(429, "too_many_attempts") // it takes no more attempts at a password than a login
	squatter := s.do("POST", "/v1/auth/token", "", object{"email": "bob@example.com", "password": password}, from("192.0.2.77:1")).want(200).str("access_token")
	if l := s.do("GET", "/v1/auth/orgs", squatter, nil).want(200).list("orgs"); len(l) != 1 {
		t.Fatalf("the squatter is in %v", l)
	}
	key := s.do("POST", "/v1/auth/api-keys", squatter, object{"name": "k"}).want(201).str("api_key")
	squatting.token = squatter
	_, theirs := squatting.passkey("phone")
	squatting.secondFactor()
	// The mail that sets a new password shows whose the account is.
	s.do("POST", "/v1/auth/forgot-password", "", object{"email": "bob@example.com"}).want(200)
	s.Accounts.Wait()
	s.do("POST", "/v1/auth/reset-password", "", object{"token": s.reset("bob@example.com"), "new_password": nextPassword}).want(204)
	join("").want(200)
	s.do("GET", "/v1/auth/me", squatter, nil).want(401)
	s.do("GET", "/v1/auth/me", key, nil).want(401)
	s.enter(theirs).want(401)
	s.do("POST", "/v1/auth/token", "", object{"email": "bob@example.com", "password": password}, from("192.0.2.78:1")).want(401)
	bob := s.do("POST", "/v1/auth/token", "", object{"email": "bob@example.com", "password": nextPassword}).want(200).str("access_token")
	if l := s.do("GET", "/v1/auth/orgs", bob, nil).want(200).list("orgs"); len(l) != 2 {
		t.Errorf("Bob is in %v", l)
	}
}

// What somebody does who is in no organisation any more is in the server's log: no
// log is nobody's.
func TestANewPasswordOfWhoIsInNoOrganisationIsInTheLog(t *testing.T) {
	w := open(t, noSignup)
	ada := w.firstOwner()
	bob := ada.member("bob", "member")
	w.do("POST", "/v1/auth/forgot-password", "", object{"email": bob.email}).want(200)
	w.Accounts.Wait()
	w.do("DELETE", "/v1/org/members/"+bob.id, ada.token, nil).want(204)
	left := w.during(func() {
		w.do("POST", "/v1/auth/reset-password", "", object{"token": w.reset(bob.email), "new_password": nextPassword}).want(204)
	})
	if len(left) != 1 || left[0].org != audit.SystemOrg || left[0].action != "auth.reset_password" || left[0].actor != bob.id {
		t.Errorf("the log has %+v", left)
	}
}

// There are no refresh tokens: a login that switches does not live longer for it.
func TestATokenOfASwitchEndsWithTheLogin(t *testing.T) {
	s := openSession(t)
	token := s.ada.login()
	for range 3 {
		s.Clock.Forward(4 * time.Minute)
		token = s.do("POST", "/v1/auth/switch-org", token, object{"org_id": s.ada.org}).want(200).str("access_token")
	}
	s.Clock.Forward(4 * time.Minute)
	s.do("GET", "/v1/auth/me", token, nil).want(401)
	s.do("POST", "/v1/auth/switch-org", token, object{"org_id": s.ada.org}).want(401)
}

func TestRolesAreChangedByThoseWhoMay(t *testing.T) {
	s := openSession(t)
	bob, eve, mia := s.ada.member("bob", "admin"), s.ada.member("eve", "admin"), s.ada.member("mia", "member")
	to := func(by *human, whom, role string) reply {
		return s.do("PATCH", "/v1/org/members/"+whom, by.token, object{"role": role})
	}
	o := fields(t, "a member", to(s.ada, mia.id, "admin").want(200).json(), "id", "email", "display_name", "role", "auth_method", "created_at")
	if o["role"] != "admin" || o["id"] != mia.id {
		t.Errorf("got %v", o)
	}
	to(bob, mia.id, "member").want(200)
	to(bob, mia.id, "king").want(400, "invalid_role")
	to(bob, mia.id, "owner").want(403, "owners_only")
	to(bob, s.ada.id, "member").want(403, "owners_only")
	to(bob, bob.id, "member").want(403, "not_yourself")
	to(s.ada, s.ada.id, "member").want(403, "not_yourself")
	to(mia, eve.id, "member").want(403)
	to(s.ada, nobodysID, "member").want(404)
	s.do("POST", "/v1/org/invite", bob.token, object{"email": "zoe@example.com", "role": "owner"}).want(403, "owners_only")
	s.do("DELETE", "/v1/org/members/"+s.ada.id, bob.token, nil).want(403, "owners_only")
	s.do("DELETE", "/v1/org/members/"+bob.id, bob.token, nil).want(403, "not_yourself")
	s.do("DELETE", "/v1/org/members/"+s.ada.id, s.ada.token, nil).want(403, "not_yourself")
	s.do("DELETE", "/v1/org/members/"+bob.id, s.worker.token, nil).want(403)
	// A demotion bites at once.
	to(s.ada, bob.id, "member").want(200)
	to(bob, mia.id, "admin").want(403)
	to(s.ada, bob.id, "owner").want(200)
	to(bob, s.ada.id, "member").want(200)
	to(s.ada, bob.id, "member").want(403)
}

func TestOneOfTwoOwnersWhoDemoteEachOtherStays(t *testing.T) {
	for range 10 {
		s := openSession(t)
		bob := s.ada.member("bob", "owner")
		var got [2]reply
		var all sync.WaitGroup
		for i, r := range [][2]string{{s.ada.token, bob.id}, {bob.token, s.ada.id}} {
			req, _ := request(t, []string{"PATCH", "DELETE"}[i%2], "/v1/org/members/"+r[1], r[0], object{"role": "member"})
			all.Go(func() { got[i] = s.serve(req) })
		}
		all.Wait()
		// The one who came second is no owner any more, or was not let in.
		if won := slices.ContainsFunc(got[:], func(r reply) bool { return r.status < 300 }); !won || got[0].status < 300 && got[1].status < 300 {
			t.Errorf("got %d and %d", got[0].status, got[1].status)
		}
		owners := 0
		s.Each(`SELECT COUNT(*) FROM memberships WHERE org_id = ? AND role = 'owner'`, func(scan func(...any) error) error { return scan(&owners) }, s.ada.org)
		if owners != 1 {
			t.Errorf("%d owners are left", owners)
		}
	}
}

func TestARemovedMemberKeepsNothing(t *testing.T) {
	s := openSession(t)
	bob := s.ada.member("bob", "member")
	made := bob.vaultNamed("bobs")
	bob.put(made, "x", "value")
	robot := bob.agent(nil)
	of := s.do("POST", "/v1/vaults", robot.token, object{"name": "robots"}).want(201).str("id")
	key := s.do("POST", "/v1/auth/api-keys", bob.token, object{"name": "k"}).want(201).str("api_key")
	s.do("POST", "/v1/vaults/"+s.vault+"/policies", s.ada.token,
		object{"secret_path_pattern": "**", "principal_type": "user", "principal_id": bob.id, "permissions": []string{"read"}}).want(201)
	s.do("GET", secretAt(s.vault, "a/b"), bob.token, nil).want(200)

	s.do("DELETE", "/v1/org/members/"+bob.id, s.ada.token, nil).want(204)
	for what, token := range map[string]string{"token": bob.token, "key": key, "agent's token": robot.token, "agent's key": robot.key} {
		r := s.do("GET", "/v1/vaults", token, nil)
		r.what += " with the " + what
		r.want(401)
	}
	s.do("POST", "/v1/auth/api-key-token", "", object{"api_key": key}).want(401)
	s.do("POST", "/v1/auth/agent-token", "", object{"api_key": robot.key}).want(401)
	if l := s.do("GET", "/v1/vaults/"+s.vault+"/policies", s.ada.token, nil).want(200).list("policies"); len(l) != 1 {
		t.Errorf("policies %v", l)
	}
	// Where strangers may sign up, who is nowhere else gets an empty organisation.
	me := s.do("GET", "/v1/auth/me", bob.login(), nil).want(200).json()
	if me["org_id"] == s.ada.org || me["role"] != "owner" {
		t.Errorf("logs in as %v", me)
	}
	// The agent is its remover's now, and works again when that says so.
	s.do("PATCH", "/v1/agents/"+robot.id, s.ada.token, object{"is_active": true}).want(200)
	s.do("GET", "/v1/agents/me", robot.key, nil).want(401) // the person may know it
	fresh := s.do("POST", "/v1/agents/"+robot.id+"/rotate-key", s.ada.token, nil).want(200).str("api_key")
	s.do("GET", "/v1/agents/me", fresh, nil).want(200)
	// Vaults stay, for admins to manage. Coming back brings no old right back.
	s.do("GET", "/v1/vaults/"+made, s.ada.token, nil).want(200)
	bob.token = bob.login()
	bob.joins(s.ada, "member")
	for _, v := range []string{made, of, s.vault} {
		s.do("GET", "/v1/vaults/"+v, bob.token, nil).want(403)
	}
	s.do("GET", secretAt(made, "x"), bob.token, nil).want(403)
	s.do("GET", "/v1/agents/"+robot.id, bob.token, nil).want(404)
	s.do("GET", "/v1/vaults", key, nil).want(401)
}

func TestAMemberRemovedFromHomeLogsInElsewhere(t *testing.T) {
	w := open(t, noSignup)
	ada := w.firstOwner()
	bob := ada.member("bob", "member")
	w.do("DELETE", "/v1/org/members/"+bob.id, ada.token, nil).want(204)
	// Sign-up is closed: there is no organisation for him.
	login := object{"email": bob.email, "password": password}
	w.do("POST", "/v1/auth/token", "", login).want(403, "no_organisation")
	w.do("POST", "/v1/auth/token", "", object{"email": bob.email, "password": "x"}).want(401)
	w.do("POST", "/v1/org/invite", ada.token, object{"email": bob.email}).want(200)
	w.do("POST", "/v1/auth/signup", "", object{"email": bob.email, "password": password, "invite_token": w.invitation(bob.email)}).want(200)
	w.do("POST", "/v1/auth/token", "", login).want(200)
}

func TestInvitationsAreLimited(t *testing.T) {
	w := open(t, defaults)
	ada := w.signup("ada")
	mia := ada.member("mia", "member")
	for i := range 40 {
		w.do("POST", "/v1/org/invite", mia.token, object{"email": "x" + itoa(i) + "@example.com"}).want(403)
	}
	limited := false
	for i := range 40 {
		r := w.do("POST", "/v1/org/invite", ada.token, object{"email": "x" + itoa(i) + "@example.com"})
		if r.status == 429 {
			r.limited()
			limited = true
			break
		}
		r.want(200)
	}
	if !limited {
		t.Error("nothing was limited")
	}
	r := w.do("POST", "/v1/auth/signup", "", object{"email": "bob@example.com", "password": password}, from("198.51.100.1:1")).want(200)
	w.do("POST", "/v1/org/invite", r.str("access_token"), object{"email": "x1@example.com"}).want(200) // another organisation is not
}
