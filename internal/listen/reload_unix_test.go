//go:build unix

package listen_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
)

// put writes a certificate that is good from and until then, and its key, and
// returns the settings that name them. The certificate is an authority for clients as well.
func put(t *testing.T, dir string, from, until time.Duration) config.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until), IsCA: true, BasicConstraintsValid: true}
	der, err2 := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	private, err3 := x509.MarshalPKCS8PrivateKey(key)
	cfg := config.Config{TLSCertFile: filepath.Join(dir, "cert"), TLSKeyFile: filepath.Join(dir, "key"), ClientCAFile: filepath.Join(dir, "ca")}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := errors.Join(err, err2, err3, os.WriteFile(cfg.TLSCertFile, text, 0o600), os.WriteFile(cfg.ClientCAFile, text, 0o600),
		os.WriteFile(cfg.TLSKeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestAReplacementThatIsNotGoodNowReplacesNoneThatIs(t *testing.T) {
	dir := t.TempDir()
	f, err := listen.OpenFiles(put(t, dir, -time.Hour, time.Hour), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	pair, ca := f.Certificate(), f.ClientCAs()
	for name, d := range map[string][2]time.Duration{"ended": {-2 * time.Hour, -time.Hour}, "not begun": {time.Hour, 2 * time.Hour}} {
		put(t, dir, d[0], d[1])
		if f.Look(time.Now()); f.Certificate() != pair || f.ClientCAs() != ca {
			t.Errorf("%s: it is used", name)
		}
	}
	put(t, dir, -time.Minute, time.Hour)
	if f.Look(time.Now()); f.Certificate() == pair || f.ClientCAs() == ca {
		t.Error("a good one is not used")
	}
	// One that is no worse is used.
	old := t.TempDir()
	if f, err = listen.OpenFiles(put(t, old, -2*time.Hour, -time.Hour), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	pair = f.Certificate()
	put(t, old, -3*time.Hour, -time.Hour)
	if f.Look(time.Now()); f.Certificate() == pair {
		t.Error("one that ended keeps another away")
	}
}

func TestOnlyRegularFilesAreReadForCertificates(t *testing.T) {
	for name, place := range map[string]func(name string) error{
		"pipe":   func(name string) error { return syscall.Mkfifo(name, 0o600) },
		"folder": func(name string) error { return os.Mkdir(name, 0o700) },
		"device": func(name string) error { return os.Symlink("/dev/zero", name) },
		"long":   func(name string) error { return os.WriteFile(name, []byte(strings.Repeat("\n", 1<<20+1)), 0o600) },
	} {
		for _, which := range []string{"cert", "key", "ca"} {
			t.Run(name+" "+which, func(t *testing.T) {
				dir := t.TempDir()
				cfg := put(t, dir, -time.Hour, time.Hour)
				var log strings.Builder
				f, err := listen.OpenFiles(cfg, slog.New(slog.NewTextHandler(&log, nil)))
				if err != nil {
					t.Fatal(err)
				}
				pair, ca := f.Certificate(), f.ClientCAs()
				file := filepath.Join(dir, which)
				if err := errors.Join(os.Remove(file), place(file)); err != nil {
					t.Fatal(err)
				}
				f.Look(time.Now())
				if f.Certificate() != pair || f.ClientCAs() != ca || !strings.Contains(log.String(), "replaced files can't be used") {
					t.Errorf("used, or not logged: %s", log.String())
				}
				if _, err := listen.OpenFiles(cfg, slog.New(slog.DiscardHandler)); err == nil {
					t.Error("a start takes it")
				}
			})
		}
	}
}
