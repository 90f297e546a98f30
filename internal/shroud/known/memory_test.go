//go:build linux && (amd64 || arm64) && goexperiment.runtimesecret && !race

package known_test

import (
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/erase/erasetest"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// TestASetLeavesNoValueInMemory looks for the value and for its encodings.
func TestASetLeavesNoValueInMemory(t *testing.T) {
	for _, rest := range []string{"", "\nand a second line of it"} {
		leavesNothing(t, rest)
	}
}

// leavesNothing looks for a value that ends so.
func leavesNothing(t *testing.T, rest string) {
	t.Helper()
	value := erasetest.New(48)
	b := make([]byte, 48)
	value.Fill(b)
	asHex, as64 := hex.AppendEncode(nil, b), base64.StdEncoding.AppendEncode(nil, b)
	canaries := map[string]erasetest.Canary{"the value": value, "hex": erasetest.Hide(asHex), "base64": erasetest.Hide(as64)}
	clear(asHex)
	clear(as64)
	whole := append(make([]byte, 0, 128), b...)
	v := secret.New(append(whole, rest...))
	clear(b)
	set := known.New([]known.Value{{Label: "a/b", Value: v}})
	v.Wipe()
	for what, c := range canaries {
		if n := c.Copies(t); n != 0 {
			t.Errorf("%d pieces of %s are in memory", n, what)
		}
	}
	value.Fill(b)
	if found := set.Find("x" + string(b) + rest + "y"); len(found) != 1 || found[0].Label != "a/b" {
		t.Errorf("found %v", found)
	}
}
