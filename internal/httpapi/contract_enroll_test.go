package httpapi_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ratelimit"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
	kit "github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// enroll asks for an agent of a human's, lets the server look at it, and returns
// the key that was mailed.
func (w *world) enroll(name, email string) (key string) {
	w.t.Helper()
	w.do("POST", "/v1/agents/enroll", "", object{"name": name, "human_email": email, "description": "tries"}).want(201)
	w.process()
	return w.enrollMail(email).Key
}

func (w *world) process() {
	w.t.Helper()
	if err := w.Agents.ProcessEnrollments(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// enrollMail is the last mail with the key of an agent that asked to be let in.
func (w *world) enrollMail(to string) (last kit.Letter) {
	for _, l := range w.Mail.Letters(kit.Enroll) {
		if l.To == to {
			last = l
		}
	}
	return last
}

// waiting are the enrolments that wait for a human.
func (h *human) waiting() []object {
	h.t.Helper()
	return h.do("GET", "/v1/agents/enrollments", h.token, nil).want(200).list("enrollments")
}

func (h *human) accepts(id any, body any) reply {
	h.t.Helper()
	return h.do("POST", "/v1/agents/enrollments/"+id.(string)+"/accept", h.token, body)
}

func TestEnrollment(t *testing.T) {
	s := openSession(t, rest.OneByOne)
	key := s.enroll("build bot", s.ada.email)
	if l := s.enrollMail(s.ada.email); !strings.HasPrefix(key, "ocv_") || l.What != "build bot" || l.By != "192.0.2.7" || len(l.Token) != 43 {
		t.Fatalf("mailed %+v", l)
	}
	// Until it is accepted it is nobody.
	s.do("GET", secretAt(s.vault, "a/b"), key, nil).want(401)
	s.do("POST", "/v1/auth/agent-token", "", object{"api_key": key}).want(401)
	list := s.ada.waiting()
	if len(list) != 1 {
		t.Fatalf("waiting: %v", list)
	}
	e := fields(t, "an enrolment", list[0], "id", "name", "description", "key_prefix", "ip_address", "created_at", "expires_at")
	if e["name"] != "build bot" || e["description"] != "tries" || e["ip_address"] != "192.0.2.7" || e["key_prefix"] != key[:12] {
		t.Errorf("the enrolment: %v", e)
	}
	var made reply
	events := s.during(func() {
		made = s.ada.accepts(e["id"], object{"vault_id": s.vault, "secret_path_pattern": "a/*"}).want(200)
	})
	if len(events) != 1 || events[0].resource != e["id"] || events[0].org != s.ada.org {
		t.Errorf("accepting left %v", events)
	}
	agent := fields(t, "the agent", made.json(), agentFields...)
	if agent["name"] != "build bot" || agent["auth_method"] != "api_key" || agent["is_active"] != true || agent["ssh_public_key"] == "" {
		t.Errorf("the agent: %v", agent)
	}
	if mailed := s.enrollMail(s.ada.email).Agent; agent["id"] != mailed {
		t.Errorf("the agent is %v, and its mail said %s", agent["id"], mailed)
	}
	token := s.do("POST", "/v1/auth/agent-token", "", object{"api_key": key, "agent_id": agent["id"]}).want(200).str("access_token")
	for _, credential := range []string{key, token} {
		s.do("GET", secretAt(s.vault, "a/b"), credential, nil).want(200)
		s.do("GET", secretAt(s.vault, "c"), credential, nil).want(403)
		s.do("PUT", secretAt(s.vault, "a/b"), credential, object{"value": "x"}).want(403)
	}
	if len(s.ada.waiting()) != 0 {
		t.Error("it still waits")
	}
	s.ada.accepts(e["id"], object{}).want(404, "enrollment_not_found")
	s.do("GET", "/v1/agents/"+agent["id"].(string), s.ada.token, nil).want(200)
}

// Who has an account can't be told: not from the answer, not from the limits,
// and not from the work, since none of it depends on the address.
func TestEnrollmentsOfKnownAndUnknownAddressesAreAlike(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	w.Clock.Forward(time.Hour)
	ask := func(email string) reply {
		return w.do("POST", "/v1/agents/enroll", "", object{"name": "bot", "human_email": email})
	}
	known, unknown := ask(ada.email).want(201), ask("nobody@example.com").want(201)
	o := fields(t, "the answer", known.json(), "agent_id", "message")
	if o["agent_id"] != "00000000-0000-0000-0000-000000000000" || string(known.body) != string(unknown.body) || !maps.EqualFunc(known.header, unknown.header, slices.Equal) {
		t.Errorf("%s %v\n%s %v", known.body, known.header, unknown.body, unknown.header)
	}
	if rows := w.rows("enroll_requests"); len(rows) != 2 {
		t.Errorf("before anybody looked: %v", rows)
	}
	if len(w.Mail.Letters("")) != 0 || len(w.rows("enrollments")) != 0 {
		t.Error("the request itself looked for the account")
	}
	w.process()
	if rows := w.rows("enroll_requests"); len(rows) != 0 {
		t.Errorf("afterwards: %v", rows)
	}
	known, unknown = ask(strings.ToUpper(ada.email)).want(429, "enrolled_lately"), ask("NOBODY@example.com").want(429, "enrolled_lately")
	if string(known.body) != string(unknown.body) || known.header.Get("Retry-After") != "600" || unknown.header.Get("Retry-After") != "600" {
		t.Errorf("%s %v\n%s %v", known.body, known.header, unknown.body, unknown.header)
	}
	w.Clock.Forward(10 * time.Minute)
	ask(ada.email).want(201)
	ask("nobody@example.com").want(201)
	if rows := w.rows("enroll_limits"); len(rows) != 2 {
		t.Errorf("limits are kept: %v", rows)
	}
}

func TestEnrollmentsThatCanNotBe(t *testing.T) {
	w := open(t)
	for name, body := range map[string]object{
		"no name": {"human_email": "a@example.com"}, "no address": {"name": "x"}, "an empty name": {"name": " ", "human_email": "a@example.com"},
		"a name of two lines":  {"name": "a\nb", "human_email": "a@example.com"},
		"a long name":          {"name": strings.Repeat("x", 256), "human_email": "a@example.com"},
		"a long description":   {"name": "x", "human_email": "a@example.com", "description": strings.Repeat("x", 1001)},
		"two addresses":        {"name": "x", "human_email": "a@example.com, b@example.com"},
		"a header":             {"name": "x", "human_email": "a@example.com\r\nBcc: b@example.com"},
		"something else":       {"name": "x", "human_email": "example.com"},
		"a name that is a NUL": {"name": "\u0000", "human_email": "a@example.com"},
	} {
		r := w.do("POST", "/v1/agents/enroll", "", body)
		r.what += " with " + name
		r.want(400)
	}
	if len(w.rows("enroll_requests")) != 0 || len(w.rows("enroll_limits")) != 0 {
		t.Error("something was stored")
	}
	w.do("POST", "/v1/agents/enroll", "", object{"name": "x", "human_email": "a@example.com", "description": nil}).want(201)
}

func TestAnswersToEnrollments(t *testing.T) {
	s := openSession(t)
	bob := s.signup("bob")
	key := s.enroll("bot", s.ada.email)
	id := s.ada.waiting()[0]["id"].(string)
	// Another's does not exist.
	if len(bob.waiting()) != 0 {
		t.Error("bob sees ada's")
	}
	bob.accepts(id, object{}).want(404, "enrollment_not_found")
	s.do("POST", "/v1/agents/enrollments/"+id+"/reject", bob.token, nil).want(404, "enrollment_not_found")
	s.do("GET", "/v1/agents/enrollments", s.worker.token, nil).want(403)
	capped := s.do("POST", "/v1/auth/api-keys", s.ada.token, object{"name": "k", "scopes": []string{"a/*"}}).want(201).str("api_key")
	s.do("POST", "/v1/agents/enrollments/"+id+"/accept", capped, object{}).want(403)
	for name, c := range map[string]struct {
		body   object
		status int
	}{
		"paths of no vault":        {object{"secret_path_pattern": "a/*"}, 400},
		"rights to no vault":       {object{"permissions": []string{"read"}}, 400},
		"no paths":                 {object{"vault_id": s.vault}, 400},
		"a bad pattern":            {object{"vault_id": s.vault, "secret_path_pattern": "a//b"}, 400},
		"an unknown right":         {object{"vault_id": s.vault, "secret_path_pattern": "a", "permissions": []string{"own"}}, 400},
		"something else's id":      {object{"vault_id": "main", "secret_path_pattern": "a"}, 400},
		"a vault of nobody's":      {object{"vault_id": nobodysID, "secret_path_pattern": "a"}, 404},
		"a vault of another's":     {object{"vault_id": bob.vaultNamed("bobs"), "secret_path_pattern": "a"}, 404},
		"access that ended before": {object{"vault_id": s.vault, "secret_path_pattern": "a", "expires_at": "2001-01-01T00:00:00Z"}, 400},
	} {
		r := s.ada.accepts(id, c.body)
		r.what += " with " + name
		r.want(c.status)
	}
	if agents := s.do("GET", "/v1/agents", s.ada.token, nil).want(200).list("agents"); len(agents) != 1 {
		t.Errorf("agents: %v", agents)
	}
	s.do("POST", "/v1/agents/enrollments/"+id+"/reject", s.ada.token, nil).want(204)
	s.ada.accepts(id, object{}).want(404)
	s.do("GET", "/v1/agents/me", key, nil).want(401)

	s.Clock.Forward(10 * time.Minute) // accepted without access
	key = s.enroll("other", s.ada.email)
	s.ada.token = s.ada.login()
	s.ada.accepts(s.ada.waiting()[0]["id"], object{}).want(200)
	s.do("GET", "/v1/agents/me", key, nil).want(200)
	s.do("GET", secretAt(s.vault, "a/b"), key, nil).want(403)

	s.Clock.Forward(10 * time.Minute) // too late
	s.enroll("late", s.ada.email)
	s.ada.token = s.ada.login()
	id = s.ada.waiting()[0]["id"].(string)
	s.Clock.Forward(24 * time.Hour)
	s.ada.token = s.ada.login()
	if len(s.ada.waiting()) != 0 {
		t.Error("it waits for ever")
	}
	s.ada.accepts(id, object{}).want(404)
	s.do("POST", "/v1/agents/enrollments/"+id+"/reject", s.ada.token, nil).want(404)
}

func TestAnEnrollmentIsAcceptedOnce(t *testing.T) {
	s := openSession(t)
	s.enroll("bot", s.ada.email)
	id := s.ada.waiting()[0]["id"].(string)
	var accepted atomic.Int64
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			if s.ada.accepts(id, object{"vault_id": s.vault, "secret_path_pattern": "a/*"}).status == 200 {
				accepted.Add(1)
			}
		})
	}
	all.Wait()
	if n := accepted.Load(); n != 1 {
		t.Errorf("accepted %d times", n)
	}
	if agents := s.do("GET", "/v1/agents", s.ada.token, nil).want(200).list("agents"); len(agents) != 2 {
		t.Errorf("%d agents", len(agents))
	}
}

func TestEnrollmentsAreBounded(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	for range 6 {
		w.enroll("bot", ada.email)
		w.Clock.Forward(10 * time.Minute)
	}
	ada.token = ada.login()
	if n := len(ada.waiting()); n != 5 {
		t.Errorf("%d wait for one human", n)
	}
	w.Clock.Forward(9 * 24 * time.Hour) // rows stay a week beyond their end
	w.enroll("bot", ada.email)
	if n := len(w.rows("enrollments")); n != 1 {
		t.Errorf("%d are kept", n)
	}
	limited := open(t, func(s *setup) { s.Limits = ratelimit.DefaultLimits() })
	for i := range 6 {
		r := limited.do("POST", "/v1/agents/enroll", "", object{"name": "x", "human_email": "a" + itoa(i) + "@example.com"})
		if (r.status == 429) != (i == 5) {
			t.Errorf("request %d from one address: %d", i, r.status)
		}
	}
}

// Of many nodes that are asked at once, one takes the request, and one mails.
func TestOneMailIsSentForManyRequestsAtOnce(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	var taken atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if w.do("POST", "/v1/agents/enroll", "", object{"name": "x", "human_email": ada.email}).status == 201 {
				taken.Add(1)
			}
		})
	}
	all.Wait()
	if taken.Load() != 1 {
		t.Errorf("%d requests were taken", taken.Load())
	}
	for range 10 {
		all.Go(func() {
			if err := w.Agents.ProcessEnrollments(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(ada.waiting()); n != 1 {
		t.Errorf("%d wait", n)
	}
}

func TestUnconfirmedAddressesGetNoAgents(t *testing.T) {
	w := open(t, verified)
	w.do("POST", "/v1/auth/signup", "", object{"email": "ada@example.com", "password": password}).want(200)
	if key := w.enroll("bot", "ada@example.com"); key != "" {
		t.Error("an address that nobody confirmed was mailed a key")
	}
}
