package client_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

func TestCMEKValues(t *testing.T) {
	key := client.NewValue(bytes.Repeat([]byte{1}, client.CMEKKeySize))
	other := client.NewValue(bytes.Repeat([]byte{2}, client.CMEKKeySize))
	blob, err := client.EncryptCMEK(key, client.ValueOf("value"))
	if err != nil || !strings.HasPrefix(string(blob.Reveal()), "A") {
		t.Fatalf("%s, %v", blob.Reveal(), err)
	}
	if got, err := client.DecryptCMEK(key, blob); err != nil || string(got.Reveal()) != "value" {
		t.Errorf("%q, %v", got.Reveal(), err)
	}
	// What Python's cryptography makes of "hello" under the key, in the Go SDK's form.
	golang := client.ValueOf("090909090909090909090909ac6a4ba2a1f2d8fcd1619b2dfe55eae6db34a53d83")
	if got, err := client.DecryptCMEK(key, golang); err != nil || string(got.Reveal()) != "hello" {
		t.Errorf("%q, %v", got.Reveal(), err)
	}
	for name, c := range map[string][2]client.Value{
		"another key": {other, blob}, "a short key": {client.ValueOf("x"), blob}, "text": {key, client.ValueOf("text")}, "nothing": {key, client.Value{}},
		"one byte": {key, client.ValueOf("AQ==")}, "half": {key, client.NewValue(golang.Reveal()[:40])},
	} {
		if got, err := client.DecryptCMEK(c[0], c[1]); err == nil {
			t.Errorf("%s opens as %q", name, got.Reveal())
		}
	}
	if _, err := client.EncryptCMEK(client.ValueOf("short"), blob); err == nil {
		t.Error("a short key encrypts")
	}
}
