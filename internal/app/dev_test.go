package app

import (
	"strings"
	"testing"
)

func TestTheFirstStartSaysHowToGoOnAsItWasStarted(t *testing.T) {
	for typed, want := range map[string]string{
		"bin/oneclaw":       "Next: bin/oneclaw login --dev\n",
		"oneclaw":           "Next: oneclaw login --dev\n",
		"/my tools/oneclaw": "Next: '/my tools/oneclaw' login --dev\n",
		"/it's/oneclaw":     `Next: '/it'\''s/oneclaw' login --dev` + "\n",
	} {
		if got := (devOwner{first: true}).next(typed); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q", typed, got)
		}
	}
	if got := (devOwner{}).next("bin/oneclaw"); got != "" {
		t.Errorf("a later start says %q", got)
	}
}

func TestTheDoctorWarnsOfADiskThatIsNearlyFull(t *testing.T) {
	for free, want := range map[uint64]string{10 << 20: "warn  disk space   10 MiB are free", 5 << 30: "ok    disk space   5120 MiB are free"} {
		var out strings.Builder
		e := &examination{operator: &operator{Deps: Deps{Stdout: &out}}}
		e.free("data folder", free, nil, "Then")
		if !strings.HasPrefix(out.String(), want) || e.bad > 0 {
			t.Errorf("%d bytes: %q", free, out.String())
		}
	}
	if free, err := freeSpace(t.TempDir()); err != nil || free == 0 {
		t.Errorf("free: %d, %v", free, err)
	}
}
