package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A signing key that does not open is named, with its file and what to do, by each
// command that an operator trusts to find it, and by a server that can't start.
func TestADamagedSigningKeyIsNamed(t *testing.T) {
	h := newHouse(t, "")
	whole, _ := h.backedUp() // makes the key that signs backups
	h.s.stop()
	harms := map[string]func(b []byte) []byte{
		"flipped":   func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"truncated": func(b []byte) []byte { return b[:len(b)/2] },
	}
	remedies := map[string]string{
		"token:000001": "oneclaw keys rotate token, which replaces it: everybody logs in again",
		"audit:1":      "can't be verified without it",
		"backup:1":     "oneclaw keys rotate backup",
	}
	for id, remedy := range remedies {
		name := fmt.Sprintf("signer-%x.key", id)
		for harm, do := range harms {
			t.Run(id+" "+harm, func(t *testing.T) {
				sick := h.elsewhere(t, "")
				copyTree(t, h.data, sick.data)
				file := filepath.Join(sick.data, "keystore", name)
				if err := os.WriteFile(file, do(must[[]byte](t)(os.ReadFile(file))), 0o600); err != nil {
					t.Fatal(err)
				}
				named := func(args ...string) string {
					t.Helper()
					out, code := sick.run(args...)
					for _, text := range []string{"signing key " + id, name, "Put the file back from a backup of the keys", remedy} {
						if code == 0 || !strings.Contains(out, text) {
							t.Errorf("%v: exit code %d, want a failure with %q:\n%s", args, code, text, out)
						}
					}
					return out
				}
				for _, args := range [][]string{{"doctor"}, {"doctor", "--full"}} {
					if out := named(args...); !strings.Contains(out, "FAIL  signing keys") || strings.Contains(out, "FAIL  vaults") {
						t.Errorf("%v:\n%s", args, out)
					}
				}
				c := copies{filepath.Join(t.TempDir(), "db"), filepath.Join(t.TempDir(), "keys")}
				named("backup", "--to", c.db, "--keys-to", c.keys)
				// The keystore in its place: restore --check of the good copy of the database.
				named("restore", "--check", "--from", whole.db)
				if id == "backup:1" {
					return // it signed no backup
				}
				// The backup that was made nevertheless.
				named(append(c.restore(), "--check")...)
				to := h.elsewhere(t, "")
				to.fails(name, c.restore()...)
				to.untouched()
				if id != "token:000001" {
					to.fails(name, c.restore("--accept-damaged")...)
					to.untouched()
					return
				}
				to.done([]string{name}, c.restore("--accept-damaged")...)
				if out, code := to.run("serve", "--listen", "127.0.0.1:0", "--shroud-listen", "127.0.0.1:0"); code == 0 || !strings.Contains(out, name) || !strings.Contains(out, remedy) {
					t.Errorf("serve: exit code %d:\n%s", code, out)
				}
				to.done([]string{"token:000002", name + ".damaged", "everybody logs in again"}, "keys", "rotate", "token")
				to.asBefore()
				to.s.stop()
			})
		}
	}
}
