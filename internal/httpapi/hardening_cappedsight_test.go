package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What is refused must not use up what others have: the budget of mails is the
// organisation's.
func TestARefusedInvitationCostsNothing(t *testing.T) {
	w := open(t, defaults)
	ada := w.signup("ada")
	w.Clock.Forward(time.Minute)
	key := func(name string, more object) string {
		more["name"] = name
		return w.do("POST", "/v1/auth/api-keys", ada.token, more).want(201).str("api_key")
	}
	keys := map[string]string{
		"of another area": key("a", object{"scopes": []string{"audit:read"}}), "of a word for nothing here": key("b", object{"scopes": []string{"tx:sign"}}),
		"capped to paths": key("c", object{"scopes": []string{"foo/*"}}),
	}
	for name, k := range keys {
		for i := range 40 {
			w.do("POST", "/v1/org/invite", k, object{"email": fmt.Sprintf("n%d@example.com", i)}).want(403, "access_denied")
		}
		w.in(t).do("POST", "/v1/org/invite", ada.token, object{"email": strings.ReplaceAll(name, " ", "") + "@example.com"}).want(200)
	}
	whole := key("d", object{})
	for range 10 {
		w.do("POST", "/v1/org/invite", whole, object{"email": "zoe@example.com", "role": "admin"}).want(403, "person_required")
	}
	w.do("POST", "/v1/org/invite", ada.token, object{"email": "zoe@example.com"}).want(200)
	id := w.do("GET", "/v1/org/invitations", ada.token, nil).want(200).list("invitations")[0]["id"].(string)
	for range 10 {
		w.do("POST", "/v1/org/invitations/"+id+"/resend", keys["capped to paths"], nil).want(403, "access_denied")
	}
	w.do("POST", "/v1/org/invitations/"+id+"/resend", ada.token, nil).want(200)
}

// An invitation that a key makes is cut to the key's end, and is said to be.
func TestAnInvitationSaysUntilWhenItIsGood(t *testing.T) {
	s := openSession(t)
	end := s.Clock.Now().Add(time.Hour).UTC().Truncate(time.Second)
	key := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k", "expires_at": end}).want(201).str("api_key")
	until := "An invitation is on its way. It can be accepted until " + end.Format(time.RFC3339) + "."
	if got := s.do("POST", "/v1/org/invite", key, object{"email": "zoe@example.com"}).want(200).str("message"); got != until {
		t.Errorf("by a key: %q", got)
	}
	id := s.do("GET", "/v1/org/invitations", s.ada.token, nil).want(200).list("invitations")[0]["id"].(string)
	const week = "An invitation is on its way. It can be accepted for a week."
	if got := s.do("POST", "/v1/org/invitations/"+id+"/resend", s.ada.token, nil).want(200).str("message"); got != week {
		t.Errorf("sent again by a person: %q", got)
	}
	if got := s.do("POST", "/v1/org/invitations/"+id+"/resend", key, nil).want(200).str("message"); got != until {
		t.Errorf("sent again by a key: %q", got)
	}
}

// The listing of what was made names paths only to whoever may see them.
func TestACappedKeySeesNoPathOfWhatWasMade(t *testing.T) {
	s := openSession(t)
	m := s.makes(t)
	scoped := func(name string, scopes ...string) string {
		return s.do("POST", "/v1/auth/api-keys", s.ada.login(), object{"name": name, "scopes": scopes}).want(201).str("api_key")
	}
	for _, c := range []struct {
		key  string
		sees bool
	}{
		{scoped("all"), true}, {scoped("over it", "a/*"), true}, {scoped("beside it", "b/*"), false}, {scoped("two words", "api_key:read", "secret:read"), true},
		{scoped("a word", "api_key:read"), false},
	} {
		shares := 0
		for _, o := range s.do("GET", "/v1/auth/api-keys/"+m.keyID+"/made", c.key, nil).want(200).list("made") {
			if o["kind"] == "share" {
				shares++
				if (o["name"] == "a/b") != c.sees || !c.sees && o["name"] != "" {
					t.Errorf("%s sees %v", c.key[:8], o)
				}
			}
		}
		if shares != 1 {
			t.Errorf("%d shares", shares)
		}
	}
}

// Who owns a secret is told of strangers who try at a share of it that names somebody.
func TestOwnersAreToldOfStrangersAtAShare(t *testing.T) {
	s := openSession(t)
	bob := s.ada.member("bob", "member")
	id := s.do("POST", "/v1/secrets/"+s.secret+"/share", s.ada.token, object{"recipient_type": "user", "recipient_id": bob.id}).want(201).str("id")
	events := s.during(func() { s.do("GET", "/v1/share/"+id, "", nil).want(401) })
	if len(events) != 1 || events[0].org != s.ada.org {
		t.Errorf("%+v", events)
	}
}
