package account_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestLoginRefusesInOneWay(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	var first string
	for name, try := range map[string]struct{ email, password, reason string }{
		"a wrong password":             {"ada@example.com", "Tr0ub4dor-and-horse", "wrong_password"},
		"an empty password":            {"ada@example.com", "", "wrong_password"},
		"a huge password":              {"ada@example.com", strings.Repeat("a", 1<<20), "wrong_password"},
		"an unknown user":              {"bob@example.com", world.Password, "unknown_user"},
		"no address at all":            {"", world.Password, "unknown_user"},
		"an address with a line break": {"ada@example.com\nBcc: x", world.Password, "unknown_user"},
	} {
		t.Run(name, func(t *testing.T) {
			c := w.Anon(policy.Login)
			got, err := w.Accounts.Login(t.Context(), c, try.email, secret.FromString(try.password))
			world.WantKind(t, "log in", err, fault.Unauthenticated)
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || got.Access.Len() != 0 {
				t.Fatalf("got %v", err)
			}
			if first == "" {
				first = e.Code + e.Detail
			}
			if e.Code+e.Detail != first || e.RetryAfter != 0 || e.Err != nil {
				t.Errorf("the answer differs: %v", err)
			}
			if c.Event.Action != "auth.failure" || c.Event.Details.Reason != try.reason || c.Event.Committed ||
				c.Event.ActorID != "" || c.Event.ActorKind != "anonymous" {
				t.Errorf("event %+v", c.Event)
			}
			// Her organisation sees it, and nobody an account that there is not.
			org, target := audit.SystemOrg, ""
			if try.reason == "wrong_password" {
				org, target = ada.Org, "user:"+ada.ID
			}
			if c.Event.Org != org || c.Event.Details.Target != target {
				t.Errorf("event in the log of %s about %q, want %s and %q", c.Event.Org, c.Event.Details.Target, org, target)
			}
			// An address is told apart whether it has an account or not, so that
			// the log takes as long.
			if has := c.Event.CoalesceKey != ""; has != (try.email == "ada@example.com" || try.email == "bob@example.com") || strings.Contains(c.Event.CoalesceKey, "@") {
				t.Errorf("coalesced by %q", c.Event.CoalesceKey)
			}
		})
	}
}

func TestLoginTakesTheAddressInAnySpelling(t *testing.T) {
	w := world.Open(t)
	j, err := w.Accounts.Signup(t.Context(), w.Anon(policy.Signup), " Ada@Example.COM ", secret.FromString(world.Password), "")
	if err != nil {
		t.Fatal(err)
	}
	ada := w.Who(string(j.Token.Access.Reveal()))
	if got := w.Who(w.LogIn("ADA@example.com  ", world.Password)); got.ID != ada.ID || got.Role != policy.RoleOwner {
		t.Errorf("got %+v", got)
	}
}

func TestLoginIsInTheLogOfTheOrganisation(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	c := w.Anon(policy.Login)
	if _, err := w.Accounts.Login(t.Context(), c, "ada@example.com", secret.FromString(world.Password)); err != nil {
		t.Fatal(err)
	}
	rows, err := w.DB.Events(t.Context(), ada.Org, audit.Query{Limit: 1})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	e := rows[0]
	if e.ID != c.Event.ID || e.Action != "auth.success" || e.ActorKind != "user" || e.ActorID != ada.ID ||
		!strings.Contains(string(e.DetailsJSON), `"outcome":"success"`) || !c.Event.Committed {
		t.Errorf("event %+v %s", e.Event, e.DetailsJSON)
	}
}

// phc is an Argon2id hash with other parameters than today's.
func phc(password string, memory, passes uint32) string {
	salt := []byte("0123456789abcdef")
	sum := argon2.IDKey([]byte(world.Password), salt, passes, memory, 1, 32)
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", memory, passes, e.EncodeToString(salt), e.EncodeToString(sum))
}

func TestLoginHashesAgainWhenTheParametersChanged(t *testing.T) {
	w := world.Open(t, func(s *world.Setup) { s.Passwords = identity.PasswordCost() })
	w.SignUp("ada")
	account := func() identity.Account {
		a, err := w.DB.AccountByEmail(t.Context(), "ada@example.com")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := account()
	if !strings.HasPrefix(a.PasswordHash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("hash %.40s", a.PasswordHash)
	}
	if err := w.DB.Rehash(t.Context(), a.ID, a.PasswordHash, phc(world.Password, 64, 1)); err != nil {
		t.Fatal(err)
	}
	w.LogIn("ada@example.com", world.Password)
	now := account().PasswordHash
	if !strings.HasPrefix(now, "$argon2id$v=19$m=19456,t=2,p=1$") || now == a.PasswordHash {
		t.Errorf("hash %.40s", now)
	}
	w.LogIn("ada@example.com", world.Password)
	if account().PasswordHash != now {
		t.Error("hashed again without need")
	}
}

func TestADamagedHashIsNobodysPassword(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	good := phc(world.Password, 64, 1)
	a, err := w.DB.AccountByEmail(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	last := a.PasswordHash
	for name, bad := range map[string]string{
		"another algorithm": strings.Replace(good, "argon2id", "argon2i", 1), "another version": strings.Replace(good, "v=19", "v=16", 1),
		"no memory": strings.Replace(good, "m=64", "m=", 1), "endless passes": strings.Replace(good, "t=1", "t=4294967295", 1),
		"no lanes": strings.Replace(good, "p=1", "p=0", 1), "huge memory": strings.Replace(good, "m=64", "m=4294967295", 1),
		"short sum": good[:len(good)-8], "text": "hello",
	} {
		if err := w.DB.Rehash(t.Context(), ada.ID, last, bad); err != nil {
			t.Fatal(err)
		}
		last = bad
		w.Clock.Forward(time.Hour) // what could not be checked counts as a failure
		_, err := w.Accounts.Login(t.Context(), w.Anon(policy.Login), "ada@example.com", secret.FromString(world.Password))
		world.WantKind(t, name, err, fault.Internal)
	}
}

func TestHashingIsBoundedAndWaitsAsLongAsTheRequest(t *testing.T) {
	w := world.Open(t)
	w.SignUp("ada")
	gone, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	var served, given atomic.Int64
	for i := range 24 {
		ctx := t.Context()
		if i%2 == 0 {
			ctx = gone
		}
		wait.Go(func() {
			_, err := w.Accounts.Login(ctx, w.Anon(policy.Login), "ada@example.com", secret.FromString(world.Password))
			switch {
			case err == nil:
				served.Add(1)
			case fault.Is(err, fault.Unavailable):
				given.Add(1)
			default:
				t.Errorf("log in: %v", err)
			}
		})
	}
	cancel()
	wait.Wait()
	if served.Load() < 12 || served.Load()+given.Load() != 24 {
		t.Errorf("%d served, %d gave up", served.Load(), given.Load())
	}
}
