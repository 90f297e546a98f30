package guard

import (
	"slices"
	"strconv"
	"strings"
)

// isNamed reports whether a rule that names a chain is about that of the attempt: by its
// number, or by a name that it has or had.
func (a *Attempt) isNamed(nameOrNumber string) bool {
	return nameOrNumber == strconv.FormatUint(a.ChainID, 10) || strings.EqualFold(nameOrNumber, a.Chain) || has(a.Names, nameOrNumber)
}

// allowedBy reports whether a list of chains allows that of the attempt. A name that another
// chain has or had allows neither of the two.
func (a *Attempt) allowedBy(chains []string) bool {
	return slices.ContainsFunc(chains, func(s string) bool { return a.isNamed(s) && !has(a.Shared, s) })
}

func has(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}
