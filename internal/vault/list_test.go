package vault_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// list reads the listing to its end in parts of limit, 0 for all at once.
func (f *fixture) list(who policy.Principal, v vault.Vault, prefix string, limit int) (paths []string) {
	f.t.Helper()
	after := ""
	for range 10_000 {
		l, err := f.List(f.t.Context(), f.call(who), v.ID, prefix, after, limit)
		must(f.t, err)
		n := 0
		for {
			page, err := l.Page(f.t.Context())
			must(f.t, err)
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				paths = append(paths, m.Path)
			}
			n += len(page)
		}
		if limit > 0 && n > limit {
			f.t.Errorf("%d items, the limit is %d", n, limit)
		}
		if after = l.Cursor(); after == "" {
			return paths
		}
	}
	f.t.Fatal("the listing has no end")
	return nil
}

func TestAListingShowsWhatTheCallerMaySee(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	var all, odd []string
	for i := range 1200 { // more than one page of the store
		path := fmt.Sprintf("%s/k%04d", []string{"even", "odd"}[i%2], i)
		f.put(v, path, "x")
		all = append(all, path)
		if i%2 == 1 {
			odd = append(odd, path)
		}
	}
	_, err := f.Put(t.Context(), f.call(f.owner), v.ID, parse("odd/expired"), vault.Draft{Value: secret.FromString("x"), ExpiresAt: f.now().Add(time.Second)})
	must(t, err)
	f.put(v, "odd/deleted", "x")
	must(t, f.Delete(t.Context(), f.call(f.owner), v.ID, parse("odd/deleted")))
	f.w.Clock.Forward(time.Minute)
	slices.Sort(all)
	f.allow(v, f.agent, "odd/*", "read")
	several := f.newAgent()
	f.allow(v, several, "*/k0001", "read")
	f.allow(v, several, "even/k0002", "delete")
	capped := f.owner
	capped.Scopes = []string{"even/k000*"}
	for name, tc := range map[string]struct {
		who    policy.Principal
		prefix string
		want   []string
	}{
		"the owner, all":                      {f.owner, "", all},
		"an admin, all":                       {f.user(policy.RoleAdmin), "", all},
		"the owner, a prefix":                 {f.owner, "odd/", odd},
		"the agent, what it was granted":      {f.agent, "", odd},
		"the agent, a prefix within":          {f.agent, "odd/k000", []string{"odd/k0001", "odd/k0003", "odd/k0005", "odd/k0007", "odd/k0009"}},
		"the agent, a wider prefix":           {f.agent, "o", odd},
		"the agent, a prefix beside":          {f.agent, "even/", nil},
		"an agent with two grants":            {several, "", []string{"even/k0002", "odd/k0001"}},
		"an owner's key with a cap on paths":  {capped, "", []string{"even/k0000", "even/k0002", "even/k0004", "even/k0006", "even/k0008"}},
		"the owner, a prefix that fits none":  {f.owner, "zzz", nil},
		"the owner, one path as its prefix":   {f.owner, "odd/k0001", []string{"odd/k0001"}},
		"the owner, what was deleted":         {f.owner, "odd/deleted", nil},
		"the owner, what has expired already": {f.owner, "odd/expired", nil},
	} {
		for _, limit := range []int{0, 1, 7, 1000, 5000} {
			if limit == 1 && len(tc.want) > 10 {
				continue
			}
			if got := f.list(tc.who, v, tc.prefix, limit); !slices.Equal(got, tc.want) {
				t.Errorf("%s, by %d: %d paths, want %d", name, limit, len(got), len(tc.want))
			}
		}
	}
	_, err = f.List(t.Context(), f.call(f.newAgent()), v.ID, "", "", 0)
	wantCode(t, "an agent without a grant", err, "access_denied")
}

// search goes through what a search finds to its end, and says in how many parts it came.
func (f *fixture) search(who policy.Principal, v vault.Vault, s vault.Search, limit int) (paths []string, parts int) {
	f.t.Helper()
	after := ""
	for range 10_000 {
		l, err := f.Find(f.t.Context(), f.call(who), v.ID, s, after, limit)
		must(f.t, err)
		parts++
		n := 0
		for {
			page, err := l.Page(f.t.Context())
			must(f.t, err)
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				paths = append(paths, m.Path)
			}
			n += len(page)
		}
		if limit > 0 && n > limit {
			f.t.Errorf("%d items, the limit is %d", n, limit)
		}
		if after = l.Cursor(); after == "" {
			return paths, parts
		}
	}
	f.t.Fatal("the search has no end")
	return nil, 0
}

func TestASearchShowsWhatTheCallerMaySee(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	var all, odd []string
	for i := range 1200 {
		path := fmt.Sprintf("%s/k%04d", []string{"even", "odd"}[i%2], i)
		f.put(v, path, "x")
		if strings.Contains(path, "k00") {
			all = append(all, path)
			if i%2 == 1 {
				odd = append(odd, path)
			}
		}
	}
	slices.Sort(all)
	f.allow(v, f.agent, "odd/*", "read")
	for name, tc := range map[string]struct {
		who    policy.Principal
		search vault.Search
		want   []string
	}{
		"the owner":                      {f.owner, vault.Search{Text: "K00"}, all},
		"the owner, within a prefix":     {f.owner, vault.Search{Prefix: "odd/", Text: "K00"}, odd},
		"the agent, what it was granted": {f.agent, vault.Search{Text: "k00"}, odd},
		"the agent, beside":              {f.agent, vault.Search{Prefix: "even/", Text: "k00"}, nil},
		"what no path has":               {f.owner, vault.Search{Text: "k00 "}, nil},
	} {
		for _, limit := range []int{0, 1, 7, 1000} {
			got, parts := f.search(tc.who, v, tc.search, limit)
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s, by %d: %d paths, want %d", name, limit, len(got), len(tc.want))
			}
			if most := 1 + len(tc.want)/max(limit, 1); limit > 0 && parts > most+1 {
				t.Errorf("%s, by %d: %d parts", name, limit, parts)
			}
		}
	}
	_, err := f.Find(t.Context(), f.call(f.newAgent()), v.ID, vault.Search{Text: "k"}, "", 0)
	wantCode(t, "an agent without a grant", err, "access_denied")
}

func TestAListingEndsWhereTheRightToItDoes(t *testing.T) {
	for name, ends := range map[string]func(f *fixture, v vault.Vault, grants []vault.Grant){
		"the policy is deleted": func(f *fixture, v vault.Vault, grants []vault.Grant) {
			must(f.t, f.RemoveGrant(f.t.Context(), f.call(f.owner), v.ID, grants[0].ID))
		},
		"the vault is deleted": func(f *fixture, v vault.Vault, _ []vault.Grant) {
			must(f.t, f.Remove(f.t.Context(), f.call(f.owner), v.ID))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			v := f.vault("v")
			for i := range 1200 {
				f.put(v, fmt.Sprintf("k%04d", i), "x")
			}
			f.allow(v, f.agent, "**", "read")
			grants, err := f.Grants(t.Context(), f.call(f.owner), v.ID)
			must(t, err)
			l, err := f.List(t.Context(), f.call(f.agent), v.ID, "", "", 0)
			must(t, err)
			page, err := l.Page(t.Context())
			must(t, err)
			if len(page) != 1000 {
				t.Fatalf("%d rows in a page", len(page))
			}
			ends(f, v, grants)
			if page, err := l.Page(t.Context()); err == nil {
				t.Errorf("the listing goes on with %d rows", len(page))
			}
		})
	}
}

func TestAListingShowsOnlyWhatIsStillGranted(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	for i := range 1200 {
		f.put(v, fmt.Sprintf("k%04d", i), "x")
	}
	f.allow(v, f.agent, "k1100", "read")
	f.allow(v, f.agent, "**", "read")
	grants, err := f.Grants(t.Context(), f.call(f.owner), v.ID)
	must(t, err)
	l, err := f.List(t.Context(), f.call(f.agent), v.ID, "", "", 0)
	must(t, err)
	_, err = l.Page(t.Context())
	must(t, err)
	for _, g := range grants {
		if g.Pattern == "**" {
			must(t, f.RemoveGrant(t.Context(), f.call(f.owner), v.ID, g.ID))
		}
	}
	page, err := l.Page(t.Context())
	must(t, err)
	if len(page) != 1 || page[0].Path != "k1100" {
		t.Errorf("%d rows after the wider grant ended", len(page))
	}
}

func TestAListingOfLargeRowsIsWhole(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	var all []string
	meta := []byte(`{"x":"` + strings.Repeat("m", 60<<10) + `"}`)
	for i := range 60 {
		path := fmt.Sprintf("k%04d", i)
		_, err := f.Put(t.Context(), f.call(f.owner), v.ID, parse(path), vault.Draft{Value: secret.FromString("x"), Metadata: meta})
		must(t, err)
		all = append(all, path)
	}
	for _, limit := range []int{0, 1, 7, 18, 50, 1000} {
		if got := f.list(f.owner, v, "", limit); !slices.Equal(got, all) {
			t.Errorf("by %d: %d paths, want %d", limit, len(got), len(all))
		}
	}
}

func TestVaultsAreSeenByThoseWhoMay(t *testing.T) {
	f := newFixture(t)
	first, second := f.vault("first"), f.vault("second")
	f.allow(second, f.agent, "x", "write")
	names := func(who policy.Principal) (out []string) {
		t.Helper()
		all, err := f.All(t.Context(), f.call(who))
		must(t, err)
		for _, v := range all {
			out = append(out, v.Name)
		}
		slices.Sort(out)
		return out
	}
	bound := f.newAgent()
	bound.Vaults = []string{first.ID}
	for name, tc := range map[string]struct {
		who  policy.Principal
		want []string
	}{
		"the owner":      {f.owner, []string{"first", "second"}},
		"an agent":       {f.agent, []string{"second"}},
		"a bound agent":  {bound, []string{"first"}},
		"a member":       {f.user(policy.RoleMember), nil},
		"another's user": {policy.Principal{Kind: policy.KindUser, ID: "u", Org: "o", Role: policy.RoleOwner}, nil},
	} {
		if got := names(tc.who); !slices.Equal(got, tc.want) {
			t.Errorf("%s sees %v, want %v", name, got, tc.want)
		}
	}
	_, err := f.Get(t.Context(), f.call(f.agent), first.ID)
	wantCode(t, "a vault that is not seen", err, "access_denied")
	if got, err := f.Get(t.Context(), f.call(f.agent), second.ID); err != nil || got.Name != "second" {
		t.Errorf("a vault that is seen: %+v, %v", got, err)
	}
}
