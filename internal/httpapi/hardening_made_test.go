package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// family is a key with what was made with it: a second key, an agent made with that
// one, and shares and a policy of all three.
type family struct {
	*session
	key, keyID, second, secondID string
	bot                          *robot
	links                        map[string]string // who made it: the link's path
	vault, secret                string
}

func (s *session) makes(t *testing.T) *family {
	t.Helper()
	m := &family{session: s, links: map[string]string{}}
	m.vault = s.ada.vaultNamed("made-" + t.Name()[strings.LastIndex(t.Name(), "/")+1:])
	s.ada.put(m.vault, "a/b", "value")
	m.secret = s.do("GET", secretAt(m.vault, "a/b"), s.ada.token, nil).want(200).str("id")
	s.ada.token = s.ada.login()
	end := s.Clock.Now().Add(time.Hour)
	k := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "first", "expires_at": end}).want(201)
	m.key, m.keyID = k.str("api_key"), k.str("key", "id")
	jwt := s.do("POST", "/v1/auth/api-key-token", "", object{"api_key": m.key}).want(200).str("access_token")
	k = s.do("POST", "/v1/auth/api-keys", jwt, object{"name": "second", "expires_at": end}).want(201)
	m.second, m.secondID = k.str("api_key"), k.str("key", "id")
	m.bot = (&human{world: s.world, token: m.second}).agent(object{"name": "bot"})
	with := &human{world: s.world, token: m.second}
	with.grant(m.vault, m.bot, "**", nil, "read")
	for who, token := range map[string]string{"the first key": m.key, "the second key": m.second, "the agent": m.bot.token, "the login": s.ada.token} {
		share := s.do("POST", "/v1/secrets/"+m.secret+"/share", token, object{"recipient_type": "anyone_with_link"}).want(201)
		m.links[who] = strings.TrimPrefix(share.str("share_url"), "https://vault.test")
		s.do("GET", m.links[who], "", nil).want(200)
	}
	s.Clock.Forward(time.Minute + time.Second) // ten shares a minute
	s.ada.token = s.ada.login()
	return m
}

func (m *family) works(t *testing.T, want map[string]bool) {
	t.Helper()
	got := map[string]bool{
		"the first key":  m.do("GET", "/v1/vaults", m.key, nil).status == 200,
		"the second key": m.do("GET", "/v1/vaults", m.second, nil).status == 200,
		"the agent":      m.do("GET", "/v1/agents/me", m.bot.key, nil).status == 200,
		"its token":      m.do("GET", "/v1/agents/me", m.bot.token, nil).status == 200,
	}
	for who, link := range m.links {
		got["a link of "+who] = m.do("GET", link, "", nil).status == 200
	}
	for what, is := range got {
		if is != want[what] {
			t.Errorf("%s works: %v", what, is)
		}
	}
}

func TestWhatACredentialMadeEndsWithIt(t *testing.T) {
	s := openSession(t)
	eve := s.signup("eve")
	t.Run("revoking a key", func(t *testing.T) {
		m := s.makes(t)
		r := m.do("GET", "/v1/auth/api-keys/"+m.keyID+"/made", s.ada.token, nil).want(200)
		var kinds []string
		for _, o := range r.list("made") {
			fields(t, "what was made", o, "kind", "id", "name", "made_with", "created_at", "is_live")
			kinds = append(kinds, o["kind"].(string))
			if o["made_with"] != "key:"+m.keyID || o["is_live"] != true {
				t.Errorf("made: %v", o)
			}
		}
		if slices.Sort(kinds); !slices.Equal(kinds, []string{"api_key", "share"}) {
			t.Errorf("made with the first key: %v", kinds)
		}
		if l := m.do("GET", "/v1/auth/api-keys/"+m.secondID+"/made", s.ada.token, nil).want(200).list("made"); len(l) != 3 {
			t.Errorf("made with the second key: %v", l)
		}
		if l := m.do("GET", "/v1/agents/"+m.bot.id+"/made", s.ada.token, nil).want(200).list("made"); len(l) != 1 || !strings.HasPrefix(l[0]["made_with"].(string), "agent:"+m.bot.id+"/") {
			t.Errorf("made by the agent: %v", l)
		}
		m.do("GET", "/v1/auth/api-keys/"+m.keyID+"/made", eve.token, nil).want(404)

		r = m.do("DELETE", "/v1/auth/api-keys/"+m.keyID, s.ada.token, nil).want(204)
		if got := r.header.Get("X-Ended"); got != "api_keys=1,agents=1,shares=3,policies=1" {
			t.Errorf("X-Ended: %q", got)
		}
		ev := m.do("GET", "/v1/audit/events?action=api_key.delete&limit=1", s.ada.token, nil).want(200).list("events")[0]
		if got := ev["details"].(object)["ended"]; got != "api_keys=1,agents=1,shares=3,policies=1 key:"+m.secondID+" agent:"+m.bot.id {
			t.Errorf("the event says %v", got)
		}
		m.works(t, map[string]bool{"a link of the login": true})
		for _, o := range m.do("GET", "/v1/auth/api-keys/"+m.keyID+"/made", s.ada.token, nil).want(200).list("made") {
			if o["is_live"] != false {
				t.Errorf("still live: %v", o)
			}
		}
	})
	t.Run("keeping what a key made", func(t *testing.T) {
		m := s.makes(t)
		r := m.do("DELETE", "/v1/auth/api-keys/"+m.keyID+"?keep=true", s.ada.token, nil).want(204)
		if got := r.header.Get("X-Ended"); got != "" {
			t.Errorf("X-Ended: %q", got)
		}
		m.works(t, map[string]bool{"the second key": true, "the agent": true, "its token": true, "a link of the login": true,
			"a link of the first key": true, "a link of the second key": true, "a link of the agent": true})
	})
	for name, op := range map[string]struct {
		method, tail string
		status       int
	}{
		"rotating an agents key": {"POST", "/rotate-key", 200}, "deleting an agent": {"DELETE", "", 204}, "stopping an agent": {"PATCH", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			m := s.makes(t)
			var body any
			if op.method == "PATCH" {
				body = object{"is_active": false}
			}
			r := m.do(op.method, "/v1/agents/"+m.bot.id+op.tail, s.ada.token, body).want(op.status)
			if r.header.Get("X-Ended") != "shares=1" {
				t.Errorf("X-Ended: %q", r.header.Get("X-Ended"))
			}
			alive := map[string]bool{"the first key": true, "the second key": true, "a link of the login": true,
				"a link of the first key": true, "a link of the second key": true}
			m.works(t, alive)
			m.do("PATCH", "/v1/agents/"+m.bot.id, s.ada.token, object{"is_active": true}).want(200)
			m.do("POST", "/v1/agents/"+m.bot.id+"/rotate-key", s.ada.token, nil).want(200)
			m.works(t, alive)
		})
	}
	t.Run("rotating and keeping", func(t *testing.T) {
		m := s.makes(t)
		m.do("POST", "/v1/agents/"+m.bot.id+"/rotate-key?keep=true", s.ada.token, nil).want(200)
		if m.do("GET", m.links["the agent"], "", nil).status != http.StatusOK {
			t.Error("the agent's link ended")
		}
	})
}

// A webhook ends with the credential that it was made with, and with one that sent it
// elsewhere.
func TestAWebhookEndsWithTheCredentialThatMadeIt(t *testing.T) {
	s := openSession(t)
	key := s.do("POST", "/v1/auth/api-keys", s.ada.login(), object{"name": "deploy"}).want(201)
	hook := func(token string) string {
		return "/v1/webhooks/" + s.do("POST", "/v1/webhooks", token, object{"url": "https://hooks.example.com/x", "events": []string{"*"}}).want(201).str("id")
	}
	made, moved, others := hook(key.str("api_key")), hook(s.ada.token), hook(s.ada.token)
	s.do("PATCH", moved, key.str("api_key"), object{"url": "https://elsewhere.example.com/x"}).want(200)
	at := "/v1/auth/api-keys/" + key.str("key", "id")
	kinds := map[string]int{}
	for _, m := range s.do("GET", at+"/made", s.ada.token, nil).want(200).list("made") {
		kinds[m["kind"].(string)]++
	}
	if kinds["webhook"] != 1 || kinds["webhook_change"] != 1 {
		t.Errorf("made: %v", kinds)
	}
	if got := s.do("DELETE", at, s.ada.token, nil).want(204).header.Get("X-Ended"); got != "webhooks=2" {
		t.Errorf("X-Ended: %q", got)
	}
	for at, status := range map[string]int{made: 404, moved: 404, others: 200} {
		s.do("GET", at, s.ada.token, nil).want(status)
	}
}

func TestARemovedOrDemotedAdminsWebhookEnds(t *testing.T) {
	s := openSession(t)
	for name, end := range map[string]func(bob *human){
		"removed": func(bob *human) {
			r := s.do("DELETE", "/v1/org/members/"+bob.id, s.ada.token, nil).want(204)
			if got := r.header.Get("X-Ended"); got != "webhooks=3" {
				t.Errorf("X-Ended: %q", got)
			}
		},
		"demoted": func(bob *human) {
			s.do("PATCH", "/v1/org/members/"+bob.id, s.ada.token, object{"role": "member"}).want(200)
		},
	} {
		bob := s.ada.member(name, "admin")
		s.do("PUT", "/v1/org/approval-webhook", bob.token, object{"url": "https://hooks.example.com/x"}).want(200)
		s.do("GET", "/v1/org/approval-webhook", s.ada.token, nil).want(200)
		hook := func(by *human) string {
			return "/v1/webhooks/" + s.do("POST", "/v1/webhooks", by.token, object{"url": "https://hooks.example.com/x", "events": []string{"*"}}).want(201).str("id")
		}
		made, moved, named, others := hook(bob), hook(s.ada), hook(s.ada), hook(s.ada)
		s.do("PATCH", moved, bob.token, object{"url": "https://elsewhere.example.com/x"}).want(200)
		s.do("PATCH", named, bob.token, object{"description": "ada's"}).want(200)
		end(bob)
		s.do("GET", "/v1/org/approval-webhook", s.ada.token, nil).want(404)
		for at, status := range map[string]int{made: 404, moved: 404, named: 200, others: 200} {
			s.do("GET", at, s.ada.token, nil).want(status)
		}
	}
}

// A key that made very much shows the newest, and how many there are; each key that it made is its own to revoke, also the oldest.
func TestALongListOfWhatWasMadeSaysSo(t *testing.T) {
	s := openSession(t)
	maker := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "maker", "scopes": []string{}}).want(201)
	id, key := maker.str("key", "id"), maker.str("api_key")
	first := s.do("POST", "/v1/auth/api-keys", key, object{"name": "first", "expires_at": s.Clock.Now().Add(time.Hour)}).want(201).str("key", "id")
	s.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1004)
		INSERT INTO user_keys (id, org_id, user_id, name, key_hash, key_prefix, scopes, created_at, made_with)
		SELECT 'made-' || i, org_id, user_id, 'made ' || i, 'made-' || i, '', scopes, created_at + i, made_with FROM n, user_keys WHERE id = '` + first + `'`)
	got := s.do("GET", "/v1/auth/api-keys/"+id+"/made", s.ada.token, nil).want(200)
	made := got.list("made")
	if len(made) != 1000 || fmt.Sprint(got.json()["total"]) != "1005" || made[0]["name"] != "made 1004" || made[999]["name"] != "made 5" {
		t.Errorf("%d of %v, from %v to %v", len(made), got.json()["total"], made[0]["name"], made[len(made)-1]["name"])
	}
	s.do("DELETE", "/v1/auth/api-keys/"+first, key, nil).want(204)
}
