package httpapi_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A share is its maker's right, lent: what ends the right ends the share, with
// the next access.
func TestAShareNeverOutlivesItsMakersRight(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(s *sharer, policy string)
		status int
		code   string
	}{
		"the policy is removed": {func(s *sharer, policy string) {
			s.do("DELETE", "/v1/vaults/"+s.vault+"/policies/"+policy, s.ada.token, nil).want(204)
		}, 404, "share_not_found"}, // it ends with the right
		"the policy is for writing only": {func(s *sharer, policy string) {
			s.do("PUT", "/v1/vaults/"+s.vault+"/policies/"+policy, s.ada.token, object{"permissions": []string{"write"}}).want(200)
		}, 404, "share_not_found"},
		"the policy moves to other addresses": {func(s *sharer, policy string) {
			s.do("PUT", "/v1/vaults/"+s.vault+"/policies/"+policy, s.ada.token, object{"conditions": object{"ip_allowlist": []string{"198.51.100.0/24"}}}).want(200)
		}, 410, "share_lapsed"},
		"the policy asks for an approval": {func(s *sharer, policy string) {
			s.do("PUT", "/v1/vaults/"+s.vault+"/policies/"+policy, s.ada.token, object{"conditions": object{"require_approval": true}}).want(200)
		}, 404, "share_not_found"},
		"the policy is removed and another asks for an approval": {func(s *sharer, policy string) {
			s.ada.grant(s.vault, s.robot, "a/b", object{"conditions": object{"require_approval": true}}, "read")
			s.do("DELETE", "/v1/vaults/"+s.vault+"/policies/"+policy, s.ada.token, nil).want(204)
		}, 404, "share_not_found"},
		"the policy has expired": {func(s *sharer, _ string) { s.Clock.Forward(2 * time.Hour) }, 410, "share_lapsed"},
		"the agent is deactivated": {func(s *sharer, _ string) {
			s.do("DELETE", "/v1/agents/"+s.robot.id, s.ada.token, nil).want(204)
		}, 404, "share_not_found"}, // it ends with its maker, as if it had been revoked
		"the agent is capped to other paths": {func(s *sharer, _ string) {
			s.do("PATCH", "/v1/agents/"+s.robot.id, s.ada.token, object{"scopes": []string{"other/**"}}).want(200)
		}, 404, "share_not_found"},
		"the agent is bound to another vault": {func(s *sharer, _ string) {
			other := s.ada.vaultNamed("other")
			s.do("PATCH", "/v1/agents/"+s.robot.id, s.ada.token, object{"vault_ids": []string{other}}).want(200)
		}, 404, "share_not_found"},
		"the agent signs through Intents and it is a key": {func(s *sharer, _ string) {
			s.do("PUT", secretAt(s.vault, "a/b"), s.ada.token, object{"value": "x", "type": "private_key"}).want(201)
			s.do("PATCH", "/v1/agents/"+s.robot.id, s.ada.token, object{"intents_api_enabled": true}).want(200)
		}, 410, "share_lapsed"},
		"the secret is deleted": {func(s *sharer, _ string) {
			s.do("DELETE", secretAt(s.vault, "a/b"), s.ada.token, nil).want(204)
		}, 410, "secret_gone"},
		"the secret is purged": {func(s *sharer, _ string) {
			s.do("DELETE", "/v1/vaults/"+s.vault+"/secret-versions/a/b", s.ada.token, nil).want(204)
			s.ada.put(s.vault, "a/b", "another secret at the same path")
		}, 404, "share_not_found"},
		"the vault is deleted": {func(s *sharer, _ string) {
			s.do("DELETE", "/v1/vaults/"+s.vault, s.ada.token, nil).want(204)
		}, 404, "share_not_found"},
		"the secret has expired": {func(s *sharer, _ string) {
			s.do("PUT", secretAt(s.vault, "a/b"), s.ada.token, object{"value": "x", "expires_at": s.Clock.Now().Add(time.Minute)}).want(201)
			s.Clock.Forward(2 * time.Minute)
		}, 410, "secret_gone"},
		"its human revokes it": {func(s *sharer, _ string) {
			id := s.do("GET", "/v1/shares/outbound", s.ada.token, nil).want(200).list("shares")[0]["id"].(string)
			s.do("DELETE", "/v1/share/"+id, s.ada.token, nil).want(204)
		}, 404, "share_not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openSharer(t)
			policy := s.ada.grant(s.vault, s.robot, "a/*", object{"expires_at": s.Clock.Now().Add(time.Hour)}, "read")
			id := s.do("POST", "/v1/secrets/"+s.secret+"/share", s.robot.token, object{"recipient_type": "anyone_with_link"}).want(201).str("id")
			s.read(id, "", from("203.0.113.9:1")).want(200) // the maker's conditions are about the maker's address
			c.end(s, policy)
			r := s.read(id, "").want(c.status, c.code)
			if strings.Contains(string(r.body), "the value") {
				t.Errorf("the value came with %s", r.body)
			}
			if slices.Contains([]string{"the policy is removed", "the policy is for writing only", "the policy has expired", "the policy asks for an approval",
				"the policy is removed and another asks for an approval"}, name) {
				s.ada.token = s.ada.login()
				s.ada.grant(s.vault, s.robot, "**", nil, "read") // for another reason, later
				s.read(id, "").want(404, "share_not_found")
			}
			if strings.HasPrefix(name, "the agent is ") && name != "the agent is deactivated" {
				s.do("PATCH", "/v1/agents/"+s.robot.id, s.ada.login(), object{"scopes": nil, "vault_ids": nil}).want(200)
				s.read(id, "").want(404, "share_not_found")
			}
			rows := 0
			s.Each(`SELECT access_count FROM shares WHERE access_count <> 1`, func(scan func(...any) error) error { rows++; var n int; return scan(&n) })
			if rows > 0 {
				t.Error("an access without a value was counted")
			}
		})
	}
}

func TestAMemberWhoLeavesTakesItsSharesAlong(t *testing.T) {
	s := openSharer(t)
	own := s.bob.vaultNamed("bobs")
	s.bob.put(own, "x", "bob's value")
	id := s.bob.shares(s.bob.secretID(own, "x"), object{"recipient_type": "anyone_with_link"}).str("id")
	s.read(id, "").want(200)
	s.do("DELETE", "/v1/share/"+id, s.eve.token, nil).want(404)
	s.Exec(`DELETE FROM memberships WHERE user_id = ?`, s.bob.id)
	s.Exec(`UPDATE meta SET value = value + 1 WHERE name = 'epoch'`)
	s.read(id, "").want(410, "share_lapsed")
	// Owners end shares by the id that the log has, which opens nothing.
	var row string
	s.Each(`SELECT id FROM shares`, func(scan func(...any) error) error { return scan(&row) })
	s.read(row, "").want(404, "share_not_found")
	s.do("DELETE", "/v1/share/"+row, s.ada.token, nil).want(204)
	s.read(id, "").want(404, "share_not_found")
}

func TestAShareKeepsTheCapOfTheKeyItWasMadeWith(t *testing.T) {
	s := openSharer(t)
	s.ada.put(s.vault, "c/d", "other")
	key := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "capped", "scopes": []string{"a/**"}}).want(201).str("api_key")
	readOnly := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "reader", "scopes": []string{"secret:read"}}).want(201).str("api_key")
	share := func(token, path string) reply {
		return s.do("POST", "/v1/shares", token, object{"vault_id": s.vault, "secret_path": path})
	}
	share(key, "c/d").want(404, "secret_not_found")
	share(readOnly, "a/b").want(404, "secret_not_found")
	id := share(key, "a/b").want(201).str("id")
	s.read(id, "").want(200)
	s.Exec(`UPDATE shares SET path = 'c/d'`) // as if the share had got past its maker's cap
	s.read(id, "").want(410, "share_lapsed")
	if all := s.do("GET", "/v1/shares/outbound", key, nil).want(200).list("shares"); len(all) != 0 {
		t.Errorf("a capped key is shown %v", all)
	}
}

func TestWhatIsGivenDoesNotLiftTheRecipientsOwnCaps(t *testing.T) {
	s := openSharer(t)
	s.do("PUT", secretAt(s.vault, "a/key"), s.ada.token, object{"value": "x", "type": "private_key"}).want(201)
	signer := s.ada.agent(object{"name": "signer", "intents_api_enabled": true})
	capped := s.ada.agent(object{"name": "capped", "scopes": []string{"other/**"}})
	bound := s.ada.agent(object{"name": "bound", "vault_ids": []string{s.ada.vaultNamed("other")}})
	for _, r := range []*robot{signer, capped, bound} {
		id := s.ada.shares(s.ada.secretID(s.vault, "a/key"), object{"recipient_type": "agent", "recipient_id": r.id}).str("id")
		s.do("POST", "/v1/shares/"+id+"/accept", r.token, nil)
		s.Exec(`UPDATE shares SET accepted_at = 1`)
		s.read(id, r.token).want(403, "access_denied")
	}
}

func TestASharesPassphrase(t *testing.T) {
	s := openSharer(t)
	id := s.link(object{"passphrase": "open sesame, ü", "ip_allowlist": []string{"192.0.2.0/24", "2001:db8::/32"}})
	phrase := func(p string) func(*http.Request) { return header("X-Share-Passphrase", p) }
	// Nobody learns of the passphrase from elsewhere.
	s.read(id, "", from("203.0.113.9:1"), phrase("open sesame, ü")).want(403, "share_address_not_allowed")
	s.read(id, "", from("203.0.113.9:1")).want(403, "share_address_not_allowed")
	s.read(id, "").want(403, "passphrase_required")
	s.read(id, "", phrase("open sesame, ü")).want(200)
	s.read(id, "", from("[2001:db8::7]:1"), phrase("open sesame, ü")).want(200)
	s.read(id+"?passphrase=open+sesame,+%C3%BC", "").want(200)
	for range 9 {
		s.read(id, "", phrase("wrong")).want(403, "wrong_passphrase")
	}
	s.read(id, "", phrase("open sesame, ü")).want(200) // takes back no more than its own try
	s.read(id, "", phrase("wrong")).want(403, "wrong_passphrase")
	r := s.read(id, "", phrase("open sesame, ü")).want(429, "share_locked")
	if r.header.Get("Retry-After") != "60" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	s.Clock.Forward(time.Minute)
	s.read(id, "", phrase("open sesame, ü")).want(200)
	for range 10 {
		s.read(id, "", phrase("wrong")).want(403)
	}
	if r := s.read(id, "", phrase("wrong")).want(429); r.header.Get("Retry-After") != "120" {
		t.Errorf("the second time: Retry-After %q", r.header.Get("Retry-After"))
	}
}

func TestManyPassphrasesAtOnceAreNoMoreThanTen(t *testing.T) {
	s := openSharer(t)
	id := s.link(object{"passphrase": "open sesame"})
	var mu sync.Mutex
	got := map[int]int{}
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			r := s.read(id, "", header("X-Share-Passphrase", "wrong"))
			mu.Lock()
			defer mu.Unlock()
			got[r.status]++
		})
	}
	all.Wait()
	if got[403] != 10 || got[429] != 30 {
		t.Errorf("answers: %v, want ten compared and thirty not", got)
	}
}

// A share's reads are a secret's reads, and neither count gives one too many.
func TestAHundredReadersAtOnce(t *testing.T) {
	for name, c := range map[string]struct{ share, secret, want int }{
		"of a share with 5 left":                {5, 0, 5},
		"of a secret with 3 left":               {0, 3, 3},
		"of a secret with 4 and a share with 7": {7, 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			s := openSharer(t)
			s.do("PUT", secretAt(s.vault, "few"), s.ada.token, object{"value": "few", "max_access_count": c.secret}).want(201)
			id := s.do("POST", "/v1/shares", s.ada.token, object{"vault_id": s.vault, "secret_path": "few", "max_access_count": c.share}).want(201).str("id")
			var mu sync.Mutex
			got := map[int]int{}
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					r := s.read(id, "")
					mu.Lock()
					defer mu.Unlock()
					got[r.status]++
				})
			}
			all.Wait()
			if got[200] != c.want || got[410] != 100-c.want {
				t.Errorf("answers: %v, want %d values", got, c.want)
			}
			var reads int
			for _, e := range s.events() {
				if e.action == "share.access" && e.detail("outcome") == "success" {
					reads++
				}
			}
			if reads != c.want {
				t.Errorf("%d reads are in the log, want %d", reads, c.want)
			}
		})
	}
}

func TestMakersAreToldOnceAnHour(t *testing.T) {
	s := openSharer(t)
	s.Exec(`UPDATE users SET email_verified = 1 WHERE id = ?`, s.ada.id)
	id := s.link(object{})
	notify := func() []string {
		t.Helper()
		before := len(s.shareMails())
		for range 2 {
			if err := s.Sharing.Notify(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return s.shareMails()[before:]
	}
	if got := notify(); len(got) != 0 {
		t.Errorf("before any access: %q", got)
	}
	s.read(id, "").want(200)
	got := notify()
	if len(got) != 1 || !strings.HasPrefix(got[0], "accessed ada@example.com ") || !strings.HasSuffix(got[0], " 1") || strings.Contains(got[0], id) {
		t.Errorf("after the first: %q", got)
	}
	for range 5 {
		s.read(id, "").want(200)
	}
	s.Clock.Forward(59 * time.Minute)
	if got := notify(); len(got) != 0 {
		t.Errorf("within the hour: %q", got)
	}
	s.Clock.Forward(2 * time.Minute)
	if got := notify(); len(got) != 1 || !strings.HasSuffix(got[0], " 5") {
		t.Errorf("after the hour: %q", got)
	}
}

// What opens a link, its passphrase and its value are in no file, log or event.
func TestTheSecretOfALinkIsStoredNowhere(t *testing.T) {
	s := openSharer(t)
	s.ada.put(s.vault, "a/b", "vAlUe-canary-77")
	id := s.link(object{"passphrase": "pHrAsE-canary-78"})
	s.read(id, "", header("X-Share-Passphrase", "pHrAsE-canary-78")).want(200)
	s.read(id, "").want(403)
	s.read(id, s.eve.token, header("X-Share-Passphrase", "wrong")).want(403)
	s.do("POST", "/v1/shares/"+id+"/accept", s.bob.token, nil).want(403)
	s.do("GET", "/v1/shares/outbound", s.ada.token, nil).want(200)
	s.do("GET", "/v1/shares/"+id, s.ada.token, nil).want(200)
	s.do("DELETE", "/v1/share/"+id, s.ada.token, nil).want(204)
	s.read(id, "").want(404)
	s.Exec(`PRAGMA wal_checkpoint(PASSIVE)`)
	var dir string
	s.Each(`SELECT file FROM pragma_database_list WHERE name = 'main'`, func(scan func(...any) error) error { return scan(&dir) })
	texts := map[string]string{"the server's log": s.Log.String()}
	for _, e := range s.events() {
		texts["the audit log"] += strings.Join([]string{e.id, e.actor, e.resource, e.details}, " ")
	}
	files := 0
	err := filepath.WalkDir(filepath.Dir(dir), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		texts[path] = string(b)
		files++
		return err
	})
	if err != nil || files < 3 {
		t.Fatalf("%d files were searched, %v", files, err)
	}
	for where, text := range texts {
		for what, canary := range map[string]string{"the id that opens it": id, "its passphrase": "pHrAsE-canary-78", "its value": "vAlUe-canary-77"} {
			if strings.Contains(text, canary) {
				t.Errorf("%s has %s", where, what)
			}
		}
	}
	// The search finds what is there.
	if !strings.Contains(texts[dir]+texts[dir+"-wal"], "anyone_with_link") {
		t.Error("the database was not read")
	}
}
