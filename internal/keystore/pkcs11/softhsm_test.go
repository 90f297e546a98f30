//go:build pkcs11 && cgo

package pkcs11_test

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/pkcs11"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// token is a SoftHSM2 token of its own, in a folder of its own.
type token struct {
	module, dir, label, pin, soPIN string
	now                            atomic.Int64
}

func newToken(t testing.TB) *token {
	t.Helper()
	tok := &token{
		module: softHSM(t),
		dir:    filepath.Join(t.TempDir(), "tokens"),
		label:  "oneclaw test",
		pin:    rand.Text(),
		soPIN:  rand.Text(),
	}
	conf := tok.dir + ".conf"
	text := "directories.tokendir = " + tok.dir + "\nobjectstore.backend = file\nlog.level = ERROR\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	tok.init(t)
	return tok
}

// init makes the folder and a fresh token in it.
func (tok *token) init(t testing.TB) {
	t.Helper()
	if err := os.Mkdir(tok.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "softhsm2-util", "--init-token", "--free",
		"--label", tok.label, "--pin", tok.pin, "--so-pin", tok.soPIN).CombinedOutput()
	if err != nil {
		t.Fatalf("softhsm2-util: %v: %s", err, out)
	}
}

// softHSM never skips: a suite that quietly runs without its token proves nothing.
func softHSM(t testing.TB) string {
	t.Helper()
	for _, path := range []string{
		"/usr/lib/softhsm/libsofthsm2.so",
		"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
	} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatal("SoftHSM2 is not installed: `make test` installs it (Debian package softhsm2)")
	return ""
}

func (tok *token) config() pkcs11.Config {
	return pkcs11.Config{
		Module:     tok.module,
		TokenLabel: tok.label,
		PIN:        secret.FromString(tok.pin),
		Now:        func() time.Time { return time.Unix(1_800_000_000, tok.now.Load()) },
	}
}

func (tok *token) open(t testing.TB) keystore.KeyStore {
	t.Helper()
	s, err := pkcs11.Open(t.Context(), tok.config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (tok *token) elsewhere() string { return tok.dir + ".away" }

// move takes the token's objects away under the feet of the module, which is
// what pulling a token out looks like in SoftHSM: sessions stay, objects vanish.
func (tok *token) move(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	tok.now.Add(int64(time.Second))
}
