package evmnode

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// GethChainID is the chain of geth.
const GethChainID = 1337

// Geth starts geth in its mode for developers (--dev), with its data in memory, and stops it
// at the end of the test. What only anvil does (Automine, Mine, Reorg, Snapshot, Revert,
// NextBaseFee) fails on it.
func Geth(t testing.TB) *Node {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), installed(t, "evm", "bin", "geth"), "--dev", "--ipcdisable", "--cache", "64",
		"--http", "--http.addr", "127.0.0.1", "--http.port", "0", "--http.api", "eth,net,txpool,debug")
	n := &Node{URL: "http://" + start(t, cmd, regexp.MustCompile(`HTTP server started +endpoint=(\S+)`)), Chain: GethChainID}
	var own []evm.Address
	n.Call(t, &own, "eth_accounts")
	if len(own) == 0 {
		t.Fatal("geth has no account of its own")
	}
	n.bank = &own[0]
	return n
}

// pay has the account of geth's own pay, and waits for the block.
func (n *Node) pay(t testing.TB, to evm.Address, wei *uint256.Int) {
	t.Helper()
	var hash evm.Hash
	n.Call(t, &hash, "eth_sendTransaction", map[string]any{"from": n.bank, "to": to, "value": wei.Hex()})
	n.Mined(t, hash)
	n.settled(t)
}

// settled waits until the pool knows the newest block: until then it refuses what an account can pay
// since that block.
func (n *Node) settled(t testing.TB) {
	t.Helper()
	tick, late := time.NewTicker(5*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		var pool struct{ Pending string }
		if n.Call(t, &pool, "txpool_status"); pool.Pending == "0x0" {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("the pool keeps what is in a block")
		}
	}
}

// Mined waits for the block of a transaction, and returns what it made: the contract, if it
// creates one. It fails the test where the transaction was reverted.
func (n *Node) Mined(t testing.TB, hash evm.Hash) (made *evm.Address) {
	t.Helper()
	tick, late := time.NewTicker(5*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		var r *struct {
			Status          string
			ContractAddress *evm.Address
		}
		// Geth has none to give while it writes its index.
		if refused := n.ask(t, &r, "eth_getTransactionReceipt", hash); refused != "" && !strings.Contains(refused, "indexing") {
			t.Fatalf("eth_getTransactionReceipt: %s", refused)
		}
		if r != nil {
			if r.Status != "0x1" {
				t.Fatalf("the transaction %s was reverted", hash)
			}
			return r.ContractAddress
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("the transaction %s came into no block", hash)
		}
	}
}
