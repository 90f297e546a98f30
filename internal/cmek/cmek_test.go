package cmek_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cmek"
)

var (
	oldKey = bytes.Repeat([]byte{1}, cmek.KeySize)
	newKey = bytes.Repeat([]byte{2}, cmek.KeySize)
	third  = bytes.Repeat([]byte{3}, cmek.KeySize)
)

func seal(key []byte, text string) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	a, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return a.Seal(nil, nil, []byte(text), nil)
}

func typescript(key []byte, text string) string {
	return base64.StdEncoding.EncodeToString(append([]byte{1}, seal(key, text)...))
}

func golang(key []byte, text string) string { return hex.EncodeToString(seal(key, text)) }

func TestTurn(t *testing.T) {
	for name, c := range map[string]struct {
		blob string
		want cmek.Outcome
	}{
		"TypeScript's form, old key":     {typescript(oldKey, "value"), cmek.Turned},
		"TypeScript's, without padding":  {strings.TrimRight(typescript(oldKey, "value"), "="), cmek.Turned},
		"Go's form, old key":             {golang(oldKey, "value"), cmek.Turned},
		"Go's form in capitals":          {strings.ToUpper(golang(oldKey, "value")), cmek.Turned},
		"an empty value":                 {golang(oldKey, ""), cmek.Turned},
		"a large value":                  {typescript(oldKey, strings.Repeat("x", 1<<20)), cmek.Turned},
		"TypeScript's form, new key":     {typescript(newKey, "value"), cmek.Already},
		"Go's form, new key":             {golang(newKey, "value"), cmek.Already},
		"a third key":                    {typescript(third, "value"), cmek.Neither},
		"text":                           {"not encrypted", cmek.Neither},
		"nothing":                        {"", cmek.Neither},
		"a version that is none of ours": {base64.StdEncoding.EncodeToString(append([]byte{2}, seal(oldKey, "value")...)), cmek.Neither},
		"a blob cut short":               {golang(oldKey, "value")[2:], cmek.Neither},
		"a tag and no nonce":             {strings.Repeat("00", 16), cmek.Neither},
		"base64 of a single byte":        {"AQ==", cmek.Neither},
	} {
		in := []byte(c.blob)
		out, found, err := cmek.Turn(in, oldKey, newKey)
		if err != nil || found != c.want || (out != nil) != (c.want == cmek.Turned) || string(in) != c.blob {
			t.Errorf("%s: %v, %v, %.40q", name, found, err, out)
		}
		if found != cmek.Turned {
			continue
		}
		// Once more, and it is left alone; and it has the form that it had.
		if _, again, err := cmek.Turn(out, oldKey, newKey); again != cmek.Already || err != nil {
			t.Errorf("%s, once more: %v, %v", name, again, err)
		}
		if len(out) != len(in) || isHex(out) != isHex(in) {
			t.Errorf("%s: %.20q became %.20q", name, in, out)
		}
		// And back: nothing was lost on the way.
		back, found, err := cmek.Turn(out, newKey, oldKey)
		if err != nil || found != cmek.Turned || bytes.Equal(back, in) {
			t.Errorf("%s, back: %v, %v", name, found, err)
		}
	}
	for _, bad := range [][]byte{nil, oldKey[:31], append(oldKey[:32:32], 0)} {
		if _, _, err := cmek.Turn([]byte("x"), bad, newKey); err == nil {
			t.Errorf("a key of %d bytes is taken", len(bad))
		}
		if _, _, err := cmek.Turn([]byte("x"), oldKey, bad); err == nil {
			t.Errorf("a new key of %d bytes is taken", len(bad))
		}
	}
}

// The values that other implementations made: the form does not drift with ours.
func TestTurnOpensWhatOthersMade(t *testing.T) {
	// AES-256-GCM of "hello" under 32 bytes of 1, nonce 12 bytes of 9, made with Python's cryptography.
	body := "090909090909090909090909" + "ac6a4ba2a1f2d8fcd1619b2dfe55eae6db34a53d83"
	raw, err := hex.DecodeString(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, blob := range []string{body, base64.StdEncoding.EncodeToString(append([]byte{1}, raw...))} {
		if _, found, err := cmek.Turn([]byte(blob), oldKey, newKey); found != cmek.Turned || err != nil {
			t.Errorf("%s: %v, %v", blob, found, err)
		}
	}
}

func isHex(b []byte) bool {
	_, err := hex.DecodeString(string(b))
	return err == nil
}

func FuzzTurn(f *testing.F) {
	for _, s := range []string{typescript(oldKey, "x"), golang(newKey, "y"), "", "AQ==", "zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, blob string) {
		out, found, err := cmek.Turn([]byte(blob), oldKey, newKey)
		if err != nil || (found == cmek.Turned) != (out != nil) {
			t.Fatalf("%v, %v, %q", found, err, out)
		}
		if found == cmek.Turned {
			if _, again, _ := cmek.Turn(out, oldKey, newKey); again != cmek.Already {
				t.Fatalf("it is %v afterwards", again)
			}
		}
	})
}

func TestFingerprint(t *testing.T) {
	if got := cmek.Fingerprint([]byte("abc")); got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Error(got)
	}
}
