package httpapi_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// What is refused for one variable has spent nothing of the others: no read of those that
// may be read so often, and no approval.
func TestARefusedResolveSpendsNothing(t *testing.T) {
	s := openSession(t, rest.OneByOne)
	v := s.ada.vaultNamed("app")
	at := "/v1/vaults/" + v + "/env-vars"
	resolve := at + "/resolve?environment=production"
	put := func(key string, more object) {
		body := object{"value": "of " + key, "type": "env"}
		maps.Copy(body, more)
		s.do("PUT", secretAt(v, "env-vars/production/"+key), s.ada.token, body).want(201)
	}
	bot := s.ada.agent(object{"name": "bot"})
	put("A", object{"max_access_count": 1})
	put("B", nil)
	put("C", nil)
	put("Z", object{"max_access_count": 1})
	for _, key := range []string{"A", "Z"} {
		s.ada.grant(v, bot, "env-vars/production/"+key, nil, "read")
	}
	for _, key := range []string{"B", "C"} {
		s.ada.grant(v, bot, "env-vars/production/"+key, asks(object{"max_uses": 1}), "read")
	}

	// Both approvals are asked for at once, and only once.
	var first reply
	events := s.during(func() { first = s.do("GET", resolve, bot.token, nil).want(403, "approval_required") })
	waiting := s.do("GET", "/v1/approvals?status=pending", bot.token, nil).want(200).list("approvals")
	if len(waiting) != 2 || len(events) != 2 {
		t.Fatalf("%d requests wait, and %d events are there; want 2 and 2", len(waiting), len(events))
	}
	paths := map[string]bool{}
	for _, e := range events {
		paths[e.detail("path")] = true
		if e.action != "secret.read" || e.detail("outcome") != "denied" || e.detail("reason") != "approval_required" || e.detail("target") == "" {
			t.Errorf("the log says %v", e)
		}
	}
	if !paths["env-vars/production/B"] || !paths["env-vars/production/C"] {
		t.Errorf("events of %v", paths)
	}
	var ids []string
	for _, w := range waiting {
		id := w["id"].(string)
		ids = append(ids, id)
		if !strings.Contains(first.str("detail"), id) {
			t.Errorf("%q does not name %s", first.str("detail"), id)
		}
	}
	left := func(id string) any {
		return s.do("GET", "/v1/approvals/"+id, s.ada.token, nil).want(200).json()["uses_left"]
	}
	s.do("POST", "/v1/approvals/"+ids[0]+"/approve", s.ada.token, nil).want(200)
	s.do("GET", resolve, bot.token, nil).want(403, "approval_required")
	if got := left(ids[0]); got != json.Number("1") {
		t.Errorf("a resolve that waits for another approval left %v uses of the first", got)
	}
	s.do("POST", "/v1/approvals/"+ids[1]+"/approve", s.ada.token, nil).want(200)

	// One that was read as often as it may is named, and nothing is spent.
	s.do("GET", secretAt(v, "env-vars/production/Z"), s.ada.token, nil).want(200)
	gone := s.do("GET", resolve, bot.token, nil).want(410, "secret_gone")
	if !strings.Contains(gone.str("detail"), "env-vars/production/Z") {
		t.Errorf("it is not named: %s", gone.body)
	}
	for _, id := range ids {
		if got := left(id); got != json.Number("1") {
			t.Errorf("a resolve that ended with 410 left %v uses", got)
		}
	}
	put("Z", nil)
	s.do("POST", "/v1/vaults/"+v+"/secret-version-disable/env-vars/production/Z/2", s.ada.token, nil).want(204)
	if gone := s.do("GET", resolve, bot.token, nil).want(410, "secret_gone"); !strings.Contains(gone.str("detail"), "env-vars/production/Z") {
		t.Errorf("a disabled one is not named: %s", gone.body)
	}
	put("Z", nil)
	got := s.do("GET", resolve, bot.token, nil).want(200).texts("vars")
	if want := map[string]string{"A": "of A", "B": "of B", "C": "of C", "Z": "of Z"}; !maps.Equal(got, want) {
		t.Errorf("vars %v, want %v", got, want)
	}
	for _, id := range ids {
		if got := left(id); got != json.Number("0") {
			t.Errorf("the resolve left %v uses", got)
		}
	}
	if again := s.do("GET", resolve, bot.token, nil).want(410, "secret_gone"); !strings.Contains(again.str("detail"), "env-vars/production/A") {
		t.Errorf("it is not named: %s", again.body)
	}
	if got := s.do("GET", "/v1/approvals?status=pending", bot.token, nil).want(200).list("approvals"); len(got) != 0 {
		t.Errorf("approvals are asked for where the resolve can't succeed: %v", got)
	}
}
