package evmnode_test

import (
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
)

func TestGethIsAChainOfItsOwnThatPays(t *testing.T) {
	n := evmnode.Geth(t)
	var chain, has string
	if n.Call(t, &chain, "eth_chainId"); chain != uint256.NewInt(evmnode.GethChainID).Hex() {
		t.Errorf("the chain is %s", chain)
	}
	to := evm.NewKey().Address()
	n.Fund(t, to, uint256.NewInt(7))
	if n.Call(t, &has, "eth_getBalance", to, "latest"); has != "0x7" {
		t.Errorf("it has %s", has)
	}
}
