package identity_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// A copy of the keystore beside another database signs with the same keys, for another
// installation.
func TestACopyOfTheKeystoreMintsNoTokensForAnotherInstallation(t *testing.T) {
	w := world.Open(t)
	_, token := w.SignUp("ada")
	at := func(name string, former time.Time) *identity.Service {
		s, err := identity.New(t.Context(), identity.Config{
			Store: w.DB, Keys: w.Keys, Admission: w.IPRules, Log: w.Logger(), Now: w.Clock.Now, Issuer: name, Audience: name, FormerUntil: former,
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if _, err := at("urn:oneclaw:1", w.Clock.Now().Add(time.Hour)).Authenticate(t.Context(), token, w.Clock.Now()); err == nil {
		t.Error("a token of another installation is taken")
	}
	if name, since, err := w.DB.Installation(t.Context(), w.Clock.Now()); err != nil || len(name) != 16 || !since.Equal(w.Clock.Now()) {
		t.Errorf("installation %q since %v: %v", name, since, err)
	} else if again, first, err := w.DB.Installation(t.Context(), w.Clock.Now().Add(time.Hour)); err != nil || again != name || !first.Equal(since) {
		t.Errorf("another look: %q since %v: %v", again, first, err)
	}
}

// Tokens of before are good until their end; ones that are issued so later are not.
func TestTokensOfBeforeInstallationsHadNames(t *testing.T) {
	w := world.Open(t, func(s *world.Setup) { s.Issuer = "oneclaw" })
	_, token := w.SignUp("ada")
	for until, good := range map[time.Duration]bool{time.Hour: true, -time.Hour: false} {
		s, err := identity.New(t.Context(), identity.Config{
			Store: w.DB, Keys: w.Keys, Admission: w.IPRules, Log: w.Logger(), Now: w.Clock.Now,
			Issuer: "urn:oneclaw:1", Audience: "urn:oneclaw:1", FormerUntil: w.Clock.Now().Add(until),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Authenticate(t.Context(), token, w.Clock.Now()); (err == nil) != good {
			t.Errorf("until %v from now: %v", until, err)
		}
	}
}
