package httpapi_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// badPaths are spellings, as they come over the wire, of what is no secret's
// path: never one secret under two names, never another secret.
var badPaths = map[string]string{
	"nothing":                       "",
	"two dots":                      "..",
	"two dots within":               "a/../a/b",
	"one dot":                       "a/./b",
	"a dot in a name":               "a/b.txt",
	"an empty segment":              "a//b",
	"a slash at the start":          "/a/b",
	"a slash at the end":            "a/b/",
	"an escaped slash at the end":   "a/b%2F",
	"escaped dots":                  "%2e%2e/a",
	"escaped dots and slash":        "a%2F%2e%2E%2Fa%2Fb",
	"dots escaped twice":            "%252e%252e/a",
	"a slash escaped twice":         "a%252Fb",
	"a slash escaped three times":   "a%25252Fb",
	"a NUL":                         "a/b%00",
	"a NUL within":                  "a%00/b",
	"a line break":                  "a%0Ab",
	"a carriage return and more":    "a%0D%0AX-Injected:%20" + canary,
	"a space":                       "a%20b",
	"a space at the end":            "a/b%20",
	"a plus":                        "a+b",
	"a semicolon":                   "a/b;v=1",
	"an escaped semicolon":          "a/b%3Bv=1",
	"an escaped question mark":      "a/b%3Fx=1",
	"an escaped hash":               "a/b%23" + canary,
	"an escaped percent":            "a%25b",
	"a backslash":                   "a%5Cb",
	"a tilde":                       "~a",
	"a star":                        "a/*",
	"two stars":                     "**",
	"a leading dash":                "-a",
	"a trailing underscore":         "a_",
	"a Cyrillic look-alike":         "%D0%B0/b",
	"full-width letters":            "%EF%BD%81/b",
	"a full-width slash":            "a%EF%BC%8Fb",
	"a division slash":              "a%E2%88%95b",
	"a combining accent":            "a%CC%81/b",
	"a zero-width joiner":           "a%E2%80%8D/b",
	"a right-to-left mark":          "a%E2%80%AE/b",
	"a dotless i":                   "%C4%B1",
	"a Kelvin sign":                 "%E2%84%AA",
	"bad UTF-8":                     "a%FFb",
	"an over-long slash":            "a%C0%AFb",
	"a lone surrogate":              "a%ED%A0%80b",
	"a cut escape":                  "a/b%2",
	"no escape":                     "a/b%zz",
	"513 bytes":                     strings.Repeat("a", 513),
	"10 KB":                         strings.Repeat("a/", 5119) + "ab",
	"10 KB of escapes":              strings.Repeat("%61", 3500),
	"a canary and a dot":            canary + ".txt",
	"an address":                    "http://" + canary + "/",
	"an escaped slash at the start": "%2Fa%2Fb",
}

func TestBadPathsReachNothing(t *testing.T) {
	s := openSession(t)
	s.do("PUT", secretAt(s.vault, "a"), s.ada.token, object{"value": "x"}).want(201)
	before := s.dump("secrets", "secret_versions", "vaults", "agents", "policies")
	for name, path := range badPaths {
		for _, op := range s.operations() {
			if !strings.Contains(op.path, "{path}") {
				continue
			}
			target := strings.ReplaceAll(fill(strings.ReplaceAll(op.path, "{path}", "PATH"), map[string]string{"vault_id": s.vault}), "PATH", path)
			r := s.do(op.method, target, s.ada.token, object{"value": "overwritten"})
			noMethod := op.OperationID == "rotate-secret" && r.status == http.StatusMethodNotAllowed
			if r.status != http.StatusBadRequest && r.status != http.StatusNotFound && !noMethod {
				t.Errorf("%s with %s: got %d: %.200s", op, name, r.status, r.body)
			}
			s.clean(r, "with "+name)
			if r.header.Get("Location") != "" || r.header.Get("X-Injected") != "" {
				t.Errorf("%s with %s: headers %v", op, name, r.header)
			}
		}
		prefix := s.do("GET", "/v1/vaults/"+s.vault+"/secrets?prefix="+url.QueryEscape(path), s.ada.token, nil)
		s.clean(prefix, "prefix "+name)
		cursor := s.do("GET", "/v1/vaults/"+s.vault+"/secrets?cursor="+path, s.ada.token, nil)
		s.clean(cursor, "cursor "+name)
	}
	if after := s.dump("secrets", "secret_versions", "vaults", "agents", "policies"); after != before {
		t.Error("a bad path changed something")
	}
	s.cleanLogs()
}

func TestCaseTwinsAreTwoSecrets(t *testing.T) {
	s := openSession(t)
	s.ada.put(s.vault, "A/b", "upper")
	s.ada.put(s.vault, "a/B", "mixed")
	for path, value := range map[string]string{"a/b": "value", "A/b": "upper", "a/B": "mixed"} {
		if got := s.do("GET", secretAt(s.vault, path), s.ada.token, nil).want(200).str("value"); got != value {
			t.Errorf("%s holds %s", path, got)
		}
	}
	s.do("GET", secretAt(s.vault, "A/B"), s.ada.token, nil).want(404)
	s.do("GET", secretAt(s.vault, "A/b"), s.worker.token, nil).want(403) // granted a/*
}

// Ids, verbs and queries that are none, on every route.
func TestCanariesInIDsAndQueries(t *testing.T) {
	s := openSession(t)
	ids := []string{canary, canary + "%00", "..", "%2e%2e", ".", "%00", "", "%2F", nobodysID + canary, "00000000-0000-0000-0000-00000000000g",
		strings.ToUpper(s.vault), s.vault + "%20", "%7B" + s.vault + "%7D", "urn:uuid:" + s.vault, strings.ReplaceAll(s.vault, "-", ""), strings.Repeat("1", 10_000)}
	for _, op := range s.operations() {
		for _, bad := range ids {
			for _, param := range idNames {
				if !strings.Contains(op.path, "{"+param+"}") {
					continue
				}
				values := s.ids()
				values[param] = bad
				r := s.do(op.method, fill(op.path, values), s.ada.token, s.goodBodies()[op.OperationID])
				if r.status != http.StatusNotFound && r.status != http.StatusBadRequest && r.status != http.StatusMethodNotAllowed {
					t.Errorf("%s with %s %q: got %d: %.200s", op, param, bad, r.status, r.body)
				}
				s.clean(r, "with an id")
			}
		}
		if op.method != "GET" {
			continue
		}
		for _, q := range []string{"?" + canary, "?" + canary + "=" + canary, "?limit=" + canary, "?offset=" + canary, "?from=" + canary, "?version=" + canary,
			"?cursor=" + canary + "!", "?prefix=" + canary + "..", "?a=%ff", "?a=%zz" + canary, "?a;b=" + canary, "?limit=1&limit=" + canary, "?" + strings.Repeat("a=1&", 5000)} {
			s.clean(s.do("GET", s.target(op)+q, s.ada.token, nil), "with "+q[:min(40, len(q))])
		}
	}
	s.do("BREW"+canary, "/v1/vaults", s.ada.token, nil).want(405)
	s.cleanLogs()
}

// dump is the content of tables, to see that nothing changed.
func (w *world) dump(tables ...string) string {
	w.t.Helper()
	var lines []string
	for _, table := range tables {
		lines = append(lines, w.rows(table)...)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (w *world) rows(table string) (lines []string) {
	w.t.Helper()
	rows, err := w.SQL.QueryContext(w.t.Context(), "SELECT * FROM "+table)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		w.t.Fatal(err)
	}
	cells := make([]any, len(cols))
	for i := range cells {
		cells[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(cells...); err != nil {
			w.t.Fatal(err)
		}
		row := object{}
		for i, c := range cells {
			if cols[i] != "last_active_at" && cols[i] != "last_used_at" && cols[i] != "seen_at" {
				row[cols[i]] = *c.(*any)
			}
		}
		lines = append(lines, table+string(encode(w.t, row)))
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return lines
}
