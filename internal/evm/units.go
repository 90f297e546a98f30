package evm

import (
	"strings"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

const (
	ethDecimals = 18
	maxDecimals = 255 // ERC-20 gives them in one byte
	maxDigits   = 78  // of 2^256-1
)

// ParseUnits turns a decimal number of whole coins into the smallest unit: "1.5"
// with 6 decimals is 1500000. It computes with integers. Refused are signs,
// exponents, blanks, an empty part on either side of the point, more decimals
// than the coin has, more than 78 digits, and what exceeds 2^256-1.
func ParseUnits(s string, decimals int) (uint256.Int, error) {
	whole, part, point := strings.Cut(s, ".")
	switch {
	case decimals < 0 || decimals > maxDecimals:
		return uint256.Int{}, fault.New(fault.Invalid, "invalid_decimals", "A coin has 0 to 255 decimals.")
	case len(whole)+len(part) > maxDigits:
		return uint256.Int{}, tooLarge()
	case !digits(whole) || point && !digits(part):
		return uint256.Int{}, fault.New(fault.Invalid, "invalid_amount", "An amount is a decimal number such as 0.5, without a sign, an exponent or blanks.")
	case len(part) > decimals:
		return uint256.Int{}, fault.New(fault.Invalid, "amount_too_precise", "The amount has more decimals than the coin.")
	}
	all := strings.TrimLeft(whole+part+strings.Repeat("0", decimals-len(part)), "0")
	var v uint256.Int
	if all == "" {
		return v, nil
	}
	if len(all) > maxDigits || v.SetFromDecimal(all) != nil {
		return uint256.Int{}, tooLarge()
	}
	return v, nil
}

// FormatUnits is the shortest decimal number that ParseUnits turns into v.
func FormatUnits(v *uint256.Int, decimals int) string {
	all := v.Dec()
	if decimals <= 0 {
		return all
	}
	if missing := decimals + 1 - len(all); missing > 0 {
		all = strings.Repeat("0", missing) + all
	}
	at := len(all) - decimals
	part := strings.TrimRight(all[at:], "0")
	if part == "" {
		return all[:at]
	}
	return all[:at] + "." + part
}

// ParseETH turns ether, with at most 18 decimals, into wei.
func ParseETH(s string) (uint256.Int, error) { return ParseUnits(s, ethDecimals) }

// FormatETH turns wei into ether.
func FormatETH(v *uint256.Int) string { return FormatUnits(v, ethDecimals) }

// FormatWei turns wei in decimal digits into ether. A text that is no such number stays as it is.
func FormatWei(wei string) string {
	n, err := ParseUnits(wei, 0)
	if err != nil {
		return wei
	}
	return FormatETH(&n)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func tooLarge() error {
	return fault.New(fault.Invalid, "amount_too_large", "The amount is larger than any chain can hold.")
}
