package evm_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

const (
	order   = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
	canary  = "c0ffee00c0ffee11c0ffee22c0ffee33c0ffee44c0ffee55c0ffee66c0ffee77"
	account = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf" // of the key 1
)

func mustKey(t testing.TB, text string) evm.Key {
	t.Helper()
	k, err := evm.ParseKey([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestAKeyDoesNotPrint puts a key wherever a struct can have one.
func TestAKeyDoesNotPrint(t *testing.T) {
	k := mustKey(t, canary)
	type holder struct {
		Open   evm.Key
		closed evm.Key
		To     *evm.Key
		Any    any
		Map    map[string]evm.Key
	}
	h := holder{Open: k, closed: k, To: &k, Any: k, Map: map[string]evm.Key{"k": k}}
	var out strings.Builder
	for _, v := range []any{k, &k, h, &h, []evm.Key{k}, h.closed} {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flags := range []string{"%", "%+", "%#", "% ", "%0100."} {
				fmt.Fprintf(&out, flags+string(verb), v)
			}
		}
		for _, encode := range []func(any) ([]byte, error){json.Marshal, xml.Marshal} {
			b, err := encode(v)
			fmt.Fprintf(&out, "%s %v\n", b, err)
		}
		var g bytes.Buffer
		if err := gob.NewEncoder(&g).Encode(v); err == nil {
			t.Errorf("%T is encoded by gob", v)
		}
		out.Write(g.Bytes())
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", slog.Any("key", v))
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", slog.Any("key", v))
	}
	raw, err := hex.DecodeString(canary)
	if err != nil {
		t.Fatal(err)
	}
	for _, spelling := range []string{
		canary, strings.ToUpper(canary), string(raw), base64.StdEncoding.EncodeToString(raw), fmt.Sprintf("% x", raw), fmt.Sprintf("% X", raw),
		strings.Trim(fmt.Sprintf("%d", raw), "[]"), strings.Trim(fmt.Sprintf("%#v", raw), "[]byte{}"),
	} {
		if strings.Contains(out.String(), spelling) {
			t.Errorf("the key prints as %q", spelling)
		}
	}
}

func TestSpellingsOfAKey(t *testing.T) {
	want := mustKey(t, canary).Address()
	raw, err := hex.DecodeString(canary)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{canary, strings.ToUpper(canary), "0x" + canary, "0X" + canary, " 0x" + canary + "\r\n", string(raw)} {
		text := []byte(s)
		k, err := evm.ParseKey(text)
		clear(text) // the key is a copy
		if err != nil || k.Address() != want {
			t.Errorf("a spelling of %d bytes is of %s, %v", len(s), k.Address(), err)
		}
	}
	if a := mustKey(t, strings.Repeat("0", 63)+"1").Address(); a.String() != account {
		t.Errorf("the account of 1 is %s", a)
	}
	last := order[:63] + "0"
	if a := mustKey(t, last).Address(); a.String() != "0x80C0dbf239224071c59dD8970ab9d542E3414aB2" {
		t.Errorf("the account of the largest key is %s", a)
	}
}

func TestWhatIsNoKey(t *testing.T) {
	for what, text := range map[string]string{
		"nothing": "", "0": strings.Repeat("0", 64), "0 in bytes": string(make([]byte, 32)), "the order": order, "more than the order": strings.Repeat("f", 64),
		"63 digits": canary[1:], "65 digits": canary + "1", "33 bytes": strings.Repeat("\xff", 33), "another letter": canary[:63] + "g",
		"a password of 32 letters": "correct horse battery staple 123", "half a key in digits": canary[:32], "0x alone": "0x",
		"a blank within": canary[:32] + " " + canary[33:], "0x twice": "0x0x" + canary[2:],
	} {
		k, err := evm.ParseKey([]byte(text))
		if fault.CodeOf(err) != "invalid_private_key" || !k.Address().IsZero() {
			t.Errorf("%s: %v", what, err)
		} else if len(text) > 4 && strings.Contains(err.Error(), text[:4]) {
			t.Errorf("%s: the refusal holds a part of it: %v", what, err)
		}
	}
}

func TestAWipedKeySignsNothing(t *testing.T) {
	k := evm.NewKey()
	again := k
	if k.Address() == evm.NewKey().Address() {
		t.Error("two keys are the same")
	}
	k.Wipe()
	if !bytes.Equal(again.Secret().Reveal(), make([]byte, 32)) {
		t.Error("a copy of the key is not wiped")
	}
	for _, dead := range []evm.Key{again, {}} {
		if s, err := dead.Sign(evm.Hash{1}); err == nil {
			t.Errorf("it signed %x", s.Bytes())
		}
		if a := dead.Address(); !a.IsZero() {
			t.Errorf("it is of %s", a)
		}
	}
}

// TestSignaturesAreThoseOfRFC6979 has the vectors for secp256k1 that wallets
// compare with: SHA-256 of a text, signed with small keys and large ones.
func TestSignaturesAreThoseOfRFC6979(t *testing.T) {
	for _, c := range []struct{ key, text, want string }{
		{
			strings.Repeat("0", 63) + "1", "Satoshi Nakamoto",
			"934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d82442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5",
		},
		{
			order[:63] + "0", "Satoshi Nakamoto",
			"fd567d121db66e382991534ada77a6bd3106f0a1098c231e47993447cd6af2d06b39cd0eb1bc8603e159ef5c20a5c8ad685a45b06ce9bebed3f153d10d93bed5",
		},
		{
			"f8b8af8ce3c7cca5e300d33939540c10d45ce001b8f252bfbc57ba0342904181", "Alan Turing",
			"7063ae83e7f62bbb171798131b4a0564b956930092b33b07b395615d9ec7e15c58dfcc1e00a35e1572f366ffe34ba0fc47db1e7189759b9fb233c5b05ab388ea",
		},
	} {
		h := evm.Hash(sha256.Sum256([]byte(c.text)))
		k := mustKey(t, c.key)
		s, err := k.Sign(h)
		b := s.Bytes()
		if err != nil || hex.EncodeToString(b[:64]) != c.want {
			t.Errorf("%q is signed %x, %v", c.text, b, err)
		}
		if who, err := s.Sender(h); err != nil || who != k.Address() || b[64] != 27+s.V {
			t.Errorf("%q is signed by %s, %v", c.text, who, err)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte(canary))
	f.Add([]byte("0x" + order))
	f.Add(bytes.Repeat([]byte{0xfe}, 32))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := evm.ParseKey(text)
		if err != nil {
			return
		}
		b := k.Secret().Reveal()
		if at := hex.EncodeToString(b); len(b) != 32 || at >= order || at == strings.Repeat("0", 64) {
			t.Fatal("a key that the curve does not have is taken")
		}
		s, err := k.Sign(evm.Hash{7})
		if err != nil {
			t.Fatal(err)
		}
		if who, err := s.Sender(evm.Hash{7}); err != nil || who != k.Address() {
			t.Errorf("signed by %s, %v, not by %s", who, err, k.Address())
		}
	})
}
