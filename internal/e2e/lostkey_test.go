package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A vault that is there and whose key is lost, or damaged, is no vault that was deleted.
func TestALostKeyOfAVaultIsNoSuccess(t *testing.T) {
	h := newHouse(t, "")
	newWorker(t, h.owner, "second")
	h.s.stop()
	file := filepath.Join(h.data, "keystore", fmt.Sprintf("kek-%x.key", "vault:"+strings.TrimPrefix(h.w.vault, "/v1/vaults/")))
	whole := must[[]byte](t)(os.ReadFile(file))
	for name, harm := range map[string]func(){
		"lost": func() { remove(t, file) },
		"flipped": func() {
			b := append([]byte(nil), whole...)
			b[len(b)/2] ^= 1
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			harm()
			dir := t.TempDir()
			c := copies{filepath.Join(dir, "db"), filepath.Join(dir, "keys")}
			h.fails("can't be read: the keystore has not got its key", "backup", "--to", c.db, "--keys-to", c.keys)
			to := h.elsewhere(t, "")
			check := append(c.restore(), "--check")
			to.fails("no key that opens vault", check...)
			to.fails("--accept-damaged puts back the rest", check...)
			to.done([]string{"can't be read"}, append(check, "--accept-damaged")...)
		})
	}
}
