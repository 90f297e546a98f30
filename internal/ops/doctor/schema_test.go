package doctor

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/house"
)

// TestNotesOfTheSchemaThatLostRowsAreNamed: a start would run a step a second time, and
// fail.
func TestNotesOfTheSchemaThatLostRowsAreNamed(t *testing.T) {
	for _, pg := range []bool{false, true} {
		h := house.New(t, pg)
		have, want, err := h.DB.Schema(t.Context())
		if err != nil || have != want {
			t.Fatalf("%d, %d, %v", have, want, err)
		}
		for _, of := range []struct{ harm, says string }{
			{`SELECT 1`, ""},
			{`DELETE FROM goose_db_version WHERE version_id = 22`, "has no row of the step 22, although a later one was run"},
			{`DELETE FROM goose_db_version WHERE version_id > 30`, "goose_db_version ends with the step 30, although a later one made the column "},
		} {
			if _, err := h.SQL.ExecContext(t.Context(), `CREATE TABLE goose_before AS SELECT * FROM goose_db_version`); err != nil {
				t.Fatal(err)
			}
			if _, err := h.SQL.ExecContext(t.Context(), of.harm); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			e := &examination{Operator: operator.Operator{Stdout: &out, Now: time.Now}}
			e.database(t.Context(), h.DB)
			if failed := e.bad == 1; failed != (of.says != "") || !strings.Contains(out.String(), of.says) {
				t.Errorf("postgres %v, %s: %d failures:\n%s", pg, of.harm, e.bad, &out)
			}
			for _, q := range []string{`DELETE FROM goose_db_version`, `INSERT INTO goose_db_version SELECT * FROM goose_before`, `DROP TABLE goose_before`} {
				if _, err := h.SQL.ExecContext(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
