//go:build linux && (amd64 || arm64) && goexperiment.runtimesecret && !race

package soft

import (
	"path/filepath"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/erase/erasetest"
)

// TestADestroyedKeyLeavesMemory is inside the package, since nothing outside
// ever sees a KEK. It holds only in a build with runtime/secret.
func TestADestroyedKeyLeavesMemory(t *testing.T) {
	const id = "vault:1"
	s, err := Open(t.Context(), Config{Dir: filepath.Join(t.TempDir(), "keys")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.CreateKEK(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	content, _, err := s.readKeyFile(kindKEK, id)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.openKeyFile(kindKEK, id, content)
	if err != nil {
		t.Fatal(err)
	}
	kek := erasetest.Hide(key)
	clear(key)
	if n := kek.Copies(t); n != 0 {
		t.Fatalf("%d pieces of a key that was never used are in memory", n)
	}
	for range 100 {
		if _, err := s.Wrap(t.Context(), id, make([]byte, 32), nil); err != nil {
			t.Fatal(err)
		}
	}
	if kek.Copies(t) == 0 {
		t.Fatal("the search does not find a key that is in use, so it proves nothing")
	}
	if err := s.DestroyKEK(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if n := kek.Copies(t); n != 0 {
		t.Fatalf("%d pieces of a destroyed key are in memory", n)
	}
}
