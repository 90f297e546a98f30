package identity_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

func TestProfile(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	me, err := w.Me(t.Context(), w.call(ada, policy.ReadUser))
	if err != nil || me.Email != "ada@example.com" || me.DisplayName != "ada" || me.Role != "owner" || me.Org != ada.Org || me.EmailVerified {
		t.Errorf("me: %+v %v", me, err)
	}
	name, yes := "  Ada L.  ", true
	me, err = w.UpdateMe(t.Context(), w.call(ada, policy.UpdateUser), identity.Profile{DisplayName: &name})
	if err != nil || me.DisplayName != "Ada L." || me.MarketingEmails {
		t.Errorf("me: %+v %v", me, err)
	}
	me, err = w.UpdateMe(t.Context(), w.call(ada, policy.UpdateUser), identity.Profile{MarketingEmails: &yes})
	if err != nil || me.DisplayName != "Ada L." || !me.MarketingEmails {
		t.Errorf("me: %+v %v", me, err)
	}
	for _, bad := range []string{"", "  ", "a\nb", strings.Repeat("x", 256), "\xff"} {
		_, err = w.UpdateMe(t.Context(), w.call(ada, policy.UpdateUser), identity.Profile{DisplayName: &bad})
		wantKind(t, "a bad name", err, fault.Invalid)
	}
	_, key := w.agent(ada, identity.Agent{})
	_, err = w.Me(t.Context(), w.call(w.who(key), policy.ReadUser))
	wantKind(t, "an agent", err, fault.Denied)
}

func TestChangingThePasswordNeedsTheOldOne(t *testing.T) {
	w := open(t)
	token, ada := w.signup("ada@example.com")
	for name, try := range map[string]struct{ old, next, code string }{
		"a wrong one": {"x" + password, "Qu1te-another-0ne", "wrong_password"},
		"none":        {"", "Qu1te-another-0ne", "wrong_password"},
		"a weak new":  {password, "short", "weak_password"},
	} {
		err := w.ChangePassword(t.Context(), w.call(ada, policy.ChangePassword), secret.FromString(try.old), secret.FromString(try.next))
		wantKind(t, name, err, fault.Invalid)
		wantCode(t, name, err, try.code)
	}
	w.who(token)
	w.login("ada@example.com", password)
}

func TestPersonalKeys(t *testing.T) {
	w := open(t)
	ctx := t.Context()
	_, ada := w.signup("ada@example.com")
	_, bob := w.signup("bob@example.com")
	k, key, err := w.CreateKey(ctx, w.call(ada, policy.CreateAPIKey), identity.KeyDraft{
		Name: "laptop", Scopes: []string{"prod/**"}, ExpiresAt: w.clock.now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	text := string(key.Reveal())
	if !strings.HasPrefix(text, "1ck_") || len(text) != 47 || k.Prefix != text[:12] {
		t.Errorf("key of %d characters, prefix %q", len(text), k.Prefix)
	}
	got, err := w.APIKeyToken(ctx, w.anon(policy.Login), text)
	if err != nil || got.ExpiresIn != 900 || got.AgentID != "" {
		t.Fatalf("exchange: %+v %v", got, err)
	}
	for _, bearer := range []string{text, string(got.Access.Reveal())} {
		who := w.who(bearer)
		if who.ID != ada.ID || who.Role != policy.RoleOwner || !slices.Equal(who.Scopes, []string{"prod/**"}) || strings.HasPrefix(who.TokenID, "1ck") {
			t.Errorf("principal %+v", who)
		}
		_, _, err := w.CreateKey(ctx, w.call(who, policy.CreateAPIKey), identity.KeyDraft{Name: "wider"})
		wantKind(t, "a capped key makes one without a cap", err, fault.Denied)
	}
	wantKind(t, "another user revokes it", w.RevokeKey(ctx, w.call(bob, policy.DeleteAPIKey), k.ID, false), fault.NotFound)
	wantKind(t, "an unknown id", w.RevokeKey(ctx, w.call(ada, policy.DeleteAPIKey), uuid.NewString(), false), fault.NotFound)
	if keys, err := w.APIKeys(ctx, w.call(bob, policy.ListAPIKeys)); err != nil || len(keys) != 0 {
		t.Errorf("another user lists %d keys, %v", len(keys), err)
	}
	w.who(text)
	w.clock.forward(time.Hour)
	w.dead("an expired key", text)
	keys, err := w.APIKeys(ctx, w.call(ada, policy.ListAPIKeys))
	if err != nil || len(keys) != 1 || keys[0].Live(w.clock.now()) || keys[0].Name != "laptop" {
		t.Errorf("keys %+v, %v", keys, err)
	}
	if err := w.RevokeKey(ctx, w.call(ada, policy.DeleteAPIKey), k.ID, false); err != nil {
		t.Errorf("revoke: %v", err)
	}
	wantKind(t, "a second time", w.RevokeKey(ctx, w.call(ada, policy.DeleteAPIKey), k.ID, false), fault.NotFound)
	for code, d := range map[string]identity.KeyDraft{
		"invalid_name":        {Name: ""},
		"invalid_scope":       {Name: "x", Scopes: []string{"a//b"}},
		"expires_in_the_past": {Name: "x", ExpiresAt: w.clock.now()},
		"invalid_expires_at":  {Name: "x", ExpiresAt: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		_, _, err := w.CreateKey(ctx, w.call(ada, policy.CreateAPIKey), d)
		wantCode(t, code, err, code)
	}
}

// What two requests at once must not both do, the database decides.
func TestTheDatabaseDecidesRaces(t *testing.T) {
	w := open(t)
	ctx := t.Context()
	_, ada := w.signup("ada@example.com")
	me, err := w.db.Account(ctx, ada.ID, ada.Org)
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a password that was changed meanwhile", w.db.SetPassword(ctx, ada.Org, ada.ID, "another", "x", identity.Kept{}, nil), fault.Conflict)
	if again, err := w.db.Account(ctx, ada.ID, ada.Org); err != nil || again.PasswordHash != me.PasswordHash || again.TokenGen != me.TokenGen {
		t.Errorf("something changed: %v", err)
	}
	first := identity.Account{User: identity.User{ID: uuid.NewString(), Email: "owner@localhost"}, Org: uuid.NewString(), Role: policy.RoleOwner}
	if made, err := w.db.AddFirstOwner(ctx, first, "x", nil); err != nil || made {
		t.Errorf("a first owner beside a user: %v %v", made, err)
	}
	a, _ := w.agent(ada, identity.Agent{})
	_, err = w.db.Agent(ctx, uuid.NewString(), a.ID)
	wantKind(t, "another organisation's agent", err, fault.NotFound)
	_, err = w.db.ChangeAgent(ctx, uuid.NewString(), a.ID, func(*identity.Agent) error { return nil }, false, nil)
	wantKind(t, "changing it", err, fault.NotFound)
}
