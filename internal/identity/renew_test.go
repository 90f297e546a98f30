package identity_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// Somebody who has the key and a token renews in a loop while the owner renews.
// Whatever order they come in, what the owner gets is the key.
func TestAHumanWinsTheRaceForAKey(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	renew := func(who policy.Principal, id string) (string, error) {
		key, err := w.RotateAgentKey(t.Context(), w.call(who, policy.RotateAgentKey), id, false)
		if err != nil {
			return "", err
		}
		return string(key.Reveal()), nil
	}
	for range 12 {
		a, leaked := w.agent(ada, identity.Agent{})
		token := w.exchange(leaked)
		var over atomic.Bool
		var begun, done sync.WaitGroup
		begun.Add(2)
		attack := func(credential string) {
			first := true
			for !over.Load() {
				who, err := w.Authenticate(t.Context(), credential, w.clock.now())
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
		w.who(key)
		done.Wait() // its own credentials die with the renewal
		over.Store(true)
		w.who(key)
		w.dead("the leaked key", leaked)
		w.dead("its token", token)
	}
}

// both lets two readers of an agent go on only when both have read.
type both struct {
	*store.DB
	wait *sync.WaitGroup
}

func (b both) Agent(ctx context.Context, org, id string) (identity.Agent, error) {
	a, err := b.DB.Agent(ctx, org, id)
	if b.wait != nil {
		b.wait.Done()
		b.wait.Wait()
	}
	return a, err
}

func TestOfTwoHumansWhoRenewAKeyOneWins(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	for range 5 {
		a, _ := w.agent(ada, identity.Agent{})
		var wait, done sync.WaitGroup
		wait.Add(2)
		cfg := w.cfg
		cfg.Store = both{w.db, &wait}
		racing, err := identity.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var keys []string
		var codes []string
		for range 2 {
			done.Go(func() {
				key, err := racing.RotateAgentKey(t.Context(), w.call(ada, policy.RotateAgentKey), a.ID, false)
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
		w.who(keys[0])
	}
}

func TestAnAgentRenewsItsKeyWithTheKeyAndSeldom(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	a, key := w.agent(ada, identity.Agent{})
	renew := func(credential string) (string, error) {
		got, err := w.RotateAgentKey(t.Context(), w.call(w.who(credential), policy.RotateAgentKey), a.ID, false)
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
	_, err := renew(w.exchange(key))
	wantCode(t, "with a token", err, "agent_key_required")
	issued, err := w.IssueAgentToken(t.Context(), w.call(ada, policy.IssueAgentToken), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = renew(string(issued.Access.Reveal()))
	wantCode(t, "with a token that its human took", err, "agent_key_required")
	w.who(key)

	second := must(renew(key))
	w.dead("the first key", key)
	if n := len(w.mail.notices); n != 1 || !strings.HasPrefix(w.mail.notices[0], "ada@example.com: An agent of yours renewed its own key.") || !strings.Contains(w.mail.notices[0], a.ID) {
		t.Errorf("notices %q", w.mail.notices)
	}
	_, err = renew(second)
	wantCode(t, "again at once", err, "key_renewed_lately")
	w.clock.forward(time.Hour)
	third := must(renew(second))

	_, err = w.RotateAgentKey(t.Context(), w.call(ada, policy.RotateAgentKey), a.ID, false)
	wantCode(t, "with a login that was left open", err, "person_required")
	ada = w.who(w.login("ada@example.com", password))
	got, err := w.RotateAgentKey(t.Context(), w.call(ada, policy.RotateAgentKey), a.ID, false)
	if err != nil {
		t.Fatal(err)
	}
	w.dead("the agent's own", third)
	fourth := string(got.Reveal())
	w.clock.forward(time.Hour - time.Second)
	_, err = renew(fourth)
	wantCode(t, "within the hour after a human", err, "key_renewed_lately")
	w.clock.forward(time.Second)
	must(renew(fourth))
	if n := len(w.mail.notices); n != 3 {
		t.Errorf("%d notices, want one for each of its own renewals", n)
	}

	// What the decision saw is compared with the key that is replaced.
	ada = w.who(w.login("ada@example.com", password))
	stale := w.who(w.newKeyOf(ada, a.ID))
	w.newKeyOf(ada, a.ID)
	w.clock.forward(2 * time.Hour)
	_, err = w.RotateAgentKey(t.Context(), w.call(stale, policy.RotateAgentKey), a.ID, false)
	wantCode(t, "with a key that was replaced meanwhile", err, "key_renewed_meanwhile")
}

// newKeyOf is a key that a human gave the agent.
func (w *world) newKeyOf(who policy.Principal, id string) string {
	w.t.Helper()
	key, err := w.RotateAgentKey(w.t.Context(), w.call(who, policy.RotateAgentKey), id, false)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(key.Reveal())
}

func TestWhatAManagerSetOnlyAManagerLifts(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	carol := member(ada.Org)
	soon, later := w.clock.now().Add(time.Hour), w.clock.now().Add(2*time.Hour)
	two := []string{"0x" + strings.Repeat("a", 40), "0x" + strings.Repeat("b", 40)}
	type patches map[string]identity.AgentPatch
	for name, test := range map[string]struct {
		set             identity.AgentPatch
		lifts, tightens patches
	}{
		"stopped": {identity.AgentPatch{Active: identity.Value(false)}, patches{"starts": {Active: identity.Value(true)}},
			patches{"renames": {Name: identity.Value("other")}}},
		"an end": {identity.AgentPatch{ExpiresAt: identity.Value(soon)},
			patches{"none": {ExpiresAt: identity.Null[time.Time]()}, "later": {ExpiresAt: identity.Value(later)}},
			patches{"earlier": {ExpiresAt: identity.Value(soon.Add(-time.Minute))}}},
		"life of tokens": {identity.AgentPatch{TokenTTL: identity.Value[int64](60)},
			patches{"default": {TokenTTL: identity.Null[int64]()}, "longer": {TokenTTL: identity.Value[int64](61)}},
			patches{"shorter": {TokenTTL: identity.Value[int64](59)}}},
		"scopes": {identity.AgentPatch{Scopes: identity.Value([]string{"a/**", "b/**"})},
			patches{"none": {Scopes: identity.Null[[]string]()}, "another": {Scopes: identity.Value([]string{"a/**", "c/**"})}},
			patches{"fewer": {Scopes: identity.Value([]string{"b/**"})}, "within them": {Scopes: identity.Value([]string{"b/c", "b/*/d"})}}},
		"addresses": {identity.AgentPatch{ToAllowlist: identity.Value(two)},
			patches{"none": {ToAllowlist: identity.Null[[]string]()}, "another": {ToAllowlist: identity.Value([]string{"0x" + strings.Repeat("c", 40)})}},
			patches{"the same in capitals": {ToAllowlist: identity.Value([]string{"0x" + strings.Repeat("A", 40)})}}},
		"chains": {identity.AgentPatch{AllowedChains: identity.Value([]string{"base", "sepolia"})},
			patches{"none": {AllowedChains: identity.Null[[]string]()}, "another": {AllowedChains: identity.Value([]string{"ethereum"})}},
			patches{"fewer": {AllowedChains: identity.Value([]string{"base"})}}},
		"a cap": {identity.AgentPatch{MaxValueETH: identity.Value("0.5")},
			patches{"none": {MaxValueETH: identity.Null[string]()}, "more": {MaxValueETH: identity.Value("10")}},
			patches{"less": {MaxValueETH: identity.Value("0.05")}}},
		"a cap a day": {identity.AgentPatch{DailyLimETH: identity.Value("9")},
			patches{"none": {DailyLimETH: identity.Null[string]()}, "more": {DailyLimETH: identity.Value("10")}},
			patches{"less": {DailyLimETH: identity.Value("8.9")}}},
		"intents": {identity.AgentPatch{Intents: identity.Value(true)}, patches{"off": {Intents: identity.Value(false)}},
			patches{"on": {Intents: identity.Value(true)}}},
		"shroud": {identity.AgentPatch{Shroud: identity.Value(true)}, patches{"off": {Shroud: identity.Value(false)}},
			patches{"on": {Shroud: identity.Value(true)}}},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := w.agent(carol, identity.Agent{})
			patch := func(who policy.Principal, p identity.AgentPatch) error {
				_, err := w.UpdateAgent(t.Context(), w.call(who, policy.UpdateAgent), a.ID, p)
				return err
			}
			if err := patch(ada, test.set); err != nil {
				t.Fatal(err)
			}
			for what, p := range test.lifts {
				wantCode(t, "a member lifts it: "+what, patch(carol, p), "set_by_manager")
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
				wantCode(t, "still: "+what, patch(carol, p), "set_by_manager")
			}
			for what, p := range test.lifts {
				if err := patch(ada, p); err != nil {
					t.Errorf("an owner lifts it: %s: %v", what, err)
				}
			}
		})
	}
	t.Run("stopped by DELETE", func(t *testing.T) {
		a, _ := w.agent(carol, identity.Agent{})
		if err := w.DeactivateAgent(t.Context(), w.call(ada, policy.DeactivateAgent), a.ID, false); err != nil {
			t.Fatal(err)
		}
		_, err := w.UpdateAgent(t.Context(), w.call(carol, policy.UpdateAgent), a.ID, identity.AgentPatch{Active: identity.Value(true)})
		wantCode(t, "a member starts it", err, "set_by_manager")
	})
	t.Run("what a member set it lifts", func(t *testing.T) {
		a, _ := w.agent(carol, identity.Agent{Standing: identity.Standing{Scopes: []string{"a/**"}}})
		for _, active := range []bool{false, true} {
			p := identity.AgentPatch{Active: identity.Value(active), Scopes: identity.Null[[]string]()}
			if _, err := w.UpdateAgent(t.Context(), w.call(carol, policy.UpdateAgent), a.ID, p); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("a pinned certificate comes back by name alone", func(t *testing.T) {
		pin := strings.Repeat("ab", 32)
		a, _ := w.agent(carol, identity.Agent{AuthMethod: identity.MethodMTLS, CertFingerprint: pin})
		for _, step := range []struct {
			patch identity.AgentPatch
			code  string
		}{
			{identity.AgentPatch{Active: identity.Value(false)}, ""},
			{identity.AgentPatch{Active: identity.Value(true)}, "certificate_not_named"},
			{identity.AgentPatch{Active: identity.Value(true), CertFingerprint: identity.Value(pin)}, ""},
		} {
			_, err := w.UpdateAgent(t.Context(), w.call(carol, policy.UpdateAgent), a.ID, step.patch)
			if step.code != "" {
				wantCode(t, "activate", err, step.code)
			} else if err != nil {
				t.Error(err)
			}
		}
	})
}
