package envvar

import (
	"strings"
	"testing"
)

// A place and its path are each other's: no two places have one path.
func TestPlacesAndPaths(t *testing.T) {
	t.Parallel()
	seen := map[string]Place{}
	for _, environment := range []string{All, "production", "a-1"} {
		for _, branch := range []string{"", "main", "feature/x", "feature_2fx", "a.b", "_", "-", "ü", "x y", "branch"} {
			for _, key := range []string{"A", "_A", "A_B", "branch", "a1"} {
				at := Place{key, environment, branch}
				p, err := at.Path()
				if err != nil {
					t.Fatalf("%+v: %v", at, err)
				}
				if other, taken := seen[p.String()]; taken {
					t.Errorf("%+v and %+v are both %s", at, other, p)
				}
				seen[p.String()] = at
				if back, ok := placeOf(p.String()); !ok || back != at {
					t.Errorf("%s is read as %+v, want %+v", p, back, at)
				}
			}
		}
	}
	for _, bad := range []Place{
		{"", "production", ""}, {"1A", "production", ""}, {"A-B", "production", ""}, {"A_", "production", ""}, {"A/B", "production", ""}, {"resolve", "", ""},
		{strings.Repeat("A", 129), "production", ""}, {"A", "Production", ""}, {"A", "a/b", ""}, {"A", "-a", ""}, {"A", "..", ""},
		{"A", "production", strings.Repeat("b", 101)}, {"A", "production", "a\nb"},
	} {
		if p, err := bad.Path(); err == nil {
			t.Errorf("%+v is %s", bad, p)
		}
	}
	for _, other := range []string{"env-vars/production", "env-vars/production/a/b", "env-vars/Production/A", "env-vars/production/branch/x_2Fy/A", "env-vars/production/branch/x_2/A", "other/production/A"} {
		if at, ok := placeOf(other); ok {
			t.Errorf("%s is read as %+v", other, at)
		}
	}
}
