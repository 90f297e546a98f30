package evm_test

import (
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

const most = "115792089237316195423570985008687907853269984665640564039457584007913129639935" // 2^256-1

func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		in       string
		decimals int
		want     string // in the smallest unit
		out      string // "" is in
	}{
		{"0", 18, "0", ""}, {"0.0", 18, "0", "0"}, {"00.10", 18, "100000000000000000", "0.1"},
		{"0.000000000000000001", 18, "1", ""}, {"1", 0, "1", ""}, {"1.5", 6, "1500000", ""},
		{"1000000000000000000.000000000000000001", 18, "1000000000000000000000000000000000001", ""},
		{"0.1", 18, "100000000000000000", ""}, {"0.3", 1, "3", ""}, // not exact in binary
		{most, 0, most, ""}, {most[:60] + "." + most[60:], 18, most, ""}, {"0." + strings.Repeat("0", 76) + "1", 77, "1", ""},
		{"0", 255, "0", ""},
	} {
		v, err := evm.ParseUnits(c.in, c.decimals)
		if err != nil || v.Dec() != c.want {
			t.Errorf("%s with %d decimals is %s, %v, want %s", c.in, c.decimals, v.Dec(), err, c.want)
		}
		if c.out == "" {
			c.out = c.in
		}
		if got := evm.FormatUnits(&v, c.decimals); got != c.out {
			t.Errorf("%s with %d decimals is written %s", c.in, c.decimals, got)
		}
	}
	if v, err := evm.ParseETH("1.000000000000000001"); err != nil || v.Dec() != "1000000000000000001" || evm.FormatETH(&v) != "1.000000000000000001" {
		t.Errorf("%s wei, %v", v.Dec(), err)
	}
}

func TestWeiIsWrittenAsEtherAndOtherTextsStay(t *testing.T) {
	for in, out := range map[string]string{"250000000000000000": "0.25", "0": "0", "": "", "much": "much", "-1": "-1"} {
		if got := evm.FormatWei(in); got != out {
			t.Errorf("%q is written %q", in, got)
		}
	}
}

func TestWhatIsNoAmount(t *testing.T) {
	for _, c := range []struct {
		in       string
		decimals int
		code     string
	}{
		{"", 18, "invalid_amount"}, {".", 18, "invalid_amount"}, {"1.", 18, "invalid_amount"}, {".5", 18, "invalid_amount"},
		{"-1", 18, "invalid_amount"}, {"+1", 18, "invalid_amount"}, {"1e3", 18, "invalid_amount"}, {"0x1", 18, "invalid_amount"},
		{"1_000", 18, "invalid_amount"}, {"1,5", 18, "invalid_amount"}, {"1.5.", 18, "invalid_amount"}, {"1..5", 18, "invalid_amount"},
		{" 1", 18, "invalid_amount"}, {"1\n", 18, "invalid_amount"}, {"٣", 18, "invalid_amount"}, {"Infinity", 18, "invalid_amount"},
		{"0.0000000000000000001", 18, "amount_too_precise"}, {"1.0", 0, "amount_too_precise"},
		{most[:77] + "6", 0, "amount_too_large"}, {most, 1, "amount_too_large"}, {"1", 78, "amount_too_large"}, {"1", 255, "amount_too_large"},
		{strings.Repeat("0", 79), 0, "amount_too_large"}, {strings.Repeat("9", 1<<20), 0, "amount_too_large"},
		{"1", -1, "invalid_decimals"}, {"1", 256, "invalid_decimals"},
	} {
		v, err := evm.ParseUnits(c.in, c.decimals)
		if fault.CodeOf(err) != c.code || !v.IsZero() {
			t.Errorf("%.30q with %d decimals: %s, %v, want %s", c.in, c.decimals, v.Dec(), err, c.code)
		}
	}
}

// FuzzParseUnits compares with fractions of math/big.
func FuzzParseUnits(f *testing.F) {
	f.Add("1.5", 6)
	f.Add(most, 0)
	f.Add("0.000000000000000001", 18)
	decimal := regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	bound := new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 256))
	f.Fuzz(func(t *testing.T, s string, decimals int) {
		v, err := evm.ParseUnits(s, decimals)
		if decimals < 0 || decimals > 255 || !decimal.MatchString(s) || len(strings.Replace(s, ".", "", 1)) > 78 {
			if err == nil {
				t.Errorf("%.90q with %d decimals is taken", s, decimals)
			}
			return
		}
		want, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("math/big does not read %q", s)
		}
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil)
		want.Mul(want, new(big.Rat).SetInt(scale))
		_, part, _ := strings.Cut(s, ".")
		if fits := want.Cmp(bound) < 0 && len(part) <= decimals; fits != (err == nil) {
			t.Fatalf("%s with %d decimals: %v", s, decimals, err)
		}
		if err != nil {
			return
		}
		if !want.IsInt() || want.Num().Cmp(v.ToBig()) != 0 {
			t.Errorf("%s with %d decimals is %s, want %s", s, decimals, v.Dec(), want)
		}
		out := evm.FormatUnits(&v, decimals)
		back, ok := new(big.Rat).SetString(out)
		if !ok || back.Mul(back, new(big.Rat).SetInt(scale)).Cmp(want) != 0 || len(out) > 2+decimals+len(s) {
			t.Errorf("%s with %d decimals is written %s", s, decimals, out)
		}
		var again uint256.Int
		if len(out) <= 78 {
			if again, err = evm.ParseUnits(out, decimals); err != nil || !again.Eq(&v) {
				t.Errorf("%s with %d decimals is not read again: %v", out, decimals, err)
			}
		}
	})
}
