package identity_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/soft"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/people"
)

// FuzzAuthenticate looks for a text that authenticates beside the one token that
// was issued, and for a refusal that differs from the others.
func FuzzAuthenticate(f *testing.F) {
	dir, err := os.MkdirTemp("", "fuzz")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = os.RemoveAll(dir) })
	db, err := store.Open(f.Context(), store.Config{Dir: dir})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	keys, err := soft.Open(f.Context(), soft.Config{Dir: dir + "/keys"})
	if err != nil {
		f.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s, err := identity.New(f.Context(), identity.Config{
		Store: db, Keys: keys, Admission: iprule.New(db), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
		Issuer: people.Issuer, Audience: people.Audience,
	})
	if err != nil {
		f.Fatal(err)
	}
	c := &call.Call{Now: now, Event: &audit.Event{ID: "00000000-0000-4000-8000-000000000001", At: now}}
	accounts := account.New(account.Config{Store: db, Identity: s, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Signup: true})
	j, err := accounts.Signup(f.Context(), c, "ada@example.com", secret.FromString(people.Password), "")
	if err != nil {
		f.Fatal(err)
	}
	token := string(j.Token.Access.Reveal())
	part := strings.Split(token, ".")
	for _, seed := range []string{
		token, "", ".", "..", "...", part[0] + "..", part[0] + "." + part[1] + ".", token + "=", token + ".", strings.ToLower(token),
		"ocv_" + strings.Repeat("A", 43), "1ck_" + strings.Repeat("A", 43), "ocv_", "1ck_", "eyJhbGciOiJub25lIn0.e30.", "\x00\xff",
		"eyJhbGciOiJFZERTQSIsImtpZCI6Ij8ifQ.eyJleHAiOjFlOTk5fQ.AA", "eyJhbGciOjF9.W10.AA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, bearer string) {
		who, err := s.Authenticate(t.Context(), bearer, now)
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
