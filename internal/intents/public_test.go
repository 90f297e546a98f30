package intents_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

// Providers of nodes put keys into the path, the query and the user of an address.
func TestStrangersSeeAddressesThatHoldNoKey(t *testing.T) {
	w := world.Open(t)
	boss := w.Boss("boss")
	c := created(t, w, boss)
	for url, shown := range map[string]bool{
		"https://rpc.example.com":            true,
		"https://rpc.example.com/":           true,
		"https://rpc.example.com:8545":       true,
		"https://rpc.example.com/v2/key":     false,
		"https://rpc.example.com/k":          false,
		"https://rpc.example.com/%2e":        false,
		"https://rpc.example.com?apikey=key": false,
		"https://key@rpc.example.com":        false,
		"https://user:key@rpc.example.com/":  false,
		"https://node":                       false, // a name of an inner network
		"https://10.1.2.3":                   false,
		"https://[2001:db8::1]":              false,
		"http://127.0.0.1:8545":              false,
		"http://localhost:8545":              false,
		"":                                   false,
	} {
		socket := ""
		if len(url) > 4 {
			socket = "ws" + url[len("http"):]
		}
		_, err := w.Chains.Update(t.Context(), w.Call(boss, policy.ManageChains), c.ID, func(c *intents.Chain) { c.RPCURL, c.WSURL = url, socket })
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		rpc, ws := "", ""
		if shown {
			rpc, ws = url, socket
		}
		// What everybody sees, a platform admin sees in the same way there.
		for _, who := range []policy.Principal{{}, boss} {
			found, err := w.Chains.Find(t.Context(), w.Call(who, policy.ListChains), c.Name)
			if err != nil || found.RPCURL != rpc || found.WSURL != ws || found.ExplorerURL != c.ExplorerURL {
				t.Errorf("%q is shown as %q, %q, %v", url, found.RPCURL, found.WSURL, err)
			}
		}
		all, err := w.Chains.All(t.Context(), w.Call(boss, policy.ListAllChains))
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			if one.ID == c.ID && (one.RPCURL != url || one.WSURL != socket) {
				t.Errorf("%q is listed as %q, %q", url, one.RPCURL, one.WSURL)
			}
		}
	}
}

func TestNamesAndNumbersAreUnique(t *testing.T) {
	w := world.Open(t)
	boss := w.Boss("boss")
	c := created(t, w, boss)
	other := created(t, w, boss, func(c *intents.Chain) { c.Name, c.ChainID = "testnet-8", 8_000_008 })
	for name, change := range map[string]func(*intents.Chain){
		"its name":   func(n *intents.Chain) { n.Name, n.ChainID = c.Name, 9 },
		"its number": func(n *intents.Chain) { n.Name, n.ChainID = "another", c.ChainID },
	} {
		_, err := create(t, w, boss, draft(change))
		world.WantCode(t, "a second one with "+name, err, "chain_taken")
		_, err = w.Chains.Update(t.Context(), w.Call(boss, policy.ManageChains), other.ID, change)
		world.WantCode(t, "a change to "+name, err, "chain_taken")
	}
	if got, err := w.Chains.Find(t.Context(), w.Call(boss, policy.ListChains), other.Name); err != nil || got != other {
		t.Errorf("after changes that were refused: %+v, %v", got, err)
	}
	// To say of a chain what it is already takes nothing from itself.
	if _, err := w.Chains.Update(t.Context(), w.Call(boss, policy.ManageChains), c.ID, func(*intents.Chain) {}); err != nil {
		t.Errorf("a change to nothing: %v", err)
	}
}

func TestAChainIsCreatedOnceByManyAtOnce(t *testing.T) {
	w := world.Open(t)
	boss, also := w.Boss("boss"), w.Boss("also")
	who := []policy.Principal{boss, also}
	got := world.Count(world.AtOnce(8, func(i int) error {
		_, err := w.Chains.Create(t.Context(), w.Call(who[i%2], policy.ManageChains), draft())
		return err
	}))
	if got[""] != 1 || got["chain_taken"] != 7 {
		t.Errorf("got %v", got)
	}
}

func TestTheListOfChainsIsBounded(t *testing.T) {
	const most = 500
	w := world.Open(t)
	boss := w.Boss("boss")
	all, err := w.Chains.All(t.Context(), w.Call(boss, policy.ListAllChains))
	if err != nil {
		t.Fatal(err)
	}
	w.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO chains (id, name, display_name, chain_id, native_currency, is_testnet, is_enabled, created_at, updated_at)
		SELECT 'id-' || i, 'chain-' || i, 'Chain', 90000000 + i, 'X', 0, 1, 0, 0 FROM n`, most-1-len(all))
	last := created(t, w, boss)
	one := func(c *intents.Chain) { c.Name, c.ChainID = "one-more", 8_000_008 }
	_, err = create(t, w, boss, draft(one))
	world.WantCode(t, "one more than 500", err, "too_many_chains")
	if _, err := w.Chains.Find(t.Context(), w.Call(boss, policy.ListChains), "one-more"); err == nil {
		t.Error("the one that was refused is there")
	}
	if err := w.Chains.Remove(t.Context(), w.Call(boss, policy.ManageChains), last.ID); err != nil {
		t.Fatal(err)
	}
	created(t, w, boss, one)
}
