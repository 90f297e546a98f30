package store_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

func addUser(t *testing.T, f *fixture) (id string) {
	t.Helper()
	id = ids.New()
	must(t, f.AddUser(t.Context(), identity.Account{
		User: identity.User{ID: id, Email: id + "@example.com", AuthMethod: "password", HomeOrg: f.org, CreatedAt: moment},
		Org:  f.org, Role: policy.RoleOwner, PasswordHash: "none",
	}, "org", nil, f.event()))
	return id
}

func addAgent(t *testing.T, f *fixture) (id string) {
	t.Helper()
	id = ids.New()
	must(t, f.AddAgent(t.Context(), agent.Agent{
		State: identity.State{ID: id, Org: f.org, Creator: ids.New()}, // not active: it exists all the same
		Name:  "agent", AuthMethod: agent.MethodMTLS, CreatedAt: moment,
	}, f.event()))
	return id
}

func testAgentKeys(t *testing.T, f *fixture) {
	v := f.newVault("__agent-keys")
	must(t, f.AddVault(t.Context(), v, nil))
	for what, c := range map[string]struct {
		sealed any
		fits   bool
	}{
		"none":                   {nil, true},
		"one":                    {[]vault.Version{version(v.ID, "a", 1)}, true},
		"one of a later version": {[]vault.Version{version(v.ID, "b", 2)}, false},
		"what no version is":     {"keys", false},
		"pointers to versions":   {[]*vault.Version{}, false},
	} {
		id := ids.New()
		err := f.AddAgent(t.Context(), agent.Agent{
			State: identity.State{ID: id, Org: f.org, Creator: ids.New()}, Name: what, AuthMethod: agent.MethodMTLS,
			CreatedAt: moment, Sealed: c.sealed,
		}, f.event())
		_, found := f.AgentState(t.Context(), id)
		if (err == nil) != c.fits || (found == nil) != c.fits {
			t.Errorf("%s: %v, and the agent: %v", what, err, found)
		}
	}
	_, err := f.Latest(t.Context(), v.ID, "a")
	must(t, err)
}
