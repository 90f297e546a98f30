package billing_test

import (
	"math"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/billing"
)

func TestDollarsAreReadExactly(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "0.0": 0, "0.000001": 1, "0.000010": 10, "0.001": 1000, "0.1": 100_000, "1": 1_000_000, "1.5": 1_500_000,
		"0.29": 290_000, "19.99": 19_990_000, "1.005": 1_005_000, // which no float is
		"0001.5": 1_500_000, "999.999999": 999_999_999, "1000": 1_000_000_000, "1000.000000": 1_000_000_000,
	} {
		if got, err := billing.ParseDollars(text); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", ".", "1.", ".5", "-1", "+1", "1e3", "0x10", "1,5", "1_000", " 1", "1 ", "1.5\n", "0.0000001", "0.0000000", "1000.000001", "1001", "9999",
		"00001", "1.2.3", "NaN", "Inf", "१", "1\x00", strings.Repeat("9", 40),
	} {
		if got, err := billing.ParseDollars(text); err == nil || got != 0 {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestDollarsAreWrittenExactly(t *testing.T) {
	for micros, want := range map[int64]string{
		0: "0.00", 1: "0.000001", 10: "0.00001", 1000: "0.001", 10_000: "0.01", 15_000: "0.015", 100_000: "0.10", 1_000_000: "1.00",
		1_234_567: "1.234567", 19_990_000: "19.99", -1: "-0.000001", -1_500_000: "-1.50", math.MaxInt64: "9223372036854.775807",
	} {
		if got := billing.Dollars(micros); got != want {
			t.Errorf("%d is written %s, want %s", micros, got, want)
		}
	}
	for cents, want := range map[int64]string{0: "0.00", 1: "0.01", -1: "-0.01", 99: "0.99", 100: "1.00", 1_000_000_000: "10000000.00"} {
		if got := billing.Cents(cents); got != want {
			t.Errorf("%d cents are written %s, want %s", cents, got, want)
		}
	}
	for micros := int64(0); micros <= 1_000_000_000; micros += 999_983 {
		if back, err := billing.ParseDollars(billing.Dollars(micros)); err != nil || back != micros {
			t.Fatalf("%d is written %s and read %d, %v", micros, billing.Dollars(micros), back, err)
		}
	}
}
