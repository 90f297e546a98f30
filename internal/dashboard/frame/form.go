package frame

import (
	"strconv"
	"strings"
)

// Form is a field of the form, without the spaces around it.
func (v *Visit) Form(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }

// Query is a part of the address, without the spaces around it.
func (v *Visit) Query(name string) string { return strings.TrimSpace(v.R.URL.Query().Get(name)) }

// Choice is one of a list that a form offers.
type Choice struct{ Value, Text string }

// Number is a positive whole number that a form has, or 0.
func Number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
