package intents_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// draft is a chain that may be created.
func draft(change ...func(*intents.Chain)) intents.Chain {
	c := intents.Chain{
		Name: "testnet-7", DisplayName: "Testnet 7", ChainID: 7_000_007, NativeCurrency: "TST", Testnet: true, Enabled: true,
		RPCURL: "https://rpc.example.com", WSURL: "wss://ws.example.com", ExplorerURL: "https://scan.example.com/tx",
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func create(t *testing.T, w *world.World, who policy.Principal, c intents.Chain) (intents.Chain, error) {
	t.Helper()
	return w.Chains.Create(t.Context(), w.Call(who, policy.ManageChains), c)
}

// created creates a chain, which must succeed.
func created(t *testing.T, w *world.World, who policy.Principal, change ...func(*intents.Chain)) intents.Chain {
	t.Helper()
	c, err := create(t, w, who, draft(change...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAChainComesBackAsItWasCreated(t *testing.T) {
	w := world.Open(t)
	boss := w.Boss("boss")
	c := created(t, w, boss)
	want := draft()
	want.ID, want.CreatedAt, want.UpdatedAt, want.NodeSet = c.ID, world.Start(), world.Start(), true
	if c != want || c.ID == "" {
		t.Errorf("got %+v, want %+v", c, want)
	}
	if e := w.Last(boss.Org); e.Action != string(policy.ManageChains) || e.ResourceID != c.ID || e.Detail("outcome") != audit.Success || e.Detail("reason") != "platform_admin" {
		t.Errorf("the log has %+v %s", e.Event, e.DetailsJSON)
	}
	all, err := w.Chains.All(t.Context(), w.Call(boss, policy.ListAllChains))
	if err != nil || !slices.Contains(all, want) {
		t.Errorf("the list has %+v, %v", all, err)
	}
	if !slices.IsSortedFunc(all, func(a, b intents.Chain) int { return int(a.ChainID - b.ChainID) }) {
		t.Error("the list is not sorted by number")
	}
	call := w.Call(policy.Principal{}, policy.ListChains)
	for _, by := range []string{"testnet-7", "7000007"} {
		if got, err := w.Chains.Find(t.Context(), call, by); err != nil || got != want || call.Event.ResourceID != c.ID {
			t.Errorf("by %s: %+v, %v", by, got, err)
		}
	}
}

func TestOnlyThePlatformSeesAndChangesAllChains(t *testing.T) {
	w := world.Open(t)
	boss, ada := w.Boss("boss"), w.Owner("ada")
	c := created(t, w, boss, func(c *intents.Chain) { c.RPCURL = "https://rpc.example.com/v2/key" })
	for name, who := range map[string]policy.Principal{
		"an owner": ada, "an agent": w.Agent(ada), "a stranger": {}, "a key that only reads": w.ByKey(boss, "admin:read"),
	} {
		refused := func(what string, err error) {
			t.Helper()
			if !fault.Is(err, fault.Denied) && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s may %s: %v", name, what, err)
			}
		}
		_, err := create(t, w, who, draft(func(c *intents.Chain) { c.Name, c.ChainID = "mine", 9 }))
		refused("create", err)
		_, err = w.Chains.Update(t.Context(), w.Call(who, policy.ManageChains), c.ID, func(*intents.Chain) { t.Errorf("%s got to change a chain", name) })
		refused("update", err)
		refused("remove", w.Chains.Remove(t.Context(), w.Call(who, policy.ManageChains), c.ID))
		if who.Key == "" {
			_, err = w.Chains.All(t.Context(), w.Call(who, policy.ListAllChains))
			refused("list all", err)
		}
	}
	if got, err := w.Chains.Find(t.Context(), w.Call(boss, policy.ListChains), c.Name); err != nil || got.RPCURL != "" {
		t.Errorf("the chain is now %+v, %v", got, err)
	}
}

func TestDisabledChainsAreNotPublic(t *testing.T) {
	w := world.Open(t)
	boss := w.Boss("boss")
	c := created(t, w, boss, func(c *intents.Chain) { c.Enabled = false })
	public, err := w.Chains.Public(t.Context(), w.Call(policy.Principal{}, policy.ListChains))
	if err != nil || slices.ContainsFunc(public, func(c intents.Chain) bool { return c.Name == "testnet-7" }) {
		t.Errorf("a disabled chain is public: %v", err)
	}
	for _, by := range []string{"testnet-7", "7000007", c.ID, "", "0", "07000007"} {
		_, err := w.Chains.Find(t.Context(), w.Call(boss, policy.ListChains), by)
		world.WantCode(t, "by "+by, err, "chain_not_found")
	}
	w.Clock.Forward(time.Hour)
	_, err = w.Chains.Update(t.Context(), w.Call(boss, policy.ManageChains), c.ID, func(c *intents.Chain) { c.Enabled = true })
	world.WantCode(t, "enabled with nobody there", err, "person_required")
	got, err := w.Chains.Update(t.Context(), w.Call(w.Here(boss), policy.ManageChains), c.ID, func(c *intents.Chain) { c.Enabled = true })
	if err != nil || !got.CreatedAt.Equal(world.Start()) || !got.UpdatedAt.Equal(w.Clock.Now()) {
		t.Errorf("updated to %+v, %v", got, err)
	}
	if _, err := w.Chains.Find(t.Context(), w.Call(policy.Principal{}, policy.ListChains), "testnet-7"); err != nil {
		t.Errorf("an enabled chain: %v", err)
	}
	if off, err := w.Chains.Update(t.Context(), w.Call(boss, policy.ManageChains), c.ID, func(c *intents.Chain) { c.Enabled = false }); err != nil || off.Enabled {
		t.Errorf("disabled with nobody there: %v", err)
	}
	world.WantCode(t, "removed with nobody there", w.Chains.Remove(t.Context(), w.Call(boss, policy.ManageChains), c.ID), "person_required")
	if err := w.Chains.Remove(t.Context(), w.Call(w.Here(boss), policy.ManageChains), c.ID); err != nil {
		t.Fatal(err)
	}
	world.WantCode(t, "to remove it again", w.Chains.Remove(t.Context(), w.Call(w.Here(boss), policy.ManageChains), c.ID), "chain_not_found")
	_, err = w.Chains.Update(t.Context(), w.Call(boss, policy.ManageChains), c.ID, func(*intents.Chain) {})
	world.WantCode(t, "to update it then", err, "chain_not_found")
}

func TestWhatAChainMayBe(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	w := world.Open(t)
	boss := w.Boss("boss")
	for name, tc := range map[string]struct {
		change func(*intents.Chain)
		code   string
	}{
		"a name of one character":      {func(c *intents.Chain) { c.Name = "a" }, ""},
		"a name of 64":                 {func(c *intents.Chain) { c.Name = long(64) }, ""},
		"a name of 65":                 {func(c *intents.Chain) { c.Name = long(65) }, "invalid_name"},
		"no name":                      {func(c *intents.Chain) { c.Name = "" }, "invalid_name"},
		"a number as name":             {func(c *intents.Chain) { c.Name = "12" }, "invalid_name"},
		"numbers and a hyphen":         {func(c *intents.Chain) { c.Name = "1-2" }, ""},
		"a name that ends in a hyphen": {func(c *intents.Chain) { c.Name = "a-" }, "invalid_name"},
		"a name with capitals":         {func(c *intents.Chain) { c.Name = "Base2" }, "invalid_name"},
		"a name and a line's end":      {func(c *intents.Chain) { c.Name = "base2\n" }, "invalid_name"},
		"a display name of 100":        {func(c *intents.Chain) { c.DisplayName = strings.Repeat("é", 100) }, ""},
		"a display name of 101":        {func(c *intents.Chain) { c.DisplayName = strings.Repeat("é", 101) }, "invalid_display_name"},
		"no display name":              {func(c *intents.Chain) { c.DisplayName = "" }, "invalid_display_name"},
		"a display name of two lines":  {func(c *intents.Chain) { c.DisplayName = "a\nb" }, "invalid_display_name"},
		"bytes that are no text":       {func(c *intents.Chain) { c.DisplayName = "\xff" }, "invalid_display_name"},
		"the number 0":                 {func(c *intents.Chain) { c.ChainID = 0 }, "invalid_chain_id"},
		"a negative number":            {func(c *intents.Chain) { c.ChainID = -1 }, "invalid_chain_id"},
		"the largest number":           {func(c *intents.Chain) { c.ChainID = math.MaxInt32 }, ""},
		"a larger one":                 {func(c *intents.Chain) { c.ChainID = math.MaxInt32 + 1 }, "invalid_chain_id"},
		"no currency":                  {func(c *intents.Chain) { c.NativeCurrency = "" }, "invalid_native_currency"},
		"a currency of 16":             {func(c *intents.Chain) { c.NativeCurrency = long(16) }, ""},
		"a currency of 17":             {func(c *intents.Chain) { c.NativeCurrency = long(17) }, "invalid_native_currency"},
		"no addresses":                 {func(c *intents.Chain) { c.RPCURL, c.WSURL, c.ExplorerURL = "", "", "" }, ""},
		"an address of 512":            {func(c *intents.Chain) { c.RPCURL = "https://a.example/" + long(494) }, ""},
		"an address of 513":            {func(c *intents.Chain) { c.RPCURL = "https://a.example/" + long(495) }, "invalid_url"},
		"a node without TLS":           {func(c *intents.Chain) { c.RPCURL = "http://a.example" }, "invalid_url"},
		"a node without TLS here":      {func(c *intents.Chain) { c.RPCURL, c.WSURL = "http://localhost:8545", "ws://[::1]:8546" }, ""},
		"a node by IP without TLS":     {func(c *intents.Chain) { c.RPCURL = "http://10.0.0.1" }, "invalid_url"},
		"https for a socket":           {func(c *intents.Chain) { c.WSURL = "https://a.example" }, "invalid_url"},
		"a socket for https":           {func(c *intents.Chain) { c.RPCURL = "wss://a.example" }, "invalid_url"},
		"a script as explorer":         {func(c *intents.Chain) { c.ExplorerURL = "javascript:alert(1)" }, "invalid_url"},
		"an address without a host":    {func(c *intents.Chain) { c.RPCURL = "https:///x" }, "invalid_url"},
		"a fragment":                   {func(c *intents.Chain) { c.ExplorerURL = "https://a.example/#x" }, "invalid_url"},
		"an address of two lines":      {func(c *intents.Chain) { c.RPCURL = "https://a.example/\n" }, "invalid_url"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := create(t, w, boss, draft(tc.change))
			world.WantCode(t, name, err, tc.code)
			if tc.code != "" {
				if !fault.Is(err, fault.Invalid) {
					t.Errorf("got %v", err)
				}
				// The same holds for a change of one that is there.
				c = created(t, w, boss)
				_, err := w.Chains.Update(t.Context(), w.Call(boss, policy.ManageChains), c.ID, tc.change)
				world.WantCode(t, "a change to it", err, tc.code)
				if got, err := w.Chains.Find(t.Context(), w.Call(boss, policy.ListChains), c.Name); err != nil || got != c {
					t.Errorf("after a change that was refused: %+v, %v", got, err)
				}
			}
			if err := w.Chains.Remove(t.Context(), w.Call(boss, policy.ManageChains), c.ID); err != nil {
				t.Error(err)
			}
		})
	}
}
