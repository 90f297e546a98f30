package doctor

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
)

// No server starts on a folder into which a restore did not come to its end.
func TestTheDoctorNamesARestoreThatDidNotEnd(t *testing.T) {
	for _, left := range []string{"restore-unfinished.json", ".restoring-1234"} {
		data := t.TempDir()
		if err := os.Chmod(data, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, left), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		e := &examination{Operator: operator.Operator{Stdout: &out, Now: time.Now}, cfg: config.Config{Data: data, KeystoreDir: t.TempDir()}}
		e.folders()
		if e.bad != 1 || !strings.Contains(out.String(), "FAIL  restore") || !strings.Contains(out.String(), "did not come to its end") {
			t.Errorf("%s: %d failures:\n%s", left, e.bad, &out)
		}
	}
}
