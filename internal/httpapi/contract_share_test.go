package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

var (
	shareFields  = []string{"id", "share_url", "recipient_type", "recipient_email", "expires_at", "max_access_count"}
	itemFields   = []string{"id", "secret_path", "recipient_type", "recipient_id", "recipient_email", "access_count", "max_access_count", "expires_at", "created_at", "is_expired", "is_accepted", "status", "share_id"}
	sharedFields = []string{"id", "path", "type", "value", "access_count", "max_access_count"}
)

// secretID is the id of a path's newest version.
func (h *human) secretID(vault, path string) string {
	h.t.Helper()
	return h.do("GET", secretAt(vault, path), h.token, nil).want(200).str("id")
}

// shares makes a share, in an hour that has seen none yet.
func (h *human) shares(secretID string, body object) reply {
	h.t.Helper()
	return h.do("POST", "/v1/secrets/"+secretID+"/share", h.token, body).want(201)
}

// sharer is a user with a secret, and others to share it with.
type sharer struct {
	*world
	ada, bob, eve *human // bob is a member with her, eve is elsewhere
	robot         *robot
	vault, secret string
}

func openSharer(t *testing.T, change ...func(*setup)) *sharer {
	t.Helper()
	s := &sharer{world: open(t, append(change, rest.OneByOne)...)}
	s.ada, s.bob, s.eve = s.signup("ada"), s.signup("bob"), s.signup("eve")
	s.bob.moves(s.ada, "member")
	s.vault = s.ada.vaultNamed("main")
	s.ada.put(s.vault, "a/b", "the value")
	s.robot = s.ada.agent(nil)
	s.secret = s.ada.secretID(s.vault, "a/b")
	return s
}

func (s *sharer) read(id, token string, change ...func(*http.Request)) reply {
	return s.do("GET", "/v1/share/"+id, token, nil, change...)
}

func (s *sharer) link(body object) string {
	s.t.Helper()
	s.Clock.Forward(10 * time.Second) // of ten a minute
	body["recipient_type"] = "anyone_with_link"
	return s.ada.shares(s.secret, body).str("id")
}

func (s *sharer) givenTo(body object) string {
	s.t.Helper()
	s.Clock.Forward(10 * time.Second)
	return s.ada.shares(s.secret, body).str("id")
}

func TestALinkIsReadByWhoHasIt(t *testing.T) {
	s := openSharer(t)
	end := s.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano)
	r := s.ada.shares(s.secret, object{"recipient_type": "anyone_with_link", "expires_at": end, "max_access_count": 3, "permissions": []string{"read"}})
	o := fields(t, "Share", r.json(), shareFields...)
	id := r.str("id")
	if o["share_url"] != "https://vault.test/v1/share/"+id || o["expires_at"] != end || o["recipient_email"] != nil || o["recipient_type"] != "anyone_with_link" {
		t.Errorf("got %v", o)
	}
	number(t, o, "max_access_count", 3)
	got := s.read(id, "").want(200)
	v := fields(t, "SharedSecret", got.json(), sharedFields...)
	if v["id"] != id || v["path"] != "a/b" || v["type"] != "generic" || v["value"] != "the value" {
		t.Errorf("got %v", v)
	}
	number(t, v, "access_count", 1)
	number(t, v, "max_access_count", 3)
	// It follows the path, and whoever reads it may be signed in.
	s.ada.put(s.vault, "a/b", "the next value")
	if v := s.read(id, s.eve.token).want(200).str("value"); v != "the next value" {
		t.Errorf("after a write: %q", v)
	}
	s.read(id, "ocv_"+strings.Repeat("A", 43)).want(401, "unauthenticated") // a credential that is sent must be good
	s.do("POST", "/v1/shares/"+id+"/access", "", object{}).want(200)
	s.read(id, "").want(410, "share_gone")
	item := s.do("GET", "/v1/shares/outbound", s.ada.token, nil).want(200).list("shares")[0]
	fields(t, "ShareItem", item, itemFields...)
	if item["id"] != id || item["status"] != "used_up" || item["is_expired"] != false || item["is_accepted"] != false {
		t.Errorf("the maker's list has %v", item)
	}
	if item["share_id"] == id {
		t.Errorf("the log's id opens it: %v", item)
	}
	s.read(item["share_id"].(string), "").want(404, "share_not_found")
	s.read(nobodysID, "").want(404, "share_not_found")
	s.read("x", "").want(404)
}

func TestASharesTimeEnds(t *testing.T) {
	s := openSharer(t)
	id := s.link(object{})
	o := s.do("GET", "/v1/shares/"+id, s.ada.token, nil).want(200).json()
	if o["expires_at"] != s.Clock.Now().Add(24*time.Hour).UTC().Format(time.RFC3339Nano) {
		t.Errorf("a share that was not told lives until %v", o["expires_at"])
	}
	s.Clock.Forward(24*time.Hour - time.Microsecond)
	s.read(id, "").want(200)
	s.Clock.Forward(time.Microsecond)
	s.read(id, "").want(410, "share_gone")
}

func TestSharesByName(t *testing.T) {
	s := openSharer(t)
	for name, c := range map[string]struct {
		body          object
		reader, other string
	}{
		"a member": {object{"recipient_type": "user", "recipient_id": s.bob.id}, s.bob.token, s.robot.token},
		"an agent": {object{"recipient_type": "agent", "recipient_id": s.robot.id}, s.robot.token, s.bob.token},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sharer{world: s.in(t), ada: s.ada, bob: s.bob, eve: s.eve, robot: s.robot, vault: s.vault, secret: s.secret}
			id := s.givenTo(c.body)
			c.reader, c.other = s.fresh(c.reader), s.fresh(c.other)
			s.read(id, "").want(401, "unauthenticated")
			s.read(id, c.reader).want(403, "share_not_accepted")
			s.read(id, c.other).want(403, "share_not_yours")
			s.read(id, s.fresh(s.ada.token)).want(403, "share_not_yours")
			s.read(id, s.fresh(s.eve.token)).want(404, "share_not_found")
			in := s.do("GET", "/v1/shares/inbound", c.reader, nil).want(200).list("shares")
			fields(t, "ShareItem", in[0], itemFields...)
			if in[0]["id"] != id || in[0]["status"] != "pending" || in[0]["is_accepted"] != false || in[0]["secret_path"] != "a/b" {
				t.Errorf("inbound has %v", in[0])
			}
			s.do("POST", "/v1/shares/"+id+"/accept", c.other, nil).want(403, "share_not_yours")
			s.do("POST", "/v1/shares/"+id+"/decline", c.other, nil).want(403, "share_not_yours")
			s.do("POST", "/v1/shares/"+nobodysID+"/accept", c.reader, nil).want(404, "share_not_found")
			s.do("POST", "/v1/shares/"+nobodysID+"/decline", c.reader, nil).want(404, "share_not_found")
			for range 2 {
				s.do("POST", "/v1/shares/"+id+"/accept", c.reader, nil).want(204)
			}
			if v := s.read(id, c.reader).want(200).str("value"); v != "the value" {
				t.Errorf("read %q", v)
			}
			if in := s.do("GET", "/v1/shares?direction=inbound", c.reader, nil).want(200).list("shares"); in[0]["is_accepted"] != true {
				t.Errorf("inbound has %v", in[0])
			}
			if out := s.do("GET", "/v1/shares", s.fresh(s.ada.token), nil).want(200).list("shares"); out[0]["id"] != id || out[0]["status"] != "accepted" {
				t.Errorf("outbound has %v", out[0])
			}
			s.do("POST", "/v1/shares/"+id+"/decline", c.reader, nil).want(204)
			s.read(id, c.reader).want(403, "share_declined")
			s.do("POST", "/v1/shares/"+id+"/accept", c.reader, nil).want(403, "share_declined")
			if in := s.do("GET", "/v1/shares/inbound", c.reader, nil).want(200).list("shares"); len(in) != 0 {
				t.Errorf("after it was declined inbound has %v", in)
			}
		})
	}
}

// fresh returns the token as it is: the clock moves by seconds here.
func (s *sharer) fresh(token string) string { return token }

func TestAnAgentSharesWithItsCreator(t *testing.T) {
	s := openSharer(t)
	s.ada.grant(s.vault, s.robot, "a/*", nil, "read")
	share := func(token string, body object) reply {
		return s.do("POST", "/v1/secrets/"+s.secret+"/share", token, body)
	}
	id := share(s.robot.token, object{"recipient_type": "creator"}).want(201).str("id")
	s.read(id, s.ada.token).want(403, "share_not_accepted")
	s.do("POST", "/v1/shares/"+id+"/accept", s.ada.token, nil).want(204)
	s.read(id, s.ada.token).want(200)
	share(s.ada.token, object{"recipient_type": "creator"}).want(403, "share_not_allowed")
	share(s.robot.token, object{"recipient_type": "external_email", "email": "x@example.com"}).want(403, "share_not_allowed")
	share(s.robot.token, object{"recipient_type": "creator", "recipient_id": s.bob.id}).want(400, "recipient_mismatch")
	share(s.robot.token, object{"recipient_type": "anyone_with_link"}).want(201)
	// The human sees and ends what its agent shared; another member does not.
	s.do("DELETE", "/v1/share/"+id, s.bob.token, nil).want(403, "share_not_yours")
	if out := s.do("GET", "/v1/shares/outbound", s.ada.token, nil).want(200).list("shares"); len(out) != 2 {
		t.Errorf("the human's list has %v", out)
	}
	s.do("DELETE", "/v1/share/"+id, s.ada.token, nil).want(204)
	s.do("DELETE", "/v1/share/"+id, s.ada.token, nil).want(404, "share_not_found")
}

func TestSharesToMailAddresses(t *testing.T) {
	s := openSharer(t)
	r := s.do("POST", "/v1/secrets/"+s.secret+"/share", s.ada.token, object{"recipient_type": "external_email", "recipient_email": "  EVE@Example.com "}).want(201)
	id := r.str("id")
	if r.str("recipient_email") != "eve@example.com" {
		t.Errorf("got %s", r.body)
	}
	if got := s.shareMails(); len(got) != 1 || got[0] != "received eve@example.com "+id+" " {
		t.Errorf("letters: %q", got)
	}
	// An address that nobody confirmed proves nothing.
	s.read(id, s.eve.token).want(404, "share_not_found")
	s.read(id, s.bob.token).want(403, "share_not_yours")
	s.read(id, "").want(401)
	if in := s.do("GET", "/v1/shares/inbound", s.eve.token, nil).want(200).list("shares"); len(in) != 0 {
		t.Errorf("an unconfirmed address was given %v", in)
	}
	s.Exec(`UPDATE users SET email_verified = 1 WHERE id = ?`, s.eve.id)
	in := s.do("GET", "/v1/shares/inbound", s.eve.token, nil).want(200).list("shares")
	if len(in) != 1 || in[0]["id"] != id || in[0]["is_accepted"] != true || in[0]["recipient_id"] != s.eve.id {
		t.Fatalf("a confirmed address was given %v", in)
	}
	if v := s.read(id, s.eve.token).want(200).str("value"); v != "the value" {
		t.Errorf("read %q", v)
	}
	// The same without a look at the list first.
	second := s.givenTo(object{"recipient_type": "external_email", "email": "eve@example.com"})
	s.read(second, s.eve.token).want(200)
	s.do("POST", "/v1/shares/"+second+"/decline", s.eve.token, nil).want(204)
	s.read(second, s.eve.token).want(403, "share_declined")
	// Whoever gets the address later does not get what was claimed.
	s.Exec(`UPDATE users SET email = 'late@example.com' WHERE id = ?`, s.eve.id)
	s.Exec(`UPDATE users SET email = 'eve@example.com', email_verified = 1 WHERE id = ?`, s.bob.id)
	s.read(id, s.bob.token).want(403, "share_not_yours")
	s.read(id, s.eve.token).want(200)
	// One address is not flooded with letters.
	for i := range 4 {
		r := s.do("POST", "/v1/secrets/"+s.secret+"/share", s.ada.token, object{"recipient_type": "external_email", "email": "much@example.com"}).want(201)
		if _, warned := r.json()["warnings"]; warned != (i == 3) {
			t.Errorf("share %d: %s", i, r.body)
		}
	}
	if n := strings.Count(strings.Join(s.shareMails(), "\n"), "much@"); n != 3 {
		t.Errorf("%d letters to one address within an hour", n)
	}
}

func TestRefusedShares(t *testing.T) {
	s := openSharer(t)
	s.do("PUT", secretAt(s.vault, "gone"), s.ada.token, object{"value": "x"}).want(201)
	gone := s.ada.secretID(s.vault, "gone")
	s.do("DELETE", secretAt(s.vault, "gone"), s.ada.token, nil).want(204)
	own := s.eve.vaultNamed("own")
	s.eve.put(own, "x", "x")
	foreign := s.eve.secretID(own, "x")
	robot := s.eve.agent(nil)
	for name, c := range map[string]struct {
		secret string
		change object
		status int
		code   string
	}{
		"no type":                 {s.secret, object{"recipient_type": nil}, 400, "invalid_request"},
		"an unknown type":         {s.secret, object{"recipient_type": "group"}, 400, "invalid_request"},
		"a user without an id":    {s.secret, object{"recipient_type": "user"}, 400, "recipient_required"},
		"an agent without an id":  {s.secret, object{"recipient_type": "agent"}, 400, "recipient_required"},
		"mail without an address": {s.secret, object{"recipient_type": "external_email"}, 400, "recipient_required"},
		"mail to no address":      {s.secret, object{"recipient_type": "external_email", "email": "x\r\nBcc: y@example.com"}, 400, "invalid_email"},
		"two addresses":           {s.secret, object{"recipient_type": "external_email", "email": "a@example.com", "recipient_email": "b@example.com"}, 400, "recipient_mismatch"},
		"a link for somebody":     {s.secret, object{"recipient_id": s.bob.id}, 400, "recipient_mismatch"},
		"nobody's id":             {s.secret, object{"recipient_type": "user", "recipient_id": nobodysID}, 404, "principal_not_found"},
		"another org's user":      {s.secret, object{"recipient_type": "user", "recipient_id": s.eve.id}, 404, "principal_not_found"},
		"another org's agent":     {s.secret, object{"recipient_type": "agent", "recipient_id": robot.id}, 404, "principal_not_found"},
		"a user's id as agent's":  {s.secret, object{"recipient_type": "agent", "recipient_id": s.bob.id}, 404, "principal_not_found"},
		"a past end":              {s.secret, object{"expires_at": "2001-01-01T00:00:00Z"}, 400, "expires_in_the_past"},
		"an end beyond a year":    {s.secret, object{"expires_at": s.Clock.Now().Add(367 * 24 * time.Hour)}, 400, "invalid_expires_at"},
		"a negative count":        {s.secret, object{"max_access_count": -1}, 400, "invalid_request"},
		"a huge count":            {s.secret, object{"max_access_count": 1 << 31}, 400, "invalid_request"},
		"the right to write":      {s.secret, object{"permissions": []string{"read", "write"}}, 400, "invalid_permissions"},
		"an empty passphrase":     {s.secret, object{"passphrase": ""}, 400, "invalid_passphrase"},
		"an endless passphrase":   {s.secret, object{"passphrase": strings.Repeat("x", 1025)}, 400, "invalid_passphrase"},
		"a network that is none":  {s.secret, object{"ip_allowlist": []string{"300.0.0.0/8"}}, 400, "invalid_ip_allowlist"},
		"nobody's secret":         {nobodysID, object{}, 404, "secret_not_found"},
		"another org's secret":    {foreign, object{}, 404, "secret_not_found"},
		"a deleted secret":        {gone, object{}, 404, "secret_not_found"},
		"an id that is none":      {"x", object{}, 404, "not_found"},
	} {
		body := object{"recipient_type": "anyone_with_link"}
		for k, v := range c.change {
			body[k] = v
		}
		r := s.do("POST", "/v1/secrets/"+c.secret+"/share", s.ada.token, body)
		r.what = name
		r.want(c.status, c.code)
	}
	// A secret that exists and may not be read is one that does not exist.
	for _, token := range []string{s.bob.token, s.robot.token} {
		got := s.do("POST", "/v1/secrets/"+s.secret+"/share", token, object{"recipient_type": "anyone_with_link"}).want(404)
		want := s.do("POST", "/v1/secrets/"+nobodysID+"/share", token, object{"recipient_type": "anyone_with_link"}).want(404)
		if string(got.body) != string(want.body) {
			t.Errorf("%s and %s", got.body, want.body)
		}
	}
	if out := s.do("GET", "/v1/shares/outbound", s.ada.token, nil).want(200).list("shares"); len(out) != 0 {
		t.Errorf("refused shares were made: %v", out)
	}
}

func TestSharesByPathAsOtherClientsMakeThem(t *testing.T) {
	s := openSharer(t)
	make := func(body object) reply { return s.do("POST", "/v1/shares", s.ada.token, body) }
	r := make(object{"vault_id": s.vault, "secret_path": "a/b", "expires_in_hours": 2, "max_views": 1, "passphrase": "open sesame"}).want(201)
	o := fields(t, "Share", r.json(), shareFields...)
	if o["recipient_type"] != "anyone_with_link" || o["expires_at"] != s.Clock.Now().Add(2*time.Hour).UTC().Format(time.RFC3339Nano) {
		t.Errorf("got %v", o)
	}
	id := r.str("id")
	s.do("POST", "/v1/shares/"+id+"/access", "", nil).want(403, "passphrase_required")
	s.do("POST", "/v1/shares/"+id+"/access", "", object{"passphrase": "open sesame"}).want(200)
	s.do("POST", "/v1/shares/"+id+"/access", "", object{"passphrase": "open sesame"}).want(410)
	if r := make(object{"secret_id": s.secret, "recipient_email": "x@example.com"}).want(201); r.str("recipient_type") != "external_email" {
		t.Errorf("got %s", r.body)
	}
	for name, body := range map[string]object{
		"no secret":         {},
		"a path only":       {"secret_path": "a/b"},
		"a vault only":      {"vault_id": s.vault},
		"both":              {"vault_id": s.vault, "secret_path": "a/b", "secret_id": s.secret},
		"two ends":          {"secret_id": s.secret, "expires_in_hours": 1, "expires_at": "2026-12-01T00:00:00Z"},
		"two counts":        {"secret_id": s.secret, "max_views": 1, "max_access_count": 2},
		"no time":           {"secret_id": s.secret, "expires_in_hours": 0},
		"a path that isn't": {"vault_id": s.vault, "secret_path": "../x"},
	} {
		r := make(body)
		r.what = name
		r.want(400)
	}
	make(object{"vault_id": nobodysID, "secret_path": "a/b"}).want(404, "secret_not_found")
	make(object{"vault_id": s.vault, "secret_path": "a/none"}).want(404, "secret_not_found")
	make(object{"secret_id": "x"}).want(404, "secret_not_found")
	s.do("GET", "/v1/shares?direction=sideways", s.ada.token, nil).want(400)
	got := s.do("GET", "/v1/shares/"+id, s.ada.token, nil).want(200)
	fields(t, "ShareItem", got.json(), itemFields...)
	s.do("GET", "/v1/shares/"+id, s.bob.token, nil).want(403)
	s.do("GET", "/v1/shares/"+id, s.eve.token, nil).want(404)
	s.do("DELETE", "/v1/shares/"+id, s.eve.token, nil).want(404, "share_not_found")
	s.do("DELETE", "/v1/shares/"+id, s.ada.token, nil).want(204)
	s.do("GET", "/v1/shares/"+id, s.ada.token, nil).want(404)
	s.do("POST", "/v1/shares/"+id+"/access", "", object{"passphrase": "open sesame"}).want(404, "share_not_found")
}

func TestTenSharesAMinute(t *testing.T) {
	s := openSharer(t)
	body := object{"recipient_type": "anyone_with_link"}
	for range 10 {
		id := s.ada.shares(s.secret, body).str("id")
		s.do("DELETE", "/v1/share/"+id, s.ada.token, nil).want(204) // revoked ones count
		s.Clock.Forward(time.Second)
	}
	r := s.do("POST", "/v1/secrets/"+s.secret+"/share", s.ada.token, body).want(429, "rate_limited")
	if after := r.header.Get("Retry-After"); after != "50" {
		t.Errorf("Retry-After %q", after)
	}
	s.Clock.Forward(50 * time.Second)
	s.ada.shares(s.secret, body)
	s.do("POST", "/v1/secrets/"+s.secret+"/share", s.ada.token, body).want(429)
	own := s.eve.vaultNamed("own")
	s.eve.put(own, "x", "x")
	s.eve.shares(s.eve.secretID(own, "x"), body) // another organisation's minute
}
