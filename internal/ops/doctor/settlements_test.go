package doctor

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/house"
)

// TestTheDoctorNamesCallsWhoseEndCouldNotBeStored, and no others.
func TestTheDoctorNamesCallsWhoseEndCouldNotBeStored(t *testing.T) {
	for _, pg := range []bool{false, true} {
		h := house.New(t, pg)
		add := func(id, cut string) {
			if _, err := h.SQL.ExecContext(t.Context(), `INSERT INTO shroud_activity VALUES ('`+id+`', 'o', 'a', 'p', 'm', 'lost', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', '', 0, 'reservation', '`+cut+`', 86400000000)`); err != nil {
				t.Fatal(err)
			}
		}
		says := func() string {
			var out bytes.Buffer
			e := &examination{Operator: operator.Operator{Stdout: &out, Now: time.Now}}
			e.settlements(t.Context(), h.DB)
			if e.bad > 0 {
				t.Errorf("it fails: %s", &out)
			}
			return strings.Join(strings.Fields(out.String()), " ")
		}
		if add("1", "node"); says() != "" {
			t.Errorf("postgres %v: %s", pg, says())
		}
		if add("2", "storage"); !strings.HasPrefix(says(), "warn budgets The end of 1 calls of models could not be stored, the latest of 1970-01-02") {
			t.Errorf("postgres %v: %s", pg, says())
		}
	}
}
