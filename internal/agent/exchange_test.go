package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestKeyExchange(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	a, key := w.NewAgent(ada, agent.Agent{})
	b, _ := w.NewAgent(ada, agent.Agent{})
	expired, expiredKey := w.NewAgent(ada, agent.Agent{State: identity.State{ExpiresAt: w.Clock.Now().Add(time.Second)}})
	idle, idleKey := w.NewAgent(ada, agent.Agent{})
	if err := w.Agents.DeactivateAgent(t.Context(), w.Call(ada, policy.DeactivateAgent), idle.ID, false); err != nil {
		t.Fatal(err)
	}
	w.Clock.Forward(2 * time.Second)
	for name, try := range map[string]struct{ key, agent, reason string }{
		"its own id":              {key, a.ID, ""},
		"no id":                   {key, "", ""},
		"another agent's id":      {key, b.ID, "agent_mismatch"},
		"an id that is no UUID":   {key, "me", "agent_mismatch"},
		"an inactive agent":       {idleKey, "", "unknown_key"},
		"an expired agent":        {expiredKey, expired.ID, "agent_expired"},
		"a truncated key":         {key[:len(key)-1], "", "unknown_key"},
		"a padded key":            {key + "=", "", "unknown_key"},
		"a key in another case":   {strings.ToUpper(key), "", "unknown_key"},
		"no key":                  {"", "", "unknown_key"},
		"a huge key":              {"ocv_" + strings.Repeat("A", 1<<20), "", "unknown_key"},
		"a user's prefix":         {"1ck_" + key[4:], "", "unknown_key"},
		"a token instead of keys": {w.Exchange(key), "", "unknown_key"},
	} {
		t.Run(name, func(t *testing.T) {
			c := w.Anon(policy.Login)
			got, err := w.Agents.AgentToken(t.Context(), c, try.key, try.agent)
			if try.reason == "" {
				if err != nil || got.AgentID != a.ID || got.VaultIDs == nil || got.ExpiresIn != 3600 || c.Event.ActorID != a.ID {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			world.WantKind(t, "exchange", err, fault.Unauthenticated)
			if c.Event.Action != "auth.failure" || c.Event.Details.Reason != try.reason || got.Access.Len() != 0 || c.Event.ActorID != "" {
				t.Errorf("event %+v", c.Event)
			}
			if known := try.reason != "unknown_key"; known != (c.Event.Org == ada.Org) || known != strings.HasPrefix(c.Event.Details.Target, "agent:") {
				t.Errorf("event in the log of %s about %q", c.Event.Org, c.Event.Details.Target)
			}
		})
	}
}
