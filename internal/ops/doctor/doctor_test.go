package doctor

import (
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/files"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
)

func TestTheDoctorWarnsOfADiskThatIsNearlyFull(t *testing.T) {
	for free, want := range map[uint64]string{10 << 20: "warn  disk space   10 MiB are free", 5 << 30: "ok    disk space   5120 MiB are free"} {
		var out strings.Builder
		e := &examination{Operator: operator.Operator{Stdout: &out, Now: time.Now}}
		e.free("data folder", free, nil, "Then")
		if !strings.HasPrefix(out.String(), want) || e.bad > 0 {
			t.Errorf("%d bytes: %q", free, out.String())
		}
	}
	if free, err := files.Free(t.TempDir()); err != nil || free == 0 {
		t.Errorf("free: %d, %v", free, err)
	}
}
