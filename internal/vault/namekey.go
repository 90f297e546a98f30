package vault

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// NameKey is what must differ between the names of an organisation's vaults: the
// name as people see it. Compatibility forms become the plain character (NFKC: full
// width, ligatures), what shows nothing is left out, and all blanks are one. Letters
// of other scripts that look alike are not folded.
func NameKey(name string) string {
	plain := norm.NFKC.String(strings.Map(shown, norm.NFKC.String(name)))
	return strings.Join(strings.Fields(plain), " ")
}

// shown drops what Unicode calls default ignorable, and formats.
func shown(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) || r == '\u180e' {
		return -1
	}
	return r
}
