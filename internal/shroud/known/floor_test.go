package known_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// Places of a text with a byte that no value has are passed over: what the values have decides which those are.
func TestValuesWithAnyBytesAreFoundBesideOthers(t *testing.T) {
	for _, value := range []string{
		"correct horse battery staple", "two words", "tab\tand bell\x07 within it", "\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f",
		"-----BEGIN KEY-----\nAbCdEfGh01234567\nIjKlMnOp89012345\n-----END KEY-----", "пароль с пробелами внутри", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4", "a b c d e f g h i j k l",
	} {
		for _, n := range []int{0, 300} {
			values := []known.Value{{Label: "it", Value: secret.FromString(value)}}
			for i := range n {
				values = append(values, known.Value{Label: fmt.Sprint("other/", i), Value: secret.FromString(fmt.Sprintf("sk_live_%032x", i*7919))})
			}
			set := known.New(values)
			for shift := range 17 { // the steps between places that are looked at
				src := strings.Repeat(".", shift) + " " + value + " and so on, with more words after it"
				if found := set.Find(src); len(found) != 1 || found[0].Label != "it" {
					t.Errorf("%q beside %d others, from %d on: %v", value, n, shift, found)
				}
				if out := set.Redact(src, func(known.Match) string { return "*" }); strings.Contains(out, value) {
					t.Errorf("%q", out)
				}
			}
		}
	}
}
