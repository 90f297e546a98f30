package datadir_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func TestADataFolderThatOthersMayWriteToIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "data")
	if err := datadir.Prepare(dir); err != nil {
		t.Fatal(err)
	}
	for mode, code := range map[os.FileMode]string{0o700: "", 0o755: "", 0o777: "data_exposed", 0o770: "data_exposed"} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		err := datadir.Prepare(dir)
		if (code == "") != (err == nil) || err != nil && fault.CodeOf(err) != code {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := datadir.Prepare(filepath.Join(os.DevNull, "x")); fault.CodeOf(err) != "data_unusable" {
		t.Errorf("a folder that can't be made: %v", err)
	}
}
