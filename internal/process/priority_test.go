package process_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/process"
)

// The priority can't be raised again, so a process of its own lowers it.
func TestABackupLetsServersRunFirst(t *testing.T) {
	const marker = "ONECLAW_TEST_PRIORITY"
	if os.Getenv(marker) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestABackupLetsServersRunFirst$")
		cmd.Env = append(os.Environ(), marker+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	process.LetServersRunFirst()
	threads, err := filepath.Glob("/proc/self/task/*/stat")
	if err != nil || len(threads) == 0 {
		t.Fatalf("%d threads: %v", len(threads), err)
	}
	for _, path := range threads {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), ") ") // the name before may hold blanks
		if nice := strings.Fields(rest)[16]; nice != "10" {
			t.Errorf("%s: nice is %s", path, nice)
		}
	}
}
