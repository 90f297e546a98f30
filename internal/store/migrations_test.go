package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// takesAway finds what programs of before a migration would stumble over.
var takesAway = regexp.MustCompile(`(?i)\b(DROP|RENAME)\b|\bALTER\s+(COLUMN\s+)?\w+\s+(TYPE|SET)\b|\bADD\s+COLUMN\s[^;]*NOT NULL[^;]*;`)

func TestMigrationsOnlyAdd(t *testing.T) {
	for text, bad := range map[string]bool{
		"ALTER TABLE a DROP COLUMN b;": true, "DROP TABLE a;": true, "ALTER TABLE a RENAME TO b;": true,
		"ALTER TABLE a ADD COLUMN b BIGINT NOT NULL;": true, "ALTER TABLE a ADD COLUMN b BIGINT NOT NULL DEFAULT 0;": false,
		"ALTER TABLE a ADD COLUMN b BIGINT;": false, "CREATE TABLE a (b BIGINT NOT NULL);": false,
	} {
		if got := takes(text); got != bad {
			t.Errorf("%q: %v", text, got)
		}
	}
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if takes(string(text)) && !strings.Contains(string(text), "'oldest_schema'") {
			t.Errorf("%s takes away what older programs use: add instead, or set oldest_schema (docs/adr/0035)", f)
		}
	}
}

func takes(text string) bool {
	text = regexp.MustCompile(`--.*`).ReplaceAllString(text, "")
	for _, found := range takesAway.FindAllString(text, -1) {
		if !strings.Contains(strings.ToUpper(found), "DEFAULT") {
			return true
		}
	}
	return false
}
