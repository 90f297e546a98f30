//go:build unix

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

func TestTheDoctorNamesAPrivateKeyThatOthersReach(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, []byte("a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]string{
		0o600: "", 0o640: "",
		0o644: "warn  certificate  Everybody on this machine may read the private key " + key,
		0o660: "FAIL  certificate  Others may write to the private key " + key,
		0o666: "FAIL  certificate  Others may write to the private key " + key,
	} {
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		e := &examination{Operator: operator.Operator{Stdout: &out, Now: time.Now}, cfg: config.Config{TLSKeyFile: key}}
		e.privateKey()
		if !strings.HasPrefix(out.String(), want) || want == "" && out.Len() > 0 || (e.bad == 1) != strings.HasPrefix(want, "FAIL") {
			t.Errorf("%o: %d failures, %q", mode, e.bad, &out)
		}
	}
}
