package identity_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// FuzzAuthenticate looks for a text that authenticates beside the one token that
// was issued, and for a refusal that differs from the others.
func FuzzAuthenticate(f *testing.F) {
	w := world.Open(f)
	_, token := w.SignUp("ada")
	part := strings.Split(token, ".")
	for _, seed := range []string{
		token, "", ".", "..", "...", part[0] + "..", part[0] + "." + part[1] + ".", token + "=", token + ".", strings.ToLower(token),
		"ocv_" + strings.Repeat("A", 43), "1ck_" + strings.Repeat("A", 43), "ocv_", "1ck_", "eyJhbGciOiJub25lIn0.e30.", "\x00\xff",
		"eyJhbGciOiJFZERTQSIsImtpZCI6Ij8ifQ.eyJleHAiOjFlOTk5fQ.AA", "eyJhbGciOjF9.W10.AA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, bearer string) {
		who, err := w.Identity.Authenticate(t.Context(), bearer, w.Clock.Now())
		switch {
		case bearer == token:
			if err != nil {
				t.Errorf("the token: %v", err)
			}
		case err == nil:
			t.Errorf("another text than the token is %s", who.ID)
		case fault.KindOf(err) != fault.Unauthenticated || who.Kind != "" || who.ID != "":
			t.Errorf("got %v", err)
		}
	})
}
