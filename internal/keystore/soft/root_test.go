package soft_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

const kek = "vault:1"

// withKey makes a folder with one KEK and returns something wrapped under it.
func withKey(t *testing.T, cfg soft.Config) []byte {
	t.Helper()
	s := open(t, cfg)
	must(t, s.CreateKEK(t.Context(), kek))
	w, err := s.Wrap(t.Context(), kek, make([]byte, 32), nil)
	must(t, err)
	must(t, s.Close())
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoKeyIsOnDiskInTheClear(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	withKey(t, soft.Config{Dir: dir, Passphrase: secret.FromString("correct horse")})
	info, err := os.Stat(dir)
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v", info.Mode())
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 2 {
		t.Errorf("%d files, want root.key and one key", len(entries))
	}
	for _, e := range entries {
		info, err := e.Info()
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
	content, err := os.ReadFile(filepath.Join(dir, "root.key"))
	must(t, err)
	if !bytes.HasPrefix(content, []byte("oneclaw root v1 argon2id\n")) || bytes.Contains(content, []byte("horse")) {
		t.Error("the root key is not sealed")
	}
}

func TestRootKey(t *testing.T) {
	cases := map[string]struct {
		made, opened string // passphrases
		change       func(t *testing.T, root string)
		code         string
	}{
		"the same passphrase opens": {"secret", "secret", func(*testing.T, string) {}, ""},
		"no passphrase opens":       {"", "", func(*testing.T, string) {}, ""},
		"mode 0400 will do":         {"", "", func(t *testing.T, p string) { must(t, os.Chmod(p, 0o400)) }, ""},
		"a wrong passphrase":        {"secret", "Secret", func(*testing.T, string) {}, "root_key_passphrase_wrong"},
		"no passphrase for a seal":  {"secret", "", func(*testing.T, string) {}, "root_key_passphrase_required"},
		"a passphrase and no seal":  {"", "secret", func(*testing.T, string) {}, "root_key_not_sealed"},
		"readable by the group":     {"", "", func(t *testing.T, p string) { must(t, os.Chmod(p, 0o640)) }, "root_key_exposed"},
		"readable by others":        {"", "", func(t *testing.T, p string) { must(t, os.Chmod(p, 0o604)) }, "root_key_exposed"},
		"missing":                   {"", "", func(t *testing.T, p string) { must(t, os.Remove(p)) }, "root_key_missing"},
		"empty":                     {"", "", alter(func([]byte) []byte { return nil }), "root_key_damaged"},
		"cut short":                 {"", "", alter(func(b []byte) []byte { return b[:len(b)-1] }), "root_key_damaged"},
		"of a later format":         {"", "", alter(func(b []byte) []byte { return bytes.Replace(b, []byte("v1"), []byte("v2"), 1) }), "root_key_damaged"},
		"another key":               {"", "", alter(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), "root_key_wrong"},
		"a sealed key, altered":     {"secret", "secret", alter(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), "root_key_passphrase_wrong"},
		"a seal with other salt":    {"secret", "secret", alter(func(b []byte) []byte { b[40] ^= 1; return b }), "root_key_passphrase_wrong"},
		"a seal that costs a day":   {"secret", "secret", alter(func(b []byte) []byte { b[24] = 0xff; return b }), "root_key_damaged"},
		"a folder others can write": {"", "", func(t *testing.T, p string) { must(t, os.Chmod(filepath.Dir(p), 0o770)) }, "keystore_dir_exposed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "keys")
			w := withKey(t, soft.Config{Dir: dir, Passphrase: secret.FromString(c.made)})
			c.change(t, filepath.Join(dir, "root.key"))
			s, err := soft.Open(t.Context(), soft.Config{Dir: dir, Passphrase: secret.FromString(c.opened)})
			if c.code != "" {
				if !fault.Is(err, fault.Invalid) || fault.CodeOf(err) != c.code {
					t.Fatalf("got %v, want %s", err, c.code)
				}
				return
			}
			must(t, err)
			defer s.Close()
			if _, err := s.Unwrap(t.Context(), kek, w, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// alter changes what is in a file.
func alter(f func([]byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		content, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(path, f(content), 0o600))
	}
}

func TestOneDamagedKeyDoesNotStopTheOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	s := open(t, soft.Config{Dir: dir})
	for _, id := range []string{"a", "b", "c"} {
		must(t, s.CreateKEK(t.Context(), id))
	}
	must(t, s.Close())
	alter(func(b []byte) []byte { b[20] ^= 1; return b })(t, filepath.Join(dir, "kek-61.key"))
	s = open(t, soft.Config{Dir: dir})
	if _, err := s.Wrap(t.Context(), "a", make([]byte, 32), nil); fault.CodeOf(err) != keystore.CodeKeyUnusable {
		t.Fatalf("a damaged key: %v", err)
	}
	_, err := s.Wrap(t.Context(), "b", make([]byte, 32), nil)
	must(t, err)
}

func TestAKeyFileBelongsToItsName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	s := open(t, soft.Config{Dir: dir})
	must(t, s.CreateKEK(t.Context(), "a"))
	must(t, s.CreateSigner(t.Context(), "a"))
	for name, from := range map[string]string{"another id": "kek-61.key", "another kind": "signer-61.key"} {
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join(dir, from))
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, "kek-62.key"), content, 0o600))
			if _, err := s.Wrap(t.Context(), "b", make([]byte, 32), nil); fault.CodeOf(err) != keystore.CodeKeyUnusable {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestManyProcessesMakeOneRoot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	errs := make(chan error)
	stores := make(chan *soft.Store, 16)
	for range cap(stores) {
		go func() {
			s, err := soft.Open(t.Context(), soft.Config{Dir: dir})
			if err == nil {
				stores <- s
			}
			errs <- err
		}()
	}
	for range cap(stores) {
		must(t, <-errs)
	}
	close(stores)
	first := <-stores
	must(t, first.CreateKEK(t.Context(), kek))
	w, err := first.Wrap(t.Context(), kek, make([]byte, 32), nil)
	must(t, err)
	must(t, first.Close())
	for s := range stores {
		_, err := s.Unwrap(t.Context(), kek, w, nil)
		must(t, err)
		must(t, s.Close())
	}
}
