package httpapi_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var farewell = object{"confirmation": "DELETE MY ACCOUNT"}

// keksOf are the keys in the keystore of any generation of a vault.
func (w *world) keksOf(vault string) (found []string) {
	w.t.Helper()
	if err := filepath.WalkDir(filepath.Join(w.Dir, "keys"), func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.Contains(d.Name(), hex.EncodeToString([]byte("vault:"+vault))) {
			found = append(found, d.Name())
		}
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return found
}

// tablesWith are the columns, the log's apart, that hold a text.
func (w *world) tablesWith(text string) (found []string) {
	w.t.Helper()
	var all [][2]string
	w.Each(`SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'`,
		func(scan func(...any) error) error {
			var c [2]string
			err := scan(&c[0], &c[1])
			all = append(all, c)
			return err
		})
	for _, c := range all {
		if strings.HasPrefix(c[0], "audit_") {
			continue
		}
		w.Each(`SELECT COUNT(*) FROM "`+c[0]+`" WHERE instr(CAST("`+c[1]+`" AS TEXT), ?) > 0`, func(scan func(...any) error) error {
			var n int
			err := scan(&n)
			if n > 0 {
				found = append(found, c[0]+"."+c[1])
			}
			return err
		}, text)
	}
	return found
}

// flushed writes what is counted of requests.
func (w *world) flushed() {
	w.t.Helper()
	if err := w.Billing.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func TestAnAccountIsDeletedOnlyWhenSaidSo(t *testing.T) {
	s := openSession(t)
	for name, body := range map[string]object{
		"nothing":           nil,
		"no word":           {},
		"null":              {"confirmation": nil, "confirm": nil},
		"lower case":        {"confirmation": "delete my account"},
		"a space":           {"confirmation": "DELETE MY ACCOUNT "},
		"yes":               {"confirm": "yes"},
		"two that disagree": {"confirmation": "no", "confirm": "DELETE MY ACCOUNT"},
		"a list":            {"confirmation": []string{"DELETE MY ACCOUNT"}},
	} {
		if r := s.do("DELETE", "/v1/auth/me", s.ada.token, body); r.status != 400 {
			t.Errorf("%s: got %d: %s", name, r.status, r.body)
		}
	}
	key := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k"}).want(201).str("api_key")
	s.do("DELETE", "/v1/auth/me", key, farewell).want(403, "person_required")
	byKey := s.do("POST", "/v1/auth/api-key-token", "", object{"api_key": key}).want(200).str("access_token")
	s.do("DELETE", "/v1/auth/me", byKey, farewell).want(403, "person_required")
	s.do("DELETE", "/v1/auth/me", s.worker.token, farewell).want(403, "access_denied")
	s.do("DELETE", "/v1/auth/me", "", farewell).want(401)
	s.do("GET", secretAt(s.vault, "a/b"), s.ada.token, nil).want(200)
}

func TestADeletedAccountIsGone(t *testing.T) {
	w := open(t)
	ada, bob := w.signup("ada"), w.signup("bob")
	// Bob's own organisation, with everything.
	vault := bob.vaultNamed("own")
	bob.put(vault, "a/b", "x")
	w.do("POST", "/v1/vaults/"+vault+"/rekey", bob.token, nil).want(202)
	w.work()
	bob.put(vault, "a/b", "y")
	own := bob.agent(nil)
	bob.grant(vault, own, "**", nil, "read")
	share := bob.shares(bob.secretID(vault, "a/b"), object{"recipient_type": "anyone_with_link", "expires_in_hours": 2}).str("id")
	w.do("POST", "/v1/org/invite", bob.token, object{"email": "zoe@example.com"}).want(200)
	zoes := w.invitation("zoe@example.com")
	// What he has in Ada's.
	w.do("POST", "/v1/org/invite", ada.token, object{"email": bob.email, "role": "admin"}).want(200)
	w.do("POST", "/v1/org/invitations/accept", bob.token, object{"token": w.invitation(bob.email)}).want(200)
	there := w.do("POST", "/v1/auth/switch-org", bob.token, object{"org_id": ada.org}).want(200).str("access_token")
	guest := &human{world: w, email: bob.email, token: there, id: bob.id, org: ada.org}
	shared := guest.vaultNamed("shared")
	guest.put(shared, "c/d", "kept")
	robot := guest.agent(object{"name": "bobs"})
	key := w.do("POST", "/v1/auth/api-keys", there, object{"name": "k"}).want(201).str("api_key")
	guest.secondFactor()
	login := w.do("POST", "/v1/auth/token", "", object{"email": bob.email, "password": password}).want(200).str("mfa_token")
	w.do("POST", "/v1/auth/forgot-password", "", object{"email": bob.email}).want(200)
	w.Accounts.Wait()
	if len(w.keksOf(vault)) == 0 || len(w.tablesWith(bob.id)) < 8 {
		t.Fatalf("keys %v, rows %v", w.keksOf(vault), w.tablesWith(bob.id))
	}

	events := w.during(func() { w.do("DELETE", "/v1/auth/me", there, object{"confirm": "DELETE MY ACCOUNT"}).want(204) })
	w.run("both organisations have the event", func(t *testing.T) {
		orgs := map[string]int{}
		for _, e := range events {
			if e.action != "user.delete" || e.actor != bob.id || e.resource != bob.id || e.detail("outcome") != "success" {
				t.Errorf("event %+v", e)
			}
			orgs[e.org]++
		}
		if len(events) != 2 || orgs[ada.org] != 1 || orgs[bob.org] != 1 {
			t.Errorf("%d events, in %v", len(events), orgs)
		}
	})
	w.run("every credential has ended", func(t *testing.T) {
		for name, token := range map[string]string{"its login": there, "another login": bob.token, "a key": key, "its agent": own.token, "its agent's key": own.key, "its agent elsewhere": robot.token} {
			if r := w.do("GET", "/v1/vaults", token, nil); r.status != 401 {
				t.Errorf("%s: got %d", name, r.status)
			}
		}
		w.do("POST", "/v1/auth/mfa/verify", "", object{"mfa_token": login, "code": "123456"}).want(401)
		w.do("POST", "/v1/auth/token", "", object{"email": bob.email, "password": password}).want(401)
		w.do("POST", "/v1/auth/reset-password", "", object{"token": w.reset(bob.email), "new_password": password}).want(400, "invalid_token")
		w.do("POST", "/v1/auth/signup", "", object{"email": "zoe@example.com", "password": password, "invite_token": zoes}).want(400, "invalid_token")
		if r := w.do("POST", "/v1/shares/"+share+"/access", ada.token, object{}); r.status != 404 && r.status != 410 {
			t.Errorf("the share: got %d", r.status)
		}
	})
	w.run("nothing is left", func(t *testing.T) {
		w.flushed()
		for what, id := range map[string]string{"user": bob.id, "address": bob.email, "organisation": bob.org, "vault": vault, "agent": own.id} {
			if left := w.tablesWith(id); len(left) > 0 {
				t.Errorf("the %s is left in %v", what, left)
			}
		}
		if left := w.keksOf(vault); len(left) > 0 {
			t.Errorf("keys are left: %v", left)
		}
	})
	w.run("what belongs to another organisation stays", func(t *testing.T) {
		// What is Ada's organisation's is still there, and hers.
		w.do("POST", "/v1/vaults/"+shared+"/policies", ada.token, object{
			"secret_path_pattern": "**", "principal_type": "user", "principal_id": ada.id, "permissions": []string{"read"},
		}).want(201)
		w.do("GET", secretAt(shared, "c/d"), ada.token, nil).want(200)
		a := w.do("GET", "/v1/agents/"+robot.id, ada.token, nil).want(200).json()
		if a["is_active"] != false || !slices.Contains(w.tablesWith(ada.id), "agents.created_by") {
			t.Errorf("his agent is %v", a)
		}
		if v := w.do("GET", "/v1/vaults/"+shared, ada.token, nil).want(200).json(); v["created_by"] != "00000000-0000-0000-0000-000000000000" {
			t.Errorf("his vault is %v", v)
		}
	})
	if !slices.ContainsFunc(w.notices(), func(n string) bool { return strings.HasPrefix(n, bob.email+": Your account was deleted") }) {
		t.Errorf("notices %v", w.notices())
	}
	w.run("the address is free", func(t *testing.T) {
		// The address is free, and whoever takes it gets nothing of before.
		again := w.signup("bob")
		if again.id == bob.id || again.org == bob.org {
			t.Error("the old account came back")
		}
		if l := w.do("GET", "/v1/vaults", again.token, nil).want(200).list("vaults"); len(l) != 0 {
			t.Errorf("vaults %v", l)
		}
		w.do("GET", secretAt(shared, "c/d"), again.token, nil).want(404)
	})
}

func TestTheLastOwnerOfOthersCantGo(t *testing.T) {
	s := openSession(t)
	bob := s.ada.member("bob", "")
	s.do("DELETE", "/v1/auth/me", s.ada.token, farewell).want(409, "sole_owner")
	s.do("GET", secretAt(s.vault, "a/b"), s.ada.token, nil).want(200)
	s.do("PATCH", "/v1/org/members/"+bob.id, s.ada.token, object{"role": "owner"}).want(200)
	s.do("DELETE", "/v1/auth/me", s.ada.token, farewell).want(204)
	s.do("GET", "/v1/vaults/"+s.vault, bob.token, nil).want(200)
	s.do("GET", secretAt(s.vault, "a/b"), s.ada.token, nil).want(401)
}

func TestAPlatformAdminDeletesAnyUserButItself(t *testing.T) {
	s := openSession(t)
	boss := s.boss()
	carl := s.signup("carl")
	vault := carl.vaultNamed("carls")
	at := func(id string) string { return "/v1/admin/users/" + id }
	s.do("DELETE", at(carl.id), s.ada.token, nil).want(403)
	s.do("DELETE", at(boss.id), boss.token, nil).want(403, "own_account")
	s.do("DELETE", at(nobodysID), boss.token, nil).want(404, "user_not_found")
	s.do("DELETE", at("x"), boss.token, nil).want(404)
	key := s.do("POST", "/v1/auth/api-keys", boss.token, object{"name": "k"}).want(201).str("api_key")
	s.do("DELETE", at(carl.id), key, nil).want(403)
	s.do("DELETE", "/v1/auth/me", boss.token, farewell).want(409, "last_platform_admin")
	events := s.during(func() { s.do("DELETE", at(carl.id), boss.token, nil).want(204) })
	if len(events) != 2 || events[0].actor != boss.id || events[1].actor != boss.id || events[0].action != "admin.user_delete" {
		t.Errorf("events %v", events)
	}
	s.do("GET", "/v1/auth/me", carl.token, nil).want(401)
	if left := s.keksOf(vault); len(left) > 0 {
		t.Errorf("keys are left: %v", left)
	}
	s.flushed()
	if left := s.tablesWith(carl.id); len(left) > 0 {
		t.Errorf("rows are left in %v", left)
	}
	s.ada.member("bob", "")
	s.do("DELETE", at(s.ada.id), boss.token, nil).want(409, "sole_owner")
}
