package backup

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWithin(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	link := filepath.Join(dir, "link")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]bool{
		data: true, filepath.Join(data, "a", "b"): true, data + "/../data/c": true, filepath.Join(link, "a"): true,
		dir: false, data + "2": false, filepath.Join(dir, "..data"): false, filepath.Join(data, "..", "other"): false,
	} {
		if got := within(folder, data); got != want {
			t.Errorf("%s: %v", folder, got)
		}
	}
	if !within(data, link) {
		t.Error("a link to the folder is not the folder")
	}
}
