// Package usd is money as what models cost is counted: whole billionths of a dollar.
//
// Its promise: no sum is rounded, and none runs over: what would be more than the most is
// the most.
package usd

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

// Amount is an amount of money in billionths of a dollar.
type Amount int64

// Dollar is one dollar, and Most more than anybody has.
const (
	Dollar Amount = 1e9
	Most   Amount = math.MaxInt64
)

// Plus is a sum of two amounts that are not negative.
func (a Amount) Plus(b Amount) Amount {
	if a > Most-b {
		return Most
	}
	return a + b
}

// Less is what is left of an amount: nothing where it would be less.
func (a Amount) Less(b Amount) Amount { return max(a-b, 0) }

// String is the amount in dollars, exact, with two digits of cents at least.
func (a Amount) String() string {
	sign := ""
	if a < 0 {
		sign, a = "-", -max(a, -Most)
	}
	part := strings.TrimRight(fmt.Sprintf("%09d", a%Dollar), "0")
	for len(part) < 2 {
		part += "0"
	}
	return fmt.Sprintf("%s%d.%s", sign, a/Dollar, part)
}

// maxText is longer than any number of dollars that is meant.
const maxText = 64

// Parse reads a decimal number of dollars, as JSON has it. What is finer than an Amount is cut
// off, but some money stays some; what is more than the most is the most.
func Parse(text string) (Amount, bool) {
	n, ok := units(text, int64(Dollar))
	if !ok || n.Sign() < 0 {
		return 0, false
	}
	whole := new(big.Int).Quo(n.Num(), n.Denom())
	switch {
	case whole.Sign() == 0 && n.Sign() > 0:
		return 1, true
	case !whole.IsInt64():
		return Most, true
	}
	return Amount(whole.Int64()), true
}

// ParseRate reads a price in dollars for a million tokens, as trillionths of a dollar for one. It
// must be exact, and a thousand dollars at most.
func ParseRate(text string) (int64, bool) {
	n, ok := units(text, 1e6)
	if !ok || n.Sign() < 0 || !n.IsInt() || !n.Num().IsInt64() || n.Num().Int64() > maxRate {
		return 0, false
	}
	return n.Num().Int64(), true
}

// maxRate keeps the price of a call within an int64.
const maxRate = 1e9

func units(text string, per int64) (*big.Rat, bool) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if text == "" || len(text) > maxText || len(strings.TrimLeft(exponent, "+-0")) > 3 || strings.ContainsAny(mantissa, "/_xXpP") {
		return nil, false
	}
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, false
	}
	return n.Mul(n, new(big.Rat).SetInt64(per)), true
}
