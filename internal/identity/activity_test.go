package identity_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestTimesOfUseAreWrittenInTheBackground(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	a, key := w.NewAgent(ada, agent.Agent{})
	jwt := w.Exchange(key)
	run := func() agent.Agent {
		t.Helper()
		if err := w.Identity.FlushUse(t.Context()); err != nil {
			t.Fatal(err)
		}
		a, err := w.Agents.Agent(t.Context(), w.Call(ada, policy.ReadAgent), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := w.Clock.Now()
	if got := run().LastActiveAt; !got.Equal(first) {
		t.Errorf("last active at %v, want the exchange's time", got)
	}
	w.Clock.Forward(30 * time.Second)
	w.Who(jwt)
	if got := run().LastActiveAt; !got.Equal(first) {
		t.Errorf("written again after half a minute: %v", got)
	}
	w.Clock.Forward(31 * time.Second)
	if got := run().LastActiveAt; !got.Equal(first.Add(30 * time.Second)) {
		t.Errorf("last active at %v, want the last use's time", got)
	}
	epoch, _ := w.DB.Epoch()
	k, user, err := w.Accounts.CreateKey(t.Context(), w.Call(ada, policy.CreateAPIKey), account.KeyDraft{Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	w.Who(string(user.Reveal()))
	run()
	keys, err := w.Accounts.APIKeys(t.Context(), w.Call(ada, policy.ListAPIKeys))
	if err != nil || len(keys) != 1 || keys[0].ID != k.ID || !keys[0].LastUsedAt.Equal(w.Clock.Now()) {
		t.Errorf("keys %+v, %v", keys, err)
	}
	if after, _ := w.DB.Epoch(); after != epoch {
		t.Error("noting a use emptied the caches")
	}
}
