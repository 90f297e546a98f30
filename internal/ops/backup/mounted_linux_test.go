package backup

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestABackupIntoAMountedPartOfTheDataFolderIsRefused: what takes the folder takes it too.
func TestABackupIntoAMountedPartOfTheDataFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	part, mounted, beside := filepath.Join(dir, "data", "part"), filepath.Join(dir, "mounted"), filepath.Join(dir, "beside")
	if err := errors.Join(os.MkdirAll(part, 0o700), os.Mkdir(mounted, 0o700), os.Mkdir(beside, 0o700)); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if inData(mounted, data) || inData(beside, data) || !inData(filepath.Join(part, "new"), data) {
		t.Error("without a mount, a folder is taken for another")
	}
	if err := unix.Mount(part, mounted, "", unix.MS_BIND, ""); errors.Is(err, unix.EPERM) {
		t.Skip("only root may mount a folder a second time")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mounted, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	for folder, want := range map[string]bool{mounted: true, filepath.Join(mounted, "a", "new"): true, beside: false, filepath.Join(dir, "new"): false} {
		if got := inData(folder, data); got != want {
			t.Errorf("%s: %v", folder, got)
		}
	}
}
