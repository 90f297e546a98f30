package vault_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// storeWith is the real store with some answers replaced.
type storeWith struct {
	vault.Store
	append  func() error
	spend   func() error
	addedAs func(v vault.Vault)
	before  func() // runs before a version is stored
}

func (s *storeWith) Append(ctx context.Context, ev *audit.Event) error {
	if s.append != nil {
		if err := s.append(); err != nil {
			return err
		}
	}
	return s.Store.Append(ctx, ev)
}

func (s *storeWith) Spend(ctx context.Context, v, p string, n uint64, ev *audit.Event) error {
	if s.spend != nil {
		if err := s.spend(); err != nil {
			return err
		}
	}
	return s.Store.Spend(ctx, v, p, n, ev)
}

func (s *storeWith) AddVault(ctx context.Context, v vault.Vault, ev *audit.Event) error {
	if s.addedAs != nil {
		s.addedAs(v)
	}
	return s.Store.AddVault(ctx, v, ev)
}

func (s *storeWith) PutVersion(ctx context.Context, org string, v vault.Version, ev *audit.Event) error {
	if s.before != nil {
		s.before()
	}
	return s.Store.PutVersion(ctx, org, v, ev)
}

func TestNoValueLeavesWithoutItsRecord(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	f.put(v, "plain", "x")
	_, err := f.Put(t.Context(), f.call(f.owner), v.ID, parse("counted"), vault.Draft{Value: secret.FromString("x"), MaxAccess: 9})
	must(t, err)
	broken := fault.New(fault.Unavailable, "storage_unavailable", "")
	down := true
	f.Service = f.w.VaultOn(&storeWith{Store: f.db,
		append: func() error { return when(down, broken) }, spend: func() error { return when(down, broken) },
	}, f.keys)
	for _, path := range []string{"plain", "counted"} {
		got, err := f.reveal(f.owner, v, path)
		if !fault.Is(err, fault.Unavailable) || got != "" {
			t.Errorf("%s with a log that is down: %q, %v", path, got, err)
		}
		if s, err := f.RevealVersion(t.Context(), f.call(f.owner), v.ID, parse(path), 1); !fault.Is(err, fault.Unavailable) || s.Value.Len() > 0 {
			t.Errorf("%s, an old version, with a log that is down: %v", path, err)
		}
	}
	down = false
	for _, path := range []string{"plain", "counted"} {
		if got, err := f.reveal(f.owner, v, path); err != nil || got != "x" {
			t.Errorf("%s afterwards: %q, %v", path, got, err)
		}
	}
}

// TestADatabaseWithoutALogServesNothing breaks the log in the database itself.
func TestADatabaseWithoutALogServesNothing(t *testing.T) {
	for name, tc := range map[string]struct{ harm, repair string }{
		"a trigger refuses events": {
			`CREATE TRIGGER no_events BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'refused'); END`, `DROP TRIGGER no_events`,
		},
		"the table is away": {`ALTER TABLE audit_events RENAME TO audit_away`, `ALTER TABLE audit_away RENAME TO audit_events`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			v := f.vault("v")
			f.put(v, "plain", "x")
			_, err := f.Put(t.Context(), f.call(f.owner), v.ID, parse("counted"), vault.Draft{Value: secret.FromString("x"), MaxAccess: 1})
			must(t, err)
			f.w.Exec(tc.harm)
			for _, path := range []string{"plain", "counted"} {
				if got, err := f.reveal(f.owner, v, path); !fault.Is(err, fault.Unavailable) || got != "" {
					t.Errorf("%s: %q, %v", path, got, err)
				}
			}
			_, err = f.Put(t.Context(), f.call(f.owner), v.ID, parse("plain"), vault.Draft{Value: secret.FromString("y")})
			if !fault.Is(err, fault.Unavailable) {
				t.Errorf("a write: %v", err)
			}
			f.w.Exec(tc.repair)
			for _, path := range []string{"plain", "counted"} { // and the one read was not spent
				if got, err := f.reveal(f.owner, v, path); err != nil || got != "x" {
					t.Errorf("%s after the repair: %q, %v", path, got, err)
				}
			}
		})
	}
}

func when(yes bool, err error) error {
	if yes {
		return err
	}
	return nil
}

// keysWith is the real keystore with some answers replaced.
type keysWith struct {
	keystore.KeyStore
	destroy func(id string) error
}

func (k *keysWith) DestroyKEK(ctx context.Context, id string) error {
	if err := k.destroy(id); err != nil {
		return err
	}
	return k.KeyStore.DestroyKEK(ctx, id)
}

// TestAScheduledKeyIsDestroyedInTheEnd: the keystore is away, or the process ends,
// between the removal of the rows and of the key.
func TestAScheduledKeyIsDestroyedInTheEnd(t *testing.T) {
	f := newFixture(t)
	v, kept := f.vault("v"), f.vault("kept")
	f.put(v, "p", "x")
	f.put(kept, "p", "x")
	row, err := f.db.Latest(t.Context(), v.ID, "p")
	must(t, err)
	away := f.w.VaultOn(f.db, &keysWith{f.keys, func(string) error { return keystore.Unavailable(errors.New("away")) }})
	if err := away.Remove(t.Context(), f.call(f.owner), v.ID); err != nil {
		t.Errorf("the removal: %v", err) // the rows are gone: that is done
	}
	if scheduled, err := f.db.KeysToDestroy(t.Context()); err != nil || !slices.Equal(scheduled, []string{v.KEK()}) {
		t.Errorf("keys to destroy %v, %v", scheduled, err)
	}
	if _, err := f.keys.Unwrap(t.Context(), v.KEK(), row.Box.WrappedDEK[1:], nil); fault.CodeOf(err) != keystore.CodeUnwrapFailed {
		t.Errorf("the key before the sweep: %v, want it there", err)
	}
	for range 2 {
		must(t, f.Sweep(t.Context()))
	}
	if _, err := f.keys.Unwrap(t.Context(), v.KEK(), row.Box.WrappedDEK[1:], nil); fault.CodeOf(err) != keystore.CodeKeyNotFound {
		t.Errorf("the key after the sweep: %v, want it gone", err)
	}
	if scheduled, err := f.db.KeysToDestroy(t.Context()); err != nil || len(scheduled) != 0 {
		t.Errorf("keys to destroy %v, %v after the sweep", scheduled, err)
	}
	if got, err := f.reveal(f.owner, kept, "p"); err != nil || got != "x" {
		t.Errorf("another vault: %q, %v", got, err)
	}
}

func TestAKeyThatCanNotBeDestroyedKeepsNoOtherAlive(t *testing.T) {
	f := newFixture(t)
	stuck, other := f.vault("stuck"), f.vault("other")
	keys := &keysWith{f.keys, func(string) error { return keystore.Unavailable(errors.New("away")) }}
	s := f.w.VaultOn(f.db, keys)
	for _, v := range []vault.Vault{stuck, other} {
		must(t, s.Remove(t.Context(), f.call(f.owner), v.ID))
	}
	keys.destroy = func(id string) error { return when(id == stuck.KEK(), keystore.Unavailable(errors.New("away"))) }
	if err := s.Sweep(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the sweep: %v", err)
	}
	if scheduled, err := f.db.KeysToDestroy(t.Context()); err != nil || !slices.Equal(scheduled, []string{stuck.KEK()}) {
		t.Errorf("keys to destroy %v, %v, want the one that is stuck", scheduled, err)
	}
}

// TestAWriteToAVaultThatGoesMeanwhileEnds: it must not try again for ever.
func TestAWriteToAVaultThatGoesMeanwhileEnds(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	f.put(v, "old", "x")
	other := f.w.VaultOn(f.db, &keysWith{f.keys, func(string) error { return keystore.Unavailable(nil) }})
	removed := false
	s := f.w.VaultOn(&storeWith{Store: f.db, before: func() {
		if !removed {
			removed = true
			must(t, other.Remove(t.Context(), f.call(f.owner), v.ID))
		}
	}}, f.keys)
	for _, path := range []string{"old", "new"} {
		_, err := s.Put(t.Context(), f.call(f.owner), v.ID, parse(path), vault.Draft{Value: secret.FromString("y")})
		wantCode(t, path, err, "vault_not_found")
	}
}

func TestAnOldVersionOfThePolicyIsNotUsed(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	f.put(v, "p", "x")
	f.allow(v, f.agent, "**", "read")
	if _, err := f.reveal(f.agent, v, "p"); err != nil { // now it is cached
		t.Fatal(err)
	}
	grants, err := f.db.Grants(t.Context(), v.ID)
	must(t, err)
	must(t, f.db.RemoveGrant(t.Context(), f.org, v.ID, grants[0].ID, nil)) // behind the service's back
	_, err = f.reveal(f.agent, v, "p")
	wantCode(t, "after the removal", err, "access_denied")
	must(t, f.db.RemoveVault(t.Context(), v, nil))
	_, err = f.reveal(f.owner, v, "p")
	wantCode(t, "after the vault is gone", err, "vault_not_found")
}

func TestAPolicyThatIsNotUnderstoodDeniesOnlyItself(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	f.put(v, "p", "x")
	other := f.newAgent()
	f.allow(v, other, "**", "read")
	odd := vault.Grant{
		ID: ids.New(), Vault: v.ID, Pattern: "**", PrincipalKind: policy.KindAgent, PrincipalID: f.agent.ID,
		Permissions: []string{"read"}, Conditions: []byte(`{"from_the_future":true}`), CreatedAt: f.now(),
	}
	must(t, f.db.AddGrant(t.Context(), f.org, odd, nil))
	_, err := f.reveal(f.agent, v, "p")
	wantCode(t, "the policy that is not understood", err, "access_denied")
	if _, err := f.reveal(other, v, "p"); err != nil {
		t.Errorf("another policy of the vault: %v", err)
	}
}

func TestVaultNames(t *testing.T) {
	f := newFixture(t)
	f.vault("taken")
	var made []string
	f.Service = f.w.VaultOn(&storeWith{Store: f.db, addedAs: func(v vault.Vault) { made = append(made, v.KEK()) }}, f.keys)
	c := f.call(f.owner)
	_, err := f.Create(t.Context(), c, "  taken ", "")
	wantCode(t, "a taken name", err, "vault_name_taken")
	if c.Event.Committed || c.Event.ResourceID != "" {
		t.Errorf("its event: %+v", c.Event)
	}
	if len(made) != 1 {
		t.Fatalf("made %v", made)
	}
	if _, err := f.keys.Wrap(t.Context(), made[0], []byte("0123456789abcdef"), nil); fault.CodeOf(err) != keystore.CodeKeyNotFound {
		t.Errorf("the key of a vault that was not created: %v, want it destroyed", err)
	}
	for _, bad := range []string{"", "   ", "a\x00b", "line\nbreak", "\xff", string(make([]rune, 256)), "__agent-keys", " __agent-keys", "__other",
		"\uFF3F\uFF3Fagent-keys", "_\u200b_agent-keys", "\u203f\ufe33x", "\u2060__x", "\u034f__x"} {
		if _, err := f.Create(t.Context(), f.call(f.owner), bad, ""); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// putKey stores an agent's key with an agent that is made for it.
func (f *fixture) putKey(s *vault.Service, c *call.Call, path string, value secret.Bytes) error {
	return s.SealAgentKeys(f.t.Context(), c, map[string]secret.Bytes{path: value}, func(sealed any) error {
		a := agent.Agent{AuthMethod: agent.MethodMTLS, Sealed: sealed, CreatedAt: c.Now}
		a.ID, a.Org, a.Creator, a.TokenGen = ids.New(), f.org, c.Who.ID, 1
		return f.db.AddAgent(f.t.Context(), a, nil)
	})
}

func TestAgentsKeysHaveAVaultOfTheirOwn(t *testing.T) {
	f := newFixture(t)
	member := f.user(policy.RoleMember)
	// Two nodes, many agents at once, no vault yet.
	nodes := []*vault.Service{f.Service, f.w.OtherNode().Vault}
	var next atomic.Int64
	errs := parallel(16, func() error {
		c := f.call(member)
		id := next.Add(1)
		err := f.putKey(nodes[id%2], c, "agents/"+ids.New()+"/ssh/private_key", secret.FromString("key"))
		if c.Event.Committed || string(c.Event.Details.AppendJSON(nil)) != "{}" || c.Event.ResourceType != "" {
			t.Errorf("the caller's event was touched: %+v", c.Event)
		}
		return err
	})
	must(t, errors.Join(errs...))
	if n := len(f.events()); n != 0 {
		t.Errorf("%d events, want none", n)
	}
	all, err := f.db.Vaults(t.Context(), f.org)
	must(t, err)
	if len(all) != 1 || all[0].Name != vault.AgentKeys {
		t.Fatalf("vaults %+v", all)
	}
	rows, _, err := f.db.List(t.Context(), all[0].ID, "", "", 100)
	if err != nil || len(rows) != 16 || rows[0].Type != "private_key" {
		t.Errorf("%d keys, %v", len(rows), err)
	}
	// The member that happened to come first must not read everybody's keys.
	_, err = f.reveal(member, all[0], rows[0].Path)
	wantCode(t, "a member", err, "access_denied")

	owners := newFixture(t)
	must(t, owners.putKey(owners.Service, owners.call(owners.owner), "agents/x/ssh/private_key", secret.FromString("key")))
	must(t, owners.putKey(owners.Service, owners.call(owners.owner), "agents/x/ssh/private_key", secret.FromString("rotated")))
	v, err := owners.db.VaultNamed(t.Context(), owners.org, vault.AgentKeys)
	must(t, err)
	if got, err := owners.reveal(owners.owner, v, "agents/x/ssh/private_key"); err != nil || got != "rotated" || v.CreatedBy != owners.org {
		t.Errorf("the owner reads %q, %v", got, err)
	}
	demoted := owners.owner
	demoted.Role = policy.RoleMember
	_, err = owners.reveal(demoted, v, "agents/x/ssh/private_key")
	wantCode(t, "who was an owner", err, "access_denied")
	err = owners.putKey(owners.Service, owners.call(owners.owner), "agents/../x", secret.FromString("key"))
	wantCode(t, "a bad path", err, "invalid_path")
}
