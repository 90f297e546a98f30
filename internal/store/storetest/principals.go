package storetest

import (
	"testing"

	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

func addUser(t *testing.T, f *fixture) (id string) {
	t.Helper()
	id = uuid.NewString()
	must(t, f.AddUser(t.Context(), identity.Account{
		User: identity.User{ID: id, Email: id + "@example.com", AuthMethod: "password", HomeOrg: f.org, CreatedAt: moment},
		Org:  f.org, Role: policy.RoleOwner, PasswordHash: "none",
	}, "org", nil, f.event()))
	return id
}

func addAgent(t *testing.T, f *fixture) (id string) {
	t.Helper()
	id = uuid.NewString()
	must(t, f.AddAgent(t.Context(), identity.Agent{
		Standing: identity.Standing{ID: id, Org: f.org, Creator: uuid.NewString()}, // not active: it exists all the same
		Name:     "agent", AuthMethod: identity.MethodMTLS, CreatedAt: moment,
	}, f.event()))
	return id
}
