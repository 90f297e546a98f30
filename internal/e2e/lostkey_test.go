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
	id := strings.TrimPrefix(h.w.vault, "/v1/vaults/")
	does := "The key of vault " + id + " does not open: its file " + filepath.Base(file) + " is damaged."
	for name, harm := range map[string]struct {
		says string
		harm func()
	}{
		"lost": {"The keystore has not got the key of vault " + id + ".", func() { remove(t, file) }},
		"flipped": {does, func() {
			b := append([]byte(nil), whole...)
			b[len(b)/2] ^= 1
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			harm.harm()
			h.fails("FAIL  vaults       "+harm.says, "doctor")
			h.fails("FAIL  vaults       "+harm.says, "doctor", "--full")
			dir := t.TempDir()
			c := copies{filepath.Join(dir, "db"), filepath.Join(dir, "keys")}
			h.fails("warning: "+harm.says, "backup", "--to", c.db, "--keys-to", c.keys)
			to := h.elsewhere(t, "")
			check := append(c.restore(), "--check")
			to.fails("no key that opens vault", check...)
			to.fails("--accept-damaged puts back the rest", check...)
			to.done([]string{harm.says}, append(check, "--accept-damaged")...)
		})
	}
}
