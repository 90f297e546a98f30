package backup

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ops/inspect"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/house"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// TestADamagedTextIsNamedByWhatLooksAtAll: pages that fit together may hold it. A backup of it is
// written and exits with an error, and restore says what it would say then.
func TestADamagedTextIsNamedByWhatLooksAtAll(t *testing.T) {
	for bad, of := range map[string]struct {
		says    string
		movable bool
	}{
		"'{}]'":                       {"the text in metadata is no JSON", true},
		"CAST(x'7b2261ff7d' AS TEXT)": {"the text in metadata is no UTF-8", false},
	} {
		h := house.New(t, false)
		h.Fill()
		if _, err := h.SQL.ExecContext(t.Context(), `UPDATE secrets SET metadata = `+bad); err != nil {
			t.Fatal(err)
		}
		name := `table secrets, row path "a/b", vault_id "`
		if all := h.Found(); !strings.Contains(all, name) || !strings.Contains(all, of.says) || strings.Count(all, "\n") > 0 {
			t.Errorf("%s: the full check finds %q", bad, all)
		}
		var out bytes.Buffer
		o := operator.Operator{Stdout: &out, Stderr: &out, Now: time.Now}
		cfg := config.Config{Data: h.Dir, KeystoreDir: h.KeyDir}
		made := filepath.Join(t.TempDir(), "made")
		err := (&backup{Operator: o, cfg: cfg}).run(t.Context(), h.Keys, made, "")
		if fault.CodeOf(err) != inspect.CodeDamaged || !strings.Contains(out.String(), "warning: "+name) || !strings.Contains(out.String(), of.says) {
			t.Errorf("%s: backup: %v\n%s", bad, err, &out)
		}
		check := func(accept bool, dsn string) error {
			r := &restoring{Operator: o, damaged: accept, cfg: config.Config{
				Data: filepath.Join(t.TempDir(), "data"), KeystoreDir: h.KeyDir, DatabaseURL: secret.FromString(dsn)}}
			var err error
			if r.database, err = readSigned(made, holdsDatabase); err != nil {
				t.Fatal(err)
			}
			return r.check(t.Context())
		}
		if err := check(false, ""); fault.CodeOf(err) != inspect.CodeDamaged || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "--accept-damaged puts back") {
			t.Errorf("%s: restore --check: %v", bad, err)
		}
		if err := check(true, ""); err != nil {
			t.Errorf("%s: restore --check --accept-damaged: %v", bad, err)
		}
		err = check(true, pgtest.Shared(t).DSN(t))
		if of.movable && err != nil || !of.movable && (fault.CodeOf(err) != audit.CodeDamaged || !strings.Contains(err.Error(), name)) {
			t.Errorf("%s: restore --check into PostgreSQL: %v", bad, err)
		}
	}
}
