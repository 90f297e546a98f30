package vault_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// fixture is the service of a world, with an organisation, its owner and an agent of
// the owner's.
type fixture struct {
	*vault.Service
	t     testing.TB
	w     *world.World
	db    *store.DB
	keys  keystore.KeyStore
	org   string
	owner policy.Principal
	agent policy.Principal
	begun uint64 // the last event of what was made before the test
}

func newFixture(t testing.TB, change ...func(*world.Setup)) *fixture {
	t.Helper()
	w := world.Open(t, change...)
	f := &fixture{Service: w.Vault, t: t, w: w, db: w.DB, keys: w.Keys, owner: w.Owner("owner")}
	f.org = f.owner.Org
	f.agent = f.newAgent()
	f.begun = w.Last(f.org).Seq
	return f
}

// user is a user of the organisation whom the database need not know.
func (f *fixture) user(role policy.Role) policy.Principal {
	return policy.Principal{Kind: policy.KindUser, ID: ids.New(), Org: f.org, Role: role}
}

// newAgent is an agent that has no keys in a vault: the organisation has no vault yet.
func (f *fixture) newAgent() policy.Principal {
	f.t.Helper()
	a := policy.Principal{Kind: policy.KindAgent, ID: ids.New(), Org: f.org, Creator: f.owner.ID}
	must(f.t, f.db.AddAgent(f.t.Context(), agent.Agent{
		State: identity.State{ID: a.ID, Org: a.Org, Creator: a.Creator, Active: true},
		Name:  "agent", AuthMethod: agent.MethodMTLS, CreatedAt: f.now(),
	}, nil))
	return a
}

func (f *fixture) now() time.Time { return f.w.Clock.Now() }

// call is one request of who.
func (f *fixture) call(who policy.Principal) *call.Call { return f.w.Call(who, "test") }

func (f *fixture) vault(name string) vault.Vault {
	f.t.Helper()
	v, err := f.Create(f.t.Context(), f.call(f.owner), name, "")
	must(f.t, err)
	return v
}

func (f *fixture) put(v vault.Vault, path, value string) vault.Meta {
	f.t.Helper()
	m, err := f.Put(f.t.Context(), f.call(f.owner), v.ID, parse(path), vault.Draft{Value: secret.FromString(value)})
	must(f.t, err)
	return m
}

func (f *fixture) allow(v vault.Vault, who policy.Principal, pattern string, permissions ...string) vault.Grant {
	f.t.Helper()
	g, err := f.Grant(f.t.Context(), f.call(f.owner), v.ID, vault.Grant{
		Pattern: pattern, PrincipalKind: who.Kind, PrincipalID: who.ID, Permissions: permissions,
	})
	must(f.t, err)
	return g
}

// reveal returns the value as text, and checks that the event is in the log if
// and only if the value came out.
func (f *fixture) reveal(who policy.Principal, v vault.Vault, path string) (string, error) {
	f.t.Helper()
	c := f.call(who)
	s, err := f.Reveal(f.t.Context(), c, v.ID, parse(path))
	if c.Event.Committed != (err == nil) {
		f.t.Errorf("a read that ended with %v: its event is committed: %v", err, c.Event.Committed)
	}
	if err != nil && s.Value.Len() > 0 {
		f.t.Errorf("a value came with the error %v", err)
	}
	return string(s.Value.Reveal()), err
}

func (f *fixture) events() (rows []*audit.Row) {
	f.t.Helper()
	must(f.t, f.db.Walk(context.Background(), f.org, f.begun, func(r *audit.Row) bool {
		rows = append(rows, r)
		return true
	}))
	return rows
}

func parse(path string) secretpath.Path {
	p, err := secretpath.Parse(path)
	if err != nil {
		panic(err)
	}
	return p
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != code {
		t.Errorf("%s: got %v, want %s", what, err, code)
	}
}

func TestAValueComesBackAsItWasStored(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	for name, value := range map[string]string{
		"nothing":              "",
		"one byte":             "x",
		"5 MiB":                strings.Repeat("0123456789abcdef", vault.MaxValue/16),
		"NUL and odd UTF-8":    "\x00\x01\u2028\U0001F600\u202e\ufeff\x7f",
		"what is no UTF-8":     "\xff\xfe\x80",
		"JSON within JSON":     `{"a":"\u0000","b":[]}`,
		"a line at its end":    "value\n",
		"what looks like code": "'; DROP TABLE secrets; --",
	} {
		path := strings.ReplaceAll(name, " ", "-")
		f.put(v, path, value)
		got, err := f.reveal(f.owner, v, path)
		if err != nil || got != value {
			t.Errorf("%s: %d bytes, %v, want %d", name, len(got), err, len(value))
		}
	}
	_, err := f.Put(t.Context(), f.call(f.owner), v.ID, parse("big"), vault.Draft{Value: secret.New(make([]byte, vault.MaxValue+1))})
	wantCode(t, "a byte more than 5 MiB", err, "value_too_large")
}

func TestADenialTellsNothingOfWhatExists(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	f.put(v, "there", "x")
	f.put(v, "deleted", "x")
	must(t, f.Delete(t.Context(), f.call(f.owner), v.ID, parse("deleted")))
	f.put(v, "granted/one", "x")
	f.allow(v, f.agent, "granted/*", "read")
	member := f.user(policy.RoleMember)
	admin := f.user(policy.RoleAdmin) // manages, but reads no value
	for name, do := range map[string]func(c *call.Call, p secretpath.Path) error{
		"read": func(c *call.Call, p secretpath.Path) error {
			_, err := f.Reveal(t.Context(), c, v.ID, p)
			return err
		},
		"read an old version": func(c *call.Call, p secretpath.Path) error {
			_, err := f.RevealVersion(t.Context(), c, v.ID, p, 1)
			return err
		},
		"write": func(c *call.Call, p secretpath.Path) error {
			_, err := f.Put(t.Context(), c, v.ID, p, vault.Draft{Value: secret.FromString("y")})
			return err
		},
		"delete": func(c *call.Call, p secretpath.Path) error { return f.Delete(t.Context(), c, v.ID, p) },
		"restore": func(c *call.Call, p secretpath.Path) error {
			_, err := f.Restore(t.Context(), c, v.ID, p)
			return err
		},
		"purge": func(c *call.Call, p secretpath.Path) error { return f.Purge(t.Context(), c, v.ID, p) },
		"versions": func(c *call.Call, p secretpath.Path) error {
			_, err := f.Versions(t.Context(), c, v.ID, p)
			return err
		},
	} {
		for who, p := range map[string]policy.Principal{"agent": f.agent, "member": member, "admin": admin} {
			if who == "admin" && (name == "restore" || name == "purge" || name == "versions") {
				continue // which an admin may
			}
			var answers []string
			for _, path := range []string{"there", "deleted", "missing"} {
				c := f.call(p)
				err := do(c, parse(path))
				if !fault.Is(err, fault.Denied) {
					t.Errorf("%s by %s of %s: %v, want a denial", name, who, path, err)
					continue
				}
				answers = append(answers, fmt.Sprint(err.Error(), c.Event.Details.Reason, c.Event.Details.Version))
				if c.Event.Committed || c.Event.Details.Path != path || c.Event.Details.Outcome == audit.Success {
					t.Errorf("%s by %s of %s: the event is %+v", name, who, path, c.Event.Details)
				}
			}
			for _, a := range answers {
				if a != answers[0] {
					t.Errorf("%s by %s tells: %q", name, who, answers)
				}
			}
		}
	}
	if got, err := f.reveal(f.owner, v, "there"); err != nil || got != "x" {
		t.Errorf("afterwards: %q, %v", got, err)
	}

	stranger := f.user(policy.RoleOwner)
	stranger.Org = ids.New()
	_, foreign := f.reveal(stranger, v, "there")
	_, missing := f.reveal(stranger, vault.Vault{ID: ids.New()}, "there")
	if foreign == nil || missing == nil || foreign.Error() != missing.Error() {
		t.Errorf("another organisation's vault: %v; none at all: %v", foreign, missing)
	}
}

func TestAGrantOpensAndItsEndCloses(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	f.put(v, "api-keys/one", "x")
	f.put(v, "db/one", "y")
	_, err := f.reveal(f.agent, v, "api-keys/one")
	wantCode(t, "before", err, "access_denied")
	g := f.allow(v, f.agent, "api-keys/*", "read")
	if got, err := f.reveal(f.agent, v, "api-keys/one"); err != nil || got != "x" {
		t.Errorf("with the grant: %q, %v", got, err)
	}
	_, err = f.reveal(f.agent, v, "db/one")
	wantCode(t, "another path", err, "access_denied")
	_, err = f.Put(t.Context(), f.call(f.agent), v.ID, parse("api-keys/one"), vault.Draft{})
	wantCode(t, "to write with a grant to read", err, "access_denied")

	soon := f.now().Add(time.Minute)
	_, err = f.UpdateGrant(t.Context(), f.call(f.owner), v.ID, g.ID, vault.Change{ExpiresAt: &soon})
	must(t, err)
	if _, err := f.reveal(f.agent, v, "api-keys/one"); err != nil {
		t.Errorf("before it ends: %v", err)
	}
	f.w.Clock.Set(soon)
	_, err = f.reveal(f.agent, v, "api-keys/one")
	wantCode(t, "at its end", err, "access_denied")
	_, err = f.UpdateGrant(t.Context(), f.call(f.owner), v.ID, g.ID, vault.Change{ClearExpiresAt: true})
	must(t, err)
	if _, err := f.reveal(f.agent, v, "api-keys/one"); err != nil {
		t.Errorf("without an end: %v", err)
	}
	_, err = f.UpdateGrant(t.Context(), f.call(f.owner), v.ID, g.ID, vault.Change{Conditions: []byte(`{"ip_allowlist":["198.51.100.0/24"]}`)})
	must(t, err)
	_, err = f.reveal(f.agent, v, "api-keys/one")
	wantCode(t, "from another address", err, "access_denied")
	_, err = f.UpdateGrant(t.Context(), f.call(f.owner), v.ID, g.ID, vault.Change{Conditions: []byte(`{"ip_allowlist":[]}`)})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("an allow-list emptied by accident: %v", err)
	}
	_, err = f.UpdateGrant(t.Context(), f.call(f.owner), v.ID, g.ID, vault.Change{Conditions: []byte(`{}`)})
	must(t, err)
	must(t, f.RemoveGrant(t.Context(), f.call(f.owner), v.ID, g.ID))
	_, err = f.reveal(f.agent, v, "api-keys/one")
	wantCode(t, "once it is removed", err, "access_denied")
}

func TestGrantsThatAreRefused(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	for name, bad := range map[string]vault.Grant{
		"nobody":             {Pattern: "**", PrincipalKind: policy.KindAgent, PrincipalID: ids.New(), Permissions: []string{"read"}},
		"a foreign agent":    {Pattern: "**", PrincipalKind: policy.KindUser, PrincipalID: f.agent.ID, Permissions: []string{"read"}},
		"no permission":      {Pattern: "**", PrincipalKind: policy.KindAgent, PrincipalID: f.agent.ID},
		"a bad pattern":      {Pattern: "/", PrincipalKind: policy.KindAgent, PrincipalID: f.agent.ID, Permissions: []string{"read"}},
		"an end in the past": {Pattern: "**", PrincipalKind: policy.KindAgent, PrincipalID: f.agent.ID, Permissions: []string{"read"}, ExpiresAt: f.now()},
		"unknown conditions": {Pattern: "**", PrincipalKind: policy.KindAgent, PrincipalID: f.agent.ID, Permissions: []string{"read"}, Conditions: []byte(`{"x":1}`)},
	} {
		if _, err := f.Grant(t.Context(), f.call(f.owner), v.ID, bad); !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.NotFound) {
			t.Errorf("a grant with %s: %v", name, err)
		}
	}
	if all, err := f.Grants(t.Context(), f.call(f.owner), v.ID); err != nil || len(all) != 0 {
		t.Errorf("policies %v, %v", all, err)
	}
}

func TestAGrantIsOfItsVaultAlone(t *testing.T) {
	f := newFixture(t)
	v, other := f.vault("v"), f.vault("other")
	g := f.allow(v, f.agent, "**", "read")
	err := f.RemoveGrant(t.Context(), f.call(f.owner), other.ID, g.ID)
	wantCode(t, "a removal through another vault", err, "policy_not_found")
	if own, err := f.Grants(t.Context(), f.call(f.agent), v.ID); err != nil || len(own) != 1 {
		t.Errorf("the agent sees %v, %v", own, err)
	}
	_, err = f.Grant(t.Context(), f.call(f.agent), v.ID, vault.Grant{Pattern: "**", PrincipalKind: policy.KindAgent, PrincipalID: f.agent.ID, Permissions: []string{"write"}})
	wantCode(t, "an agent that grants itself more", err, "access_denied")
}

func TestASecretThatIsOverIsGone(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	write := func(path string, d vault.Draft) {
		t.Helper()
		d.Value = secret.FromString("x")
		_, err := f.Put(t.Context(), f.call(f.owner), v.ID, parse(path), d)
		must(t, err)
	}
	write("expires", vault.Draft{ExpiresAt: f.now().Add(time.Minute)})
	write("counted", vault.Draft{MaxAccess: 2})
	for range 2 {
		if _, err := f.reveal(f.owner, v, "counted"); err != nil {
			t.Errorf("a read that is left: %v", err)
		}
	}
	_, err := f.reveal(f.owner, v, "counted")
	wantCode(t, "the third of two reads", err, "secret_gone")
	write("counted", vault.Draft{MaxAccess: 1}) // a new version counts anew
	if _, err := f.reveal(f.owner, v, "counted"); err != nil {
		t.Errorf("a new version: %v", err)
	}
	if _, err := f.reveal(f.owner, v, "expires"); err != nil {
		t.Errorf("before it expires: %v", err)
	}
	f.w.Clock.Forward(time.Minute)
	_, err = f.reveal(f.owner, v, "expires")
	wantCode(t, "as it expires", err, "secret_gone")
	write("expires", vault.Draft{})
	if _, err := f.reveal(f.owner, v, "expires"); err != nil {
		t.Errorf("written anew: %v", err)
	}
	for name, d := range map[string]vault.Draft{
		"expired":           {ExpiresAt: f.now()},
		"a far end":         {ExpiresAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"a negative count":  {MaxAccess: -1},
		"a huge count":      {MaxAccess: 1 << 31},
		"too much metadata": {Metadata: []byte(`"` + strings.Repeat("x", 64<<10) + `"`)},
	} {
		if _, err := f.Put(t.Context(), f.call(f.owner), v.ID, parse("bad"), d); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = f.reveal(f.owner, v, "bad")
	wantCode(t, "what was refused", err, "secret_not_found")
}

func TestTheLastReadGoesToOne(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	_, err := f.Put(t.Context(), f.call(f.owner), v.ID, parse("once"), vault.Draft{Value: secret.FromString("x"), MaxAccess: 1})
	must(t, err)
	got := parallel(24, func() error {
		_, err := f.Reveal(t.Context(), f.call(f.owner), v.ID, parse("once"))
		return err
	})
	won := 0
	for _, err := range got {
		if err == nil {
			won++
			continue
		}
		wantCode(t, "the others", err, "secret_gone")
	}
	if won != 1 {
		t.Errorf("%d readers got it", won)
	}
}

func parallel(n int, do func() error) []error {
	errs, done := make([]error, n), make(chan int)
	for i := range n {
		go func() {
			errs[i] = do()
			done <- i
		}()
	}
	for range n {
		<-done
	}
	return errs
}

func TestWritersOfOnePathFollowEachOther(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	second := f.w.OtherNode().Vault // another node, as far as locks in memory go
	const each = 40
	for range 2 {
		var n atomic.Int64
		errs := parallel(2*each, func() error {
			s := f.Service
			if n.Add(1)%2 == 0 {
				s = second
			}
			_, err := s.Put(t.Context(), f.call(f.owner), v.ID, parse("p"), vault.Draft{Value: secret.FromString("x")})
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
	}
	all, err := f.Versions(t.Context(), f.call(f.owner), v.ID, parse("p"))
	must(t, err)
	if len(all) != 4*each {
		t.Fatalf("%d versions, want %d", len(all), 4*each)
	}
	for i, ver := range all {
		if want := uint64(4*each - i); ver.Meta.Version != want {
			t.Errorf("version %d where %d should be", ver.Meta.Version, want)
		}
		if _, err := f.RevealVersion(t.Context(), f.call(f.owner), v.ID, parse("p"), ver.Meta.Version); err != nil {
			t.Errorf("version %d does not open: %v", ver.Meta.Version, err)
		}
	}
}

func TestDeleteAndRestore(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	f.put(v, "p", "one")
	f.put(v, "p", "two")
	must(t, f.Delete(t.Context(), f.call(f.owner), v.ID, parse("p")))
	_, err := f.reveal(f.owner, v, "p")
	wantCode(t, "a deleted secret", err, "secret_gone")
	wantCode(t, "to delete it again", f.Delete(t.Context(), f.call(f.owner), v.ID, parse("p")), "secret_not_found")
	s, err := f.RevealVersion(t.Context(), f.call(f.owner), v.ID, parse("p"), 1)
	if err != nil || string(s.Value.Reveal()) != "one" {
		t.Errorf("an old version of it: %v", err)
	}
	m, err := f.Restore(t.Context(), f.call(f.owner), v.ID, parse("p"))
	if err != nil || m.Version != 2 {
		t.Errorf("restored %+v, %v", m, err)
	}
	if got, err := f.reveal(f.owner, v, "p"); err != nil || got != "two" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
	c := f.call(f.owner)
	must(t, f.Delete(t.Context(), c, v.ID, parse("p")))
	if c.Event.Details.Version != 2 || !c.Event.Committed {
		t.Errorf("the event of a deletion: %+v", c.Event)
	}
	if m := f.put(v, "p", "three"); m.Version != 3 {
		t.Errorf("a revival is version %d, want 3", m.Version)
	}
}

func TestPurge(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	for _, value := range []string{"one", "two", "three"} {
		f.put(v, "p", value)
	}
	must(t, f.Purge(t.Context(), f.call(f.owner), v.ID, parse("p")))
	_, err := f.reveal(f.owner, v, "p")
	wantCode(t, "a purged secret", err, "secret_not_found")
	_, err = f.RevealVersion(t.Context(), f.call(f.owner), v.ID, parse("p"), 1)
	wantCode(t, "a purged version", err, "secret_not_found")
	_, err = f.Versions(t.Context(), f.call(f.owner), v.ID, parse("p"))
	wantCode(t, "its versions", err, "secret_not_found")
	_, err = f.Restore(t.Context(), f.call(f.owner), v.ID, parse("p"))
	wantCode(t, "to restore it", err, "secret_not_found")
	if m := f.put(v, "p", "four"); m.Version != 4 {
		t.Errorf("written after a purge it is version %d, want 4: a number is never given twice", m.Version)
	}
	if got, err := f.reveal(f.owner, v, "p"); err != nil || got != "four" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
	_, err = f.RevealVersion(t.Context(), f.call(f.owner), v.ID, parse("p"), 9)
	wantCode(t, "a version that never was", err, "secret_not_found")
}

func TestTheTypeStaysWhenNoneIsGiven(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	for _, step := range []struct{ given, want string }{
		{"", "generic"}, {"api_key", "api_key"}, {"", "api_key"}, {"note", "note"}, {"", "note"},
	} {
		m, err := f.Put(t.Context(), f.call(f.owner), v.ID, parse("p"), vault.Draft{Type: step.given})
		if err != nil || m.Type != step.want {
			t.Errorf("given %q: stored %q, %v, want %q", step.given, m.Type, err, step.want)
		}
		if string(m.Metadata) != "{}" {
			t.Errorf("metadata %q", m.Metadata)
		}
	}
	must(t, f.Delete(t.Context(), f.call(f.owner), v.ID, parse("p")))
	if m := f.put(v, "p", "x"); m.Type != "note" {
		t.Errorf("after a deletion: %q", m.Type)
	}
	must(t, f.Purge(t.Context(), f.call(f.owner), v.ID, parse("p")))
	if m := f.put(v, "p", "x"); m.Type != "generic" {
		t.Errorf("after a purge: %q, want nothing of what was", m.Type)
	}
}

func TestAnAgentThatSignsThroughIntentsReadsNoKeys(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	f.allow(v, f.agent, "**", "read")
	signer := f.agent
	signer.IntentsAPI = true
	for _, typ := range vault.Types {
		path := strings.ReplaceAll(typ, "_", "-")
		_, err := f.Put(t.Context(), f.call(f.owner), v.ID, parse(path), vault.Draft{Type: typ, Value: secret.FromString("JBSWY3DPEHPK3PXPJBSW")}) // a seed too
		must(t, err)
		_, err = f.reveal(signer, v, path)
		if hidden := typ == "private_key" || typ == "ssh_key"; hidden != fault.Is(err, fault.Denied) {
			t.Errorf("%s: %v", typ, err)
		}
		if _, err := f.reveal(f.agent, v, path); err != nil {
			t.Errorf("%s for an agent without Intents: %v", typ, err)
		}
	}
}

func TestACMEKVaultMarksItsVersions(t *testing.T) {
	f := newFixture(t)
	v := vault.Vault{
		ID: ids.New(), Org: f.org, Name: "cmek", CreatedBy: f.owner.ID, CreatedByKind: policy.KindUser,
		CMEKFingerprint: strings.Repeat("ab", 32), CreatedAt: f.now(),
	}
	must(t, f.keys.CreateKEK(t.Context(), v.KEK()))
	must(t, f.db.AddVault(t.Context(), v, nil))
	f.put(v, "p", "opaque")
	s, err := f.Reveal(t.Context(), f.call(f.owner), v.ID, parse("p"))
	if err != nil || !s.CMEK {
		t.Errorf("marked %v, %v", s.CMEK, err)
	}
	plain := f.vault("plain")
	f.put(plain, "p", "x")
	if s, err = f.Reveal(t.Context(), f.call(f.owner), plain.ID, parse("p")); err != nil || s.CMEK {
		t.Errorf("a vault without: marked %v, %v", s.CMEK, err)
	}
}

func TestARowThatWasMovedDoesNotOpen(t *testing.T) {
	f := newFixture(t)
	v, other := f.vault("v"), f.vault("other")
	f.put(v, "a", "of a")
	stolen, err := f.db.Latest(t.Context(), v.ID, "a")
	must(t, err)
	for name, to := range map[string]struct {
		vault, path string
		version     uint64
	}{"another path": {v.ID, "b", 1}, "another vault": {other.ID, "a", 1}, "another version": {v.ID, "a", 2}} {
		row := stolen
		row.ID, row.Vault, row.Path, row.Meta.Version = ids.New(), to.vault, to.path, to.version
		must(t, f.db.PutVersion(t.Context(), f.org, row, nil))
		_, err := f.Reveal(t.Context(), f.call(f.owner), to.vault, parse(to.path))
		if err == nil {
			t.Errorf("%s: it opened", name)
		}
	}
}

func TestEveryCallHasOneEventThatSaysWhatWasDone(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	f.put(v, "p", "x")
	_, err := f.reveal(f.owner, v, "p")
	must(t, err)
	rows := f.events()
	if len(rows) != 3 {
		t.Fatalf("%d events, want 3", len(rows))
	}
	for i, want := range []string{
		`"vault_id":"` + v.ID + `"`, `"path":"p","version":1`, `"path":"p","version":1`,
	} {
		if d := string(rows[i].DetailsJSON); !strings.Contains(d, want) || !strings.Contains(d, `"outcome":"success"`) {
			t.Errorf("event %d says %s, want %s", i, d, want)
		}
	}
}

// One change narrows what a policy permits, another sets its end, at the same
// time: neither may undo the other.
func TestChangesOfAPolicyAtOnceAllStay(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	for range 20 {
		g := f.allow(v, f.agent, "api-keys/*", "read", "write")
		end := f.now().Add(time.Hour)
		var both sync.WaitGroup
		for _, ch := range []vault.Change{{Permissions: []string{"read"}}, {ExpiresAt: &end}} {
			both.Go(func() {
				if _, err := f.UpdateGrant(t.Context(), f.call(f.owner), v.ID, g.ID, ch); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		all, err := f.Grants(t.Context(), f.call(f.owner), v.ID)
		must(t, err)
		i := slices.IndexFunc(all, func(x vault.Grant) bool { return x.ID == g.ID })
		if got := all[i]; !slices.Equal(got.Permissions, []string{"read"}) || !got.ExpiresAt.Equal(end) {
			t.Fatalf("permissions %v, end %v", got.Permissions, got.ExpiresAt)
		}
	}
}
