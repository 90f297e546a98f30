package known_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

// TestOtherNamesStay: letters of a value that are few say nothing, and neither does a name that has a part of one.
func TestOtherNamesStay(t *testing.T) {
	for value, names := range map[string][]string{
		"!#$%-a-b-c":               {"X-Abc", "Abc-Def", "X-A-B-C"},
		"sk_live_0123456789":       {"Sk-Live", "X-Request-Id", "X-736b5f6c697665", "Date", "X-0123456789"},
		"Bearer tokens are":        {"X-Bearer", "Bearer-Tokens"},
		"пароль с пробелами":       {"Content-Type", "X-Password"},
		"\xff\x00\xfe\x01\x02\x03": {"X-Ff00", "Fe01"},
	} {
		set := known.Names([]known.Value{{Label: "k", Value: secret.FromString(value)}})
		for _, name := range names {
			if known.Named(set, name) {
				t.Errorf("%s has %q", name, value)
			}
		}
		whole := hex.EncodeToString([]byte(value))
		for _, name := range []string{"X-" + whole, strings.ToUpper(whole) + "-Y", "X-" + whole[:7] + "." + whole[7:]} {
			if !known.Named(set, name) {
				t.Errorf("%s has not %q", name, value)
			}
		}
	}
	if known.Named(known.Names(nil), "X-Any") {
		t.Error("a name has a value of none")
	}
}
