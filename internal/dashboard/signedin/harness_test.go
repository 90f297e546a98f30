package signedin_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

// start starts the pages over a test world, and returns a person who is signed in and
// owns an organisation. p.Get and p.Post are a browser without scripts, p.Client() the
// API as the same person, p.Member(p, "bob", policy.RoleMember) a colleague,
// p.Server.Person("eve") somebody of another organisation.
func start(t *testing.T) *pages.Person {
	t.Helper()
	return pages.Open(t).Person("ann")
}
