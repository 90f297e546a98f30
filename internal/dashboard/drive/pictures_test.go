package drive_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The pictures in the README and the docs are of pages as they are: `make pictures` takes
// them again. They are small, since every clone has them.
func TestTheDocsHaveTheirPictures(t *testing.T) {
	const most = 150_000
	take := os.Getenv("ONECLAW_DOC_PICTURES") != ""
	h := furnished(t)
	for _, c := range []struct{ name, path, scheme string }{
		{"dashboard-home.png", "/", "light"}, {"dashboard-secret.png", "/vaults/" + h.Vault.ID + "/secret/api-keys/openai", "dark"},
	} {
		file := filepath.Join("..", "..", "..", "docs", "images", c.name)
		if take {
			b := open(t, h.URL)
			b.signIn("ann")
			b.scheme(c.scheme)
			b.size(1200, 760)
			if status := b.visit(c.path); status != 200 {
				t.Fatalf("%s: %d", c.path, status)
			}
			b.picture(file)
		}
		png, err := os.ReadFile(file)
		if err != nil || !bytes.HasPrefix(png, []byte("\x89PNG")) || len(png) > most {
			t.Errorf("%s: %d bytes, %v", file, len(png), err)
		}
	}
}
