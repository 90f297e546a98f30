package policy

import (
	"strings"
	"testing"
)

// A key is told which words there are: all areas of the table, and no others.
func TestWordsOfAKeyNameAnAction(t *testing.T) {
	refusal := CheckKeyScopes([]string{"bogus:read"})
	if refusal == nil {
		t.Fatal("an unknown word was taken")
	}
	told := map[string]bool{}
	_, list, _ := strings.Cut(refusal.Error(), "The areas are ")
	for area := range strings.FieldsFuncSeq(strings.ReplaceAll(list, " and ", ", "), func(r rune) bool { return strings.ContainsRune(", .", r) }) {
		told[area] = true
		if err := CheckKeyScopes([]string{area + ":*"}); err != nil {
			t.Errorf("%s is told and refused", area)
		}
	}
	for a := range table {
		noun, _, _ := strings.Cut(string(a), ".")
		if CheckKeyScopes([]string{noun + ":*"}) == nil && !told[noun] {
			t.Errorf("%s is taken and not told", noun)
		}
	}
	for _, slip := range []string{"vault:reed", "vault:", "chain:write:more", "health:read"} {
		if CheckKeyScopes([]string{"prod/**", slip}) == nil {
			t.Errorf("%s was taken", slip)
		}
	}
	if err := CheckKeyScopes([]string{"*", "vault.read", "tx:sign", "prod/**"}); err != nil {
		t.Errorf("what clients send: %v", err)
	}
}
