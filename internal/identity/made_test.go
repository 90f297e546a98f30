package identity_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// A chain of keys, each made with the one before, and two things of the last.
func TestKeysMadeWithKeysEndTogether(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	who := ada
	who.Person = w.clock.now()
	var ids, keys []string
	for range 4 {
		k, key, err := w.CreateKey(t.Context(), w.call(who, policy.CreateAPIKey), identity.KeyDraft{Name: "k", ExpiresAt: w.clock.now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		ids, keys = append(ids, k.ID), append(keys, string(key.Reveal()))
		who = w.who(keys[len(keys)-1])
	}
	a, agentKey := w.agent(who, identity.Agent{})
	made, err := w.MadeWithKey(t.Context(), w.call(ada, policy.ListAPIKeys), ids[3])
	if err != nil || len(made) != 1 || made[0].ID != a.ID || made[0].Kind != "agent" || !made[0].Live {
		t.Fatalf("made with the last key: %+v, %v", made, err)
	}
	more := w.call(who, policy.CreateAPIKey)
	if err := w.db.AddKey(t.Context(), identity.UserKey{ID: "more", Org: ada.Org, User: ada.ID, Hash: "more", CreatedAt: w.clock.now()}, more.Event); err != nil {
		t.Fatal(err)
	}
	c := w.call(ada, policy.DeleteAPIKey)
	if err := w.RevokeKey(t.Context(), c, ids[1], false); err != nil {
		t.Fatal(err)
	}
	if got := c.Event.Details.Ended; got != "api_keys=3,agents=1 key:"+ids[2]+" key:"+ids[3]+" key:more agent:"+a.ID {
		t.Errorf("ended: %q", got)
	}
	w.who(keys[0])
	for _, k := range append(keys[1:], agentKey) {
		w.dead("what came of the second key", k)
	}
	if got, err := w.Agent(t.Context(), w.call(ada, policy.ReadAgent), a.ID); err != nil || got.Active || got.KeyHash != "" {
		t.Errorf("the agent: %+v, %v", got, err)
	}
}
