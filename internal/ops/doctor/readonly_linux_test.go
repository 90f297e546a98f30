package doctor

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
)

// TestTheDoctorSeesAReadOnlyDataFolder: no server starts on it.
func TestTheDoctorSeesAReadOnlyDataFolder(t *testing.T) {
	data := t.TempDir()
	if err := unix.Mount("tmpfs", data, "tmpfs", unix.MS_RDONLY, "mode=0700"); errors.Is(err, unix.EPERM) {
		if err := os.Chmod(data, 0o500); err != nil { // without root nothing can be mounted, but file modes apply
			t.Fatal(err)
		}
	} else if err != nil {
		t.Fatal(err)
	} else {
		t.Cleanup(func() { _ = unix.Unmount(data, 0) })
	}
	var out bytes.Buffer
	e := &examination{Operator: operator.Operator{Stdout: &out, Now: time.Now}, cfg: config.Config{Data: data, KeystoreDir: t.TempDir()}}
	e.folders()
	if e.bad != 1 || !strings.Contains(out.String(), "FAIL  data folder  "+data+" can't be written to") {
		t.Errorf("%d failures:\n%s", e.bad, &out)
	}
}
