package inspect_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/ops/inspect"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/house"
)

// TestNumbersOfAHeadOutOfRangeAreNamed: with some of them no write stands any more.
func TestNumbersOfAHeadOutOfRangeAreNamed(t *testing.T) {
	for _, pg := range []bool{false, true} {
		h := house.New(t, pg)
		h.Fill()
		for _, column := range []string{"seq", "epoch", "ended", "revoked"} {
			for _, value := range []string{"-5", "9223372036854775807"} {
				// The schema leaves tables of this name out.
				exec(t, h, `CREATE TABLE goose_before AS SELECT * FROM audit_heads`)
				exec(t, h, `UPDATE audit_heads SET `+column+` = `+value)
				says := "value of " + column + " is out of range"
				if column == "seq" && value != "-5" {
					says = "the log has " + value + " events"
				}
				if all := h.Found(); !strings.Contains(all, says) {
					t.Errorf("postgres %v, %s = %s: %q", pg, column, value, all)
				}
				exec(t, h, `DELETE FROM audit_heads`)
				exec(t, h, `INSERT INTO audit_heads SELECT * FROM goose_before`)
				exec(t, h, `DROP TABLE goose_before`)
			}
		}
		if all := h.Found(); all != "" {
			t.Errorf("postgres %v, after: %s", pg, all)
		}
	}
}

func exec(t *testing.T, h *house.House, query string) {
	t.Helper()
	if _, err := h.SQL.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// TestADamagedKeyOfTheServerIsNamedAlsoWhileNothingIsSealedWithIt: the next mail could not
// be sealed.
func TestADamagedKeyOfTheServerIsNamedAlsoWhileNothingIsSealedWithIt(t *testing.T) {
	h := house.New(t, false)
	h.Fill()
	exec(t, h, `DELETE FROM mail_queue`)
	if err := h.Keys.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(h.KeyDir, soft.KEKFile("system"))
	key, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key[len(key)/2] ^= 1
	if err := os.WriteFile(file, key, 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := soft.Open(t.Context(), soft.Config{Dir: h.KeyDir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	lost, err := inspect.Unsealed(t.Context(), h.DB, keys)
	if err != nil || len(lost) != 1 || !strings.Contains(lost[0].String(), "mails that wait to be sent") || !strings.Contains(lost[0].String(), filepath.Base(file)) {
		t.Errorf("%q, %v", lost, err)
	}
}
