package files_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/files"
)

func TestALockExcludesEveryOtherOpening(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() }) // one is closed below
		return f
	}
	first, second := open(), open()
	if err := files.Lock(first); err != nil {
		t.Fatal(err)
	}
	if files.Lock(second) == nil {
		t.Error("two hold it")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := files.Lock(second); err != nil {
		t.Errorf("nobody holds it any more: %v", err)
	}
}

func TestWhatAFolderSaysOfItself(t *testing.T) {
	dir := t.TempDir()
	if n, err := files.Free(dir); err != nil || n == 0 {
		t.Errorf("free: %d, %v", n, err)
	}
	if files.System(dir) != files.System(filepath.Dir(dir)) {
		t.Error("a folder is on another file system than the one it is in")
	}
	if !files.Writable(dir) {
		t.Error("a folder of our own can't be written to")
	}
	if err := files.Sync(dir); err != nil {
		t.Error(err)
	}
	name := filepath.Join(dir, "f")
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := files.Sync(name); err != nil {
		t.Error(err)
	}
}
