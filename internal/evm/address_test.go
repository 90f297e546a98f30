package evm_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// checksums are those that EIP-55 lists.
var checksums = []string{
	"0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
	"0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
	"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
	"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
}

func TestAnAddressIsWrittenWithItsChecksum(t *testing.T) {
	for _, want := range checksums {
		digits := want[2:]
		for _, s := range []string{want, "0x" + strings.ToLower(digits), "0x" + strings.ToUpper(digits)} {
			a, err := evm.ParseAddress(s)
			if err != nil || a.String() != want {
				t.Errorf("%s is read as %s, %v", s, a, err)
			}
		}
		var back struct{ A evm.Address }
		if err := json.Unmarshal([]byte(`{"A":"`+want+`"}`), &back); err != nil {
			t.Error(err)
		}
		if text, err := json.Marshal(back); err != nil || string(text) != `{"A":"`+want+`"}` {
			t.Errorf("in JSON it is %s, %v", text, err)
		}
	}
}

// TestAWrongCapitalLetterIsRefused changes the case of one letter at a time.
func TestAWrongCapitalLetterIsRefused(t *testing.T) {
	for _, s := range checksums[4:] {
		for i, c := range []byte(s) {
			if i < 2 || c < 'A' {
				continue
			}
			wrong := s[:i] + string(rune(c^0x20)) + s[i+1:]
			if a, err := evm.ParseAddress(wrong); err == nil {
				t.Errorf("%s is read as %s", wrong, a)
			}
		}
	}
}

func TestWhatIsNoAddress(t *testing.T) {
	good := strings.Repeat("ab", 20)
	for _, s := range []string{
		"", "0x", good, "0X" + good, "0x" + good[1:], "0x" + good + "0", " 0x" + good, "0x" + good + "\n", "0x" + good[:39] + "g",
		"0x" + good[:38] + "é", "0x0x" + good[2:], "-0x" + good[1:], "vitalik.eth",
	} {
		if a, err := evm.ParseAddress(s); err == nil || !a.IsZero() {
			t.Errorf("%q is read as %s, %v", s, a, err)
		} else if s != "" && strings.Contains(err.Error(), s) && s != "0x" {
			t.Errorf("the refusal of %q holds it: %v", s, err)
		}
	}
	var h evm.Hash
	for _, s := range []string{"", "0x" + good, strings.Repeat("00", 32), "0x" + strings.Repeat("0", 63) + "g"} {
		if err := h.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q is read as the hash %s", s, h)
		}
	}
}

// TestTheAccountOfAPublicKey uses the generator, which is the public key of 1.
func TestTheAccountOfAPublicKey(t *testing.T) {
	pub, err := hex.DecodeString("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798" +
		"483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8")
	if err != nil {
		t.Fatal(err)
	}
	const want = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
	for _, p := range [][]byte{pub, append([]byte{4}, pub...)} {
		if a, err := evm.AddressOf(p); err != nil || a.String() != want {
			t.Errorf("the account is %s, %v", a, err)
		}
	}
	off := append([]byte(nil), pub...)
	off[63] ^= 1
	for what, p := range map[string][]byte{
		"nothing": nil, "a point off the curve": off, "a hybrid point": append([]byte{6}, pub...), "half of it": pub[:32],
		"a compressed point": append([]byte{2}, pub[:32]...), "a byte more": append([]byte{4, 4}, pub...), "infinity": make([]byte, 64),
	} {
		if a, err := evm.AddressOf(p); err == nil {
			t.Errorf("%s has the account %s", what, a)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range checksums {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := evm.ParseAddress(s)
		if err != nil {
			return
		}
		if !strings.EqualFold(a.String(), s) {
			t.Errorf("%q is read as %s", s, a)
		}
		if again, err := evm.ParseAddress(a.String()); err != nil || again != a {
			t.Errorf("%s is not read again: %v", a, err)
		}
	})
}
