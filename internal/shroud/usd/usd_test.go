package usd

import "testing"

func TestAmountsAreExact(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0.00", "5": "5.00", "0.1": "0.10", "12.345678901": "12.345678901", "1e2": "100.00", "2.5e-3": "0.0025",
		"1e-12": "0.000000001", "0.0000000019": "0.000000001", // some money stays some; the rest is cut off
		"1e12": "9223372036.854775807", "1e300": "9223372036.854775807",
	} {
		if got, ok := Parse(text); !ok || got.String() != want {
			t.Errorf("%s: %s, %v, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-1", "x", "1/2", "0x10", "1_0", "1e99999", "1e-1000000000", "1e+0000000000001000000000"} {
		if got, ok := Parse(text); ok {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestSumsDoNotRunOver(t *testing.T) {
	if got := Most.Plus(1); got != Most {
		t.Error(got)
	}
	if got := (Most - 5).Plus(5); got != Most {
		t.Error(got)
	}
	if got := Dollar.Less(2 * Dollar); got != 0 {
		t.Error(got)
	}
	if got := (-Dollar / 2).String(); got != "-0.50" {
		t.Error(got)
	}
}

func TestPricesAreExactOrRefused(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "2.5": 2_500_000, "0.0375": 37_500, "0.000001": 1, "1000": 1e9} {
		if got, ok := ParseRate(text); !ok || got != want {
			t.Errorf("%s: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"-1", "0.0000001", "1000.1", "1e9", "", "free"} {
		if got, ok := ParseRate(text); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}
