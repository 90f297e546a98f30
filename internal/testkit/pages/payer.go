package pages

import (
	"net/url"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
)

// Payee is an account that nobody has the key of.
const Payee = "0x00000000000000000000000000000000000000AA"

// Payer adds a chain of the test's own with the form, and makes an agent that pays there.
func (p *Person) Payer() (*evmnode.Node, client.Agent, *client.Client) {
	p.t.Helper()
	node := evmnode.Anvil(p.t, "--no-mining") // what is sent waits
	p.Exec(`UPDATE users SET platform_admin = ? WHERE id = ?`, true, p.User.ID)
	p.SignIn()
	p.Does("/transactions/chains/new", url.Values{
		"name": {"own"}, "display": {Odd}, "number": {"31337"}, "coin": {"OWN"}, "rpc_url": {node.URL}, "explorer": {"https://explorer.example.com"}, "test": {"yes"}, "enabled": {"yes"},
	})
	a, own := p.WithAgent(client.AgentCreate{Name: "payer", IntentsAPIEnabled: true})
	p.Does("/agents/"+a.ID+"/signing-keys", url.Values{})
	keys, err := p.Client().SigningKeys(p.t.Context(), a.ID)
	if err != nil || len(keys) != 1 {
		p.t.Fatalf("keys: %+v, %v", keys, err)
	}
	address, err := evm.ParseAddress(keys[0].Address)
	p.must(err)
	node.Fund(p.t, address, uint256.NewInt(1e18))
	return node, a, own
}
