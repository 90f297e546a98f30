package agent_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// Somebody who has the key and a token renews in a loop while the owner renews.
// Whatever order they come in, what the owner gets is the key.
func TestAHumanWinsTheRaceForAKey(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	renew := func(who policy.Principal, id string) (string, error) {
		key, err := w.Agents.RotateAgentKey(t.Context(), w.Call(who, policy.RotateAgentKey), id, false)
		if err != nil {
			return "", err
		}
		return string(key.Reveal()), nil
	}
	for range 12 {
		a, leaked := w.NewAgent(ada, agent.Agent{})
		token := w.Exchange(leaked)
		var over atomic.Bool
		var begun, done sync.WaitGroup
		begun.Add(2)
		attack := func(credential string) {
			first := true
			for !over.Load() {
				who, err := w.Identity.Authenticate(t.Context(), credential, w.Clock.Now())
				if err == nil {
					var got string
					if got, err = renew(who, a.ID); err == nil {
						credential = got
					}
				}
				if first {
					begun.Done()
					first = false
				}
				if fault.KindOf(err) == fault.Unauthenticated {
					return
				}
			}
		}
		for _, credential := range []string{leaked, token} {
			done.Go(func() { attack(credential) })
		}
		if a.ID[0]%2 == 0 { // some are faster than the owner, some not
			begun.Wait()
		}
		key, err := renew(ada, a.ID)
		if err != nil {
			t.Fatalf("the owner got %v", err)
		}
		w.Who(key)
		done.Wait() // its own credentials die with the renewal
		over.Store(true)
		w.Who(key)
		w.Dead("the leaked key", leaked)
		w.Dead("its token", token)
	}
}

// both lets two readers of an agent go on only when both have read.
type both struct {
	*store.DB
	wait *sync.WaitGroup
}

func (b both) Agent(ctx context.Context, org, id string) (agent.Agent, error) {
	a, err := b.DB.Agent(ctx, org, id)
	if b.wait != nil {
		b.wait.Done()
		b.wait.Wait()
	}
	return a, err
}

func TestOfTwoRenewalsOfAKeyAtOnceOneSucceeds(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	for range 5 {
		a, _ := w.NewAgent(ada, agent.Agent{})
		var wait, done sync.WaitGroup
		wait.Add(2)
		racing := w.OtherNode(func(s *world.Setup) {
			s.CallerStore = func(db *store.DB) world.CallerStore { return both{db, &wait} }
		})
		var mu sync.Mutex
		var keys []string
		var codes []string
		for range 2 {
			done.Go(func() {
				key, err := racing.Agents.RotateAgentKey(t.Context(), w.Call(ada, policy.RotateAgentKey), a.ID, false)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					codes = append(codes, fault.CodeOf(err))
					return
				}
				keys = append(keys, string(key.Reveal()))
			})
		}
		done.Wait()
		if len(keys) != 1 || len(codes) != 1 || codes[0] != "key_renewed_meanwhile" {
			t.Fatalf("%d keys, refusals %v", len(keys), codes)
		}
		w.Who(keys[0])
	}
}

func TestAnAgentRenewsItsKeyWithTheKeyAndSeldom(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	a, key := w.NewAgent(ada, agent.Agent{})
	renew := func(credential string) (string, error) {
		got, err := w.Agents.RotateAgentKey(t.Context(), w.Call(w.Who(credential), policy.RotateAgentKey), a.ID, false)
		if err != nil {
			return "", err
		}
		return string(got.Reveal()), nil
	}
	must := func(key string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	_, err := renew(w.Exchange(key))
	world.WantCode(t, "with a token", err, "agent_key_required")
	issued, err := w.Agents.IssueAgentToken(t.Context(), w.Call(ada, policy.IssueAgentToken), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = renew(string(issued.Access.Reveal()))
	world.WantCode(t, "with a token that its human took", err, "agent_key_required")
	w.Who(key)

	second := must(renew(key))
	w.Dead("the first key", key)
	told := w.Mail.Letters(world.Notice)
	if len(told) != 1 || told[0].To != "ada@example.com" || !strings.HasPrefix(told[0].What, "An agent of yours renewed its own key.") || !strings.Contains(told[0].What, a.ID) {
		t.Errorf("notices %+v", told)
	}
	_, err = renew(second)
	world.WantCode(t, "again at once", err, "key_renewed_lately")
	w.Clock.Forward(time.Hour)
	third := must(renew(second))

	_, err = w.Agents.RotateAgentKey(t.Context(), w.Call(ada, policy.RotateAgentKey), a.ID, false)
	world.WantCode(t, "with a login that was left open", err, "person_required")
	ada = w.Who(w.LogIn("ada@example.com", world.Password))
	got, err := w.Agents.RotateAgentKey(t.Context(), w.Call(ada, policy.RotateAgentKey), a.ID, false)
	if err != nil {
		t.Fatal(err)
	}
	w.Dead("the agent's own", third)
	fourth := string(got.Reveal())
	w.Clock.Forward(time.Hour - time.Second)
	_, err = renew(fourth)
	world.WantCode(t, "within the hour after a human", err, "key_renewed_lately")
	w.Clock.Forward(time.Second)
	must(renew(fourth))
	if n := len(w.Mail.Letters(world.Notice)); n != 3 {
		t.Errorf("%d notices, want one for each of its own renewals", n)
	}

	// What the decision saw is compared with the key that is replaced.
	ada = w.Who(w.LogIn("ada@example.com", world.Password))
	stale := w.Who(newKeyOf(t, w, ada, a.ID))
	newKeyOf(t, w, ada, a.ID)
	w.Clock.Forward(2 * time.Hour)
	_, err = w.Agents.RotateAgentKey(t.Context(), w.Call(stale, policy.RotateAgentKey), a.ID, false)
	world.WantCode(t, "with a key that was replaced meanwhile", err, "key_renewed_meanwhile")
}

// newKeyOf is a key that a human gave the agent.
func newKeyOf(t testing.TB, w *world.World, who policy.Principal, id string) string {
	t.Helper()
	key, err := w.Agents.RotateAgentKey(t.Context(), w.Call(who, policy.RotateAgentKey), id, false)
	if err != nil {
		t.Fatal(err)
	}
	return string(key.Reveal())
}

func TestWhatAManagerSetOnlyAManagerLifts(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	carol := member(ada.Org)
	soon, later := w.Clock.Now().Add(time.Hour), w.Clock.Now().Add(2*time.Hour)
	two := []string{"0x" + strings.Repeat("a", 40), "0x" + strings.Repeat("b", 40)}
	type patches map[string]agent.Patch
	for name, test := range map[string]struct {
		set             agent.Patch
		lifts, tightens patches
	}{
		"stopped": {agent.Patch{Active: patch.Value(false)}, patches{"starts": {Active: patch.Value(true)}},
			patches{"renames": {Name: patch.Value("other")}}},
		"an end": {agent.Patch{ExpiresAt: patch.Value(soon)},
			patches{"none": {ExpiresAt: patch.Null[time.Time]()}, "later": {ExpiresAt: patch.Value(later)}},
			patches{"earlier": {ExpiresAt: patch.Value(soon.Add(-time.Minute))}}},
		"life of tokens": {agent.Patch{TokenTTL: patch.Value[int64](60)},
			patches{"default": {TokenTTL: patch.Null[int64]()}, "longer": {TokenTTL: patch.Value[int64](61)}},
			patches{"shorter": {TokenTTL: patch.Value[int64](59)}}},
		"scopes": {agent.Patch{Scopes: patch.Value([]string{"a/**", "b/**"})},
			patches{"none": {Scopes: patch.Null[[]string]()}, "another": {Scopes: patch.Value([]string{"a/**", "c/**"})}},
			patches{"fewer": {Scopes: patch.Value([]string{"b/**"})}, "within them": {Scopes: patch.Value([]string{"b/c", "b/*/d"})}}},
		"addresses": {agent.Patch{Guardrails: intents.Patch{ToAllowlist: patch.Value(two)}},
			patches{"none": {Guardrails: intents.Patch{ToAllowlist: patch.Null[[]string]()}}, "another": {Guardrails: intents.Patch{ToAllowlist: patch.Value([]string{"0x" + strings.Repeat("c", 40)})}}},
			patches{"the same in capitals": {Guardrails: intents.Patch{ToAllowlist: patch.Value([]string{"0x" + strings.Repeat("A", 40)})}}}},
		"chains": {agent.Patch{Guardrails: intents.Patch{AllowedChains: patch.Value([]string{"base", "sepolia"})}},
			patches{"none": {Guardrails: intents.Patch{AllowedChains: patch.Null[[]string]()}}, "another": {Guardrails: intents.Patch{AllowedChains: patch.Value([]string{"ethereum"})}}},
			patches{"fewer": {Guardrails: intents.Patch{AllowedChains: patch.Value([]string{"base"})}}}},
		"a cap": {agent.Patch{Guardrails: intents.Patch{MaxValueETH: patch.Value("0.5")}},
			patches{"none": {Guardrails: intents.Patch{MaxValueETH: patch.Null[string]()}}, "more": {Guardrails: intents.Patch{MaxValueETH: patch.Value("10")}}},
			patches{"less": {Guardrails: intents.Patch{MaxValueETH: patch.Value("0.05")}}}},
		"a cap a day": {agent.Patch{Guardrails: intents.Patch{DailyLimitETH: patch.Value("9")}},
			patches{"none": {Guardrails: intents.Patch{DailyLimitETH: patch.Null[string]()}}, "more": {Guardrails: intents.Patch{DailyLimitETH: patch.Value("10")}}},
			patches{"less": {Guardrails: intents.Patch{DailyLimitETH: patch.Value("8.9")}}}},
		"intents": {agent.Patch{Intents: patch.Value(true)}, patches{"off": {Intents: patch.Value(false)}},
			patches{"on": {Intents: patch.Value(true)}}},
		"shroud": {agent.Patch{Shroud: patch.Value(true)}, patches{"off": {Shroud: patch.Value(false)}},
			patches{"on": {Shroud: patch.Value(true)}}},
		"intents off": {agent.Patch{Intents: patch.Value(false)}, patches{"on": {Intents: patch.Value(true)}},
			patches{"off": {Intents: patch.Value(false)}}},
		"shroud off": {agent.Patch{Shroud: patch.Value(false)}, patches{"on": {Shroud: patch.Value(true)}},
			patches{"off": {Shroud: patch.Value(false)}}},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := w.NewAgent(carol, agent.Agent{})
			patch := func(who policy.Principal, p agent.Patch) error {
				_, err := w.Agents.UpdateAgent(t.Context(), w.Call(who, policy.UpdateAgent), a.ID, p)
				return err
			}
			if err := patch(ada, test.set); err != nil {
				t.Fatal(err)
			}
			for what, p := range test.lifts {
				world.WantCode(t, "a member lifts it: "+what, patch(carol, p), "set_by_manager")
			}
			for what, p := range test.tightens {
				if err := patch(ada, test.set); err != nil { // one case tightens further than another
					t.Fatal(err)
				}
				if err := patch(carol, p); err != nil {
					t.Errorf("a member tightens it: %s: %v", what, err)
				}
			}
			for what, p := range test.lifts {
				world.WantCode(t, "still: "+what, patch(carol, p), "set_by_manager")
			}
			for what, p := range test.lifts {
				if err := patch(ada, p); err != nil {
					t.Errorf("an owner lifts it: %s: %v", what, err)
				}
			}
		})
	}
	t.Run("a member goes back to what an owner set", func(t *testing.T) {
		a, _ := w.NewAgent(carol, agent.Agent{})
		patch := func(who policy.Principal, eth string) error {
			p := agent.Patch{Guardrails: intents.Patch{MaxValueETH: patch.Value(eth)}}
			_, err := w.Agents.UpdateAgent(t.Context(), w.Call(who, policy.UpdateAgent), a.ID, p)
			return err
		}
		for _, step := range []struct {
			who  policy.Principal
			eth  string
			code string
		}{
			{carol, "0.4", ""}, {ada, "0.5", ""}, {carol, "0.1", ""}, {carol, "0.3", ""}, {carol, "0.5", ""}, {carol, "0.50001", "set_by_manager"},
			{ada, "0.2", ""}, {carol, "0.5", "set_by_manager"}, {carol, "0.2", ""},
		} {
			err := patch(step.who, step.eth)
			if step.code != "" {
				world.WantCode(t, "beyond, "+step.eth, err, step.code)
			} else if err != nil {
				t.Errorf("to %s: %v", step.eth, err)
			}
		}
	})
	t.Run("stopped by DELETE", func(t *testing.T) {
		a, _ := w.NewAgent(carol, agent.Agent{})
		if err := w.Agents.DeactivateAgent(t.Context(), w.Call(ada, policy.DeactivateAgent), a.ID, false); err != nil {
			t.Fatal(err)
		}
		_, err := w.Agents.UpdateAgent(t.Context(), w.Call(carol, policy.UpdateAgent), a.ID, agent.Patch{Active: patch.Value(true)})
		world.WantCode(t, "a member starts it", err, "set_by_manager")
	})
	t.Run("a member switches what no owner switched", func(t *testing.T) {
		a, _ := w.NewAgent(carol, agent.Agent{})
		for _, on := range []bool{true, false, true} {
			p := agent.Patch{Intents: patch.Value(on), Shroud: patch.Value(on)}
			if got, err := w.Agents.UpdateAgent(t.Context(), w.Call(carol, policy.UpdateAgent), a.ID, p); err != nil || got.Intents != on || got.Shroud != on {
				t.Errorf("to %t: %v", on, err)
			}
		}
	})
	t.Run("what a member set it lifts", func(t *testing.T) {
		a, _ := w.NewAgent(carol, agent.Agent{State: identity.State{Scopes: []string{"a/**"}}})
		for _, active := range []bool{false, true} {
			p := agent.Patch{Active: patch.Value(active), Scopes: patch.Null[[]string]()}
			if _, err := w.Agents.UpdateAgent(t.Context(), w.Call(carol, policy.UpdateAgent), a.ID, p); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("a pinned certificate comes back by name alone", func(t *testing.T) {
		pin := strings.Repeat("ab", 32)
		a, _ := w.NewAgent(carol, agent.Agent{AuthMethod: agent.MethodMTLS, CertFingerprint: pin})
		for _, step := range []struct {
			patch agent.Patch
			code  string
		}{
			{agent.Patch{Active: patch.Value(false)}, ""},
			{agent.Patch{Active: patch.Value(true)}, "certificate_not_named"},
			{agent.Patch{Active: patch.Value(true), CertFingerprint: patch.Value(pin)}, ""},
		} {
			_, err := w.Agents.UpdateAgent(t.Context(), w.Call(carol, policy.UpdateAgent), a.ID, step.patch)
			if step.code != "" {
				world.WantCode(t, "activate", err, step.code)
			} else if err != nil {
				t.Error(err)
			}
		}
	})
}
