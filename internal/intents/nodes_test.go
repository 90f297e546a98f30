package intents_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestTheNodesOfAChain(t *testing.T) {
	w := world.Open(t)
	boss := w.Boss("boss")
	c := created(t, w, boss, func(c *intents.Chain) { c.RPCURL = "" })
	_, _, err := w.Chains.Node(t.Context(), c.Name)
	world.WantCode(t, "without a node", err, "no_rpc")
	shown := func() bool {
		t.Helper()
		got, err := w.Chains.Find(t.Context(), w.Call(policy.Principal{}, policy.ListChains), c.Name)
		if err != nil {
			t.Fatal(err)
		}
		return got.NodeSet
	}
	if c.NodeSet || shown() {
		t.Error("a node is shown to be set, and none is")
	}
	_, _, err = w.Chains.Node(t.Context(), "none")
	world.WantCode(t, "a chain that is none", err, "chain_not_found")

	w.Chains.Nodes.Set = map[string][]secret.Bytes{c.Name: {secret.FromString("https://node.example/KEY")}}
	got, set, err := w.Chains.Node(t.Context(), c.Name)
	if !shown() {
		t.Error("a node of the settings is shown not to be set")
	}
	if err != nil || got.ID != c.ID || len(set.Health()) != 1 || set.Profile.ChainID != uint64(c.ChainID) || set.Profile.Name != c.Name {
		t.Fatalf("of the settings: %+v, %v", got, err)
	}
	if _, again, err := w.Chains.Node(t.Context(), "7000007"); err != nil || again != set {
		t.Errorf("it was made anew, and so does not know which nodes are well: %v", err)
	}
	update := func(change func(*intents.Chain)) {
		t.Helper()
		if _, err := w.Chains.Update(t.Context(), w.Call(boss, policy.ManageChains), c.ID, change); err != nil {
			t.Fatal(err)
		}
	}
	update(func(c *intents.Chain) { c.RPCURL = "https://rpc.example.com/v2/KEY" })
	got, both, err := w.Chains.Node(t.Context(), c.Name)
	if err != nil || both == set || len(both.Health()) != 2 || got.RPCURL != "https://rpc.example.com/v2/KEY" {
		t.Errorf("with its own: %+v, %v", got, err)
	}
	update(func(c *intents.Chain) { c.ChainID++ })
	if _, other, err := w.Chains.Node(t.Context(), c.Name); err != nil || other == both || other.Profile.ChainID != uint64(c.ChainID)+1 {
		t.Errorf("with another number: %v", err)
	}
	update(func(c *intents.Chain) { c.Enabled = false })
	_, _, err = w.Chains.Node(t.Context(), c.Name)
	world.WantCode(t, "a chain that is off", err, "chain_not_found")
}
