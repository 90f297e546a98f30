package placeholder

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

// spellings are the ways in which a text is written within others: itself, in base64 from
// each of three places of a group, in hexadecimal.
func spellings(text string) []string {
	out := []string{text, hex.EncodeToString([]byte(text)), strings.ToUpper(hex.EncodeToString([]byte(text)))}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			padded := append(make([]byte, before), text...)
			whole := encoding.EncodeToString(padded)
			// What other bytes have a part in is left out.
			out = append(out, whole[(before*8+5)/6:len(padded)*8/6])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
