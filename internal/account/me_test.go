package account_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestProfile(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	me, err := w.Accounts.Me(t.Context(), w.Call(ada, policy.ReadUser))
	if err != nil || me.Email != "ada@example.com" || me.DisplayName != "ada" || me.Role != "owner" || me.Org != ada.Org || me.EmailVerified {
		t.Errorf("me: %+v %v", me, err)
	}
	name, yes := "  Ada L.  ", true
	me, err = w.Accounts.UpdateMe(t.Context(), w.Call(ada, policy.UpdateUser), account.Profile{DisplayName: &name})
	if err != nil || me.DisplayName != "Ada L." || me.MarketingEmails {
		t.Errorf("me: %+v %v", me, err)
	}
	me, err = w.Accounts.UpdateMe(t.Context(), w.Call(ada, policy.UpdateUser), account.Profile{MarketingEmails: &yes})
	if err != nil || me.DisplayName != "Ada L." || !me.MarketingEmails {
		t.Errorf("me: %+v %v", me, err)
	}
	for _, bad := range []string{"", "  ", "a\nb", strings.Repeat("x", 256), "\xff"} {
		_, err = w.Accounts.UpdateMe(t.Context(), w.Call(ada, policy.UpdateUser), account.Profile{DisplayName: &bad})
		world.WantKind(t, "a bad name", err, fault.Invalid)
	}
	_, key := w.NewAgent(ada, agent.Agent{})
	_, err = w.Accounts.Me(t.Context(), w.Call(w.Who(key), policy.ReadUser))
	world.WantKind(t, "an agent", err, fault.Denied)
}

func TestChangingThePasswordNeedsTheOldOne(t *testing.T) {
	w := world.Open(t)
	ada, token := w.SignUp("ada")
	for name, try := range map[string]struct{ old, next, code string }{
		"a wrong one": {"x" + world.Password, "Qu1te-another-0ne", "wrong_password"},
		"none":        {"", "Qu1te-another-0ne", "wrong_password"},
		"a weak new":  {world.Password, "short", "weak_password"},
	} {
		err := w.Accounts.ChangePassword(t.Context(), w.Call(ada, policy.ChangePassword), secret.FromString(try.old), secret.FromString(try.next))
		world.WantKind(t, name, err, fault.Invalid)
		world.WantCode(t, name, err, try.code)
	}
	w.Who(token)
	w.LogIn("ada@example.com", world.Password)
}

func TestPersonalKeys(t *testing.T) {
	w := world.Open(t)
	ctx := t.Context()
	ada, _ := w.SignUp("ada")
	bob, _ := w.SignUp("bob")
	k, key, err := w.Accounts.CreateKey(ctx, w.Call(ada, policy.CreateAPIKey), account.KeyDraft{
		Name: "laptop", Scopes: []string{"prod/**"}, ExpiresAt: w.Clock.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	text := string(key.Reveal())
	if !strings.HasPrefix(text, "1ck_") || len(text) != 47 || k.Prefix != text[:12] {
		t.Errorf("key of %d characters, prefix %q", len(text), k.Prefix)
	}
	got, err := w.Accounts.APIKeyToken(ctx, w.Anon(policy.Login), text)
	if err != nil || got.ExpiresIn != 900 || got.AgentID != "" {
		t.Fatalf("exchange: %+v %v", got, err)
	}
	for _, bearer := range []string{text, string(got.Access.Reveal())} {
		who := w.Who(bearer)
		if who.ID != ada.ID || who.Role != policy.RoleOwner || !slices.Equal(who.Scopes, []string{"prod/**"}) || strings.HasPrefix(who.TokenID, "1ck") {
			t.Errorf("principal %+v", who)
		}
		_, _, err := w.Accounts.CreateKey(ctx, w.Call(who, policy.CreateAPIKey), account.KeyDraft{Name: "wider"})
		world.WantKind(t, "a capped key makes one without a cap", err, fault.Denied)
	}
	world.WantKind(t, "another user revokes it", w.Accounts.RevokeKey(ctx, w.Call(bob, policy.DeleteAPIKey), k.ID, false), fault.NotFound)
	world.WantKind(t, "an unknown id", w.Accounts.RevokeKey(ctx, w.Call(ada, policy.DeleteAPIKey), ids.New(), false), fault.NotFound)
	if keys, err := w.Accounts.APIKeys(ctx, w.Call(bob, policy.ListAPIKeys)); err != nil || len(keys) != 0 {
		t.Errorf("another user lists %d keys, %v", len(keys), err)
	}
	w.Who(text)
	w.Clock.Forward(time.Hour)
	w.Dead("an expired key", text)
	keys, err := w.Accounts.APIKeys(ctx, w.Call(ada, policy.ListAPIKeys))
	if err != nil || len(keys) != 1 || keys[0].Live(w.Clock.Now()) || keys[0].Name != "laptop" {
		t.Errorf("keys %+v, %v", keys, err)
	}
	if err := w.Accounts.RevokeKey(ctx, w.Call(ada, policy.DeleteAPIKey), k.ID, false); err != nil {
		t.Errorf("revoke: %v", err)
	}
	world.WantKind(t, "a second time", w.Accounts.RevokeKey(ctx, w.Call(ada, policy.DeleteAPIKey), k.ID, false), fault.NotFound)
	for code, d := range map[string]account.KeyDraft{
		"invalid_name":        {Name: ""},
		"invalid_scope":       {Name: "x", Scopes: []string{"a//b"}},
		"expires_in_the_past": {Name: "x", ExpiresAt: w.Clock.Now()},
		"invalid_expires_at":  {Name: "x", ExpiresAt: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		_, _, err := w.Accounts.CreateKey(ctx, w.Call(ada, policy.CreateAPIKey), d)
		world.WantCode(t, code, err, code)
	}
}

// What two requests at once must not both do, the database decides.
func TestTheDatabaseDecidesRaces(t *testing.T) {
	w := world.Open(t)
	ctx := t.Context()
	ada, _ := w.SignUp("ada")
	me, err := w.DB.Account(ctx, ada.ID, ada.Org)
	if err != nil {
		t.Fatal(err)
	}
	world.WantKind(t, "a password that was changed meanwhile", w.DB.SetPassword(ctx, ada.Org, ada.ID, "another", "x", account.Kept{}, nil), fault.Conflict)
	if again, err := w.DB.Account(ctx, ada.ID, ada.Org); err != nil || again.PasswordHash != me.PasswordHash || again.TokenGen != me.TokenGen {
		t.Errorf("something changed: %v", err)
	}
	first := identity.Account{User: identity.User{ID: ids.New(), Email: "owner@localhost"}, Org: ids.New(), Role: policy.RoleOwner}
	if made, err := w.DB.AddFirstOwner(ctx, first, "x", nil); err != nil || made {
		t.Errorf("a first owner beside a user: %v %v", made, err)
	}
	a, _ := w.NewAgent(ada, agent.Agent{})
	_, err = w.DB.Agent(ctx, ids.New(), a.ID)
	world.WantKind(t, "another organisation's agent", err, fault.NotFound)
	_, err = w.DB.ChangeAgent(ctx, ids.New(), a.ID, func(*agent.Agent) error { return nil }, false, nil)
	world.WantKind(t, "changing it", err, fault.NotFound)
}
