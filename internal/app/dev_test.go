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
		if got := (devOwner{first: true}).next(typed, ""); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q", typed, got)
		}
	}
	if got, want := (devOwner{first: true}).next("oneclaw", "/my data"), "Next: ONECLAW_DATA='/my data' oneclaw login --dev\n"; !strings.HasPrefix(got, want) {
		t.Errorf("with a folder of its own: %q", got)
	}
	if got := (devOwner{}).next("bin/oneclaw", ""); got != "" {
		t.Errorf("a later start says %q", got)
	}
}
