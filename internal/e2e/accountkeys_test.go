package e2e_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pgtest"
)

// account is an agent of a house that pays on a chain, with a key in the house's keystore.
type account struct {
	node    *evmnode.Node
	id, key string
	address string
	paid    int
}

// opensAccount makes an agent with a key and coins, which may make three transactions a day.
func (h *house) opensAccount() *account {
	h.t.Helper()
	h.s.stop() // the node is on this machine, which the operator must allow
	h.env = append(h.env, "ONECLAW_OUTBOUND_ALLOW=127.0.0.0/8")
	h.open()
	a := &account{node: evmnode.Anvil(h.t)}
	h.owner.want(h.t, http.StatusCreated, "POST", "/v1/admin/chains", map[string]any{"name": "anvil", "display_name": "Anvil", "chain_id": evmnode.ChainID, "rpc_url": a.node.URL})
	made := h.owner.want(h.t, http.StatusCreated, "POST", "/v1/agents", map[string]any{"name": "payer", "intents_api_enabled": true, "tx_daily_limit_eth": "1", "tx_max_per_day": 3})
	a.id, a.key = text(h.t, made, "agent", "id"), text(h.t, made, "api_key")
	a.address = text(h.t, h.owner.want(h.t, http.StatusCreated, "POST", "/v1/agents/"+a.id+"/signing-keys", map[string]any{"chain": "ethereum"}), "address")
	h.funds(a)
	return a
}

func (h *house) funds(a *account) {
	h.t.Helper()
	at, err := evm.ParseAddress(a.address)
	if err != nil {
		h.t.Fatal(err)
	}
	a.node.Fund(h.t, at, uint256.NewInt(1e18))
}

// pays has the agent pay a thousandth, and wants it from the account's address on the chain.
func (h *house) pays(a *account) {
	h.t.Helper()
	agent := h.owner.exchange(h.t, a.key)
	tx := agent.want(h.t, http.StatusCreated, "POST", "/v1/agents/"+a.id+"/transactions", map[string]any{"to": payee, "value": "0.001", "chain": "anvil"})
	if tx["status"] != "broadcast" {
		h.t.Fatalf("the payment: %v", tx)
	}
	hash, err := evm.ParseHash(text(h.t, tx, "tx_hash"))
	if err != nil {
		h.t.Fatal(err)
	}
	a.node.Mined(h.t, hash)
	var sent struct{ From evm.Address }
	if a.node.Call(h.t, &sent, "eth_getTransactionByHash", hash); sent.From.String() != a.address {
		h.t.Errorf("%s paid, want %s", sent.From, a.address)
	}
	var has string
	a.paid++
	if a.node.Call(h.t, &has, "eth_getBalance", payee, "latest"); has != new(uint256.Int).Mul(uint256.NewInt(uint64(a.paid)), uint256.NewInt(1e15)).Hex() {
		h.t.Errorf("the payee has %s after %d payments", has, a.paid)
	}
}

// refuses wants one more payment to be over the limit of a day.
func (h *house) refuses(a *account) {
	h.t.Helper()
	agent := h.owner.exchange(h.t, a.key)
	r, err := agent.try(h.t.Context(), "POST", "/v1/agents/"+a.id+"/transactions", map[string]any{"to": payee, "value": "0.001", "chain": "anvil"})
	if err != nil || r.status != http.StatusForbidden || !strings.Contains(string(r.body), "guardrail_tx_max_per_day") {
		h.t.Errorf("over the limit: %+v, %v", r, err)
	}
}

// TestAnAccountSignsAfterARestoreAndAMigration: with its limits, and what they counted.
func TestAnAccountSignsAfterARestoreAndAMigration(t *testing.T) {
	h := newHouse(t, "")
	a := h.opensAccount()
	h.pays(a)
	c, _ := h.backedUp()
	h.s.stop()
	to := h.elsewhere(t, "")
	to.done([]string{"are whole"}, c.restore()...)
	to.asBefore()
	to.pays(a)
	to.s.stop()
	pg := to.elsewhere(t, pgtest.Shared(t).DSN(t))
	pg.data = to.data // the same server, on another database
	pg.done(nil, "migrate", "--from", to.data)
	pg.asBefore()
	pg.pays(a)
	pg.refuses(a)
}

// TestAnAccountInHardwareSignsThroughTheServer: made, replaced and used again, with a token of
// SoftHSM. A backup says that the keys are not in it, and the token signs after a restore.
func TestAnAccountInHardwareSignsThroughTheServer(t *testing.T) {
	h := newHardwareHouse(t)
	a := h.opensAccount()
	h.pays(a)
	keys := "/v1/agents/" + a.id + "/signing-keys"
	first := a.address
	a.address = text(t, h.owner.want(t, http.StatusOK, "POST", keys+"/ethereum/rotate", map[string]any{}), "address")
	if a.address == first {
		t.Error("the other key has the same account")
	}
	h.funds(a)
	h.pays(a)
	a.address = text(t, h.owner.want(t, http.StatusOK, "POST", keys+"/ethereum/rotate", map[string]any{"key_version": 1}), "address")
	if a.address != first {
		t.Errorf("the first key has the account %s, want %s", a.address, first)
	}
	db := filepath.Join(h.home, "db")
	h.done([]string{"in the hardware module, and not in the backup"}, "backup", "--to", db)
	h.s.stop()
	to := h.elsewhere(t, "")
	to.done([]string{"are whole"}, "restore", "--from", db)
	to.asBefore()
	to.pays(a)
	to.refuses(a)
}
