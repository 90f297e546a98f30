package oidc

import (
	"strings"
	"unicode/utf8"
)

// Plausible accepts names that a database takes and no honest provider exceeds.
func Plausible(name string) bool {
	return name != "" && len(name) <= 1024 && utf8.ValidString(name) && !strings.ContainsRune(name, 0)
}
