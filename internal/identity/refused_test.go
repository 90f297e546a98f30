package identity_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// A credential that was good once names its account in the log of the account's
// organisation. To who sends it, it is like one that never was.
func TestARefusedCredentialNamesItsAccountInTheLogAlone(t *testing.T) {
	for engine, change := range map[string]func(*identity.Config){
		"with the cache":    func(*identity.Config) {},
		"without the cache": func(c *identity.Config) { c.Store = unsure{c.Store.(*store.DB)} },
	} {
		t.Run(engine, func(t *testing.T) { testRefused(t, open(t, change)) })
	}
}

func testRefused(t *testing.T, w *world) {
	ctx := t.Context()
	revoked, ada := w.signup("ada@example.com")
	if err := w.Revoke(ctx, w.call(ada, policy.Logout), revoked); err != nil {
		t.Fatal(err)
	}
	k, key, err := w.CreateKey(ctx, w.call(ada, policy.CreateAPIKey), identity.KeyDraft{Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	userKey := string(key.Reveal())
	fromKey, err := w.APIKeyToken(ctx, w.anon(policy.Login), userKey)
	if err != nil {
		t.Fatal(err)
	}
	idle, idleKey := w.agent(ada, identity.Agent{})
	idleToken := w.exchange(idleKey)
	expired, expiredKey := w.agent(ada, identity.Agent{Standing: identity.Standing{ExpiresAt: w.clock.now().Add(time.Second)}})
	rotated, rotatedKey := w.agent(ada, identity.Agent{})
	rotatedToken := w.exchange(rotatedKey)
	for _, bearer := range []string{userKey, idleKey, idleToken, expiredKey, rotatedToken, string(fromKey.Access.Reveal())} {
		w.who(bearer)
	}
	_, err = w.RotateAgentKey(ctx, w.call(ada, policy.RotateAgentKey), rotated.ID, false)
	if err = errors.Join(err, w.RevokeKey(ctx, w.call(ada, policy.DeleteAPIKey), k.ID, false),
		w.DeactivateAgent(ctx, w.call(ada, policy.DeactivateAgent), idle.ID, false)); err != nil {
		t.Fatal(err)
	}
	w.clock.forward(2 * time.Second)

	user := "user:" + ada.ID
	var code, detail string
	for name, tc := range map[string]struct{ bearer, reason, target string }{
		"a revoked token":               {revoked, "session_ended", user},
		"a revoked key":                 {userKey, "key_not_live", user},
		"a token of a revoked key":      {string(fromKey.Access.Reveal()), "key_not_live", user},
		"an inactive agent's key":       {idleKey, "", ""},
		"an inactive agent's token":     {idleToken, "agent_inactive", "agent:" + idle.ID},
		"an expired agent's key":        {expiredKey, "agent_expired", "agent:" + expired.ID},
		"a token from before rotation":  {rotatedToken, "token_revoked", "agent:" + rotated.ID},
		"a key that is nobody's":        {"ocv_" + strings.Repeat("A", 43), "", ""},
		"a key that is no longer known": {rotatedKey, "", ""},
		"no token at all":               {"x", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Authenticate(ctx, tc.bearer, w.clock.now())
			wantKind(t, "authenticate", err, fault.Unauthenticated)
			e, ok := errors.AsType[*fault.Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if code == "" {
				code, detail = e.Code, e.Detail
			}
			if e.Code != code || e.Detail != detail || e.RetryAfter != 0 {
				t.Errorf("the answer differs: %v", err)
			}
			ev := audit.Event{ID: uuid.NewString(), Org: audit.SystemOrg, ActorKind: "anonymous"}
			identity.Blame(&ev, err)
			org := ada.Org
			if tc.reason == "" {
				org = audit.SystemOrg
			}
			if ev.Org != org || ev.Details.Reason != tc.reason || ev.Details.Target != tc.target || ev.ActorID != "" || ev.ActorKind != "anonymous" {
				t.Errorf("event %+v", ev)
			}
		})
	}
	fresh := userKey[:len(userKey)-1]
	c := w.anon(policy.Login)
	if _, err := w.APIKeyToken(ctx, c, fresh); !fault.Is(err, fault.Unauthenticated) || c.Event.Org != audit.SystemOrg {
		t.Errorf("a key cut short: %v, event %+v", err, c.Event)
	}
	c = w.anon(policy.Login)
	if _, err := w.APIKeyToken(ctx, c, userKey); !fault.Is(err, fault.Unauthenticated) || c.Event.Org != ada.Org || c.Event.Details.Target != user ||
		c.Event.ActorID != "" || c.Event.Details.Reason != "key_not_live" {
		t.Errorf("a revoked key: %v, event %+v", err, c.Event)
	}
}
