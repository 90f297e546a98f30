package httpapi_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// A member that was removed and is invited again decides about nothing that it made
// before, and reads nothing that was given to it then.
func TestAReinvitedMemberHasNoneOfItsEarlierRights(t *testing.T) {
	s := openSession(t, rest.OneByOne)
	bob := s.ada.member("bob", "member")
	made := bob.vaultNamed("bobs")
	bob.put(made, "gated/one", "the value")
	robot := bob.agent(nil)
	bob.grant(made, s.worker, "gated/*", asks(true), "read")
	bob.grant(made, robot, "open/two", nil, "read")
	bob.put(made, "open/one", "the value")
	bob.put(made, "open/two", "the other")

	s.ada.put(s.vault, "given", "the gift")
	given := s.ada.shares(s.ada.secretID(s.vault, "given"), object{"recipient_type": "user", "recipient_id": bob.id}).str("id")
	s.do("POST", "/v1/shares/"+given+"/accept", bob.token, nil).want(204)
	s.do("GET", "/v1/share/"+given, bob.token, nil).want(200)
	link := s.do("POST", "/v1/shares", bob.token, object{"vault_id": made, "secret_path": "open/one"}).want(201).str("id")
	robots := s.do("POST", "/v1/shares", robot.token, object{"vault_id": made, "secret_path": "open/two"}).want(201).str("id")
	s.do("GET", "/v1/share/"+link, "", nil).want(200)

	s.do("DELETE", "/v1/org/members/"+bob.id, s.ada.token, nil).want(204)
	asked := s.do("GET", secretAt(made, "gated/one"), s.worker.token, nil).want(403, "approval_required").str("approval_request_id")
	bob.token = bob.login()
	bob.joins(s.ada, "member")
	s.Clock.Forward(time.Second)

	s.do("GET", "/v1/approvals/"+asked, bob.token, nil).want(404)
	s.do("POST", "/v1/approvals/"+asked+"/approve", bob.token, nil).want(404)
	if l := s.do("GET", "/v1/approvals", bob.token, nil).want(200).list("approvals"); len(l) != 0 {
		t.Errorf("it sees requests: %v", l)
	}
	s.do("GET", "/v1/share/"+given, bob.token, nil).want(404)
	if l := s.do("GET", "/v1/shares/inbound", bob.token, nil).want(200).list("shares"); len(l) != 0 {
		t.Errorf("it was given %v", l)
	}
	if l := s.do("GET", "/v1/shares/outbound", bob.token, nil).want(200).list("shares"); len(l) != 0 {
		t.Errorf("it has shared %v", l)
	}
	s.do("GET", "/v1/shares/"+robots, bob.token, nil).want(403)
	// A right that is given anew does not wake what was made under an old one.
	s.do("POST", "/v1/vaults/"+made+"/policies", s.ada.token,
		object{"secret_path_pattern": "**", "principal_type": "user", "principal_id": bob.id, "permissions": []string{"read"}}).want(201)
	s.do("GET", secretAt(made, "gated/one"), bob.token, nil).want(200)
	s.do("GET", "/v1/share/"+link, "", nil).want(404)
	// Those who manage the vault decide.
	s.do("POST", "/v1/approvals/"+asked+"/approve", s.ada.token, nil).want(200)
	s.do("GET", secretAt(made, "gated/one"), s.worker.token, nil).want(200)
}

// A device that somebody let in before it was removed stays out when it comes back.
func TestADeviceLetInBeforeAMembershipStaysOut(t *testing.T) {
	w := open(t)
	ada, bob := w.signup("ada"), w.signup("bob")
	ada.joins(bob, "member")
	letIn := func() *device {
		d := w.device()
		w.do("POST", "/v1/auth/device/approve", ada.token, object{"user_code": d.shown}).want(200)
		return d
	}
	d, elsewhere := letIn(), (*device)(nil)
	w.do("DELETE", "/v1/org/members/"+ada.id, bob.login(), nil).want(204)
	w.Clock.Forward(10 * time.Second)
	bob.token, ada.token = bob.login(), ada.login()
	elsewhere = letIn() // in another organisation
	ada.joins(bob, "member")
	d.refused(d.poll(), "access_denied")
	elsewhere.poll().want(200)
	again := letIn()
	again.poll().want(200)
}
