package httpapi_test

import (
	"strings"
	"testing"
	"time"
)

// Who reads a share from outside is held to the organisation's IP rules for
// all, and the answer is that of the share's own addresses.
func TestIPRulesHoldForWhoReadsAShareFromOutside(t *testing.T) {
	const far = "203.0.113.9:1" // ada asks from elsewhere
	for name, c := range map[string]struct {
		rule object
		in   bool
	}{
		"no rule":                    {nil, true},
		"denied to all":              {object{"rule_type": "deny", "cidr": "203.0.113.0/24"}, false},
		"denied to all, mapped":      {object{"rule_type": "deny", "cidr": "::ffff:203.0.113.9"}, false},
		"others are allowed":         {object{"rule_type": "allow", "cidr": "192.0.2.0/24"}, false},
		"denied to users":            {object{"rule_type": "deny", "cidr": "203.0.113.0/24", "applies_to": "user"}, true},
		"others allowed, for agents": {object{"rule_type": "allow", "cidr": "192.0.2.0/24", "applies_to": "agent"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := openSharer(t)
			s.Exec(`UPDATE users SET email_verified = 1`)
			link, phrased := s.link(object{"max_access_count": 2}), s.link(object{"passphrase": "open sesame", "ip_allowlist": []string{"192.0.2.0/24"}})
			mailed := s.givenTo(object{"recipient_type": "external_email", "email": s.eve.email})
			if c.rule != nil {
				s.ada.ipRule(c.rule)
			}
			listed := s.read(phrased, "", from(far)).want(403, "share_address_not_allowed")
			for who, read := range map[string]func() reply{
				"a stranger":                     func() reply { return s.read(link, "", from(far)) },
				"somebody of elsewhere":          func() reply { return s.read(link, s.eve.token, from(far)) },
				"whom it was sent to, elsewhere": func() reply { return s.read(mailed, s.eve.token, from(far)) },
			} {
				r := read()
				if r.what += " by " + who; c.in {
					r.want(200)
					continue
				}
				if r.want(403, "share_address_not_allowed"); string(r.body) != string(listed.body) {
					t.Errorf("%s: %s, and of the share's own addresses %s", who, r.body, listed.body)
				}
			}
			if c.in {
				return
			}
			// Nothing was counted, and from where the rules let in all goes on.
			s.read(link, "").want(200)
			s.read(link, s.eve.token).want(200)
			s.read(link, "").want(410)
			for _, e := range s.events() {
				if e.ip == "203.0.113.9" && e.org == s.ada.org && e.resourceType == "share" && e.detail("outcome") != "denied" {
					t.Errorf("the log says %v", e)
				}
			}
		})
	}
}

// Its own callers are held to the rules for them, and not to those for all too.
func TestAMemberReadsALinkFromWhereItMayCome(t *testing.T) {
	s := openSharer(t)
	link := s.link(object{})
	s.ada.ipRule(object{"rule_type": "allow", "cidr": "192.0.2.0/24"})
	s.ada.ipRule(object{"rule_type": "allow", "cidr": "203.0.113.0/24", "applies_to": "user"})
	s.read(link, s.bob.token, from("203.0.113.9:1")).want(200)
	s.read(link, s.robot.token, from("203.0.113.9:1")).want(403, "address_not_allowed")
	s.read(link, "", from("203.0.113.9:1")).want(403, "share_address_not_allowed")
	s.read(link, s.eve.token, from("203.0.113.9:1")).want(403, "share_address_not_allowed")
}

// What may be read only with an approval is not there to be shared, also while
// an approval is at hand, and no question reaches anybody.
func TestWhatNeedsAnApprovalCanNotBeShared(t *testing.T) {
	g := openGated(t, object{"max_uses": 5})
	there, nowhere := g.ada.secretID(g.vault, "gated/one"), nobodysID
	asked := func() (n int) {
		return len(g.do("GET", "/v1/approvals", g.ada.token, nil).want(200).list("approvals"))
	}
	share := func(id string) reply {
		g.Clock.Forward(10 * time.Second)
		return g.do("POST", "/v1/secrets/"+id+"/share", g.worker.token, object{"recipient_type": "anyone_with_link"})
	}
	same := func() {
		t.Helper()
		got, want := share(there).want(404, "secret_not_found"), share(nowhere).want(404, "secret_not_found")
		if string(got.body) != string(want.body) {
			t.Errorf("%s, and of nothing %s", got.body, want.body)
		}
		byPath := g.do("POST", "/v1/shares", g.worker.token, object{"vault_id": g.vault, "secret_path": "gated/one"}).want(404, "secret_not_found")
		if string(byPath.body) != string(want.body) {
			t.Errorf("by path: %s", byPath.body)
		}
	}
	same()
	if n := asked(); n != 0 {
		t.Errorf("%d approvals were asked for", n)
	}
	g.approve(g.asked("gated/one"), g.ada.token).want(200)
	same()
	g.read("gated/one").want(200)
	// The vault's owner needs none, and shares.
	g.ada.shares(there, object{"recipient_type": "anyone_with_link"})
}

// A CMEK value comes out of a share as the client stored it, and marked.
func TestAShareOfAnOpaqueValueSaysSo(t *testing.T) {
	s := openSharer(t)
	key := newClientKey('a')
	s.do("POST", "/v1/vaults/"+s.vault+"/cmek", s.ada.token, object{"fingerprint": key.fingerprint()}).want(200)
	opaque := key.typescript("hunter2")
	s.ada.put(s.vault, "a/sealed", opaque)
	sealed := s.do("POST", "/v1/shares", s.ada.token, object{"vault_id": s.vault, "secret_path": "a/sealed", "recipient_type": "anyone_with_link"}).want(201).str("id")
	plain := s.link(object{})
	for _, r := range []reply{s.read(sealed, ""), s.do("POST", "/v1/shares/"+sealed+"/access", "", object{})} {
		o := r.want(200).json()
		if o["value"] != opaque || o["cmek_encrypted"] != true {
			t.Errorf("the sealed value came as %s", r.body)
		}
		if strings.Contains(string(r.body), "hunter2") {
			t.Error("the server opened it")
		}
	}
	if o := s.read(plain, "").want(200).json(); o["value"] != "the value" || o["cmek_encrypted"] != nil {
		t.Errorf("the plain value came as %v", o)
	}
}

// A gate that comes after a share holds for it, unless a person made the share.
func TestAShareMadeBeforeAGateLapses(t *testing.T) {
	s := openSession(t)
	key := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k"}).want(201).str("api_key")
	link := func(token string) string {
		r := s.do("POST", "/v1/secrets/"+s.secret+"/share", token, object{"recipient_type": "anyone_with_link"}).want(201)
		return strings.TrimPrefix(r.str("share_url"), "https://vault.test")
	}
	links := map[string]string{"a key": link(key), "an agent": link(s.worker.token), "a person": link(s.ada.login())}
	other := s.ada.agent(object{"name": "other"})
	works := func(want int) {
		t.Helper()
		for who, l := range links {
			r := s.do("GET", l, "", nil)
			r.what += " made by " + who
			if who == "a person" || want == 200 {
				r.want(200)
			} else {
				r.want(want, "share_lapsed")
			}
		}
	}
	works(200)
	s.ada.grant(s.vault, other, "else/*", asks(true), "read")
	works(200)
	gate := s.ada.grant(s.vault, other, "a/*", asks(true), "read")
	works(410)
	s.do("DELETE", "/v1/vaults/"+s.vault+"/policies/"+gate, s.ada.login(), nil).want(204)
	works(200)
}
