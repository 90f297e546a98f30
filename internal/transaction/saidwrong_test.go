package transaction_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// TestANodeThatAnswersWithAnErrorIsNoFaultOfOurs: nothing is signed or counted, and it can be asked again.
func TestANodeThatAnswersWithAnErrorIsNoFaultOfOurs(t *testing.T) {
	b := open(t, limited("1"))
	for _, method := range []string{"eth_getTransactionCount", "*"} {
		for _, said := range []string{`{"code":-32603,"message":"boom"}`, `{"code":-32000,"message":"header not found"}`, `{"code":-32601,"message":"method not found"}`} {
			b.gate.on(method, func(w http.ResponseWriter, _ func() []byte) {
				fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"error":%s}`, said)
			})
			_, _, err := b.try(pay("0.1"))
			b.refused(method+" says "+said, err, fault.Unavailable, "node_unavailable")
			if method == "*" {
				_, err = b.svc.Balance(t.Context(), b.Call(b.owner, policy.ReadBalance), b.payer.ID, "anvil")
				b.refused("the balance", err, fault.Unavailable, "node_unavailable")
			}
			b.gate.on(method, nil)
		}
	}
	// The nodes run it nowhere, so nobody knows whether it would revert.
	for _, method := range []string{"eth_estimateGas", "eth_simulateV1"} {
		b.gate.on(method, refuses("header not found", false))
	}
	_, _, err := b.try(pay("0.1"))
	b.refused("no estimate", err, fault.Unavailable, "node_unavailable")
	b.counts("0")
	if n := b.count(`SELECT COUNT(*) FROM transactions`); n != 0 {
		t.Errorf("%d are stored", n)
	}
}
