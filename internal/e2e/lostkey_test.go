package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
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

// A key of the server's own that is lost is said to be so, and not made anew in silence: what
// was sealed under it opens again once it is put back.
func TestALostKeyOfTheServerIsNotMadeAnewInSilence(t *testing.T) {
	t.Parallel()
	engines := map[string]string{"SQLite": "", "PostgreSQL": pgtest.Shared(t).DSN(t)}
	for name, dsn := range engines {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, dsn)
			secret := text(t, h.owner.want(t, http.StatusOK, "GET", h.w.vault+"/secrets/one", nil), "id")
			use := map[string]func() int{
				"identity": func() int { return h.owner.do(t, "POST", "/v1/auth/mfa/setup", nil).status },
				"shares": func() int {
					return h.owner.do(t, "POST", "/v1/secrets/"+secret+"/share", map[string]any{"recipient_type": "anyone_with_link"}).status
				},
			}
			for id, call := range use {
				file := filepath.Join(h.data, "keystore", fmt.Sprintf("kek-%x.key", id))
				if status := call(); status >= 300 {
					t.Fatalf("%s: %d", id, status)
				}
				h.s.stop()
				away := filepath.Join(t.TempDir(), "key")
				if err := os.Rename(file, away); err != nil {
					t.Fatal(err)
				}
				h.open()
				if !strings.Contains(h.s.output(), "a key of the server is lost or damaged") {
					t.Errorf("%s: the start logs nothing", id)
				}
				if status := call(); status < 500 {
					t.Errorf("%s: with a lost key: %d", id, status)
				}
				h.fails("The keystore has not got the key of", "doctor")
				if _, err := os.Stat(file); err == nil {
					t.Errorf("%s: a new key was made", id)
				}
				if err := os.Rename(away, file); err != nil {
					t.Fatal(err)
				}
				if status := call(); status >= 300 {
					t.Errorf("%s: with the key put back: %d", id, status)
				}
				h.s.stop()
				remove(t, file)
				h.done([]string{"Made the key of"}, "keys", "renew")
				h.done([]string{"No key is lost"}, "keys", "renew")
				h.open()
				if status := call(); status >= 300 {
					t.Errorf("%s: with a renewed key: %d", id, status)
				}
			}
			h.s.stop()
		})
	}
}
