package frame_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"
)

// The file is dist/htmx.min.js of the npm package htmx.org 4.0.1.
func TestHtmxIsTheReleasedFile(t *testing.T) {
	text, err := os.ReadFile("static/htmx.min.js")
	if err != nil {
		t.Fatal(err)
	}
	const released = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != released {
		t.Errorf("static/htmx.min.js is %x", sum)
	}
}
