package store

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

func TestManagersAreThoseOfPolicy(t *testing.T) {
	t.Parallel()
	for _, role := range []policy.Role{policy.RoleOwner, policy.RoleAdmin, policy.RoleMember, ""} {
		p := policy.Principal{Kind: policy.KindUser, Role: role}
		if in := strings.Contains(managers, "'"+string(role)+"'"); in != p.Manages() {
			t.Errorf("%q: in the statements %v, in policy %v", role, in, p.Manages())
		}
	}
}
