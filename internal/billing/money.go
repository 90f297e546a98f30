package billing

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var errAmount = errors.New("not an amount")

// ParseDollars reads a decimal of dollars with at most six places into
// millionths. It takes nothing negative and no more than 1,000.
func ParseDollars(s string) (int64, error) {
	whole, part, dot := strings.Cut(s, ".")
	if !digits(whole, 4) || dot && !digits(part, 6) {
		return 0, errAmount
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", 6-len(part)), 10, 64)
	if err != nil || n > 1000*1e6 {
		return 0, errAmount
	}
	return n, nil
}

// Dollars writes millionths of a dollar with at least two places.
func Dollars(micros int64) string {
	sign := ""
	if micros < 0 {
		sign, micros = "-", -micros
	}
	part := strings.TrimRight(fmt.Sprintf("%06d", micros%1e6), "0")
	for len(part) < 2 {
		part += "0"
	}
	return fmt.Sprintf("%s%d.%s", sign, micros/1e6, part)
}

// Cents writes cents as dollars.
func Cents(cents int64) string { return Dollars(cents * MicrosPerCent) }

// parseCount reads a whole number that is not negative.
func parseCount(s string) (int64, error) {
	if !digits(s, 15) {
		return 0, errAmount
	}
	return strconv.ParseInt(s, 10, 64)
}

func digits(s string, most int) bool {
	return s != "" && len(s) <= most && strings.Trim(s, "0123456789") == ""
}
