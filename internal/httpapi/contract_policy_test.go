package httpapi_test

import (
	"strings"
	"testing"
	"time"
)

var policyFields = []string{
	"id", "vault_id", "secret_path_pattern", "principal_type", "principal_id", "permissions", "conditions", "expires_at",
	"created_by", "created_by_type", "created_at",
}

func TestPolicies(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	a := ada.agent(nil)
	v := ada.vaultNamed("main")
	all := "/v1/vaults/" + v + "/policies"
	if r := w.do("GET", all, ada.token, nil).want(200); string(r.body) != `{"policies":[]}` {
		t.Errorf("no policies: %s", r.body)
	}
	end := w.Clock.Now().Add(time.Hour).Format(time.RFC3339Nano)
	conditions := object{"ip_allowlist": []any{"192.0.2.0/24"}, "time_window": object{"after": "08:00", "before": "18:00", "timezone": "UTC"}}
	r := w.do("POST", all, ada.token, object{
		"secret_path_pattern": "api-keys/*", "principal_type": "agent", "principal_id": a.id, "permissions": []string{"read", "write"},
		"conditions": conditions, "expires_at": end, "policy_schema_version": 2, "effect": "allow", "priority": 5, "attribute_conditions": object{},
	}).want(201)
	o := fields(t, "Policy", r.json(), policyFields...)
	if o["vault_id"] != v || o["principal_id"] != a.id || o["expires_at"] != end || o["created_by"] != ada.id || o["created_by_type"] != "user" ||
		o["conditions"].(object)["time_window"].(object)["after"] != "08:00" || len(o["permissions"].([]any)) != 2 {
		t.Errorf("got %v", o)
	}
	one := all + "/" + r.str("id")
	for _, p := range w.do("GET", all, ada.token, nil).want(200).list("policies") {
		fields(t, "Policy", p, policyFields...)
	}
	// What a policy is about can't change; the rest can, and null lifts it.
	up := w.do("PUT", one, ada.token, object{"permissions": []string{"read"}, "secret_path_pattern": "**", "principal_id": ada.id, "expires_at": nil, "conditions": object{}}).want(200).json()
	fields(t, "Policy", up, policyFields...)
	if up["secret_path_pattern"] != "api-keys/*" || up["principal_id"] != a.id || up["expires_at"] != nil || len(up["permissions"].([]any)) != 1 || len(up["conditions"].(object)) != 0 {
		t.Errorf("got %v", up)
	}
	kept := w.do("PUT", one, ada.token, object{}).want(200).json()
	if len(kept["permissions"].([]any)) != 1 {
		t.Errorf("an empty update changed %v", kept)
	}
	w.do("PUT", one, ada.token, object{"permissions": []string{}}).want(400)
	w.do("PUT", one, ada.token, object{"permissions": []string{"admin"}}).want(400)
	w.do("PUT", one, ada.token, object{"expires_at": "2001-01-01T00:00:00Z"}).want(400)
	w.do("PUT", all+"/"+nobodysID, ada.token, object{}).want(404)
	w.do("PUT", all+"/x", ada.token, object{}).want(404)
	w.do("DELETE", one, ada.token, nil).want(204)
	w.do("DELETE", one, ada.token, nil).want(404)
	w.do("PUT", one, ada.token, object{}).want(404)
	if allow := w.do("GET", one, ada.token, nil).want(405).header.Get("Allow"); allow != "DELETE, PUT" {
		t.Errorf("Allow: %q", allow)
	}
}

func TestRefusedPolicies(t *testing.T) {
	w := open(t)
	ada, bob := w.signup("ada"), w.signup("bob")
	a := ada.agent(nil)
	v := ada.vaultNamed("main")
	good := func() object {
		return object{"secret_path_pattern": "a/*", "principal_type": "agent", "principal_id": a.id, "permissions": []string{"read"}}
	}
	for name, c := range map[string]struct {
		field  string
		value  any
		status int
	}{
		"no pattern":              {"secret_path_pattern", "", 400},
		"a pattern with dots":     {"secret_path_pattern", "../*", 400},
		"a pattern with a slash":  {"secret_path_pattern", "/a", 400},
		"an endless pattern":      {"secret_path_pattern", strings.Repeat("a/", 300), 400},
		"another type":            {"principal_type", "group", 400},
		"an id that is none":      {"principal_id", "x", 400},
		"an id like a UUID":       {"principal_id", strings.Repeat("z", 36), 404},
		"a user's id as agent's":  {"principal_id", ada.id, 404},
		"nobody's id":             {"principal_id", nobodysID, 404},
		"another org's user":      {"principal_id", bob.id, 404},
		"no permission":           {"permissions", []string{}, 400},
		"an unknown permission":   {"permissions", []string{"read", "root"}, 400},
		"a text for permissions":  {"permissions", "read", 400},
		"conditions as a list":    {"conditions", []string{}, 400},
		"an unknown condition":    {"conditions", object{"weekday": "monday"}, 400},
		"a bad CIDR":              {"conditions", object{"ip_allowlist": []string{"300.0.0.0/8"}}, 400},
		"a bad time":              {"conditions", object{"time_window": object{"after": "25:00", "before": "26:00", "timezone": "UTC"}}, 400},
		"a bad zone":              {"conditions", object{"time_window": object{"after": "08:00", "before": "18:00", "timezone": "Mars/Olympus"}}, 400},
		"a past expiry":           {"expires_at", "2001-01-01T00:00:00Z", 400},
		"an expiry without zone":  {"expires_at", "2090-01-01T00:00:00", 400},
		"an expiry in year 10000": {"expires_at", "9999-12-31T23:59:59-01:00", 400},
	} {
		body := good()
		body[c.field] = c.value
		r := w.do("POST", "/v1/vaults/"+v+"/policies", ada.token, body)
		r.what = name
		r.want(c.status)
	}
	for field := range good() {
		body := good()
		delete(body, field)
		w.do("POST", "/v1/vaults/"+v+"/policies", ada.token, body).want(400, "invalid_request")
	}
	if n := len(w.do("GET", "/v1/vaults/"+v+"/policies", ada.token, nil).want(200).list("policies")); n != 0 {
		t.Errorf("%d policies were made of refused ones", n)
	}
	w.do("POST", "/v1/vaults/"+nobodysID+"/policies", ada.token, good()).want(404)
}

func TestUpdatesThatWouldWidenByAccidentAreRefused(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	a := ada.agent(nil)
	v := ada.vaultNamed("main")
	id := ada.grant(v, a, "**", object{"conditions": object{"ip_allowlist": []string{"192.0.2.0/24"}}}, "read")
	one := "/v1/vaults/" + v + "/policies/" + id
	w.do("PUT", one, ada.token, object{"conditions": object{"ip_allowlist": []string{}}}).want(400, "empties_allowlist")
	w.do("PUT", one, ada.token, object{"conditions": object{"ip_allowlist": nil}}).want(200)
}

func TestAudit(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("main")
	ada.put(v, "a/b", "x")
	a := ada.agent(nil)
	w.do("GET", secretAt(v, "a/b"), a.token, nil).want(403)
	w.do("GET", secretAt(v, "a/b"), ada.token, nil).want(200)
	r := w.do("GET", "/v1/audit/events", ada.token, nil).want(200)
	fields(t, "the reply", r.json(), "events", "count")
	list := r.list("events")
	number(t, r.json(), "count", int64(len(list)))
	named := map[any]any{ada.id: ada.email, a.id: "worker", "": nil}
	for i, e := range list {
		if e["actor_name"] != named[e["actor_id"]] {
			t.Errorf("the actor of %v is %v", e["action"], e["actor_name"])
		}
		delete(e, "actor_name")
		fields(t, "Event", e, "id", "seq", "action", "actor_id", "actor_type", "resource_type", "resource_id", "org_id", "details",
			"ip_address", "created_at", "prev_event_id", "integrity_hash")
		if i > 0 && list[i-1]["prev_event_id"] != e["id"] {
			t.Errorf("events are not newest first, or their chain is broken: %v", list)
		}
		if e["org_id"] != ada.org || e["ip_address"] != "192.0.2.7" {
			t.Errorf("event %v", e)
		}
	}
	if list[len(list)-1]["prev_event_id"] != nil {
		t.Errorf("the first event: %v", list[len(list)-1])
	}
	count := func(query string) int {
		t.Helper()
		return len(w.do("GET", "/v1/audit/events?"+query, ada.token, nil).want(200).list("events"))
	}
	w.run("filters", func(t *testing.T) {
		if n := count("action=secret.read"); n != 2 {
			t.Errorf("%d reads", n)
		}
		if n := count("action=secret.read&actor_id=" + a.id); n != 1 {
			t.Errorf("%d reads of the agent", n)
		}
		all := count("limit=1000")
		if won, lost := count("limit=1000&outcome=success"), count("limit=1000&outcome=denied"); won == 0 || lost == 0 || won+lost > all+2 {
			t.Errorf("%d succeeded and %d were denied of %d", won, lost, all)
		}
		for _, e := range w.do("GET", "/v1/audit/events?outcome=denied&action=secret.read", ada.token, nil).want(200).list("events") {
			if e["details"].(map[string]any)["outcome"] != "denied" {
				t.Errorf("denied: %v", e)
			}
		}
		if n := count("resource_id=" + v + "&limit=1"); n != 1 {
			t.Errorf("%d with limit 1", n)
		}
		if n := count("action=secret.read&offset=1"); n != 1 {
			t.Errorf("%d with offset 1", n)
		}
		if n := count("from=2027-01-01T00:00:00Z"); n != 0 {
			t.Errorf("%d from the future", n)
		}
		if n := count("to=2025-01-01T00:00:00Z"); n != 0 {
			t.Errorf("%d from the past", n)
		}
		if n := count("before_seq=3"); n != 2 {
			t.Errorf("%d before the third", n)
		}
		if n := count("before_seq=18446744073709551615"); n == 0 {
			t.Error("nothing before the end of all numbers")
		}
	})
	w.run("queries that are refused", func(t *testing.T) {
		for _, q := range []string{
			"limit=0", "limit=-1", "limit=99999999999999999999", "limit=x", "offset=-1", "offset=1000001", "from=yesterday", "to=10000-01-01T00:00:00Z",
			"outcome=lost", "before_seq=-1", "action=" + strings.Repeat("x", 65), "resource_id=%00", "actor_id=%ff", "action=%zz",
		} {
			w.do("GET", "/v1/audit/events?"+q, ada.token, nil).want(400)
		}
	})
	w.run("what an agent sees", func(t *testing.T) {
		for _, e := range w.do("GET", "/v1/audit/events", a.token, nil).want(200).list("events") {
			if e["actor_id"] != a.id {
				t.Errorf("an agent sees another's event: %v", e)
			}
		}
	})
	w.run("the bare list of a vault", func(t *testing.T) {
		bare := w.do("GET", "/v1/audit?vault_id="+v+"&limit=2", ada.token, nil).want(200)
		if !strings.HasPrefix(string(bare.body), "[{") {
			t.Errorf("the CLI wants a bare array: %.100s", bare.body)
		}
		if r := w.do("GET", "/v1/audit?vault_id="+nobodysID, ada.token, nil).want(200); string(r.body) != "[]" {
			t.Errorf("got %s", r.body)
		}
	})
	w.run("verification", func(t *testing.T) {
		report := w.do("GET", "/v1/audit/verify", ada.token, nil).want(200).json()
		if report["ok"] != true {
			t.Errorf("report %v", report)
		}
		w.do("GET", "/v1/audit/verify", a.token, nil).want(403)
		w.do("GET", "/v1/audit/export", a.token, nil).want(403)
	})
	w.run("the export", func(t *testing.T) {
		export := w.do("GET", "/v1/audit/export", ada.token, nil).want(200)
		if export.header.Get("Content-Type") != "application/jsonl" || strings.Count(string(export.body), "\n") < len(list) {
			t.Errorf("export %s: %.200s", export.header.Get("Content-Type"), export.body)
		}
	})
}
