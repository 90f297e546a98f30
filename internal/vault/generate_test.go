package vault_test

import (
	"bytes"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Bytes beyond the last whole multiple of a charset are left out, and all others count
// alike: no character is likelier than another.
func TestAGeneratedValueHasNoBias(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, set := range []vault.Charset{vault.Hex, vault.Base64, vault.Alphanumeric, vault.ASCII, ""} {
		chars, err := set.Chars()
		if err != nil {
			t.Fatal(err)
		}
		whole := 256 / len(chars) * len(chars)
		got, err := vault.Recipe{Length: whole, Charset: set}.Value(bytes.NewReader(bytes.Repeat(every, 2)))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []byte(chars) {
			if n := bytes.Count(got.Reveal(), []byte{c}); n != whole/len(chars) {
				t.Errorf("%q: %q comes from %d of 256 bytes, want %d", set, c, n, whole/len(chars))
			}
		}
	}
	if _, err := (vault.Recipe{}).Value(bytes.NewReader(every[:20])); err == nil {
		t.Error("a value was made of less randomness than it takes")
	}
}
