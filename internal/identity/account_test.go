package identity_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

func TestWhereALoginLeads(t *testing.T) {
	t.Parallel()
	in := func(orgs ...string) (all []identity.Account) {
		for _, org := range orgs {
			all = append(all, identity.Account{User: identity.User{ID: "ann", HomeOrg: "home"}, Org: org})
		}
		return all
	}
	for name, c := range map[string]struct {
		memberships []identity.Account
		org         string
		found       bool
	}{
		"nobody":                        {nil, "", false},
		"somebody in no organisation":   {in(""), "", true},
		"home, however old":             {in("a", "b", "home"), "home", true},
		"home alone":                    {in("home"), "home", true},
		"the oldest where home is lost": {in("a", "b"), "a", true},
	} {
		if a, found := identity.AtHome(c.memberships); a.Org != c.org || found != c.found {
			t.Errorf("%s: %q, %v", name, a.Org, found)
		}
	}
}
