package httpapi_test

import (
	"strings"
	"testing"
)

// Whom a stolen key invited is not let in any more; who came in by its invitation is
// named, for an owner to look at.
func TestAMemberInvitedByAStolenKeyIsNamed(t *testing.T) {
	s := openSession(t)
	k := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "stolen"}).want(201)
	thief, one := &human{world: s.world, token: k.str("api_key")}, "/v1/auth/api-keys/"+k.str("key", "id")
	bob := thief.member("bob", "member")
	carl := s.signup("carl")
	s.do("POST", "/v1/org/invite", thief.token, object{"email": carl.email, "role": "member"}).want(200)
	s.do("POST", "/v1/org/invitations/accept", carl.token, object{"token": s.invitation(carl.email)}).want(200)
	s.do("POST", "/v1/org/invite", thief.token, object{"email": "dan@example.com", "role": "member"}).want(200)
	s.ada.member("eve", "member")

	names := map[any]string{}
	for _, o := range s.do("GET", one+"/made", s.ada.token, nil).want(200).list("made") {
		names[o["name"]] = o["kind"].(string)
	}
	if len(names) != 3 || names[bob.email] != "member" || names[carl.email] != "member" || names["dan@example.com"] != "invitation" {
		t.Errorf("made: %v", names)
	}
	r := s.do("DELETE", one, s.ada.token, nil).want(204)
	if got := r.header.Get("X-Ended"); got != "invitations=1" {
		t.Errorf("X-Ended: %q", got)
	}
	if got := r.header.Get("X-Stays"); got != "members=2" {
		t.Errorf("X-Stays: %q", got)
	}
	ev := s.do("GET", "/v1/audit/events?action=api_key.delete&limit=1", s.ada.token, nil).want(200).list("events")[0]
	if got, _ := ev["details"].(object)["stays"].(string); !strings.HasPrefix(got, "members=2 user:") || !strings.Contains(got, "user:"+bob.id) || !strings.Contains(got, "user:"+carl.id) {
		t.Errorf("the event says %q", got)
	}
	s.do("POST", "/v1/auth/signup", "", object{"email": "dan@example.com", "password": password, "invite_token": s.invitation("dan@example.com")}).want(400)
}
