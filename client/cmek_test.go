package client_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
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

// The two keys travel in headers, in base64, and nothing else does.
func TestARotationSendsBothKeysInHeaders(t *testing.T) {
	old, next := bytes.Repeat([]byte{0xfb}, client.CMEKKeySize), bytes.Repeat([]byte{2}, client.CMEKKeySize)
	var sent http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = r.Header
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"id":"j","status":"pending","total_secrets":3}`))
	}))
	defer s.Close()
	c := dial(t, s.URL, client.WithToken("tok"))
	j, err := c.RotateCMEK(t.Context(), "v", client.NewValue(bytes.Clone(old)), client.NewValue(bytes.Clone(next)))
	if err != nil || j.ID != "j" || j.Status != "pending" || j.TotalSecrets != 3 {
		t.Fatalf("%+v, %v", j, err)
	}
	for name, key := range map[string][]byte{"X-Cmek-Old-Key": old, "X-Cmek-New-Key": next} {
		if got := sent.Values(name); len(got) != 1 || got[0] != base64.StdEncoding.EncodeToString(key) {
			t.Errorf("%s: %q", name, got)
		}
	}
	sent = nil
	for name, keys := range map[string][2]client.Value{
		"a short old key": {client.ValueOf("x"), client.NewValue(next)}, "no new key": {client.NewValue(old), {}},
		"a long new key": {client.NewValue(old), client.NewValue(make([]byte, 33))},
	} {
		if _, err := c.RotateCMEK(t.Context(), "v", keys[0], keys[1]); err == nil || sent != nil {
			t.Errorf("%s was sent: %v", name, err)
		}
	}
}
