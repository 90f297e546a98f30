package account_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// A chain of keys, each made with the one before, and two things of the last.
func TestKeysMadeWithKeysEndTogether(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	who := ada
	who.Person = w.Clock.Now()
	var ids, keys []string
	for range 4 {
		k, key, err := w.Accounts.CreateKey(t.Context(), w.Call(who, policy.CreateAPIKey), account.KeyDraft{Name: "k", ExpiresAt: w.Clock.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		ids, keys = append(ids, k.ID), append(keys, string(key.Reveal()))
		who = w.Who(keys[len(keys)-1])
	}
	a, agentKey := w.NewAgent(who, agent.Agent{})
	made, err := w.Accounts.MadeWithKey(t.Context(), w.Call(ada, policy.ListAPIKeys), ids[3])
	if err != nil || len(made.List) != 1 || made.List[0].ID != a.ID || made.List[0].Kind != "agent" || !made.List[0].Live {
		t.Fatalf("made with the last key: %+v, %v", made, err)
	}
	more := w.Call(who, policy.CreateAPIKey)
	if err := w.DB.AddKey(t.Context(), identity.UserKey{ID: "more", Org: ada.Org, User: ada.ID, Hash: "more", CreatedAt: w.Clock.Now()}, more.Event); err != nil {
		t.Fatal(err)
	}
	c := w.Call(ada, policy.DeleteAPIKey)
	if err := w.Accounts.RevokeKey(t.Context(), c, ids[1], false); err != nil {
		t.Fatal(err)
	}
	if got := c.Event.Details.Ended; got != "api_keys=3,agents=1 key:"+ids[2]+" key:"+ids[3]+" key:more agent:"+a.ID {
		t.Errorf("ended: %q", got)
	}
	w.Who(keys[0])
	for _, k := range append(keys[1:], agentKey) {
		w.Dead("what came of the second key", k)
	}
	if got, err := w.Agents.Agent(t.Context(), w.Call(ada, policy.ReadAgent), a.ID); err != nil || got.Active || got.KeyHash != "" {
		t.Errorf("the agent: %+v, %v", got, err)
	}
}
