package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestATimeOutOfRangeBreaksNoAnswer: damage may leave any number in a column for a time. All
// that can be read is asked for, with such a number in every one of them.
func TestATimeOutOfRangeBreaksNoAnswer(t *testing.T) {
	a := openArena(t)
	var columns [][2]string
	a.Each(`SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND c.type = 'BIGINT' AND (c.name = 'at' OR c.name LIKE '%\_at' ESCAPE '\' OR c.name LIKE '%\_until' ESCAPE '\')`, func(scan func(...any) error) error {
		var c [2]string
		err := scan(&c[0], &c[1])
		columns = append(columns, c)
		return err
	})
	if len(columns) < 60 {
		t.Fatalf("only %d columns", len(columns))
	}
	// What is long over would end the logins and hide the rest, so the least is for what
	// tells of the past alone.
	for value, which := range map[string]func(string) bool{
		"9223372036854775807":  func(string) bool { return true },
		"-9223372036854775808": func(column string) bool { return column == "created_at" || column == "at" },
	} {
		for _, c := range columns {
			if which(c[1]) {
				a.Exec(`UPDATE ` + c[0] + ` SET ` + c[1] + ` = ` + value + ` WHERE ` + c[1] + ` IS NOT NULL`)
			}
		}
		answered := 0
		for _, op := range a.ops {
			if op.method != http.MethodGet {
				continue
			}
			target := op.path
			for name, ids := range a.ids {
				target = strings.ReplaceAll(target, "{"+name+"}", ids[0])
			}
			for _, token := range []string{a.ada.token, a.worker.token} {
				r := a.do(op.method, target, token, nil)
				if r.status >= 500 && r.status != http.StatusNotImplemented && r.str("code") != "storage_damaged" {
					t.Errorf("%s: %d %.300s", r.what, r.status, r.body)
				}
				if r.status == http.StatusOK {
					answered++
					if !json.Valid(r.body) && !strings.Contains(r.header.Get("Content-Type"), "jsonl") && r.header.Get("Content-Type") != "text/event-stream" {
						t.Errorf("%s is no JSON: %.300s", r.what, r.body)
					}
				}
			}
		}
		if answered < 30 {
			t.Errorf("with %s only %d were answered", value, answered)
		}
	}
	if strings.Contains(a.Log.String(), "a handler panicked") {
		t.Error("a handler panicked")
	}
}
