package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
)

// A file with a secret that every user may read is named; others, and one with a certificate, are not.
func TestFilesThatEverybodyMayReadAreNamed(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, mode os.FileMode) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte("content"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	got, err := config.Read([]string{
		"ONECLAW_TLS_KEY_FILE=" + file("key", 0o644), "ONECLAW_TLS_CERT_FILE=" + file("cert", 0o644), "ONECLAW_PKCS11_PIN_FILE=" + file("pin", 0o604),
		"ONECLAW_SMTP_PASSWORD_FILE=" + file("smtp", 0o640), "ONECLAW_OWNER_PASSWORD_FILE=" + file("owner", 0o600),
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"ONECLAW_PKCS11_PIN_FILE", "ONECLAW_TLS_KEY_FILE"}; !slices.Equal(slices.Sorted(slices.Values(got.Exposed)), want) {
		t.Errorf("named are %v", got.Exposed)
	}
}
