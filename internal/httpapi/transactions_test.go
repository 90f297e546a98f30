package httpapi_test

import (
	"encoding/hex"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
)

// privateKey is a private key as hexadecimal digits, and stranger an account.
const (
	privateKey = "00000000000000000000000000000000000000000000000000000000000000a7"
	stranger   = "0x00000000000000000000000000000000000000aa"
)

// payment is a transaction of 1 wei on a chain.
func payment(chain string) object {
	return object{"to": stranger, "value": "0.000000000000000001", "chain": chain}
}

// stoppedTransaction is the id of a transaction of the worker's that a simulation stopped:
// it needs no node.
func (s *session) stoppedTransaction() string {
	s.t.Helper()
	t := transaction.Tx{
		ID: ids.New(), Org: s.ada.org, Agent: s.worker.id, Chain: "base", ChainID: 8453, Value: *uint256.NewInt(1), Status: transaction.SimulationFailed,
		ErrorCode: "reverted", Error: "It would be reverted.", CreatedAt: s.Clock.Now(),
	}
	if err := s.DB.AddFailedTransaction(s.t.Context(), &t, nil); err != nil {
		s.t.Fatal(err)
	}
	return t.ID
}

// ownChain has a node of a chain of the test's own run, named "own". It is one for the whole
// session.
func (s *stage) ownChain() *evmnode.Node {
	s.t.Helper()
	if s.node == nil {
		s.node = evmnode.Anvil(s.t, "--no-mining") // what is sent waits
		s.do("POST", "/v1/admin/chains", s.boss.token, object{
			"name": "own", "display_name": "Own", "chain_id": evmnode.ChainID, "rpc_url": s.node.URL,
		}).want(201)
	}
	return s.node
}

// signs gives an agent a key in the keystore, and the account what it pays with.
func (s *stage) signs(agent string) {
	s.t.Helper()
	s.do("PATCH", "/v1/agents/"+agent, s.ada.token, object{"intents_api_enabled": true}).want(200)
	at := "/v1/agents/" + agent + "/signing-keys"
	if r := s.do("POST", at, s.ada.token, object{"chain": "ethereum"}); r.status != 201 && r.status != 409 {
		r.want(201)
	}
	for _, k := range s.do("GET", at, s.ada.token, nil).want(200).list("keys") {
		s.fund(k["address"].(string))
	}
}

// signsWithVault gives an agent a key in the session's vault instead, whose account it
// knows from a use.
func (s *stage) signsWithVault(who actor, target string) {
	s.t.Helper()
	s.do("PATCH", "/v1/agents/"+who.id, s.ada.token, object{"intents_api_enabled": true}).want(200)
	s.ada.put(s.vault, "keys/own-signer", privateKey)
	raw, err := hex.DecodeString(privateKey)
	if err != nil {
		s.t.Fatal(err)
	}
	key, err := evm.ParseKey(raw)
	if err != nil {
		s.t.Fatal(err)
	}
	s.fund(key.Address().String())
	s.do("POST", target+"/simulate", who.token, payment("own"))
}

func (s *stage) fund(address string) {
	s.t.Helper()
	a, err := evm.ParseAddress(address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.ownChain().Fund(s.t, a, uint256.NewInt(1e18))
}
