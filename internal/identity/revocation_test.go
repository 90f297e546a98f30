package identity_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// unsure is a store that does not know its epoch, as a node that lost the
// database's notice does not: nothing cached may be used.
type unsure struct{ *store.DB }

func (unsure) Epoch() (int64, bool) { return 0, false }

func withoutCache(s *world.Setup) {
	s.CallerStore = func(db *store.DB) world.CallerStore { return unsure{db} }
}

func TestRevocationBitesAtOnce(t *testing.T) {
	for engine, change := range map[string]func(*world.Setup){
		"with the cache":    func(*world.Setup) {},
		"without the cache": withoutCache,
	} {
		t.Run(engine, func(t *testing.T) { testRevocation(t, world.Open(t, change)) })
	}
}

func testRevocation(t *testing.T, w *world.World) {
	ctx := t.Context()
	ada, token := w.SignUp("ada")

	t.Run("a revoked token", func(t *testing.T) {
		again := w.LogIn("ada@example.com", world.Password)
		w.Who(again)
		if err := w.Identity.Revoke(ctx, w.Call(ada, policy.Logout), again); err != nil {
			t.Fatal(err)
		}
		w.Dead("revoked", again)
		w.Who(token)
	})
	t.Run("a deactivated agent for good, also after it was activated again", func(t *testing.T) {
		a, key := w.NewAgent(ada, agent.Agent{})
		jwt := w.Exchange(key)
		w.Who(jwt)
		w.Who(key)
		if err := w.Agents.DeactivateAgent(ctx, w.Call(ada, policy.DeactivateAgent), a.ID, false); err != nil {
			t.Fatal(err)
		}
		w.Dead("its token", jwt)
		w.Dead("its key", key)
		if _, err := w.Agents.UpdateAgent(ctx, w.Call(ada, policy.UpdateAgent), a.ID, agent.Patch{Active: patch.Value(true)}); err != nil {
			t.Fatal(err)
		}
		w.Dead("its old token", jwt)
		w.Dead("its old key", key)
		_, err := w.Agents.AgentToken(ctx, w.Anon(policy.Login), key, "")
		world.WantCode(t, "exchange", err, "unauthenticated")
		fresh, err := w.Agents.RotateAgentKey(ctx, w.Call(ada, policy.RotateAgentKey), a.ID, false)
		if err != nil {
			t.Fatal(err)
		}
		w.Who(w.Exchange(string(fresh.Reveal())))
	})
	t.Run("an agent that a patch made inactive, also after another made it active", func(t *testing.T) {
		a, key := w.NewAgent(ada, agent.Agent{})
		jwt := w.Exchange(key)
		for _, active := range []bool{false, true} {
			patch := agent.Patch{Active: patch.Value(active)}
			if _, err := w.Agents.UpdateAgent(ctx, w.Call(ada, policy.UpdateAgent), a.ID, patch); err != nil {
				t.Fatal(err)
			}
			w.Dead("its token", jwt)
			w.Dead("its key", key)
		}
	})
	t.Run("a rotated key", func(t *testing.T) {
		a, key := w.NewAgent(ada, agent.Agent{})
		jwt := w.Exchange(key)
		w.Who(jwt)
		w.Who(key)
		fresh, err := w.Agents.RotateAgentKey(ctx, w.Call(ada, policy.RotateAgentKey), a.ID, false)
		if err != nil {
			t.Fatal(err)
		}
		w.Dead("the token of the old key", jwt)
		w.Dead("the old key", key)
		w.Who(string(fresh.Reveal()))
		// In the same second as the rotation.
		w.Who(w.Exchange(string(fresh.Reveal())))
	})
	t.Run("a revoked API key, and the tokens made from it", func(t *testing.T) {
		k, key, err := w.Accounts.CreateKey(ctx, w.Call(ada, policy.CreateAPIKey), account.KeyDraft{Name: "laptop"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.Accounts.APIKeyToken(ctx, w.Anon(policy.Login), string(key.Reveal()))
		if err != nil {
			t.Fatal(err)
		}
		w.Who(string(key.Reveal()))
		w.Who(string(got.Access.Reveal()))
		if err := w.Accounts.RevokeKey(ctx, w.Call(ada, policy.DeleteAPIKey), k.ID, false); err != nil {
			t.Fatal(err)
		}
		w.Dead("the key", string(key.Reveal()))
		w.Dead("its token", string(got.Access.Reveal()))
		_, err = w.Accounts.APIKeyToken(ctx, w.Anon(policy.Login), string(key.Reveal()))
		world.WantCode(t, "exchange", err, "unauthenticated")
	})
	t.Run("what the other node remembers", func(t *testing.T) {
		// One database, so one epoch: what ends here must end there.
		other := w.OtherNode()
		a, key := w.NewAgent(ada, agent.Agent{})
		jwt := w.Exchange(key)
		other.Who(jwt)
		other.Who(key)
		other.Exchange(key)
		if _, err := w.Agents.RotateAgentKey(ctx, w.Call(ada, policy.RotateAgentKey), a.ID, false); err != nil {
			t.Fatal(err)
		}
		other.Hear(w)
		_, err := other.Agents.AgentToken(ctx, w.Anon(policy.Login), key, "")
		world.WantCode(t, "exchange", err, "unauthenticated")
		other.Dead("the token of the old key", jwt)
		other.Dead("the old key", key)
	})
	t.Run("a changed binding is seen by the next request", func(t *testing.T) {
		a, key := w.NewAgent(ada, agent.Agent{State: identity.State{Scopes: []string{"prod/**"}}})
		jwt := w.Exchange(key)
		if got := w.Who(jwt).Scopes; len(got) != 1 {
			t.Fatalf("scopes %v", got)
		}
		patch := agent.Patch{Scopes: patch.Value([]string{"dev/**", "test/**"})}
		if _, err := w.Agents.UpdateAgent(ctx, w.Call(ada, policy.UpdateAgent), a.ID, patch); err != nil {
			t.Fatal(err)
		}
		if got := w.Who(jwt).Scopes; len(got) != 2 || got[0] != "dev/**" {
			t.Errorf("scopes %v, want the new ones", got)
		}
	})
	t.Run("a changed password ends all tokens but the one that changed it", func(t *testing.T) {
		other := w.LogIn("ada@example.com", world.Password)
		mine := w.LogIn("ada@example.com", world.Password)
		w.Who(other)
		const next = "Qu1te-another-0ne"
		who := w.Who(mine)
		if err := w.Accounts.ChangePassword(ctx, w.Call(who, policy.ChangePassword), secret.FromString(world.Password), secret.FromString(next)); err != nil {
			t.Fatal(err)
		}
		w.Dead("another token", other)
		w.Dead("the first token", token)
		w.Who(mine)
		_, err := w.Accounts.Login(ctx, w.Anon(policy.Login), "ada@example.com", secret.FromString(world.Password))
		world.WantCode(t, "the old password", err, "unauthenticated")
		w.Who(w.LogIn("ada@example.com", next))
	})
}

func TestATokenExpiresInTheCacheToo(t *testing.T) {
	w := world.Open(t)
	_, token := w.SignUp("ada")
	w.Clock.Forward(899 * time.Second)
	w.Who(token)
	w.Clock.Forward(time.Second)
	w.Dead("after 900 s", token)
}

// counting counts the questions after an agent.
type counting struct {
	*store.DB
	asked, keys atomic.Int64
}

func (c *counting) AgentStateByKey(ctx context.Context, hash string) (identity.State, error) {
	c.keys.Add(1)
	return c.DB.AgentStateByKey(ctx, hash)
}

func (c *counting) AgentState(ctx context.Context, id string) (identity.State, error) {
	c.asked.Add(1)
	return c.DB.AgentState(ctx, id)
}

func TestTheDatabaseIsAskedOnceAsLongAsNothingChanges(t *testing.T) {
	st := &counting{}
	w := world.Open(t, func(s *world.Setup) {
		s.CallerStore = func(db *store.DB) world.CallerStore { st.DB = db; return st }
	})
	ada, _ := w.SignUp("ada")
	_, key := w.NewAgent(ada, agent.Agent{})
	var jwt string
	for range 10 {
		jwt = w.Exchange(key)
		w.Who(jwt)
	}
	if a, k := st.asked.Load(), st.keys.Load(); a != 0 || k != 1 {
		t.Errorf("asked %d times for the agent and %d for its key, want 0 and 1", a, k)
	}
	other := w.OtherNode()
	for range 10 {
		other.Who(jwt)
	}
	if n := st.asked.Load(); n != 1 {
		t.Errorf("the other node asked %d times, want 1", n)
	}
}

// failing is a store whose log and rows can be made to fail.
type failing struct {
	*store.DB
	log, rows bool
}

func (f *failing) Append(ctx context.Context, ev *audit.Event) error {
	if f.log {
		return world.ErrDown
	}
	return f.DB.Append(ctx, ev)
}

func (f *failing) TakeToken(ctx context.Context, t identity.Taken, ev *audit.Event) error {
	if f.log {
		return world.ErrDown
	}
	return f.DB.TakeToken(ctx, t, ev)
}

func (f *failing) AgentState(ctx context.Context, id string) (identity.State, error) {
	if f.rows {
		return identity.State{}, world.ErrDown
	}
	return f.DB.AgentState(ctx, id)
}

func TestNoTokenWithoutItsEvent(t *testing.T) {
	st := &failing{}
	w := world.Open(t, func(s *world.Setup) {
		s.CallerStore = func(db *store.DB) world.CallerStore { st.DB = db; return st }
	})
	ada, _ := w.SignUp("ada")
	a, key := w.NewAgent(ada, agent.Agent{})
	_, own, err := w.Accounts.CreateKey(t.Context(), w.Call(ada, policy.CreateAPIKey), account.KeyDraft{Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	st.log = true
	for what, f := range map[string]func() (identity.Token, error){
		"login": func() (identity.Token, error) {
			return w.Accounts.Login(t.Context(), w.Anon(policy.Login), "ada@example.com", secret.FromString(world.Password))
		},
		"agent-token": func() (identity.Token, error) {
			return w.Agents.AgentToken(t.Context(), w.Anon(policy.Login), key, a.ID)
		},
		"api-key-token": func() (identity.Token, error) {
			return w.Accounts.APIKeyToken(t.Context(), w.Anon(policy.Login), string(own.Reveal()))
		},
		"issue": func() (identity.Token, error) {
			return w.Agents.IssueAgentToken(t.Context(), w.Call(ada, policy.IssueAgentToken), a.ID)
		},
	} {
		got, err := f()
		world.WantKind(t, what, err, fault.Unavailable)
		if got.Access.Len() != 0 {
			t.Errorf("%s: a token came out", what)
		}
	}
}

func TestADatabaseThatIsAwayIsNotAWrongCredential(t *testing.T) {
	st := &failing{}
	w := world.Open(t, func(s *world.Setup) {
		s.CallerStore = func(db *store.DB) world.CallerStore { st.DB = db; return st }
	})
	ada, _ := w.SignUp("ada")
	_, key := w.NewAgent(ada, agent.Agent{})
	jwt := w.Exchange(key)
	w = w.OtherNode()
	st.rows = true
	_, err := w.Identity.Authenticate(t.Context(), jwt, w.Clock.Now())
	world.WantKind(t, "while it is away", err, fault.Unavailable)
	st.rows = false
	w.Who(jwt)
}

func TestABareKeyCanNotBeRevokedAsAToken(t *testing.T) {
	w := world.Open(t)
	ada, _ := w.SignUp("ada")
	_, key := w.NewAgent(ada, agent.Agent{})
	err := w.Identity.Revoke(t.Context(), w.Call(w.Who(key), policy.Logout), key)
	world.WantCode(t, "revoke", err, "not_a_token")
	w.Who(key)
}
