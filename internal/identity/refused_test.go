package identity_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// A credential that was good once names its account in the log of the account's
// organisation. To who sends it, it is like one that never was.
func TestARefusedCredentialNamesItsAccountInTheLogAlone(t *testing.T) {
	for engine, change := range map[string]func(*world.Setup){
		"with the cache":    func(*world.Setup) {},
		"without the cache": withoutCache,
	} {
		t.Run(engine, func(t *testing.T) { testRefused(t, world.Open(t, change)) })
	}
}

func testRefused(t *testing.T, w *world.World) {
	ctx := t.Context()
	ada, revoked := w.SignUp("ada")
	if err := w.Identity.Revoke(ctx, w.Call(ada, policy.Logout), revoked); err != nil {
		t.Fatal(err)
	}
	k, key, err := w.Accounts.CreateKey(ctx, w.Call(ada, policy.CreateAPIKey), account.KeyDraft{Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	userKey := string(key.Reveal())
	fromKey, err := w.Accounts.APIKeyToken(ctx, w.Anon(policy.Login), userKey)
	if err != nil {
		t.Fatal(err)
	}
	idle, idleKey := w.NewAgent(ada, agent.Agent{})
	idleToken := w.Exchange(idleKey)
	expired, expiredKey := w.NewAgent(ada, agent.Agent{State: identity.State{ExpiresAt: w.Clock.Now().Add(time.Second)}})
	rotated, rotatedKey := w.NewAgent(ada, agent.Agent{})
	rotatedToken := w.Exchange(rotatedKey)
	for _, bearer := range []string{userKey, idleKey, idleToken, expiredKey, rotatedToken, string(fromKey.Access.Reveal())} {
		w.Who(bearer)
	}
	_, err = w.Agents.RotateAgentKey(ctx, w.Call(ada, policy.RotateAgentKey), rotated.ID, false)
	if err = errors.Join(err, w.Accounts.RevokeKey(ctx, w.Call(ada, policy.DeleteAPIKey), k.ID, false),
		w.Agents.DeactivateAgent(ctx, w.Call(ada, policy.DeactivateAgent), idle.ID, false)); err != nil {
		t.Fatal(err)
	}
	w.Clock.Forward(2 * time.Second)

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
			_, err := w.Identity.Authenticate(ctx, tc.bearer, w.Clock.Now())
			world.WantKind(t, "authenticate", err, fault.Unauthenticated)
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
	c := w.Anon(policy.Login)
	if _, err := w.Accounts.APIKeyToken(ctx, c, fresh); !fault.Is(err, fault.Unauthenticated) || c.Event.Org != audit.SystemOrg {
		t.Errorf("a key cut short: %v, event %+v", err, c.Event)
	}
	c = w.Anon(policy.Login)
	if _, err := w.Accounts.APIKeyToken(ctx, c, userKey); !fault.Is(err, fault.Unauthenticated) || c.Event.Org != ada.Org || c.Event.Details.Target != user ||
		c.Event.ActorID != "" || c.Event.Details.Reason != "key_not_live" {
		t.Errorf("a revoked key: %v, event %+v", err, c.Event)
	}
}
