package store_test

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/store"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

func testVaults(t *testing.T, f *fixture) {
	first := f.newVault("Prod")
	first.CreatedByKind, first.CreatorHuman, first.CMEKFingerprint = policy.KindAgent, ids.New(), "ab12"
	second := f.newVault("prod") // another name: case matters
	second.CreatedAt = moment.Add(time.Microsecond)
	for _, v := range []vault.Vault{second, first} {
		must(t, f.AddVault(t.Context(), v, f.event()))
		got, err := f.Vault(t.Context(), v.ID)
		must(t, err)
		if got != v {
			t.Errorf("stored %+v, read %+v", v, got)
		}
		named, err := f.VaultNamed(t.Context(), f.org, v.Name)
		must(t, err)
		if named != v {
			t.Errorf("by name: %+v, want %+v", named, v)
		}
	}
	all, err := f.Vaults(t.Context(), f.org)
	must(t, err)
	if !slices.Equal(all, []vault.Vault{first, second}) {
		t.Errorf("listed %+v", all)
	}

	twin := f.newVault("Prod")
	want(t, "a taken name", f.AddVault(t.Context(), twin, f.event()), "vault_name_taken")
	other := twin
	other.Org = ids.New()
	must(t, f.AddVault(t.Context(), other, nil)) // another organisation's names are its own
	_, err = f.Vault(t.Context(), ids.New())
	want(t, "an unknown id", err, "vault_not_found")
	_, err = f.VaultNamed(t.Context(), f.org, "pro")
	want(t, "an unknown name", err, "vault_not_found")
	_, err = f.VaultNamed(t.Context(), other.Org, "prod")
	want(t, "a foreign name", err, "vault_not_found")
	if none, err := f.Vaults(t.Context(), ids.New()); err != nil || len(none) != 0 {
		t.Errorf("an unknown organisation has %v, %v", none, err)
	}

	// One of many vaults that take the same name at once gets it.
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		wg.Go(func() { errs[i] = f.AddVault(t.Context(), f.newVault("race"), f.event()) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		want(t, "the others", err, "vault_name_taken")
	}
	if won != 1 {
		t.Errorf("%d vaults took one name", won)
	}
}

func testRemoveVault(t *testing.T, f *fixture) {
	v, kept := f.addVault(t, "gone"), f.addVault(t, "kept")
	f.put(t, v.ID, "a", 1)
	f.put(t, kept.ID, "a", 1)
	g := f.grant(v.ID)
	must(t, f.AddGrant(t.Context(), f.org, g, f.event()))
	must(t, f.RemoveVault(t.Context(), v, f.event()))

	_, err := f.Vault(t.Context(), v.ID)
	want(t, "the vault", err, "vault_not_found")
	_, err = f.Latest(t.Context(), v.ID, "a")
	want(t, "its secret", err, "secret_not_found")
	if rows, _, err := f.List(t.Context(), v.ID, "", "", 10); err != nil || len(rows) != 0 {
		t.Errorf("its listing: %v, %v", rows, err)
	}
	if rows, err := f.Grants(t.Context(), v.ID); err != nil || len(rows) != 0 {
		t.Errorf("its policies: %v, %v", rows, err)
	}
	want(t, "once more", f.RemoveVault(t.Context(), v, f.event()), "vault_not_found")
	want(t, "a write", f.PutVersion(t.Context(), f.org, version(v.ID, "b", 1), f.event()), "vault_not_found")
	want(t, "a later write", f.PutVersion(t.Context(), f.org, version(v.ID, "a", 2), f.event()), "vault_not_found")
	want(t, "a policy", f.AddGrant(t.Context(), f.org, f.grant(v.ID), f.event()), "vault_not_found")
	if _, err := f.Latest(t.Context(), kept.ID, "a"); err != nil {
		t.Errorf("another vault's secret: %v", err)
	}

	scheduled, err := f.KeysToDestroy(t.Context())
	must(t, err)
	if !slices.Equal(scheduled, []string{v.KEK()}) {
		t.Errorf("keys to destroy %v, want %s", scheduled, v.KEK())
	}
	must(t, f.ForgetKey(t.Context(), v.KEK()))
	must(t, f.ForgetKey(t.Context(), v.KEK())) // forgetting twice is no fault
	if scheduled, err = f.KeysToDestroy(t.Context()); err != nil || len(scheduled) != 0 {
		t.Errorf("keys to destroy %v, %v after they were forgotten", scheduled, err)
	}
}

// testClearRemains: no transaction deletes very many rows, and in the end none is left.
func testClearRemains(t *testing.T, f *fixture) {
	const secrets = 601
	v, kept := f.addVault(t, "large"), f.addVault(t, "kept")
	f.put(t, kept.ID, "a", 1)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := i; n < secrets; n += 8 {
				if err := f.PutVersion(t.Context(), f.org, version(v.ID, "p/"+strconv.Itoa(n), 1), f.event()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	left := func() (n int) {
		for i := range secrets {
			if _, err := f.Latest(t.Context(), v.ID, "p/"+strconv.Itoa(i)); err == nil {
				n++
			}
		}
		return n
	}
	must(t, f.RemoveVault(t.Context(), v, f.event()))
	if n := left(); n < 300 || n == secrets {
		t.Errorf("the removal left %d of %d", n, secrets)
	}
	_, err := f.Vault(t.Context(), v.ID)
	want(t, "the vault", err, "vault_not_found")
	want(t, "a write", f.PutVersion(t.Context(), f.org, version(v.ID, "p/600", 2), f.event()), "vault_not_found")
	must(t, f.ClearRemains(t.Context()))
	must(t, f.ClearRemains(t.Context()))
	if n := left(); n != 0 {
		t.Errorf("%d are left", n)
	}
	if _, err := f.Latest(t.Context(), kept.ID, "a"); err != nil {
		t.Errorf("another vault's secret: %v", err)
	}
}

func (f *fixture) grant(vaultID string) vault.Grant {
	return vault.Grant{
		ID: ids.New(), Vault: vaultID, Pattern: "api-keys/*", PrincipalKind: policy.KindAgent, PrincipalID: ids.New(),
		Permissions: []string{"read", "write"}, Conditions: []byte(`{}`), CreatedBy: ids.New(),
		CreatedByKind: policy.KindUser, CreatedAt: moment, Revision: 1,
	}
}

func testGrants(t *testing.T, f *fixture) {
	v, other := f.addVault(t, "one"), f.addVault(t, "two")
	g := f.grant(v.ID)
	g.ExpiresAt = moment.Add(time.Hour)
	must(t, f.AddGrant(t.Context(), f.org, g, f.event()))
	check := func(wanted ...vault.Grant) {
		t.Helper()
		got, err := f.Grants(t.Context(), v.ID)
		must(t, err)
		if !slices.EqualFunc(got, wanted, sameGrant) {
			t.Errorf("policies %+v, want %+v", got, wanted)
		}
	}
	check(g)
	was := g
	g.Permissions, g.Conditions, g.ExpiresAt = []string{"read"}, []byte(`{"ip_allowlist":["10.0.0.0/8"]}`), time.Time{}
	must(t, f.UpdateGrant(t.Context(), f.org, was, g, false, f.event()))
	check(g)
	want(t, "a change of what it is not any more", f.UpdateGrant(t.Context(), f.org, was, was, false, f.event()), "stale_version")
	check(g)

	later := f.grant(v.ID)
	later.CreatedAt = moment.Add(time.Second)
	must(t, f.AddGrant(t.Context(), f.org, later, nil))
	check(g, later)

	elsewhere := g
	elsewhere.Vault = other.ID
	want(t, "a change through another vault", f.UpdateGrant(t.Context(), f.org, elsewhere, elsewhere, false, f.event()), "policy_not_found")
	want(t, "a removal through another vault", f.RemoveGrant(t.Context(), f.org, other.ID, g.ID, f.event()), "policy_not_found")
	check(g, later)
	must(t, f.RemoveGrant(t.Context(), f.org, v.ID, g.ID, f.event()))
	check(later)
	want(t, "a second removal", f.RemoveGrant(t.Context(), f.org, v.ID, g.ID, f.event()), "policy_not_found")
	want(t, "a change afterwards", f.UpdateGrant(t.Context(), f.org, g, g, false, f.event()), "policy_not_found")
	want(t, "a policy of no vault", f.AddGrant(t.Context(), f.org, f.grant(ids.New()), f.event()), "vault_not_found")
}

func sameGrant(a, b vault.Grant) bool {
	return a.ID == b.ID && a.Vault == b.Vault && a.Pattern == b.Pattern && a.PrincipalKind == b.PrincipalKind &&
		a.PrincipalID == b.PrincipalID && slices.Equal(a.Permissions, b.Permissions) && string(a.Conditions) == string(b.Conditions) &&
		a.ExpiresAt.Equal(b.ExpiresAt) && a.CreatedBy == b.CreatedBy && a.CreatedByKind == b.CreatedByKind && a.CreatedAt.Equal(b.CreatedAt)
}

func testPrincipals(t *testing.T, f *fixture) {
	user, agent := addUser(t, f), addAgent(t, f)
	for name, tc := range map[string]struct {
		org  string
		kind policy.PrincipalKind
		id   string
		ok   bool
	}{
		"a member":                     {f.org, policy.KindUser, user, true},
		"an agent":                     {f.org, policy.KindAgent, agent, true},
		"an agent's id as a user":      {f.org, policy.KindUser, agent, false},
		"a user's id as an agent":      {f.org, policy.KindAgent, user, false},
		"another organisation's user":  {ids.New(), policy.KindUser, user, false},
		"another organisation's agent": {ids.New(), policy.KindAgent, agent, false},
		"nobody":                       {f.org, policy.KindUser, ids.New(), false},
		"an anonymous caller":          {f.org, policy.KindAnonymous, user, false},
		"no id":                        {f.org, policy.KindUser, "", false},
	} {
		err := f.Exists(t.Context(), tc.org, tc.kind, tc.id)
		if tc.ok && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !tc.ok {
			want(t, name, err, "principal_not_found")
		}
	}
}

func testEpoch(t *testing.T, f *fixture) {
	v := f.newVault("v")
	g := f.grant(v.ID)
	for _, step := range []struct {
		name  string
		do    func() error
		moves bool
	}{
		{"a vault is made", func() error { return f.AddVault(t.Context(), v, f.event()) }, true},
		{"a policy is made", func() error { return f.AddGrant(t.Context(), f.org, g, f.event()) }, true},
		{"a policy is changed", func() error { return f.UpdateGrant(t.Context(), f.org, g, g, false, f.event()) }, true},
		{"a secret is written", func() error { return f.PutVersion(t.Context(), f.org, version(v.ID, "a", 1), f.event()) }, false},
		{"an event is appended", func() error { return f.Append(t.Context(), f.event()) }, false},
		{"a policy is removed", func() error { return f.RemoveGrant(t.Context(), f.org, v.ID, g.ID, f.event()) }, true},
		{"a vault is removed", func() error { return f.RemoveVault(t.Context(), v, f.event()) }, true},
	} {
		before := epoch(t, f.DB)
		must(t, step.do())
		switch after := epoch(t, f.DB); {
		case step.moves && after == before:
			t.Errorf("the epoch stands still when %s", step.name)
		case !step.moves && after != before && f.Engine() == "sqlite": // on PostgreSQL a late poll may move it once more
			t.Errorf("the epoch moves when %s", step.name)
		}
	}
}

// epoch waits until the epoch is known: on PostgreSQL a machine that is busy may
// be late to ask.
func epoch(t *testing.T, db *store.DB) int64 {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if n, known := db.Epoch(); known {
			return n
		}
	}
	t.Fatal("the epoch is not known for a minute")
	return 0
}

func testVaultChanges(t *testing.T, f *fixture) {
	v, other := f.addVault(t, "prod"), f.addVault(t, "stage")
	text := func(s string) *string { return &s }
	change := func(id string, name, description *string) (vault.Vault, error) {
		return f.ChangeVault(t.Context(), f.org, id, name, description, f.event())
	}
	got, err := change(v.ID, text("live"), nil)
	must(t, err)
	v.Name = "live"
	if got != v {
		t.Errorf("renamed to %+v, want %+v", got, v)
	}
	got, err = change(v.ID, nil, text("what customers see"))
	must(t, err)
	v.Description = "what customers see"
	if got != v {
		t.Errorf("described as %+v, want %+v", got, v)
	}
	if read, err := f.Vault(t.Context(), v.ID); err != nil || read != v {
		t.Errorf("read %+v, %v, want %+v", read, err, v)
	}
	_, err = f.VaultNamed(t.Context(), f.org, "prod")
	want(t, "the former name", err, "vault_not_found")

	for _, name := range []string{"stage", "ｓｔａｇｅ", "sta\u200bge"} { // as people see it, the name of another
		_, err = change(v.ID, &name, text("no"))
		want(t, "the name of another: "+name, err, "vault_name_taken")
	}
	_, err = change(v.ID, text("ｌｉｖｅ"), nil) // its own
	must(t, err)
	_, err = f.ChangeVault(t.Context(), ids.New(), v.ID, text("theirs"), nil, f.event())
	want(t, "another organisation's vault", err, "vault_not_found")
	_, err = change(ids.New(), text("none"), nil)
	want(t, "an unknown id", err, "vault_not_found")
	must(t, f.AddVault(t.Context(), f.newVault("prod"), f.event())) // the name is free

	// Of two that take one name at once, one gets it.
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, id := range []string{v.ID, other.ID} {
		wg.Go(func() { _, errs[i] = change(id, text("race"), nil) })
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("two took one name: %v, %v", errs[0], errs[1])
	}
	if all, err := f.Vaults(t.Context(), f.org); err != nil || !slices.ContainsFunc(all, func(v vault.Vault) bool { return v.Name == "race" }) || len(all) != 3 {
		t.Errorf("the vaults are %+v, %v", all, err)
	}
}
