package policy_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// A list of patterns lifts another where a path matches it that the other does not.
func TestLiftsAgreesWithTryingAllPaths(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	segments := []string{"a", "b", "ab", "*", "a*", "*b", "**", "**"}
	pattern := func() string {
		parts := make([]string, 1+r.IntN(3))
		for i := range parts {
			parts[i] = segments[r.IntN(len(segments))]
		}
		return strings.Join(parts, "/")
	}
	all := paths()
	found := map[bool]int{}
	for range 4000 {
		was, now := pattern(), pattern()
		if slices.Contains([]string{was, now}, "*") || slices.Contains([]string{was, now}, "**") {
			continue // a word, and no cap at all
		}
		// "c" is a letter of no pattern, so it stands for every other.
		reaches := slices.ContainsFunc(all, func(p string) bool {
			return slices.ContainsFunc([]string{p, strings.ReplaceAll(p, "aa", "c")}, func(p string) bool {
				return naiveMatch(now, p) && !naiveMatch(was, p)
			})
		})
		found[reaches]++
		if got := policy.Lifts([]string{was}, []string{now}); got != reaches {
			t.Fatalf("from %s to %s: %v, want %v", was, now, got, reaches)
		}
	}
	if found[true] < 200 || found[false] < 200 {
		t.Errorf("the patterns say little: %v", found)
	}
}

func TestListsOfScopesLift(t *testing.T) {
	for _, c := range []struct {
		was, now string
		lifts    bool
	}{
		{"a/**", "a/b", false}, {"a/**", "a/b/** a/c", false}, {"a/b", "a/**", true}, {"a/** b/**", "b/x", false}, {"a/**", "a/b c", true},
		{"a/** b/**", "**", true}, {"a/**", "", true}, {"a/**", "vault:read", true}, {"a/**", "vault:read a/b", false}, {"", "a", false},
		{"**", "a", false}, {"** a", "", false}, {"vault:read", "a", true}, {"vault:read a", "vault:read", true}, {"vault:read", "vault:write", true},
		{"vault:read vault:write", "vault:read", false}, {"*", "vault:read", true},
		{"a//b", "a//b", false}, {"a//b", "a//b a", true}, {"a/**", "a//b", true},
	} {
		if got := policy.Lifts(strings.Fields(c.was), strings.Fields(c.now)); got != c.lifts {
			t.Errorf("from %q to %q: %v", c.was, c.now, got)
		}
	}
}

// FuzzLifts: what a list reaches that does not lift another, that other reaches too.
func FuzzLifts(f *testing.F) {
	f.Add("prod/**", "prod/x", "prod/x")
	f.Add("a*/b **", "*c/* a", "abc/b")
	f.Add("**/b*/**", "**/bb*", "a/bb")
	f.Fuzz(func(t *testing.T, wide, narrow, path string) {
		was, now := strings.Fields(wide), strings.Fields(narrow)
		if _, err := secretpath.Parse(path); err != nil || len(was) > 4 || len(now) > 4 || policy.Lifts(was, now) {
			return
		}
		free := &policy.Principal{Scopes: now}
		held := &policy.Principal{Scopes: was}
		if free.Covers("", path) && !held.Covers("", path) {
			t.Fatalf("%q lifts %q: %q", now, was, path)
		}
	})
}
