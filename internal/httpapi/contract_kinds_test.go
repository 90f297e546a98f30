package httpapi_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// A seed that gives no codes is refused when it is written, also by a new value of one that did.
// A key that signs nothing and a bundle that can't be read are stored, since clients may read them
// in their own way, and told of beside the answer, which the contract has closed.
func TestAValueIsLookedAtWhenItIsWritten(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	v := ada.vaultNamed("main")
	put := func(path string, body object) reply {
		t.Helper()
		return w.do("PUT", secretAt(v, path), ada.token, body)
	}
	put("totp/a", object{"value": seed, "type": "totp_seed"}).want(201)
	put("totp/b", object{"value": "otpauth://totp/x?secret=" + seed, "type": "totp_seed"}).want(201)
	for _, value := range []string{"", "x", "otpauth://hotp/x?secret=" + seed, "GEZDGNBV"} {
		put("totp/c", object{"value": value, "type": "totp_seed"}).want(400, "invalid_totp_seed")
	}
	put("totp/a", object{"value": "of another kind"}).want(400, "invalid_totp_seed")
	put("totp/a", object{"value": "of another kind", "type": "note"}).want(201)
	w.do("GET", secretAt(v, "totp/c"), ada.token, nil).want(404)

	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ kind, value, says string }{
		"a key":                    {"ssh_key", string(pem.EncodeToMemory(key)), ""},
		"a key with a passphrase":  {"ssh_key", string(pem.EncodeToMemory(locked)), "signs for SSH"},
		"no key":                   {"ssh_key", "x", "signs for SSH"},
		"a bundle":                 {"env_bundle", "# of the service\nA=1\nB=\"2\n3\"", ""},
		"a bundle without an end":  {"env_bundle", "A=1\nB=\"2", "in line 2"},
		"a bundle of nothing":      {"env_bundle", "a text", "KEY=VALUE"},
		"what has no form":         {"generic", "A=\"", ""},
		"a key that is not one":    {"password", "x", ""},
		"a bundle of a wrong name": {"env_bundle", "1A=s3cr3t", "in line 1"},
	} {
		r := put("kinds/x", object{"value": tc.value, "type": tc.kind}).want(201)
		got := r.header.Get("Oneclaw-Warning")
		if (got == "") != (tc.says == "") || !strings.Contains(got, tc.says) || strings.Contains(got, "s3cr3t") {
			t.Errorf("%s: told %q", name, got)
		}
		if o := w.do("GET", secretAt(v, "kinds/x"), ada.token, nil).want(200).json(); o["value"] != tc.value {
			t.Errorf("%s: stored as %q", name, o["value"])
		}
	}
	// A new value is of the stored type.
	put("kinds/y", object{"value": "A=1", "type": "env_bundle"}).want(201)
	if got := put("kinds/y", object{"value": "no variable"}).want(201).header.Get("Oneclaw-Warning"); got == "" {
		t.Error("a new value of a bundle is not looked at")
	}
}
