package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDeletionsByTimeAreSweeps: a statement that deletes what is old is run by
// sweep, which asks whether the clock is believed.
func TestDeletionsByTimeAreSweeps(t *testing.T) {
	byTime := regexp.MustCompile("(?i)exec\\(`DELETE FROM [^`]*(_at|_until) <=? ")
	if !byTime.MatchString("tx.Exec(`DELETE FROM spent_tokens WHERE expires_at < $1`, now)") {
		t.Fatal("a deletion by time is not seen")
	}
	for _, in := range []string{"*.go", "../sqldb/*.go", "../sqldb/commit/*.go"} {
		files, err := filepath.Glob(in)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", in, files, err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, statement := range byTime.FindAllString(string(text), -1) {
				// One row that is named by its id is no sweep.
				if !strings.HasSuffix(f, "_test.go") && !strings.Contains(statement, " WHERE id = $1 AND ") {
					t.Errorf("%s deletes by time beside Sweep: %s", f, statement)
				}
			}
		}
	}
}
