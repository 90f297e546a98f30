package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	testworld "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// mailed shares with an address that has no account, and returns the share's id and what was
// mailed.
func (s *sharer) mailed(body object) (id, proof string) {
	s.t.Helper()
	body["recipient_type"], body["email"] = "external_email", "zoe@example.com"
	id = s.givenTo(body)
	return id, s.Mail.Token(testworld.Received, "zoe@example.com")
}

func (s *sharer) open(id, proof string, more ...string) reply {
	body := object{"proof": proof}
	if len(more) > 0 {
		body["passphrase"] = more[0]
	}
	return s.do("POST", "/v1/shares/"+id+"/access", "", body)
}

// TestAMailedShareIsOpenedWithoutAnAccount: whoever reads the mail reads the secret, as long
// and as often as the share allows.
func TestAMailedShareIsOpenedWithoutAnAccount(t *testing.T) {
	s := openSharer(t)
	id, proof := s.mailed(object{"max_access_count": 2})
	s.open(id, "").want(401, "unauthenticated")
	s.open(id, "wrong").want(401, "unauthenticated")
	s.do("GET", "/v1/share/"+id+"?proof="+proof, "", nil).want(401, "unauthenticated") // a GET spends nothing
	item := func() object { return s.do("GET", "/v1/shares/"+id, s.ada.token, nil).want(200).json() }
	before := item()
	if number(t, before, "access_count", 0); before["status"] != "pending" {
		t.Errorf("before: %v", before)
	}
	if v := s.open(id, proof).want(200).str("value"); v != "the value" {
		t.Errorf("got %q", v)
	}
	after := item()
	if number(t, after, "access_count", 1); after["status"] != "accepted" || after["is_accepted"] != true {
		t.Errorf("after: %v", after)
	}
	s.open(id, proof).want(200)
	s.open(id, proof).want(410, "share_gone")

	other, second := s.mailed(object{})
	s.open(other, proof).want(401, "unauthenticated") // of another share
	s.do("DELETE", "/v1/share/"+other, s.ada.token, nil).want(204)
	s.open(other, second).want(404, "share_not_found")

	late, third := s.mailed(object{"passphrase": "open sesame"})
	s.open(late, third).want(403, "passphrase_required")
	s.open(late, third, "open barley").want(403, "wrong_passphrase")
	s.open(late, third, "open sesame").want(200)
	s.open(s.link(object{}), third).want(200) // a link needs none, and minds none
	s.Clock.Forward(25 * time.Hour)
	s.open(late, third, "open sesame").want(410, "share_gone")
}

// TestAMailedProofEnds: with the right of who shared, and with a no of
// the recipient's account.
func TestAMailedProofEnds(t *testing.T) {
	s := openSharer(t)
	id, proof := s.mailed(object{})
	zoe := s.signup("zoe")
	s.Exec(`UPDATE users SET email_verified = 1 WHERE id = ?`, zoe.id)
	if o := s.do("GET", "/v1/shares/inbound", zoe.token, nil).want(200).list("shares"); len(o) != 1 {
		t.Fatalf("the account has %v", o)
	}
	s.open(id, proof).want(200) // the account's mail is the same
	s.do("POST", "/v1/shares/"+id+"/decline", zoe.token, nil).want(204)
	s.open(id, proof).want(403, "share_declined")

	id, proof = s.mailed(object{})
	s.do("DELETE", "/v1/vaults/"+s.vault, s.ada.token, nil).want(204)
	if r := s.open(id, proof); r.status == http.StatusOK {
		t.Error("the vault is gone")
	}
}

// TestABrowserIsLedToAPage: what only looks at a link spends nothing.
func TestABrowserIsLedToAPage(t *testing.T) {
	s := openSharer(t)
	id := s.link(object{"max_access_count": 1})
	accept := func(text string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Accept", text) }
	}
	for range 3 {
		r := s.read(id, "", accept("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")).want(303)
		if r.header.Get("Location") != "../../share/"+id {
			t.Errorf("led to %q", r.header.Get("Location"))
		}
	}
	s.do("HEAD", "/v1/share/"+id, "", nil).want(303)
	if v := s.read(id, "", accept("application/json, text/html")).want(200).str("value"); v != "the value" {
		t.Errorf("JSON: %q", v)
	}
	s.read(id, "", accept("*/*")).want(410, "share_gone")
}
