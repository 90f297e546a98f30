package datadir_test

import (
	"maps"
	"os"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
)

func TestTheAnchorOutlivesTheProcess(t *testing.T) {
	a := datadir.Anchor{Dir: t.TempDir()}
	if heads, err := a.Load(); err != nil || len(heads) != 0 {
		t.Fatalf("before anything was signed: %v, %v", heads, err)
	}
	want := map[string]audit.Head{"org": {Seq: 7, Hash: audit.Hash{1, 2, 0xff}}, "other": {Seq: 1 << 40}}
	for range 2 { // the second time over a file that is there
		if err := a.Save(want); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := (datadir.Anchor{Dir: a.Dir}).Load(); err != nil || !maps.Equal(got, want) {
		t.Fatalf("%v, %v", got, err)
	}
	for _, damage := range []string{"", "{", `{"org":{"seq":1,"hash":"zz"}}`, `{"org":{"seq":1,"hash":"00"}}`} {
		if err := os.WriteFile(a.File(), []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if heads, err := a.Load(); err == nil {
			t.Errorf("%q was taken as %v", damage, heads)
		}
	}
}
