package account_test

import (
	"slices"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// Neither a key nor the token that it was exchanged for makes a key that lasts
// longer than the key, or may do more.
func TestAKeyMakesNoKeyBeyondItself(t *testing.T) {
	w := world.Open(t)
	ctx := t.Context()
	ada, _ := w.SignUp("ada")
	day := w.Clock.Now().Add(24 * time.Hour).Truncate(time.Microsecond)
	makeKey := func(who policy.Principal, d account.KeyDraft) (identity.UserKey, string, error) {
		d.Name = "made"
		k, key, err := w.Accounts.CreateKey(ctx, w.Call(who, policy.CreateAPIKey), d)
		return k, string(key.Reveal()), err
	}
	words := []string{"api_keys:write", "vault:read"}
	for name, tc := range map[string]struct {
		own, draft account.KeyDraft
		refused    string
		end        time.Time
		scopes     []string
	}{
		"no end":                     {own: account.KeyDraft{ExpiresAt: day}, refused: "person_required"},
		"an earlier end":             {own: account.KeyDraft{ExpiresAt: day}, draft: account.KeyDraft{ExpiresAt: day.Add(-time.Hour)}, end: day.Add(-time.Hour)},
		"the same end":               {own: account.KeyDraft{ExpiresAt: day}, draft: account.KeyDraft{ExpiresAt: day}, end: day},
		"a later end":                {own: account.KeyDraft{ExpiresAt: day}, draft: account.KeyDraft{ExpiresAt: day.Add(time.Second)}, refused: "person_required"},
		"an end, of a key without":   {draft: account.KeyDraft{ExpiresAt: day}, end: day},
		"no end, of a key without":   {refused: "person_required"},
		"an end far away, of such":   {draft: account.KeyDraft{ExpiresAt: day.AddDate(1, 0, 0)}, refused: "person_required"},
		"no scopes":                  {own: account.KeyDraft{Scopes: words}, draft: account.KeyDraft{ExpiresAt: day}, end: day, scopes: words},
		"one of its scopes":          {own: account.KeyDraft{Scopes: words}, draft: account.KeyDraft{Scopes: words[1:], ExpiresAt: day}, end: day, scopes: words[1:]},
		"a scope that it lacks":      {own: account.KeyDraft{Scopes: words}, draft: account.KeyDraft{Scopes: []string{"vault:read", "tx:sign"}, ExpiresAt: day}, refused: "beyond_own_key"},
		"the scope that is all":      {own: account.KeyDraft{Scopes: words}, draft: account.KeyDraft{Scopes: []string{"*"}, ExpiresAt: day}, refused: "beyond_own_key"},
		"scopes, of a key without":   {draft: account.KeyDraft{Scopes: words, ExpiresAt: day}, end: day, scopes: words},
		"less, with a later end yet": {own: account.KeyDraft{Scopes: words, ExpiresAt: day}, draft: account.KeyDraft{Scopes: words[1:], ExpiresAt: day.Add(time.Hour)}, refused: "person_required"},
	} {
		t.Run(name, func(t *testing.T) {
			_, own, err := makeKey(ada, tc.own)
			if err != nil {
				t.Fatal(err)
			}
			token, err := w.Accounts.APIKeyToken(ctx, w.Anon(policy.Login), own)
			if err != nil {
				t.Fatal(err)
			}
			for _, bearer := range []string{own, string(token.Access.Reveal())} {
				k, second, err := makeKey(w.Who(bearer), tc.draft)
				if tc.refused != "" {
					world.WantKind(t, "make it", err, fault.Denied)
					world.WantCode(t, "make it", err, tc.refused)
					continue
				}
				if err != nil || !k.ExpiresAt.Equal(tc.end) || !slices.Equal(k.Scopes, tc.scopes) {
					t.Errorf("made %+v, %v", k, err)
				}
				if tc.own.Scopes != nil && !slices.Contains(k.Scopes, "api_keys:write") {
					continue // that one makes no keys at all
				}
				// Nor does what it made.
				third, _, err := makeKey(w.Who(second), account.KeyDraft{ExpiresAt: k.ExpiresAt})
				if err != nil || !third.ExpiresAt.Equal(k.ExpiresAt) || !slices.Equal(third.Scopes, k.Scopes) {
					t.Errorf("then %+v, %v", third, err)
				}
			}
		})
	}
	_, own, err := makeKey(ada, account.KeyDraft{ExpiresAt: day})
	if err != nil {
		t.Fatal(err)
	}
	late := w.Who(own)
	w.Clock.Forward(24 * time.Hour)
	_, _, err = makeKey(late, account.KeyDraft{})
	world.WantKind(t, "of a key that ended meanwhile", err, fault.Unauthenticated)
}
