package keyring_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
)

// TestAKeystoreThatCantBeReadIsNotTakenForNone: the two have different remedies.
func TestAKeystoreThatCantBeReadIsNotTakenForNone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	keys, err := soft.Open(t.Context(), soft.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.OpenExisting(t.Context(), config.Config{KeystoreDir: t.TempDir()}); fault.CodeOf(err) != "no_keystore" {
		t.Errorf("none: %v", err)
	}
	const nobody = 65534
	if os.Getuid() == 0 { // no mode keeps root out: this thread reads as somebody else
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if _, err := unix.SetfsuidRetUid(nobody); err != nil {
			t.Fatal(err)
		}
		defer func() { _, _ = unix.SetfsuidRetUid(0) }()
	} else if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.OpenExisting(t.Context(), config.Config{KeystoreDir: dir}); fault.CodeOf(err) != "keystore_unreadable" {
		t.Errorf("unreadable: %v", err)
	}
}
