package identity_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/store"
)

// unsure is a store that does not know its epoch, as a node that lost the
// database's notice does not: nothing cached may be used.
type unsure struct{ *store.DB }

func (unsure) Epoch() (int64, bool) { return 0, false }

func TestRevocationBitesAtOnce(t *testing.T) {
	for engine, change := range map[string]func(*identity.Config){
		"with the cache":    func(*identity.Config) {},
		"without the cache": func(c *identity.Config) { c.Store = unsure{c.Store.(*store.DB)} },
	} {
		t.Run(engine, func(t *testing.T) { testRevocation(t, open(t, change)) })
	}
}

func testRevocation(t *testing.T, w *world) {
	ctx := t.Context()
	token, ada := w.signup("ada@example.com")

	t.Run("a revoked token", func(t *testing.T) {
		again := w.login("ada@example.com", password)
		w.who(again)
		if err := w.Revoke(ctx, w.call(ada, policy.Logout), again); err != nil {
			t.Fatal(err)
		}
		w.dead("revoked", again)
		w.who(token)
	})
	t.Run("a deactivated agent for good, also after it was activated again", func(t *testing.T) {
		a, key := w.agent(ada, identity.Agent{})
		jwt := w.exchange(key)
		w.who(jwt)
		w.who(key)
		if err := w.DeactivateAgent(ctx, w.call(ada, policy.DeactivateAgent), a.ID, false); err != nil {
			t.Fatal(err)
		}
		w.dead("its token", jwt)
		w.dead("its key", key)
		if _, err := w.UpdateAgent(ctx, w.call(ada, policy.UpdateAgent), a.ID, identity.AgentPatch{Active: identity.Value(true)}); err != nil {
			t.Fatal(err)
		}
		w.dead("its old token", jwt)
		w.dead("its old key", key)
		_, err := w.AgentToken(ctx, w.anon(policy.Login), key, "")
		wantCode(t, "exchange", err, "unauthenticated")
		fresh, err := w.RotateAgentKey(ctx, w.call(ada, policy.RotateAgentKey), a.ID, false)
		if err != nil {
			t.Fatal(err)
		}
		w.who(w.exchange(string(fresh.Reveal())))
	})
	t.Run("an agent that a patch made inactive, also after another made it active", func(t *testing.T) {
		a, key := w.agent(ada, identity.Agent{})
		jwt := w.exchange(key)
		for _, active := range []bool{false, true} {
			patch := identity.AgentPatch{Active: identity.Value(active)}
			if _, err := w.UpdateAgent(ctx, w.call(ada, policy.UpdateAgent), a.ID, patch); err != nil {
				t.Fatal(err)
			}
			w.dead("its token", jwt)
			w.dead("its key", key)
		}
	})
	t.Run("a rotated key", func(t *testing.T) {
		a, key := w.agent(ada, identity.Agent{})
		jwt := w.exchange(key)
		w.who(jwt)
		w.who(key)
		fresh, err := w.RotateAgentKey(ctx, w.call(ada, policy.RotateAgentKey), a.ID, false)
		if err != nil {
			t.Fatal(err)
		}
		w.dead("the token of the old key", jwt)
		w.dead("the old key", key)
		w.who(string(fresh.Reveal()))
		// In the same second as the rotation.
		w.who(w.exchange(string(fresh.Reveal())))
	})
	t.Run("a revoked API key, and the tokens made from it", func(t *testing.T) {
		k, key, err := w.CreateKey(ctx, w.call(ada, policy.CreateAPIKey), identity.KeyDraft{Name: "laptop"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.APIKeyToken(ctx, w.anon(policy.Login), string(key.Reveal()))
		if err != nil {
			t.Fatal(err)
		}
		w.who(string(key.Reveal()))
		w.who(string(got.Access.Reveal()))
		if err := w.RevokeKey(ctx, w.call(ada, policy.DeleteAPIKey), k.ID, false); err != nil {
			t.Fatal(err)
		}
		w.dead("the key", string(key.Reveal()))
		w.dead("its token", string(got.Access.Reveal()))
		_, err = w.APIKeyToken(ctx, w.anon(policy.Login), string(key.Reveal()))
		wantCode(t, "exchange", err, "unauthenticated")
	})
	t.Run("what the other node remembers", func(t *testing.T) {
		// One database, so one epoch: what bites here must bite there.
		other := w.otherNode()
		a, key := w.agent(ada, identity.Agent{})
		jwt := w.exchange(key)
		other.who(jwt)
		other.who(key)
		other.exchange(key)
		if _, err := w.RotateAgentKey(ctx, w.call(ada, policy.RotateAgentKey), a.ID, false); err != nil {
			t.Fatal(err)
		}
		_, err := other.AgentToken(ctx, w.anon(policy.Login), key, "")
		wantCode(t, "exchange", err, "unauthenticated")
		other.dead("the token of the old key", jwt)
		other.dead("the old key", key)
	})
	t.Run("a changed binding is seen by the next request", func(t *testing.T) {
		a, key := w.agent(ada, identity.Agent{Standing: identity.Standing{Scopes: []string{"prod/**"}}})
		jwt := w.exchange(key)
		if got := w.who(jwt).Scopes; len(got) != 1 {
			t.Fatalf("scopes %v", got)
		}
		patch := identity.AgentPatch{Scopes: identity.Value([]string{"dev/**", "test/**"})}
		if _, err := w.UpdateAgent(ctx, w.call(ada, policy.UpdateAgent), a.ID, patch); err != nil {
			t.Fatal(err)
		}
		if got := w.who(jwt).Scopes; len(got) != 2 || got[0] != "dev/**" {
			t.Errorf("scopes %v, want the new ones", got)
		}
	})
	t.Run("a changed password ends all tokens but the one that changed it", func(t *testing.T) {
		other := w.login("ada@example.com", password)
		mine := w.login("ada@example.com", password)
		w.who(other)
		const next = "Qu1te-another-0ne"
		who := w.who(mine)
		if err := w.ChangePassword(ctx, w.call(who, policy.ChangePassword), secret.FromString(password), secret.FromString(next)); err != nil {
			t.Fatal(err)
		}
		w.dead("another token", other)
		w.dead("the first token", token)
		w.who(mine)
		_, err := w.Login(ctx, w.anon(policy.Login), "ada@example.com", secret.FromString(password))
		wantCode(t, "the old password", err, "unauthenticated")
		w.who(w.login("ada@example.com", next))
	})
}

func (w *world) login(email, password string) string {
	w.t.Helper()
	t, err := w.Login(w.t.Context(), w.anon(policy.Login), email, secret.FromString(password))
	if err != nil {
		w.t.Fatalf("log in: %v", err)
	}
	return string(t.Access.Reveal())
}

func TestATokenExpiresInTheCacheToo(t *testing.T) {
	w := open(t)
	token, _ := w.signup("ada@example.com")
	w.clock.forward(899 * time.Second)
	w.who(token)
	w.clock.forward(time.Second)
	w.dead("after 900 s", token)
}

// otherNode is another server on the same parts: it has seen no token yet.
func (w *world) otherNode() *world {
	w.t.Helper()
	other := *w
	var err error
	if other.Service, err = identity.New(w.t.Context(), w.cfg); err != nil {
		w.t.Fatal(err)
	}
	return &other
}

// counting counts the questions after an agent.
type counting struct {
	*store.DB
	asked, keys atomic.Int64
}

func (c *counting) StandingByKey(ctx context.Context, hash string) (identity.Standing, error) {
	c.keys.Add(1)
	return c.DB.StandingByKey(ctx, hash)
}

func (c *counting) Standing(ctx context.Context, id string) (identity.Standing, error) {
	c.asked.Add(1)
	return c.DB.Standing(ctx, id)
}

func TestTheDatabaseIsAskedOnceAsLongAsNothingChanges(t *testing.T) {
	st := &counting{}
	w := open(t, func(c *identity.Config) { st.DB = c.Store.(*store.DB); c.Store = st })
	_, ada := w.signup("ada@example.com")
	_, key := w.agent(ada, identity.Agent{})
	var jwt string
	for range 10 {
		jwt = w.exchange(key)
		w.who(jwt)
	}
	if a, k := st.asked.Load(), st.keys.Load(); a != 0 || k != 1 {
		t.Errorf("asked %d times for the agent and %d for its key, want 0 and 1", a, k)
	}
	other := w.otherNode()
	for range 10 {
		other.who(jwt)
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

var errDown = fault.Wrap(errors.New("disk"), fault.Unavailable, "storage_unavailable", "Try again.")

func (f *failing) Append(ctx context.Context, ev *audit.Event) error {
	if f.log {
		return errDown
	}
	return f.DB.Append(ctx, ev)
}

func (f *failing) TakeToken(ctx context.Context, t identity.Taken, ev *audit.Event) error {
	if f.log {
		return errDown
	}
	return f.DB.TakeToken(ctx, t, ev)
}

func (f *failing) Standing(ctx context.Context, id string) (identity.Standing, error) {
	if f.rows {
		return identity.Standing{}, errDown
	}
	return f.DB.Standing(ctx, id)
}

func TestNoTokenWithoutItsEvent(t *testing.T) {
	st := &failing{}
	w := open(t, func(c *identity.Config) { st.DB = c.Store.(*store.DB); c.Store = st })
	_, ada := w.signup("ada@example.com")
	a, key := w.agent(ada, identity.Agent{})
	st.log = true
	for what, f := range map[string]func() (identity.Token, error){
		"login": func() (identity.Token, error) {
			return w.Login(t.Context(), w.anon(policy.Login), "ada@example.com", secret.FromString(password))
		},
		"agent-token":   func() (identity.Token, error) { return w.AgentToken(t.Context(), w.anon(policy.Login), key, a.ID) },
		"api-key-token": func() (identity.Token, error) { return w.APIKeyToken(t.Context(), w.anon(policy.Login), key) },
		"issue": func() (identity.Token, error) {
			return w.IssueAgentToken(t.Context(), w.call(ada, policy.IssueAgentToken), a.ID)
		},
	} {
		got, err := f()
		wantKind(t, what, err, fault.Unavailable)
		if got.Access.Len() != 0 {
			t.Errorf("%s: a token came out", what)
		}
	}
}

func TestADatabaseThatIsAwayIsNotAWrongCredential(t *testing.T) {
	st := &failing{}
	w := open(t, func(c *identity.Config) { st.DB = c.Store.(*store.DB); c.Store = st })
	_, ada := w.signup("ada@example.com")
	_, key := w.agent(ada, identity.Agent{})
	jwt := w.exchange(key)
	w = w.otherNode()
	st.rows = true
	_, err := w.Authenticate(t.Context(), jwt, w.clock.now())
	wantKind(t, "while it is away", err, fault.Unavailable)
	st.rows = false
	w.who(jwt)
}

func TestABareKeyCanNotBeRevokedAsAToken(t *testing.T) {
	w := open(t)
	_, ada := w.signup("ada@example.com")
	_, key := w.agent(ada, identity.Agent{})
	err := w.Revoke(t.Context(), w.call(w.who(key), policy.Logout), key)
	wantCode(t, "revoke", err, "not_a_token")
	w.who(key)
}
