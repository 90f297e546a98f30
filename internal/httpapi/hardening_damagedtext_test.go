package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// whole wants an answer that is JSON, or lines of it, and that has all the words.
func (r reply) whole(words ...string) {
	r.t.Helper()
	r.want(200)
	for line := range strings.Lines(string(r.body)) {
		if !jsontext.Value(line).IsValid() {
			r.t.Errorf("%s: no JSON: %.300q", r.what, line)
		}
	}
	for _, w := range words {
		if !strings.Contains(string(r.body), w) {
			r.t.Errorf("%s has no %q: %.1000s", r.what, w, r.body)
		}
	}
}

// TestADamagedTextBreaksNoAnswer: SQLite stores any bytes as a text. What is no UTF-8
// any more is shown with U+FFFD in its place, beside all that is whole.
func TestADamagedTextBreaksNoAnswer(t *testing.T) {
	s := openSharer(t)
	vault, ada := "/v1/vaults/"+s.vault, s.ada.token
	s.do("POST", vault+"/policies", ada, object{"secret_path_pattern": "a/*", "principal_type": "agent", "principal_id": s.robot.id, "permissions": []string{"read"}}).want(201)
	whole := s.ada.agent(nil)
	other := s.ada.vaultNamed("other")
	s.ada.put(s.vault, "a/c", "another value")
	s.do("POST", "/v1/auth/api-keys", ada, object{"name": "a key"}).want(201)
	const bad = `CAST(x'61ff62' AS TEXT)`
	for _, q := range []string{
		`UPDATE agents SET name = ` + bad + `, description = ` + bad + ` WHERE id = '` + s.robot.id + `'`,
		`UPDATE vaults SET description = ` + bad + ` WHERE id = '` + s.vault + `'`,
		`UPDATE users SET display_name = ` + bad + ` WHERE id = '` + s.ada.id + `'`,
		`UPDATE orgs SET name = ` + bad,
		`UPDATE policies SET secret_path_pattern = ` + bad,
		`UPDATE user_keys SET name = ` + bad,
		`UPDATE secrets SET type = ` + bad + ` WHERE path = 'a/c'`,
		`UPDATE secret_versions SET created_by = ` + bad + ` WHERE path = 'a/c'`,
	} {
		s.Exec(q)
	}
	const shown = "a\ufffdb"
	s.do("GET", "/v1/agents", ada, nil).whole(shown, whole.id)
	s.do("GET", "/v1/agents/"+s.robot.id, ada, nil).whole(shown)
	s.do("GET", "/v1/vaults", ada, nil).whole(shown, other)
	s.do("GET", "/v1/org/members", ada, nil).whole(shown, s.bob.id)
	s.do("GET", "/v1/auth/me", ada, nil).whole(shown)
	s.do("GET", "/v1/auth/api-keys", ada, nil).whole(shown)
	s.do("GET", vault+"/policies", ada, nil).whole(shown)
	s.do("GET", vault+"/secrets", ada, nil).whole(shown, `"a/b"`)
	s.do("GET", vault+"/secret-versions/a/c?version=1", ada, nil).whole(shown, "another value")
	s.do("GET", vault+"/secret-versions/a/c", ada, nil).whole(shown, `"versions"`)

	s.Exec(`UPDATE secrets SET path = CAST(x'612f6300ff' AS TEXT) WHERE path = 'a/c'`)
	s.ada.put(s.vault, "b", "a value")
	var seen []string
	for next := ""; ; {
		page := s.do("GET", vault+"/secrets?limit=1&cursor="+next, ada, nil)
		page.whole()
		for _, m := range page.list("secrets") {
			seen = append(seen, fmt.Sprint(m["path"]))
		}
		if next, _ = page.json()["next_cursor"].(string); next == "" {
			break
		}
	}
	if want := []string{"a/b", "a/c\x00\ufffd", "b"}; !slices.Equal(seen, want) {
		t.Errorf("page by page %q are listed, want %q", seen, want)
	}
	s.do("PATCH", "/v1/agents/"+s.robot.id, ada, object{"name": "mended", "description": ""}).whole("mended")
}

// TestADamagedEventIsShownAndNamed: a log with invalid UTF-8 in an event is read, verified
// and exported to its end.
func TestADamagedEventIsShownAndNamed(t *testing.T) {
	s := openSharer(t)
	ada := s.ada.token
	for _, column := range []string{"id", "ip", "details"} {
		var was string
		if err := s.SQL.QueryRowContext(t.Context(), `SELECT `+column+` FROM audit_events WHERE org_id = ? AND seq = 3`, s.ada.org).Scan(&was); err != nil {
			t.Fatal(err)
		}
		set := func(value []byte) {
			s.Exec(`UPDATE audit_events SET `+column+` = CAST(? AS TEXT) WHERE org_id = ? AND seq = 3`, value, s.ada.org)
		}
		bad := []byte(was)
		bad[len(bad)/2] = 0xff
		set(bad)
		shown := strings.ToValidUTF8(string(bad), "\ufffd")
		if column == "details" {
			shown = `"details":null`
		}
		s.do("GET", "/v1/audit/events?limit=1000", ada, nil).whole(shown, `"seq":2,`)
		s.do("GET", "/v1/audit", ada, nil).whole(shown)
		r := s.do("GET", "/v1/audit/verify?full=true", ada, nil)
		r.whole()
		if got := r.json(); got["ok"] != false || r.str("problem") != "event 3 was altered: its hash does not fit" {
			t.Errorf("%s is damaged: %s", column, r.body)
		}
		export := s.do("GET", "/v1/audit/export", ada, nil)
		export.whole("\ufffd", `"seq":2,`, `"seq":4,`)
		if !utf8.Valid(export.body) {
			t.Error("the export is no UTF-8")
		}
		set([]byte(was))
		if r := s.do("GET", "/v1/audit/verify?full=true", ada, nil); r.json()["ok"] != true {
			t.Errorf("%s as it was: %s", column, r.body)
		}
	}
}

// TestStoredJSONThatIsNoneIsNotSent: a listing says null in its place; what can't do
// without it is damaged, and does not say "try again".
func TestStoredJSONThatIsNoneIsNotSent(t *testing.T) {
	s := openSharer(t)
	vault, ada := "/v1/vaults/"+s.vault, s.ada.token
	s.do("POST", vault+"/policies", ada, object{"secret_path_pattern": "a/*", "principal_type": "agent", "principal_id": s.robot.id, "permissions": []string{"read"},
		"conditions": object{"ip_allowlist": []string{"192.0.2.0/24"}}}).want(201)
	for _, path := range []string{"a/c", "a/d"} {
		s.do("PUT", vault+"/secrets/"+path, ada, object{"value": "x", "type": "generic", "metadata": object{"k": "v"}, "rotation_policy": object{"k": "v"}}).want(201)
	}
	s.link(object{"ip_allowlist": []string{"192.0.2.0/24"}})

	harm := []string{"{", "}]"}
	if s.DSN == "" {
		harm = append(harm, "\xff")
	}
	for _, bad := range harm {
		for _, q := range []string{
			`UPDATE secrets SET metadata = CAST(? AS TEXT) WHERE path = 'a/c'`,
			`UPDATE secret_versions SET metadata = CAST(? AS TEXT), rotation_policy = CAST(? AS TEXT) WHERE path = 'a/c'`,
			`UPDATE policies SET conditions = CAST(? AS TEXT)`,
			`UPDATE agents SET shroud_config = CAST(? AS TEXT)`,
		} {
			args := []any{[]byte(bad), []byte(bad)}[:strings.Count(q, "?")]
			if s.DSN != "" {
				q = strings.ReplaceAll(q, "CAST(? AS TEXT)", "convert_from(?, 'UTF8')")
			}
			s.Exec(q, args...)
		}
		s.do("DELETE", vault+"/secrets/a/c", ada, nil).want(204) // and back: what is cached is forgotten
		s.do("POST", vault+"/secret-restore/a/c", ada, nil).whole(`"metadata":null`)
		s.do("GET", vault+"/secrets", ada, nil).whole(`"metadata":null`, `"metadata":{"k":"v"}`, `"a/b"`)
		s.do("GET", vault+"/secrets/a/c", ada, nil).want(500, "value_damaged")
		s.do("GET", vault+"/secret-versions/a/c?version=1", ada, nil).want(500, "value_damaged")
		s.do("GET", vault+"/secrets/a/d", ada, nil).whole()
		s.do("GET", vault+"/policies", ada, nil).whole(`"conditions":null`)
		s.do("GET", "/v1/agents", ada, nil).whole(`"shroud_config":null`)
	}

	s.Exec(`UPDATE agents SET scopes = '["x"]]'`)
	s.do("GET", "/v1/agents", ada, nil).want(500, "storage_damaged")
	s.do("POST", "/v1/auth/agent-token", "", object{"api_key": s.robot.key}).want(500, "storage_damaged")
	s.do("GET", "/v1/agents/"+s.robot.id, ada, nil).want(500, "storage_damaged")
	s.Exec(`UPDATE policies SET permissions = '["read"'`)
	s.do("GET", vault+"/policies", ada, nil).want(500, "storage_damaged")
	s.Exec(`UPDATE shares SET ip_allowlist = '["192.0.2.0/2x"]'`)
	s.do("GET", "/v1/shares/outbound", ada, nil).want(500, "storage_damaged")
	s.Exec(`INSERT INTO ip_rules (id, org_id, rule_type, cidr, label, applies_to, created_by, created_at) VALUES (?, ?, 'allow', '192.0.2.0/2x', '', 'all', ?, 1)`,
		s.robot.id, s.ada.org, s.ada.id)
	s.do("GET", "/v1/security/ip-rules", ada, nil).want(500, "storage_damaged")
}
